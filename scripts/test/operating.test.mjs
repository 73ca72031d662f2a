// The error texts that docs/OPERATING.md explains are those that the programs have.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

function sources(folder, extension) {
	return readdirSync(join(ROOT, folder), { recursive: true })
		.filter((file) => extname(file) === extension && !file.includes('node_modules'))
		.map((file) => readFileSync(join(ROOT, folder, file), 'utf8'))
		.join('\n');
}

/** The first cell of each row of the chapter's tables: what a program says. */
function quoted() {
	const document = readFileSync(join(ROOT, 'docs/OPERATING.md'), 'utf8');
	const chapter = document.slice(document.indexOf('\n## Troubleshooting'));
	return chapter
		.split('\n')
		.filter((line) => line.startsWith('| ') && line.includes('`'))
		.flatMap((line) => [...line.split(' | ')[0].matchAll(/`([^`]+)`/g)].map(([, text]) => text));
}

test('every error that is explained is one of a program', () => {
	const all = [sources('node', '.rs'), sources('thin-mount/src', '.rs'), sources('scripts', '.mjs')]
		.join('\n')
		// A string that goes on in the next line.
		.replace(/\\\n\s*/g, '')
		.replace(/' \+\s*'/g, '');
	const texts = quoted().filter((text) => !/^[\w-]+$/.test(text));
	assert.ok(texts.length > 50, `only ${texts.length} texts were found`);
	const unknown = [];
	for (const text of texts) {
		for (const part of text.split('…').map((one) => one.replace(/^['. ,(]+|['. ,(]+$/g, ''))) {
			if (part.length < 4) continue;
			if (!all.includes(part)) unknown.push(`'${part}' of '${text}'`);
		}
	}
	assert.deepEqual(unknown, [], 'said by no program');
});
