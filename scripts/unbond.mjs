#!/usr/bin/env node
// Takes stake out of a bond, and gets it back.

import { decimalsOf, formatAmount, parseAmount } from './lib/amount.mjs';
import { command } from './lib/command.mjs';
import { account, eventData, submit } from './lib/chain.mjs';
import { Unusable } from './lib/failure.mjs';
import { registryOf } from './lib/registry.mjs';

await command(
	{
		name: 'unbond',
		examples: ['unbond.mjs --amount 100 --seed //Bob', 'unbond.mjs --withdraw --seed //Bob'],
		summary:
			'Takes stake of the signer out of its bond. It stops counting at once, and stays on hold ' +
			'for the unbonding period; then --withdraw gets it back.',
		signs: true,
		options: {
			amount: {
				type: 'string',
				value: 'AMOUNT',
				help: 'how much: in tokens (250, 1.5), or in the smallest unit (250u)',
			},
			withdraw: { type: 'boolean', default: false, help: 'get back what is free by now' },
		},
		check(options) {
			if ((options.amount === undefined) === !options.withdraw) {
				throw new Unusable('one of --amount and --withdraw is needed, not both; see --help');
			}
		},
	},
	async ({ api, options }) => {
		registryOf(api);
		const decimals = decimalsOf(api);
		const signer = await account(options.seed);
		const call = options.withdraw
			? api.tx.snapshots.withdrawUnbonded()
			: api.tx.snapshots.unbond(parseAmount(options.amount, decimals));
		const done = await submit(api, call, signer, { inBlock: options['in-block'] });
		const { value, freeAt } = eventData(
			done.events,
			'snapshots',
			options.withdraw ? 'Withdrawn' : 'Unbonded',
		);
		const written = formatAmount(value.toBigInt(), decimals);
		return {
			text: options.withdraw
				? `${signer.address} got ${written} back in block ${done.number}`
				: `${signer.address} unbonded ${written} in block ${done.number}, ` +
					`on hold until block ${freeAt.toNumber()}`,
			json: {
				attester: signer.address,
				value: value.toString(),
				free_at: freeAt?.toNumber() ?? null,
				block: done.number,
				block_hash: done.block,
			},
		};
	},
);
