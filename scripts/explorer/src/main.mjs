// The page: which node it asks, and what it does with each block.

import { decimalsOf, formatAmount } from '../../lib/amount.mjs';
import { connect } from '../../lib/chain.mjs';
import { overview, timeOfBlock } from '../../lib/overview.mjs';
import { registryOf } from '../../lib/registry.mjs';
import { number } from './card.mjs';
import { byId, h } from './dom.mjs';
import { List } from './list.mjs';

const DEFAULT_RPC = 'ws://127.0.0.1:9944';
// A registry changes seldom: how long it isn't read again after it was read.
const PAUSE_MS = 4_000;
const RETRY_MS = 5_000;

const list = new List();
// Counts the nodes that were asked: what comes late from an earlier one is thrown away.
let session = 0;

/** Asks this node from now on; `again`: it was lost, and what it has said stays until it is back. */
async function ask(rpc, again = false) {
	session += 1;
	const mine = session;
	const current = () => mine === session;
	if (!again) {
		list.clear();
		byId('totals').hidden = true;
		say(`Asking ${rpc} …`);
	}
	let api;
	try {
		api = await connect(rpc);
		registryOf(api);
	} catch (error) {
		await api?.disconnect();
		if (current() && again) lost(rpc, current);
		else if (current()) failed(error, rpc, api === undefined);
		return;
	}
	if (!current()) return void api.disconnect();
	const [name, genesis] = [(await api.rpc.system.chain()).toString(), api.genesisHash.toHex()];
	byId('chain').textContent = `${name}, genesis ${genesis.slice(0, 10)}…${genesis.slice(-8)}`;
	byId('chain').title = genesis;
	document.title = `Thin: snapshots of ${name}`;
	follow(api, rpc, current);
}

/** Reads the registry at each finalized block, or at the last of those that come meanwhile. */
function follow(api, rpc, current) {
	const chain = {
		decimals: decimalsOf(api),
		symbol: api.registry.chainTokens[0] ?? '',
		rpc,
		// There is none in what polkadot-js makes of a node that doesn't list it.
		reach: api.rpc.thin?.reach?.raw,
	};
	const made = new Map();
	let wanted;
	let busy = false;
	api.once('disconnected', () => {
		if (current()) lost(rpc, current);
	});
	const read = async () => {
		busy = true;
		while (wanted && current()) {
			const header = wanted;
			wanted = undefined;
			try {
				const finalized = header.number.toNumber();
				const { snapshots, bonded } = await overview(await api.at(header.hash));
				for (const { id, origin, block_hash: hash } of snapshots) {
					if (origin !== 'native' || made.has(id)) continue;
					made.set(id, await timeOfBlock(api, hash));
				}
				if (!current()) break;
				totals(snapshots, bonded, chain);
				list.show(snapshots, chain, { finalized, now: Date.now(), made });
				say(`As of finalized block ${number(finalized)} of ${rpc}. Goes on by itself.`);
				goToAnchor();
			} catch (error) {
				if (current()) say(`The registry can't be read: ${error.message}`, true);
			}
			await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
		}
		busy = false;
	};
	api.rpc.chain
		.subscribeFinalizedHeads((header) => {
			if (!current()) return void api.disconnect();
			wanted = header;
			if (!busy) read();
		})
		.catch((error) => current() && say(`The node tells no new blocks: ${error.message}`, true));
}

function lost(rpc, current) {
	say(`The connection to ${rpc} is lost; what you see may be old. Trying again …`, true);
	setTimeout(() => current() && ask(rpc, true), RETRY_MS);
}

function totals(snapshots, bonded, { decimals, symbol }) {
	const certified = snapshots.filter(({ status }) => status === 'certified');
	const rows = [
		['Snapshots', number(snapshots.length)],
		['Certified', number(certified.length)],
		['Newest certified', certified.length ? `block ${number(certified[0].block_number)}` : 'none'],
		['Bonded by attesters', `${number(BigInt(formatAmount(bonded, decimals).split('.')[0]))} ${symbol}`],
	];
	const box = byId('totals');
	box.hidden = false;
	box.replaceChildren(...rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

function failed(error, rpc, noNode) {
	const hint =
		location.protocol === 'https:' && /^ws:\/\//.test(rpc)
			? ' A page that came over https may ask only wss:// addresses, and this machine.'
			: noNode
				? ' Is the node running, and may pages of other origins ask it (--rpc-cors)?'
				: '';
	say(`${error.message[0].toUpperCase()}${error.message.slice(1)}.${hint}`, true);
}

// Said once: a screen reader reads out each change of this line.
function say(text, wrong = false) {
	const state = byId('state');
	state.className = wrong ? 'wrong' : '';
	// Only what went wrong is worth interrupting for; blocks go by all the time.
	state.setAttribute('aria-live', wrong || !/^As of/.test(text) ? 'polite' : 'off');
	state.textContent = text;
}

let anchored = false;
function goToAnchor() {
	if (anchored || !/^#0x[0-9a-f]{64}$/.test(location.hash)) return;
	anchored = true;
	document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

const field = byId('rpc');
field.value = new URLSearchParams(location.search).get('rpc') ?? DEFAULT_RPC;
byId('connect').addEventListener('submit', (event) => {
	event.preventDefault();
	const rpc = field.value.trim();
	const address = new URL(location.href);
	address.searchParams.set('rpc', rpc);
	history.replaceState(null, '', address);
	ask(rpc);
});
ask(field.value.trim());
