#!/usr/bin/env node
// Lists the registered snapshots.

import { command } from './lib/command.mjs';
import { Unusable } from './lib/failure.mjs';
import { allSnapshots, certifiedSnapshots, pendingSnapshots } from './lib/registry.mjs';
import { bytes, table } from './lib/text.mjs';

await command(
	{
		name: 'list',
		examples: ['list.mjs', 'list.mjs --certified --json | jq -r .snapshots[].id'],
		summary: 'Lists the snapshots registered on a chain, the newest block first.',
		options: {
			certified: {
				type: 'boolean',
				default: false,
				help: 'only those that the quorum vouches for and that have not expired',
			},
			genesis: {
				type: 'string',
				value: 'HASH',
				help: 'with --certified: those of the chain with this genesis hash, not of this one',
			},
			pending: {
				type: 'boolean',
				default: false,
				help: 'only those that wait for attestations, in the order of their ids',
			},
		},
		check({ certified, genesis, pending }) {
			if (certified && pending) throw new Unusable('--certified and --pending exclude each other');
			if (genesis === undefined) return;
			if (!certified) throw new Unusable('--genesis goes with --certified');
			if (!/^0x[0-9a-fA-F]{64}$/.test(genesis)) {
				throw new Unusable('--genesis takes a hash: 0x and 64 hex digits');
			}
		},
	},
	async ({ api, options }) => {
		const snapshots = options.certified
			? await certifiedSnapshots(api, options.genesis)
			: await (options.pending ? pendingSnapshots(api) : allSnapshots(api));
		const rows = snapshots.map((s) => [
			s.id,
			s.block_number,
			s.origin,
			s.status,
			s.attesters,
			s.database.kind,
			bytes(s.logical_size),
		]);
		return {
			text: rows.length
				? table([['ID', 'BLOCK', 'ORIGIN', 'STATUS', 'ATTESTERS', 'DATABASE', 'SIZE'], ...rows])
				: 'no snapshots',
			json: { snapshots },
		};
	},
);
