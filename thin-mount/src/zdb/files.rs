//! Open files, at most so many of them.

use super::mapped::Mapped;
use lru::LruCache;
use parking_lot::Mutex;
use std::{
	fs::File,
	io,
	num::NonZeroUsize,
	path::PathBuf,
	sync::{Arc, OnceLock},
};

/// Which half of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
	Data,
	Index,
}

/// A file that is open, and its bytes in memory once somebody wants to send them from there.
#[derive(Debug)]
pub(super) struct OpenFile {
	pub file: Arc<File>,
	/// How many bytes it may grow to.
	most: u64,
	mapped: OnceLock<Option<Arc<Mapped>>>,
}

impl OpenFile {
	/// Its bytes in memory, if the system has addresses for them.
	pub(super) fn mapped(&self) -> Option<&Arc<Mapped>> {
		let map = || {
			let length = self.file.metadata().ok()?.len();
			Mapped::new(&self.file, length.max(self.most)).map(Arc::new)
		};
		self.mapped.get_or_init(map).as_ref()
	}
}

/// Files opened for reading, shared by all namespaces of a server. The least recently used one is
/// closed when another is opened.
#[derive(Debug)]
pub(super) struct FileCache {
	open: Mutex<LruCache<(u64, Kind, u32), Arc<OpenFile>>>,
	/// How many bytes a data file grows to.
	data_size: u64,
}

impl FileCache {
	pub(super) fn new(most: NonZeroUsize, data_size: u64) -> Self {
		Self { open: Mutex::new(LruCache::new(most)), data_size }
	}

	/// The file of this namespace, kind and number, which lies at `path`.
	pub(super) fn open(
		&self,
		namespace: u64,
		kind: Kind,
		file: u32,
		path: impl FnOnce() -> PathBuf,
	) -> io::Result<Arc<OpenFile>> {
		let name = (namespace, kind, file);
		if let Some(open) = self.open.lock().get(&name) {
			return Ok(open.clone());
		}
		// Not under the lock: others need not wait for the disk.
		let file = Arc::new(File::open(path())?);
		let open = Arc::new(OpenFile { file, most: self.data_size, mapped: OnceLock::new() });
		self.open.lock().put(name, open.clone());
		Ok(open)
	}

	/// Closes the files of a namespace.
	pub(super) fn forget(&self, namespace: u64) {
		let mut files = self.open.lock();
		let gone: Vec<_> =
			files.iter().map(|(name, _)| *name).filter(|(id, ..)| *id == namespace).collect();
		for name in gone {
			files.pop(&name);
		}
	}
}
