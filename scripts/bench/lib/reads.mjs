#!/usr/bin/env node
// Heavy reads of a node: reads.mjs PORT N HASH-OF-N. Prints how many of each it answers in a second.

import { createHash } from 'node:crypto';
import { ACCOUNTS, ALICE, call } from './rpc.mjs';

const [port, last, hash] = process.argv.slice(2);

/** Numbers below `end`, the same each time: all sides are asked the same. */
function* numbers(name, end) {
	for (let count = 0; ; count += 1) {
		const digest = createHash('sha256').update(`${name} ${count}`).digest();
		yield digest.readUInt32LE(0) % end;
	}
}

async function rate(count, each) {
	const started = performance.now();
	let done = 0;
	for (let index = 0; index < count; index += 1) done += await each(index);
	return done / ((performance.now() - started) / 1000);
}

// Pages of 500 accounts from anywhere in the state, with their values.
const places = numbers('places', 2 ** 32);
const pages = await rate(20, async () => {
	const start = ACCOUNTS + places.next().value.toString(16).padStart(8, '0');
	const keys = await call(port, 'state_getKeysPaged', ACCOUNTS, 500, start.padEnd(98, '0'), hash);
	const values = await call(port, 'state_queryStorageAt', keys, hash);
	return values[0].changes.length;
});
const heights = numbers('heights', Number(last));
const blocks = await rate(300, async () => {
	const block = await call(port, 'chain_getBlockHash', heights.next().value);
	await call(port, 'chain_getBlock', block);
	return 1;
});
const states = await rate(300, async () => {
	const block = await call(port, 'chain_getBlockHash', heights.next().value);
	await call(port, 'state_getStorage', ALICE, block);
	return 1;
});
console.log(JSON.stringify({ accounts_in_pages: pages, old_blocks: blocks, balances_in_old_states: states }));
