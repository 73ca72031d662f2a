// One snapshot.

import { formatAmount } from '../../lib/amount.mjs';
import { span } from '../../lib/overview.mjs';
import { bytes } from '../../lib/text.mjs';
import { copyButton, h } from './dom.mjs';
import { locationsOf } from './locations.mjs';
import { startOf } from './start.mjs';

const NUMBER = new Intl.NumberFormat('en');
export const number = (value) => NUMBER.format(value);

const short = (hash) => `${hash.slice(0, 10)}…${hash.slice(-8)}`;

/**
 * The card of a snapshot.
 *
 * `chain`: `{ decimals, symbol, rpc, reach }`; see `locationsOf` for the last. Its `[data-age]` is left to `setAge`, which is called
 * for each block; all else changes only when the snapshot does.
 */
export function card(snapshot, chain) {
	const { id, status } = snapshot;
	const title = `title-${id}`;
	return h(
		'article',
		{ id, class: `card is-${status}`, 'aria-labelledby': title, 'data-status': status },
		h(
			'div',
			{ class: 'head' },
			h('h2', { id: title }, `Block ${number(snapshot.block_number)}`),
			h('span', { class: 'badge' }, status),
			snapshot.origin === 'foreign' ? h('span', { class: 'badge plain' }, 'another chain') : null,
			h('span', { class: 'age quiet', 'data-age': '' }),
		),
		h(
			'p',
			{ class: 'id' },
			h('a', { href: `#${id}`, title: 'Link to this snapshot' }, h('code', {}, id)),
			copyButton(id, 'the snapshot id'),
		),
		h('dl', { class: 'facts' }, facts(snapshot, chain)),
		dispute(snapshot),
		start(snapshot, chain),
		more(snapshot, chain),
	);
}

/** `finalized`: the number of the block that the page shows; `made`: when block N was made. */
export function setAge(element, snapshot, { finalized, now, made }) {
	const parts = [];
	if (made !== undefined) parts.push(`${span(now - made)} old`);
	if (snapshot.origin === 'native') {
		parts.push(`${number(Math.max(0, finalized - snapshot.block_number))} blocks behind`);
	} else {
		parts.push(`registered ${number(Math.max(0, finalized - snapshot.registered_at))} blocks ago`);
	}
	const text = parts.join(' · ');
	const place = element.querySelector('[data-age]');
	if (place.textContent !== text) place.textContent = text;
}

const fact = (name, ...value) => h('div', {}, h('dt', {}, name), h('dd', {}, ...value));

function facts(snapshot, chain) {
	const { database, pruning } = snapshot;
	return [
		fact('Size', bytes(snapshot.logical_size)),
		fact('Stake', stake(snapshot, chain)),
		fact('Attesters', String(snapshot.attesters)),
		fact('Database', `${database.kind} ${database.version}`),
		fact('States', typeof pruning === 'string' ? pruning : `last ${number(pruning.keep)}`),
	];
}

const amount = (units, { decimals, symbol }) => {
	const [whole, fraction] = formatAmount(units, decimals).split('.');
	return `${number(BigInt(whole))}${fraction ? `.${fraction.slice(0, 3)}` : ''} ${symbol}`;
};

function stake(snapshot, chain) {
	const needed = snapshot.status === 'pending' ? snapshot.required : snapshot.quorum;
	const text = amount(snapshot.attested, chain);
	if (!needed || needed === '0') return text;
	const share = Number((BigInt(snapshot.attested) * 100n) / BigInt(needed));
	return [
		`${text} `,
		h('span', { class: 'quiet' }, `of ${amount(needed, chain)} needed`),
		h('meter', { min: 0, max: 100, value: Math.min(share, 100), 'aria-hidden': 'true' }),
	];
}

function dispute({ dispute: open }) {
	if (!open) return null;
	return h(
		'p',
		{ class: 'note' },
		`Disputed since block ${number(open.since)} by `,
		h('code', { title: open.reporter }, short(open.reporter)),
		`; without a verdict the dispute lapses in block ${number(open.lapses_at)}. Evidence: `,
		h('code', { class: 'wrap' }, open.evidence),
	);
}

function start(snapshot, chain) {
	const { command, note } = startOf(snapshot, chain.rpc);
	return h(
		'div',
		{ class: 'start' },
		note ? h('p', { class: 'note' }, note) : null,
		command
			? h(
					'div',
					{ class: 'command' },
					h('pre', { tabindex: 0, 'aria-label': 'Command to start from it' }, h('code', {}, command)),
					copyButton(command, 'the command'),
				)
			: null,
	);
}

function more(snapshot, chain) {
	const { attestations, locations } = snapshot;
	const summary = `${locations.length} location${locations.length === 1 ? '' : 's'}, attesters, hashes`;
	return h(
		'details',
		{},
		h('summary', { 'data-key': 'more' }, summary),
		locationsOf(snapshot, chain),
		h('h3', {}, 'Attesters'),
		attestations.length
			? h(
					'ul',
					{},
					attestations.map(({ attester, stake: units, at }) =>
						h(
							'li',
							{},
							h('code', { class: 'wrap' }, attester),
							` ${amount(units, chain)}, since block ${number(at)}`,
						),
					),
				)
			: h('p', { class: 'quiet' }, 'Nobody vouches for it.'),
		h('h3', {}, 'Manifest'),
		h('dl', { class: 'hashes' }, manifest(snapshot)),
	);
}

function manifest(snapshot) {
	return [
		['Block hash', snapshot.block_hash],
		['State root', snapshot.state_root],
		['Image', snapshot.image],
		['Genesis', snapshot.genesis_hash],
		['Publisher', snapshot.publisher],
		['Registered', `block ${number(snapshot.registered_at)}`],
		['Expires', `block ${number(snapshot.expires_at)}`],
		['Bound until', snapshot.bound_until ? `block ${number(snapshot.bound_until)}` : 'not certified'],
	].map(([name, value]) => fact(name, h('code', { class: 'wrap' }, value)));
}
