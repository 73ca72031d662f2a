#!/usr/bin/env node
// Waits until the kernel reads files of a node's image by itself: passed.mjs METRICS-PORT SECONDS. Says on standard
// error when it doesn't come to that; the kernel or the rights may not allow it.

import { sleep } from './rpc.mjs';

const [port, limit] = process.argv.slice(2).map(Number);
const deadline = Date.now() + limit * 1000;
for (;;) {
	const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(20_000) });
	const files = (await response.text()).match(/^thin_passthrough_files(?:\{.*\})? (.*)$/m)?.[1];
	if (files === undefined) {
		console.error('error: the node has no metric thin_passthrough_files');
		process.exit(1);
	}
	if (Number(files) > 0) break;
	if (Date.now() > deadline) {
		console.error(`after ${limit} seconds the kernel reads no file of the image by itself`);
		break;
	}
	await sleep(200);
}
