#!/usr/bin/env node
// Takes Bob out of the validators and puts him back: GRANDPA's authorities change twice.
//
// Ends when the second change is in force, with the number of changes the chain has seen.

import { until } from './rpc.mjs';
import { account, submit } from '../lib/chain.mjs';
import { command } from '../lib/command.mjs';

await command(
	{
		name: 'demo/rotate',
		summary: 'Changes the GRANDPA authorities of a development chain twice.',
		signs: true,
	},
	async ({ api, options }) => {
		const signer = await account(options.seed);
		const bob = await account('//Bob');
		const setId = async () => (await api.query.grandpa.currentSetId()).toNumber();
		const before = await setId();
		let changes = 0;
		for (const change of ['removeMember', 'addMember']) {
			const call = api.tx.validatorMembership[change](bob.address);
			await submit(api, api.tx.sudo.sudo(call), signer, { inBlock: options['in-block'] });
			changes += 1;
			// A session has 10 blocks of 2 seconds, and a change waits for the end of the next one.
			await until(120, `authority set ${before + changes}`, async () =>
				(await setId()) >= before + changes ? true : undefined,
			);
		}
		const set = before + changes;
		return { text: `the authority set is ${set} now`, json: { set } };
	},
);
