// Figures and tables for people.

/** A number of bytes with a unit: `1.5 MiB`. */
export function bytes(count) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let value = count;
	let unit = 0;
	while (value >= 1024 && unit < units.length - 1) {
		value /= 1024;
		unit += 1;
	}
	return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** Rows in columns; the first row is the heading. */
export function table(rows) {
	const cells = rows.map((row) => row.map(String));
	const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
	return cells
		.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd())
		.join('\n');
}

/** Lines of `name  value`, aligned. */
export function pairs(entries) {
	return table(entries.map(([name, value]) => [name, value]));
}
