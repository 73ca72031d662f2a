import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { judge, median, summarize } from '../bench/lib/figures.mjs';

test('a median is a value or the middle of two', () => {
	assert.equal(median([3, 1, 2]), 2);
	assert.equal(median([4, 1, 2, 3]), 2.5);
});

const figure = (side, value, name = 'from this machine', unit = 's') => ({
	measure: 'start', case: name, side, unit, value,
});

test('sides are compared with the first of their case', () => {
	const [one] = summarize([figure('native', 2), figure('thin, cold', 3), figure('native', 4)]);
	assert.deepEqual(one.sides.map((side) => [side.side, side.median, side.runs, side.ratio]), [
		['native', 3, 2, null],
		['thin, cold', 3, 1, 1],
	]);
	assert.deepEqual([one.sides[0].lowest, one.sides[0].highest], [2, 4]);
});

test('targets are judged where there are figures for both sides', () => {
	const met = (...figures) => judge(summarize(figures)).map(({ met }) => met);
	assert.deepEqual(met(figure('native', 2), figure('thin, cold', 3.9)), [true]);
	assert.deepEqual(met(figure('native', 2), figure('thin, cold', 4.1)), [false]);
	assert.deepEqual(met(figure('thin, cold', 4.1)), []);
});

test('what is said of large databases is not held against small ones', () => {
	const fetched = (database) => [
		figure('database', database, 'fetched', 'bytes'),
		figure('thin, cold', 2e7, 'fetched', 'bytes'),
	];
	assert.deepEqual(judge(summarize(fetched(5e8))), []);
	assert.equal(judge(summarize(fetched(1e9)))[0].met, false);
	assert.equal(judge(summarize(fetched(3e9)))[0].met, true);
});

test('a simulated node alone waits for its own requests, and many wait for each other', (t) => {
	const folder = mkdtempSync(join(tmpdir(), 'simulate-'));
	t.after(() => rmSync(folder, { recursive: true }));
	const of = (measure, name, unit, side, value) => ({ measure, case: name, side, unit, value });
	const figures = [
		of('start', 'fetched', 'bytes', 'database', 1e9),
		of('start', 'fetched', 'bytes', 'thin, cold', 128 * 50_000),
		of('start', 'chunks fetched', 'chunks', 'thin, cold', 128),
		of('start', 'fetched with the walk to genesis', 'bytes', 'thin, cold', 7e6),
		// A millisecond for each chunk.
		of('read', 'sequential 16 KiB, cold', 'MB/s', 'raw MGET', 65.536),
	];
	const file = join(folder, 'figures.json');
	writeFileSync(file, JSON.stringify({ cases: summarize(figures) }));
	const run = (nodes) => {
		const script = new URL('../bench/simulate.mjs', import.meta.url).pathname;
		const out = execFileSync(process.execPath, [script, file, '--nodes', nodes, '--json']);
		return JSON.parse(out).runs.filter(({ window }) => window === 0);
	};
	// Two requests of 64 chunks: a round trip, the store, the link of 100 Mbit/s.
	const alone = 2 * (0.02 + 64 * 0.001 + (64 * 50_000) / 12.5e6);
	for (const { median, late } of run('1')) {
		assert.ok(Math.abs(median - alone) < 1e-9, `${median} is not ${alone}`);
		assert.equal(late, 0);
	}
	const [one, two] = run('1000');
	// All chunks of all nodes, one after the other: 128 seconds, and longer than a fetch may take.
	assert.ok(one.worst > 128 && one.worst < 129, `${one.worst}`);
	assert.ok(one.late > 900, `${one.late}`);
	assert.ok(two.worst < one.worst * 0.6, `${two.worst}`);
});
