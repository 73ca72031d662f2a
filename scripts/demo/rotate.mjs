#!/usr/bin/env node
// Takes Bob out of the validators or puts him back, again and again: each time GRANDPA's
// authorities change. Root makes the sessions short meanwhile, as a change waits for the end of
// the next one.
//
// Ends when the last change is in force, with the set that is in charge.

import { xxhashAsHex } from '@polkadot/util-crypto';
import { until } from './rpc.mjs';
import { account, submit } from '../lib/chain.mjs';
import { command } from '../lib/command.mjs';
import { Unusable } from '../lib/failure.mjs';

// As the runtime keeps it: `pub storage SessionLength`, a u32.
const LENGTH = xxhashAsHex(':SessionLength:', 128);
// The last block of a session takes no transactions.
const SHORT = '0x02000000';

await command(
	{
		name: 'demo/rotate',
		summary: 'Changes the GRANDPA authorities of a development chain again and again.',
		signs: true,
		options: {
			changes: { type: 'string', default: '20', value: 'N', help: 'how often: after an odd number Bob is out, or in again' },
		},
		check(options) {
			if (!/^[1-9]\d{0,3}$/.test(options.changes)) {
				throw new Unusable(`--changes takes a number, not '${options.changes}'`);
			}
		},
	},
	async ({ api, options }) => {
		const changes = Number(options.changes);
		const signer = await account(options.seed);
		const bob = await account('//Bob');
		const setId = async () => (await api.query.grandpa.currentSetId()).toNumber();
		const asRoot = (call) =>
			submit(api, api.tx.sudo.sudo(call), signer, { inBlock: options['in-block'] });

		const set = (await setId()) + changes;
		await asRoot(api.tx.system.setStorage([[LENGTH, SHORT]]));
		let isIn = (await api.query.validatorMembership.members()).some((one) => one.eq(bob.address));
		for (let change = 0; change < changes; change += 1) {
			// No two of them get into one session: only one of its blocks takes transactions.
			const call = isIn ? 'removeMember' : 'addMember';
			await asRoot(api.tx.validatorMembership[call](bob.address));
			isIn = !isIn;
		}
		await until(120, `authority set ${set}`, async () =>
			(await setId()) >= set ? true : undefined,
		);
		await asRoot(api.tx.system.killStorage([LENGTH]));
		return { text: `the authority set is ${set} now`, json: { set, changes } };
	},
);
