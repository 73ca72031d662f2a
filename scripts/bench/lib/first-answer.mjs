#!/usr/bin/env node
// Waits until a node answers for an account at a block: first-answer.mjs PORT BLOCK-HASH START-MS
// SECONDS PID. Prints the seconds since the start, and what the node has fetched by then.

import { ALICE, call, sleep } from './rpc.mjs';

const [port, hash, start, limit, pid] = process.argv.slice(2);
const deadline = Date.now() + Number(limit) * 1000;
for (;;) {
	const value = await call(port, 'state_getStorage', ALICE, hash).catch(() => null);
	if (value !== null) break;
	try {
		process.kill(Number(pid), 0);
	} catch {
		console.error('error: the node has ended');
		process.exit(1);
	}
	if (Date.now() > deadline) {
		console.error(`error: no state at ${hash} within ${limit} seconds`);
		process.exit(1);
	}
	await sleep(10);
}
const seconds = (Date.now() - Number(start)) / 1000;
const status = await call(port, 'thin_status').catch(() => null);
const fetched = status?.fetched_bytes ?? null;
console.log(JSON.stringify({ seconds, fetched, chunks: status?.fetched_chunks ?? null }));
