#!/usr/bin/env node
// Makes a script of the commands in a Markdown file, or checks what came out of them.
//
//   tutorial.mjs FILE WORK [--built]           prints the script; WORK gets the output of block N
//                                              as block-N.out
//   tutorial.mjs FILE WORK [--built] --check   holds the output against what is expected

import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [file, work, ...flags] = process.argv.slice(2);
const lines = readFileSync(file, 'utf8').split('\n');
const all = blocks();
const run = all.filter(({ build }) => !(build && flags.includes('--built')));
if (run.length < 5 || !all.some(({ expected }) => expected.length)) {
	console.error(`error: ${file} has hardly any commands: has its form changed?`);
	process.exit(1);
}
if (flags.includes('--check')) check();
else console.log(await script());

/** The blocks that are run: `{ line, build, text, expected }`. */
function blocks() {
	const found = [];
	let open;
	for (const [i, line] of lines.entries()) {
		if (open) {
			if (line === '```') open = undefined;
			else if (open.text !== undefined) open.text.push(line);
			continue;
		}
		const fence = /^```(\S*)\s*(\S*)$/.exec(line);
		const expected = /^<!-- expect: (.*) -->$/.exec(line);
		if (fence) {
			open = {};
			if (fence[1] === 'sh') {
				open = { line: i + 1, build: fence[2] === 'build', text: [], expected: [] };
				found.push(open);
			}
		} else if (expected) {
			found.at(-1).expected.push(new RegExp(expected[1], 'm'));
		}
	}
	return found;
}

async function script() {
	const ports = new Map();
	for (const port of ['9900', '9944', '9945', '9946', '30333', '30334', '30335']) {
		ports.set(port, await freePort());
	}
	// The scripts ask at 9944 unless they are told otherwise.
	const told = (text) =>
		text.replace(/"\$THIN\/scripts\/\w+\.mjs"/g, (script) => `${script} --url ws://127.0.0.1:9944`);
	const replaced = (text) =>
		told(text).replace(/\b\d{4,5}\b/g, (number) => ports.get(number) ?? number);
	return [
		'set -euo pipefail',
		...run.map(({ line, text }) => {
			const out = join(work, `block-${line}.out`);
			return [
				`printf '\\n== line ${line}\\n' >&2`,
				// Not a subshell: a block sees what the ones before have set and started.
				'{',
				replaced(text.join('\n')),
				`} >'${out}'`,
				`cat '${out}' >&2`,
			].join('\n');
		}),
	].join('\n');
}

function check() {
	for (const { line, expected } of run) {
		const out = readFileSync(join(work, `block-${line}.out`), 'utf8');
		for (const pattern of expected) {
			if (pattern.test(out)) continue;
			console.error(`error: ${file}:${line}: nothing like ${pattern} in the output:\n${out}`);
			process.exitCode = 1;
		}
	}
}

function freePort() {
	return new Promise((resolve) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(String(port)));
		});
	});
}
