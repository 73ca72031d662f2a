#!/usr/bin/env node
// Spoils the only image of a 0-db: deletes the largest of its chunks.
//
// Usage: spoil.mjs HOST PORT

import { connect } from 'node:net';

const [host, port] = process.argv.slice(2);
const socket = connect(Number(port), host);
socket.on('error', (error) => {
	console.error(`error: ${host}:${port}: ${error.message}`);
	process.exit(1);
});

let received = Buffer.alloc(0);
const waiting = [];
socket.on('data', (data) => {
	received = Buffer.concat([received, data]);
	for (;;) {
		const reply = parse(received, 0);
		if (!reply) return;
		received = received.subarray(reply.end);
		waiting.shift()(reply.value);
	}
});

/** One reply of the redis protocol: `{ value, end }`, or nothing while it is not whole. */
function parse(bytes, start) {
	const line = bytes.indexOf('\r\n', start);
	if (line < 0) return undefined;
	const text = bytes.toString('latin1', start + 1, line);
	let end = line + 2;
	switch (String.fromCharCode(bytes[start])) {
		case '+':
			return { value: text, end };
		case '-':
			return { value: new Error(text), end };
		case ':':
			return { value: Number(text), end };
		case '$': {
			const length = Number(text);
			if (length < 0) return { value: null, end };
			if (bytes.length < end + length + 2) return undefined;
			return { value: bytes.subarray(end, end + length), end: end + length + 2 };
		}
		default: {
			const items = [];
			for (let count = Number(text); count > 0; count -= 1) {
				const item = parse(bytes, end);
				if (!item) return undefined;
				items.push(item.value);
				end = item.end;
			}
			return { value: items, end };
		}
	}
}

function ask(...words) {
	const parts = words.map((word) => Buffer.from(word));
	const pieces = [Buffer.from(`*${parts.length}\r\n`)];
	for (const part of parts) {
		pieces.push(Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n'));
	}
	socket.write(Buffer.concat(pieces));
	return new Promise((resolve) => waiting.push(resolve));
}

let largest = { length: -1 };
let cursor;
for (;;) {
	const page = await ask('SCAN', ...(cursor ? [cursor] : []));
	if (page instanceof Error) break; // "No more data": the end of the list.
	const [next, entries] = page;
	for (const [key] of entries) {
		// Records of a snapshot have longer names.
		if (key.length !== 32) continue;
		const length = await ask('LENGTH', key);
		if (length > largest.length) largest = { key: Buffer.from(key), length };
	}
	cursor = next;
}
if (!largest.key) {
	console.error('error: there is no chunk to delete');
	process.exit(1);
}
const answer = await ask('DEL', largest.key);
if (answer instanceof Error) {
	console.error(`error: ${answer.message}`);
	process.exit(1);
}
console.error(`deleted chunk ${largest.key.toString('hex')} of ${largest.length} bytes`);
socket.end();
