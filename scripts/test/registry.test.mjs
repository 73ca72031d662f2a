import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused, Unusable } from '../lib/failure.mjs';
import { parseLocation } from '../lib/location.mjs';
import {
	allSnapshots,
	attesterOf,
	certifiedSnapshots,
	parseSnapshotId,
	pendingSnapshots,
	registryApiOf,
	registryOf,
	snapshotById,
} from '../lib/registry.mjs';
import { registryWithTypes } from './chain-types.mjs';

const types = registryWithTypes();
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const id = (byte) => `0x${byte.repeat(32)}`;

const LOCATIONS = [parseLocation('zdb://[200::7]/default')];

function record(blockNumber, change = {}) {
	return {
		manifest: {
			genesisHash: id('01'),
			blockNumber,
			blockHash: id('02'),
			stateRoot: id('03'),
			image: id('04'),
			logicalSize: 5_000_000_000n,
			database: { kind: 'rocksdb', version: 4 },
			pruning: 'Archive',
			...change.manifest,
		},
		publisher: ALICE,
		origin: 'Native',
		registeredAt: 40,
		expiresAt: 90,
		status: { Certified: { at: 50 } },
		deposit: 10n ** 20n,
		attested: 2n ** 100n,
		attesters: 3,
		quorum: 7,
		boundUntil: 60,
		...change.record,
	};
}

/** A chain with these records, by id; `attesters` by address. */
function chain(records, attesters = {}) {
	const entry = (at) => ({ id: at, snapshot: records[at], locations: LOCATIONS });
	const optional = (type, value) => types.createType(`Option<${type}>`, value ?? null);
	return {
		tx: { snapshots: {} },
		query: {
			snapshots: {
				snapshots: {
					entries: async () =>
						Object.entries(records).map(([at, value]) => [
							{ args: [types.createType('H256', at)] },
							optional('Snapshot', value),
						]),
				},
			},
		},
		call: {
			snapshotsApi: {
				snapshot: async (wanted) =>
					optional(
						'Details',
						records[wanted] && {
							...entry(wanted),
							attestations: [[ALICE, { stake: 5, at: 49 }]],
							standingStake: 4,
							requiredStake: 6,
							dispute: records[wanted].dispute ?? null,
							reward: 8,
							expired: true,
						},
					),
				certified: async (limit) =>
					types.createType('Vec<Entry>', Object.keys(records).slice(0, limit).map(entry)),
				certifiedOf: async (genesis, limit) =>
					types.createType(
						'Vec<Entry>',
						Object.keys(records)
							.filter((at) => records[at].manifest.genesisHash === genesis)
							.slice(0, limit)
							.map(entry),
					),
				// A page has one entry here, so that there is a next one.
				pending: async (after) => {
					const all = Object.keys(records);
					const place = after === null ? 0 : all.indexOf(after) + 1;
					const next = place + 1 < all.length ? all[place] : null;
					return types.createType('Page', { entries_: [entry(all[place])], next });
				},
				attester: async (wanted) => optional('AttesterInfo', attesters[wanted]),
			},
		},
	};
}

test('a record as plain data', async () => {
	const snapshot = await snapshotById(chain({ [id('aa')]: record(64) }), id('aa'));
	assert.deepEqual(snapshot, {
		id: id('aa'),
		genesis_hash: id('01'),
		block_number: 64,
		block_hash: id('02'),
		state_root: id('03'),
		image: id('04'),
		logical_size: 5_000_000_000,
		database: { kind: 'rocksdb', version: 4 },
		pruning: 'archive',
		publisher: ALICE,
		origin: 'native',
		status: 'certified',
		status_detail: { at: 50 },
		registered_at: 40,
		expires_at: 90,
		deposit: '100000000000000000000',
		attested: (2n ** 100n).toString(),
		attesters: 3,
		quorum: '7',
		bound_until: 60,
		locations: ['zdb://[200::7]:9900/default'],
		attestations: [{ attester: ALICE, stake: '5', at: 49 }],
		standing_stake: '4',
		required_stake: '6',
		dispute: null,
		reward: '8',
		expired: true,
	});
	// It is what --json prints.
	assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), snapshot);
});

test('every kind of pruning and of status', async () => {
	const shown = async (change) =>
		snapshotById(chain({ [id('aa')]: record(64, change) }), id('aa'));
	assert.deepEqual((await shown({ manifest: { pruning: { Keep: 256 } } })).pruning, { keep: 256 });
	assert.equal(
		(await shown({ manifest: { pruning: 'archivecanonical' } })).pruning,
		'archive-canonical',
	);
	const pending = await shown({ record: { status: 'Pending' } });
	assert.equal(pending.status, 'pending');
	assert.equal(pending.status_detail, null);
});

test('the list has the newest block first', async () => {
	const list = await allSnapshots(
		chain({ [id('aa')]: record(64), [id('bb')]: record(128), [id('cc')]: record(96) }),
	);
	assert.deepEqual(
		list.map((snapshot) => snapshot.block_number),
		[128, 96, 64],
	);
});

test('a dispute as plain data', async () => {
	const dispute = { reporter: ALICE, evidence: id('05'), deposit: 9, since: 51, lapsesAt: 351 };
	const status = { Disputed: { since: 51, before: null } };
	const disputed = { ...record(64, { record: { status } }), dispute };
	const shown = await snapshotById(chain({ [id('aa')]: disputed }), id('aa'));
	assert.equal(shown.status, 'disputed');
	assert.deepEqual(shown.dispute, {
		reporter: ALICE,
		evidence: id('05'),
		deposit: '9',
		since: 51,
		lapses_at: 351,
	});
});

test('certified ones of this chain and of another', async () => {
	const other = record(96, { manifest: { genesisHash: id('09') } });
	const api = chain({ [id('aa')]: record(64), [id('bb')]: other });
	assert.deepEqual(
		(await certifiedSnapshots(api)).map((snapshot) => snapshot.id),
		[id('aa'), id('bb')],
	);
	const [only, ...more] = await certifiedSnapshots(api, id('09'));
	assert.deepEqual([only.id, only.locations, more.length], [id('bb'), ['zdb://[200::7]:9900/default'], 0]);
});

test('pending ones, page after page', async () => {
	const api = chain({ [id('aa')]: record(64), [id('bb')]: record(65), [id('cc')]: record(66) });
	assert.deepEqual(
		(await pendingSnapshots(api)).map((snapshot) => snapshot.block_number),
		[64, 65, 66],
	);
});

test('an attester as plain data', async () => {
	const info = {
		bonded: 2n ** 100n,
		matured: 5,
		maturing: [{ at: 9, value: 7 }],
		unlocking: [{ value: 3, since: 4, freeAt: 14 }],
		withdrawable: 1,
		vouches: [{ snapshot: id('aa'), at: 8 }],
	};
	assert.deepEqual(await attesterOf(chain({}, { [ALICE]: info }), ALICE), {
		attester: ALICE,
		bonded: (2n ** 100n).toString(),
		matured: '5',
		maturing: [{ at: 9, value: '7' }],
		unlocking: [{ value: '3', since: 4, free_at: 14 }],
		withdrawable: '1',
		vouches: [{ snapshot_id: id('aa'), at: 8 }],
	});
	await assert.rejects(attesterOf(chain({}), ALICE), Refused);
});

test('what is not there is said', async () => {
	await assert.rejects(snapshotById(chain({}), id('aa')), Refused);
	assert.throws(() => registryOf({ query: {}, tx: {} }), Unusable);
	const old = { ...chain({}), call: {} };
	assert.throws(() => registryApiOf(old), Unusable);
});

test('snapshot ids', () => {
	assert.equal(parseSnapshotId(`0x${'AB'.repeat(32)}`), id('ab'));
	assert.equal(parseSnapshotId('ab'.repeat(32)), id('ab'));
	for (const text of ['', '0x', 'ab'.repeat(31), 'zz'.repeat(32)]) {
		assert.throws(() => parseSnapshotId(text), Unusable);
	}
});
