#!/usr/bin/env node
// Writes a registration of a recent block, for tests of the registry alone: the header is the
// chain's, and the image, where none is named, a random hash that no store has.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { command } from '../lib/command.mjs';
import { Unusable } from '../lib/failure.mjs';

await command(
	{
		name: 'test/make-registration',
		summary: 'Writes a registration of a recent block, for tests.',
		options: {
			below: { type: 'string', default: '1', value: 'N', help: 'how far below the tip' },
			image: { type: 'string', value: 'HASH', help: '0x and 64 hex digits [a random one: it is nowhere]' },
			size: { type: 'string', default: '1000000', value: 'BYTES', help: 'the size to claim' },
			location: { type: 'string', value: 'URL', required: true, help: 'zdb://…, with spaces between several' },
			out: { type: 'string', value: 'FILE', required: true, help: 'the file to write' },
		},
	},
	async ({ api, options }) => {
		const best = (await api.rpc.chain.getHeader()).number.toNumber();
		const block = best - Number(options.below);
		if (!(block > 0)) throw new Unusable(`there is no block ${options.below} below ${best}`);
		const header = await api.rpc.chain.getHeader(await api.rpc.chain.getBlockHash(block));
		const image = {
			image: options.image ?? `0x${randomBytes(32).toString('hex')}`,
			logical_size: Number(options.size),
			database: { kind: 'RocksDb', version: 4 },
			pruning: 'archive',
		};
		const register = { header: header.toJSON(), image, locations: options.location.split(' ') };
		writeFileSync(options.out, JSON.stringify({ register }));
		return { text: `block ${block}`, json: { block } };
	},
);
