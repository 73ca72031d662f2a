#!/usr/bin/env node
// Watches a node until its best block is there: sample.mjs RPC-PORT METRICS-PORT BLOCK SECONDS. Prints, as one JSON
// array, what it has seen a few times a second: how many blocks were imported, the seconds that verifying and
// importing them took, and whether a snapshot was being made.

import { call, Failed, sleep } from '../../demo/rpc.mjs';

const PAUSE_MS = 100;
const NAME = 'substrate_block_verification_and_import_time';

const [rpc, metrics, block, limit] = process.argv.slice(2).map(Number);

async function sample() {
	const response = await fetch(`http://127.0.0.1:${metrics}/metrics`, {
		signal: AbortSignal.timeout(20_000),
	});
	const text = await response.text();
	const value = (name) => Number(text.match(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'm'))?.[1] ?? 0);
	const { publisher } = await call(rpc, 'thin_duties');
	return {
		blocks: value(`${NAME}_count`),
		seconds: value(`${NAME}_sum`),
		making: publisher?.phase === 'making',
	};
}

const deadline = Date.now() + limit * 1000;
const samples = [];
let reason = 'no answer';
for (;;) {
	try {
		samples.push(await sample());
		const { number } = await call(rpc, 'chain_getHeader');
		if (Number(number) >= block) break;
		reason = `it is at block ${Number(number)}`;
	} catch (error) {
		// It is not up yet.
		if (error instanceof Failed) throw error;
		reason = error.cause?.code ?? error.message;
	}
	if (Date.now() > deadline) {
		console.error(`error: block ${block} is not there after ${limit} seconds: ${reason}`);
		process.exit(1);
	}
	await sleep(PAUSE_MS);
}
console.log(JSON.stringify(samples));
