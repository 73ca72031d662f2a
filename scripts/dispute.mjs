#!/usr/bin/env node
// Says that a snapshot is wrong.

import { command } from './lib/command.mjs';
import { account, submit } from './lib/chain.mjs';
import { Unusable } from './lib/failure.mjs';
import { parseSnapshotId, registryOf, snapshotById } from './lib/registry.mjs';

await command(
	{
		name: 'dispute',
		examples: ['dispute.mjs 0x5f0c… --evidence 0x07… --seed //Eve'],
		summary:
			'Disputes a snapshot: it does not count as certified until there is a verdict. The signer ' +
			'pays a deposit, and loses it if the dispute is dismissed.',
		signs: true,
		arguments: [['ID', 'the snapshot id']],
		options: {
			evidence: {
				type: 'string',
				value: 'HASH',
				required: true,
				help: 'the hash of the evidence, which is published elsewhere: 0x and 64 hex digits',
			},
		},
		check(options) {
			if (!/^0x[0-9a-fA-F]{64}$/.test(options.evidence)) {
				throw new Unusable('--evidence takes a hash: 0x and 64 hex digits');
			}
		},
	},
	async ({ api, options, values: [text] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const done = await submit(
			api,
			api.tx.snapshots.dispute(id, options.evidence),
			await account(options.seed),
			{ inBlock: options['in-block'] },
		);
		const { status } = await snapshotById(api, id);
		return {
			text: `${id} is ${status} since block ${done.number}`,
			json: { snapshot_id: id, status, block: done.number, block_hash: done.block },
		};
	},
);
