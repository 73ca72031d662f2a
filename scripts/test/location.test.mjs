import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unusable } from '../lib/failure.mjs';
import { formatLocation, parseLocation } from '../lib/location.mjs';
import { registryWithTypes } from './chain-types.mjs';

const registry = registryWithTypes();
const through = (text) => formatLocation(registry.createType('Location', parseLocation(text)));

test('a location survives the way to the chain and back', () => {
	for (const text of [
		'zdb://192.0.2.7:9901/default',
		'zdb://[2001:db8::1]:9900/thin',
		'zdb://[::1]:1/n-1_x.y',
		'zdb://node1.example.org:65535/mainnet',
	]) {
		assert.equal(through(text), text);
	}
});

test('what has several spellings ends up in one', () => {
	assert.equal(through('zdb://localhost/default'), 'zdb://localhost:9900/default');
	assert.equal(through('zdb://[2001:0DB8:0:0::0001]/a'), 'zdb://[2001:db8::1]:9900/a');
	assert.equal(through('zdb://[::ffff:192.0.2.1]/a'), 'zdb://[::ffff:c000:201]:9900/a');
});

test('the bytes are in network order', () => {
	const v6 = registry.createType('Location', parseLocation('zdb://[200:0:0:1::ff]/a'));
	// The first byte is the variant.
	assert.equal(v6.address.toHex(), `0x01${'0200' + '0000'.repeat(2)}0001${'0000'.repeat(3)}00ff`);
	assert.equal(parseLocation('zdb://10.0.0.1/a').address.Ipv4, '0x0a000001');
});

test('what is no location is refused', () => {
	for (const text of [
		'',
		'redis://host/default',
		'zdb://host',
		'zdb://host/',
		'zdb://host/a/b',
		'zdb://host:0/a',
		'zdb://host:65536/a',
		'zdb://user:secret@host/a',
		'zdb://1.2.3/a',
		'zdb://1.2.3.400/a',
		'zdb://[1::2::3]/a',
		'zdb://[fe80::1%eth0]/a',
		'zdb://-host/a',
		'zdb://host/with space',
		`zdb://host/${'n'.repeat(129)}`,
	]) {
		assert.throws(() => parseLocation(text), Unusable, text);
	}
});
