#!/usr/bin/env node
// One file over HTTP: `http.mjs serve FILE` prints its URL, `http.mjs get URL` writes it to standard
// output.

import { createReadStream, statSync } from 'node:fs';
import { createServer, get } from 'node:http';

const [what, where] = process.argv.slice(2);
const BLOCK = { highWaterMark: 1 << 20 };
if (what === 'serve') {
	const length = statSync(where).size;
	const server = createServer((_, response) => {
		response.writeHead(200, { 'content-length': length });
		createReadStream(where, BLOCK).pipe(response);
	});
	server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
} else {
	get(where, (response) => response.pipe(process.stdout)).on('error', (error) => {
		console.error(`error: ${error.message}`);
		process.exit(1);
	});
}
