// What to type to start a node from a snapshot, and when there is nothing to type.

/**
 * `{ command, note }`: a note says what speaks against it; no command, when a node would refuse.
 *
 * `rpc`: the address that this page asks. A value that isn't known stands in capitals.
 */
export function startOf(snapshot, rpc) {
	const { id, status, origin, locations } = snapshot;
	const base = ['thin-node --chain SPEC --base-path NEW-DIR', `--thin-from ${id}`];
	const lines = [...base, `--thin-proof ${word(rpc)}`];
	const notes = [];
	if (origin === 'foreign') {
		if (!locations.length) return { note: refusal(snapshot) };
		lines.push('--thin-registry REGISTRY-SPEC');
		notes.push(
			"It is of another chain: SPEC and the node program are that chain's, and REGISTRY-SPEC is the " +
				'spec of this one. The node proves the registration from the genesis of this chain, and the ' +
				'block from that of its own.',
		);
	}
	if (status === 'pending') {
		lines.push('--thin-allow-uncertified');
		notes.push('No quorum vouches for it yet: nobody says that the image is complete.');
	} else if (status !== 'certified') {
		return { note: refusal(snapshot) };
	}
	const command = lines.join(' \\\n  ');
	return notes.length ? { command, note: notes.join(' ') } : { command };
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
