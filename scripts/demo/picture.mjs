#!/usr/bin/env node
// Draws what a command said in a terminal: an SVG, made of its own output.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const HELP = `Draws the output of the demo, or of another command, as an SVG.

Usage: scripts/demo.sh 2>&1 | node scripts/demo/picture.mjs [options] >docs/images/demo.svg

  --command TEXT  what was typed [scripts/demo.sh]
  --columns N     longer lines are cut off there [104]
  --help          print this and stop

Lines show up one after the other, in the order and, much quickened, at the pace of the times that
stand before them; who wants less motion, or can't have any, sees all of them at once.

Exit codes: 0 drawn, 2 wrong usage, or nothing to draw.`;

const LINE = 19;
const CHARACTER = 7.83;
const MARGIN = 18;
const BAR = 34;
const SECONDS = 14;

let options;
try {
	options = parseArgs({
		options: {
			command: { type: 'string', default: 'scripts/demo.sh' },
			columns: { type: 'string', default: '104' },
			help: { type: 'boolean', short: 'h' },
		},
	}).values;
} catch (error) {
	stop(`${error.message}; see --help`);
}
if (options.help) {
	console.log(HELP);
	process.exit(0);
}
const columns = Number(options.columns);
if (!(columns >= 40 && columns <= 400)) stop('--columns takes a number from 40 to 400');
const said = readFileSync(0, 'utf8').trimEnd();
if (!said) stop('there is nothing on standard input');
console.log(draw(worthShowing(said.split('\n')).map(row)));

function stop(message) {
	console.error(`error: ${message}`);
	process.exit(2);
}

/** Without what tools say in between: lines without a time count at the end, as the result. */
function worthShowing(lines) {
	const timed = (line) => /^\d\d:\d\d:\d\d {2}/.test(line);
	const last = lines.findLastIndex(timed);
	return lines.filter((line, i) => timed(line) || i > last);
}

/** A line of the output as a row: `{ time, text, kind }`. */
function row(line) {
	const [, time, text] = /^(\d\d:\d\d:\d\d) {2}(.*)$/.exec(line) ?? [, undefined, line];
	// Hashes are long, and nobody reads them in a picture.
	const short = text.replace(/\b(0x)?([0-9a-f]{8})[0-9a-f]{48,}([0-9a-f]{4})\b/g, '$1$2…$3');
	const room = columns - (time === undefined ? 0 : 10);
	return {
		time,
		text: short.length > room ? `${short.slice(0, room - 1)}…` : short,
		kind: time === undefined ? 'result' : /^\d\/\d /.test(text) ? 'step' : 'note',
	};
}

function draw(all) {
	const width = Math.ceil(columns * CHARACTER + 2 * MARGIN);
	const height = BAR + (all.length + 1) * LINE + 2 * MARGIN;
	const at = moments(all);
	const y = (i) => BAR + MARGIN + i * LINE + 13;
	const body = all.map(({ time, text, kind }, i) => {
		const x = MARGIN + (kind === 'result' ? 0 : 10 * CHARACTER);
		const stamp = time ? `<text class="time" x="${MARGIN}" y="${y(i + 1)}">${time}</text>` : '';
		const words = text ? `<text class="${kind}" x="${x}" y="${y(i + 1)}">${escape(text)}</text>` : '';
		return `<g style="animation-delay:${at[i].toFixed(2)}s">${stamp}${words}</g>`;
	});
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="What ${escape(options.command)} says in a terminal">
<style>
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d7dee6;white-space:pre}
.time{fill:#6f7d8c}.step{fill:#84b4ff;font-weight:bold}.result{fill:#8fe0ac}.typed{fill:#fff;font-weight:bold}
g{animation:show .2s both}@keyframes show{from{opacity:0}}
@media (prefers-reduced-motion:reduce){g{animation:none}}
</style>
<rect width="${width}" height="${height}" rx="10" fill="#12171d"/>
<rect width="${width}" height="${BAR}" rx="10" fill="#1d242c"/><rect y="${BAR - 10}" width="${width}" height="10" fill="#1d242c"/>
<circle cx="20" cy="17" r="5" fill="#4a5663"/><circle cx="38" cy="17" r="5" fill="#4a5663"/><circle cx="56" cy="17" r="5" fill="#4a5663"/>
<text class="typed" x="${MARGIN}" y="${y(0)}">$ ${escape(options.command)}</text>
${body.join('\n')}
</svg>`;
}

/** When each row shows up: half by the clock, half evenly, so that nothing takes all the time. */
function moments(all) {
	const clock = [];
	for (const { time } of all) clock.push(time ? seconds(time) : clock.at(-1));
	const first = clock.find((time) => time !== undefined) ?? 0;
	let day = 0;
	const passed = clock.map((time, i) => {
		if (i > 0 && time < clock[i - 1]) day += 86_400;
		return (time ?? first) + day - first;
	});
	const whole = passed.at(-1) || 1;
	return passed.map((time, i) => 0.5 + ((time / whole + i / all.length) / 2) * SECONDS);
}

function seconds(text) {
	const [hours, minutes, rest] = text.split(':').map(Number);
	return hours * 3600 + minutes * 60 + rest;
}

function escape(text) {
	const names = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' };
	return text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '').replace(/[&<>"]/g, (one) => `&${names[one]};`);
}
