// The command that the page of the registry shows for a snapshot.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { startOf, word } from '../explorer/src/start.mjs';

const RPC = 'wss://rpc.example.org';
const snapshot = (status, origin = 'native') => ({
	id: `0x${'ab'.repeat(32)}`,
	status,
	origin,
	locations: ['zdb://[2001:db8::1]:9900/a'],
});

test('what a node would refuse has no command', () => {
	for (const origin of ['native', 'foreign']) {
		for (const status of ['disputed', 'retired', 'fraudulent']) {
			const { command, note } = startOf(snapshot(status, origin), RPC);
			assert.equal(command, undefined);
			assert.ok(note);
		}
	}
	assert.equal(startOf({ ...snapshot('certified', 'foreign'), locations: [] }, RPC).command, undefined);
});

test('only what nobody vouches for is allowed to be uncertified', () => {
	const certified = startOf(snapshot('certified'), RPC);
	assert.ok(certified.command.includes(`--thin-proof ${RPC}`) && !certified.note);
	assert.ok(!certified.command.includes('uncertified'));
	const pending = startOf(snapshot('pending'), RPC);
	assert.ok(pending.command.includes('--thin-allow-uncertified') && pending.note);
});

test('a snapshot of another chain is proven from the genesis of both', () => {
	const { command, note } = startOf(snapshot('certified', 'foreign'), RPC);
	assert.ok(command.includes(`--thin-proof ${RPC}`) && command.includes('--thin-registry') && note);
	assert.ok(!command.includes('uncertified'));
	const pending = startOf(snapshot('pending', 'foreign'), RPC);
	assert.ok(pending.command.includes('--thin-registry') && pending.command.includes('uncertified'));
});

test('whatever an address holds, it stays one word of a shell', () => {
	for (const text of ['ws://a;rm -rf b', "it's", '$(date)', '`date`', 'a\nb', '*', '[a]', '~', '']) {
		const said = execFileSync('bash', ['-c', `printf %s ${word(text)}`], { encoding: 'utf8' });
		assert.equal(said, text);
	}
	assert.equal(word(RPC), RPC);
});
