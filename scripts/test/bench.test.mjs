import assert from 'node:assert/strict';
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
