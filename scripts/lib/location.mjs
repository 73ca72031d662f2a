// Where the chunks of an image are: `zdb://host[:9900]/namespace`, as the pallet stores it.
// Runs in a browser as well: nothing of node is used.

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
	return { address: parseHost(host, wrong), port: number, namespace: hex(ascii(namespace)) };
}

/** A `Location` of the chain in its written form. */
export function formatLocation(location) {
	const namespace = characters(location.namespace.toU8a(true));
	return `zdb://${formatHost(location.address)}:${location.port.toNumber()}/${namespace}`;
}

function parseHost(host, wrong) {
	if (host.startsWith('[')) {
		const groups = ipv6Groups(host.slice(1, -1));
		if (!groups) throw wrong('that is no IPv6 address');
		return { Ipv6: hex(groups.flatMap((group) => [group >> 8, group & 0xff])) };
	}
	const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
	if (new RegExp(`^${octet}(?:\\.${octet}){3}$`).test(host)) {
		return { Ipv4: hex(host.split('.').map(Number)) };
	}
	const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
	const isName = new RegExp(`^${label}(?:\\.${label})*$`).test(host) && host.length <= 253;
	// A last label of digits alone would be a mistyped IPv4 address.
	if (!isName || /(^|\.)\d+$/.test(host)) throw wrong('the host is no address and no DNS name');
	return { Dns: hex(ascii(host)) };
}

function formatHost(address) {
	const bytes = address.inner.toU8a(true);
	if (address.isIpv4) return [...bytes].join('.');
	if (address.isDns) return characters(bytes);
	const groups = [];
	for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] << 8) | bytes[i + 1]).toString(16));
	// The URL parser shortens an address in the one standard way (RFC 5952).
	return new URL(`http://[${groups.join(':')}]`).hostname;
}

/** The eight groups of an IPv6 address, as the URL parser understands it; or undefined. */
function ipv6Groups(address) {
	if (!/^[0-9a-fA-F:.]+$/.test(address)) return undefined;
	let normal;
	try {
		normal = new URL(`http://[${address}]`).hostname.slice(1, -1);
	} catch {
		return undefined;
	}
	const [head, tail] = normal.split('::').map((part) => part.split(':').filter(Boolean));
	const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
	return [...head, ...Array(zeros).fill('0'), ...(tail ?? [])].map((group) => parseInt(group, 16));
}

const ascii = (string) => [...string].map((character) => character.charCodeAt(0));
const characters = (bytes) => String.fromCharCode(...bytes);
const hex = (bytes) => `0x${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
