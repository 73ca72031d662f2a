// All that a chain says of its snapshots, at one block: what the table in the terminal and the
// page in the browser show.

import { formatLocation } from './location.mjs';
import { allSnapshots, registryOf } from './registry.mjs';

/**
 * The whole registry as plain data, the newest block first.
 *
 * `at`: the chain at one block, as `api.at(hash)` gives it, so that all parts fit together.
 * Returns `{ snapshots, bonded }`; a snapshot has `locations`, `attestations` and `dispute` (null
 * when there is none), a pending one also the `required` stake, null where the chain doesn't say.
 */
export async function overview(at) {
	const registry = registryOf(at);
	const [records, bonded, attestations] = await Promise.all([
		allSnapshots(at),
		registry.totalBonded(),
		registry.attestations.entries(),
	]);
	const ids = records.map((record) => record.id);
	const [locations, disputes] = ids.length
		? await Promise.all([registry.locations.multi(ids), registry.disputes.multi(ids)])
		: [[], []];
	const vouching = byId(attestations);
	const snapshots = records.map((record, i) => ({
		...record,
		locations: [...locations[i]].map(formatLocation),
		attestations: (vouching.get(record.id) ?? []).map(plainAttestation).sort(byStake),
		dispute: disputes[i].isSome ? plainDispute(disputes[i].unwrap()) : null,
	}));
	await addRequired(at, snapshots);
	return { snapshots, bonded: bonded.toString() };
}

/** What a pending snapshot needs is the same for all of its kind: one question for each kind. */
async function addRequired(at, snapshots) {
	const ask = at.call?.snapshotsApi?.snapshot;
	const pending = snapshots.filter((snapshot) => snapshot.status === 'pending');
	for (const origin of new Set(pending.map((snapshot) => snapshot.origin))) {
		const ofKind = pending.filter((snapshot) => snapshot.origin === origin);
		const details = ask ? await ask(ofKind[0].id) : undefined;
		const required = details?.isSome ? details.unwrap().requiredStake.toString() : null;
		for (const snapshot of ofKind) snapshot.required = required;
	}
}

function byId(entries) {
	const groups = new Map();
	for (const entry of entries) {
		const id = entry[0].args[0].toHex();
		groups.set(id, [...(groups.get(id) ?? []), entry]);
	}
	return groups;
}

function plainAttestation([key, value]) {
	const { stake, at } = value.unwrap();
	return { attester: key.args[1].toString(), stake: stake.toString(), at: at.toNumber() };
}

const byStake = (a, b) => (BigInt(a.stake) < BigInt(b.stake) ? 1 : -1);

function plainDispute(dispute) {
	return {
		reporter: dispute.reporter.toString(),
		evidence: dispute.evidence.toHex(),
		since: dispute.since.toNumber(),
		lapses_at: dispute.lapsesAt.toNumber(),
	};
}

/**
 * When a block of this chain was made, in milliseconds since 1970, from the block itself; or
 * undefined, when that can't be read: the body is gone, or another runtime made it.
 */
export async function timeOfBlock(api, hash) {
	try {
		// Raw, because polkadot-js would ask for the runtime of that block to decode it, which is in
		// its state; and nodes keep bodies for longer than states.
		const { block } = await api.rpc.chain.getBlock.raw(hash);
		for (const encoded of block.extrinsics) {
			const { method } = api.registry.createType('Extrinsic', encoded);
			if (method.section === 'timestamp' && method.method === 'set') {
				return Number(method.args[0].toBigInt());
			}
		}
	} catch {
		// An age that isn't known is left out.
	}
	return undefined;
}

/** A span of time for people: `3 minutes`. */
export function span(milliseconds) {
	const seconds = Math.max(0, Math.round(milliseconds / 1000));
	const units = [
		['day', 86_400],
		['hour', 3_600],
		['minute', 60],
		['second', 1],
	];
	const [name, length] = units.find(([, length]) => seconds >= length) ?? units.at(-1);
	const count = Math.floor(seconds / length);
	return `${count} ${name}${count === 1 ? '' : 's'}`;
}
