// The list: cards that keep what their reader has opened and focused when the chain goes on.

import { card, setAge } from './card.mjs';
import { byId, h } from './dom.mjs';

const FILTERS = [
	['all', () => true],
	['certified', (status) => status === 'certified'],
	['pending', (status) => status === 'pending'],
	['disputed', (status) => status === 'disputed'],
	['ended', (status) => status === 'retired' || status === 'fraudulent'],
];

export class List {
	#cards = new Map();
	#filter = 'all';
	#snapshots = [];

	clear() {
		this.#cards.clear();
		this.#snapshots = [];
		byId('list').replaceChildren();
		byId('filters').hidden = true;
	}

	/** `chain`: see `card`; `clock`: `{ finalized, now, made: Map of id to milliseconds }`. */
	show(snapshots, chain, clock) {
		this.#snapshots = snapshots;
		const known = new Set(snapshots.map(({ id }) => id));
		for (const id of [...this.#cards.keys()].filter((id) => !known.has(id))) this.#cards.delete(id);
		for (const snapshot of snapshots) this.#update(snapshot, chain);
		this.#arrange();
		this.tick(clock);
	}

	/** Sets what changes with each block. */
	tick({ finalized, now, made }) {
		for (const snapshot of this.#snapshots) {
			const { element } = this.#cards.get(snapshot.id);
			setAge(element, snapshot, { finalized, now, made: made.get(snapshot.id) });
		}
	}

	#update(snapshot, chain) {
		const signature = JSON.stringify([snapshot, chain]);
		const before = this.#cards.get(snapshot.id);
		if (before?.signature === signature) return;
		const element = card(snapshot, chain);
		if (before) replace(before.element, element);
		this.#cards.set(snapshot.id, { element, signature });
	}

	#arrange() {
		const chosen = FILTERS.find(([name]) => name === this.#filter)[1];
		const visible = this.#snapshots.filter(({ status }) => chosen(status));
		const list = byId('list');
		const elements = visible.map(({ id }) => this.#cards.get(id).element);
		// Moving an element takes the focus from what is in it: only what differs is touched.
		for (const [i, element] of elements.entries()) {
			if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
		}
		while (list.children.length > elements.length) list.lastChild.remove();
		if (!elements.length) list.append(h('p', { class: 'empty' }, this.#nothing()));
		this.#showFilters();
	}

	#nothing() {
		return this.#snapshots.length
			? `No snapshot is ${this.#filter}.`
			: 'No snapshot is registered on this chain. Make one with thin-node snapshot create.';
	}

	#showFilters() {
		const box = byId('filters');
		box.hidden = this.#snapshots.length === 0;
		const focused = box.contains(document.activeElement) && document.activeElement.dataset.name;
		box.replaceChildren(
			...FILTERS.map(([name, chosen]) => {
				const count = this.#snapshots.filter(({ status }) => chosen(status)).length;
				return h(
					'button',
					{
						type: 'button',
						'data-name': name,
						'aria-pressed': String(name === this.#filter),
						click: () => {
							this.#filter = name;
							this.#arrange();
						},
					},
					`${name} ${count}`,
				);
			}),
		);
		if (focused) box.querySelector(`[data-name="${focused}"]`).focus();
	}
}

/** Puts one card in the place of another, as open and as focused as that was. */
function replace(before, after) {
	after.querySelector('details').open = before.querySelector('details').open;
	const key = before.contains(document.activeElement) && document.activeElement.dataset.key;
	before.replaceWith(after);
	if (key) after.querySelector(`[data-key="${key}"]`)?.focus();
}
