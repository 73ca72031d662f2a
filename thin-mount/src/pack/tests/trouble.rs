//! What can't be packed, and stores that fail.

use super::*;

#[test]
fn a_full_store_is_named_and_what_was_uploaded_helps_the_next_try() {
	let dir = tempfile::tempdir().unwrap();
	for n in 0..40 {
		fs::write(dir.path().join(n.to_string()), noise(n, 300_000)).unwrap();
	}
	let store = MemoryStore::new();
	store.limit.store(6_000_000, Ordering::Relaxed);
	let error = pack_into(dir.path(), &store).unwrap_err();
	assert!(matches!(error, PackError::Store(StoreError::Full { .. })), "{error}");
	let before = store.writes();
	assert!(before > 0);
	store.limit.store(0, Ordering::Relaxed);
	let report = pack_into(dir.path(), &store).unwrap();
	assert_eq!(store.writes() - before, report.new_chunks as usize);
	assert_eq!(store.writes(), store.values.lock().len());
	assert_eq!(seen_in_image(&open(&store, &report)), seen_on_disk(dir.path()));
}

#[test]
fn a_store_that_fails_is_named_and_none_has_the_image() {
	let dir = tempfile::tempdir().unwrap();
	for n in 0..40 {
		fs::write(dir.path().join(n.to_string()), noise(n, 300_000)).unwrap();
	}
	let (good, small) = (MemoryStore::new(), MemoryStore::new());
	small.limit.store(6_000_000, Ordering::Relaxed);
	let image = pack_into(dir.path(), &MemoryStore::new()).unwrap().image;
	for stores in [[&*good as &dyn Store, &*small], [&*small as &dyn Store, &*good]] {
		let error = pack_to_all(dir.path(), &stores, &PackOptions::default(), &|_| {}).unwrap_err();
		assert!(matches!(error, PackError::Store(StoreError::Full { .. })), "{error}");
		assert!(!good.values.lock().contains_key(&image.0 .0[..]));
	}
	// What both have by then is of use.
	let before = (good.writes() as u64, small.writes() as u64);
	assert!(before.0 > 0 && before.1 > 0);
	small.limit.store(0, Ordering::Relaxed);
	let stores: [&dyn Store; 2] = [&*good, &*small];
	let packed = pack_to_all(dir.path(), &stores, &PackOptions::default(), &|_| {}).unwrap();
	assert_eq!(packed.image, image);
	let all = good.values.lock().len() as u64;
	assert_eq!(
		packed.uploads.iter().map(|u| u.new_chunks).collect::<Vec<_>>(),
		[all - before.0, all - before.1]
	);
}

#[test]
fn special_files_are_refused_by_name() {
	let dir = tempfile::tempdir().unwrap();
	let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("sock")).unwrap();
	let error = pack_into(dir.path(), &MemoryStore::new()).unwrap_err().to_string();
	assert!(error.contains("/sock is a socket"), "{error}");
	let options = PackOptions {
		exclude: Some(Box::new(|path: &[u8]| path == b"sock")),
		..Default::default()
	};
	let report = pack(dir.path(), &*MemoryStore::new(), &options, &|_| {}).unwrap();
	assert_eq!(report.totals.files, 0);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named() {
	// The first progress call comes after the first result, while the others are yet to be read.
	let dir = tempfile::tempdir().unwrap();
	fs::write(dir.path().join("a first"), b"x").unwrap();
	for n in 0..1000 {
		fs::write(dir.path().join(format!("{n:04}")), b"y").unwrap();
	}
	let last = dir.path().join("0999");
	let touched = AtomicBool::new(false);
	let victim = dir.path().join("z last");
	fs::write(&victim, noise(1, 20_000_000)).unwrap();
	let on_progress = |progress: crate::progress::Progress| {
		// The walk opens the long file once all others are on their way.
		if progress.files >= 1001 && !touched.swap(true, Ordering::Relaxed) {
			let file = File::options().write(true).open(&victim).unwrap();
			file.set_len(20_000_001).unwrap();
		}
	};
	let error =
		pack(dir.path(), &*MemoryStore::new(), &PackOptions::default(), &on_progress).unwrap_err();
	assert!(matches!(&error, PackError::Changed { path } if *path == victim), "{error}");
	assert!(last.exists());
}

#[test]
fn a_file_that_vanishes_stops_everything() {
	// The walk is at most 256 steps ahead, and has not come to the victim when the first is through.
	let dir = tempfile::tempdir().unwrap();
	for n in 0..2000 {
		fs::write(dir.path().join(format!("{n:04}")), noise(n, 10)).unwrap();
	}
	let victim = dir.path().join("1500");
	for threads in [1, 2, 7] {
		fs::write(&victim, b"x").unwrap();
		let on_progress = |progress: crate::progress::Progress| {
			if progress.files == 1 {
				fs::remove_file(&victim).unwrap();
			}
		};
		let options = PackOptions { threads, ..Default::default() };
		let error = pack(dir.path(), &*MemoryStore::new(), &options, &on_progress).unwrap_err();
		assert!(matches!(&error, PackError::Changed { path } if *path == victim), "{error}");
	}
}

#[test]
fn the_assembly_hears_of_every_step() {
	use read::{Done, Numbered, Queues, Step};
	let dir = tempfile::tempdir().unwrap();
	fs::write(dir.path().join("f"), b"f").unwrap();
	let root = Root::open(dir.path()).unwrap();
	let identity = walk::Identity::of(&rustix::fs::stat(dir.path().join("f")).unwrap());
	let (store, outcome) = (MemoryStore::new(), Outcome::default());
	let uploader = Uploader::new(&[&*store]);
	let (chunks, _to_upload) = crossbeam_channel::unbounded();
	let Queues { steps, steps_out, results, results_out, .. } = Queues::new(1);
	let answers: Vec<_> = thread::scope(|scope| {
		let offer = Offer::new(&uploader, chunks);
		let (root, outcome) = (&root, &outcome);
		scope.spawn(move || read::run(root, steps_out, results, offer, outcome));
		scope.spawn(move || {
			for (number, name) in (0..).zip(["f", "gone", "f", "gone"]) {
				let value = Step::Whole { path: name.into(), mode: 0o644, identity };
				steps.send(Numbered { number, value }).ok().unwrap();
			}
		});
		results_out.iter().collect()
	});
	let heard: Vec<_> =
		answers.iter().map(|answer| (answer.number, answer.value.is_ok())).collect();
	assert_eq!(heard, [(0, true), (1, false), (2, true), (3, false)]);
	assert!(matches!(&answers[0].value, Ok(Done::Whole { size: 1, .. })));
	assert!(
		matches!(&answers[1].value, Err(PackError::Changed { path }) if path.ends_with("gone"))
	);
}

#[test]
fn a_store_that_answers_too_little_loses_nothing() {
	struct Short(Arc<MemoryStore>);
	impl Store for Short {
		fn name(&self) -> &str {
			"short"
		}
		fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
			self.0.get_many(keys)
		}
		fn has_many(&self, keys: &[Bytes]) -> Result<Vec<bool>, StoreError> {
			self.0.has_many(&keys[1..])
		}
		fn put_many(&self, records: &[(Bytes, Bytes)]) -> Result<(), StoreError> {
			self.0.put_many(records)
		}
	}
	let dir = tempfile::tempdir().unwrap();
	sample(dir.path());
	let store = Short(MemoryStore::new());
	let error = pack(dir.path(), &store, &PackOptions::default(), &|_| {}).unwrap_err();
	assert!(matches!(error, PackError::Store(StoreError::Refused { .. })), "{error}");
}

#[test]
fn a_directory_that_is_none_is_an_error() {
	let store = MemoryStore::new();
	let missing = pack_into(Path::new("/no/such/directory"), &store).unwrap_err();
	assert!(missing.to_string().contains("/no/such/directory"), "{missing}");
	let file = tempfile::NamedTempFile::new().unwrap();
	assert!(matches!(pack_into(file.path(), &store), Err(PackError::Read { .. })));
	assert_eq!(store.writes(), 0);
}
