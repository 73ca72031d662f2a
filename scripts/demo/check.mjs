#!/usr/bin/env node
// The questions that scripts/demo.sh asks of its nodes. Each prints one JSON value; what fails
// says so and ends with 1.
//
//   peer-id PORT SECONDS                     waits for the RPC
//   height PORT best|finalized NUMBER SECONDS   waits for the height
//   block-hash PORT NUMBER
//   first-answer PORT BLOCK-HASH START-MS SECONDS   waits for state at the block
//   thin-status PORT SNAPSHOT-JSON           and compares it with what was made
//   thin PORT                                what thin_status says: null on a node that isn't
//   duties PORT                              how its duties are doing, as thin_duties says it
//   history-checked PORT SECONDS             waits until the walk has reached genesis
//   history SOURCE-PORT PORT LOAD-JSON N     the same answers for state and blocks up to N
//   follows SOURCE-PORT PORT SECONDS         reaches the tip, and goes on with it
//   imports PORT METRICS-PORT                the blocks imported since the start
//   import-time METRICS-PORT                 how many there were, and the seconds for each

import { readFileSync } from 'node:fs';
import { accountKey, call, Failed, freeBalance, heights, metric, until } from './rpc.mjs';

// Everybody's favourite account: it exists in the genesis block of a development chain.
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';

const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const bare = (hash) => String(hash).replace(/^0x/, '').toLowerCase();

const questions = {
	'peer-id': (port, seconds) =>
		until(seconds, 'the RPC answers', () => call(port, 'system_localPeerId')),

	height: (port, kind, number, seconds) =>
		until(seconds, `${kind} block ${number}`, async () => {
			const reached = (await heights(port))[kind];
			return reached >= number ? reached : undefined;
		}),

	'block-hash': (port, number) => call(port, 'chain_getBlockHash', Number(number)),

	async 'first-answer'(port, hash, start, seconds) {
		const key = accountKey(ALICE);
		const answer = async () => (await call(port, 'state_getStorage', key, hash)) ?? undefined;
		// Short pauses: this is a measurement.
		await until(seconds, 'state at the block of the snapshot', answer, 20);
		return { seconds: (Date.now() - Number(start)) / 1000 };
	},

	async 'thin-status'(port, file) {
		const made = json(file);
		const status = await call(port, 'thin_status');
		for (const [name, wanted] of [
			['snapshot_id', made.snapshot_id],
			['image_id', made.image_id],
			['block', made.block],
		]) {
			if (bare(status?.[name]) !== bare(wanted)) {
				throw new Failed(`thin_status says ${name} ${status?.[name]}, but ${wanted} was made`);
			}
		}
		if (!Number.isSafeInteger(status.fetched_bytes) || status.fetched_bytes <= 0) {
			throw new Failed(`thin_status says that ${status.fetched_bytes} bytes were fetched`);
		}
		return status;
	},

	duties: (port) => call(port, 'thin_duties'),

	thin: (port) => call(port, 'thin_status'),

	'history-checked': (port, seconds) =>
		until(seconds, 'the walk to genesis', async () => {
			const { history } = await call(port, 'thin_status');
			const through = history.complete && history.checked_down_to === 0;
			return through && history.unproven === null ? history : undefined;
		}),

	async history(source, port, file, n) {
		const { accounts, amount, sender } = json(file);
		const last = Number(n);
		const early = accounts.reduce((a, b) => (a.block <= b.block ? a : b));
		if (early.block > last / 2) throw new Failed(`block ${early.block} is not long before ${last}`);

		// Who sends has another balance in nearly every block; who receives, since one block.
		let compared = 0;
		for (let number = 0; number <= last; number += 1) {
			const [theirs, ours] = await Promise.all([source, port].map((p) => block(p, number)));
			if (theirs !== ours) throw new Failed(`block ${number} is not the validator's`);
			const some = number % 8 === 0 || number === last ? accounts : [];
			for (const account of [sender, ...some.map((entry) => entry.account)]) {
				const [known, found] = await both(source, port, number, account);
				if (known !== found) {
					throw new Failed(
						`at block ${number} the balance of ${account} is ${known} for the validator, ` +
							`${found} for this node`,
					);
				}
				compared += 1;
			}
		}
		// The answers must be those of that block, not of another one.
		const [, before] = await both(source, port, early.block - 1, early.account);
		const [, after] = await both(source, port, early.block, early.account);
		if (before !== null || after !== BigInt(amount)) {
			throw new Failed(`a transfer of block ${early.block} shows ${before}, then ${after}`);
		}
		return { balances: compared, early_block: early.block, blocks: last + 1 };
	},

	async follows(source, port, seconds) {
		const goal = (await heights(source)).best;
		const tip = await until(seconds, `the tip, block ${goal}`, () => reached(port, 'best', goal));
		await until(seconds, `two blocks after ${tip}`, () => reached(port, 'best', tip + 2));
		await until(seconds, `block ${tip} is final`, () => reached(port, 'finalized', tip));
		const hashes = await Promise.all(
			[source, port].map((p) => call(p, 'chain_getBlockHash', tip + 1)),
		);
		if (hashes[0] !== hashes[1]) throw new Failed(`block ${tip + 1} is not the validator's`);
		return (await heights(port)).best;
	},

	async imports(port, metrics) {
		const count = await metric(metrics, 'substrate_import_queue_processed_total', {
			result: 'success',
		});
		const received = await metric(metrics, 'substrate_sub_libp2p_network_bytes_total', {
			direction: 'in',
		});
		const { best } = await heights(port);
		return { imported: count ?? 0, received_bytes: received ?? null, best };
	},

	async 'import-time'(metrics) {
		const name = 'substrate_block_verification_and_import_time';
		const [blocks, seconds] = await Promise.all(
			['count', 'sum'].map((part) => metric(metrics, `${name}_${part}`)),
		);
		if (!blocks) throw new Failed('no block was imported');
		return { blocks, per_block: seconds / blocks };
	},
};

async function reached(port, kind, number) {
	const height = (await heights(port))[kind];
	return height >= number ? height : undefined;
}

async function both(source, port, number, account) {
	const key = accountKey(account);
	const hash = await call(source, 'chain_getBlockHash', number);
	return Promise.all(
		[source, port].map(async (p) => freeBalance(await call(p, 'state_getStorage', key, hash))),
	);
}

async function block(port, number) {
	const hash = await call(port, 'chain_getBlockHash', number);
	if (hash === null) throw new Failed(`port ${port} has no block ${number}`);
	const answer = await call(port, 'chain_getBlock', hash);
	if (answer === null) throw new Failed(`port ${port} has no block ${number} with hash ${hash}`);
	// Justifications are kept by those who made or received them, and differ between nodes.
	return JSON.stringify([hash, answer.block]);
}

const [question, ...values] = process.argv.slice(2);
if (!Object.hasOwn(questions, question ?? '')) {
	console.error(`error: no such question: ${question}`);
	process.exit(2);
}
try {
	console.log(JSON.stringify(await questions[question](...values)));
} catch (error) {
	console.error(`error: ${question}: ${error.cause?.code ?? error.message}`);
	process.exitCode = 1;
}
