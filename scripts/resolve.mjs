#!/usr/bin/env node
// Decides a dispute.

import { decimalsOf, formatAmount } from './lib/amount.mjs';
import { command } from './lib/command.mjs';
import { account, allEventData, submit } from './lib/chain.mjs';
import { Unusable } from './lib/failure.mjs';
import { parseSnapshotId, registryOf, snapshotById } from './lib/registry.mjs';

const VERDICTS = { fraudulent: 'Fraudulent', dismissed: 'Dismissed' };

await command(
	{
		name: 'resolve',
		examples: ['resolve.mjs 0x5f0c… --verdict dismissed'],
		summary:
			'Decides a dispute. `fraudulent` slashes all who vouch for the snapshot and its publisher, ' +
			'`dismissed` takes the deposit of the reporter. Signed by the sudo account of the chain.',
		signs: true,
		arguments: [['ID', 'the snapshot id']],
		options: {
			verdict: {
				type: 'string',
				value: 'VERDICT',
				required: true,
				help: Object.keys(VERDICTS).join(' or '),
			},
			direct: {
				type: 'boolean',
				default: false,
				help: 'not through sudo: the signer itself is the dispute origin of the chain',
			},
		},
		check({ verdict }) {
			if (!Object.hasOwn(VERDICTS, verdict)) {
				throw new Unusable(`--verdict takes ${Object.keys(VERDICTS).join(' or ')}, not '${verdict}'`);
			}
		},
	},
	async ({ api, options, values: [text] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const call = api.tx.snapshots.resolve(id, VERDICTS[options.verdict]);
		if (!options.direct && !api.tx.sudo) {
			throw new Unusable(
				`the chain has no sudo: hand this call to its dispute origin, ${call.method.toHex()}, ` +
					'or sign with --direct if one account is the origin',
			);
		}
		const done = await submit(
			api,
			options.direct ? call : api.tx.sudo.sudo(call),
			await account(options.seed),
			{ inBlock: options['in-block'] },
		);
		const slashed = allEventData(done.events, 'snapshots', 'Slashed').map(({ who, value }) => ({
			account: who.toString(),
			value: value.toString(),
		}));
		const [paid] = allEventData(done.events, 'snapshots', 'ReporterPaid');
		const { status } = await snapshotById(api, id);
		const amount = (units) => formatAmount(units, decimalsOf(api));
		return {
			text: [
				`${id} is ${status} since block ${done.number}`,
				...slashed.map((each) => `slashed: ${amount(each.value)} of ${each.account}`),
				...(paid ? [`paid: ${amount(paid.value)} to ${paid.reporter}`] : []),
			].join('\n'),
			json: {
				snapshot_id: id,
				verdict: options.verdict,
				status,
				slashed,
				reporter_paid: paid?.value.toString() ?? '0',
				block: done.number,
				block_hash: done.block,
			},
		};
	},
);
