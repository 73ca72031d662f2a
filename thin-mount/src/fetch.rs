//! Fetching chunks for readers that wait: from several stores, each chunk once however many ask
//! for it, within a deadline, and verified before anybody sees it.

mod health;
mod lane;
mod priority;
mod round;
mod stats;

pub use priority::Priority;
pub(crate) use priority::{Announced, Later};
pub use stats::{FetchStats, StoreState, StoreStats, LATENCY_BOUNDS_US};

use crate::{
	chunk::{Chunk, ChunkId},
	pace::Pace,
	source::{ChunkSource, FetchError},
	stop::Stop,
	store::{Store, StoreError},
};
use lane::{Lane, BATCH};
use lru::LruCache;
use parking_lot::{Condvar, Mutex};
use priority::Gate;
use round::Round;
use std::{
	collections::{HashMap, HashSet},
	num::NonZeroUsize,
	sync::{
		atomic::{AtomicU64, Ordering::Relaxed},
		Arc,
	},
	time::Duration,
};

/// How many batches one call has under way at once.
const WIDTH: usize = 4;

/// How a [`Fetcher`] behaves.
#[derive(Debug, Clone)]
pub struct FetchOptions {
	/// How long a chunk may take, with all retries at all stores.
	pub deadline: Duration,
	/// How many of the last chunks are kept in memory, at 64 KiB or less each.
	pub recent: usize,
	/// The most bytes in a second, counted as they are in files. Without it, as many as there can be.
	pub rate: Option<u64>,
}

impl Default for FetchOptions {
	fn default() -> Self {
		Self { deadline: Duration::from_secs(30), recent: 512, rate: None }
	}
}

/// A [`ChunkSource`] over stores that hold the same chunks.
///
/// The first store is preferred. Another one is asked when a store fails, lacks a chunk, sends
/// wrong bytes, or takes longer than it usually does.
pub struct Fetcher {
	lanes: Vec<Lane>,
	options: FetchOptions,
	table: Mutex<Table>,
	counters: Counters,
	gate: Gate,
	pace: Pace,
}

/// Both under one lock: a chunk is in the one or in the other until it is forgotten.
struct Table {
	recent: Option<LruCache<ChunkId, Chunk>>,
	flights: HashMap<ChunkId, Arc<Flight>>,
}

/// A chunk on its way, and who waits for it.
struct Flight {
	priority: Priority,
	result: Mutex<Option<Result<Chunk, FetchError>>>,
	landed: Condvar,
}

#[derive(Default)]
struct Counters {
	hits: AtomicU64,
	joined: AtomicU64,
	chunks: AtomicU64,
	hedges: AtomicU64,
	retries: AtomicU64,
	failures: AtomicU64,
}

impl Fetcher {
	/// A fetcher over replicas. Errors when there are none.
	pub fn new(stores: Vec<Arc<dyn Store>>, options: FetchOptions) -> Result<Self, StoreError> {
		if stores.is_empty() {
			let reason = "at least one store is needed: zdb://…, redis://… or dir://…".into();
			return Err(StoreError::Url { url: String::new(), reason });
		}
		let recent = NonZeroUsize::new(options.recent).map(LruCache::new);
		Ok(Self {
			lanes: stores.into_iter().enumerate().map(|(at, store)| Lane::new(at, store)).collect(),
			table: Mutex::new(Table { recent, flights: HashMap::new() }),
			pace: Pace::new(options.rate),
			options,
			counters: Counters::default(),
			gate: Gate::default(),
		})
	}

	/// What has been done so far.
	pub fn stats(&self) -> FetchStats {
		let stores: Vec<_> = self.lanes.iter().map(Lane::stats).collect();
		FetchStats {
			hits: self.counters.hits.load(Relaxed),
			joined: self.counters.joined.load(Relaxed),
			chunks_fetched: self.counters.chunks.load(Relaxed),
			bytes_fetched: stores.iter().map(|store| store.bytes).sum(),
			verification_failures: stores.iter().map(|store| store.verification_failures).sum(),
			hedges: self.counters.hedges.load(Relaxed),
			retries: self.counters.retries.load(Relaxed),
			failures: self.counters.failures.load(Relaxed),
			stores,
		}
	}

	fn gate(&self) -> &Gate {
		&self.gate
	}

	/// These chunks, in order. Those after the first priority should have waited for their turn.
	fn chunks_for(&self, priority: Priority, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
		self.attempt(priority, ids, true)
	}

	fn attempt(
		&self,
		priority: Priority,
		ids: &[ChunkId],
		again: bool,
	) -> Result<Vec<Chunk>, FetchError> {
		let mut found: HashMap<ChunkId, Chunk> = HashMap::with_capacity(ids.len());
		let mut flights: HashMap<ChunkId, Arc<Flight>> = HashMap::new();
		let mut own = Vec::new();
		{
			let mut table = self.table.lock();
			let mut seen = HashSet::with_capacity(ids.len());
			for id in ids.iter().filter(|id| seen.insert(**id)) {
				if let Some(chunk) = table.recent.as_mut().and_then(|recent| recent.get(id)) {
					found.insert(*id, chunk.clone());
					self.counters.hits.fetch_add(1, Relaxed);
				} else if let Some(flight) = table.flights.get(id) {
					flights.insert(*id, flight.clone());
					self.counters.joined.fetch_add(1, Relaxed);
				} else {
					let (result, landed) = Default::default();
					let flight = Arc::new(Flight { priority, result, landed });
					table.flights.insert(*id, flight.clone());
					flights.insert(*id, flight);
					own.push(*id);
				}
			}
		}
		self.fetch(priority, &own);
		for (id, flight) in flights {
			let mut result = flight.result.lock();
			while result.is_none() {
				flight.landed.wait(&mut result);
			}
			match &*result {
				Some(Ok(chunk)) => found.insert(id, chunk.clone()),
				// It may have been under way for long, for somebody who was less in a hurry.
				Some(Err(_)) if again && flight.priority > priority => {
					let chunk = self.attempt(priority, &[id], false)?.pop();
					chunk.and_then(|chunk| found.insert(id, chunk))
				},
				Some(Err(error)) => return Err(error.clone()),
				None => None,
			};
		}
		ids.iter()
			.map(|id| {
				found.get(id).cloned().ok_or_else(|| FetchError::Missing {
					id: *id,
					stores: "an empty answer".into(),
				})
			})
			.collect()
	}

	/// Fetches what this call is the first to ask for, and tells those who wait for it.
	fn fetch(&self, priority: Priority, own: &[ChunkId]) {
		if own.is_empty() {
			return;
		}
		let _pass = self.gate.enter(priority);
		let landing = Landing { fetcher: self, ids: own };
		let fetch_batch = |ids: &[ChunkId]| {
			let round = Round::new(&self.lanes, &self.counters, self.options.deadline, ids);
			let mut bytes = 0;
			for (id, result) in round.run() {
				bytes += result.as_ref().map_or(0, |chunk| chunk.bytes().len() as u64);
				self.land(priority, id, result);
			}
			// Afterwards, and not on the way: a store that keeps the pace is not a slow one.
			self.pace.take(bytes, &Stop::default());
		};
		if own.len() <= BATCH {
			fetch_batch(own);
		} else {
			let share = own.len().div_ceil(WIDTH).max(BATCH);
			std::thread::scope(|scope| {
				for part in own.chunks(share) {
					scope.spawn(move || part.chunks(BATCH).for_each(fetch_batch));
				}
			});
		}
		drop(landing);
	}

	fn land(&self, priority: Priority, id: ChunkId, result: Result<Chunk, FetchError>) {
		let counter = if result.is_ok() { &self.counters.chunks } else { &self.counters.failures };
		counter.fetch_add(1, Relaxed);
		let mut table = self.table.lock();
		if let (Ok(chunk), Some(recent)) = (&result, &mut table.recent) {
			// What readers want again should not make room for what nobody has asked for.
			if priority != Priority::Background {
				recent.put(id, chunk.clone());
			}
		}
		if let Some(flight) = table.flights.remove(&id) {
			*flight.result.lock() = Some(result);
			flight.landed.notify_all();
		}
	}
}

/// Ends flights that did not land, so that nobody waits for what will never come.
struct Landing<'a> {
	fetcher: &'a Fetcher,
	ids: &'a [ChunkId],
}

impl Drop for Landing<'_> {
	fn drop(&mut self) {
		for id in self.ids {
			let left = self.fetcher.table.lock().flights.contains_key(id);
			if left && std::thread::panicking() {
				let store = "of this image".into();
				let reason = "the thread that fetched has failed".into();
				self.fetcher.land(
					Priority::Background,
					*id,
					Err(StoreError::Unreachable { store, reason }.into()),
				);
			}
		}
	}
}

impl ChunkSource for Fetcher {
	fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
		self.chunks_for(Priority::Foreground, ids)
	}
}

#[cfg(test)]
mod tests;
