//! Uploading: asks what each store has, compresses the rest, stores it.

use super::{Outcome, PackError, Uploaded};
use crate::{
	blob::ChunkSink,
	chunk::{Chunk, ChunkId},
	store::{Store, StoreError},
	value,
};
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use std::{
	collections::HashSet,
	sync::atomic::{AtomicU64, Ordering},
};

/// How many chunks are asked for and stored at once: at most 4 MiB.
pub(super) const BATCH: usize = 64;

/// How many ids a generation remembers. Far more than can be between an [`Offer`] and the store.
const GENERATION: usize = 1 << 17;

pub(super) struct Uploader<'s> {
	targets: Vec<Target<'s>>,
	offered: Mutex<Generations>,
}

/// A store, and what it was given so far.
struct Target<'s> {
	store: &'s dyn Store,
	new_chunks: AtomicU64,
	bytes: AtomicU64,
}

/// The ids offered lately. A chunk on its way to the store must not be sent there again by another
/// thread, since a write-once store refuses that; once it is there, the store itself knows it. So
/// it is enough to remember the last so many, and memory stays bounded.
#[derive(Default)]
struct Generations {
	young: HashSet<ChunkId>,
	old: HashSet<ChunkId>,
}

impl Generations {
	/// Whether this id is new here.
	fn insert(&mut self, id: ChunkId) -> bool {
		if self.old.contains(&id) || !self.young.insert(id) {
			return false;
		}
		if self.young.len() >= GENERATION {
			self.old = std::mem::take(&mut self.young);
		}
		true
	}
}

impl<'s> Uploader<'s> {
	pub(super) fn new(stores: &[&'s dyn Store]) -> Self {
		let target = |store: &&'s dyn Store| Target {
			store: *store,
			new_chunks: AtomicU64::new(0),
			bytes: AtomicU64::new(0),
		};
		Self { targets: stores.iter().map(target).collect(), offered: Mutex::default() }
	}

	/// Whether a chunk is to be uploaded: it was not offered lately.
	pub(super) fn offer(&self, id: ChunkId) -> bool {
		self.offered.lock().insert(id)
	}

	/// What was new to each store.
	pub(super) fn counts(&self) -> Vec<Uploaded> {
		let counts = |target: &Target<'_>| Uploaded {
			new_chunks: target.new_chunks.load(Ordering::Relaxed),
			bytes: target.bytes.load(Ordering::Relaxed),
		};
		self.targets.iter().map(counts).collect()
	}

	pub(super) fn flush(&self) -> Result<(), StoreError> {
		self.targets.iter().try_for_each(|target| target.store.flush())
	}

	/// Uploads what comes in, until nothing more can come.
	pub(super) fn run(
		&self,
		incoming: Receiver<Chunk>,
		outcome: &Outcome,
	) -> Result<(), PackError> {
		let mut batch = Vec::with_capacity(BATCH);
		for chunk in &incoming {
			if outcome.stopped() {
				return Err(PackError::Stopped);
			}
			batch.push(chunk);
			if batch.len() == BATCH {
				self.upload(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)))?;
			}
		}
		if outcome.stopped() {
			return Err(PackError::Stopped);
		}
		self.upload(batch)
	}

	pub(super) fn upload(&self, batch: Vec<Chunk>) -> Result<(), PackError> {
		if batch.is_empty() {
			return Ok(());
		}
		let keys: Vec<_> =
			batch.iter().map(|chunk| Bytes::copy_from_slice(&chunk.id().0)).collect();
		// Compressed when the first store lacks it, for all that do.
		let mut values: Vec<Option<Bytes>> = vec![None; batch.len()];
		for target in &self.targets {
			let missing = target.missing(&keys)?;
			let chunks: Vec<_> = missing
				.into_iter()
				.map(|at| {
					let value = values[at].get_or_insert_with(|| value::encode(&batch[at]));
					(batch[at].id(), value.clone())
				})
				.collect();
			target.put(&chunks)?;
		}
		Ok(())
	}
}

impl Target<'_> {
	/// The places of the keys that the store does not have.
	fn missing(&self, keys: &[Bytes]) -> Result<Vec<usize>, StoreError> {
		let has = self.store.has_many(keys)?;
		if has.len() != keys.len() {
			// Taking a missing answer for a yes would lose the chunk.
			let reason = format!("it was asked for {} keys and answered {}", keys.len(), has.len());
			return Err(StoreError::Refused { store: self.store.name().to_owned(), reason });
		}
		Ok((0..keys.len()).filter(|at| !has[*at]).collect())
	}

	fn put(&self, chunks: &[(ChunkId, Bytes)]) -> Result<(), StoreError> {
		if chunks.is_empty() {
			return Ok(());
		}
		self.store.put_chunks(chunks)?;
		let bytes: usize = chunks.iter().map(|(_, value)| value.len()).sum();
		self.new_chunks.fetch_add(chunks.len() as u64, Ordering::Relaxed);
		self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
		Ok(())
	}
}

/// Takes chunks from the threads that make them and passes on each once.
#[derive(Clone)]
pub(super) struct Offer<'u, 's> {
	uploader: &'u Uploader<'s>,
	queue: Sender<Chunk>,
}

impl<'u, 's> Offer<'u, 's> {
	pub(super) fn new(uploader: &'u Uploader<'s>, queue: Sender<Chunk>) -> Self {
		Self { uploader, queue }
	}
}

impl ChunkSink for Offer<'_, '_> {
	type Error = PackError;

	fn put(&mut self, chunk: Chunk) -> Result<(), PackError> {
		if self.uploader.offer(chunk.id()) {
			self.queue.send(chunk).map_err(|_| PackError::Stopped)?;
		}
		Ok(())
	}
}
