#!/usr/bin/env node
// Makes real transactions: transfers to accounts that nobody has used before.

import { randomBytes } from 'node:crypto';
import { account, submit } from './lib/chain.mjs';
import { command } from './lib/command.mjs';
import { Refused, Unusable } from './lib/failure.mjs';

const count = (options, name) => {
	const value = Number(options[name]);
	if (!Number.isSafeInteger(value) || value < 1 || value > 1_000_000) {
		throw new Unusable(`--${name} is a number from 1 to 1000000, not '${options[name]}'`);
	}
	return value;
};

await command(
	{
		name: 'load',
		examples: ['load.mjs --transfers 200 --batch 50 --seed //Dave'],
		summary:
			'Sends transfers to fresh accounts, in batches, and waits until all are in blocks. ' +
			'One batch at a time spreads them: about one batch a block.',
		signs: true,
		options: {
			transfers: { type: 'string', default: '2000', value: 'N', help: 'how many transfers' },
			batch: { type: 'string', default: '100', value: 'N', help: 'how many in one batch' },
			ahead: { type: 'string', default: '1', value: 'N', help: 'how many batches at a time' },
		},
		check(options) {
			for (const name of ['transfers', 'batch', 'ahead']) count(options, name);
		},
	},
	async ({ api, options }) => {
		const [transfers, batch, ahead] = ['transfers', 'batch', 'ahead'].map((n) => count(options, n));
		const signer = await account(options.seed);
		const amount = api.consts.balances.existentialDeposit.toBigInt() * 10n;
		const first = await api.rpc.system.accountNextIndex(signer.address);
		const batches = inBatches(transfers, batch);

		const blocks = new Array(batches.length);
		let next = 0;
		let settled = 0;
		const lane = async () => {
			while (next < batches.length) {
				const index = next++;
				// Both steps before the first await: lanes take numbers in the order of their batches.
				const calls = batches[index].map((to) => api.tx.balances.transferKeepAlive(to, amount));
				const done = await submit(api, api.tx.utility.batchAll(calls), signer, {
					inBlock: options['in-block'],
					nonce: first.toNumber() + index,
				});
				blocks[index] = done.number;
				settled += batches[index].length;
				console.error(`${settled} of ${transfers} transfers, block ${done.number}`);
			}
		};
		await Promise.all(Array.from({ length: Math.min(ahead, batches.length) }, lane));

		const arrived = await countArrived(api, batches, amount);
		if (arrived !== transfers) {
			throw new Refused(`only ${arrived} of ${transfers} transfers arrived`);
		}
		const range = { first: Math.min(...blocks), last: Math.max(...blocks) };
		return {
			text: `${transfers} transfers in blocks ${range.first} to ${range.last}`,
			json: {
				transfers,
				sender: signer.address,
				amount: amount.toString(),
				first_block: range.first,
				last_block: range.last,
				// One account of each batch, so that others can look them up.
				accounts: batches.map(([id], i) => ({ account: id, block: blocks[i] })),
			},
		};
	},
);

function inBatches(transfers, batch) {
	const batches = [];
	for (let left = transfers; left > 0; left -= batch) {
		const size = Math.min(batch, left);
		batches.push(Array.from({ length: size }, () => `0x${randomBytes(32).toString('hex')}`));
	}
	return batches;
}

async function countArrived(api, batches, amount) {
	let arrived = 0;
	for (const ids of batches) {
		const accounts = await api.query.system.account.multi(ids);
		arrived += accounts.filter(({ data }) => data.free.toBigInt() === amount).length;
	}
	return arrived;
}
