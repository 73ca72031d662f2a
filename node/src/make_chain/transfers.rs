//! Transfers to ever new accounts, and to old ones, signed ahead of the blocks.

use crate::{
	duties::{payload, signed_by},
	service::FullClient,
};
use anyhow::Context;
use codec::Encode;
use frame_system_rpc_runtime_api::AccountNonceApi;
use sc_client_api::HeaderBackend;
use sp_api::{Core, ProvideRuntimeApi};
use sp_core::{sr25519, Pair};
use sp_runtime::{
	generic::Era,
	traits::{BlakeTwo256, Hash as _},
	OpaqueExtrinsic,
};
use std::sync::mpsc;
use thin_client::duty::chain::Terms;
use thin_runtime::{
	opaque::Block, AccountId, BalancesCall, Nonce, Runtime, RuntimeCall, MILLI_UNIT,
};

/// Who pays. All of them are rich on the development chain.
const SENDERS: [&str; 6] = ["//Alice", "//Bob", "//Charlie", "//Dave", "//Eve", "//Ferdie"];
/// More than the least that an account may hold.
const AMOUNT: u128 = 10 * MILLI_UNIT;
/// How many transfers wait for their block.
const AHEAD: usize = 1_024;

/// The transfers that come after those that the chain has already, signed by another thread.
pub fn signed(
	client: &FullClient,
) -> anyhow::Result<impl Iterator<Item = OpaqueExtrinsic> + 'static> {
	let info = client.info();
	let api = client.runtime_api();
	let mut terms: Terms<Block, Nonce> = Terms {
		nonce: 0,
		era: Era::Immortal,
		era_block: info.genesis_hash,
		genesis: info.genesis_hash,
		version: api.version(info.best_hash)?,
	};
	let mut senders = Vec::new();
	for name in SENDERS {
		let pair = sr25519::Pair::from_string(name, None).context("a well-known key")?;
		let account = AccountId::from(pair.public());
		senders.push((pair, api.account_nonce(info.best_hash, account)?));
	}
	let first: u64 = senders.iter().map(|(_, nonce)| u64::from(*nonce)).sum();
	let (sender, receiver) = mpsc::sync_channel(AHEAD);
	std::thread::Builder::new().name("sign".into()).spawn(move || {
		for number in first.. {
			let (pair, nonce) = &mut senders[number as usize % SENDERS.len()];
			terms.nonce = *nonce;
			*nonce += 1;
			let payload = payload(transfer(number), &terms);
			let signature = payload.using_encoded(|bytes| pair.sign(bytes));
			if sender.send(signed_by(pair.public(), payload, signature)).is_err() {
				return;
			}
		}
	})?;
	Ok(receiver.into_iter())
}

/// Three of four go to a new account, the fourth to one that is anywhere in the state.
fn transfer(number: u64) -> RuntimeCall {
	let hash = BlakeTwo256::hash_of(&number);
	let index = match number % 4 {
		3 => u64::from_le_bytes(hash.0[..8].try_into().unwrap_or_default()) % number,
		_ => number,
	};
	let account = BlakeTwo256::hash_of(&(b"account", index)).0;
	RuntimeCall::Balances(BalancesCall::<Runtime>::transfer_allow_death {
		dest: AccountId::from(account).into(),
		value: AMOUNT,
	})
}
