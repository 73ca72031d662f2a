//! Single chunks in files of their own: superblocks, listings, inner nodes, and files so small
//! that they are one chunk. With these, an image that is in the cache needs no store.

use super::Cache;
use crate::{
	chunk::{Chunk, ChunkId},
	source::{ChunkSource, FetchError},
};
use std::{
	fs::{self, File},
	io::{self, Write},
	os::unix::fs::OpenOptionsExt,
	path::PathBuf,
	sync::{
		atomic::{AtomicU64, Ordering::Relaxed},
		Arc,
	},
};

/// Gives chunks from the cache, and puts there what it has to fetch.
pub(crate) struct CachedSource {
	cache: Arc<Cache>,
	inner: Arc<dyn ChunkSource>,
	/// Whether what is asked for counts as a hit or a miss.
	counted: bool,
}

impl CachedSource {
	pub(crate) fn new(cache: Arc<Cache>, inner: Arc<dyn ChunkSource>) -> Self {
		Self { cache, inner, counted: true }
	}

	/// The same for what no reader has asked for.
	pub(crate) fn uncounted(cache: Arc<Cache>, inner: Arc<dyn ChunkSource>) -> Self {
		Self { cache, inner, counted: false }
	}
}

impl ChunkSource for CachedSource {
	fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
		let mut chunks: Vec<Option<Chunk>> = ids.iter().map(|id| self.cache.load(*id)).collect();
		let missing: Vec<_> = ids
			.iter()
			.zip(&chunks)
			.filter(|(_, chunk)| chunk.is_none())
			.map(|(id, _)| *id)
			.collect();
		if self.counted {
			self.cache.count(ids.len() - missing.len(), missing.len());
		}
		if missing.is_empty() {
			return Ok(chunks.into_iter().flatten().collect());
		}
		let mut fetched = self.inner.chunks(&missing)?.into_iter();
		for (id, place) in ids.iter().zip(&mut chunks) {
			if place.is_none() {
				*place = fetched.next().filter(|chunk| chunk.id() == *id);
				match &place {
					Some(chunk) => self.cache.store(chunk),
					None => {
						let stores = "an answer of another shape".into();
						return Err(FetchError::Missing { id: *id, stores });
					},
				}
			}
		}
		Ok(chunks.into_iter().flatten().collect())
	}
}

/// Gives chunks from the cache and from nowhere else.
pub(crate) struct LocalSource(pub(crate) Arc<Cache>);

impl ChunkSource for LocalSource {
	fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
		let local = |id: &ChunkId| {
			let missing = || FetchError::Missing { id: *id, stores: "the cache".into() };
			self.0.load(*id).ok_or_else(missing)
		};
		ids.iter().map(local).collect()
	}
}

impl Cache {
	fn chunk_path(&self, id: ChunkId) -> PathBuf {
		let name = id.to_string();
		self.folder.join("chunks").join(&name[..2]).join(name)
	}

	/// Whether a chunk seems to be there.
	pub(crate) fn has_chunk(&self, id: ChunkId) -> bool {
		self.chunk_path(id).exists()
	}

	/// A chunk, if it is there and is what its name says.
	pub(crate) fn load(&self, id: ChunkId) -> Option<Chunk> {
		let path = self.chunk_path(id);
		let bytes = fs::read(&path).ok()?;
		match Chunk::verify(id, bytes.into()) {
			Ok(chunk) => Some(chunk),
			Err(error) => {
				let file = path.display();
				tracing::warn!(%file, %error, "a cache file is altered: fetched again");
				let _ = fs::remove_file(&path);
				None
			},
		}
	}

	/// Keeps a chunk. It is hashed when it is read, so a file that a crash has torn does no harm.
	fn store(&self, chunk: &Chunk) {
		static NUMBER: AtomicU64 = AtomicU64::new(0);
		if !self.has_room() {
			return;
		}
		let path = self.chunk_path(chunk.id());
		let number = NUMBER.fetch_add(1, Relaxed);
		let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
		let write = || -> io::Result<()> {
			if let Some(parent) = path.parent() {
				fs::create_dir_all(parent)?;
			}
			let mut options = File::options();
			let mut file =
				options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
			file.write_all(chunk.bytes())?;
			fs::rename(&temporary, &path)
		};
		match write() {
			Ok(()) => self.grown(chunk.bytes().len() as u64),
			Err(error) => {
				let _ = fs::remove_file(&temporary);
				self.complain(&error);
			},
		}
	}
}
