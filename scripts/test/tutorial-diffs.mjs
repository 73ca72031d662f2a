// The diffs of docs/TUTORIAL.md.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
/** The text of a file of the repository. */
export const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** All of them: `{ from, to, hunks }`, each hunk the lines of it. `from` is missing for the runtime. */
export function readDiffs() {
	return [...read('docs/TUTORIAL.md').matchAll(/^```diff\n([\s\S]*?)^```$/gm)].map(([, block]) => {
		const lines = block.trimEnd().split('\n');
		const file = (mark) =>
			lines[0].startsWith(mark) || lines[1].startsWith(mark)
				? lines.find((line) => line.startsWith(mark)).slice(4)
				: undefined;
		const [from, to] = [file('--- '), file('+++ ')];
		assert.ok(to, `a diff without a name:\n${block}`);
		const hunks = [[]];
		for (const line of lines.slice(from ? 2 : 1)) {
			if (line === '@@') hunks.push([]);
			else hunks.at(-1).push(line);
		}
		return { from, to, hunks };
	});
}
