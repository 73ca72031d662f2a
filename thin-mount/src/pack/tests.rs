mod any;
mod trees;
mod trouble;

use super::*;
use crate::{
	chunk::CHUNK_SIZE,
	image::{Image, NodeId, NodeKind},
	testing::{noise, MemoryStore},
};
use bytes::Bytes;
use std::{
	collections::BTreeMap,
	fs,
	os::unix::{
		ffi::OsStrExt,
		fs::{symlink, FileExt, MetadataExt, PermissionsExt},
	},
};
use trees::{sample, seen_in_image, seen_on_disk, Seen};

fn pack_into(dir: &Path, store: &MemoryStore) -> Result<PackReport, PackError> {
	pack(dir, store, &PackOptions::default(), &|_| {})
}

fn open(store: &Arc<MemoryStore>, report: &PackReport) -> Image {
	Image::open(store.source(), report.image).unwrap()
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
