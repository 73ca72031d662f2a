import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused, Unusable } from '../lib/failure.mjs';
import { parseLocation } from '../lib/location.mjs';
import { allSnapshots, parseSnapshotId, registryOf, snapshotById } from '../lib/registry.mjs';
import { registryWithTypes } from './chain-types.mjs';

const types = registryWithTypes();
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const id = (byte) => `0x${byte.repeat(32)}`;

function record(blockNumber, change = {}) {
	return types.createType('Option<Snapshot>', {
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
	});
}

function chain(records) {
	const key = (...args) => ({ args });
	return {
		tx: { snapshots: {} },
		query: {
			snapshots: {
				snapshots: Object.assign(
					async (wanted) => records[wanted] ?? types.createType('Option<Snapshot>'),
					{
						entries: async () =>
							Object.entries(records).map(([at, value]) => [
								key(types.createType('H256', at)),
								value,
							]),
					},
				),
				locations: async () =>
					types.createType('Vec<Location>', [parseLocation('zdb://[200::7]/default')]),
				attestations: {
					entries: async (wanted) => [
						[
							key(types.createType('H256', wanted), types.createType('AccountId', ALICE)),
							types.createType('Option<Attestation>', { stake: 5, at: 49 }),
						],
					],
				},
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

test('what is not there is said', async () => {
	await assert.rejects(snapshotById(chain({}), id('aa')), Refused);
	assert.throws(() => registryOf({ query: {}, tx: {} }), Unusable);
});

test('snapshot ids', () => {
	assert.equal(parseSnapshotId(`0x${'AB'.repeat(32)}`), id('ab'));
	assert.equal(parseSnapshotId('ab'.repeat(32)), id('ab'));
	for (const text of ['', '0x', 'ab'.repeat(31), 'zz'.repeat(32)]) {
		assert.throws(() => parseSnapshotId(text), Unusable);
	}
});
