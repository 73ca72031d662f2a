// The diffs that docs/TUTORIAL.md shows for a chain of one's own are between files that are compiled.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { read, readDiffs, ROOT } from './tutorial-diffs.mjs';

const diffs = readDiffs();
/** Without what rustfmt decides: white space, and commas before what closes. */
const bare = (code) => code.replace(/\s+/g, '').replace(/,(?=[)\]}])/g, '');

/** One side of a hunk, in the pieces between what stands for more than is shown. */
function side(hunk, mark) {
	const pieces = [[]];
	for (const line of hunk.filter((line) => line === '' || line[0] === ' ' || line[0] === mark)) {
		if (line.includes('…')) pieces.push([]);
		else pieces.at(-1).push(line.slice(1));
	}
	return pieces.map((piece) => bare(piece.join('\n'))).filter((piece) => piece.length > 0);
}

test('each side of each hunk is in its file, in one piece', () => {
	assert.ok(diffs.length >= 12, `only ${diffs.length} diffs were found`);
	for (const { from, to, hunks } of diffs) {
		for (const [mark, path] of [
			['-', from],
			['+', to],
		]) {
			if (path === undefined) continue;
			const file = bare(read(path));
			for (const hunk of hunks) {
				for (const piece of side(hunk, mark)) {
					assert.ok(file.includes(piece), `not in ${path}:\n${hunk.join('\n')}`);
				}
			}
		}
	}
});

test('what is taken away is not there any more, and what is added was not there', () => {
	for (const { from, to, hunks } of diffs.filter(({ from }) => from)) {
		const files = { '+': bare(read(from)), '-': bare(read(to)) };
		for (const [mark, other] of Object.entries(files)) {
			for (const hunk of hunks.filter((hunk) => hunk.some((line) => line[0] === mark && !line.includes('…')))) {
				const changed = side(hunk, mark).join('');
				assert.ok(!other.includes(changed), `also on the other side of ${to}:\n${hunk.join('\n')}`);
			}
		}
	}
});

test('the diff of the runtime is all of it', () => {
	const ofRuntime = diffs.filter(({ to }) => to.startsWith('runtime/'));
	const added = new Set(
		ofRuntime.flatMap(({ hunks }) =>
			hunks.flat().flatMap((line) => (line[0] === '+' ? [line.slice(1).trim()] : [])),
		),
	);
	const files = ['runtime/Cargo.toml', ...readdirSync(join(ROOT, 'runtime/src')).map((file) => `runtime/src/${file}`)];
	const sources = files.filter((file) => /\.(rs|toml)$/.test(file) && !file.endsWith('/tests.rs'));
	const left = sources.flatMap((file) =>
		read(file)
			.split('\n')
			.map((line) => line.trim())
			.filter((line) => /snapshots/i.test(line) && !/^(\/\/|description)/.test(line) && !added.has(line))
			.map((line) => `${file}: ${line}`),
	);
	assert.deepEqual(left, [], 'not in the tutorial');
	assert.ok(sources.length > 5);
});

test('the plain node knows nothing of Thin', () => {
	const folder = 'node/plain/src';
	const code = readdirSync(join(ROOT, folder)).map((file) => `${folder}/${file}`);
	assert.ok(code.length >= 5);
	for (const file of [...code, 'node/plain/Cargo.toml']) {
		for (const word of ['thin_client', 'thin_mount', 'thin-client', 'thin-mount', 'pallet_snapshots', 'pallet-snapshots']) {
			assert.ok(!read(file).includes(word), `${file} has ${word}`);
		}
	}
});
