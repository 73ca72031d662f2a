// What show.mjs --reach says of a location.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { reach } from '../lib/reach.mjs';

const IMAGE = `0x${'ab'.repeat(32)}`;

/** What is said of a server that answers so; and what it was asked. */
async function ask(answers, host = '127.0.0.1', seconds = 10) {
	const asked = [];
	const server = createServer((socket) => {
		socket.on('error', () => {});
		socket.on('data', (data) => asked.push(data));
		for (const answer of answers) socket.write(answer);
		if (answers.at(-1) === '') socket.end();
	});
	await new Promise((resolve) => server.listen(0, host, resolve));
	const name = host.includes(':') ? `[${host}]` : host;
	const found = await reach(`zdb://${name}:${server.address().port}/images`, IMAGE, seconds);
	await new Promise((resolve) => server.close(resolve));
	return { ...found, asked: Buffer.concat(asked).toString('latin1') };
}

test('a store that has the image, and one that lacks it', async () => {
	const { has_image, reason, asked } = await ask(['+OK\r\n:1\r\n']);
	assert.deepEqual([has_image, reason], [true, undefined]);
	const key = Buffer.from(IMAGE.slice(2), 'hex').toString('latin1');
	assert.equal(asked, `*2\r\n$6\r\nSELECT\r\n$6\r\nimages\r\n*2\r\n$6\r\nEXISTS\r\n$32\r\n${key}\r\n`);
	// In as many pieces as the network likes.
	const lacks = await ask(['+O', 'K\r', '\n:0\r\n']);
	assert.deepEqual([lacks.has_image, lacks.reason], [false, 'it lacks the image']);
});

test('what else may happen', async () => {
	for (const [answers, reason] of [
		[['-Namespace not found\r\n'], 'Namespace not found'],
		[['+OK\r\n-Permission denied\r\n'], 'Permission denied'],
		[['HTTP/1.1 400 Bad Request\r\n\r\n'], 'it is no 0-db'],
		[['x'.repeat(10000)], 'it is no 0-db'],
		[['+OK\r\n', ''], 'it closed the connection'],
	]) {
		const found = await ask(answers);
		assert.deepEqual([found.has_image, found.reason], [undefined, reason]);
	}
	const silent = await ask([], '127.0.0.1', 0.2);
	assert.match(silent.reason, /^no answer within/);
	const nobody = await reach('zdb://127.0.0.1:1/images', IMAGE);
	assert.deepEqual([nobody.has_image, nobody.reason], [undefined, 'ECONNREFUSED']);
});
