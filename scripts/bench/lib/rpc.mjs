// JSON-RPC for measurements: nothing is loaded that takes time.

/** `System.Account` of Alice, who is in the genesis block of a development chain. */
export const ALICE =
	'0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9' +
	'de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d';
/** The accounts: what all keys of `System.Account` begin with. */
export const ACCOUNTS = ALICE.slice(0, 66);

/** One call; fails with the node's own words. */
export async function call(port, method, ...params) {
	const response = await fetch(`http://127.0.0.1:${port}`, {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
		signal: AbortSignal.timeout(60_000),
	});
	const { result, error } = await response.json();
	if (error) throw new Error(`${method}: ${error.message}`);
	return result;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
