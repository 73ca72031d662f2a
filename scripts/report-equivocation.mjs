#!/usr/bin/env node
// Shows that an attester contradicts itself.

import { decimalsOf, formatAmount } from './lib/amount.mjs';
import { command } from './lib/command.mjs';
import { account, eventData, parseAddress, submit } from './lib/chain.mjs';
import { parseSnapshotId, registryOf } from './lib/registry.mjs';

await command(
	{
		name: 'report-equivocation',
		examples: [
			'report-equivocation.mjs 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty 0x5f0c… 0x9d31…',
		],
		summary:
			'Reports an attester that vouches for two snapshots that contradict each other. It is ' +
			'slashed at once, and the signer gets the share of a reporter.',
		signs: true,
		arguments: [
			['ATTESTER', 'the address of the attester'],
			['ID', 'one snapshot id'],
			['OTHER-ID', 'the other snapshot id'],
		],
	},
	async ({ api, options, values: [attester, ...texts] }) => {
		registryOf(api);
		const [a, b] = texts.map(parseSnapshotId);
		const call = api.tx.snapshots.reportEquivocation(parseAddress(attester), a, b);
		const done = await submit(api, call, await account(options.seed), {
			inBlock: options['in-block'],
		});
		const slashed = eventData(done.events, 'snapshots', 'Slashed')?.value.toString() ?? '0';
		const paid = eventData(done.events, 'snapshots', 'ReporterPaid')?.value.toString() ?? '0';
		const amount = (units) => formatAmount(units, decimalsOf(api));
		return {
			text:
				`${attester} lost ${amount(slashed)} in block ${done.number}; ` +
				`the reporter got ${amount(paid)}`,
			json: { attester, slashed, reporter_paid: paid, block: done.number, block_hash: done.block },
		};
	},
);
