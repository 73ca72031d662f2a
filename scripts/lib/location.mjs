// Where the chunks of an image are: `zdb://host[:9900]/namespace`, as the pallet stores it.

import { isIPv4, isIPv6 } from 'node:net';
import { Unusable } from './failure.mjs';

const DEFAULT_PORT = 9900;

/** `zdb://…` as a value for the pallet's `Location`. */
export function parseLocation(text) {
	const wrong = (why) => new Unusable(`'${text}' is no location: ${why}`);
	const match = /^zdb:\/\/(\[[^\]]*\]|[^:/@\s]+)(?::(\d{1,5}))?\/([^/]+)$/.exec(text);
	if (!match) throw wrong('it is written zdb://host[:9900]/namespace');
	const [, host, port, namespace] = match;
	const number = port === undefined ? DEFAULT_PORT : Number(port);
	if (number < 1 || number > 65535) throw wrong('a port is a number from 1 to 65535');
	if (!/^[\x21-\x7e]{1,128}$/.test(namespace)) {
		throw wrong('a namespace is 1 to 128 printable ASCII characters');
	}
	return {
		address: parseHost(host, wrong),
		port: number,
		namespace: hex(Buffer.from(namespace)),
	};
}

/** A `Location` of the chain in its written form. */
export function formatLocation(location) {
	const namespace = Buffer.from(location.namespace.toU8a(true)).toString('latin1');
	return `zdb://${formatHost(location.address)}:${location.port.toNumber()}/${namespace}`;
}

function parseHost(host, wrong) {
	if (host.startsWith('[')) {
		const inner = host.slice(1, -1);
		if (!isIPv6(inner) || inner.includes('%')) throw wrong('that is no IPv6 address');
		return { Ipv6: hex(ipv6Bytes(inner)) };
	}
	if (isIPv4(host)) return { Ipv4: hex(Buffer.from(host.split('.').map(Number))) };
	const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
	const isName = new RegExp(`^${label}(?:\\.${label})*$`).test(host) && host.length <= 253;
	// A last label of digits alone would be a mistyped IPv4 address.
	if (!isName || /(^|\.)\d+$/.test(host)) throw wrong('the host is no address and no DNS name');
	return { Dns: hex(Buffer.from(host)) };
}

function formatHost(address) {
	const bytes = address.inner.toU8a(true);
	if (address.isIpv4) return [...bytes].join('.');
	if (address.isDns) return Buffer.from(bytes).toString('latin1');
	const groups = [];
	for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] << 8) | bytes[i + 1]).toString(16));
	// The URL parser shortens an address in the one standard way (RFC 5952).
	return new URL(`http://[${groups.join(':')}]`).hostname;
}

function ipv6Bytes(text) {
	const [, shortened] = /^\[(.*)\]$/.exec(new URL(`http://[${text}]`).hostname);
	const [head, tail] = shortened.split('::').map((part) => part.split(':').filter(Boolean));
	const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
	const groups = [...head, ...Array(zeros).fill('0'), ...(tail ?? [])];
	const bytes = Buffer.alloc(16);
	groups.forEach((group, i) => bytes.writeUInt16BE(parseInt(group, 16), i * 2));
	return bytes;
}

function hex(bytes) {
	return `0x${Buffer.from(bytes).toString('hex')}`;
}
