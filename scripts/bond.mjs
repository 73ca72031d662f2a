#!/usr/bin/env node
// Bonds stake, so that its owner can attest.

import { decimalsOf, formatAmount, parseAmount } from './lib/amount.mjs';
import { command } from './lib/command.mjs';
import { account, eventData, submit } from './lib/chain.mjs';
import { registryOf } from './lib/registry.mjs';

await command(
	{
		name: 'bond',
		examples: ['bond.mjs 1000 --seed //Bob', 'bond.mjs least --seed //Bob --in-block'],
		summary:
			'Bonds stake of the signer: what an attester vouches with, and can lose. ' +
			'Adds to the bond, if there is one already.',
		signs: true,
		arguments: [
			['AMOUNT', 'in tokens (250, 1.5), in the smallest unit (250u), or `least`: the least bond'],
		],
	},
	async ({ api, options, values: [text] }) => {
		const registry = registryOf(api);
		const signer = await account(options.seed);
		const amount =
			text === 'least'
				? api.consts.snapshots.minBond.toBigInt()
				: parseAmount(text, decimalsOf(api));
		const has = (await registry.attesters(signer.address)).isSome;
		const call = has ? api.tx.snapshots.bondExtra(amount) : api.tx.snapshots.bond(amount);
		const done = await submit(api, call, signer, { inBlock: options['in-block'] });
		const countsFrom = eventData(done.events, 'snapshots', 'Bonded')?.countsFrom.toNumber();
		const written = formatAmount(amount, decimalsOf(api));
		return {
			text:
				`${signer.address} ${has ? 'added' : 'bonded'} ${written} in block ${done.number}; ` +
				`it counts from block ${countsFrom}`,
			json: {
				attester: signer.address,
				value: amount.toString(),
				counts_from: countsFrom,
				block: done.number,
				block_hash: done.block,
			},
		};
	},
);
