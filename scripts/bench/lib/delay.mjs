#!/usr/bin/env node
// A TCP proxy that is far away: delay.mjs HOST:PORT MS prints the address it listens on. What comes from
// either side goes on to the other after half of the milliseconds, so that a round trip takes all of
// them. For kernels that can't delay packets; a connection is opened without delay.

import { connect, createServer } from 'node:net';

const [target, ms] = process.argv.slice(2);
const [host, port] = target.split(':');
const forward = (from, to) => {
	from.on('data', (bytes) => setTimeout(() => to.write(bytes), Number(ms) / 2));
	from.on('end', () => setTimeout(() => to.end(), Number(ms) / 2));
	from.on('error', () => to.destroy());
};
const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
	const store = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
	forward(client, store);
	forward(store, client);
});
server.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`));
