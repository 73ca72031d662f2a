//! A folder as a store: one file per value.
//!
//! ```text
//! chunks/ab/<the other 62 hex digits>    keys of 32 bytes, by the hex of the key
//! records/<escaped key>                  all other keys
//! new/<process>-<number>                 values on their way; only whole ones get their name
//! ```

use super::{Key, Listed, OnPage, Store, StoreError};
use bytes::Bytes;
use rustix::{
	fs::{renameat_with, RenameFlags, CWD},
	io::Errno,
};
use std::{
	fs::{self, File},
	io::{self, ErrorKind, Read, Write},
	path::{Path, PathBuf},
	sync::atomic::{AtomicU64, Ordering},
};

/// What 0-db takes at most. A larger file is no value, and is not read into memory.
const MAX_VALUE: u64 = 8 << 20;

/// File names may have 255 bytes; a longer escaped key goes on in a folder.
const MAX_NAME: usize = 200;

/// A store in a folder. Several processes may use one folder at a time.
pub struct DirStore {
	root: PathBuf,
	name: String,
}

impl DirStore {
	/// The store in the folder `path`, taken literally. The folder is made when something is first
	/// stored. Errors when the path is empty or names something that is no folder.
	pub fn open(path: &str) -> Result<Self, StoreError> {
		let name = format!("dir://{path}");
		let refuse = |reason: &str| StoreError::Url { url: name.clone(), reason: reason.into() };
		if path.is_empty() {
			return Err(refuse("the path is missing; expected dir:///path"));
		}
		let root = PathBuf::from(path);
		if root.exists() && !root.is_dir() {
			let reason = "this is not a folder".into();
			return Err(StoreError::Refused { store: name, reason });
		}
		Ok(Self { root, name })
	}

	fn path(&self, key: &[u8]) -> PathBuf {
		if key.len() == 32 {
			let digits = hex::encode(key);
			let (first, rest) = digits.split_at(2);
			return self.root.join("chunks").join(first).join(rest);
		}
		let mut escaped = String::new();
		for byte in key {
			match byte {
				b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => {
					escaped.push(*byte as char)
				},
				b'.' if !escaped.is_empty() => escaped.push('.'),
				_ => escaped.push_str(&format!("%{byte:02X}")),
			}
		}
		let mut path = self.root.join("records");
		let mut rest = escaped.as_str();
		while rest.len() > MAX_NAME {
			let (piece, more) = rest.split_at(MAX_NAME);
			// '+' is in no escaped key, so a folder is never in the way of a value.
			path.push(format!("{piece}+"));
			rest = more;
		}
		path.join(rest)
	}

	fn read(&self, key: &[u8]) -> io::Result<Option<Bytes>> {
		let file = match File::open(self.path(key)) {
			Ok(file) => file,
			Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
			Err(error) => return Err(error),
		};
		let mut value = Vec::new();
		// One byte more than allowed, so that a longer one is seen to be wrong.
		file.take(MAX_VALUE + 1).read_to_end(&mut value)?;
		Ok(Some(value.into()))
	}

	fn write(&self, key: &[u8], value: &[u8]) -> io::Result<()> {
		static NUMBER: AtomicU64 = AtomicU64::new(0);
		let target = self.path(key);
		if has(key, &target)? {
			return Ok(());
		}
		let number = NUMBER.fetch_add(1, Ordering::Relaxed);
		let new = self.root.join("new").join(format!("{}-{number}", std::process::id()));
		let written = (|| {
			File::create(&new)?.write_all(value)?;
			if key.len() == 32 && target.exists() {
				return fs::rename(&new, &target);
			}
			self.name_it(&new, &target)
		})();
		if written.is_err() {
			let _ = fs::remove_file(&new);
		}
		written
	}

	/// Gives a whole value its name, unless another process was first.
	fn name_it(&self, new: &Path, target: &Path) -> io::Result<()> {
		let mut made_parent = false;
		loop {
			match renameat_with(CWD, new, CWD, target, RenameFlags::NOREPLACE) {
				Ok(()) => return Ok(()),
				Err(Errno::EXIST) => return fs::remove_file(new),
				Err(Errno::NOENT) if !made_parent => {
					if let Some(parent) = target.parent() {
						fs::create_dir_all(parent)?;
					}
					made_parent = true;
				},
				// Some network file systems know no such flag. Two writers of one chunk write the
				// same bytes there.
				Err(Errno::INVAL | Errno::NOSYS) => return fs::rename(new, target),
				Err(error) => return Err(error.into()),
			}
		}
	}

	/// The values in one folder whose file names are those of keys.
	fn listed(
		&self,
		folder: &Path,
		key: &mut dyn FnMut(&str) -> Option<Key>,
	) -> Result<Vec<Listed>, StoreError> {
		let mut listed = Vec::new();
		for entry in entries(folder).map_err(|error| self.failed("can't list", error))? {
			let entry = entry.map_err(|error| self.failed("can't list", error))?;
			let Some(key) = entry.file_name().to_str().and_then(&mut *key) else { continue };
			match entry.metadata() {
				Ok(found) if found.is_file() => {
					listed.push(Listed { key, size: found.len(), stored: found.modified().ok() })
				},
				Ok(_) => {},
				// Another process was faster.
				Err(error) if error.kind() == ErrorKind::NotFound => {},
				Err(error) => return Err(self.failed("can't look", error)),
			}
		}
		Ok(listed)
	}

	fn failed(&self, what: &str, error: io::Error) -> StoreError {
		let (store, reason) = (self.name.clone(), format!("{what}: {error}"));
		match error.kind() {
			ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { store, reason },
			ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
				StoreError::Refused { store, reason }
			},
			_ => StoreError::Unreachable { store, reason },
		}
	}

	fn must_exist(&self) -> Result<(), StoreError> {
		if self.root.is_dir() {
			return Ok(());
		}
		Err(StoreError::Unreachable { store: self.name.clone(), reason: "no such folder".into() })
	}
}

/// What a folder holds. One that is not there holds nothing.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
	match fs::read_dir(folder) {
		Ok(entries) => Ok(Some(entries).into_iter().flatten()),
		Err(error) if error.kind() == ErrorKind::NotFound => Ok(None.into_iter().flatten()),
		Err(error) => Err(error),
	}
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
	let mut found = Vec::new();
	for entry in entries(folder)? {
		let entry = entry?;
		if entry.file_type()?.is_dir() {
			found.push(entry.path());
		}
	}
	Ok(found)
}

/// The key that is escaped so, as [`DirStore::path`] does it.
fn unescaped(name: &str) -> Option<Vec<u8>> {
	let mut key = Vec::new();
	let mut bytes = name.bytes();
	while let Some(byte) = bytes.next() {
		key.push(match byte {
			b'%' => {
				let digits = [bytes.next()?, bytes.next()?];
				let mut byte = [0];
				hex::decode_to_slice(digits, &mut byte).ok()?;
				byte[0]
			},
			byte => byte,
		});
	}
	(1..=255).contains(&key.len()).then_some(key)
}

/// Whether there is a value. No chunk's value is empty: an empty file there is what a power cut
/// leaves of one that was not flushed yet, and must not keep it from being stored again.
fn has(key: &[u8], path: &Path) -> io::Result<bool> {
	match fs::metadata(path) {
		Ok(found) => Ok(found.is_file() && (key.len() != 32 || found.len() > 0)),
		Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
		Err(error) => Err(error),
	}
}

impl Store for DirStore {
	fn name(&self) -> &str {
		&self.name
	}

	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
		self.must_exist()?;
		let read = |key: &Key| self.read(key).map_err(|error| self.failed("can't read", error));
		keys.iter().map(read).collect()
	}

	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		let has =
			|key: &Key| has(key, &self.path(key)).map_err(|error| self.failed("can't look", error));
		keys.iter().map(has).collect()
	}

	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		fs::create_dir_all(self.root.join("new"))
			.map_err(|error| self.failed("can't make the folder", error))?;
		for (key, value) in records {
			if key.is_empty() || key.len() > 255 {
				let reason = format!("a key of {} bytes: 1 to 255 are possible", key.len());
				return Err(StoreError::Refused { store: self.name.clone(), reason });
			}
			self.write(key, value).map_err(|error| self.failed("can't write", error))?;
		}
		Ok(())
	}

	fn scan(&self, page: OnPage<'_>) -> Result<(), StoreError> {
		self.must_exist()?;
		let failed = |error| self.failed("can't list", error);
		for fan in folders(&self.root.join("chunks")).map_err(failed)? {
			page(self.listed(&fan, &mut |name| {
				let first = fan.file_name()?.to_str()?;
				let key = hex::decode(format!("{first}{name}")).ok()?;
				// Only under its own name would a value be found again.
				(key.len() == 32 && self.path(&key) == fan.join(name)).then(|| key.into())
			})?)?;
		}
		let mut open = vec![(self.root.join("records"), String::new())];
		while let Some((folder, before)) = open.pop() {
			for inner in folders(&folder).map_err(failed)? {
				let piece = inner.file_name().and_then(|name| name.to_str()?.strip_suffix('+'));
				if let Some(piece) = piece {
					open.push((inner.clone(), format!("{before}{piece}")));
				}
			}
			page(self.listed(&folder, &mut |name| {
				let key = unescaped(&format!("{before}{name}"))?;
				(self.path(&key) == folder.join(name)).then(|| key.into())
			})?)?;
		}
		Ok(())
	}

	fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
		self.must_exist()?;
		for key in keys {
			match fs::remove_file(self.path(key)) {
				Err(error) if error.kind() != ErrorKind::NotFound => {
					return Err(self.failed("can't delete", error))
				},
				_ => {},
			}
		}
		Ok(())
	}

	fn flush(&self) -> Result<(), StoreError> {
		let flush = || rustix::fs::syncfs(File::open(&self.root)?).map_err(io::Error::from);
		match flush() {
			// Nothing was stored.
			Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
			done => done.map_err(|error| self.failed("can't write to disk", error)),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn store() -> (tempfile::TempDir, DirStore) {
		let dir = tempfile::tempdir().unwrap();
		let store = DirStore::open(dir.path().join("a/b").to_str().unwrap()).unwrap();
		(dir, store)
	}

	#[test]
	fn values_are_read_back_and_never_replaced() {
		let (_dir, store) = store();
		let keys: Vec<Key> = vec![
			Bytes::from(vec![7; 32]),
			Bytes::from_static(b"name"),
			Bytes::from_static(b"../../etc/passwd"),
			Bytes::from_static(b".."),
			Bytes::from_static(b"."),
			Bytes::from_static(b"%2E"),
			Bytes::from(vec![0; 1]),
			Bytes::from(vec![b'/'; 255]),
			Bytes::from(vec![b'a'; 255]),
			Bytes::from(vec![b'a'; 200]),
		];
		assert!(matches!(store.get_many(&keys), Err(StoreError::Unreachable { .. })));
		assert_eq!(store.has_many(&keys).unwrap(), vec![false; keys.len()]);
		store.flush().unwrap();
		let records: Vec<_> = keys.iter().map(|key| (key.clone(), key.slice(..1))).collect();
		store.put_many(&records).unwrap();
		store.flush().unwrap();
		let other: Vec<_> =
			keys.iter().map(|key| (key.clone(), Bytes::from_static(b"?"))).collect();
		store.put_many(&other).unwrap();
		let expected: Vec<_> = records.into_iter().map(|(_, value)| Some(value)).collect();
		assert_eq!(store.get_many(&keys).unwrap(), expected);
		assert_eq!(store.has_many(&keys).unwrap(), vec![true; keys.len()]);
		assert_eq!(fs::read_dir(store.root.join("new")).unwrap().count(), 0);
		let top = fs::read_dir(&store.root).unwrap().map(|e| e.unwrap().file_name());
		let mut top: Vec<_> = top.collect();
		top.sort();
		assert_eq!(top, ["chunks", "new", "records"], "no key escapes its folder");
	}

	#[test]
	fn an_empty_file_is_no_chunk() {
		let (_dir, store) = store();
		let record = (Bytes::from(vec![7; 32]), Bytes::from_static(b"value"));
		let keys = [record.0.clone()];
		store.put_many(std::slice::from_ref(&record)).unwrap();
		fs::write(store.path(&record.0), b"").unwrap();
		assert_eq!(store.has_many(&keys).unwrap(), [false]);
		store.put_many(std::slice::from_ref(&record)).unwrap();
		assert_eq!(store.get_many(&keys).unwrap(), [Some(record.1)]);
	}

	#[test]
	fn keys_that_are_no_keys_are_refused() {
		let (_dir, store) = store();
		for length in [0, 256] {
			let record = (Bytes::from(vec![1; length]), Bytes::new());
			assert!(matches!(store.put_many(&[record]), Err(StoreError::Refused { .. })));
		}
	}

	#[test]
	fn a_file_is_no_folder() {
		let file = tempfile::NamedTempFile::new().unwrap();
		assert!(DirStore::open(file.path().to_str().unwrap()).is_err());
	}

	#[test]
	fn several_threads_may_store_the_same() {
		let (_dir, store) = store();
		let records: Vec<_> =
			(0u8..50).map(|n| (Bytes::from(vec![n; 32]), vec![n].into())).collect();
		std::thread::scope(|scope| {
			for _ in 0..4 {
				scope.spawn(|| store.put_many(&records).unwrap());
			}
		});
		let keys: Vec<_> = records.iter().map(|(key, _)| key.clone()).collect();
		let values = store.get_many(&keys).unwrap();
		assert!(values.iter().zip(&records).all(|(got, (_, put))| got.as_ref() == Some(put)));
		assert_eq!(fs::read_dir(store.root.join("new")).unwrap().count(), 0);
	}
}
