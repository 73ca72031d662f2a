#!/usr/bin/env node
// What scripts/test/deploy.sh asks of the files in deploy/.
//
//   files DEPLOY BIN       the Dockerfile and the compose files fit each other and the programs
//   command DEPLOY SERVICE DIR PEERS   the words of a service, for this machine: its data in DIR,
//                          and its boot node at the port PEERS
//   metrics DEPLOY PORT    every metric of dashboards and rules is one of the node at this port;
//                          but those of a thin node, of a publisher and of an attester, which are
//                          `thin-metrics`, `publisher-metrics` and `attester-metrics DEPLOY PORT`;
//                          and all of these in docs/METRICS.md too

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';

const wrong = [];
const must = (condition, message) => {
	if (!condition) wrong.push(message);
	return Boolean(condition);
};
const text = (...path) => readFileSync(join(...path), 'utf8');
const yaml = (...path) => parse(text(...path), { merge: true, logLevel: 'error' });
const list = (value) => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

const checks = {
	files,
	command,
	metrics: (deploy, port) => metrics(deploy, port, 'every'),
	'thin-metrics': (deploy, port) => metrics(deploy, port, 'thin'),
	'publisher-metrics': (deploy, port) => metrics(deploy, port, 'publisher'),
	'attester-metrics': (deploy, port) => metrics(deploy, port, 'attester'),
};
const [check, deploy, ...rest] = process.argv.slice(2);
if (!Object.hasOwn(checks, check ?? '')) {
	console.error(`error: one of ${Object.keys(checks).join(', ')}`);
	process.exit(2);
}
await checks[check](deploy, ...rest);
for (const message of wrong) console.error(`error: ${message}`);
process.exitCode = wrong.length ? 1 : 0;

function files(deploy, bin) {
	const ports = dockerfile(deploy);
	const compose = yaml(deploy, 'compose.yaml');
	for (const [name, service] of Object.entries(compose.services)) {
		checkService(deploy, compose, name, service, bin);
		for (const port of list(service.ports).filter(() => service.image === 'thin')) {
			const inside = Number(port.split(':').at(-1));
			must(ports.has(inside), `compose.yaml: ${name} publishes ${inside}, which isn't exposed`);
			must(port.startsWith('127.0.0.1:'), `compose.yaml: ${name} opens ${port} to everybody`);
		}
	}
	bootNodes(compose, bin);

	const fuse = yaml(deploy, 'compose.fuse.yaml');
	for (const [name, service] of Object.entries(fuse.services)) {
		must(compose.services[name], `compose.fuse.yaml: compose.yaml has no service ${name}`);
		must(list(service.devices).includes('/dev/fuse'), `compose.fuse.yaml: ${name} has no /dev/fuse`);
		options(`compose.fuse.yaml: ${name}`, service.command, help(bin, 'thin-node'));
		const without = compose.services[name].command.filter((word) => !word.includes('hydrate'));
		must(
			JSON.stringify(service.command) === JSON.stringify(without),
			`compose.fuse.yaml: ${name} differs in more than --thin-hydrate`,
		);
	}
	units(deploy, bin);
	scraped(deploy, compose);
}

/** The ports that the image exposes. */
function dockerfile(deploy) {
	const content = text(deploy, 'Dockerfile');
	for (const { message, range } of validate(content)) {
		must(false, `Dockerfile:${range.start.line + 1}: ${message}`);
	}
	const lines = content
		.replaceAll('\\\n', ' ')
		.split('\n')
		.filter((line) => /^[A-Z]+ /.test(line))
		.map((line) => line.split(/\s+/));
	for (const [instruction, ...words] of lines) {
		if (instruction !== 'COPY' || words[0].startsWith('--from')) continue;
		for (const source of words.slice(0, -1)) {
			must(existsSync(join(deploy, '..', source)), `Dockerfile: there is no ${source} to copy`);
		}
	}
	const instructions = lines.map(([instruction]) => instruction);
	const user = lines.findLast(([instruction]) => instruction === 'USER');
	must(user && user[1] !== 'root', 'Dockerfile: the image runs as root');
	must(instructions.includes('HEALTHCHECK'), 'Dockerfile: no health check');
	must(instructions.filter((one) => one === 'FROM').length === 2, 'Dockerfile: not two stages');
	must(
		lines.some(([one, ...words]) => one === 'RUN' && words.join(' ') === 'deploy/build.sh --out /out'),
		"Dockerfile: the builder doesn't run deploy/build.sh, which is what the test runs",
	);
	const exposed = lines.filter(([one]) => one === 'EXPOSE').flatMap(([, ...words]) => words);
	return new Set(exposed.map(Number));
}

function checkService(deploy, compose, name, service, bin) {
	const at = `compose.yaml: ${name}`;
	for (const volume of list(service.volumes)) {
		const [source] = volume.split(':');
		if (source.startsWith('.')) must(existsSync(join(deploy, source)), `${at}: there is no ${source}`);
		else must(Object.hasOwn(compose.volumes, source), `${at}: no volume ${source} is declared`);
	}
	for (const network of list(service.networks)) {
		must(Object.hasOwn(compose.networks, network), `${at}: no network ${network} is declared`);
	}
	const needed = Array.isArray(service.depends_on)
		? service.depends_on
		: Object.keys(service.depends_on ?? {});
	for (const other of needed) {
		must(Object.hasOwn(compose.services, other), `${at} depends on ${other}, which isn't there`);
	}
	if (service.build) {
		const context = join(deploy, service.build.context);
		must(existsSync(join(context, service.build.dockerfile)), `${at}: there is no Dockerfile to build`);
	}
	if (service.image !== 'thin') {
		must(/:[v\d][^:]*$/.test(service.image), `${at}: ${service.image} names no version`);
		return;
	}
	const program = list(service.entrypoint)[0] ?? 'thin-node';
	const command = program === 'thin-mount' ? service.command[0] : undefined;
	options(at, service.command, help(bin, program, command));
}

/** Every option is one of the program's. */
function options(at, words, known) {
	for (const word of words.filter((one) => one.startsWith('--'))) {
		const [option] = word.split('=');
		must(new RegExp(`${option}[ =\\n\\[]`).test(known), `${at}: the program has no option ${option}`);
	}
}

function help(bin, program, command) {
	const args = [...(command ? [command] : []), '--help'];
	return execFileSync(join(bin, program), args, { encoding: 'utf8', maxBuffer: 1 << 24 });
}

/** Who is told to find a node by its key is told the right one. */
function bootNodes(compose, bin) {
	const value = (service, option) =>
		list(service.command)
			.find((word) => word.startsWith(`--${option}=`))
			?.split('=')[1];
	for (const [name, service] of Object.entries(compose.services)) {
		const address = value(service, 'bootnodes');
		if (!address) continue;
		const [, , host, , , , peer] = address.split('/');
		const key = value(compose.services[host] ?? {}, 'node-key');
		if (!must(key, `compose.yaml: ${name} is told of ${host}, which has no fixed key`)) continue;
		const id = execFileSync(join(bin, 'thin-node'), ['key', 'inspect-node-key'], {
			input: key,
			encoding: 'utf8',
		}).trim();
		must(id === peer, `compose.yaml: ${name} looks for ${peer}, and ${host} is ${id}`);
	}
}

function units(deploy, bin) {
	for (const file of readdirSync(join(deploy, 'systemd')).filter((one) => one.endsWith('.service'))) {
		const [, line] = /^ExecStart=(.*)$/m.exec(text(deploy, 'systemd', file)) ?? [];
		const [path, ...words] = line.split(/\s+/);
		const program = path.split('/').at(-1);
		options(file, words, help(bin, program, program === 'thin-mount' ? words[0] : undefined));
	}
}

function command(deploy, name, folder, peers) {
	for (const word of yaml(deploy, 'compose.yaml').services[name].command) {
		// A line break in a word would make two of it.
		if (/\s/.test(word)) throw new Error(`${name}: '${word}' has white space in it`);
		const here = word
			.replace(/^--base-path=\/data$/, `--base-path=${folder}`)
			.replace(/\/dns\/\w+\/tcp\/30333\//, `/ip4/127.0.0.1/tcp/${peers}/`);
		console.log(here);
	}
}

/** Prometheus asks for services that there are, and that answer to others than themselves. */
function scraped(deploy, compose) {
	const config = yaml(deploy, 'prometheus', 'prometheus.yml');
	for (const file of list(config.rule_files)) {
		must(existsSync(join(deploy, 'prometheus', file)), `prometheus.yml: there is no ${file}`);
	}
	const targets = config.scrape_configs.flatMap((job) => job.static_configs.flatMap((one) => one.targets));
	must(targets.length > 0, 'prometheus.yml: nothing is scraped');
	for (const [host, port] of targets.map((target) => target.split(':'))) {
		const service = compose.services[host];
		if (!must(service, `prometheus.yml: compose.yaml has no service ${host}`)) continue;
		must(port === '9615', `prometheus.yml: ${host} has its metrics at 9615, not at ${port}`);
		must(
			service.command.includes('--prometheus-external'),
			`compose.yaml: ${host} gives its metrics to nobody else`,
		);
	}
	const source = yaml(deploy, 'grafana/provisioning/datasources/prometheus.yaml').datasources[0];
	for (const [file, dashboard] of dashboards(deploy)) {
		for (const panel of dashboard.panels.filter(({ type }) => type !== 'row')) {
			must(panel.datasource.uid === source.uid, `${file}: '${panel.title}' has another data source`);
		}
	}
}

function dashboards(deploy) {
	const folder = join(deploy, 'grafana', 'dashboards');
	return readdirSync(folder).map((file) => [file, JSON.parse(text(folder, file))]);
}

/** Which nodes have a metric. */
function owner(name) {
	if (name.startsWith('thin_publish_')) return 'publisher';
	if (name.startsWith('thin_attest_')) return 'attester';
	return name.startsWith('thin_') ? 'thin' : 'every';
}

async function metrics(deploy, port, kind) {
	const response = await fetch(`http://127.0.0.1:${port}/metrics`);
	const there = new Set(
		(await response.text())
			.split('\n')
			.filter((line) => line && !line.startsWith('#'))
			.map((line) => /^\w+/.exec(line)[0]),
	);
	must(there.size > 50, `the node has only ${there.size} metrics`);
	const named = new Map();
	for (const [file, dashboard] of dashboards(deploy)) {
		for (const { title, targets } of dashboard.panels) {
			for (const { expr } of targets ?? []) named.set(`${file}: ${title}`, expr);
		}
		for (const { query } of dashboard.templating.list) {
			named.set(`${file}: variable`, query.query.replace(/^label_values\(([^,]+),.*$/, '$1'));
		}
	}
	for (const group of yaml(deploy, 'prometheus', 'rules.yml').groups) {
		for (const { alert, expr } of group.rules) named.set(`rules.yml: ${alert}`, expr);
	}
	must(named.size > 10, `only ${named.size} expressions were found`);
	let looked = 0;
	for (const [at, expression] of named) {
		const names = metricsOf(expression);
		must(names.length > 0, `${at} names no metric`);
		for (const name of names.filter((name) => owner(name) === kind)) {
			looked += 1;
			// Prometheus itself makes this one.
			must(name === 'up' || there.has(name), `${at}: the node has no metric ${name}`);
		}
	}
	must(looked > 0, 'no metric was looked for');
	if (there.has('thin_snapshot_block')) documented(deploy, there);
	if (!wrong.length) console.error(`the node has each of the ${looked} metrics that are named`);
}

/** What docs/METRICS.md lists of a thin node it has. */
function documented(deploy, there) {
	const [, chapter] = /^## Of a node$([\s\S]*?)^## /m.exec(text(deploy, '../docs/METRICS.md'));
	const items = chapter.split('\n').filter((line) => line.startsWith('- '));
	const listed = new Set(items.flatMap((line) => line.match(/`thin_\w+`/g)).map((name) => name.slice(1, -1)));
	for (const name of listed) must(there.has(name), `METRICS.md: the node has no metric ${name}`);
	must(listed.size > 10, `METRICS.md lists only ${listed.size} metrics of a node`);
}

/** The metrics that an expression of PromQL names: what is left of it without all else. */
function metricsOf(expression) {
	const left = expression
		.replace(/"[^"]*"/g, '')
		.replace(/\{[^}]*\}/g, ' ')
		.replace(/\[[^\]]*\]/g, ' ')
		.replace(/\b(by|without|ignoring|on|group_left|group_right)\s*\([^)]*\)/g, ' ')
		.replace(/\b\w+\s*(?=\()/g, ' ');
	const operators = /^(and|or|unless|bool|offset)$/;
	return [...left.matchAll(/[a-zA-Z_]\w*/g)].map(([name]) => name).filter((name) => !operators.test(name));
}
