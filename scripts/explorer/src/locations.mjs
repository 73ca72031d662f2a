// Where the image of a snapshot lies, and whether it is there.

import { copyButton, h } from './dom.mjs';
import { word } from './start.mjs';

// How JSON-RPC says that there is no such method; so does a node to those who may not use it.
const NO_METHOD = -32601;

/**
 * The locations of a snapshot, and a button that has the node ask them.
 *
 * `reach(id)` resolves to `[{ location, has_image, reason }]`, as the RPC `thin_reach` says it; it is
 * undefined when the node knows no such method.
 */
export function locationsOf({ id, image, locations }, { reach }) {
	if (!locations.length) {
		return [h('h3', {}, 'Locations'), h('p', { class: 'quiet' }, 'None is registered.')];
	}
	if (!reach) return [...listed(locations, () => null), byHand(image, locations[0])];
	const badges = new Map(locations.map((location) => [location, badge('not asked yet')]));
	const said = h('p', { class: 'quiet', role: 'status' });
	const button = h(
		'button',
		{
			type: 'button',
			'data-key': 'reach',
			async click() {
				button.disabled = true;
				said.textContent = 'Asking …';
				try {
					for (const reached of await reach(id)) show(badges.get(reached.location), reached);
					said.textContent = 'This is how the node sees them; others may be elsewhere in the network.';
				} catch (error) {
					said.textContent = why(error);
				}
				button.disabled = false;
			},
		},
		'Ask them for the image',
	);
	return [
		...listed(locations, (location) => badges.get(location)),
		h('p', {}, button),
		said,
		byHand(image, locations[0]),
	];
}

const listed = (locations, beside) => [
	h('h3', {}, 'Locations'),
	h(
		'ul',
		{},
		locations.map((location) =>
			h('li', {}, h('code', { class: 'wrap' }, location), ' ', beside(location)),
		),
	),
];

const badge = (text) => h('span', { class: 'badge plain' }, text);

function show(place, { has_image: has, reason }) {
	if (!place) return;
	place.textContent = has ? 'has the image' : has === false ? 'lacks the image' : 'does not answer';
	place.title = reason ?? '';
	place.className = `badge ${has ? 'good' : 'bad'}`;
}

function why(error) {
	return error.code === NO_METHOD
		? 'This node asks locations for its operator only, on an address that it counts as safe ' +
				'(--rpc-methods). The command below does it too.'
		: `The node can't say: ${error.message}.`;
}

/** A 0-db speaks no http, so a browser can't ask it anything; thin-mount can. */
function byHand(image, location) {
	const command = `thin-mount show ${image.slice(2)} \\\n  --store ${word(location)}`;
	return h(
		'div',
		{},
		h(
			'p',
			{ class: 'quiet' },
			'By hand (verify in place of show fetches and checks all of the image), as ' +
				'scripts/show.mjs --reach does, too:',
		),
		h(
			'div',
			{ class: 'command' },
			h('pre', { tabindex: 0, 'aria-label': 'Command to check a location' }, h('code', {}, command)),
			copyButton(command, 'the check'),
		),
	);
}
