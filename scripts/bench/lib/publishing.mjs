#!/usr/bin/env node
// What publishing costs, from what a node that publishes and one that doesn't were seen to do with the same blocks:
// publishing.mjs ROUNDS [--json]. A round: { alone, publishing }, each { seconds, samples }. A sample: { blocks,
// seconds, making }, the first two since the start of the node.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { median } from './figures.mjs';

/** The seconds that the first `blocks` took: between two samples, every block counts the same. */
export function secondsFor(samples, blocks) {
	const after = samples.findIndex((sample) => sample.blocks >= blocks);
	if (after < 0) return samples.at(-1)?.seconds ?? 0;
	const [to, from] = [samples[after], samples[after - 1] ?? { blocks: 0, seconds: 0 }];
	if (to.blocks === from.blocks) return to.seconds;
	const share = (blocks - from.blocks) / (to.blocks - from.blocks);
	return from.seconds + share * (to.seconds - from.seconds);
}

/**
 * The blocks that were imported while snapshots were made, and the seconds that they took: this node, and the same
 * blocks the other one.
 */
export function whileMaking(samples, others) {
	const found = { snapshots: 0, blocks: 0, seconds: 0, others: 0 };
	samples.forEach((sample, index) => {
		if (!sample.making) return;
		const next = samples[index + 1];
		if (!samples[index - 1]?.making) found.snapshots += 1;
		// What came between two samples of which only one was making is left out.
		if (!next?.making || next.blocks === sample.blocks) return;
		found.blocks += next.blocks - sample.blocks;
		found.seconds += next.seconds - sample.seconds;
		found.others += secondsFor(others, next.blocks) - secondsFor(others, sample.blocks);
	});
	return found;
}

/** Rounds, each of `{ alone: { seconds, samples }, publishing: { seconds, samples } }`, in a few figures. */
export function summary(rounds) {
	const each = rounds.map(({ alone, publishing }) => {
		const making = whileMaking(publishing.samples, alone.samples);
		const [plain, other] = [alone, publishing].map(({ samples }) => samples.at(-1));
		return {
			...making,
			ratio: making.others > 0 ? making.seconds / making.others : null,
			all: other.seconds / other.blocks / (plain.seconds / plain.blocks),
			sync: publishing.seconds / alone.seconds,
			alone_ms: (plain.seconds / plain.blocks) * 1000,
		};
	});
	const sum = (name) => each.reduce((total, round) => total + round[name], 0);
	return {
		rounds: each.length,
		snapshots: sum('snapshots'),
		blocks: sum('blocks'),
		alone_ms: median(each.map((round) => round.alone_ms)),
		import_ratio: sum('others') > 0 ? sum('seconds') / sum('others') : null,
		import_ratios: each.map((round) => round.ratio),
		whole_ratio: median(each.map((round) => round.all)),
		sync_ratio: median(each.map((round) => round.sync)),
	};
}

const two = (value) => (value === null ? '-' : value.toFixed(2));

function table(found) {
	return [
		`${found.rounds} rounds; ${found.snapshots} snapshots made, ${found.blocks} blocks imported meanwhile; ` +
			`alone, a block takes ${two(found.alone_ms)} ms`,
		'| publishing against alone | ratio |',
		'|---|---|',
		`| import of a block while a snapshot is made | ${two(found.import_ratio)} |`,
		`| import of a block, pauses included | ${two(found.whole_ratio)} |`,
		`| the whole sync | ${two(found.sync_ratio)} |`,
		`import while a snapshot is made, each round: ${found.import_ratios.map(two).join(', ')}`,
	].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [path, json] = process.argv.slice(2);
	const lines = readFileSync(path, 'utf8').trim().split('\n');
	const found = summary(lines.map((line) => JSON.parse(line)));
	if (found.blocks === 0) {
		console.error('error: no block was imported while a snapshot was made: take a larger chain, with --size');
		process.exit(1);
	}
	console.log(table(found));
	if (json) console.log(JSON.stringify(found));
}
