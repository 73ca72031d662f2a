// The frame of a command: its options, its help, what it prints, its exit code.

import { parseArgs } from 'node:util';
import { connect } from './chain.mjs';
import { Unusable } from './failure.mjs';

const SHARED = {
	url: { type: 'string', default: 'ws://127.0.0.1:9944', help: 'the RPC of a node' },
	json: { type: 'boolean', default: false, help: 'print one JSON object instead of text' },
	help: { type: 'boolean', short: 'h', default: false, help: 'print this and stop' },
};

const SIGNING = {
	seed: {
		type: 'string',
		default: '//Alice',
		help: 'the secret of the account that signs: a phrase, 0x and 64 hex digits, or a derivation',
	},
	'in-block': {
		type: 'boolean',
		default: false,
		help: 'be content with a block; without it, wait until the block is final',
	},
};

/**
 * Runs a command and ends the process when it is through.
 *
 * `about`: { name, examples, summary, signs, arguments: [[NAME, help]…], options }. Every argument is
 * required. `run` gets `{ api, options, values }` and returns `{ text, json }`.
 */
export async function command(about, run) {
	const specification = { ...about.options, ...(about.signs ? SIGNING : {}), ...SHARED };
	let api;
	try {
		const { options, values } = read(about, specification);
		if (options.help) {
			print(help(about, specification));
			return end(0);
		}
		for (const [name, option] of Object.entries(specification)) {
			if (option.required && options[name] === undefined) {
				throw new Unusable(`--${name} is missing; see --help`);
			}
		}
		about.check?.(options);
		api = await connect(options.url);
		const result = await run({ api, options, values });
		print(options.json ? JSON.stringify(result.json) : result.text);
		return end(0, api);
	} catch (error) {
		if (error.exitCode === undefined) {
			console.error(error.stack ?? `error: ${error}`);
		} else {
			console.error(`error: ${error.message}`);
		}
		return end(error.exitCode ?? 2, api);
	}
}

function read(about, specification) {
	let parsed;
	try {
		parsed = parseArgs({
			options: Object.fromEntries(
				Object.entries(specification).map(([name, { type, short }]) => [
					name,
					short ? { type, short } : { type },
				]),
			),
			allowPositionals: true,
		});
	} catch (error) {
		throw new Unusable(`${error.message}; see --help`);
	}
	const options = {};
	for (const [name, option] of Object.entries(specification)) {
		options[name] = parsed.values[name] ?? option.default;
	}
	const expected = about.arguments ?? [];
	if (!options.help && parsed.positionals.length !== expected.length) {
		const names = expected.map(([name]) => name).join(' ') || 'no arguments';
		throw new Unusable(`${about.name} takes ${names}; see --help`);
	}
	return { options, values: parsed.positionals };
}

function help(about, specification) {
	const names = (about.arguments ?? []).map(([name]) => ` ${name}`).join('');
	const rows = [
		...(about.arguments ?? []),
		...Object.entries(specification).map(([name, option]) => [
			`--${name}${option.type === 'string' ? ` ${option.value ?? name.toUpperCase()}` : ''}`,
			option.help + (option.type === 'string' && option.default ? ` [${option.default}]` : ''),
		]),
	];
	const width = Math.max(...rows.map(([left]) => left.length));
	return [
		about.summary,
		'',
		...examples(about),
		`Usage: node scripts/${about.name}.mjs [options]${names}`,
		'',
		...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
		'',
		'Exit codes: 0 done, 1 refused by the chain or not found, 2 wrong usage or no connection.',
	].join('\n');
}

function examples({ examples = [] }) {
	if (!examples.length) return [];
	const head = examples.length > 1 ? 'Examples:' : 'Example:';
	return [head, ...examples.map((example) => `  node scripts/${example}`), ''];
}

function print(text) {
	process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

async function end(code, api) {
	process.exitCode = code;
	await api?.disconnect();
}
