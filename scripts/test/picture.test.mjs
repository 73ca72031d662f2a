import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), '../demo/picture.mjs');
const picture = (input, ...options) => spawnSync('node', [PROGRAM, ...options], { input, encoding: 'utf8' });
const delays = (svg) => [...svg.matchAll(/animation-delay:([\d.]+)s/g)].map(([, value]) => Number(value));

test('every line is there, in order, at a moment that is not before the last one', () => {
	const said = '10:00:00  1/2 starting\n10:00:05  a note\nchatter\n10:04:00  2/2 ending\nseconds  1.5\n';
	const { stdout, status } = picture(said, '--command', 'a & b');
	assert.equal(status, 0);
	assert.match(stdout, /\$ a &amp; b</);
	const places = ['1/2 starting', 'a note', '2/2 ending', 'seconds  1.5'].map((one) => stdout.indexOf(one));
	assert.ok(places.every((place, i) => place > (places[i - 1] ?? 0)), String(places));
	assert.ok(!stdout.includes('chatter'));
	const times = delays(stdout);
	assert.equal(times.length, 4);
	assert.ok(times.every((time, i) => i === 0 || time >= times[i - 1]), String(times));
});

test('midnight does not turn the order around', () => {
	const times = delays(picture('23:59:59  before\n00:00:01  after\n').stdout);
	assert.ok(times[1] > times[0]);
});

test('what was said stays text, hashes are shortened, long lines are cut off', () => {
	const hash = `0x${'ab'.repeat(32)}`;
	const { stdout } = picture(`<script>\u001b[1m ${hash} ${'word '.repeat(40)}\n`, '--columns', '60');
	assert.ok(!stdout.includes('<script>') && stdout.includes('&lt;script&gt;'));
	assert.ok(!stdout.includes('\u001b') && !stdout.includes(hash));
	assert.match(stdout, /0xabababab…abab/);
	assert.match(stdout, /word[^<]{0,6}…<\/text>/);
	assert.ok([...stdout.matchAll(/>([^<]*)<\/text>/g)].every(([, text]) => text.length <= 60 + 9));
});

test('nothing to draw is said', () => {
	const { status, stderr } = picture('');
	assert.equal(status, 2);
	assert.match(stderr, /^error: there is nothing/);
});
