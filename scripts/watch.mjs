#!/usr/bin/env node
// Shows the registry, and goes on showing it as the chain goes on.

import { decimalsOf, formatAmount } from './lib/amount.mjs';
import { command } from './lib/command.mjs';
import { Unusable } from './lib/failure.mjs';
import { overview, span, timeOfBlock } from './lib/overview.mjs';
import { registryOf } from './lib/registry.mjs';
import { bytes, table } from './lib/text.mjs';

await command(
	{
		name: 'watch',
		examples: ['watch.mjs --url wss://rpc.example.org'],
		summary:
			'Shows the registry at each finalized block, until it is stopped (Ctrl-C). On a terminal ' +
			'the table stays in place; elsewhere, and with --json, a new one is written when it differs.',
		options: {
			blocks: { type: 'string', value: 'N', help: 'stop after so many finalized blocks' },
		},
		check({ blocks }) {
			if (blocks !== undefined && !/^[1-9]\d{0,8}$/.test(blocks)) {
				throw new Unusable(`--blocks takes a number, not '${blocks}'`);
			}
		},
	},
	async ({ api, options }) => {
		registryOf(api);
		// Whoever reads may have seen enough (`watch.mjs | head`).
		process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 2));
		const most = Number(options.blocks ?? Infinity);
		const show = options.json ? writer() : process.stdout.isTTY ? screen(api) : pages(api);
		const lost = new Promise((_, reject) => {
			api.once('disconnected', () => reject(new Unusable('the connection to the node is lost')));
		});
		const stopped = watch(api, most, show);
		const blocks = await Promise.race([stopped, lost]);
		return { text: `watched ${blocks} finalized blocks`, json: { blocks } };
	},
);

/** Calls `show` with what the registry holds at each finalized block; resolves after `most`. */
function watch(api, most, show) {
	const made = new Map();
	let seen = 0;
	let wanted;
	let busy = false;
	return new Promise((resolve, reject) => {
		const work = async () => {
			busy = true;
			while (wanted) {
				const header = wanted;
				wanted = undefined;
				const { snapshots, bonded } = await overview(await api.at(header.hash));
				for (const { id, origin, block_hash: hash } of snapshots) {
					if (origin !== 'native' || made.has(id)) continue;
					made.set(id, await timeOfBlock(api, hash));
				}
				show({ finalized: header.number.toNumber(), snapshots, bonded, made });
				seen += 1;
				if (seen >= most) return resolve(seen);
			}
			busy = false;
		};
		api.rpc.chain
			.subscribeFinalizedHeads((header) => {
				// When blocks come faster than they are read, only the newest counts.
				wanted = header;
				if (!busy) work().catch(reject);
			})
			.catch(reject);
	});
}

function rowsOf({ snapshots, made }, api) {
	const amount = (units) => formatAmount(units, decimalsOf(api));
	return [
		['ID', 'BLOCK', 'AGE', 'STATUS', 'STAKE', 'NEEDED', 'ATTESTERS', 'LOCATIONS', 'SIZE'],
		...snapshots.map((s) => [
			// As many digits as tell them apart; list.mjs and show.mjs have all.
			`${s.id.slice(0, 14)}…`,
			s.block_number,
			made.get(s.id) === undefined ? '-' : span(Date.now() - made.get(s.id)),
			s.status,
			amount(s.attested),
			neededBy(s, amount),
			s.attesters,
			s.locations.length,
			bytes(s.logical_size),
		]),
	];
}

/** What a pending snapshot needs now, or a certified one needed then. */
function neededBy({ status, required, quorum }, amount) {
	const needed = status === 'pending' ? required : quorum;
	return needed === null || needed === '0' ? '-' : amount(needed);
}

/** In place: what stood there before is overwritten. */
function screen(api) {
	return (state) => {
		const { finalized, snapshots, bonded } = state;
		const head = `finalized block ${finalized}, ${formatAmount(bonded, decimalsOf(api))} bonded`;
		const body = snapshots.length ? table(rowsOf(state, api)) : 'no snapshots';
		process.stdout.write(`\x1b[H\x1b[2J${head}\n\n${body}\n`);
	};
}

/** One below the other, and only what is new: ages alone are not. */
function pages(api) {
	let before;
	return (state) => {
		const { finalized, snapshots } = state;
		const now = JSON.stringify(snapshots);
		if (now === before) return;
		before = now;
		const body = snapshots.length ? table(rowsOf(state, api)) : 'no snapshots';
		process.stdout.write(`finalized block ${finalized}\n${body}\n\n`);
	};
}

/** One JSON object a line. */
function writer() {
	let before;
	return ({ finalized, snapshots, bonded }) => {
		const now = JSON.stringify({ bonded, snapshots });
		if (now === before) return;
		before = now;
		process.stdout.write(`${JSON.stringify({ finalized, bonded, snapshots })}\n`);
	};
}
