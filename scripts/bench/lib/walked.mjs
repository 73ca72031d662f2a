#!/usr/bin/env node
// Waits until a thin node has walked to genesis: walked.mjs PORT SECONDS. Prints the bytes that it has
// fetched by then, the start among them.

import { call, sleep } from './rpc.mjs';

const [port, limit] = process.argv.slice(2);
const deadline = Date.now() + Number(limit) * 1000;
for (;;) {
	const status = await call(port, 'thin_status');
	if (status.history.complete) {
		console.log(status.fetched_bytes);
		break;
	}
	if (Date.now() > deadline) {
		console.error(`error: the walk is at block ${status.history.checked_down_to} after ${limit} seconds`);
		process.exit(1);
	}
	await sleep(200);
}
