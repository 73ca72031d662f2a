#!/usr/bin/env node
// Registers a snapshot of another chain.

import { command } from './lib/command.mjs';
import { account, eventData, submit } from './lib/chain.mjs';
import { Refused, Unusable } from './lib/failure.mjs';
import { registryOf } from './lib/registry.mjs';
import { readForeign } from './lib/snapshot-file.mjs';

await command(
	{
		name: 'register-foreign',
		examples: ['register-foreign.mjs --manifest snapshot.json --seed //Dave'],
		summary:
			'Registers a snapshot of another chain than the one it connects to. The block is not ' +
			'checked there. The signer becomes its publisher and pays the deposit for foreign ones.',
		signs: true,
		options: {
			manifest: {
				type: 'string',
				value: 'FILE',
				required: true,
				help: 'what `thin-node snapshot create` of the other chain wrote',
			},
		},
	},
	async ({ api, options }) => {
		registryOf(api);
		const { manifest, locations } = readForeign(options.manifest);
		let transaction;
		try {
			transaction = api.tx.snapshots.registerForeign(manifest, locations);
		} catch (error) {
			throw new Unusable(
				`${options.manifest} doesn't fit what this chain registers: ${error.message}`,
			);
		}
		const done = await submit(api, transaction, await account(options.seed), {
			inBlock: options['in-block'],
		});
		// The id is a hash by the function of the registering chain, so it is the one to tell.
		const id = eventData(done.events, 'snapshots', 'Registered')?.id.toHex();
		if (!id) throw new Refused('the chain reported no registration');
		return {
			text: `registered ${id} in block ${done.number}, of the chain ${manifest.genesisHash}`,
			json: {
				snapshot_id: id,
				genesis_hash: manifest.genesisHash,
				block: done.number,
				block_hash: done.block,
			},
		};
	},
);
