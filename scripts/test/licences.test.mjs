// What `cargo metadata` says of licences, held against deny.toml.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const deny = readFileSync(join(ROOT, 'deny.toml'), 'utf8');
const metadata = JSON.parse(
	execFileSync('cargo', ['metadata', '--locked', '--all-features', '--format-version', '1'], {
		cwd: ROOT,
		maxBuffer: 1 << 28,
		stdio: ['ignore', 'pipe', 'inherit'],
	}),
);

const strings = (text) => [...text.matchAll(/"([^"]+)"/g)].map(([, value]) => value);
const allowed = new Set(strings(/^allow = \[([^\]]*)\]/m.exec(deny)[1]));
const clarified = new Map(
	[...deny.matchAll(/^crate = "([^"]+)"\nexpression = "([^"]+)"/gm)].map(([, name, is]) => [name, is]),
);
const licenceOf = ({ name, version, license }) => license ?? clarified.get(`${name}@${version}`);

/** Whether an SPDX expression is met by licences for which `may` is true. */
function met(expression, may) {
	// A slash is how `OR` was written once.
	const words = expression.replace(/\//g, ' OR ').match(/[()]|[^\s()]+/g);
	const either = () => {
		let met = both();
		while (words[0] === 'OR') {
			words.shift();
			const other = both();
			met ||= other;
		}
		return met;
	};
	const both = () => {
		let met = one();
		while (words[0] === 'AND') {
			words.shift();
			const other = one();
			met &&= other;
		}
		return met;
	};
	const one = () => {
		const word = words.shift();
		if (word === '(') {
			const met = either();
			assert.equal(words.shift(), ')', expression);
			return met;
		}
		const name = words[0] === 'WITH' ? `${word} WITH ${words.splice(0, 2)[1]}` : word;
		return may(name);
	};
	const result = either();
	assert.deepEqual(words, [], expression);
	return result;
}

test('expressions are understood', () => {
	const may = (name) => ['MIT', 'ISC', 'A WITH b'].includes(name);
	for (const [expression, expected] of [
		['MIT', true],
		['GPL-3.0/MIT', true],
		['MIT AND GPL-3.0', false],
		['GPL-3.0 OR MIT AND ISC', true],
		['(MIT OR X) AND Y', false],
		['A WITH b', true],
		['A', false],
	]) {
		assert.equal(met(expression, may), expected, expression);
	}
});

test('every package has a licence that deny.toml allows', () => {
	assert.ok(metadata.packages.length > 500);
	for (const one of metadata.packages) {
		const licence = licenceOf(one);
		assert.ok(licence, `${one.name} ${one.version} names no licence`);
		assert.ok(
			met(licence, (name) => allowed.has(name)),
			`${one.name} ${one.version} is under ${licence}`,
		);
	}
});

test('nothing is allowed that no package needs', () => {
	const expressions = metadata.packages.map(licenceOf);
	for (const licence of allowed) {
		const rest = (name) => name !== licence && allowed.has(name);
		assert.ok(
			expressions.some((expression) => !met(expression, rest)),
			`${licence} could be left out`,
		);
	}
});

test('what is under the Apache License takes in nothing under the GPL', () => {
	const packages = new Map(metadata.packages.map((one) => [one.id, one]));
	const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
	const members = metadata.workspace_members
		.map((id) => packages.get(id))
		.filter(({ license }) => license === 'Apache-2.0');
	assert.ok(members.length >= 4);
	for (const member of members) {
		const seen = new Set();
		const waiting = [member.id];
		while (waiting.length) {
			const id = waiting.pop();
			if (seen.has(id)) continue;
			seen.add(id);
			const one = packages.get(id);
			assert.ok(
				met(licenceOf(one), (name) => allowed.has(name) && !name.includes('GPL')),
				`${member.name} takes in ${one.name}, which is under ${one.license}`,
			);
			const normal = nodes.get(id).deps.filter(({ dep_kinds: k }) => k.some(({ kind }) => kind === null));
			waiting.push(...normal.map(({ pkg }) => pkg));
		}
	}
});

test('packages come from the registry or from here', () => {
	for (const { name, source } of metadata.packages) {
		assert.ok(source === null || source.startsWith('registry+'), `${name} comes from ${source}`);
	}
});
