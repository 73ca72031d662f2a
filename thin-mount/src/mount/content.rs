//! What files hold: the one place where reads become chunks, and errors become error numbers.

use super::{
	background::Hydration, checker::Checker, local::Census, passthrough::Passthrough,
	prefetch::Prefetcher, sequence::Sequence, watch::Sight, written::Written, MountStats,
};
use crate::{
	blob::{check_shape, BlobError, BlobRef, Leaf, Segment},
	cache::{Cache, CachedBlob, Presence},
	chunk::{Chunk, ChunkId, CHUNK_SIZE},
	fetch::Fetcher,
	image::{Image, NodeId},
	source::{ChunkSource, FetchError},
	store::StoreError,
	trace::Recorder,
};
use fuser::Errno;
use parking_lot::Mutex;
use std::{
	path::PathBuf,
	sync::{
		atomic::{
			AtomicBool, AtomicU64,
			Ordering::{Relaxed, SeqCst},
		},
		Arc, OnceLock,
	},
	time::Instant,
};

/// How far to look for a hole: 256 MiB, which is few inner nodes to fetch.
const SEEK_LEAVES: usize = 4_096;

pub(super) struct Content {
	image: Arc<Image>,
	fetcher: Arc<Fetcher>,
	cache: Option<Arc<Cache>>,
	passthrough: Passthrough,
	/// `None` when no file is ever to be handed to the kernel.
	checker: Option<Checker>,
	/// `None` when nothing is fetched ahead.
	prefetcher: Option<Prefetcher>,
	hydration: OnceLock<Hydration>,
	recorder: Option<Recorder>,
	sight: Option<Sight>,
	census: Option<Census>,
	written: OnceLock<Written>,
	since: Instant,
	reads: AtomicU64,
	bytes_read: AtomicU64,
	errors: AtomicU64,
}

/// What is done besides answering reads.
pub(super) struct ContentOptions {
	pub(super) passthrough: bool,
	pub(super) prefetch: bool,
	/// How many chunks to record.
	pub(super) record: Option<usize>,
	/// How many chunks the fetcher keeps in memory.
	pub(super) recent: usize,
	/// Whether it is noted where was read last.
	pub(super) watch: bool,
}

/// A file that somebody has open.
pub(super) struct OpenFile {
	node: NodeId,
	blob: BlobRef,
	cached: Option<Arc<CachedBlob>>,
	sequence: Mutex<Sequence>,
	/// Whether its last user may have been told that it is closed.
	closed: AtomicBool,
}

/// What a read has found.
pub(super) struct Found {
	offset: u64,
	pub(super) bytes: Vec<u8>,
	/// What came from a store for it, and is to be kept.
	fetched: Vec<(Leaf, Chunk)>,
}

impl OpenFile {
	pub(super) fn node(&self) -> NodeId {
		self.node
	}

	pub(super) fn cached(&self) -> Option<&CachedBlob> {
		self.cached.as_deref()
	}
}

impl Content {
	/// The image's own source must be the same fetcher, by way of the same cache.
	pub(super) fn new(
		image: Arc<Image>,
		fetcher: Arc<Fetcher>,
		cache: Option<Arc<Cache>>,
		options: ContentOptions,
	) -> Self {
		// What the kernel reads by itself can't be recorded.
		let passthrough = options.passthrough && options.record.is_none() && !options.watch;
		let checker = cache.clone().filter(|_| passthrough).and_then(Checker::start);
		let start = || {
			let recent = options.recent;
			Prefetcher::start(image.clone(), fetcher.clone(), cache.clone(), recent)
		};
		let census = cache.clone().map(Census::new);
		let prefetcher = options.prefetch.then(start).flatten();
		Self {
			image,
			fetcher,
			cache,
			passthrough: Passthrough::default(),
			checker,
			prefetcher,
			hydration: OnceLock::new(),
			recorder: options.record.map(Recorder::new),
			sight: options.watch.then(Sight::default),
			census,
			written: OnceLock::new(),
			since: Instant::now(),
			reads: AtomicU64::default(),
			bytes_read: AtomicU64::default(),
			errors: AtomicU64::default(),
		}
	}

	/// The same files, which are served at another place and noted when they are read.
	pub(super) fn watched(&self) -> Self {
		let options = ContentOptions {
			passthrough: false,
			prefetch: false,
			record: None,
			recent: 0,
			watch: true,
		};
		Self::new(self.image.clone(), self.fetcher.clone(), self.cache.clone(), options)
	}

	/// Fetches the rest of the image in the background, until [`Self::settle`].
	pub(super) fn hydrate(self: &Arc<Self>, rate: Option<u64>) {
		let Some(cache) = &self.cache else { return };
		if let Some(hydration) = Hydration::start(self, cache.clone(), self.fetcher.clone(), rate) {
			let _ = self.hydration.set(hydration);
		}
	}

	/// Ends what is done for nobody in particular.
	pub(super) fn settle(&self) {
		if let Some(hydration) = self.hydration.get() {
			hydration.stop();
		}
	}

	/// Has what is written to this folder counted.
	pub(super) fn watch_written(&self, folder: PathBuf) {
		let _ = self.written.set(Written::new(folder));
	}

	/// Counts what is in the cache, and what was written, for the figures: that may take a while.
	pub(super) fn count_local(&self) {
		if let Some(census) = &self.census {
			census.take(&self.image);
		}
		if let Some(written) = self.written.get() {
			written.take();
		}
	}

	/// The chunks that were read so far, if they are recorded.
	pub(super) fn trace(&self) -> Option<Vec<ChunkId>> {
		self.recorder.as_ref().map(Recorder::trace)
	}

	/// Where was read last, if that is noted.
	pub(super) fn sight(&self) -> Option<&Sight> {
		self.sight.as_ref()
	}

	/// Whether files are to be handed to the kernel, where it takes them.
	pub(super) fn wants_passthrough(&self) -> bool {
		self.checker.is_some()
	}

	pub(super) fn passthrough(&self) -> &Passthrough {
		&self.passthrough
	}

	/// Whether the kernel may read this file by itself. If not, finds out in the background
	/// whether it may next time.
	pub(super) fn may_pass(&self, file: &OpenFile) -> bool {
		let (Some(cached), Some(cache)) = (&file.cached, &self.cache) else { return false };
		let whole = cache.is_whole(cached);
		if !whole {
			self.check(cached.blob());
		}
		whole
	}

	/// Has a blob looked at, that may be whole by now.
	pub(super) fn check(&self, blob: &BlobRef) {
		if let Some(checker) = self.checker.as_ref().filter(|_| self.passthrough.is_available()) {
			checker.check(*blob);
		}
	}

	/// Whether files are being looked at that may be whole by now.
	pub(super) fn is_checking(&self) -> bool {
		self.checker.as_ref().is_some_and(Checker::is_busy)
	}

	/// Whether the rest of the image is being fetched.
	pub(super) fn is_hydrating(&self) -> bool {
		self.hydration.get().is_some_and(|hydration| !hydration.is_done())
	}

	/// Nobody has this file open any more, or one less.
	pub(super) fn closed(&self, file: &OpenFile) {
		self.passthrough.release(file.node);
		file.closed.store(true, SeqCst);
		if let (Some(cached), Some(cache)) = (&file.cached, &self.cache) {
			if !cache.is_whole(cached) {
				self.check(cached.blob());
			}
		}
	}

	pub(super) fn cache(&self) -> Option<&Cache> {
		self.cache.as_deref()
	}

	pub(super) fn image(&self) -> &Image {
		&self.image
	}

	pub(super) fn stats(&self, mountpoint: PathBuf) -> MountStats {
		MountStats {
			image: self.image.id().to_string(),
			mountpoint,
			age_seconds: self.since.elapsed().as_secs(),
			logical_bytes: self.image.superblock().totals.bytes,
			reads: self.reads.load(Relaxed),
			bytes_read: self.bytes_read.load(Relaxed),
			read_errors: self.errors.load(Relaxed),
			fetch: self.fetcher.stats(),
			cache: self.cache.as_ref().map(|cache| cache.stats()),
			local: self.census.as_ref().and_then(Census::last),
			passthrough: self.passthrough.stats(|node| self.path(node)),
			prefetched: self.prefetcher.as_ref().map_or(0, Prefetcher::fetched),
			hydration: self.hydration.get().map(Hydration::stats),
			written: self.written.get().and_then(Written::last),
		}
	}

	fn path(&self, node: NodeId) -> String {
		self.image.tree().path(node).unwrap_or_default().escape_ascii().to_string()
	}

	pub(super) fn open(&self, node: NodeId) -> Result<OpenFile, Errno> {
		let tree = self.image.tree();
		match tree.blob(node) {
			Some(blob) => {
				let cached = self.cache.as_ref().and_then(|cache| cache.blob(&blob));
				if let Some(prefetcher) = &self.prefetcher {
					prefetcher.opened(&self.image, node);
				}
				let (sequence, closed) = Default::default();
				Ok(OpenFile { node, blob, cached, sequence, closed })
			},
			None if tree.child_count(node).is_some() => Err(Errno::EISDIR),
			None => Err(Errno::ENOENT),
		}
	}

	/// The bytes of a file from `offset` on: `size` of them, or as many as there are to the end. Who
	/// has them owes a call of [`Self::settle_read`], and the reader his answer before that.
	pub(super) fn read(&self, file: &OpenFile, offset: u64, size: usize) -> Result<Found, Errno> {
		self.reads.fetch_add(1, Relaxed);
		let read = match &file.cached {
			Some(blob) => self.read_cached(blob, offset, size),
			None => {
				let bytes = self.image.blobs().read_at(&file.blob, offset, size);
				bytes.map(|bytes| Found { offset, bytes, fetched: Vec::new() })
			},
		};
		match read {
			Ok(found) => {
				if let Some(sight) = &self.sight {
					sight.note(file.node, offset..offset + found.bytes.len() as u64);
				}
				self.record(file, offset, found.bytes.len());
				self.bytes_read.fetch_add(found.bytes.len() as u64, Relaxed);
				Ok(found)
			},
			Err(error) => {
				self.errors.fetch_add(1, Relaxed);
				Err(self.explain(file, offset, error))
			},
		}
	}

	/// Does what a read entails and its reader need not wait for.
	pub(super) fn settle_read(&self, file: &OpenFile, found: &Found) {
		if let (Some(cached), Some(cache)) = (&file.cached, &self.cache) {
			for (leaf, chunk) in &found.fetched {
				// Another reader may have been here, and a file that is written to once more has to
				// be looked at once more before the kernel may have it.
				if !cached.is_verified(leaf.index) {
					// Its shape was looked at before its bytes were given out.
					let _ = cache.keep(cached, leaf, chunk);
				}
			}
			if !found.fetched.is_empty() && file.closed.load(SeqCst) {
				// When it was closed this was still missing.
				self.check(cached.blob());
			}
		}
		self.read_ahead(file, found.offset, found.bytes.len());
	}

	/// Has fetched what a reader who goes straight on will want.
	fn read_ahead(&self, file: &OpenFile, offset: u64, length: usize) {
		let (Some(prefetcher), Some(cached)) = (&self.prefetcher, &file.cached) else { return };
		let Some(leaves) = file.sequence.lock().advance(offset, length, file.blob.length) else {
			return;
		};
		if leaves.clone().any(|leaf| cached.presence(leaf) == Presence::Absent) {
			prefetcher.wanted(file.blob, leaves);
		}
	}

	/// Notes the chunks of these bytes, which were read just now, those first that lead to them.
	fn record(&self, file: &OpenFile, offset: u64, length: usize) {
		let Some(recorder) = self.recorder.as_ref().filter(|recorder| recorder.is_open()) else {
			return;
		};
		const LEAF: u64 = CHUNK_SIZE as u64;
		let end = offset.saturating_add(length as u64);
		let blobs = self.image.blobs();
		let Ok(leaves) = blobs.leaves(&file.blob, offset / LEAF..end.div_ceil(LEAF)) else {
			return;
		};
		for leaf in leaves.iter().filter(|leaf| !leaf.hole) {
			recorder.note(blobs.path(&file.blob, leaf.index).unwrap_or_default());
			recorder.note([leaf.id]);
		}
	}

	/// The same, from the cache where it has the bytes.
	fn read_cached(
		&self,
		cached: &CachedBlob,
		offset: u64,
		size: usize,
	) -> Result<Found, BlobError> {
		let count = |hits, misses| {
			if let Some(cache) = &self.cache {
				cache.count(hits, misses);
			}
		};
		const LEAF: u64 = CHUNK_SIZE as u64;
		let blob = cached.blob();
		let end = offset.saturating_add(size as u64).min(blob.length);
		if offset >= end {
			return Ok(Found { offset, bytes: Vec::new(), fetched: Vec::new() });
		}
		let range = offset / LEAF..end.div_ceil(LEAF);
		let mut bytes = vec![0; (end - offset) as usize];
		if range.clone().all(|leaf| cached.presence(leaf) == Presence::Verified)
			&& cached.read(offset, &mut bytes).is_ok()
		{
			count((range.end - range.start) as usize, 0);
			return Ok(Found { offset, bytes, fetched: Vec::new() });
		}
		let leaves = self.image.blobs().leaves(blob, range)?;
		let usable = |leaf: &Leaf| match cached.presence(leaf.index) {
			Presence::Verified => true,
			Presence::Unverified => cached.verify(leaf),
			Presence::Absent => false,
		};
		// The part of the wanted bytes that is in a leaf, and where it is there.
		let overlap = |leaf: &Leaf| {
			let start = leaf.index * LEAF;
			let from = start.max(offset);
			let to = (start + leaf.length as u64).min(end);
			((from - offset) as usize..(to - offset) as usize, (from - start) as usize)
		};
		let mut absent = Vec::new();
		for leaf in &leaves {
			let (part, _) = overlap(leaf);
			let start = offset + part.start as u64;
			if leaf.hole {
				continue;
			}
			if !usable(leaf) || cached.read(start, &mut bytes[part]).is_err() {
				absent.push(*leaf);
			}
		}
		count(leaves.len() - absent.len(), absent.len());
		let ids: Vec<_> = absent.iter().map(|leaf| leaf.id).collect();
		let chunks = if ids.is_empty() { Vec::new() } else { self.fetcher.chunks(&ids)? };
		let fetched: Vec<_> = absent.into_iter().zip(chunks).collect();
		for (leaf, chunk) in &fetched {
			check_shape(leaf.id, chunk.bytes().len(), leaf.length)?;
			let (part, skip) = overlap(leaf);
			let length = part.len();
			bytes[part].copy_from_slice(&chunk.bytes()[skip..skip + length]);
		}
		Ok(Found { offset, bytes, fetched })
	}

	/// Where the first byte at or after `offset` is that is in no hole.
	pub(super) fn next_data(&self, file: &OpenFile, offset: u64) -> Result<u64, Errno> {
		if offset >= file.blob.length {
			return Err(Errno::ENXIO);
		}
		match self.segment_after(file, offset)? {
			Some(Segment::Leaf(leaf)) => Ok(offset.max(leaf.index * CHUNK_SIZE as u64)),
			Some(hole) => {
				let end = hole.end().saturating_mul(CHUNK_SIZE as u64);
				if end < file.blob.length {
					Ok(end)
				} else {
					Err(Errno::ENXIO)
				}
			},
			None => Err(Errno::ENXIO),
		}
	}

	/// Where the first hole at or after `offset` begins. That is the end of the file when there is
	/// none nearby: a hole may be taken for data that are zeros.
	pub(super) fn next_hole(&self, file: &OpenFile, offset: u64) -> Result<u64, Errno> {
		if offset >= file.blob.length {
			return Err(Errno::ENXIO);
		}
		let mut segments = self.segments_after(file, offset, SEEK_LEAVES)?.into_iter();
		let hole = segments.find_map(|segment| match segment {
			Segment::Hole { first, .. } => Some(first.saturating_mul(CHUNK_SIZE as u64)),
			Segment::Leaf(_) => None,
		});
		Ok(hole.map_or(file.blob.length, |start| start.max(offset)))
	}

	fn segment_after(&self, file: &OpenFile, offset: u64) -> Result<Option<Segment>, Errno> {
		Ok(self.segments_after(file, offset, 1)?.pop())
	}

	fn segments_after(
		&self,
		file: &OpenFile,
		offset: u64,
		most: usize,
	) -> Result<Vec<Segment>, Errno> {
		let first = offset / CHUNK_SIZE as u64;
		let segments = self.image.blobs().segments(&file.blob, first, most);
		segments.map_err(|error| self.explain(file, offset, error))
	}

	/// Says in the log what a reader can't be told by an error number.
	fn explain(&self, file: &OpenFile, offset: u64, error: BlobError) -> Errno {
		let path = self.path(file.node);
		let errno = match &error {
			BlobError::Fetch(FetchError::Store(StoreError::Unreachable { .. })) => Errno::ETIMEDOUT,
			_ => Errno::EIO,
		};
		tracing::error!(%path, offset, %error, "a read has failed");
		errno
	}
}
