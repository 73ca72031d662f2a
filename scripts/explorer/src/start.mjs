// What to type to start a node from a snapshot, and when there is nothing to type.

/**
 * `{ command, note }`: a note says what speaks against it; no command, when a node would refuse.
 *
 * `rpc`: the address that this page asks. A value that isn't known stands in capitals.
 */
export function startOf(snapshot, rpc) {
	const { id, status, origin, locations } = snapshot;
	const base = ['thin-node --chain SPEC --base-path NEW-DIR', `--thin-from ${id}`];
	if (origin === 'foreign') {
		const note =
			"It is of another chain: SPEC and the node program are that chain's. The node proves the " +
			"block from that chain's genesis. It can't ask this registry, so look at the status yourself.";
		if (!['certified', 'pending'].includes(status) || !locations.length) {
			return { note: refusal(snapshot) };
		}
		const stores = locations.map((location) => `--thin-store ${word(location)}`);
		return { command: [...base, ...stores, '--thin-allow-uncertified'].join(' \\\n  '), note };
	}
	const lines = [...base, `--thin-proof ${word(rpc)}`];
	if (status === 'certified') return { command: lines.join(' \\\n  ') };
	if (status === 'pending') {
		return {
			command: [...lines, '--thin-allow-uncertified'].join(' \\\n  '),
			note: 'No quorum vouches for it yet: nobody says that the image is complete.',
		};
	}
	return { note: refusal(snapshot) };
}

function refusal({ status, locations }) {
	if (status === 'fraudulent') return 'It was found wrong: a node refuses it. Choose another one.';
	if (status === 'disputed') return 'Somebody says it is wrong: a node refuses it until the verdict.';
	if (status === 'retired') return 'Its publisher ended it: a node refuses it. Choose another one.';
	return locations.length ? `A node refuses what is ${status}.` : 'No location of its image is known.';
}

/** One word for a shell: an address comes from a chain or a link, and must stay a word. */
export function word(text) {
	return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
