// The file that `thin-node snapshot create` writes.

import { readFileSync } from 'node:fs';
import { Unusable } from './failure.mjs';
import { parseLocation } from './location.mjs';

/**
 * The ready-made call of a file: its SCALE encoding in hex, and the snapshot id that it leads to.
 *
 * The file is what `thin-node snapshot create` wrote, or holds the hex digits alone.
 */
export function readCall(path) {
	const text = read(path).trim();
	if (/^(0x)?([0-9a-fA-F]{2})+$/.test(text)) {
		return { call: text.startsWith('0x') ? text : `0x${text}` };
	}
	const { register_call: call, snapshot_id: id } = parse(path, text);
	if (!/^0x([0-9a-fA-F]{2})+$/.test(call ?? '')) {
		throw new Unusable(`${path} has no register_call: 'thin-node snapshot create' writes one`);
	}
	return { call, id };
}

/** The arguments of `register` from a file, as values for polkadot-js, and the snapshot id. */
export function readManifest(path) {
	const { register, snapshot_id: id } = parse(path, read(path));
	const { header, image, locations } = register ?? {};
	if (!header || !image || !Array.isArray(locations)) {
		throw new Unusable(
			`${path} has no register object with header, image and locations: ` +
				`'thin-node snapshot create' writes one`,
		);
	}
	return { header, image: imageInfo(path, image), locations: locations.map(parseLocation), id };
}

/** The arguments of `register_foreign` from a file, as values for polkadot-js. */
export function readForeign(path) {
	const { manifest, register } = parse(path, read(path));
	const locations = register?.locations;
	if (!manifest || !Array.isArray(locations)) {
		throw new Unusable(
			`${path} has no manifest, or no register object with locations: ` +
				`'thin-node snapshot create' writes both`,
		);
	}
	const hashes = {
		genesisHash: manifest.genesis_hash,
		blockHash: manifest.block_hash,
		stateRoot: manifest.state_root,
	};
	for (const [name, hash] of Object.entries(hashes)) {
		if (!/^0x[0-9a-fA-F]{64}$/.test(hash ?? '')) {
			throw new Unusable(`${path}: the manifest has no ${name}, or it is no hash`);
		}
	}
	if (!Number.isSafeInteger(manifest.block_number) || manifest.block_number < 0) {
		throw new Unusable(`${path}: the manifest has no block_number`);
	}
	return {
		manifest: { ...hashes, blockNumber: manifest.block_number, ...imageInfo(path, manifest) },
		locations: locations.map(parseLocation),
	};
}

function imageInfo(path, { image, logical_size: logicalSize, database, pruning }) {
	if (!image || logicalSize === undefined || !database || !pruning) {
		throw new Unusable(`${path}: the image needs image, logical_size, database and pruning`);
	}
	return {
		image,
		logicalSize,
		database,
		// The file writes `archive-canonical`, the metadata of the chain `ArchiveCanonical`.
		pruning: typeof pruning === 'string' ? pruning.replace('-', '') : pruning,
	};
}

function read(path) {
	try {
		return readFileSync(path, 'utf8');
	} catch (error) {
		throw new Unusable(`can't read ${path}: ${error.message}`);
	}
}

function parse(path, text) {
	try {
		const value = JSON.parse(text);
		if (value !== null && typeof value === 'object') return value;
	} catch (error) {
		throw new Unusable(`${path} is no JSON: ${error.message}`);
	}
	throw new Unusable(`${path} holds no JSON object`);
}
