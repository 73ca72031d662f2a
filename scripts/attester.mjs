#!/usr/bin/env node
// Shows the standing of an attester.

import { decimalsOf, formatAmount } from './lib/amount.mjs';
import { parseAddress } from './lib/chain.mjs';
import { command } from './lib/command.mjs';
import { attesterOf } from './lib/registry.mjs';
import { pairs } from './lib/text.mjs';

await command(
	{
		name: 'attester',
		examples: ['attester.mjs 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'],
		summary: 'Shows an attester: its bond, what of it counts or is on its way out, its vouches.',
		arguments: [['ADDRESS', 'the address of the attester']],
	},
	async ({ api, values: [address] }) => {
		const info = await attesterOf(api, parseAddress(address));
		const amount = (units) => formatAmount(units, decimalsOf(api));
		const lines = [
			['attester', info.attester],
			['bonded', amount(info.bonded)],
			['counts now', amount(info.matured)],
			...info.maturing.map(({ at, value }) => ['counts later', `${amount(value)} from block ${at}`]),
			...info.unlocking.map(({ value, free_at: at }) => [
				'unlocking',
				`${amount(value)}, on hold until block ${at}`,
			]),
			['withdrawable', amount(info.withdrawable)],
			...info.vouches.map(({ snapshot_id: id, at }) => ['vouches for', `${id} since block ${at}`]),
		];
		return { text: pairs(lines), json: info };
	},
);
