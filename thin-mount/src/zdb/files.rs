//! Open files, at most so many of them.

use super::mapped::Mapped;
use lru::LruCache;
use parking_lot::Mutex;
use std::{
	fs::File,
	io,
	num::NonZeroUsize,
	ops::Range,
	os::unix::fs::MetadataExt,
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
	/// Its bytes in memory, if it has all of this range now, and the system addresses for it.
	pub(super) fn mapped(&self, range: Range<u64>) -> Option<&Arc<Mapped>> {
		let found = self.file.metadata().ok()?;
		// After its end there are zeros in memory, up to the end of the page.
		if range.end > found.len() {
			return None;
		}
		let map = || {
			// The kernel says what is in memory to those alone whose file it is. To others it says
			// that all of it is, and they would wait for the disk where they must not.
			let own = found.uid() == rustix::process::geteuid().as_raw();
			let length = found.len().max(self.most);
			own.then(|| Mapped::new(&self.file, length).map(Arc::new)).flatten()
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

#[cfg(test)]
mod tests {
	use super::*;

	fn open(path: &std::path::Path) -> Arc<OpenFile> {
		let files = FileCache::new(NonZeroUsize::MIN, 1 << 20);
		files.open(0, Kind::Data, 0, || path.to_owned()).unwrap()
	}

	#[test]
	fn only_what_is_there_is_sent_from_memory() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("d0");
		std::fs::write(&path, [7; 10_000]).unwrap();
		let file = open(&path);
		assert!(file.mapped(0..10_000).is_some() && file.mapped(0..10_001).is_none());
		std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(9_000).unwrap();
		assert!(file.mapped(0..9_000).is_some() && file.mapped(8_999..9_001).is_none());
	}

	#[test]
	fn files_of_others_are_read() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("d0");
		std::fs::write(&path, [7; 10_000]).unwrap();
		if std::os::unix::fs::chown(&path, Some(65_534), None).is_err() {
			println!("SKIPPED: only root can give a file away");
			return;
		}
		assert!(open(&path).mapped(0..10_000).is_none());
	}
}
