// The registry of snapshots: what pallet-snapshots keeps, in the words of the documents.

import { Refused, Unusable } from './failure.mjs';
import { formatLocation } from './location.mjs';

/** The pallet's storage, or a sentence saying that this chain has none. */
export function registryOf(api) {
	if (!api.query.snapshots) {
		throw new Unusable(
			'the chain of this node has no registry of snapshots (pallet Snapshots): ask another with --url',
		);
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

/** The runtime API of the registry, or a sentence saying that this chain has none. */
export function registryApiOf(api) {
	registryOf(api);
	if (!api.call?.snapshotsApi) {
		throw new Unusable('the runtime of this chain has no SnapshotsApi: implement it, or ask its team');
	}
	return api.call.snapshotsApi;
}

/** All about a snapshot, as plain data: its record, locations, attestations, dispute, stakes. */
export async function snapshotById(api, id) {
	const found = await registryApiOf(api).snapshot(id);
	if (found.isNone) throw new Refused(`no snapshot ${id} is registered on this chain: list.mjs shows those that are`);
	const details = found.unwrap();
	return {
		...plainEntry(details),
		attestations: [...details.attestations].map(plainAttestation),
		standing_stake: details.standingStake.toString(),
		required_stake: details.requiredStake.toString(),
		dispute: plainDispute(details.dispute),
		reward: details.reward.toString(),
		expired: details.expired.isTrue,
	};
}

/** All snapshots of the registry, the newest block first. */
export async function allSnapshots(api) {
	const entries = await registryOf(api).snapshots.entries();
	return entries
		.map(([key, record]) => plainSnapshot(key.args[0].toHex(), record.unwrap()))
		.sort((a, b) => b.block_number - a.block_number || (a.id < b.id ? -1 : 1));
}

// The most that one answer has.
const PAGE = 256;

/** The certified snapshots of this chain, or of the one with this genesis hash, newest first. */
export async function certifiedSnapshots(api, genesis) {
	const registry = registryApiOf(api);
	const entries = await (genesis === undefined
		? registry.certified(PAGE)
		: registry.certifiedOf(genesis, PAGE));
	return [...entries].map(plainEntry);
}

/** The snapshots that wait for attestations, in the order of their ids. */
export async function pendingSnapshots(api) {
	const snapshots = [];
	let after = null;
	do {
		const page = await registryApiOf(api).pending(after, PAGE);
		// A structure of polkadot-js is a Map, which has `entries` of its own: hence the name.
		snapshots.push(...[...page.entries_].map(plainEntry));
		const { next } = page;
		after = next.isSome ? next.unwrap().toHex() : null;
	} while (after !== null);
	return snapshots;
}

/** The standing of an attester, as plain data. */
export async function attesterOf(api, address) {
	const found = await registryApiOf(api).attester(address);
	if (found.isNone) throw new Refused(`${address} has no bond on this chain: bond.mjs makes one`);
	const info = found.unwrap();
	return {
		attester: address,
		bonded: info.bonded.toString(),
		matured: info.matured.toString(),
		maturing: [...info.maturing].map(({ at, value }) => ({
			at: at.toNumber(),
			value: value.toString(),
		})),
		unlocking: [...info.unlocking].map(({ value, since, freeAt }) => ({
			value: value.toString(),
			since: since.toNumber(),
			free_at: freeAt.toNumber(),
		})),
		withdrawable: info.withdrawable.toString(),
		vouches: [...info.vouches].map(({ snapshot, at }) => ({
			snapshot_id: snapshot.toHex(),
			at: at.toNumber(),
		})),
	};
}

function plainEntry({ id, snapshot, locations }) {
	return {
		...plainSnapshot(id.toHex(), snapshot),
		locations: [...locations].map(formatLocation),
	};
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

function plainAttestation([attester, { stake, at }]) {
	return { attester: attester.toString(), stake: stake.toString(), at: at.toNumber() };
}

function plainDispute(dispute) {
	if (dispute.isNone) return null;
	const { reporter, evidence, deposit, since, lapsesAt } = dispute.unwrap();
	return {
		reporter: reporter.toString(),
		evidence: evidence.toHex(),
		deposit: deposit.toString(),
		since: since.toNumber(),
		lapses_at: lapsesAt.toNumber(),
	};
}
