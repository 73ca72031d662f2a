//! A cache on disk: verified bytes of blobs, shared by all mounts on a machine and by all images.
//!
//! A blob of several chunks is one sparse file and a map of what is there; other chunks are files
//! of their own. What is read from the disk is hashed before it is used for the first time, so a
//! file that was torn, altered or exchanged is noticed, named in the log, and fetched again.

mod blob;
mod chunks;
mod evict;
mod map;
mod whole;

pub(crate) use blob::{CachedBlob, Presence};
pub(crate) use chunks::{CachedSource, LocalSource};
#[cfg(any(test, fuzzing))]
pub(crate) use map::check_file;
#[cfg(test)]
pub(crate) use map::file_with;
pub(crate) use whole::Whole;

use crate::{
	blob::{check_shape, BlobError, BlobRef, Leaf},
	chunk::{Chunk, CHUNK_SIZE},
	fetch::Fetcher,
	source::ChunkSource,
	stop::Stop,
};
use lru::LruCache;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
	collections::HashMap,
	fs, io,
	path::PathBuf,
	sync::{
		atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
		Arc, Weak,
	},
	time::Duration,
};

/// How long what was fetched may wait until it is made durable.
const FLUSH_EVERY: Duration = Duration::from_secs(2);

/// Where a cache is, and how large it may get.
#[derive(Debug, Clone)]
pub struct CacheOptions {
	/// A folder of its own. It is made when it does not exist.
	pub folder: PathBuf,
	/// How many bytes it may take on disk, or as many as there are. Blobs that are open are never
	/// evicted: when they alone reach the limit, nothing more is cached.
	pub limit: Option<u64>,
}

/// The folder of a cache can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the cache folder {} can't be used: {error}. Name another, or mend its rights", folder.display())]
pub struct CacheError {
	folder: PathBuf,
	error: io::Error,
}

/// What a cache has been good for, since it was opened by this mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheStats {
	/// Chunks that were there.
	pub hits: u64,
	/// Chunks that were not.
	pub misses: u64,
	/// Bytes that were added.
	pub bytes_added: u64,
	/// Whether the limit keeps it from taking more.
	pub full: bool,
}

/// A source that asks the cache first, and puts there what it has to fetch. For an [`Image`] that is
/// to be hydrated.
///
/// [`Image`]: crate::image::Image
pub fn cached_source(cache: &Arc<Cache>, fetcher: &Arc<Fetcher>) -> Arc<dyn ChunkSource> {
	Arc::new(CachedSource::new(cache.clone(), fetcher.clone()))
}

/// A folder of cached blobs and chunks.
pub struct Cache {
	folder: PathBuf,
	limit: Option<u64>,
	open: Mutex<HashMap<BlobRef, Weak<CachedBlob>>>,
	/// What all of was hashed by this process.
	whole: Mutex<LruCache<BlobRef, whole::Identity>>,
	/// An estimate, between two looks at the disk.
	used: AtomicU64,
	full: AtomicBool,
	complained: AtomicBool,
	hits: AtomicU64,
	misses: AtomicU64,
	added: AtomicU64,
	stop: Arc<Stop>,
}

impl Cache {
	/// Opens a cache, making its folder where needed.
	pub fn open(options: CacheOptions) -> Result<Arc<Self>, CacheError> {
		let CacheOptions { folder, limit } = options;
		let failed = |error| CacheError { folder: folder.clone(), error };
		for part in ["blobs", "chunks"] {
			fs::create_dir_all(folder.join(part)).map_err(failed)?;
		}
		let probe = folder.join(format!(".{}.tmp", std::process::id()));
		fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(failed)?;
		let cache = Arc::new(Self {
			used: AtomicU64::new(limit.map_or(0, |_| evict::used(&folder))),
			folder,
			limit,
			open: Mutex::default(),
			whole: Mutex::new(LruCache::new(whole::REMEMBERED)),
			full: AtomicBool::new(false),
			complained: AtomicBool::new(false),
			hits: AtomicU64::new(0),
			misses: AtomicU64::new(0),
			added: AtomicU64::new(0),
			stop: Arc::default(),
		});
		cache.shrink();
		let (weak, stop) = (Arc::downgrade(&cache), cache.stop.clone());
		let flusher = std::thread::Builder::new().name("thin-cache".into()).spawn(move || loop {
			stop.wait(FLUSH_EVERY);
			let Some(cache) = weak.upgrade() else { return };
			cache.flush();
			cache.shrink();
		});
		match flusher {
			Ok(_) => Ok(cache),
			Err(error) => Err(CacheError { folder: cache.folder.clone(), error }),
		}
	}

	/// The cached file of a blob. `None` when it is so small that it is cached as a chunk, or when
	/// its file can't be used: then it is read without a cache.
	pub(crate) fn blob(&self, blob: &BlobRef) -> Option<Arc<CachedBlob>> {
		if blob.length <= CHUNK_SIZE as u64 {
			return None;
		}
		let mut open = self.open.lock();
		if let Some(cached) = open.get(blob).and_then(Weak::upgrade) {
			return Some(cached);
		}
		open.retain(|_, cached| cached.strong_count() > 0);
		let (path, folder) = self.blob_path(blob);
		match fs::create_dir_all(&folder).and_then(|()| CachedBlob::open(path, *blob)) {
			Ok(cached) => {
				let cached = Arc::new(cached);
				open.insert(*blob, Arc::downgrade(&cached));
				Some(cached)
			},
			Err(error) => {
				self.complain(&error);
				None
			},
		}
	}

	/// The path of a blob's bytes, and the folder that is in.
	fn blob_path(&self, blob: &BlobRef) -> (PathBuf, PathBuf) {
		let root = blob.root.to_string();
		let folder = self.folder.join("blobs").join(&root[..2]);
		(folder.join(format!("{root}-{}", blob.length)), folder)
	}

	/// How many bytes of a blob are there, by its map, in whole leaves. Nothing is opened for it that
	/// is not there.
	pub(crate) fn local_bytes(&self, blob: &BlobRef) -> u64 {
		if blob.length == 0 {
			return 0;
		}
		if blob.length <= CHUNK_SIZE as u64 {
			return if self.has_chunk(blob.root) { blob.length } else { 0 };
		}
		let map = blob::map_path(&self.blob_path(blob).0);
		let leaves = fs::File::open(map).map_or(0, |map| map::count(map, blob));
		leaves.saturating_mul(CHUNK_SIZE as u64).min(blob.length)
	}

	/// What it has been good for so far.
	pub fn stats(&self) -> CacheStats {
		CacheStats {
			hits: self.hits.load(Relaxed),
			misses: self.misses.load(Relaxed),
			bytes_added: self.added.load(Relaxed),
			full: self.full.load(Relaxed),
		}
	}

	/// Makes everything durable that was fetched so far.
	pub(crate) fn flush(&self) {
		let open: Vec<_> = self.open.lock().values().filter_map(Weak::upgrade).collect();
		open.iter().for_each(|blob| blob.flush());
	}

	fn shrink(&self) {
		let Some(limit) = self.limit else { return };
		if self.used.load(Relaxed) > limit {
			let used = evict::evict(&self.folder, limit - limit / 10);
			self.used.store(used, Relaxed);
			let full = used > limit - limit / 20;
			if full && !self.full.swap(true, Relaxed) {
				tracing::warn!(limit, used, "the cache is full of open files: no more is cached");
			}
			if !full {
				self.full.store(false, Relaxed);
			}
		} else if self.full.load(Relaxed) {
			self.used.store(u64::MAX, Relaxed);
		}
	}

	pub(crate) fn has_room(&self) -> bool {
		let used = self.used.load(Relaxed);
		!self.full.load(Relaxed) && self.limit.is_none_or(|limit| used <= limit)
	}

	/// Whether something may be added that nobody waits for: not where other things would soon have
	/// to make room for it.
	pub(crate) fn has_spare_room(&self) -> bool {
		let used = self.used.load(Relaxed);
		!self.full.load(Relaxed) && self.limit.is_none_or(|limit| used < limit - limit / 10)
	}

	/// Keeps a leaf that was fetched, if there is room: whether there was. Errors when it is no leaf
	/// of this length.
	pub(crate) fn keep(
		&self,
		cached: &CachedBlob,
		leaf: &Leaf,
		chunk: &Chunk,
	) -> Result<bool, BlobError> {
		check_shape(leaf.id, chunk.bytes().len(), leaf.length)?;
		let kept = if self.has_room() { cached.put(leaf, chunk.bytes()) } else { 0 };
		self.grown(kept);
		Ok(kept > 0)
	}

	pub(crate) fn grown(&self, bytes: u64) {
		self.added.fetch_add(bytes, Relaxed);
		self.used.fetch_add(bytes, Relaxed);
	}

	pub(crate) fn count(&self, hits: usize, misses: usize) {
		self.hits.fetch_add(hits as u64, Relaxed);
		self.misses.fetch_add(misses as u64, Relaxed);
	}

	/// Once: what can't be cached is read all the same.
	fn complain(&self, error: &io::Error) {
		if !self.complained.swap(true, Relaxed) {
			let folder = self.folder.display();
			tracing::warn!(%folder, %error, "the cache can't be written: reading without it");
		}
	}
}

impl Drop for Cache {
	fn drop(&mut self) {
		self.stop.say();
	}
}
