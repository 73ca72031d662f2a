#!/usr/bin/env node
// Sets where the chunks of a snapshot are.

import { command } from './lib/command.mjs';
import { account, submit } from './lib/chain.mjs';
import { Unusable } from './lib/failure.mjs';
import { parseLocation } from './lib/location.mjs';
import { parseSnapshotId, registryOf, snapshotById } from './lib/registry.mjs';

await command(
	{
		name: 'locations',
		examples: [
			'locations.mjs 0x5f0c… --set "zdb://a.example.org/images zdb://b.example.org/images"',
		],
		summary:
			'Sets all locations of a snapshot, in place of those it has, and renews its registration. ' +
			'Only its publisher can.',
		signs: true,
		arguments: [['ID', 'the snapshot id']],
		options: {
			set: {
				type: 'string',
				value: 'LIST',
				required: true,
				help: 'zdb://host[:9900]/namespace, or several of them with commas between',
			},
		},
	},
	async ({ api, options, values: [text] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const locations = options.set.split(',').filter(Boolean).map(parseLocation);
		if (locations.length === 0) throw new Unusable('--set names no location');
		const done = await submit(
			api,
			api.tx.snapshots.setLocations(id, locations),
			await account(options.seed),
			{ inBlock: options['in-block'] },
		);
		const snapshot = await snapshotById(api, id);
		return {
			text: `${id} is at ${snapshot.locations.join(', ')} since block ${done.number}`,
			json: {
				snapshot_id: id,
				locations: snapshot.locations,
				expires_at: snapshot.expires_at,
				block: done.number,
				block_hash: done.block,
			},
		};
	},
);
