#!/usr/bin/env node
// Shows one registered snapshot.

import { decimalsOf, formatAmount } from './lib/amount.mjs';
import { command } from './lib/command.mjs';
import { reach } from './lib/reach.mjs';
import { parseSnapshotId, snapshotById } from './lib/registry.mjs';
import { bytes, pairs } from './lib/text.mjs';

await command(
	{
		name: 'show',
		examples: [
			'show.mjs 0x5f0c…',
			'show.mjs 0x5f0c… --reach',
			'show.mjs 0x5f0c… --json | jq .status',
		],
		summary: 'Shows a snapshot: its manifest, its status, who vouches for it, where its chunks are.',
		arguments: [['ID', 'the snapshot id']],
		options: {
			reach: {
				type: 'boolean',
				default: false,
				help: 'also ask each location from here whether it has the image',
			},
		},
	},
	async ({ api, options, values: [text] }) => {
		const snapshot = await snapshotById(api, parseSnapshotId(text));
		const reached = options.reach
			? await Promise.all(snapshot.locations.map((location) => reach(location, snapshot.image)))
			: snapshot.locations.map((location) => ({ location }));
		const amount = (units) => formatAmount(units, decimalsOf(api));
		const { pruning, database, dispute } = snapshot;
		const lines = [
			['snapshot', snapshot.id],
			['status', snapshot.status],
			['block', `${snapshot.block_number} ${snapshot.block_hash}`],
			['state root', snapshot.state_root],
			['genesis', snapshot.genesis_hash],
			['image', snapshot.image],
			['size', bytes(snapshot.logical_size)],
			['database', `${database.kind}, version ${database.version}`],
			['pruning', typeof pruning === 'string' ? pruning : `keeps ${pruning.keep} blocks`],
			['origin', snapshot.origin],
			['publisher', snapshot.publisher],
			[
				'registered',
				`in block ${snapshot.registered_at}, ` +
					`${snapshot.expired ? 'expired' : 'expires'} in ${snapshot.expires_at}`,
			],
			[
				'attested',
				`${amount(snapshot.attested)} by ${snapshot.attesters}, ` +
					`${amount(snapshot.standing_stake)} of it can be slashed; ` +
					`a pending one needs ${amount(snapshot.required_stake)} now`,
			],
			...(snapshot.reward === '0' ? [] : [['reward', amount(snapshot.reward)]]),
			...(dispute === null
				? []
				: [
						[
							'dispute',
							`by ${dispute.reporter} since block ${dispute.since}, ` +
								`lapses in ${dispute.lapses_at}; evidence ${dispute.evidence}`,
						],
					]),
			...snapshot.attestations.map(({ attester, stake, at }) => [
				'attester',
				`${attester} with ${amount(stake)} since block ${at}`,
			]),
			...reached.map(({ location, has_image, reason }) => {
				const found = has_image ? ', has the image' : `, ${reason}`;
				return ['location', options.reach ? location + found : location];
			}),
		];
		const json = options.reach ? { ...snapshot, reached } : snapshot;
		return { text: pairs(lines), json };
	},
);
