#!/usr/bin/env node
// Has the votes for a snapshot counted again.

import { command } from './lib/command.mjs';
import { account, submit } from './lib/chain.mjs';
import { parseSnapshotId, registryOf, snapshotById } from './lib/registry.mjs';

await command(
	{
		name: 'certify',
		examples: ['certify.mjs 0x5f0c…'],
		summary:
			'Counts the stake that vouches for a pending snapshot again. Anybody can, after stake has ' +
			'left that did not vouch.',
		signs: true,
		arguments: [['ID', 'the snapshot id']],
	},
	async ({ api, options, values: [text] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const done = await submit(api, api.tx.snapshots.certify(id), await account(options.seed), {
			inBlock: options['in-block'],
		});
		const { status } = await snapshotById(api, id);
		return {
			text: `${id} is ${status} since block ${done.number}`,
			json: { snapshot_id: id, status, block: done.number, block_hash: done.block },
		};
	},
);
