#!/usr/bin/env node
// Registers a snapshot that `thin-node snapshot create` made.

import { command } from './lib/command.mjs';
import { account, eventData, submit } from './lib/chain.mjs';
import { Refused, Unusable } from './lib/failure.mjs';
import { registryOf } from './lib/registry.mjs';
import { readCall, readManifest } from './lib/snapshot-file.mjs';

await command(
	{
		name: 'register',
		examples: ['register.mjs --call-file snapshot-64.json --seed //Dave'],
		summary: 'Registers a snapshot on chain. The signer becomes its publisher and pays a deposit.',
		signs: true,
		options: {
			'call-file': {
				type: 'string',
				value: 'FILE',
				help: 'submit the ready-made call of what `thin-node snapshot create` wrote',
			},
			manifest: {
				type: 'string',
				value: 'FILE',
				help: 'the same file, but make the call anew from its parts',
			},
		},
		check(options) {
			if ((options['call-file'] === undefined) === (options.manifest === undefined)) {
				throw new Unusable('one of --call-file and --manifest is needed, not both; see --help');
			}
		},
	},
	async ({ api, options }) => {
		registryOf(api);
		const { transaction, id } = options.manifest
			? fromManifest(api, options.manifest)
			: fromCall(api, options['call-file']);
		const done = await submit(api, transaction, await account(options.seed), {
			inBlock: options['in-block'],
		});
		const registered = eventData(done.events, 'snapshots', 'Registered')?.id.toHex();
		if (!registered) throw new Refused('the chain reported no registration');
		if (id && registered !== id.toLowerCase()) {
			throw new Refused(`registered ${registered}, but the file says ${id}: it was changed`);
		}
		return {
			text: `registered ${registered} in block ${done.number}`,
			json: { snapshot_id: registered, block: done.number, block_hash: done.block },
		};
	},
);

function fromCall(api, path) {
	const { call, id } = readCall(path);
	let decoded;
	try {
		decoded = api.createType('Call', call);
	} catch (error) {
		throw new Unusable(`the call in ${path} is none of this chain's, use --manifest instead: ${error.message}`);
	}
	// Whatever the file says gets signed: so it may say nothing but this.
	if (decoded.section !== 'snapshots' || decoded.method !== 'register') {
		throw new Unusable(`the call in ${path} is ${decoded.section}.${decoded.method}, not a registration`);
	}
	if (decoded.toHex() !== call.toLowerCase()) {
		throw new Unusable(`the call in ${path} has bytes that this chain doesn't understand`);
	}
	return { transaction: api.tx(decoded), id };
}

function fromManifest(api, path) {
	const { header, image, locations, id } = readManifest(path);
	try {
		return { transaction: api.tx.snapshots.register(header, image, locations), id };
	} catch (error) {
		throw new Unusable(`${path} doesn't fit what this chain registers: ${error.message}`);
	}
}
