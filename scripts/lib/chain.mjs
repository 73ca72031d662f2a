// A connection to a node, and transactions that tell how they ended.

import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { cryptoWaitReady, validateAddress } from '@polkadot/util-crypto';
import { Refused, Unusable } from './failure.mjs';

const CONNECT_MS = 15_000;

// Extensions of the runtime that polkadot-js has no name for: they add nothing to what is signed.
const SIGNED_EXTENSIONS = { AuthorizeCall: { extrinsic: {}, payload: {} } };

// What nodes with the thin parts answer beside what every node does.
const RPC = {
	thin: {
		reach: {
			description: 'Whether the locations of a snapshot answer: [{ location, has_image, reason }]',
			params: [{ name: 'id', type: 'H256' }],
			type: 'Json',
		},
	},
};

/** Connects once, or says why not: it never waits for a node that isn't there. */
export async function connect(url) {
	if (!/^wss?:\/\//.test(url)) {
		throw new Unusable(`'${url}' is no address of an RPC; it starts with ws:// or wss://`);
	}
	let provider;
	try {
		provider = new WsProvider(url, false);
	} catch (error) {
		throw new Unusable(`'${url}' is no address of an RPC: ${error.message}`);
	}
	const lost = new Promise((_, reject) => {
		const advice = 'start one, or name another with --url';
		const no = (why) => reject(new Unusable(`no node answers at ${url} (${why}): ${advice}`));
		provider.on('error', (error) => no(error?.message || 'the connection was refused'));
		setTimeout(() => no(`nothing within ${CONNECT_MS / 1000} seconds`), CONNECT_MS).unref?.();
	});
	// Without somebody who listens, an error after the connection stands would end the process.
	lost.catch(() => {});
	try {
		await Promise.race([provider.connect(), lost]);
		return await Promise.race([
			ApiPromise.create({
				provider,
				noInitWarn: true,
				throwOnConnect: true,
				signedExtensions: SIGNED_EXTENSIONS,
				rpc: RPC,
			}),
			lost,
		]);
	} catch (error) {
		await provider.disconnect().catch(() => {});
		if (error instanceof Unusable) throw error;
		throw new Unusable(`no usable node at ${url}: ${error.message}`);
	}
}

/** The key pair of a secret, as `--seed` takes it. */
export async function account(seed) {
	await cryptoWaitReady();
	try {
		return new Keyring({ type: 'sr25519' }).addFromUri(seed);
	} catch {
		// The secret itself stays out of the message, which may end up in a log.
		throw new Unusable('--seed is neither a phrase, nor 0x and 64 hex digits, nor a derivation');
	}
}

/** An address as it is written, in any of its prefixes. */
export function parseAddress(text) {
	try {
		validateAddress(text);
		return text;
	} catch {
		throw new Unusable(`'${text}' is no address of an account`);
	}
}

/** A dispatch error in words: the name of the error and its documentation. */
export function dispatchError(api, error) {
	if (!error.isModule) return error.toString();
	try {
		const { section, name, docs } = api.registry.findMetaError(error.asModule);
		return [`${section}.${name}`, docs.join(' ').trim()].filter(Boolean).join(': ');
	} catch {
		return error.toString();
	}
}

/** The first error among the events of one transaction, batches and sudo included. */
export function failureAmong(api, events) {
	for (const { event } of events) {
		if (api.events.system.ExtrinsicFailed.is(event)) return dispatchError(api, event.data[0]);
		if (api.events.utility?.BatchInterrupted?.is(event)) return dispatchError(api, event.data[1]);
		if (api.events.utility?.ItemFailed?.is(event)) return dispatchError(api, event.data[0]);
		if (api.events.sudo?.Sudid?.is(event) && event.data[0].isErr) {
			return dispatchError(api, event.data[0].asErr);
		}
	}
	return undefined;
}

/**
 * Signs and submits, and waits until the transaction is final (or in a block).
 *
 * Returns `{ transaction, block, number, events }`: both hashes in hex.
 */
export async function submit(api, transaction, signer, { inBlock = false, nonce = -1 } = {}) {
	let stop;
	const done = new Promise((resolve, reject) => {
		const gone = () =>
			reject(
				new Unusable(
					'the connection to the node was lost meanwhile: show.mjs and list.mjs tell what came of it',
				),
			);
		api.once('disconnected', gone);
		const settle = (result) => {
			const { status } = result;
			if (result.isError) {
				reject(new Refused(`the node dropped the transaction (${status.type}): send it again`));
			} else if (inBlock ? status.isInBlock || status.isFinalized : status.isFinalized) {
				api.off('disconnected', gone);
				resolve(result);
			}
		};
		transaction.signAndSend(signer, { nonce }, settle).then(
			(unsubscribe) => (stop = unsubscribe),
			(error) => reject(new Refused(`the node didn't take the transaction: ${error.message}`)),
		);
	});
	try {
		const result = await done;
		const failure = failureAmong(api, result.events);
		if (failure) throw new Refused(failure);
		const { status } = result;
		const block = status.isFinalized ? status.asFinalized : status.asInBlock;
		const header = await api.rpc.chain.getHeader(block);
		return {
			transaction: transaction.hash.toHex(),
			block: block.toHex(),
			number: header.number.toNumber(),
			events: result.events.map(({ event }) => event),
		};
	} finally {
		stop?.();
	}
}

/** The data of all events of this kind, each as an object of codec values. */
export function allEventData(events, section, method) {
	return events
		.filter((event) => event.section === section && event.method === method)
		.map(({ data }) => {
			const names = data.names ?? [];
			return Object.fromEntries([...data].map((value, i) => [names[i] ?? i, value]));
		});
}

/** The data of the first event of this kind; or undefined. */
export function eventData(events, section, method) {
	return allEventData(events, section, method)[0];
}
