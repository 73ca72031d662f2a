import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Unusable } from '../lib/failure.mjs';
import { readCall, readManifest } from '../lib/snapshot-file.mjs';

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
