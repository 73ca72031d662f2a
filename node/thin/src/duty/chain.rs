//! The registry on the chain of a running node: read through its runtime, changed through its
//! transaction pool.

use super::{
	registry::{Call, Registered, Registry, Stage, VALID_FOR},
	DutyError,
};
use codec::{Codec, Encode};
use frame_system_rpc_runtime_api::AccountNonceApi;
use pallet_snapshots::{SnapshotId, Status};
use pallet_snapshots_runtime_api::{SnapshotsApi, MAX_PAGE};
use parking_lot::Mutex;
use sc_transaction_pool_api::{InPoolTransaction, TransactionPool, TransactionSource};
use serde::Serialize;
use sp_api::{Core, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use sp_runtime::{
	generic::Era,
	traits::{AtLeast32Bit, Block as BlockT, NumberFor, One, Zero},
	SaturatedConversion,
};
use sp_version::RuntimeVersion;
use std::{fmt::Display, sync::Arc};

/// The most pages of pending snapshots that are looked at. Each takes a deposit.
const MOST_PAGES: usize = 64;

/// What a signed transaction says besides its call.
#[derive(Clone, Debug)]
pub struct Terms<Block: BlockT, Nonce> {
	/// How many transactions the account has sent.
	pub nonce: Nonce,
	/// How long it is valid.
	pub era: Era,
	/// The block in which its validity began.
	pub era_block: Block::Hash,
	/// The genesis of the chain.
	pub genesis: Block::Hash,
	/// The runtime it is meant for.
	pub version: RuntimeVersion,
}

/// Makes the transactions of a chain: what a chain has to write for its duties.
pub trait Signer<Block: BlockT>: Send + Sync {
	/// Accounts of the chain.
	type AccountId: Codec + Clone + PartialEq + Serialize + Send + Sync;
	/// Balances of the chain.
	type Balance: Codec + Zero + Display;
	/// Counts the transactions of an account.
	type Nonce: Codec + Clone + AtLeast32Bit;

	/// The account whose key is in the keystore under [`super::KEY_TYPE`], if one is there.
	fn account(&self) -> Option<Self::AccountId>;

	/// A signed transaction. Errors with a sentence.
	fn sign(
		&self,
		call: Call<Block::Header>,
		terms: Terms<Block, Self::Nonce>,
	) -> Result<Block::Extrinsic, String>;

	/// Why the extrinsic with this index in its block has failed, if it has, in the chain's words.
	/// Errors when the events of the block, as they lie in its state, can't be read.
	fn failure(events: &[u8], extrinsic: u32) -> Result<Option<String>, String>;
}

/// [`Registry`] of the chain that a node follows.
pub struct ChainRegistry<Block, Client, Pool, S> {
	client: Arc<Client>,
	pool: Arc<Pool>,
	signer: S,
	/// Two duties of one node share an account: their nonces must not meet.
	submitting: Mutex<()>,
	_block: std::marker::PhantomData<Block>,
}

impl<Block, Client, Pool, S> ChainRegistry<Block, Client, Pool, S>
where
	Block: BlockT,
	S: Signer<Block>,
{
	/// The registry as this client knows it. Errors when the keystore has no key for duties.
	pub fn new(client: Arc<Client>, pool: Arc<Pool>, signer: S) -> Result<Self, DutyError> {
		if signer.account().is_none() {
			return Err(DutyError::NoKey);
		}
		Ok(Self { client, pool, signer, submitting: Mutex::new(()), _block: Default::default() })
	}
}

fn unread(error: impl std::fmt::Display) -> DutyError {
	DutyError::Registry(error.to_string())
}

fn unsent(error: impl std::fmt::Display) -> DutyError {
	DutyError::Submit(error.to_string())
}

impl<Block, Client, Pool, S> ChainRegistry<Block, Client, Pool, S>
where
	Block: BlockT,
	Client: ProvideRuntimeApi<Block> + HeaderBackend<Block> + Send + Sync,
	Client::Api: SnapshotsApi<Block, S::AccountId, S::Balance, NumberFor<Block>>
		+ AccountNonceApi<Block, S::AccountId, S::Nonce>,
	Pool: TransactionPool<Block = Block>,
	S: Signer<Block>,
	NumberFor<Block>: Codec,
{
	fn terms(&self, account: &S::AccountId) -> Result<Terms<Block, S::Nonce>, DutyError> {
		let info = self.client.info();
		let api = self.client.runtime_api();
		let nonce = api.account_nonce(info.best_hash, account.clone()).map_err(unsent)?;
		let period = u64::from(VALID_FOR);
		Ok(Terms {
			nonce: self.next_nonce(account, nonce),
			era: Era::mortal(period, info.finalized_number.saturated_into()),
			era_block: self.era_block(period, &info)?,
			genesis: info.genesis_hash,
			version: api.version(info.best_hash).map_err(unsent)?,
		})
	}

	/// Eras begin at multiples of a factor that is 1 for short ones, so at this very block.
	fn era_block(
		&self,
		period: u64,
		info: &sp_blockchain::Info<Block>,
	) -> Result<Block::Hash, DutyError> {
		let current = info.finalized_number.saturated_into::<u64>();
		let birth = Era::mortal(period, current).birth(current);
		let hash = self.client.hash(birth.saturated_into()).map_err(unsent)?;
		hash.ok_or_else(|| unsent(format!("block {birth} is not known")))
	}

	/// Counts the transactions of the account that wait in the pool.
	fn next_nonce(&self, account: &S::AccountId, mut nonce: S::Nonce) -> S::Nonce {
		let mut tag = (account, &nonce).encode();
		for transaction in self.pool.ready() {
			if transaction.provides().first() == Some(&tag) {
				nonce += One::one();
				tag = (account, &nonce).encode();
			}
		}
		nonce
	}
}

impl<Block, Client, Pool, S> Registry<Block::Header> for ChainRegistry<Block, Client, Pool, S>
where
	Block: BlockT,
	Client: ProvideRuntimeApi<Block> + HeaderBackend<Block> + Send + Sync,
	Client::Api: SnapshotsApi<Block, S::AccountId, S::Balance, NumberFor<Block>>
		+ AccountNonceApi<Block, S::AccountId, S::Nonce>,
	Pool: TransactionPool<Block = Block>,
	S: Signer<Block>,
	NumberFor<Block>: Codec,
{
	fn snapshot(&self, id: SnapshotId) -> Result<Option<Registered>, DutyError> {
		let at = self.client.info().finalized_hash;
		let details = self.client.runtime_api().snapshot(at, id).map_err(unread)?;
		let ours = self.signer.account();
		Ok(details.map(|details| Registered {
			id,
			stage: Stage::from(&details.snapshot.status),
			certified_at: match details.snapshot.status {
				Status::Certified { at } => at.saturated_into::<u32>(),
				_ => 0,
			},
			manifest: details.snapshot.manifest,
			locations: details.locations,
			attested: details.attestations.iter().any(|(who, _)| Some(who) == ours.as_ref()),
		}))
	}

	fn open(&self) -> Result<Vec<SnapshotId>, DutyError> {
		let at = self.client.info().finalized_hash;
		let api = self.client.runtime_api();
		let certified = api.certified(at, MAX_PAGE).map_err(unread)?;
		let mut ids: Vec<_> = certified.into_iter().map(|entry| entry.id).collect();
		let genesis = self.client.info().genesis_hash;
		let mut after = None;
		for _ in 0..MOST_PAGES {
			let page = api.pending(at, after, MAX_PAGE).map_err(unread)?;
			let ours = page.entries.into_iter().filter(|entry| {
				entry.snapshot.manifest.genesis_hash.as_bytes() == genesis.as_ref()
			});
			ids.extend(ours.map(|entry| entry.id));
			after = page.next;
			if after.is_none() {
				break;
			}
		}
		Ok(ids)
	}

	fn obstacle(&self) -> Result<Option<String>, DutyError> {
		let account = self.signer.account().ok_or(DutyError::NoKey)?;
		let at = self.client.info().finalized_hash;
		let info = self.client.runtime_api().attester(at, account).map_err(unread)?;
		Ok(match info {
			None => Some("the account of this node has no bond; see scripts/bond.mjs".into()),
			Some(info) if info.matured.is_zero() => {
				Some("the bond of this node has not matured yet".into())
			},
			Some(_) => None,
		})
	}

	fn submit(&self, call: Call<Block::Header>) -> Result<(), DutyError> {
		let account = self.signer.account().ok_or(DutyError::NoKey)?;
		let _one_at_a_time = self.submitting.lock();
		let terms = self.terms(&account)?;
		let extrinsic = self.signer.sign(call, terms).map_err(unsent)?;
		let best = self.client.info().best_hash;
		let submitted = self.pool.submit_one(best, TransactionSource::Local, extrinsic);
		futures::executor::block_on(submitted).map_err(unsent)?;
		Ok(())
	}
}
