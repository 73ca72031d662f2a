// What is made of single figures: medians, spreads, ratios, and whether targets are met.

export function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Figures by case, and in each case by side; ratios are to the side that came first. */
export function summarize(figures) {
	const cases = new Map();
	for (const { measure, case: name, side, unit, value } of figures) {
		const key = `${measure}/${name}/${unit}`;
		if (!cases.has(key)) cases.set(key, { measure, case: name, unit, sides: new Map() });
		const { sides } = cases.get(key);
		if (!sides.has(side)) sides.set(side, []);
		sides.get(side).push(value);
	}
	return [...cases.values()].map(({ sides, ...rest }) => {
		const first = median(sides.values().next().value);
		const summaries = [...sides].map(([side, values], index) => ({
			side,
			median: median(values),
			lowest: Math.min(...values),
			highest: Math.max(...values),
			runs: values.length,
			ratio: index === 0 || first === 0 ? null : median(values) / first,
		}));
		return { ...rest, sides: summaries };
	});
}

// What section "Targets" of docs/PERFORMANCE.md says. `of` is [measure, case, unit, side]; the
// value is its median, divided by that of `to` where there is one. "As fast as", "flat": within a quarter,
// since such figures spread.
const GIGABYTE = 1e9;
const TARGETS = [
	{ of: ['start', 'from this machine', 's', 'thin, cold'], to: 'native', most: 2,
		text: 'start, cold, at most 2 times a warm native one' },
	{ of: ['start', 'over 100 Mbit/s', 's', 'tarball'], to: 'thin, cold', least: 20, from: GIGABYTE,
		text: 'a tarball of 1 GB or more takes at least 20 times as long (100 Mbit/s)' },
	{ of: ['start', 'fetched', 'bytes', 'thin, cold'], to: 'database', most: 0.01, from: GIGABYTE,
		text: 'a cold start fetches at most 1 % of 1 GB or more' },
	{ of: ['read', 'random 16 KiB, cold', 'µs', 'mount'], to: 'raw GET', most: 1.5,
		text: 'random 16 KiB, cold, at most 1.5 times a raw GET' },
	{ of: ['read', 'random 16 KiB, answered by thin-mount', 'reads/s', 'mount, no passthrough'], least: 30 * 450,
		text: 'cached reads without passthrough, at least 30 times the 450/s of rfs' },
	{ of: ['read', 'random 16 KiB, from disk', 'reads/s', 'mount, passthrough'], to: 'plain file', least: 0.95,
		text: 'hydrated reads with passthrough, from disk, at least 95 % of the plain file' },
	{ of: ['read', 'random 16 KiB, from memory', 'reads/s', 'mount, passthrough'], to: 'plain file', least: 0.95,
		text: 'hydrated reads with passthrough, from memory, at least 95 % of the plain file' },
	{ of: ['hydrate', 'whole image', 'MB/s', 'hydrate'], to: 'raw MGET', least: 0.8,
		text: 'hydration, at least 80 % of a raw MGET loop' },
	{ of: ['pack', 'a second snapshot', 'bytes', 'uploaded'], to: 'changed', most: 1.1,
		text: 'a second snapshot uploads at most 1.1 times what changed' },
	{ of: ['pack', 'the whole database', 'MB/s', 'pack'], least: 3 * 150,
		text: 'pack, at least 3 times the 150 MB/s of rfs' },
	{ of: ['import', 'blocks, in turn', 'ms', 'thin'], to: 'native', most: 1 / 0.95,
		text: 'block import after the first hour, at most 1.05 times as long as native' },
	{ of: ['sparse', 'mounting', 's', '1 TB'], to: '1 GB', most: 1.25,
		text: '1 TB mounts as fast as 1 GB' },
	{ of: ['sparse', 'memory', 'MB', '1 TB'], to: '1 GB', most: 1.25,
		text: 'memory is flat: a mount of 1 TB takes what one of 1 GB takes' },
];

/** The targets that this run has figures for. */
export function judge(cases) {
	const side = ([measure, name, unit, wanted]) =>
		cases
			.find((one) => one.measure === measure && one.case === name && one.unit === unit)
			?.sides.find((one) => one.side === wanted)?.median;
	const judged = [];
	for (const { of, to, most, least, from, text } of TARGETS) {
		const value = side(of);
		const base = to === undefined ? 1 : side([...of.slice(0, 3), to]);
		if (value === undefined || !base) continue;
		// What is said of large databases only.
		if (from && (side(['start', 'fetched', 'bytes', 'database']) ?? 0) < from) continue;
		const is = value / base;
		const met = least === undefined ? is <= most : is >= least;
		judged.push({ text, value: is, limit: most ?? least, met });
	}
	return judged;
}
