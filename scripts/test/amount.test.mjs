import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAmount, parseAmount } from '../lib/amount.mjs';
import { Unusable } from '../lib/failure.mjs';

test('tokens and units', () => {
	assert.equal(parseAmount('250', 12), 250_000_000_000_000n);
	assert.equal(parseAmount('1.5', 12), 1_500_000_000_000n);
	assert.equal(parseAmount('0.000000000001', 12), 1n);
	assert.equal(parseAmount('7u', 12), 7n);
	assert.equal(parseAmount('7', 0), 7n);
	assert.equal(parseAmount('18446744073709551616u', 12), 2n ** 64n);
});

test('an amount survives being written', () => {
	for (const units of [0n, 1n, 999n, 10n ** 12n, 1_500_000_000_000n, 2n ** 100n]) {
		assert.equal(parseAmount(formatAmount(units, 12), 12), units);
	}
	assert.equal(formatAmount(1_500_000_000_000n, 12), '1.5');
	assert.equal(formatAmount('250', 0), '250');
});

test('what is no amount is refused', () => {
	for (const text of ['', '-1', '1,5', '1e3', '0x10', '.5', '1.', '1.0000000000001', ' 1', 'u']) {
		assert.throws(() => parseAmount(text, 12), Unusable, text);
	}
});
