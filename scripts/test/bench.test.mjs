import assert from 'node:assert/strict';
import test from 'node:test';
import { judge, median, summarize } from '../bench/lib/figures.mjs';
import { secondsFor, summary, whileMaking } from '../bench/lib/publishing.mjs';

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

test('some targets are about what is taken in addition', () => {
	const memory = (side, value) => ({ measure: 'sparse', case: 'memory', side, unit: 'MB', value });
	const more = (value) => judge(summarize([memory('1 GB', 10), memory('1 TB', value)]))[0];
	assert.deepEqual([more(26).met, more(27).met, more(27).value], [true, false, 17]);
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

const samples = (...seen) => seen.map(([blocks, seconds, making = false]) => ({ blocks, seconds, making }));

test('between two samples every block counts the same', () => {
	const seen = samples([0, 0], [10, 1], [10, 1], [30, 5]);
	assert.deepEqual([0, 5, 10, 20, 30, 40].map((blocks) => secondsFor(seen, blocks)), [0, 0.5, 1, 3, 5, 5]);
});

test('publishing is compared by the blocks that were imported while a snapshot was made', () => {
	const alone = samples([0, 0], [100, 10], [200, 30]);
	const publishing = samples([0, 0], [20, 2], [50, 5, true], [60, 8, true], [80, 12, true], [100, 14], [110, 15, true],
		[120, 18, true], [200, 34]);
	// Of the first 30 blocks it takes 7 seconds for 3, of the 10 others 3 for 2.
	assert.deepEqual(whileMaking(publishing, alone), { snapshots: 2, blocks: 40, seconds: 10, others: 5 });
	const found = summary([{ alone: { seconds: 40, samples: alone }, publishing: { seconds: 50, samples: publishing } }]);
	assert.equal(found.import_ratio, 2);
	assert.equal(found.sync_ratio, 1.25);
	assert.equal(found.whole_ratio.toFixed(3), (34 / 30).toFixed(3));
	const idle = { seconds: 4, samples: alone };
	assert.equal(summary([{ alone: idle, publishing: idle }]).import_ratio, null);
});
