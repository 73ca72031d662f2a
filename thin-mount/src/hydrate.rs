//! Fetching what nobody has asked for yet: all of an image, into a cache.

mod durable;

use crate::{
	blob::{BlobError, BlobReader, BlobRef, Leaf, Segment},
	cache::{Cache, CachedBlob, CachedSource, Presence},
	chunk::{Chunk, ChunkId, CHUNK_SIZE},
	fetch::{Fetcher, Later, Priority},
	image::Image,
	pace::Pace,
	parallel::{self, Jobs},
	progress::{OnProgress, Progress},
	source::{ChunkSource, FetchError},
	stop::Stop,
	store::StoreError,
};
use durable::Durable;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
	collections::HashSet,
	io,
	ops::Range,
	sync::{
		atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
		Arc,
	},
};

/// How many chunks are asked for at once, and by how many threads: 2 MiB under way, which is what a
/// reader may have to wait for who comes in between.
const BATCH: usize = 16;
const THREADS: usize = 2;
/// How many leaves are looked at between two looks whether to stop.
const LOOK: usize = 4_096;

/// How to hydrate.
#[derive(Debug, Clone, Default)]
pub struct HydrateOptions {
	/// The most bytes in a second, counted as they are in files, which is at least what comes over
	/// the wire. Without it, as many as there can be.
	pub rate: Option<u64>,
	/// Whether to hash what is in the cache already, and to fetch anew what was altered.
	pub check: bool,
}

/// What hydration has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HydrateReport {
	/// Chunks that were fetched.
	pub chunks: u64,
	/// Their bytes, as in files.
	pub bytes: u64,
	/// Chunks that can't be had: no store has them, or not the right bytes. They are in the log.
	pub failed: u64,
	/// Whether it ended early since the cache has reached nine tenths of its limit, or can't be
	/// written.
	pub full: bool,
}

/// Why an image can't be hydrated.
#[derive(Debug, thiserror::Error)]
pub enum HydrateError {
	/// No store answers. What was fetched stays.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// The image is malformed, or an inner node of a file can't be had.
	#[error(transparent)]
	Content(#[from] BlobError),
	/// A thread could not be started.
	#[error("can't start a thread: {0}")]
	Thread(#[from] io::Error),
}

/// Fetches all of an image into a cache, after whoever else uses the same fetcher.
pub fn hydrate(
	image: &Image,
	cache: &Arc<Cache>,
	fetcher: &Arc<Fetcher>,
	options: HydrateOptions,
	progress: OnProgress<'_>,
) -> Result<HydrateReport, HydrateError> {
	let hydrator = Hydrator::new(cache.clone(), fetcher.clone(), options, Arc::default());
	hydrator.run(image, progress, &|_| {})?;
	cache.flush();
	Ok(hydrator.report())
}

/// Hydrates an image, and tells how far it is.
pub(crate) struct Hydrator {
	cache: Arc<Cache>,
	blobs: BlobReader,
	/// Past the cache, for leaves.
	source: Later,
	options: HydrateOptions,
	pace: Pace,
	stop: Arc<Stop>,
	chunks: AtomicU64,
	bytes: AtomicU64,
	/// So that what can't be had counts once, however often it is tried.
	failed: Mutex<HashSet<ChunkId>>,
	full: AtomicBool,
}

/// The leaves from the first of these to the last.
fn span(leaves: &[Leaf]) -> Range<u64> {
	let ends = leaves.first().zip(leaves.last());
	ends.map_or(0..0, |(first, last)| first.index..last.index.saturating_add(1))
}

enum Job {
	/// Leaves of one blob, all absent.
	Leaves(Arc<CachedBlob>, Vec<Leaf>),
	/// Files of one chunk.
	Small(Vec<ChunkId>, u64),
}

impl Hydrator {
	pub(crate) fn new(
		cache: Arc<Cache>,
		fetcher: Arc<Fetcher>,
		options: HydrateOptions,
		stop: Arc<Stop>,
	) -> Self {
		let later = || Later::new(fetcher.clone(), Priority::Background, stop.clone());
		let inner = CachedSource::uncounted(cache.clone(), Arc::new(later()));
		Self {
			blobs: BlobReader::new(Arc::new(inner)),
			source: later(),
			pace: Pace::new(options.rate),
			cache,
			options,
			stop,
			chunks: AtomicU64::default(),
			bytes: AtomicU64::default(),
			failed: Mutex::default(),
			full: AtomicBool::default(),
		}
	}

	pub(crate) fn report(&self) -> HydrateReport {
		HydrateReport {
			chunks: self.chunks.load(Relaxed),
			bytes: self.bytes.load(Relaxed),
			failed: self.failed.lock().len() as u64,
			full: self.full.load(Relaxed),
		}
	}

	/// Goes through the whole image once. `on_whole` is called for each blob of several chunks,
	/// when all of it was there already.
	pub(crate) fn run(
		&self,
		image: &Image,
		progress: OnProgress<'_>,
		on_whole: &(dyn Fn(&BlobRef) + Sync),
	) -> Result<(), HydrateError> {
		let done = Mutex::new(Progress::default());
		let count = |files: u64, bytes: u64| {
			let now = {
				let mut done = done.lock();
				done.files += files;
				done.bytes += bytes;
				*done
			};
			progress(now);
		};
		std::thread::scope(|scope| {
			let durable = Durable::start(scope)?;
			parallel::run(
				THREADS,
				|jobs| self.produce(image, jobs, &durable, &count, on_whole),
				|job| match job {
					Job::Leaves(cached, leaves) => {
						let fetched = self.fetch_leaves(&cached, &leaves);
						durable.wrote(cached, span(&leaves));
						fetched?;
						count(0, leaves.iter().map(|leaf| leaf.length as u64).sum());
						Ok(())
					},
					Job::Small(ids, bytes) => {
						self.fetch_small(&ids)?;
						count(ids.len() as u64, bytes);
						Ok(())
					},
				},
			)
		})
	}

	fn is_over(&self) -> bool {
		if !self.cache.has_spare_room() {
			self.full.store(true, Relaxed);
		}
		self.stop.is_said() || self.full.load(Relaxed)
	}

	fn produce(
		&self,
		image: &Image,
		jobs: &Jobs<'_, Job>,
		durable: &Durable,
		count: &dyn Fn(u64, u64),
		on_whole: &dyn Fn(&BlobRef),
	) -> Result<(), HydrateError> {
		let (mut small, mut small_bytes) = (Vec::new(), 0);
		for entry in image.tree().entries().filter(|entry| !entry.hard_link) {
			let Some(blob) = entry.blob else { continue };
			if self.is_over() {
				return Ok(());
			}
			if blob.length > CHUNK_SIZE as u64 {
				let Some(cached) = self.cache.blob(&blob) else { continue };
				let goes_on = self.produce_leaves(&cached, jobs, count, on_whole);
				durable.done(cached);
				if !goes_on? {
					return Ok(());
				}
				count(1, 0);
			} else if blob.is_hole() {
				count(1, blob.length);
			} else if blob.length > 0 {
				small.push(blob.root);
				small_bytes += blob.length;
				if small.len() == BATCH {
					let ids = std::mem::take(&mut small);
					if !jobs.put(Job::Small(ids, std::mem::take(&mut small_bytes))) {
						return Ok(());
					}
				}
			}
		}
		if !small.is_empty() {
			let _ = jobs.put(Job::Small(small, small_bytes));
		}
		Ok(())
	}

	/// `false` when it is over.
	fn produce_leaves(
		&self,
		cached: &Arc<CachedBlob>,
		jobs: &Jobs<'_, Job>,
		count: &dyn Fn(u64, u64),
		on_whole: &dyn Fn(&BlobRef),
	) -> Result<bool, HydrateError> {
		let blob = *cached.blob();
		let (mut next, mut whole, mut absent) = (0, true, Vec::new());
		loop {
			let segments = match self.blobs.segments(&blob, next, LOOK) {
				Ok(segments) => segments,
				Err(error) => return self.forgive(blob.root, error).map(|()| true),
			};
			let Some(last) = segments.last() else { break };
			next = last.end();
			for segment in segments {
				match segment {
					Segment::Hole { count: leaves, .. } => {
						count(0, leaves.saturating_mul(CHUNK_SIZE as u64));
					},
					Segment::Leaf(leaf) if self.is_there(cached, &leaf) => {
						count(0, leaf.length as u64);
					},
					Segment::Leaf(leaf) => absent.push(leaf),
				}
				if absent.len() == BATCH {
					whole = false;
					let leaves = std::mem::take(&mut absent);
					if self.is_over() || !jobs.put(Job::Leaves(cached.clone(), leaves)) {
						return Ok(false);
					}
				}
			}
			if self.is_over() {
				return Ok(false);
			}
		}
		if whole && absent.is_empty() {
			on_whole(&blob);
		}
		Ok(absent.is_empty() || jobs.put(Job::Leaves(cached.clone(), absent)))
	}

	fn is_there(&self, cached: &CachedBlob, leaf: &Leaf) -> bool {
		match cached.presence(leaf.index) {
			Presence::Verified => true,
			Presence::Unverified => !self.options.check || cached.verify(leaf),
			Presence::Absent => false,
		}
	}

	fn fetch_leaves(&self, cached: &CachedBlob, leaves: &[Leaf]) -> Result<(), HydrateError> {
		let bytes = leaves.iter().map(|leaf| leaf.length as u64).sum();
		if !self.pace.take(bytes, &self.stop) || self.is_over() {
			return Ok(());
		}
		let ids: Vec<_> = leaves.iter().map(|leaf| leaf.id).collect();
		let put = |leaf: &Leaf, chunk: &Chunk| -> Result<(), HydrateError> {
			match self.cache.keep(cached, leaf, chunk)? {
				true => self.fetched(1, leaf.length as u64),
				// What can't be kept need not be fetched.
				false => self.full.store(true, Relaxed),
			}
			Ok(())
		};
		match self.source.chunks(&ids) {
			Ok(chunks) => leaves.iter().zip(&chunks).try_for_each(|(leaf, chunk)| put(leaf, chunk)),
			Err(FetchError::Store(error)) => Err(error.into()),
			// One of them can't be had: the others still can.
			Err(_) => leaves.iter().try_for_each(|leaf| match self.source.chunk(leaf.id) {
				Ok(chunk) => put(leaf, &chunk),
				Err(error) => self.forgive(leaf.id, error.into()),
			}),
		}
	}

	fn fetch_small(&self, ids: &[ChunkId]) -> Result<(), HydrateError> {
		let is_there = |id: ChunkId| match self.options.check {
			true => self.cache.load(id).is_some(),
			false => self.cache.has_chunk(id),
		};
		let absent: Vec<_> = ids.iter().copied().filter(|id| !is_there(*id)).collect();
		// Most of them are much smaller, but how small is known when they are there.
		let pace = |bytes: u64| self.pace.take(bytes, &self.stop);
		if absent.is_empty() || !pace(0) || self.is_over() {
			return Ok(());
		}
		let fetched = match self.blobs.source().chunks(&absent) {
			Ok(chunks) => chunks,
			Err(FetchError::Store(error)) => return Err(error.into()),
			Err(_) => {
				let mut chunks = Vec::new();
				for id in &absent {
					match self.blobs.source().chunk(*id) {
						Ok(chunk) => chunks.push(chunk),
						Err(error) => self.forgive(*id, error.into())?,
					}
				}
				chunks
			},
		};
		let bytes = fetched.iter().map(|chunk| chunk.bytes().len() as u64).sum();
		self.fetched(fetched.len(), bytes);
		pace(bytes);
		Ok(())
	}

	fn fetched(&self, chunks: usize, bytes: u64) {
		self.chunks.fetch_add(chunks as u64, Relaxed);
		self.bytes.fetch_add(bytes, Relaxed);
	}

	/// Goes on without a chunk that can't be had. A store that can't be reached is another matter.
	fn forgive(&self, id: ChunkId, error: BlobError) -> Result<(), HydrateError> {
		match error {
			BlobError::Fetch(FetchError::Store(error)) => Err(error.into()),
			BlobError::Fetch(error) => {
				if self.failed.lock().insert(id) {
					tracing::error!(%error, "a chunk can't be fetched ahead");
				}
				Ok(())
			},
			error => Err(error.into()),
		}
	}
}
