#!/usr/bin/env node
// The runtime of the template chain without Thin, for runtime/examples/plain.rs:
//
//   plain-runtime.mjs DIR   writes it to DIR, in which nothing else is kept
//
// It is what runtime/src is without what the diffs in docs/TUTORIAL.md add. That it compiles shows
// that they are all that a runtime takes.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { read, readDiffs, ROOT } from './tutorial-diffs.mjs';

const [target] = process.argv.slice(2);
if (!target) {
	console.error('error: name the folder to write to');
	process.exit(2);
}

const SOURCES = 'runtime/src';
const made = new Map();
const removed = new Set();
for (const { to, hunks } of readDiffs().filter(({ to }) => to.startsWith(`${SOURCES}/`))) {
	if (hunks.flat().every((line) => line.startsWith('+'))) removed.add(to);
	else made.set(to, hunks.reduce((text, hunk) => takenBack(to, text, hunk), made.get(to) ?? read(to)));
}
// What is included into another file can't begin with what only the first lines of a crate can say.
const LIB = `${SOURCES}/lib.rs`;
const lines = (made.get(LIB) ?? read(LIB)).split('\n');
made.set(LIB, lines.filter((line) => !/^(#!\[|\/\/!)/.test(line)).join('\n'));

rmSync(target, { recursive: true, force: true });
mkdirSync(dirname(target), { recursive: true });
cpSync(join(ROOT, SOURCES), target, {
	recursive: true,
	filter: (source) => {
		const path = relative(ROOT, source);
		return ![...removed].some((file) => path === file || path === file.replace(/\.rs$/, ''));
	},
});
for (const [path, text] of made) writeFileSync(join(target, relative(SOURCES, path)), text);

const left = [...made].filter(([, text]) => /snapshots/i.test(text.replaceAll(/\/\/.*/g, ''))).map(([path]) => path);
if (removed.size === 0 || left.length > 0) {
	console.error(`error: the tutorial's diffs leave something of the pallet in ${left.join(', ') || SOURCES}`);
	process.exit(1);
}

/** The text of a file before a hunk. */
function takenBack(path, text, hunk) {
	const side = (mark) => hunk.filter((line) => line[0] !== mark).map((line) => line.slice(1));
	const [before, after] = [side('+'), side('-')];
	const all = text.split('\n');
	const at = all.findIndex((_, first) => after.every((line, next) => all[first + next] === line));
	if (at < 0) {
		console.error(`error: docs/TUTORIAL.md: this isn't in ${path}, line by line:\n${after.join('\n')}`);
		process.exit(1);
	}
	all.splice(at, after.length, ...before);
	return all.join('\n');
}
