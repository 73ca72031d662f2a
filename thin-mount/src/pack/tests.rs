use super::*;
use crate::{
	chunk::CHUNK_SIZE,
	image::{Image, NodeId, NodeKind},
	testing::{noise, MemoryStore},
};
use bytes::Bytes;
use proptest::prelude::*;
use std::{
	collections::BTreeMap,
	fs,
	os::unix::{
		ffi::OsStrExt,
		fs::{symlink, FileExt, MetadataExt, PermissionsExt},
	},
};

fn pack_into(dir: &Path, store: &MemoryStore) -> Result<PackReport, PackError> {
	pack(dir, store, &PackOptions::default(), &|_| {})
}

fn open(store: &Arc<MemoryStore>, report: &PackReport) -> Image {
	Image::open(store.source(), report.image).unwrap()
}

/// What is at a path, for comparing a directory with an image of it.
#[derive(Debug, PartialEq)]
enum Seen {
	Directory(u32),
	File(u32, Vec<u8>, u64),
	Symlink(Vec<u8>),
}

fn seen_on_disk(dir: &Path) -> BTreeMap<Vec<u8>, Seen> {
	let mut seen = BTreeMap::new();
	let mut open = vec![dir.to_owned()];
	while let Some(next) = open.pop() {
		for entry in fs::read_dir(next).unwrap() {
			let path = entry.unwrap().path();
			let meta = fs::symlink_metadata(&path).unwrap();
			let mode = meta.permissions().mode() & 0o7777;
			let what = if meta.is_dir() {
				open.push(path.clone());
				Seen::Directory(mode)
			} else if meta.is_symlink() {
				Seen::Symlink(fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
			} else {
				Seen::File(mode, fs::read(&path).unwrap(), meta.nlink())
			};
			seen.insert(path.strip_prefix(dir).unwrap().as_os_str().as_bytes().to_vec(), what);
		}
	}
	seen
}

fn seen_in_image(image: &Image) -> BTreeMap<Vec<u8>, Seen> {
	let tree = image.tree();
	let mut seen = BTreeMap::new();
	let mut open = vec![(Vec::new(), NodeId::ROOT)];
	while let Some((path, directory)) = open.pop() {
		for (name, node) in tree.children(directory, 0).unwrap() {
			assert_eq!(tree.lookup(directory, name), Some(node));
			let mut path = path.clone();
			if !path.is_empty() {
				path.push(b'/');
			}
			path.extend_from_slice(name);
			assert_eq!(tree.find(&path), Some(node));
			let attributes = tree.attributes(node).unwrap();
			let what = match attributes.kind {
				NodeKind::Directory => {
					open.push((path.clone(), node));
					Seen::Directory(attributes.mode.into())
				},
				NodeKind::Symlink => Seen::Symlink(tree.symlink_target(node).unwrap().to_vec()),
				NodeKind::File => {
					let blob = tree.blob(node).unwrap();
					let bytes = image.blobs().read_at(&blob, 0, usize::MAX).unwrap();
					assert_eq!(attributes.size, bytes.len() as u64);
					Seen::File(attributes.mode.into(), bytes, attributes.links.into())
				},
			};
			seen.insert(path, what);
		}
	}
	let listed: Vec<_> = tree.entries().map(|entry| entry.path.to_vec()).collect();
	assert_eq!(listed.len(), seen.len());
	assert!(listed.iter().all(|path| seen.contains_key(path)));
	seen
}

/// A tree with everything in it.
fn sample(dir: &Path) {
	fs::create_dir_all(dir.join("a/b/c")).unwrap();
	fs::create_dir(dir.join("a-b")).unwrap();
	fs::create_dir(dir.join("empty dir")).unwrap();
	fs::write(dir.join("a/empty"), b"").unwrap();
	fs::write(dir.join("a/b/small"), b"small").unwrap();
	fs::write(dir.join("a/b/large"), noise(1, 5 * 1024 * 1024 + 3)).unwrap();
	fs::write(dir.join("a/b/twice"), noise(2, 100_000)).unwrap();
	fs::write(dir.join("a/b/c/twice"), noise(2, 100_000)).unwrap();
	fs::write(dir.join("Wörter ☃"), "ünïcode").unwrap();
	fs::write(dir.join(std::ffi::OsStr::from_bytes(b"\xff\x01 raw\n")), b"raw").unwrap();
	fs::hard_link(dir.join("a/b/small"), dir.join("a/b/c/small too")).unwrap();
	fs::hard_link(dir.join("a/b/small"), dir.join("z")).unwrap();
	symlink("../no/such/file", dir.join("a/link")).unwrap();
	symlink("/etc/passwd", dir.join("absolute")).unwrap();
	fs::set_permissions(dir.join("a/b/twice"), fs::Permissions::from_mode(0o4711)).unwrap();
	fs::set_permissions(dir.join("empty dir"), fs::Permissions::from_mode(0o1700)).unwrap();
}

#[test]
fn an_image_holds_what_the_directory_held() {
	let dir = tempfile::tempdir().unwrap();
	sample(dir.path());
	let store = MemoryStore::new();
	let report = pack_into(dir.path(), &store).unwrap();
	let image = open(&store, &report);
	assert_eq!(seen_in_image(&image), seen_on_disk(dir.path()));
	let Totals { files, directories, symlinks, hard_links, bytes, .. } = report.totals;
	assert_eq!((files, directories, symlinks, hard_links), (7, 5, 2, 2));
	assert_eq!(bytes, 5 + 5 * 1024 * 1024 + 3 + 200_000 + 9 + 3);
	assert_eq!(image.superblock().totals, report.totals);
	assert_eq!(report.new_chunks as usize, store.values.lock().len());
	let stored: usize = store.values.lock().values().map(Bytes::len).sum();
	assert_eq!(report.uploaded_bytes as usize, stored);
	let tree = image.tree();
	let (small, too) = (tree.find(b"a/b/small"), tree.find(b"/a/b/c/small too/"));
	assert!(small.is_some() && small == too && small == tree.find(b"z"));
	assert_eq!(tree.path(small.unwrap()), Some(&b"a/b/c/small too"[..]));
	assert_eq!(tree.parent(small.unwrap()), tree.find(b"a/b/c"));
	assert_eq!(tree.attributes(NodeId::ROOT).unwrap().links, 2 + 3);
	assert_eq!(tree.child_count(tree.find(b"empty dir").unwrap()), Some(0));
	assert_eq!(tree.lookup(small.unwrap(), b"x"), None);
	assert_eq!(tree.find(b"a/nothing"), None);
	assert!(tree.attributes(NodeId(0)).is_none() && tree.attributes(NodeId(u64::MAX)).is_none());
}

#[test]
fn the_superblock_is_the_last_thing_stored_and_everything_is_flushed() {
	let dir = tempfile::tempdir().unwrap();
	sample(dir.path());
	let store = MemoryStore::new();
	let report = pack_into(dir.path(), &store).unwrap();
	assert_eq!(store.last_written.lock().as_deref(), Some(&report.image.0 .0[..]));
	assert_eq!(store.flushes.load(Ordering::Relaxed), 2);
}

#[test]
fn the_same_tree_has_the_same_id_and_is_not_uploaded_again() {
	let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
	sample(one.path());
	let store = MemoryStore::new();
	let first = pack_into(one.path(), &store).unwrap();
	// Made later and in another place, and packed by another number of threads.
	sample(two.path());
	let options = PackOptions { threads: 5, ..Default::default() };
	let second = pack(two.path(), &*store, &options, &|_| {}).unwrap();
	assert_eq!(second.image, first.image);
	assert_eq!((second.new_chunks, second.uploaded_bytes), (0, 0));
	// One small change: its chunk, the listing's, the superblock.
	fs::write(two.path().join("a/b/twice"), b"changed").unwrap();
	let third = pack_into(two.path(), &store).unwrap();
	assert_ne!(third.image, first.image);
	assert_eq!(third.new_chunks, 3);
}

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
fn several_stores_are_given_what_each_of_them_lacks() {
	let dir = tempfile::tempdir().unwrap();
	sample(dir.path());
	let (full, empty, some) = (MemoryStore::new(), MemoryStore::new(), MemoryStore::new());
	let first = pack_into(dir.path(), &full).unwrap();
	for (at, (key, value)) in full.values.lock().iter().enumerate() {
		if at % 3 == 0 {
			some.values.lock().insert(key.clone(), value.clone());
		}
	}
	let had = some.values.lock().len() as u64;
	let stores: [&dyn Store; 3] = [&*full, &*empty, &*some];
	let packed = pack_to_all(dir.path(), &stores, &PackOptions::default(), &|_| {}).unwrap();
	assert_eq!((packed.image, packed.totals), (first.image, first.totals));
	let new: Vec<_> = packed.uploads.iter().map(|upload| upload.new_chunks).collect();
	assert_eq!(new, [0, first.new_chunks, first.new_chunks - had]);
	assert_eq!(packed.uploads[1].bytes, first.uploaded_bytes);
	assert_eq!(*empty.values.lock(), *full.values.lock());
	assert_eq!(*some.values.lock(), *full.values.lock());
	// The same store twice, which takes no key twice.
	let twice = MemoryStore::new();
	let stores: [&dyn Store; 2] = [&*twice, &*twice];
	let packed = pack_to_all(dir.path(), &stores, &PackOptions::default(), &|_| {}).unwrap();
	assert_eq!(packed.uploads[1], Uploaded::default());
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
fn a_sparse_file_of_a_terabyte_is_packed_by_its_data() {
	let dir = tempfile::tempdir().unwrap();
	let file = File::create(dir.path().join("sparse")).unwrap();
	let length = (1u64 << 40) + 12_345;
	file.set_len(length).unwrap();
	let middle = (1u64 << 39) + 1_000;
	file.write_all_at(b"middle", middle).unwrap();
	drop(file);
	let store = MemoryStore::new();
	let report = pack_into(dir.path(), &store).unwrap();
	assert_eq!(report.totals.bytes, length);
	assert!(report.new_chunks < 20, "{report:?}");
	let image = open(&store, &report);
	let blob = image.tree().blob(image.tree().find(b"sparse").unwrap()).unwrap();
	let read = |offset, length| image.blobs().read_at(&blob, offset, length).unwrap();
	assert_eq!(read(middle - 3, 12), b"\0\0\0middle\0\0\0");
	assert_eq!(read(length - 4, 10), [0; 4]);
	assert_eq!(read(1 << 30, 100_000), vec![0; 100_000]);
}

#[test]
fn holes_and_zeros_have_the_same_id() {
	let (sparse, dense) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
	let data: [(u64, &[u8]); 4] =
		[(0, b"start"), (3_000_000, b"x"), (7_000_001, b"yy"), (9_000_000, b"end")];
	for tail in [0, 1, 70_000, 5_000_000] {
		let mut bytes = vec![0; 9_000_003 + tail];
		let file = File::create(sparse.path().join("f")).unwrap();
		file.set_len(bytes.len() as u64).unwrap();
		for (offset, data) in data {
			file.write_all_at(data, offset).unwrap();
			bytes[offset as usize..offset as usize + data.len()].copy_from_slice(data);
		}
		fs::write(dense.path().join("f"), &bytes).unwrap();
		let ids = [&sparse, &dense].map(|dir| {
			let store = MemoryStore::new();
			let report = pack_into(dir.path(), &store).unwrap();
			assert_eq!(seen_in_image(&open(&store, &report)), seen_on_disk(dir.path()));
			report
		});
		assert_eq!(ids[0], ids[1]);
	}
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
fn what_is_excluded_is_left_out_with_what_is_in_it() {
	let dir = tempfile::tempdir().unwrap();
	sample(dir.path());
	let exclude = |path: &[u8]| path == b"a/b" || path.ends_with(b"absolute");
	let options = PackOptions { exclude: Some(Box::new(exclude)), ..Default::default() };
	let store = MemoryStore::new();
	let report = pack(dir.path(), &*store, &options, &|_| {}).unwrap();
	let mut expected = seen_on_disk(dir.path());
	expected.retain(|path, _| {
		path != b"a/b" && !path.starts_with(b"a/b/") && !path.ends_with(b"absolute")
	});
	// Its other names are not in the image.
	expected.insert(b"z".to_vec(), Seen::File(0o644, b"small".to_vec(), 1));
	assert_eq!(seen_in_image(&open(&store, &report)), expected);
	let measured = measure(dir.path(), &options).unwrap();
	assert_eq!(measured.bytes, report.totals.bytes);
	assert_eq!(measured.files, report.totals.files);
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

#[test]
fn a_trace_is_kept() {
	let dir = tempfile::tempdir().unwrap();
	fs::write(dir.path().join("f"), noise(1, 3 * CHUNK_SIZE)).unwrap();
	let store = MemoryStore::new();
	let plain = pack_into(dir.path(), &store).unwrap();
	assert_eq!(open(&store, &plain).trace().unwrap(), []);
	let trace: Vec<_> = (0..5000u32).map(|n| ChunkId::of(&n.to_le_bytes())).collect();
	let options = PackOptions { trace: trace.clone(), ..Default::default() };
	let traced = pack(dir.path(), &*store, &options, &|_| {}).unwrap();
	assert_ne!(traced.image, plain.image);
	assert_eq!(open(&store, &traced).trace().unwrap(), trace);
}

#[derive(Debug, Clone)]
enum Made {
	File(u64, usize, u32),
	Directory(Vec<(String, Made)>),
	Link(String),
}

fn made() -> impl Strategy<Value = Vec<(String, Made)>> {
	let name = || "[a-c/._ -]{1,3}".prop_map(|name| name.replace('/', "-"));
	let leaf = prop_oneof![
		4 => (0u64..4, prop_oneof![0usize..100, 65_530usize..65_540, 100_000usize..300_000], 0u32..0o10000)
			.prop_map(|(seed, length, mode)| Made::File(seed, length, mode | 0o400)),
		1 => "[a-z./]{1,20}".prop_map(Made::Link),
	];
	let node = leaf.prop_recursive(3, 24, 5, move |inner| {
		proptest::collection::vec((name(), inner), 0..5).prop_map(Made::Directory)
	});
	proptest::collection::vec((name(), node), 0..6)
}

fn make(dir: &Path, made: &[(String, Made)]) {
	for (name, what) in made {
		let path = dir.join(name);
		if name == "." || name == ".." || fs::symlink_metadata(&path).is_ok() {
			continue;
		}
		match what {
			Made::File(seed, length, mode) => {
				fs::write(&path, if *seed == 0 { vec![0; *length] } else { noise(*seed, *length) })
					.unwrap();
				fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
			},
			Made::Directory(inner) => {
				fs::create_dir(&path).unwrap();
				make(&path, inner);
			},
			Made::Link(target) => symlink(target, &path).unwrap(),
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(40))]

	#[test]
	fn any_tree_is_found_again(made in made(), threads in 1usize..5) {
		let dir = tempfile::tempdir().unwrap();
		make(dir.path(), &made);
		let store = MemoryStore::new();
		let options = PackOptions { threads, ..Default::default() };
		let report = pack(dir.path(), &*store, &options, &|_| {}).unwrap();
		prop_assert_eq!(seen_in_image(&open(&store, &report)), seen_on_disk(dir.path()));
	}

	#[test]
	fn a_changed_value_is_never_served(
		made in made(),
		which in any::<prop::sample::Index>(),
		at in any::<prop::sample::Index>(),
		flip in 1u8..,
	) {
		let dir = tempfile::tempdir().unwrap();
		make(dir.path(), &made);
		let store = MemoryStore::new();
		let report = pack_into(dir.path(), &store).unwrap();
		let ids = store.ids();
		let key = Bytes::copy_from_slice(&ids[which.index(ids.len())].0);
		let mut value = store.values.lock()[&key].to_vec();
		let at = at.index(value.len());
		value[at] ^= flip;
		store.values.lock().insert(key, value.into());
		let disk = seen_on_disk(dir.path());
		// A changed value may decode to the same bytes (zstd has spare bits), never to others.
		let Ok(image) = Image::open(store.source(), report.image) else { return Ok(()) };
		for entry in image.tree().entries() {
			let Some(blob) = entry.blob else { continue };
			let Ok(bytes) = image.blobs().read_at(&blob, 0, usize::MAX) else { continue };
			let Some(Seen::File(_, expected, _)) = disk.get(entry.path) else {
				return Err(TestCaseError::fail("a file that was not there"));
			};
			prop_assert_eq!(&bytes, expected);
		}
	}
}
