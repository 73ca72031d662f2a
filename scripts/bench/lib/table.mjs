#!/usr/bin/env node
// The table and the targets of a run, from its figures: table.mjs FIGURES [JSON-FILE] < CONTEXT.
// CONTEXT is a JSON object that says what was measured on.

import { readFileSync, writeFileSync } from 'node:fs';
import { summarize, judge } from './figures.mjs';
import { table } from '../../lib/text.mjs';

const [file, out] = process.argv.slice(2);
const lines = readFileSync(file, 'utf8').trim().split('\n').filter(Boolean);
const context = JSON.parse(readFileSync(0, 'utf8'));
const cases = summarize(lines.map((line) => JSON.parse(line)));
const targets = judge(cases);

const short = (value) => {
	if (value === null) return '';
	const size = Math.abs(value);
	if (size >= 10_000) return Math.round(value).toLocaleString('en');
	return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4);
};
const rows = [['measure', 'case', 'side', 'median', 'unit', 'lowest', 'highest', 'runs', 'ratio']];
for (const one of cases) {
	for (const side of one.sides) {
		rows.push([
			one.measure, one.case, side.side, short(side.median), one.unit,
			short(side.lowest), short(side.highest), side.runs,
			side.ratio === null ? '' : short(side.ratio),
		]);
	}
}
console.log(Object.entries(context).map(([name, value]) => `${name}: ${value}`).join(', '));
console.log(`\n${table(rows)}`);
if (targets.length > 0) {
	console.log('');
	const words = targets.map((one) => [one.met ? 'met' : 'MISSED', short(one.value), one.text]);
	console.log(table([['target', 'is', 'should be'], ...words]));
}
if (out) writeFileSync(out, `${JSON.stringify({ context, cases, targets }, null, '\t')}\n`);
