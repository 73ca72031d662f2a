#!/usr/bin/env node
// Lists the registered snapshots.

import { command } from './lib/command.mjs';
import { allSnapshots } from './lib/registry.mjs';
import { bytes, table } from './lib/text.mjs';

await command(
	{
		name: 'list',
		summary: 'Lists the snapshots registered on a chain, the newest block first.',
		options: {
			certified: { type: 'boolean', default: false, help: 'only those that the quorum vouches for' },
		},
	},
	async ({ api, options }) => {
		const all = await allSnapshots(api);
		const snapshots = options.certified ? all.filter((s) => s.status === 'certified') : all;
		const rows = snapshots.map((s) => [
			s.id,
			s.block_number,
			s.status,
			s.attesters,
			s.database.kind,
			bytes(s.logical_size),
		]);
		return {
			text: rows.length
				? table([['ID', 'BLOCK', 'STATUS', 'ATTESTERS', 'DATABASE', 'SIZE'], ...rows])
				: 'no snapshots',
			json: { snapshots },
		};
	},
);
