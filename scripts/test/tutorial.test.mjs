// The code that docs/TUTORIAL.md shows for a chain of one's own is that of the template chain.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (path) => readFileSync(join(ROOT, path), 'utf8');
/** Without what rustfmt decides: white space, and commas before what closes. */
const bare = (code) => code.replace(/\s+/g, '').replace(/,(?=[)\]}])/g, '');

const SOURCES = [
	'node/src/cli.rs',
	'node/src/command.rs',
	'node/src/rpc.rs',
	'node/src/service.rs',
	'runtime/src/lib.rs',
	'runtime/src/apis.rs',
	'runtime/src/configs/snapshots.rs',
];

test('each shown line is in the sources', () => {
	const sources = bare(SOURCES.map(read).join('\n'));
	const document = read('docs/TUTORIAL.md');
	const missing = [];
	let lines = 0;
	for (const [, kind, block] of document.matchAll(/^```(rust|diff)\n([\s\S]*?)^```$/gm)) {
		const shown = block
			.split('\n')
			.filter((line) => (kind === 'rust' ? true : line.startsWith('+')))
			.map((line) => (kind === 'rust' ? line : line.slice(1)))
			// What stands for more than is shown.
			.filter((line) => !line.includes('…'))
			.map((line) => bare(line).replace(/,$/, ''))
			.filter((line) => line.length > 2);
		lines += shown.length;
		missing.push(...shown.filter((line) => !sources.includes(line)));
	}
	assert.deepEqual(missing, [], 'in no source');
	assert.ok(lines > 20, `only ${lines} lines were found`);
});
