#!/usr/bin/env node
// Builds the page of the registry: three files for any web server, or for a browser alone.

import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const HELP = `Builds the web page of the registry: static files that ask a node's RPC.

Usage: node scripts/explorer/build.mjs [--out DIR] [--help]

  --out DIR  where to put them [scripts/explorer/dist]

Open index.html in a browser, or put the folder on any web server; ?rpc=wss://… in the address
says which node is asked.

Exit codes: 0 built, 1 the build failed, 2 wrong usage.`;

const here = dirname(fileURLToPath(import.meta.url));
let options;
try {
	options = parseArgs({
		options: { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
	}).values;
} catch (error) {
	console.error(`error: ${error.message}; see --help`);
	process.exit(2);
}
if (options.help) {
	console.log(HELP);
	process.exit(0);
}
const out = options.out ?? join(here, 'dist');
try {
	mkdirSync(out, { recursive: true });
	await build({
		entryPoints: [join(here, 'src/main.mjs')],
		outfile: join(out, 'explorer.js'),
		bundle: true,
		minify: true,
		// No module: browsers load those from a web server only, and not from a file.
		format: 'iife',
		target: 'es2022',
		legalComments: 'linked',
		logLevel: 'warning',
	});
	for (const file of ['index.html', 'explorer.css']) cpSync(join(here, file), join(out, file));
	console.log(out);
} catch (error) {
	console.error(`error: the page can't be built: ${error.message}`);
	process.exit(1);
}
