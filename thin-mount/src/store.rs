//! Stores: where the values lie. One small trait, an adapter per kind of store.

mod address;
mod batch;
pub mod dir;
mod open;
mod pool;
mod question;
mod redis;
mod sharded;
mod wire;
mod zdb;

pub use self::{
	address::Address,
	open::{open, open_all, open_replicas},
	redis::RedisStore,
	sharded::{ShardRange, ShardedStore},
	zdb::ZdbStore,
};

#[cfg(any(test, fuzzing))]
pub(crate) use wire::{read_answer, read_values};

use crate::chunk::ChunkId;
use bytes::Bytes;
use std::time::{Duration, SystemTime};

/// A key: 1 to 255 bytes. Chunks lie under the 32 bytes of their id, named records (proofs,
/// manifests) under printable names of another length.
pub type Key = Bytes;

/// Why a store did not do what it was asked to.
///
/// A value that is not there is no error (`None`), and neither are wrong bytes: a store knows
/// nothing of hashes, whoever reads checks them.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
	/// The URL names no store that can be opened.
	#[error("'{url}' is no store: {reason}")]
	Url {
		/// The URL, its password left out.
		url: String,
		/// What is wrong with it, and what is expected.
		reason: String,
	},
	/// No connection, a broken one, or no answer before the deadline. Trying again may help.
	#[error("store {store} can't be reached: {reason}")]
	Unreachable {
		/// The store's name.
		store: String,
		/// The cause.
		reason: String,
	},
	/// The store is there and says no. Trying again does not help.
	#[error("store {store} refused: {reason}")]
	Refused {
		/// The store's name.
		store: String,
		/// The store's own words, and what to do next.
		reason: String,
	},
	/// The store has no room left.
	#[error("store {store} is full: {reason}")]
	Full {
		/// The store's name.
		store: String,
		/// The store's own words.
		reason: String,
	},
}

/// A value that a scan has met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
	/// Its key.
	pub key: Key,
	/// How many bytes it has, as stored.
	pub size: u64,
	/// When it was stored. `None` where the store does not know.
	pub stored: Option<SystemTime>,
}

/// Takes a page of what a store holds. An error ends the scan.
pub type OnPage<'a> = &'a mut dyn FnMut(Vec<Listed>) -> Result<(), StoreError>;

/// What a store was asked for by [`Store::ask`]. Who asked may wait for a while, and leave the rest
/// of the waiting to another thread.
pub trait Question: Send {
	/// The values, if they come in about this time. After an answer it is of no use any more.
	fn wait(&mut self, limit: Duration) -> Option<Result<Vec<Option<Bytes>>, StoreError>>;

	/// The values, as [`Store::get_many`] gives them, with its deadlines.
	fn finish(self: Box<Self>) -> Result<Vec<Option<Bytes>>, StoreError>;
}

/// A key-value store that holds chunks and named records.
///
/// Calls block, have deadlines, and may be made from many threads at once. Batches are as large
/// as the caller likes: the store splits them as its protocol wants.
pub trait Store: Send + Sync {
	/// How the store is named in logs and errors: its URL, without a password.
	fn name(&self) -> &str;

	/// The values of these keys, in order; `None` where there is none.
	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError>;

	/// Sends the question for these values, if that can be done at once: where it takes no new
	/// connection and no wait for others. `None` where it can't; nothing was sent then.
	fn ask(&self, keys: &[Key]) -> Option<Box<dyn Question>> {
		let _ = keys;
		None
	}

	/// Which of these keys have a value, in order.
	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError>;

	/// Stores these values. A key that has a value already keeps it: values under one key are
	/// the same bytes for chunks, and named records are numbered, never replaced.
	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError>;

	/// Stores the values of chunks that it lacked when it was asked for them, and need not be asked
	/// again. No chunk occurs twice. One that has got a value since then may keep it or take this:
	/// either is the same chunk, if maybe compressed in another way.
	fn put_chunks(&self, chunks: &[(ChunkId, Bytes)]) -> Result<(), StoreError> {
		self.put_many(&records_of(chunks))
	}

	/// Calls `page` for everything the store holds, in any order, some thousand values at a time.
	/// What is stored or deleted meanwhile may be met or not, and some stores list a value twice.
	fn scan(&self, page: OnPage<'_>) -> Result<(), StoreError> {
		let _ = page;
		let reason = "it can't say what it holds".into();
		Err(StoreError::Refused { store: self.name().to_owned(), reason })
	}

	/// Deletes the values of these keys. A key without one is fine. After an error some of them may
	/// be gone.
	fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
		let reason = format!("it can't delete anything ({} values)", keys.len());
		Err(StoreError::Refused { store: self.name().to_owned(), reason })
	}

	/// Makes sure that what was stored survives a crash of this process.
	fn flush(&self) -> Result<(), StoreError> {
		Ok(())
	}
}

/// The values of these chunks, under their keys.
fn records_of(chunks: &[(ChunkId, Bytes)]) -> Vec<(Key, Bytes)> {
	chunks.iter().map(|(id, value)| (Key::copy_from_slice(&id.0), value.clone())).collect()
}
