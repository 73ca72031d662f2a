// The registry of snapshots: what pallet-snapshots keeps, in the words of the documents.

import { Refused, Unusable } from './failure.mjs';
import { formatLocation } from './location.mjs';

/** The pallet's storage, or a sentence saying that this chain has none. */
export function registryOf(api) {
	if (!api.query.snapshots) {
		throw new Unusable('the chain of this node has no registry of snapshots (pallet Snapshots)');
	}
	return api.query.snapshots;
}

/** A snapshot id as it is written: 0x and 64 hex digits. */
export function parseSnapshotId(text) {
	const id = text.startsWith('0x') ? text : `0x${text}`;
	if (!/^0x[0-9a-fA-F]{64}$/.test(id)) {
		throw new Unusable(`'${text}' is no snapshot id: that is 0x and 64 hex digits`);
	}
	return id.toLowerCase();
}

/** The record of a snapshot with its locations and attestations, as plain data. */
export async function snapshotById(api, id) {
	const registry = registryOf(api);
	const [record, locations, attestations] = await Promise.all([
		registry.snapshots(id),
		registry.locations(id),
		registry.attestations.entries(id),
	]);
	if (record.isNone) throw new Refused(`no snapshot ${id} is registered on this chain`);
	return {
		...plainSnapshot(id, record.unwrap()),
		locations: [...locations].map(formatLocation),
		attestations: attestations.map(([key, value]) => plainAttestation(key, value)),
	};
}

/** All snapshots of the registry, the newest block first. */
export async function allSnapshots(api) {
	const entries = await registryOf(api).snapshots.entries();
	return entries
		.map(([key, record]) => plainSnapshot(key.args[0].toHex(), record.unwrap()))
		.sort((a, b) => b.block_number - a.block_number || (a.id < b.id ? -1 : 1));
}

function plainSnapshot(id, record) {
	const { manifest } = record;
	return {
		id,
		genesis_hash: manifest.genesisHash.toHex(),
		block_number: manifest.blockNumber.toNumber(),
		block_hash: manifest.blockHash.toHex(),
		state_root: manifest.stateRoot.toHex(),
		image: manifest.image.toHex(),
		logical_size: Number(manifest.logicalSize.toBigInt()),
		database: {
			kind: manifest.database.kind.type.toLowerCase(),
			version: manifest.database.version.toNumber(),
		},
		pruning: plainPruning(manifest.pruning),
		publisher: record.publisher.toString(),
		origin: record.origin.type.toLowerCase(),
		status: record.status.type.toLowerCase(),
		status_detail: record.status.inner.toJSON?.() ?? null,
		registered_at: record.registeredAt.toNumber(),
		expires_at: record.expiresAt.toNumber(),
		// Balances are larger than what a JSON number holds exactly.
		deposit: record.deposit.toString(),
		attested: record.attested.toString(),
		attesters: record.attesters.toNumber(),
		quorum: record.quorum.toString(),
		bound_until: record.boundUntil.toNumber(),
	};
}

function plainPruning(pruning) {
	if (pruning.isKeep) return { keep: pruning.asKeep.toNumber() };
	return pruning.isArchive ? 'archive' : 'archive-canonical';
}

function plainAttestation(key, value) {
	const attestation = value.unwrap();
	return {
		attester: key.args[1].toString(),
		stake: attestation.stake.toString(),
		at: attestation.at.toNumber(),
	};
}
