#!/usr/bin/env node
// The table of scripts/bench/zdb.sh, from what it measured:
// FILE JSON(true|false) ROUNDS CORES LOAD-BEFORE LOAD-AFTER REDIS-VERSION.

import { readFileSync } from 'node:fs';
import { table } from '../lib/text.mjs';

const LEAST_SMALL = 50_000;
// A client that is busy for more of the time than this has hardly waited for either server.
const CLIENT_LIMIT = 0.9;

const [file, json, rounds, cores, before, after, redisVersion] = process.argv.slice(2);
const loads = [before, after].map((load) => load.split(' ').map(Number));

const cases = new Map();
for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
	const [operation, bytes, connections, pipeline, server, commands, ...figures] = line.split('\t');
	const [rate, cpu, busy] = figures.map(Number);
	const key = [operation, bytes, connections, pipeline].join();
	if (!cases.has(key)) {
		const [size, clients, depth] = [bytes, connections, pipeline].map(Number);
		cases.set(key, { operation, bytes: size, connections: clients, pipeline: depth, servers: {} });
	}
	const { servers } = cases.get(key);
	servers[server] ??= { commands: Number(commands), rates: [], cpus: [], clients_busy: [] };
	servers[server].rates.push(rate);
	servers[server].cpus.push(cpu);
	servers[server].clients_busy.push(busy);
}

const ascending = (figures) => [...figures].sort((a, b) => a - b);
const median = (figures) => {
	const sorted = ascending(figures);
	const middle = sorted.length >> 1;
	return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
for (const { servers } of cases.values()) {
	for (const figures of Object.values(servers)) {
		const sorted = ascending(figures.rates);
		Object.assign(figures, { median: median(sorted), min: sorted[0], max: sorted.at(-1) });
		figures.cpu = median(figures.cpus);
		figures.client_busy = median(figures.clients_busy);
	}
	for (const figures of Object.values(servers)) {
		figures.ratio = figures.median / servers.redis.median;
		figures.cpu_ratio = figures.cpu / servers.redis.cpu;
	}
}

const title = ({ operation, bytes, connections, pipeline }) =>
	`${operation.toUpperCase()} of ${bytes / 1024} KiB, ` +
	`${connections} connection${connections === 1 ? '' : 's'}` +
	(pipeline === 1 ? '' : `, ${pipeline} pipelined`);
const count = (rate) => Math.round(rate).toLocaleString('en-US');
const heading = ['commands a second', 'server', 'median', '(lowest to highest)', 'of redis-server'];
const rows = [[...heading, 'µs of processor each', 'of redis-server', 'client busy']];
for (const one of cases.values()) {
	let first = title(one);
	for (const [server, figures] of Object.entries(one.servers)) {
		const { median, min, max, ratio, cpu, cpu_ratio, client_busy } = figures;
		const name = { redis: 'redis-server', '0-db': '0-db of ZDB_BIN' }[server] ?? server;
		const share = (of) => (server === 'redis' ? '' : of.toFixed(2));
		rows.push([
			...[first, name, count(median), `(${count(min)} to ${count(max)})`, share(ratio)],
			...[cpu.toFixed(1), share(cpu_ratio), `${(100 * client_busy).toFixed(0)} %`],
		]);
		first = '';
	}
}

const target = (text, chosen, holds, show) => {
	const of = [...cases.values()].filter(chosen).map((one) => ({
		case: title(one),
		met: holds(one.servers.embedded),
		shown: show(one.servers.embedded, one.servers.redis),
	}));
	return { target: text, met: of.every(({ met }) => met), cases: of };
};
// A target of which no case was measured is neither met nor missed.
const measured = ({ cases: of }) => of.length > 0;
const targets = [
	target(
		'GET of 64 KiB: at least the throughput of redis-server',
		({ operation, bytes }) => operation === 'get' && bytes === 65536,
		({ ratio }) => ratio >= 1,
		({ ratio, min, max, cpu_ratio, client_busy }, redis) =>
			`${ratio.toFixed(3)} of it, with ${cpu_ratio.toFixed(2)} of its processor time for each` +
			(min <= redis.max && max >= redis.min ? ', the spreads overlap' : '') +
			(Math.min(client_busy, redis.client_busy) > CLIENT_LIMIT ? ', the client is the limit' : ''),
	),
	target(
		`small operations (4 KiB), pipelined: at least ${count(LEAST_SMALL)} a second`,
		({ bytes, pipeline }) => bytes === 4096 && pipeline > 1,
		({ median }) => median >= LEAST_SMALL,
		({ median }) => `${count(median)} a second`,
	),
].filter(measured);

console.log(`The embedded 0-db beside redis-server ${redisVersion}, on ${cores} cores.`);
console.log(`Rounds: ${rounds}. Load of the machine over 1, 5 and 15 minutes: ${before} before,`);
console.log(`${after} after (with the benchmark's own).`);
if (loads[0][0] > cores / 2) {
	console.log('That is much before the start: something else may have taken part of the machine.');
}
console.log(`\n${table(rows)}\n`);
for (const { target: text, met, cases: of } of targets) {
	console.log(`${met ? 'MET' : 'NOT MET'}: ${text}`);
	for (const one of of) console.log(`  ${one.met ? 'yes' : 'no '}  ${one.case}: ${one.shown}`);
}
if (json === 'true') {
	const plain = targets.map(({ target: text, met, cases: of }) => ({
		target: text,
		met,
		cases: of.map(({ case: name, met: holds }) => ({ case: name, met: holds })),
	}));
	const [load_before, load_after] = loads;
	console.log(
		JSON.stringify({
			cores: Number(cores),
			rounds: Number(rounds),
			load_before,
			load_after,
			redis_version: redisVersion,
			cases: [...cases.values()],
			targets: plain,
			ok: true,
		}),
	);
}
