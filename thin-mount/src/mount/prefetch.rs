//! Fetching ahead of readers, after them and before what is fetched in the background: the image's
//! trace, the ends of tables, and what a reader who goes straight on will want.

use crate::{
	blob::{BlobError, BlobReader, BlobRef, Leaf},
	cache::{Cache, CachedBlob, CachedSource, Presence},
	chunk::{ChunkId, CHUNK_SIZE},
	fetch::{Announced, Fetcher, Later, Priority},
	image::{Image, NodeId, NodeKind},
	source::ChunkSource,
	stop::Stop,
};
use crossbeam_channel::{bounded, Receiver, Sender};
use parking_lot::Mutex;
use std::{
	collections::{HashMap, HashSet},
	ops::Range,
	sync::{
		atomic::{AtomicU64, Ordering::Relaxed},
		Arc,
	},
};

/// How many chunks are asked for at once: 2 MiB.
const BATCH: usize = 32;
/// How many chunks of a trace are placed at once.
const WINDOW: usize = 256;
/// How many wishes may wait. What finds no place is not fetched ahead.
const QUEUE: usize = 256;
/// How many tables after one that is opened are looked at too.
const SIBLINGS: usize = 8;

enum Wish {
	/// The end of this file, and of the tables after it.
	Table(NodeId),
	/// These leaves.
	Leaves(BlobRef, Range<u64>),
}

pub(super) struct Prefetcher {
	wishes: Sender<Wish>,
	/// Tables whose ends were wished for.
	tables: Mutex<HashSet<NodeId>>,
	/// Whether the image has a trace, which knows better than the names of files.
	traced: bool,
	fetched: Arc<AtomicU64>,
	stop: Arc<Stop>,
}

impl Prefetcher {
	/// `None` when no thread can be started, or what is fetched ahead has no place to wait at.
	pub(super) fn start(
		image: Arc<Image>,
		fetcher: Arc<Fetcher>,
		cache: Option<Arc<Cache>>,
		recent: usize,
	) -> Option<Self> {
		if cache.is_none() && recent == 0 {
			return None;
		}
		let (wishes, queue) = bounded(QUEUE);
		let prefetcher = Self {
			wishes,
			tables: Mutex::default(),
			traced: image.superblock().trace.is_some(),
			fetched: Arc::default(),
			stop: Arc::default(),
		};
		let (stop, fetched) = (prefetcher.stop.clone(), prefetcher.fetched.clone());
		let later = || Arc::new(Later::new(fetcher.clone(), Priority::Trace, stop.clone()));
		let source: Arc<dyn ChunkSource> = match &cache {
			Some(cache) => Arc::new(CachedSource::uncounted(cache.clone(), later())),
			None => later(),
		};
		let worker = Worker {
			blobs: BlobReader::new(source),
			leaves: later(),
			image,
			fetcher,
			cache,
			recent,
			fetched,
			stop,
		};
		// Before anybody else begins: what is fetched in the background comes after the trace.
		let turn = prefetcher.traced.then(|| worker.fetcher.announce(Priority::Trace));
		match std::thread::Builder::new()
			.name("thin-prefetch".into())
			.spawn(move || worker.run(&queue, turn))
		{
			Ok(_) => Some(prefetcher),
			Err(error) => {
				tracing::warn!(%error, "no thread for fetching ahead can be started");
				None
			},
		}
	}

	/// Chunks that were fetched ahead so far.
	pub(super) fn fetched(&self) -> u64 {
		self.fetched.load(Relaxed)
	}

	/// A file is being opened. Whoever opens a table reads its end next.
	pub(super) fn opened(&self, image: &Image, node: NodeId) {
		if self.traced || !is_table(image.tree().path(node).unwrap_or_default()) {
			return;
		}
		if self.tables.lock().insert(node) {
			let _ = self.wishes.try_send(Wish::Table(node));
		}
	}

	/// A reader goes straight on, and will want these leaves. Only where a cache keeps them.
	pub(super) fn wanted(&self, blob: BlobRef, leaves: Range<u64>) {
		let _ = self.wishes.try_send(Wish::Leaves(blob, leaves));
	}
}

impl Drop for Prefetcher {
	fn drop(&mut self) {
		self.stop.say();
	}
}

fn is_table(path: &[u8]) -> bool {
	path.ends_with(b".sst")
}

struct Worker {
	image: Arc<Image>,
	fetcher: Arc<Fetcher>,
	cache: Option<Arc<Cache>>,
	recent: usize,
	/// Inner nodes, and files of one chunk.
	blobs: BlobReader,
	/// Leaves, which the cache keeps in another way.
	leaves: Arc<Later>,
	fetched: Arc<AtomicU64>,
	stop: Arc<Stop>,
}

impl Worker {
	fn run(&self, wishes: &Receiver<Wish>, turn: Option<Announced>) {
		// Advice: what can't be fetched now will be when somebody reads it, and then be an error.
		if let Err(error) = self.replay() {
			tracing::warn!(%error, "the trace of the image is not used to its end");
		}
		drop(turn);
		let mut tables = HashSet::new();
		for wish in wishes {
			if self.stop.is_said() {
				return;
			}
			let _turn = self.fetcher.announce(Priority::Trace);
			let done = match wish {
				Wish::Table(node) => self.tables(node, &mut tables),
				Wish::Leaves(blob, leaves) => self.range(blob, leaves),
			};
			if let Err(error) = done {
				tracing::debug!(%error, "nothing is fetched ahead there");
			}
		}
	}

	fn replay(&self) -> Result<(), Box<dyn std::error::Error>> {
		if self.image.superblock().trace.is_none() {
			return Ok(());
		}
		let mut trace = self.image.trace()?;
		if self.cache.is_none() {
			// More would drive out what came first before anybody has read it.
			trace.truncate(self.recent / 2);
		}
		let mut wanted: HashSet<ChunkId> = HashSet::new();
		trace.retain(|id| wanted.insert(*id));
		let blobs: HashMap<ChunkId, BlobRef> = self
			.image
			.tree()
			.entries()
			.filter_map(|entry| entry.blob)
			.filter(|blob| wanted.contains(&blob.root) && !blob.is_hole())
			.map(|blob| (blob.root, blob))
			.collect();
		let mut places: HashMap<ChunkId, (BlobRef, Leaf)> = HashMap::new();
		for window in trace.chunks(WINDOW) {
			if self.stop.is_said() {
				return Ok(());
			}
			// Roots come before what is below them, so that it is known where that belongs.
			let roots: Vec<_> =
				window.iter().filter(|id| blobs.contains_key(id)).copied().collect();
			for roots in roots.chunks(BATCH) {
				self.count(self.blobs.source().chunks(roots)?.len());
			}
			for blob in roots.iter().filter_map(|root| blobs.get(root)) {
				if blob.length > CHUNK_SIZE as u64 {
					let leaves = self.blobs.wanted_leaves(blob, &|id| wanted.contains(id))?;
					places.extend(leaves.into_iter().map(|leaf| (leaf.id, (*blob, leaf))));
				}
			}
			let leaves: Vec<_> = window.iter().filter_map(|id| places.get(id).copied()).collect();
			self.fetch(&leaves)?;
		}
		Ok(())
	}

	/// The last chunks of a table and of those that follow it in its directory.
	fn tables(&self, node: NodeId, done: &mut HashSet<NodeId>) -> Result<(), BlobError> {
		let tree = self.image.tree();
		let parent = tree.parent(node).unwrap_or(NodeId::ROOT);
		let following = tree.children(parent, 0).into_iter().flatten();
		let following = following
			.skip_while(|(_, child)| *child != node)
			.filter(|(name, _)| is_table(name))
			.map(|(_, child)| child)
			.take(SIBLINGS + 1);
		let mut leaves = Vec::new();
		for node in following {
			let is_file = tree.attributes(node).is_some_and(|found| found.kind == NodeKind::File);
			let Some(blob) = tree.blob(node).filter(|_| is_file && done.insert(node)) else {
				continue;
			};
			if let Some(last) = blob.length.checked_sub(1) {
				let last = last / CHUNK_SIZE as u64;
				let found = self.blobs.leaves(&blob, last..last + 1)?;
				leaves.extend(found.into_iter().map(|leaf| (blob, leaf)));
			}
		}
		self.fetch(&leaves)
	}

	fn range(&self, blob: BlobRef, range: Range<u64>) -> Result<(), BlobError> {
		let leaves = self.blobs.leaves(&blob, range)?;
		self.fetch(&leaves.into_iter().map(|leaf| (blob, leaf)).collect::<Vec<_>>())
	}

	/// Fetches those of these leaves that are not there.
	fn fetch(&self, leaves: &[(BlobRef, Leaf)]) -> Result<(), BlobError> {
		for batch in leaves.chunks(BATCH) {
			if self.stop.is_said() {
				return Ok(());
			}
			let mut open: HashMap<BlobRef, Option<Arc<CachedBlob>>> = HashMap::new();
			let mut wanted = Vec::new();
			for (blob, leaf) in batch.iter().filter(|(_, leaf)| !leaf.hole) {
				let cache = self.cache.as_ref().filter(|_| blob.length > CHUNK_SIZE as u64);
				let cached =
					open.entry(*blob).or_insert_with(|| cache.and_then(|cache| cache.blob(blob)));
				match cached {
					Some(cached) if cached.presence(leaf.index) != Presence::Absent => {},
					cached => wanted.push((leaf, cached.clone())),
				}
			}
			if self.cache.as_ref().is_some_and(|cache| !cache.has_spare_room()) {
				return Ok(());
			}
			let ids: Vec<_> = wanted.iter().map(|(leaf, _)| leaf.id).collect();
			if ids.is_empty() {
				continue;
			}
			// A file of one chunk is kept by that source, a leaf of a larger one here.
			let source: &dyn ChunkSource = match wanted.iter().any(|(_, cached)| cached.is_some()) {
				true => &*self.leaves,
				false => &**self.blobs.source(),
			};
			for ((leaf, cached), chunk) in wanted.iter().zip(source.chunks(&ids)?) {
				if let (Some(cached), Some(cache)) = (cached, &self.cache) {
					cache.keep(cached, leaf, &chunk)?;
				}
			}
			self.count(ids.len());
		}
		Ok(())
	}

	fn count(&self, chunks: usize) {
		self.fetched.fetch_add(chunks as u64, Relaxed);
	}
}
