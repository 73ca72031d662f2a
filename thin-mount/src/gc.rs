//! Finding, and deleting, the chunks of a store that no image needs.
//!
//! Whoever calls this decides which images stay, by handing in what they [need](crate::needs).
//! Only values under keys of 32 bytes are ever looked at: named records, which have other keys,
//! stay.

use crate::{
	chunk::ChunkId,
	needs::{Amount, Needs},
	store::{Key, Store, StoreError},
};
use std::{
	collections::HashSet,
	time::{Duration, SystemTime},
};

/// How many chunks are deleted in one run: their ids are in memory before the first is deleted.
/// What is left is for the next run.
pub const MOST: usize = 8 << 20;

/// What is spared.
#[derive(Debug, Clone, Copy)]
pub struct Grace {
	/// Chunks that were stored this long ago or later are spared: they may belong to an image that
	/// is being packed.
	pub period: Duration,
	/// The time to count from.
	pub now: SystemTime,
}

/// What a store holds. Bytes are as stored, with the codec's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
	/// Chunks that an image needs.
	pub needed: Amount,
	/// Chunks that no image needs and that were stored too lately.
	pub young: Amount,
	/// Chunks that no image needs.
	pub garbage: Amount,
	/// Chunks that no image needs and whose age the store does not know; they are among the
	/// garbage only without a grace period.
	pub ageless: Amount,
	/// Values that are no chunks.
	pub others: Amount,
	/// Whether there is more than [`MOST`]: run it again.
	pub more: bool,
	/// What to delete.
	keys: HashSet<ChunkId>,
}

/// Looks through a store. Nothing is changed.
///
/// Memory: some 40 bytes for each chunk that is garbage, up to [`MOST`] of them.
pub fn find(store: &dyn Store, needs: &Needs, grace: Grace) -> Result<Found, StoreError> {
	let mut found = Found::default();
	let spared_from = grace.now.checked_sub(grace.period);
	let mut stop = false;
	let scanned = store.scan(&mut |page| {
		for value in page {
			let Ok(id) = <[u8; 32]>::try_from(&value.key[..]) else {
				found.others.add(value.size);
				continue;
			};
			let id = ChunkId(id);
			if needs.contains(&id) {
				found.needed.add(value.size);
				continue;
			}
			let is_old = match (value.stored, spared_from) {
				_ if grace.period.is_zero() => true,
				(Some(stored), Some(from)) => stored < from,
				(Some(_), None) => false,
				(None, _) => {
					found.ageless.add(value.size);
					continue;
				},
			};
			if !is_old {
				found.young.add(value.size);
			} else if found.keys.len() >= MOST {
				stop = true;
			} else if found.keys.insert(id) {
				found.garbage.add(value.size);
			}
		}
		match stop {
			// The only way to end a scan.
			true => Err(StoreError::Full { store: String::new(), reason: String::new() }),
			false => Ok(()),
		}
	});
	found.more = stop;
	match scanned {
		Err(error) if !stop => Err(error),
		_ => Ok(found),
	}
}

/// Deletes the garbage that was found. After an error some of it is gone, and the rest can be
/// found again.
pub fn delete(
	store: &dyn Store,
	found: &Found,
	on_progress: &dyn Fn(u64),
) -> Result<(), StoreError> {
	const BATCH: usize = 1024;
	let mut batch: Vec<Key> = Vec::with_capacity(BATCH);
	let mut done = 0;
	let mut keys = found.keys.iter().peekable();
	while let Some(id) = keys.next() {
		batch.push(Key::copy_from_slice(&id.0));
		if batch.len() == BATCH || keys.peek().is_none() {
			store.delete_many(&batch)?;
			done += batch.len() as u64;
			batch.clear();
			on_progress(done);
		}
	}
	store.flush()
}

#[cfg(test)]
mod tests;
