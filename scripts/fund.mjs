#!/usr/bin/env node
// Promises a reward to those who attest.

import { decimalsOf, formatAmount, parseAmount } from './lib/amount.mjs';
import { command } from './lib/command.mjs';
import { account, eventData, submit } from './lib/chain.mjs';
import { parseSnapshotId, registryOf } from './lib/registry.mjs';

await command(
	{
		name: 'fund',
		examples: ['fund.mjs 0x5f0c… 250 --seed //Dave'],
		summary:
			'Promises a reward to those who attest, or adds to it. Only the publisher of a pending ' +
			'snapshot can. It is paid when the snapshot is certified, and comes back if it never is.',
		signs: true,
		arguments: [
			['ID', 'the snapshot id'],
			['AMOUNT', 'in tokens (250, 1.5), or in the smallest unit (250u)'],
		],
	},
	async ({ api, options, values: [text, value] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const decimals = decimalsOf(api);
		const call = api.tx.snapshots.fund(id, parseAmount(value, decimals));
		const done = await submit(api, call, await account(options.seed), {
			inBlock: options['in-block'],
		});
		const reward = eventData(done.events, 'snapshots', 'Funded').reward.toString();
		return {
			text: `${formatAmount(reward, decimals)} are promised to the attesters of ${id}`,
			json: { snapshot_id: id, reward, block: done.number, block_hash: done.block },
		};
	},
);
