//! Finds the chunk that a value lies in.
//!
//! RocksDB doesn't say where it reads, and keeps blocks compressed, so that a value can't be looked for in
//! its files. So it is asked for the value once more, from files of its own, of which is seen where
//! it reads them: the block that it reads last has the value.

use super::Source;
use crate::layered::{ImageDatabase, RawDatabase};
use sp_database::ColumnId;
use std::{
	path::Path,
	sync::{mpsc::channel, Arc},
	time::Duration,
};
use thin_mount::mount::{Mount, Seen};

/// How long it may take. Whoever asks is a node that is about to end, and says so with less when
/// a store is too slow for this.
const PATIENCE: Duration = Duration::from_secs(15);

/// The file that has the value of a key, and those of its chunks that do. `None` when there is no
/// such value, or when that can't be found out: of an image that isn't mounted, or within [`PATIENCE`].
pub(super) fn find(
	source: &Arc<Source>,
	home: &Path,
	column: ColumnId,
	key: &[u8],
) -> Option<Seen> {
	find_within(PATIENCE, source, home, column, key)
}

fn find_within(
	patience: Duration,
	source: &Arc<Source>,
	home: &Path,
	column: ColumnId,
	key: &[u8],
) -> Option<Seen> {
	let Source::Mounted(_) = **source else { return None };
	// Here, so that it is gone also when the thread doesn't come to an end.
	let folder = tempfile::tempdir_in(home).ok()?;
	let (path, source, key) = (folder.path().to_owned(), source.clone(), key.to_owned());
	let (tell, told) = channel();
	let work = move || {
		if let Source::Mounted(mount) = &*source {
			let _ = tell.send(seen(mount, &path, column, &key));
		}
	};
	std::thread::Builder::new().name("thin-find".into()).spawn(work).ok()?;
	let reason = match told.recv_timeout(patience) {
		Ok(Ok(found)) => return found,
		Ok(Err(error)) => error,
		Err(_) => format!("it took longer than {} seconds", patience.as_secs()),
	};
	tracing::warn!(target: "thin", %reason, "which chunk a value lies in could not be found out");
	None
}

fn seen(
	mount: &Mount,
	folder: &Path,
	column: ColumnId,
	key: &[u8],
) -> Result<Option<Seen>, String> {
	let watch = mount.watch(folder).map_err(|error| error.to_string())?;
	// The folder is free again: for RocksDB's log.
	let database = ImageDatabase::without_cache(watch.path(), folder);
	let database = database.map_err(|error| error.to_string())?;
	let get = || database.get(column, key).map_err(|error| error.to_string());
	// Opens the tables, of which more is read than what leads to the value.
	get()?;
	watch.forget().map_err(|error| error.to_string())?;
	let value = get()?;
	Ok(value.and_then(|_| watch.last()))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{columns, testing::Memory};
	use parking_lot::{Condvar, Mutex};
	use sp_runtime::traits::{BlakeTwo256, Hash as _};
	use std::{
		fs,
		process::{Command, Stdio},
		time::Instant,
	};
	use thin_mount::{
		image::ImageId,
		mount::{mount, MountOptions},
		pack::{pack_to_all, PackOptions},
		store::{self, Key, Store, StoreError},
	};

	/// Where the test is whose store hangs.
	const HOME: &str = "THIN_TEST_FINDING";
	/// What it ends with when all is right.
	const FINE: i32 = 77;

	fn noise(number: u32) -> Vec<u8> {
		BlakeTwo256::hash_of(&number).0.to_vec()
	}

	/// A store that gives no answer any more from some moment on.
	struct Hanging {
		store: Arc<dyn Store>,
		hangs: Mutex<bool>,
		never: Condvar,
	}

	impl Store for Hanging {
		fn name(&self) -> &str {
			"a store that hangs"
		}

		fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Key>>, StoreError> {
			let mut hangs = self.hangs.lock();
			while *hangs {
				self.never.wait(&mut hangs);
			}
			self.store.get_many(keys)
		}

		fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
			self.store.has_many(keys)
		}

		fn put_many(&self, records: &[(Key, Key)]) -> Result<(), StoreError> {
			self.store.put_many(records)
		}
	}

	fn packed(home: &Path) -> ImageId {
		let memory = Memory::default();
		for number in 0..5_000 {
			memory.set(columns::STATE, &noise(number), noise(!number));
		}
		let folder = home.join("full");
		memory.write_to(&folder);
		let store = store(home);
		let exclude = |path: &[u8]| path.starts_with(b"LO");
		let options = PackOptions { exclude: Some(Box::new(exclude)), ..Default::default() };
		pack_to_all(&folder, &[&*store], &options, &|_| {}).unwrap().image
	}

	fn store(home: &Path) -> Arc<dyn Store> {
		store::open(&format!("dir://{}", home.join("store").display())).unwrap()
	}

	#[test]
	fn a_store_that_hangs_delays_nobody_and_holds_nobody_back_who_ends() {
		let home = tempfile::tempdir().unwrap();
		let image = packed(home.path());
		fs::create_dir(home.path().join("mount")).unwrap();
		fs::create_dir(home.path().join("thin")).unwrap();
		fs::write(home.path().join("image"), image.to_string()).unwrap();
		let mut child = Command::new(std::env::current_exe().unwrap())
			.args(["mounted::finding::tests::one_who_ends", "--exact", "--ignored"])
			.env(HOME, home.path())
			.stdout(Stdio::null())
			.spawn()
			.unwrap();
		let end = Instant::now() + Duration::from_secs(120);
		let status = loop {
			if let Some(status) = child.try_wait().unwrap() {
				break status;
			}
			if Instant::now() >= end {
				let _ = child.kill();
				panic!("it does not end");
			}
			std::thread::sleep(Duration::from_millis(20));
		};
		thin_mount::mount::clear_stale(&home.path().join("mount")).unwrap();
		assert_eq!(status.code(), Some(FINE));
		let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
		assert!(!mounts.contains(home.path().to_str().unwrap()), "{mounts}");
		assert_eq!(fs::read_dir(home.path().join("thin")).unwrap().count(), 0);
	}

	#[test]
	#[ignore = "it ends its process: another test starts it"]
	fn one_who_ends() {
		let Ok(home) = std::env::var(HOME) else { return };
		let home = Path::new(&home);
		let image = fs::read_to_string(home.join("image")).unwrap().parse().unwrap();
		let hanging =
			Hanging { store: store(home), hangs: Mutex::new(false), never: Condvar::new() };
		let hanging = Arc::new(hanging);
		let mut options = MountOptions::new(image, vec![hanging.clone()], home.join("mount"));
		options.prefetch = false;
		// Nothing is kept, so that each read asks the store.
		options.fetch.recent = 0;
		options.fetch.deadline = Duration::from_secs(3_600);
		let source = Arc::new(Source::Mounted(mount(options).unwrap()));
		let place = home.join("thin");
		let long = Duration::from_secs(600);
		let find = |patience| find_within(patience, &source, &place, columns::STATE, &noise(7));
		assert!(find(long).is_some());
		*hanging.hangs.lock() = true;
		assert_eq!(find(Duration::from_secs(2)), None);
		// With the thread still waiting for its read.
		std::process::exit(FINE)
	}
}
