//! A source that asks its stores one after the other: for packing, verifying and restoring, where
//! throughput comes from large batches on several threads.

use super::{ChunkSource, FetchError};
use crate::{
	chunk::{Chunk, ChunkId},
	store::{Key, Store, StoreError},
	value::{self, ValueError},
};
use bytes::Bytes;
use std::sync::{
	atomic::{AtomicBool, Ordering},
	Arc,
};

/// How many values are asked for at once, which bounds what is held before it is checked.
const BATCH: usize = 128;

struct Member {
	store: Arc<dyn Store>,
	/// It once sent wrong bytes. It is then asked after all others.
	distrusted: AtomicBool,
}

/// Asks each store in turn. Every value is verified; a store that sends wrong bytes is named in
/// the log, and asked last from then on.
pub struct StoreSource {
	members: Vec<Member>,
}

impl StoreSource {
	/// A source over these stores, asked in this order.
	pub fn new(stores: Vec<Arc<dyn Store>>) -> Self {
		let member = |store| Member { store, distrusted: AtomicBool::new(false) };
		Self { members: stores.into_iter().map(member).collect() }
	}

	/// The names of the stores that sent wrong bytes.
	pub fn distrusted(&self) -> Vec<String> {
		let names = self.members.iter().filter(|m| m.distrusted.load(Ordering::Relaxed));
		names.map(|m| m.store.name().to_owned()).collect()
	}

	fn names(&self) -> String {
		let names: Vec<_> = self.members.iter().map(|m| m.store.name()).collect();
		names.join(", ")
	}

	fn batch(&self, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
		let mut found: Vec<Option<Chunk>> = vec![None; ids.len()];
		let (mut wrong, mut unreachable): (Option<FetchError>, Option<StoreError>) = (None, None);
		let trusted = |member: &&Member| !member.distrusted.load(Ordering::Relaxed);
		let (first, last): (Vec<_>, Vec<_>) = self.members.iter().partition(trusted);
		for member in first.into_iter().chain(last) {
			let open: Vec<usize> = (0..ids.len()).filter(|i| found[*i].is_none()).collect();
			if open.is_empty() {
				break;
			}
			let keys: Vec<Key> = open.iter().map(|i| Bytes::copy_from_slice(&ids[*i].0)).collect();
			let values = match member.store.get_many(&keys) {
				Ok(values) => values,
				Err(error) => {
					unreachable = Some(error);
					continue;
				},
			};
			for (index, value) in open.into_iter().zip(values) {
				let Some(value) = value else { continue };
				match value::decode(ids[index], value) {
					Ok(chunk) => found[index] = Some(chunk),
					Err(error) => wrong = Some(member.caught(ids[index], error)),
				}
			}
		}
		let missing = found.iter().position(Option::is_none);
		match (missing, wrong, unreachable) {
			(None, ..) => Ok(found.into_iter().flatten().collect()),
			(Some(_), Some(wrong), _) => Err(wrong),
			(Some(_), None, Some(error)) => Err(error.into()),
			(Some(index), None, None) => {
				Err(FetchError::Missing { id: ids[index], stores: self.names() })
			},
		}
	}
}

impl Member {
	fn caught(&self, id: ChunkId, error: ValueError) -> FetchError {
		let store = self.store.name().to_owned();
		if !self.distrusted.swap(true, Ordering::Relaxed) {
			tracing::warn!(%store, %id, %error, "store sent wrong bytes; it is asked last from now on");
		}
		match error {
			ValueError::Chunk(error) => FetchError::Corrupt { store, error },
			ValueError::Undecodable(reason) => FetchError::Undecodable { store, id, reason },
		}
	}
}

impl ChunkSource for StoreSource {
	fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
		let mut chunks = Vec::with_capacity(ids.len());
		for batch in ids.chunks(BATCH) {
			chunks.extend(self.batch(batch)?);
		}
		Ok(chunks)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::testing::MemoryStore;

	#[test]
	fn the_next_store_is_asked_and_the_one_that_lied_is_remembered() {
		let chunk = Chunk::new(Bytes::from_static(b"right")).unwrap();
		let key = Bytes::copy_from_slice(&chunk.id().0);
		let (liar, empty, honest) = (MemoryStore::new(), MemoryStore::new(), MemoryStore::new());
		liar.values.lock().insert(key, Bytes::from_static(b"\0wrong"));
		honest.insert(&chunk);
		let source = StoreSource::new(vec![liar.clone(), empty.clone(), honest.clone()]);
		assert_eq!(source.chunk(chunk.id()).unwrap(), chunk);
		assert_eq!(source.distrusted(), ["memory"]);
		assert_eq!((liar.reads(), honest.reads()), (1, 1));
		assert_eq!(source.chunk(chunk.id()).unwrap(), chunk);
		assert_eq!((liar.reads(), honest.reads()), (1, 2), "the liar is asked last");

		let alone = StoreSource::new(vec![liar]);
		assert!(matches!(alone.chunk(chunk.id()), Err(FetchError::Corrupt { .. })));
		let none = StoreSource::new(vec![empty]);
		assert!(matches!(none.chunk(chunk.id()), Err(FetchError::Missing { .. })));
	}
}
