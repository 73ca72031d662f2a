#!/usr/bin/env node
// Makes the small files of the test, in the folder given: each with contents of its own.

import { createHash } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [root] = process.argv.slice(2);
const CHUNK = 64 * 1024;

/** Bytes that follow from the name: a file in another's place is noticed. */
function content(name, length) {
	const parts = [];
	for (let made = 0, i = 0; made < length; made += 32, i += 1) {
		parts.push(createHash('sha256').update(`${name}:${i}`).digest());
	}
	return Buffer.concat(parts).subarray(0, length);
}

function file(name, length) {
	writeFileSync(join(root, name), content(name, length));
}

for (let folder = 0; folder < 100; folder += 1) {
	const name = `small/${String(folder).padStart(2, '0')}`;
	mkdirSync(join(root, name), { recursive: true });
	for (let i = 0; i < 100; i += 1) file(`${name}/${i}`, (folder * 100 + i) % 5000);
}

// Around the borders of a chunk, and of the first node of a tree.
mkdirSync(join(root, 'lengths'));
for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 40 * CHUNK + 17]) {
	file(`lengths/${length}`, length);
}

mkdirSync(join(root, 'empty/nothing/below'), { recursive: true });
writeFileSync(join(root, 'empty/file'), '');

const deep = Array.from({ length: 40 }, (_, i) => `level-${i}`).join('/');
mkdirSync(join(root, deep), { recursive: true });
file(`${deep}/file`, 100);

mkdirSync(join(root, 'names'));
for (const name of [
	'größe',
	'数据库',
	'данные',
	'ζώνη',
	'e\u0301 (two code points)',
	'\u00e9 (one code point)',
	'🦀',
	' starts with a space',
	'new\nline',
	"quote ' and \" and \\",
	'-starts-with-a-dash',
	'.hidden',
	'n'.repeat(255),
]) {
	file(`names/${name}`, 64);
}
// Not UTF-8 at all: a file name is bytes.
writeFileSync(
	Buffer.concat([Buffer.from(`${root}/names/`), Buffer.from([0xff, 0xfe, 0x41])]),
	content('bytes', 64),
);

mkdirSync(join(root, 'modes'));
for (const mode of [0o400, 0o600, 0o644, 0o755]) {
	const name = `modes/${mode.toString(8)}`;
	file(name, 10);
	chmodSync(join(root, name), mode);
}

mkdirSync(join(root, 'links'));
file('links/file', 100);
linkSync(join(root, 'links/file'), join(root, 'links/hard'));
symlinkSync('file', join(root, 'links/relative'));
symlinkSync('/nowhere/at all', join(root, 'links/dangling'));
