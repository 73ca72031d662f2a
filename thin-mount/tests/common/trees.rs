//! Trees of files to pack, and mounts of them.

#![allow(dead_code)]

use bytes::Bytes;
use parking_lot::Mutex;
use std::{
	collections::HashMap,
	fs,
	os::unix::fs::{symlink, FileExt, PermissionsExt},
	path::Path,
	sync::Arc,
	time::Duration,
};
use thin_mount::{
	image::ImageId,
	mount::{Mount, MountError, MountOptions},
	pack::{pack, PackOptions},
	store::{Key, Store, StoreError},
};

/// Whether FUSE can be used. If not, says that the test is not done.
pub fn fuse() -> bool {
	let there = Path::new("/dev/fuse").exists() && rustix::process::geteuid().is_root();
	if !there {
		println!("SKIPPED: no /dev/fuse, or not root");
	}
	there
}

/// Bytes that don't compress and differ from place to place.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
	let mut bytes = vec![0; length];
	blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
	bytes
}

/// Every kind of thing an image can hold.
pub fn fill(folder: &Path) {
	let put = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
	fs::create_dir_all(folder.join("a/b/c")).unwrap();
	fs::create_dir(folder.join("empty directory")).unwrap();
	fs::create_dir(folder.join("many")).unwrap();
	put("empty", b"");
	put("small", b"hello\n");
	put("a/one chunk", &noise(1, 65_536));
	put("a/b/chunk and a byte", &noise(2, 65_537));
	put("a/b/c/large", &noise(3, 5_000_123));
	put("Übergröße 文件 \n\u{1}", "¡hola!".as_bytes());
	for number in 0..1_000 {
		put(&format!("many/{number:04}"), number.to_string().repeat(number).as_bytes());
	}
	symlink("a/b/c/large", folder.join("link")).unwrap();
	symlink("nowhere at all", folder.join("dangling")).unwrap();
	fs::hard_link(folder.join("a/one chunk"), folder.join("many/second name")).unwrap();
	fs::set_permissions(folder.join("small"), fs::Permissions::from_mode(0o640)).unwrap();
	fs::set_permissions(folder.join("a/b"), fs::Permissions::from_mode(0o750)).unwrap();
	fs::set_permissions(folder.join("empty"), fs::Permissions::from_mode(0o4755)).unwrap();
	let sparse = fs::File::create(folder.join("sparse")).unwrap();
	sparse.set_len(30_000_000).unwrap();
	sparse.write_at(b"in the middle", 15_000_000).unwrap();
}

/// What a store does instead of giving a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
	Wrong,
	Truncated,
	Missing,
	Unreachable,
	Hang,
}

/// A store in memory that can be told to misbehave.
#[derive(Default)]
pub struct TestStore {
	pub values: Mutex<HashMap<Key, Bytes>>,
	pub fault: Mutex<Option<Fault>>,
	/// How long an answer takes.
	pub delay: Mutex<Duration>,
}

impl Store for TestStore {
	fn name(&self) -> &str {
		"test store"
	}

	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
		let (fault, delay) = (*self.fault.lock(), *self.delay.lock());
		if !delay.is_zero() {
			std::thread::sleep(delay);
		}
		if fault == Some(Fault::Hang) {
			while *self.fault.lock() == Some(Fault::Hang) {
				std::thread::sleep(Duration::from_millis(5));
			}
			let reason = "it hung".into();
			return Err(StoreError::Unreachable { store: self.name().into(), reason });
		}
		if fault == Some(Fault::Unreachable) {
			let reason = "pulled out".into();
			return Err(StoreError::Unreachable { store: self.name().into(), reason });
		}
		let values = self.values.lock();
		let value = |key: &Key| {
			let value = values.get(key)?;
			match fault {
				Some(Fault::Wrong) => {
					let mut bytes = value.to_vec();
					let middle = bytes.len() / 2;
					bytes[middle] ^= 1;
					Some(bytes.into())
				},
				Some(Fault::Truncated) => Some(value.slice(..value.len() / 2)),
				Some(Fault::Missing) => None,
				_ => Some(value.clone()),
			}
		};
		Ok(keys.iter().map(value).collect())
	}

	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		let values = self.values.lock();
		Ok(keys.iter().map(|key| values.contains_key(key)).collect())
	}

	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		let mut values = self.values.lock();
		for (key, value) in records {
			values.entry(key.clone()).or_insert_with(|| value.clone());
		}
		Ok(())
	}
}

/// A tree, the image of it, and a place to mount it at.
pub struct Fixture {
	pub source: tempfile::TempDir,
	pub store: Arc<TestStore>,
	pub image: ImageId,
	pub folder: tempfile::TempDir,
}

impl Fixture {
	pub fn new(fill: impl FnOnce(&Path)) -> Self {
		let source = tempfile::tempdir().unwrap();
		fill(source.path());
		let store = Arc::new(TestStore::default());
		let report = pack(source.path(), &*store, &PackOptions::default(), &|_| {}).unwrap();
		let folder = tempfile::tempdir().unwrap();
		for name in ["mnt", "upper"] {
			fs::create_dir(folder.path().join(name)).unwrap();
		}
		Self { source, store, image: report.image, folder }
	}

	pub fn options(&self) -> MountOptions {
		let stores: Vec<Arc<dyn Store>> = vec![self.store.clone()];
		MountOptions::new(self.image, stores, self.folder.path().join("mnt"))
	}

	pub fn mount(&self) -> Mount {
		self.mount_with(|_| {}).unwrap()
	}

	pub fn mount_with(&self, change: impl FnOnce(&mut MountOptions)) -> Result<Mount, MountError> {
		let mut options = self.options();
		change(&mut options);
		thin_mount::mount::mount(options)
	}

	/// A mount whose reads fail soon. On a machine that has other things to do, what is fetched to
	/// mount it may take longer than that now and then.
	pub fn mount_in_a_hurry(
		&self,
		deadline: Duration,
		change: impl Fn(&mut MountOptions),
	) -> Mount {
		for _ in 0..100 {
			let mounted = self.mount_with(|options| {
				change(options);
				options.fetch.deadline = deadline;
			});
			match mounted {
				Err(MountError::Image(error)) => println!("once more: {error}"),
				mounted => return mounted.unwrap(),
			}
		}
		panic!("{deadline:?} is too short to mount anything here")
	}
}
