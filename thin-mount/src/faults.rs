//! A store that does every operation wrong, and what the library makes of it: every byte that is
//! given out is right, or there is an error.

use crate::{
	diff::diff,
	fetch::{FetchOptions, Fetcher},
	gc::{self, Grace},
	image::{Image, ImageId},
	needs::Needs,
	pack::{pack_to_all, PackOptions},
	restore::restore,
	source::{plain::StoreSource, ChunkSource},
	store::{Key, Listed, OnPage, Store, StoreError},
	testing::{noise, MemoryStore},
	verify::verify,
};
use bytes::Bytes;
use proptest::prelude::*;
use std::{
	collections::BTreeMap,
	convert::Infallible,
	fs,
	path::Path,
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc,
	},
	time::{Duration, SystemTime},
};

/// Behaves as its plan says, call by call, and well where that says nothing.
struct FaultyStore {
	inner: Arc<MemoryStore>,
	plan: Vec<u8>,
	calls: AtomicUsize,
}

impl FaultyStore {
	/// What is to go wrong with this call, from 0 to 9; 0 is nothing.
	fn fault(&self) -> u8 {
		let call = self.calls.fetch_add(1, Ordering::Relaxed);
		self.plan.get(call % (self.plan.len() + 1)).map_or(0, |fault| fault % 10)
	}

	/// What every operation can do: be late, be away, refuse, be full.
	fn common(&self, fault: u8) -> Result<(), StoreError> {
		let (store, reason) = ("faulty".to_owned(), "a fault".to_owned());
		match fault {
			1 => Err(StoreError::Unreachable { store, reason }),
			2 => Err(StoreError::Refused { store, reason }),
			3 => Err(StoreError::Full { store, reason }),
			4 => {
				std::thread::sleep(Duration::from_millis(3));
				Ok(())
			},
			_ => Ok(()),
		}
	}
}

impl Store for FaultyStore {
	fn name(&self) -> &str {
		"faulty"
	}

	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
		let fault = self.fault();
		self.common(fault)?;
		let mut values = self.inner.get_many(keys)?;
		match fault {
			5 => values.iter_mut().for_each(|value| *value = None),
			// Another key's value, or a few of them.
			6 => values.rotate_left(1),
			7 => values.iter_mut().flatten().for_each(|value| value.truncate(value.len() / 2)),
			8 => drop(values.pop()),
			9 => {
				let all = self.inner.values.lock();
				values = keys.iter().map(|_| all.values().next().cloned()).collect();
			},
			_ => {},
		}
		Ok(values)
	}

	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		let fault = self.fault();
		self.common(fault)?;
		let mut has = self.inner.has_many(keys)?;
		match fault {
			5 => has.fill(true),
			6 => has.fill(false),
			7 => drop(has.pop()),
			8 => has.push(true),
			9 => has.reverse(),
			_ => {},
		}
		Ok(has)
	}

	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		let fault = self.fault();
		match fault {
			// Some are stored, and the connection breaks.
			5 => {
				self.inner.put_many(&records[..records.len() / 2])?;
				self.common(1)
			},
			// It says that it has stored them.
			6 => Ok(()),
			7 => {
				let cut =
					|(key, value): &(Key, Bytes)| (key.clone(), value.slice(..value.len() / 2));
				self.inner.put_many(&records.iter().map(cut).collect::<Vec<_>>())
			},
			8 => {
				let swapped = |(key, _): &(Key, Bytes)| (key.clone(), records[0].1.clone());
				self.inner.put_many(&records.iter().map(swapped).collect::<Vec<_>>())
			},
			// All are stored, and the answer is lost.
			9 => {
				self.inner.put_many(records)?;
				self.common(1)
			},
			fault => {
				self.common(fault)?;
				self.inner.put_many(records)
			},
		}
	}

	fn scan(&self, page: OnPage<'_>) -> Result<(), StoreError> {
		let fault = self.fault();
		self.common(fault)?;
		let mut pages = 0;
		self.inner.scan(&mut |mut listed| {
			pages += 1;
			match fault {
				5 => page(listed.clone())?,
				6 if pages > 1 => self.common(1)?,
				7 => listed.truncate(1),
				8 => listed.push(Listed {
					key: Bytes::from(vec![pages as u8; 32]),
					size: u64::MAX,
					stored: None,
				}),
				9 => listed.iter_mut().for_each(|value| value.size = u64::MAX),
				_ => {},
			}
			page(listed)
		})
	}

	fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
		let fault = self.fault();
		self.common(fault)?;
		match fault {
			5 => Ok(()),
			6 => {
				self.inner.delete_many(&keys[..keys.len() / 2])?;
				self.common(1)
			},
			_ => self.inner.delete_many(keys),
		}
	}

	fn flush(&self) -> Result<(), StoreError> {
		self.common(self.fault())
	}
}

fn files() -> BTreeMap<String, Vec<u8>> {
	let sizes = [0, 1, 65_536, 65_537, 200_000, 300_000];
	(0..).zip(sizes).map(|(seed, size)| (format!("file {seed}"), noise(seed, size))).collect()
}

fn write(files: &BTreeMap<String, Vec<u8>>, dir: &Path) {
	for (name, bytes) in files {
		fs::write(dir.join(name), bytes).unwrap();
	}
}

fn faulty(inner: &Arc<MemoryStore>, plan: &[u8]) -> Arc<FaultyStore> {
	let (inner, plan) = (inner.clone(), plan.to_vec());
	Arc::new(FaultyStore { inner, plan, calls: AtomicUsize::new(0) })
}

/// All that can be read of an image through this source is what was packed.
fn reads_right(source: Arc<dyn ChunkSource>, id: ImageId, expected: &BTreeMap<String, Vec<u8>>) {
	let place = tempfile::tempdir().unwrap();
	let Ok(image) = Image::open(source.clone(), id) else { return };
	let tree = image.tree();
	assert!(tree.entries().map(|entry| entry.path).eq(expected.keys().map(String::as_bytes)));
	for (name, bytes) in expected {
		let blob = tree.blob(tree.find(name.as_bytes()).unwrap()).unwrap();
		for (offset, length) in [(0, usize::MAX), (65_530, 10), (100_000, 1)] {
			if let Ok(read) = image.blobs().read_at(&blob, offset, length) {
				let from = bytes.len().min(offset as usize);
				let to = bytes.len().min((offset as usize).saturating_add(length));
				assert_eq!(read, bytes[from..to], "{name}");
			}
		}
	}
	let copy = place.path().join("copy");
	if restore(&image, &copy, &|_| {}).is_ok() {
		for (name, bytes) in expected {
			assert_eq!(fs::read(copy.join(name)).unwrap(), *bytes);
		}
	}
	let _ = verify(source, id, &|_| {});
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	#[test]
	fn whatever_a_store_does_when_it_is_read(
		plan in proptest::collection::vec(0u8..10, 0..12),
		helped in any::<bool>(),
	) {
		let (files, dir, store) = (files(), tempfile::tempdir().unwrap(), MemoryStore::new());
		write(&files, dir.path());
		let id = pack_to_all(dir.path(), &[&*store], &PackOptions::default(), &|_| {}).unwrap().image;
		let stores = || {
			let mut stores: Vec<Arc<dyn Store>> = vec![faulty(&store, &plan)];
			if helped {
				stores.push(faulty(&store, &plan[plan.len() / 2..]));
			}
			stores
		};
		reads_right(Arc::new(StoreSource::new(stores())), id, &files);
		let options = FetchOptions { deadline: Duration::from_millis(200), ..Default::default() };
		reads_right(Arc::new(Fetcher::new(stores(), options).unwrap()), id, &files);
	}

	#[test]
	fn whatever_a_store_does_when_it_is_packed_into(
		plan in proptest::collection::vec(0u8..10, 0..12),
	) {
		let (files, dir, store) = (files(), tempfile::tempdir().unwrap(), MemoryStore::new());
		write(&files, dir.path());
		let (right, faulty) = (MemoryStore::new(), faulty(&store, &plan));
		let stores: [&dyn Store; 2] = [&*right, &*faulty];
		let options = PackOptions { threads: 1, ..Default::default() };
		if let Ok(packed) = pack_to_all(dir.path(), &stores, &options, &|_| {}) {
			// What a store has lost it has lost; nobody is told anything else, and the other is whole.
			reads_right(store.source(), packed.image, &files);
			prop_assert_eq!(verify(right.source(), packed.image, &|_| {}).unwrap().problem_count, 0);
		}
	}

	#[test]
	fn whatever_a_store_does_when_it_is_cleaned(
		plan in proptest::collection::vec(0u8..10, 0..12),
	) {
		let (files, dir, store) = (files(), tempfile::tempdir().unwrap(), MemoryStore::new());
		write(&files, dir.path());
		let pack = || pack_to_all(dir.path(), &[&*store], &PackOptions::default(), &|_| {}).unwrap().image;
		let old = pack();
		fs::write(dir.path().join("file 5"), noise(99, 250_000)).unwrap();
		let new = pack();
		let faulty = faulty(&store, &plan);
		let source: Arc<dyn ChunkSource> = Arc::new(StoreSource::new(vec![faulty.clone()]));
		let (mut needs, mut others) = (Needs::default(), Needs::default());
		let grace = Grace { period: Duration::ZERO, now: SystemTime::now() };
		let (kept, gone) = (needs.add(source.clone(), new), others.add(source, old));
		if let (Ok(after), Ok(before)) = (&kept, gone) {
			let mut changed = Vec::new();
			let done: Result<(), Infallible> = diff(&before, after, &mut |change| {
				changed.push(change.path().to_vec());
				Ok(())
			});
			done.unwrap();
			prop_assert_eq!(changed, [b"file 5".to_vec()]);
		}
		if kept.is_ok() {
			if let Ok(found) = gc::find(&*faulty, &needs, grace) {
				let _ = gc::delete(&*faulty, &found, &|_| {});
			}
			prop_assert_eq!(verify(store.source(), new, &|_| {}).unwrap().problem_count, 0);
		}
	}
}
