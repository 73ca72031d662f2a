import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Unusable } from '../lib/failure.mjs';
import { readCall, readForeign, readManifest } from '../lib/snapshot-file.mjs';
import { registryWithTypes } from './chain-types.mjs';

const directory = mkdtempSync(join(tmpdir(), 'thin-scripts-'));
after(() => rmSync(directory, { recursive: true }));
const file = (content) => {
	const path = join(directory, 'file');
	writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
	return path;
};
const image = {
	image: `0x${'11'.repeat(32)}`,
	logical_size: 4096,
	database: { kind: 'rocksdb', version: 4 },
	pruning: 'archive-canonical',
};

test('the call of a file, or hex digits alone', () => {
	assert.deepEqual(readCall(file({ register_call: '0x0a00', snapshot_id: '0x01' })), {
		call: '0x0a00',
		id: '0x01',
	});
	assert.deepEqual(readCall(file('0x0A00\n')), { call: '0x0A00' });
	assert.deepEqual(readCall(file('0a00')), { call: '0x0a00' });
});

test('the parts of a file, as polkadot-js takes them', () => {
	const register = { header: { number: '0x20' }, image, locations: ['zdb://10.0.0.1/default'] };
	const manifest = readManifest(file({ register, snapshot_id: '0x01' }));
	assert.equal(manifest.id, '0x01');
	assert.equal(manifest.image.pruning, 'archivecanonical');
	assert.equal(manifest.image.logicalSize, 4096);
	assert.equal(manifest.locations[0].port, 9900);
	assert.deepEqual(
		readManifest(file({ register: { ...register, image: { ...image, pruning: { keep: 256 } } } }))
			.image.pruning,
		{ keep: 256 },
	);
});

test('a file that says something else is refused', () => {
	for (const content of ['', 'null', '[]', '{', '{}', '0x0', { register_call: 'call' }]) {
		assert.throws(() => readCall(file(content)), Unusable);
	}
	for (const content of [{}, { register: { header: {}, locations: [] } }, { register: { header: {}, image: {}, locations: [] } }]) {
		assert.throws(() => readManifest(file(content)), Unusable);
	}
	assert.throws(() => readCall(join(directory, 'absent')), Unusable);
});

test('the parts become values of the chain', () => {
	const register = { header: {}, image, locations: ['zdb://node.example.org/default'] };
	const manifest = readManifest(file({ register }));
	const types = registryWithTypes();
	assert.deepEqual(types.createType('ImageInfo', manifest.image).toJSON(), {
		image: image.image,
		logicalSize: 4096,
		database: { kind: 'RocksDb', version: 4 },
		pruning: { archiveCanonical: null },
	});
	// As a node writes a header.
	const header = {
		parentHash: `0x${'01'.repeat(32)}`,
		number: '0x20',
		stateRoot: `0x${'02'.repeat(32)}`,
		extrinsicsRoot: `0x${'03'.repeat(32)}`,
		digest: { logs: ['0x066175726120a1b2c3d400000000'] },
	};
	const encoded = types.createType('Header', header);
	assert.equal(encoded.number.toNumber(), 32);
	assert.equal(encoded.digest.logs.length, 1);
	assert.equal(encoded.digest.logs[0].toHex(), header.digest.logs[0]);
});

test('a snapshot of another chain', () => {
	const hash = (byte) => `0x${byte.repeat(32)}`;
	const manifest = {
		genesis_hash: hash('01'),
		block_number: 64,
		block_hash: hash('02'),
		state_root: hash('03'),
		...image,
	};
	const register = { header: {}, image, locations: ['zdb://10.0.0.1/default'] };
	const foreign = readForeign(file({ manifest, register }));
	const encoded = registryWithTypes().createType('Manifest', foreign.manifest);
	assert.equal(encoded.genesisHash.toHex(), hash('01'));
	assert.equal(encoded.blockNumber.toNumber(), 64);
	assert.equal(encoded.stateRoot.toHex(), hash('03'));
	assert.equal(encoded.pruning.type, 'ArchiveCanonical');
	assert.equal(foreign.locations[0].port, 9900);
	for (const wrong of [
		{ manifest },
		{ register },
		{ register, manifest: { ...manifest, state_root: undefined } },
		{ register, manifest: { ...manifest, block_hash: '0x02' } },
		{ register, manifest: { ...manifest, block_number: '64' } },
		{ register, manifest: { ...manifest, database: undefined } },
	]) {
		assert.throws(() => readForeign(file(wrong)), Unusable);
	}
});
