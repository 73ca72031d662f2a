#!/usr/bin/env node
// Vouches for a snapshot.

import { command } from './lib/command.mjs';
import { account, submit } from './lib/chain.mjs';
import { parseSnapshotId, registryOf, snapshotById } from './lib/registry.mjs';

await command(
	{
		name: 'attest',
		examples: ['attest.mjs 0x5f0c… --seed //Bob'],
		summary:
			'Vouches for a snapshot with the whole bond of the signer. Audit the snapshot first: ' +
			'who vouches for a wrong one is slashed.',
		signs: true,
		arguments: [['ID', 'the snapshot id']],
	},
	async ({ api, options, values: [text] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const signer = await account(options.seed);
		const done = await submit(api, api.tx.snapshots.attest(id), signer, {
			inBlock: options['in-block'],
		});
		const { status, attested, attesters } = await snapshotById(api, id);
		return {
			text:
				`${signer.address} vouches for ${id} since block ${done.number}; ` +
				`the snapshot is ${status}, ${attesters} vouch for it`,
			json: {
				snapshot_id: id,
				attester: signer.address,
				block: done.number,
				block_hash: done.block,
				status,
				attested,
				attesters,
			},
		};
	},
);
