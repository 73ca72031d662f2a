#!/usr/bin/env node
// The table at the end of the demo, from the figures on standard input.

import { readFileSync } from 'node:fs';
import { bytes, table } from '../lib/text.mjs';

const { block, transfers, database, thin, full } = JSON.parse(readFileSync(0, 'utf8'));
const size = (count) => (count === null ? 'not measured' : bytes(count));
const rows = [
	['until state at block N is answered', 'from the snapshot', 'full sync'],
	['seconds', thin[0].toFixed(1), full[0].toFixed(1)],
	['bytes fetched', size(thin[1]), size(full[1])],
	['blocks imported', thin[2], full[2]],
	['disk taken at the end', size(thin[3]), size(full[3])],
];
console.log(`N = ${block}, ${transfers} transfers, a database of ${bytes(database)}\n`);
console.log(table(rows));
