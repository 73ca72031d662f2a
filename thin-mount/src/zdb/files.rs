//! Open files, at most so many of them.

use lru::LruCache;
use parking_lot::Mutex;
use std::{fs::File, io, num::NonZeroUsize, path::PathBuf, sync::Arc};

/// Which half of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
	Data,
	Index,
}

/// Files opened for reading, shared by all namespaces of a server. The least recently used one is
/// closed when another is opened.
#[derive(Debug)]
pub(super) struct FileCache(Mutex<LruCache<(u64, Kind, u32), Arc<File>>>);

impl FileCache {
	pub(super) fn new(most: NonZeroUsize) -> Self {
		Self(Mutex::new(LruCache::new(most)))
	}

	/// The file of this namespace, kind and number, which lies at `path`.
	pub(super) fn open(
		&self,
		namespace: u64,
		kind: Kind,
		file: u32,
		path: impl FnOnce() -> PathBuf,
	) -> io::Result<Arc<File>> {
		let name = (namespace, kind, file);
		if let Some(open) = self.0.lock().get(&name) {
			return Ok(open.clone());
		}
		// Not under the lock: others need not wait for the disk.
		let open = Arc::new(File::open(path())?);
		self.0.lock().put(name, open.clone());
		Ok(open)
	}

	/// Closes the files of a namespace.
	pub(super) fn forget(&self, namespace: u64) {
		let mut files = self.0.lock();
		let gone: Vec<_> =
			files.iter().map(|(name, _)| *name).filter(|(id, ..)| *id == namespace).collect();
		for name in gone {
			files.pop(&name);
		}
	}
}
