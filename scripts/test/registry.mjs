#!/usr/bin/env node
// What registry.sh needs besides the scripts it tests. Usage:
//   registry.mjs periods PORT NAME=BLOCKS…   has root set periods of the registry
//   registry.mjs snapshot PORT NUMBER FILE   describes a made-up image at the newest final block,
//                                            in the form that `thin-node snapshot create` writes
//   registry.mjs held PORT SEED…             what accounts have on hold, in the smallest unit
// Exit codes: 0 done, 1 the node refused, 2 wrong usage.

import { writeFileSync } from 'node:fs';
import { xxhashAsHex } from '@polkadot/util-crypto';
import { account, connect, submit } from '../lib/chain.mjs';
import { Unusable } from '../lib/failure.mjs';

const commands = {
	async periods(port, ...periods) {
		const items = periods.map((period) => {
			const match = /^([A-Za-z]+)=(\d{1,8})$/.exec(period);
			if (!match) throw new Unusable(`'${period}' is no NAME=BLOCKS`);
			const value = Buffer.alloc(4);
			value.writeUInt32LE(Number(match[2]));
			// `parameter_types! { pub storage … }` keeps a value under the hash of its name.
			return [xxhashAsHex(`:${match[1]}:`, 128), `0x${value.toString('hex')}`];
		});
		const api = await connect(`ws://127.0.0.1:${port}`);
		const call = api.tx.sudo.sudo(api.tx.system.setStorage(items));
		await submit(api, call, await account('//Alice'), { inBlock: true });
		await api.disconnect();
	},

	async snapshot(port, number, file) {
		const api = await connect(`ws://127.0.0.1:${port}`);
		const header = await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead());
		await api.disconnect();
		const image = {
			image: `0x${Number(number).toString(16).padStart(64, '0')}`,
			logical_size: 1_000_000,
			database: { kind: 'rocksdb', version: 4 },
			pruning: 'archive',
		};
		const manifest = {
			// Of another chain, for those who register it as such.
			genesis_hash: `0x${'fe'.repeat(32)}`,
			block_number: header.number.toNumber(),
			block_hash: header.hash.toHex(),
			state_root: header.stateRoot.toHex(),
			...image,
		};
		const locations = ['zdb://[200::7]/snapshots', 'zdb://mirror.example.org/snapshots'];
		const register = { header: header.toJSON(), image, locations };
		writeFileSync(file, JSON.stringify({ manifest, register }));
	},

	async held(port, ...seeds) {
		const api = await connect(`ws://127.0.0.1:${port}`);
		for (const seed of seeds) {
			const { data } = await api.query.system.account((await account(seed)).address);
			console.log(data.reserved.toString());
		}
		await api.disconnect();
	},
};

const [name, ...values] = process.argv.slice(2);
try {
	if (!Object.hasOwn(commands, name ?? '')) throw new Unusable(`no command '${name}'`);
	await commands[name](...values);
} catch (error) {
	console.error(`error: ${error.message}`);
	process.exitCode = error.exitCode ?? 1;
}
