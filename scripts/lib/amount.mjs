// Amounts of the chain's token.

import { Unusable } from './failure.mjs';

/**
 * An amount as people write it: `250` or `1.5` tokens, or `250u` in the smallest unit.
 *
 * `decimals`: how many digits the chain's token has behind the point.
 */
export function parseAmount(text, decimals) {
	if (/^\d+u$/.test(text)) return BigInt(text.slice(0, -1));
	const match = /^(\d+)(?:\.(\d+))?$/.exec(text);
	if (!match) {
		throw new Unusable(`'${text}' is no amount: write 250 or 1.5 for tokens, 250u for units`);
	}
	const [, whole, fraction = ''] = match;
	if (fraction.length > decimals) {
		throw new Unusable(`'${text}' is finer than the token, which has ${decimals} decimals`);
	}
	return BigInt(whole + fraction.padEnd(decimals, '0'));
}

/** The same, the other way round: no zeros that say nothing. */
export function formatAmount(units, decimals) {
	const digits = BigInt(units).toString().padStart(decimals + 1, '0');
	const whole = decimals === 0 ? digits : digits.slice(0, -decimals);
	const fraction = decimals === 0 ? '' : digits.slice(-decimals).replace(/0+$/, '');
	return fraction ? `${whole}.${fraction}` : whole;
}

/** The decimals of the token of a chain, as its spec says. */
export function decimalsOf(api) {
	return api.registry.chainDecimals[0];
}
