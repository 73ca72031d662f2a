//! Where the values are: the map from keys to locations, held in memory.

use parking_lot::RwLock;
use std::{
	collections::{hash_map::RandomState, HashMap},
	hash::BuildHasher,
	sync::atomic::{AtomicU64, Ordering},
};

/// Where a value lies. The number of an index file is that of its data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
	pub file: u32,
	/// Of the data entry, in the data file.
	pub offset: u32,
	/// Of the payload, in bytes.
	pub length: u32,
	/// Of the index entry, in the index file.
	pub index_offset: u32,
	pub crc: u32,
	pub time: u32,
}

/// Locks are held for one look-up or one change, never across I/O: this many of them keep the
/// growth of one part from being felt in the others.
const SHARDS: usize = 64;

type Shard = RwLock<HashMap<Box<[u8]>, Location>>;

/// Keys and locations. One writer changes it at a time; anybody reads.
#[derive(Debug)]
pub(super) struct KeyMap {
	shards: Vec<Shard>,
	hasher: RandomState,
	entries: AtomicU64,
	payload: AtomicU64,
	keys: AtomicU64,
}

impl Default for KeyMap {
	fn default() -> Self {
		Self {
			shards: (0..SHARDS).map(|_| Shard::default()).collect(),
			hasher: RandomState::new(),
			entries: AtomicU64::new(0),
			payload: AtomicU64::new(0),
			keys: AtomicU64::new(0),
		}
	}
}

impl KeyMap {
	fn shard(&self, key: &[u8]) -> &Shard {
		&self.shards[self.hasher.hash_one(key) as usize % SHARDS]
	}

	pub(super) fn get(&self, key: &[u8]) -> Option<Location> {
		self.shard(key).read().get(key).copied()
	}

	/// Puts a location and answers the one it replaces.
	pub(super) fn insert(&self, key: &[u8], location: Location) -> Option<Location> {
		let mut shard = self.shard(key).write();
		let replaced = match shard.get_mut(key) {
			Some(present) => Some(std::mem::replace(present, location)),
			None => shard.insert(key.into(), location),
		};
		drop(shard);
		self.payload.fetch_add(u64::from(location.length), Ordering::Relaxed);
		match replaced {
			Some(replaced) => {
				self.payload.fetch_sub(u64::from(replaced.length), Ordering::Relaxed);
			},
			None => {
				self.entries.fetch_add(1, Ordering::Relaxed);
				self.keys.fetch_add(key.len() as u64, Ordering::Relaxed);
			},
		}
		replaced
	}

	pub(super) fn remove(&self, key: &[u8]) -> Option<Location> {
		let removed = self.shard(key).write().remove(key)?;
		self.payload.fetch_sub(u64::from(removed.length), Ordering::Relaxed);
		self.entries.fetch_sub(1, Ordering::Relaxed);
		self.keys.fetch_sub(key.len() as u64, Ordering::Relaxed);
		Some(removed)
	}

	/// How many keys there are.
	pub(super) fn entries(&self) -> u64 {
		self.entries.load(Ordering::Relaxed)
	}

	/// Payload bytes of all values.
	pub(super) fn payload(&self) -> u64 {
		self.payload.load(Ordering::Relaxed)
	}

	/// Bytes that keys and locations take in memory, the map's own overhead left out.
	pub(super) fn memory(&self) -> u64 {
		let each = std::mem::size_of::<(Box<[u8]>, Location)>() as u64;
		self.entries() * each + self.keys.load(Ordering::Relaxed)
	}
}
