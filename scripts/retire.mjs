#!/usr/bin/env node
// Ends a snapshot.

import { command } from './lib/command.mjs';
import { account, eventData, submit } from './lib/chain.mjs';
import { parseSnapshotId, registryOf } from './lib/registry.mjs';

await command(
	{
		name: 'retire',
		examples: ['retire.mjs 0x5f0c… --seed //Dave'],
		summary:
			'Ends a snapshot. Only its publisher can. The deposit comes back at once when nobody vouches ' +
			'for the snapshot, and else when it is cleaned up after the dispute window (clean-up.mjs).',
		signs: true,
		arguments: [['ID', 'the snapshot id']],
	},
	async ({ api, options, values: [text] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const done = await submit(api, api.tx.snapshots.retire(id), await account(options.seed), {
			inBlock: options['in-block'],
		});
		const removed = eventData(done.events, 'snapshots', 'Removed') !== undefined;
		return {
			text:
				`${id} is retired since block ${done.number}` +
				(removed ? ', and gone: nobody vouched for it' : '; it goes when it is cleaned up'),
			json: { snapshot_id: id, removed, block: done.number, block_hash: done.block },
		};
	},
);
