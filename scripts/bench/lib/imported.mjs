#!/usr/bin/env node
// Has a node meet a peer and import its blocks up to a goal: imported.mjs PORT GOAL SECONDS PEER, the
// peer's address. Prints how many it imported in a second, from the first one that it was seen to import.

import { call, sleep } from './rpc.mjs';

const [port, goal, limit] = process.argv.slice(2, 5).map(Number);
const peer = process.argv[5];
const deadline = Date.now() + limit * 1000;
const before = Number((await call(port, 'chain_getHeader')).number);
let first;
await call(port, 'system_addReservedPeer', peer);
for (;;) {
	const best = Number((await call(port, 'chain_getHeader')).number);
	const now = performance.now();
	if (best > before) first ??= { best, now };
	if (best >= goal) {
		if (!first || first.best >= goal) {
			console.error(`error: at block ${goal} before anything was seen`);
			process.exit(1);
		}
		const blocks = best - first.best;
		const seconds = (now - first.now) / 1000;
		console.log(JSON.stringify({ blocks, seconds, rate: blocks / seconds }));
		break;
	}
	if (Date.now() > deadline) {
		console.error(`error: at block ${best}, not at ${goal}, after ${limit} seconds`);
		process.exit(1);
	}
	await sleep(20);
}
