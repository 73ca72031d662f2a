#!/usr/bin/env node
// Removes what has ended or expired, or has a dispute lapse.

import { command } from './lib/command.mjs';
import { account, eventData, submit } from './lib/chain.mjs';
import { Unusable } from './lib/failure.mjs';
import { parseSnapshotId, registryOf } from './lib/registry.mjs';

await command(
	{
		name: 'clean-up',
		examples: ['clean-up.mjs 0x5f0c…'],
		summary:
			'Cleans up a snapshot that has ended or expired, or a dispute that nobody has decided in ' +
			'time. Anybody can. The deposit comes back with the last attestation.',
		signs: true,
		arguments: [['ID', 'the snapshot id']],
		options: {
			limit: {
				type: 'string',
				value: 'N',
				help: 'how many attestations at most; without it, all that one snapshot can have',
			},
		},
		check({ limit }) {
			if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) {
				throw new Unusable(`--limit takes a number from 1 on, not '${limit}'`);
			}
		},
	},
	async ({ api, options, values: [text] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const limit = options.limit ?? api.consts.snapshots.maxAttesters.toNumber();
		const done = await submit(
			api,
			api.tx.snapshots.cleanUp(id, limit),
			await account(options.seed),
			{ inBlock: options['in-block'] },
		);
		const happened = (event) => eventData(done.events, 'snapshots', event) !== undefined;
		const result = happened('Removed') ? 'removed' : happened('Lapsed') ? 'lapsed' : 'partly';
		const texts = {
			removed: `${id} is gone since block ${done.number}`,
			lapsed: `the dispute about ${id} has lapsed in block ${done.number}`,
			partly: `${id} has attestations left: call this again`,
		};
		return {
			text: texts[result],
			json: { snapshot_id: id, result, block: done.number, block_hash: done.block },
		};
	},
);
