//! What several tests need: a store in memory that can misbehave, and bytes that don't compress.

use crate::{
	chunk::{Chunk, ChunkId},
	source::{plain::StoreSource, ChunkSource},
	store::{Key, Listed, OnPage, Store, StoreError},
	value,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
	collections::BTreeMap,
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc,
	},
	time::SystemTime,
};

/// Bytes that look random, always the same for one seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
	let mut bytes = vec![0; length];
	blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
	bytes
}

/// A store in memory, as strict as a write-once namespace: storing under a key that has a value
/// is an error.
#[derive(Default)]
pub struct MemoryStore {
	pub values: Mutex<BTreeMap<Key, Bytes>>,
	/// How many bytes it takes at most; 0 for any number.
	pub limit: AtomicUsize,
	/// When everything in it was stored, as far as it knows.
	pub stored: Mutex<Option<SystemTime>>,
	reads: AtomicUsize,
	writes: AtomicUsize,
	pub flushes: AtomicUsize,
	pub last_written: Mutex<Option<Key>>,
}

impl MemoryStore {
	pub fn new() -> Arc<Self> {
		Arc::default()
	}

	pub fn with_chunks<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> Arc<Self> {
		let store = Self::new();
		for chunk in chunks {
			store.insert(chunk);
		}
		store
	}

	pub fn insert(&self, chunk: &Chunk) {
		self.values.lock().insert(Bytes::copy_from_slice(&chunk.id().0), value::encode(chunk));
	}

	pub fn source(self: &Arc<Self>) -> Arc<dyn ChunkSource> {
		Arc::new(StoreSource::new(vec![self.clone()]))
	}

	/// How many values were read.
	pub fn reads(&self) -> usize {
		self.reads.load(Ordering::Relaxed)
	}

	/// How many values were written.
	pub fn writes(&self) -> usize {
		self.writes.load(Ordering::Relaxed)
	}

	pub fn ids(&self) -> Vec<ChunkId> {
		let id = |key: &Key| ChunkId(key[..].try_into().unwrap());
		self.values.lock().keys().map(id).collect()
	}
}

impl Store for MemoryStore {
	fn name(&self) -> &str {
		"memory"
	}

	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
		self.reads.fetch_add(keys.len(), Ordering::Relaxed);
		let values = self.values.lock();
		Ok(keys.iter().map(|key| values.get(key).cloned()).collect())
	}

	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		let values = self.values.lock();
		Ok(keys.iter().map(|key| values.contains_key(key)).collect())
	}

	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		let mut values = self.values.lock();
		for (key, value) in records {
			let limit = self.limit.load(Ordering::Relaxed);
			let used: usize = values.values().map(Bytes::len).sum();
			if limit > 0 && used + value.len() > limit {
				let reason = "No space left on this namespace".into();
				return Err(StoreError::Full { store: "memory".into(), reason });
			}
			if values.insert(key.clone(), value.clone()).is_some() {
				let reason = "the key exists, and this store is write-once".into();
				return Err(StoreError::Refused { store: "memory".into(), reason });
			}
			self.writes.fetch_add(1, Ordering::Relaxed);
			*self.last_written.lock() = Some(key.clone());
		}
		Ok(())
	}

	fn scan(&self, page: OnPage<'_>) -> Result<(), StoreError> {
		let stored = *self.stored.lock();
		let listed = |(key, value): (&Key, &Bytes)| Listed {
			key: key.clone(),
			size: value.len() as u64,
			stored,
		};
		let all: Vec<_> = self.values.lock().iter().map(listed).collect();
		all.chunks(7).try_for_each(|part| page(part.to_vec()))
	}

	fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
		let mut values = self.values.lock();
		keys.iter().for_each(|key| {
			values.remove(key);
		});
		Ok(())
	}

	fn flush(&self) -> Result<(), StoreError> {
		self.flushes.fetch_add(1, Ordering::Relaxed);
		Ok(())
	}
}
