#!/usr/bin/env node
// No longer vouches for a snapshot.

import { command } from './lib/command.mjs';
import { account, submit } from './lib/chain.mjs';
import { parseSnapshotId, registryOf, snapshotById } from './lib/registry.mjs';

await command(
	{
		name: 'withdraw-attestation',
		examples: ['withdraw-attestation.mjs 0x5f0c… --seed //Bob'],
		summary:
			'Takes back that the signer vouches for a snapshot: at once while it was never certified, ' +
			'else after the dispute window, and not while a dispute is open.',
		signs: true,
		arguments: [['ID', 'the snapshot id']],
	},
	async ({ api, options, values: [text] }) => {
		registryOf(api);
		const id = parseSnapshotId(text);
		const signer = await account(options.seed);
		const done = await submit(api, api.tx.snapshots.withdrawAttestation(id), signer, {
			inBlock: options['in-block'],
		});
		const { status, attested, attesters } = await snapshotById(api, id);
		return {
			text:
				`${signer.address} vouches for ${id} no longer since block ${done.number}; ` +
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
