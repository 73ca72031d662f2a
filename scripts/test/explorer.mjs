#!/usr/bin/env node
// What scripts/test/explorer.sh asks of the page, in a browser.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { bytes } from '../lib/text.mjs';

const SCRIPTS = join(dirname(fileURLToPath(import.meta.url)), '..');
const WAIT = { timeout: 60_000 };
const FLAGS = [
	'--headless',
	'--no-sandbox',
	'--disable-gpu',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];
const { values: given } = parseArgs({
	options: Object.fromEntries(
		['page', 'url', 'list', 'pending', 'stored', 'screenshot'].map((name) => [name, { type: 'string' }]),
	),
});
const polkadot = (name, ...rest) =>
	JSON.parse(
		execFileSync('node', [join(SCRIPTS, `${name}.mjs`), '--url', given.url, '--json', ...rest]),
	);

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
try {
	const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
	const wrong = [];
	page.on('pageerror', (error) => wrong.push(error.message));
	page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
	const address = new URL(pathToFileURL(given.page));
	address.searchParams.set('rpc', given.url);
	await page.goto(address.href);
	await page
		.locator('article')
		.first()
		.waitFor(WAIT)
		.catch(async (error) => {
			throw new Error(`no snapshots; the page says: ${await page.locator('#state').textContent()}`, {
				cause: error,
			});
		});

	await showsWhatIsListed(page);
	await asksTheNodeForLocations(page);
	await filters(page);
	if (given.screenshot) await picture(page);
	await fitsNarrowScreens(page);
	await followsTheChain(page);
	assert.deepEqual(wrong, [], 'errors in the page');
	await comesBack(page);
	await saysThatNobodyAnswers(page);
} finally {
	await browser.close();
}

async function showsWhatIsListed(page) {
	const { snapshots } = JSON.parse(readFileSync(given.list, 'utf8'));
	assert.ok(snapshots.length >= 3);
	assert.equal(new Set(snapshots.map(({ status }) => status)).size, 3, 'three different states');
	assert.deepEqual(
		await page.locator('article').evaluateAll((all) => all.map(({ id }) => id)),
		snapshots.map(({ id }) => id),
	);
	for (const { id } of snapshots) {
		const snapshot = polkadot('show', id);
		const card = page.locator(`[id="${id}"]`);
		const text = await card.evaluate((element) => element.textContent);
		assert.equal(await card.getAttribute('data-status'), snapshot.status);
		for (const part of [
			`Block ${snapshot.block_number}`,
			bytes(snapshot.logical_size),
			...snapshot.locations,
			...snapshot.attestations.map(({ attester }) => attester),
			snapshot.block_hash,
			snapshot.state_root,
			snapshot.image,
			'blocks behind',
			' old',
		]) {
			assert.ok(text.includes(part), `the card of ${id} doesn't show ${part}: ${text}`);
		}
		const { status } = snapshot;
		const command = card.getByLabel('Command to start from it');
		if (status === 'disputed') {
			assert.equal(await command.count(), 0, 'a command that a node would refuse');
			assert.match(text, /Evidence: 0x[0-9a-f]{64}/);
			continue;
		}
		const words = (await command.textContent()).replaceAll('\\\n', ' ').split(/\s+/);
		assert.equal(words[words.indexOf('--thin-from') + 1], id);
		assert.equal(words[words.indexOf('--thin-proof') + 1], given.url);
		assert.equal(words.includes('--thin-allow-uncertified'), status === 'pending');
	}
}

/** The node asks the locations: one has the image, the others don't answer. */
async function asksTheNodeForLocations(page) {
	const { snapshots } = JSON.parse(readFileSync(given.list, 'utf8'));
	const registered = snapshots.flatMap(({ id }) => polkadot('show', id).locations);
	assert.equal(await page.getByText('not asked yet').count(), registered.length);
	const card = page.locator(`[id="${given.stored}"]`);
	await card.locator('summary').click();
	await card.getByRole('button', { name: 'Ask them for the image' }).click();
	await card.getByText('This is how the node sees them').waitFor(WAIT);
	const said = await card.locator('li .badge').evaluateAll((all) => all.map(({ textContent }) => textContent));
	assert.deepEqual(said, ['has the image', 'lacks the image', 'does not answer']);
	await card.locator('summary').click();
}

async function filters(page) {
	const pending = page.getByRole('button', { name: /^pending/ });
	// With the keyboard alone.
	await pending.focus();
	await page.keyboard.press('Enter');
	assert.equal(await page.locator('article').count(), 1);
	assert.equal(await page.locator('article').getAttribute('id'), given.pending);
	assert.equal(await pending.getAttribute('aria-pressed'), 'true');
	await page.getByRole('button', { name: /^all/ }).click();
	assert.ok((await page.locator('article').count()) > 1);
}

async function picture(page) {
	await page.emulateMedia({ colorScheme: 'light' });
	await page.evaluate(() => document.activeElement.blur());
	await page.screenshot({ path: given.screenshot, scale: 'css' });
}

async function fitsNarrowScreens(page) {
	const before = page.viewportSize();
	for (const colorScheme of ['light', 'dark']) {
		await page.emulateMedia({ colorScheme });
		await page.setViewportSize({ width: 340, height: 700 });
		await page.locator('summary').first().click();
		const [content, window] = await page.evaluate(() => [
			document.documentElement.scrollWidth,
			document.documentElement.clientWidth,
		]);
		assert.ok(content <= window, `the page is ${content} wide in a window of ${window}`);
	}
	await page.setViewportSize(before);
}

async function followsTheChain(page) {
	const card = page.locator(`[id="${given.pending}"]`);
	await card.locator('summary').click();
	assert.equal(await card.getAttribute('data-status'), 'pending');
	polkadot('attest', given.pending, '--seed', '//Bob');
	await page.locator(`[id="${given.pending}"][data-status="certified"]`).waitFor(WAIT);
	assert.equal(await card.locator('details').evaluate(({ open }) => open), true);
	assert.ok(!(await card.textContent()).includes('--thin-allow-uncertified'));
	assert.equal(
		await page.evaluate(() => document.activeElement.dataset.key),
		'more',
		'the focus is where it was',
	);
}

/** A node that is away for a moment: what it said stays, and goes on when it is back. */
async function comesBack(page) {
	const line = await interruptible(Number(new URL(given.url).port));
	await page.getByLabel('RPC of a node').fill(line.url);
	await page.keyboard.press('Enter');
	await page.getByText(`of ${line.url}. Goes on by itself.`).waitFor(WAIT);
	const before = await page.locator('article').count();
	await line.cut();
	await page.getByText(`The connection to ${line.url} is lost`).waitFor(WAIT);
	assert.equal(await page.locator('article').count(), before, 'what was known is still there');
	await line.restore();
	await page.getByText(`of ${line.url}. Goes on by itself.`).waitFor(WAIT);
	await line.cut();
}

/** Another address of a port of this machine, that can be taken away and given back. */
async function interruptible(port) {
	const open = new Set();
	let server;
	let own = 0;
	const restore = () =>
		new Promise((resolve) => {
			server = createServer((socket) => {
				const other = connect(port, '127.0.0.1');
				for (const end of [socket, other]) {
					open.add(end);
					end.on('error', () => {}).on('close', () => open.delete(end));
				}
				socket.pipe(other).pipe(socket);
			}).listen(own, '127.0.0.1', () => {
				own = server.address().port;
				resolve();
			});
		});
	const cut = () =>
		new Promise((resolve) => {
			server.close(resolve);
			for (const end of open) end.destroy();
		});
	await restore();
	return { url: `ws://127.0.0.1:${own}`, restore, cut };
}

async function saysThatNobodyAnswers(page) {
	await page.getByLabel('RPC of a node').fill('ws://127.0.0.1:1');
	await page.keyboard.press('Enter');
	await page.getByText('No node answers at ws://127.0.0.1:1').waitFor(WAIT);
	assert.equal(await page.locator('article').count(), 0, 'snapshots of a node that is gone');
	assert.equal(new URL(page.url()).searchParams.get('rpc'), 'ws://127.0.0.1:1');
}
