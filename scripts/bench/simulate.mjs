#!/usr/bin/env node
// What happens when many nodes start from one set of stores: a simulation, fed with figures that
// run.sh has measured.
//
// Usage: scripts/bench/simulate.mjs FIGURES.json… [--nodes N] [--json]
//
// FIGURES.json is what `run.sh --json` wrote, with `start` and `read` in it, in one or in several files.
// Each node fetches the chunks of a cold start, 64 at once as it does with a trace, from a store chosen
// at random, over a link of 100 Mbit/s and 20 ms. A store answers one request after the other; each
// chunk takes what it took in an MGET, or what its bytes take on a link of 10 Gbit/s, whichever is
// longer. Not in the model: memory and disks of the stores (a start's chunks are the same for all nodes,
// so that they are in memory soon), lost packets, hedged requests, and what a node computes. "Too late"
// are nodes with a read that took longer than a fetch may: they would end with an error.
//
// Then what archives of 1 TB and 3 TB mean: what it takes to store them, and to give all of one to
// everybody. Deterministic: the same figures give the same table.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bytes, table } from '../lib/text.mjs';

const NODE_LINK = 100e6 / 8;
const STORE_LINK = 10e9 / 8;
const ROUND_TRIP = 0.02;
// What a read may take before it is an error: the deadline of a fetch.
const DEADLINE = 30;
// How many chunks one request asks for.
const BATCH = 64;
// The bytes of a chunk as the raw reads of `read` have them.
const CHUNK = 65_536;

const fail = (code, words) => {
	console.error(`error: ${words}`);
	process.exit(code);
};
let parsed;
try {
	const options = { nodes: { type: 'string', default: '10000' }, json: { type: 'boolean' } };
	parsed = parseArgs({ options, allowPositionals: true });
} catch (error) {
	fail(2, error.message);
}
const { values: { json, nodes: asked }, positionals: files } = parsed;
const nodes = Number(asked);
if (files.length === 0) fail(2, 'simulate.mjs FIGURES.json… [--nodes N] [--json]');
if (!Number.isInteger(nodes) || nodes < 1 || nodes > 1_000_000) fail(2, '--nodes takes 1 to 1000000');

const cases = files.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')).cases);
const figure = (measure, name, unit, wanted) => {
	const one = cases.find((one) => one.measure === measure && one.case === name && one.unit === unit);
	const side = one?.sides.find(({ side }) => side === wanted);
	return side?.median ?? fail(1, `no figure for ${measure}, ${name}, ${wanted}: run.sh start read --json`);
};
const database = figure('start', 'fetched', 'bytes', 'database');
const startBytes = figure('start', 'fetched', 'bytes', 'thin, cold');
const startChunks = figure('start', 'chunks fetched', 'chunks', 'thin, cold');
const walkBytes = figure('start', 'fetched with the walk to genesis', 'bytes', 'thin, cold');
const answer = CHUNK / (figure('read', 'sequential 16 KiB, cold', 'MB/s', 'raw MGET') * 1e6);

/** A generator of numbers from 0 to 1 that is the same each time (mulberry32). */
function randomness(seed) {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** The earliest first. */
class Queue {
	#heap = [];
	push(event) {
		const heap = this.#heap;
		let at = heap.push(event) - 1;
		while (at > 0) {
			const parent = (at - 1) >> 1;
			if (heap[parent].time <= heap[at].time) break;
			[heap[parent], heap[at]] = [heap[at], heap[parent]];
			at = parent;
		}
	}
	pop() {
		const heap = this.#heap;
		const first = heap[0];
		const last = heap.pop();
		if (heap.length > 0) {
			heap[0] = last;
			for (let at = 0; ; ) {
				const [left, right] = [2 * at + 1, 2 * at + 2];
				let least = at;
				if (left < heap.length && heap[left].time < heap[least].time) least = left;
				if (right < heap.length && heap[right].time < heap[least].time) least = right;
				if (least === at) break;
				[heap[least], heap[at]] = [heap[at], heap[least]];
				at = least;
			}
		}
		return first;
	}
}

/** All nodes begin within `window` seconds. */
function simulate(stores, window) {
	const random = randomness(7);
	const queue = new Queue();
	const free = new Array(stores).fill(0);
	const chunk = startBytes / startChunks;
	const service = Math.max(answer, chunk / STORE_LINK);
	for (let node = 0; node < nodes; node += 1) {
		const time = random() * window;
		queue.push({ time, began: time, left: Math.round(startChunks), late: false });
	}
	const took = [];
	let [late, end] = [0, 0];
	for (let node = queue.pop(); node; node = queue.pop()) {
		if (node.left === 0) {
			took.push(node.time - node.began);
			if (node.late) late += 1;
			end = Math.max(end, node.time);
			continue;
		}
		const store = Math.floor(random() * stores);
		const asked = Math.min(BATCH, node.left);
		const arrives = node.time + ROUND_TRIP / 2;
		free[store] = Math.max(free[store], arrives) + asked * service;
		const back = free[store] + ROUND_TRIP / 2 + (asked * chunk) / NODE_LINK;
		node.late ||= back - node.time > DEADLINE;
		node.time = back;
		node.left -= asked;
		queue.push(node);
	}
	took.sort((a, b) => a - b);
	const at = (share) => took[Math.min(took.length - 1, Math.floor(share * took.length))];
	const busy = (nodes * Math.round(startChunks) * service) / stores / end;
	// What each store sends, on average, while they are at it.
	const rate = (nodes * Math.round(startChunks) * chunk) / stores / end;
	return { stores, window, median: at(0.5), p95: at(0.95), worst: at(1), late, busy, rate };
}

const runs = [];
for (const window of [0, 60, 600, 3600]) {
	for (const stores of [1, 2, 4, 16]) runs.push(simulate(stores, window));
}
const archives = [1e12, 3e12].map((size) => ({
	size,
	chunks: Math.ceil(size / 65_536),
	oneLink: size / NODE_LINK,
	everybody: size * nodes,
	everybodyFromFour: (size * nodes) / (4 * STORE_LINK),
	walk: (walkBytes - startBytes) * (size / database),
}));
if (json) {
	const from = { database, startBytes, startChunks, walkBytes, answer };
	console.log(JSON.stringify({ nodes, from, runs, archives }));
} else {
	const time = (seconds) => {
		if (seconds >= 2 * 86_400) return `${Math.round(seconds / 86_400)} days`;
		if (seconds >= 2 * 3_600) return `${(seconds / 3_600).toFixed(1)} h`;
		return seconds >= 120 ? `${(seconds / 60).toFixed(1)} min` : `${seconds.toFixed(1)} s`;
	};
	const within = (window) => (window === 0 ? 'at once' : `within ${time(window)}`);
	console.log(
		`${nodes} nodes, each ${Math.round(startChunks)} chunks of together ${bytes(startBytes)}; ` +
			`one takes a store ${(answer * 1e6).toFixed(0)} µs; all of them: ${bytes(nodes * startBytes)}\n`,
	);
	console.log(
		table([
			['nodes begin', 'stores', 'fetching, median', '95 of 100', 'longest', 'too late', 'stores busy',
				'each sends'],
			...runs.map((run) => [
				within(run.window), run.stores, time(run.median), time(run.p95), time(run.worst),
				`${run.late} nodes`, `${(100 * run.busy).toFixed(0)} %`, `${bytes(run.rate)}/s`,
			]),
		]),
	);
	console.log(
		`\n${table([
			['archive', 'chunks', 'all of it over 100 Mbit/s', 'all of it to everybody',
				'from four stores', 'a walk to genesis'],
			...archives.map((one) => [
				`${one.size / 1e12} TB`, one.chunks, time(one.oneLink), bytes(one.everybody),
				time(one.everybodyFromFour), bytes(one.walk),
			]),
		])}`,
	);
}
