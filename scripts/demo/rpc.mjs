// What the demo asks of nodes: JSON-RPC over HTTP, and their metrics.

import { blake2AsHex, decodeAddress, xxhashAsHex } from '@polkadot/util-crypto';

/** A check that failed: its message is for people. */
export class Failed extends Error {}

/** One call; fails with the node's own words. */
export async function call(port, method, ...params) {
	const response = await fetch(`http://127.0.0.1:${port}`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
		signal: AbortSignal.timeout(20_000),
	});
	const { result, error } = await response.json();
	if (error) throw new Failed(`${method}: ${error.message}${error.data ? ` (${error.data})` : ''}`);
	return result;
}

/** The numbers of the best and of the finalized block. */
export async function heights(port) {
	const [best, hash] = await Promise.all([
		call(port, 'chain_getHeader'),
		call(port, 'chain_getFinalizedHead'),
	]);
	const final = await call(port, 'chain_getHeader', hash);
	return { best: Number(best.number), finalized: Number(final.number) };
}

/** The storage key of `System.Account` of an account: an address, or its 32 bytes in hex. */
export function accountKey(account) {
	const bytes = decodeAddress(account);
	const id = Buffer.from(bytes).toString('hex');
	const hashed = blake2AsHex(bytes, 128).slice(2);
	const prefix = xxhashAsHex('System', 128) + xxhashAsHex('Account', 128).slice(2);
	return `${prefix}${hashed}${id}`;
}

/** The free balance in the bytes of an `AccountInfo`; null for an account that isn't there. */
export function freeBalance(value) {
	if (value === null) return null;
	// Four counters of four bytes come before the balances, which are little-endian u128.
	const bytes = Buffer.from(value.slice(2), 'hex').subarray(16, 32);
	if (bytes.length < 16) throw new Failed(`${value} is too short for an account`);
	return bytes.readBigUInt64LE(0) + (bytes.readBigUInt64LE(8) << 64n);
}

/** The metric of this name whose labels contain all of `labels`; undefined when there is none. */
export async function metric(port, name, labels = {}) {
	const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
		signal: AbortSignal.timeout(20_000),
	});
	for (const line of (await response.text()).split('\n')) {
		if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
		const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
		if (wanted.every((label) => line.includes(label))) return Number(line.split(' ').at(-1));
	}
	return undefined;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Tries until `attempt` gives something, or fails with the last reason after `seconds`. */
export async function until(seconds, what, attempt, pause = 200) {
	const deadline = Date.now() + seconds * 1000;
	let reason = 'no answer';
	for (;;) {
		try {
			const value = await attempt();
			if (value !== undefined) return value;
			reason = 'not yet';
		} catch (error) {
			reason = error.cause?.code ?? error.message;
		}
		if (Date.now() > deadline) throw new Failed(`${what}: not within ${seconds} seconds (${reason})`);
		await sleep(pause);
	}
}
