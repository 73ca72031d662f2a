#!/usr/bin/env node
// Waits until something listens on a TCP port of this machine: PORT SECONDS.

import { connect } from 'node:net';

const [port, seconds] = process.argv.slice(2).map(Number);
const deadline = Date.now() + seconds * 1000;
const attempt = () => {
	const socket = connect(port, '127.0.0.1', () => process.exit(0));
	socket.on('error', () => {
		if (Date.now() > deadline) process.exit(1);
		setTimeout(attempt, 100);
	});
};
attempt();
