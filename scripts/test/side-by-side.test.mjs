// Steps of scripts/test.sh that run side by side: nothing of them is lost, and a failure fails the run.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPTS = join(dirname(fileURLToPath(import.meta.url)), '..');
const FRAME = `
set -euo pipefail
shopt -s inherit_errexit
. "${SCRIPTS}/shell/output.sh"
. "${SCRIPTS}/test/side-by-side.sh"
`;

/** Starts a script with these steps; resolves to its code and to what it said, without the times. */
function run(steps, environment = {}) {
	const child = spawn('bash', ['-c', FRAME + steps], { env: { ...process.env, ...environment } });
	let said = '';
	child.stderr.on('data', (data) => (said += data));
	const ended = new Promise((resolve) => {
		child.on('close', (code) => resolve({ code, said: said.replace(/^\d\d:\d\d:\d\d {2}/gm, '') }));
	});
	return { child, ended };
}

/** The lines between a step's head and its result. */
const outputOf = (said, step) => new RegExp(`^== ${step}\\n([\\s\\S]*?)^== ${step} `, 'm').exec(said)[1];

test('all run to their end, each shows its output in one piece, and a failure fails the run', async () => {
	const { code, said } = await run(`
		step_one() { for i in 1 2 3 4 5; do echo "one $i"; sleep 0.05; done; }
		step_two() { echo "two before"; bash -c 'echo "two fails" >&2; exit 3'; echo "two after"; }
		step_three() { for i in 1 2 3 4 5; do echo "three $i" >&2; sleep 0.05; done; }
		run_side_by_side one two three
		echo "not reached" >&2
	`).ended;
	assert.equal(code, 3, said);
	assert.equal(outputOf(said, 'one'), [1, 2, 3, 4, 5].map((i) => `one ${i}\n`).join(''));
	assert.equal(outputOf(said, 'three'), [1, 2, 3, 4, 5].map((i) => `three ${i}\n`).join(''));
	assert.equal(outputOf(said, 'two'), 'two before\ntwo fails\n');
	assert.match(said, /^== one passed/m);
	assert.match(said, /^== two FAILED with 3/m);
	assert.match(said, /^== three passed/m);
	assert.doesNotMatch(said, /not reached/);
});

test('no more run at once than may', async () => {
	const folder = mkdtempSync(join(tmpdir(), 'thin-side-'));
	try {
		// Each makes a folder that must not be there while another one runs.
		const step = (name) => `step_${name}() { mkdir "$FOLDER/lock"; sleep 0.1; rmdir "$FOLDER/lock"; }\n`;
		const steps = ['a', 'b', 'c'].map(step).join('');
		const { code, said } = await run(`${steps} run_side_by_side a b c; echo done >&2`, {
			AT_ONCE: '1',
			FOLDER: folder,
		}).ended;
		assert.equal(code, 0, said);
		assert.match(said, /^done$/m);
	} finally {
		rmSync(folder, { recursive: true });
	}
});

test('a signal ends the steps, which clean up', async () => {
	const folder = mkdtempSync(join(tmpdir(), 'thin-side-'));
	try {
		const script = join(folder, 'step.sh');
		writeFileSync(
			script,
			'trap \'touch "$FOLDER/cleaned"; exit 143\' TERM\ntouch "$FOLDER/begun"\nwhile :; do sleep 0.05; done\n',
		);
		const { child, ended } = run('step_a() { exec bash "$FOLDER/step.sh"; }\nrun_side_by_side a', {
			FOLDER: folder,
		});
		while (!existsSync(join(folder, 'begun'))) await new Promise((resolve) => setTimeout(resolve, 20));
		child.kill('SIGTERM');
		const { code, said } = await ended;
		assert.equal(code, 143, said);
		assert.ok(existsSync(join(folder, 'cleaned')));
	} finally {
		rmSync(folder, { recursive: true });
	}
});
