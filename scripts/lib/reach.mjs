// Whether the 0-db at a location answers, and has an image.

import { connect } from 'node:net';

/** As RESP, the protocol of redis, has a request: an array of byte strings. */
function request(...words) {
	const parts = words.map((word) => {
		const bytes = Buffer.from(word);
		return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
	});
	return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}

/**
 * Asks the 0-db at `location` (zdb://host:port/namespace) for the superblock of `image`, 0x and 64
 * digits. Resolves to `{ location, has_image, reason }`: `has_image` is undefined when it says nothing, and
 * `reason` says why it hasn't.
 */
export function reach(location, image, seconds = 10) {
	const { host, port, namespace } = parts(location);
	const key = Buffer.from(image.slice(2), 'hex');
	return new Promise((resolve) => {
		const socket = connect({ host, port: Number(port) });
		const end = (has_image, reason) => {
			socket.destroy();
			clearTimeout(timer);
			resolve({ location, has_image, reason });
		};
		const timer = setTimeout(() => end(undefined, `no answer within ${seconds} seconds`), seconds * 1000);
		let said = '';
		socket.on('error', (error) => end(undefined, error.code ?? error.message));
		socket.on('close', () => end(undefined, 'it closed the connection'));
		socket.on('connect', () =>
			socket.write(Buffer.concat([request('SELECT', namespace), request('EXISTS', key)])),
		);
		socket.on('data', (data) => {
			said += data.toString('latin1');
			if (said.length > 4096) end(undefined, 'it is no 0-db');
			const lines = said.split('\r\n').slice(0, -1);
			if (lines[0]?.startsWith('-')) end(undefined, lines[0].slice(1));
			else if (lines.length > 0 && lines[0] !== '+OK') end(undefined, 'it is no 0-db');
			else if (lines[1] === ':1') end(true);
			else if (lines[1] === ':0') end(false, 'it lacks the image');
			else if (lines.length > 1) end(undefined, lines[1].replace(/^-/, ''));
		});
	});
}

function parts(location) {
	const [, host, port, namespace] = /^zdb:\/\/(.+):(\d+)\/([^/]+)$/.exec(location);
	return { host: host.replace(/^\[|\]$/g, ''), port, namespace };
}
