use super::*;
use crate::{
	pack::{pack, PackOptions},
	testing::{noise, MemoryStore},
};
use bytes::Bytes;
use std::fs;

fn packed() -> (Arc<MemoryStore>, ImageId) {
	let dir = tempfile::tempdir().unwrap();
	fs::create_dir(dir.path().join("d")).unwrap();
	for n in 0..20 {
		fs::write(dir.path().join(format!("d/{n:02}")), noise(n, 200_000)).unwrap();
	}
	fs::hard_link(dir.path().join("d/03"), dir.path().join("z")).unwrap();
	fs::File::create(dir.path().join("sparse")).unwrap().set_len(1 << 40).unwrap();
	let store = MemoryStore::new();
	let report = pack(dir.path(), &*store, &PackOptions::default(), &|_| {}).unwrap();
	(store, report.image)
}

fn leaf(n: u64, index: usize) -> Bytes {
	let bytes = noise(n, 200_000);
	let end = bytes.len().min((index + 1) * CHUNK_SIZE);
	Bytes::copy_from_slice(&ChunkId::of(&bytes[index * CHUNK_SIZE..end]).0)
}

#[test]
fn a_whole_image_is_fine() {
	let (store, id) = packed();
	let report = verify(store.source(), id, &|_| {}).unwrap();
	assert_eq!((report.files, report.problem_count), (21, 0));
	// Four leaves and a root for each of the twenty, and the roots above the holes.
	assert!(report.good_chunks > 100);
}

/// Cut into steps, and gone on with after each, it finds what it finds in one go.
#[test]
fn steps_find_what_one_run_finds() {
	let (store, id) = packed();
	store.values.lock().remove(&leaf(3, 1)).unwrap();
	store.values.lock().insert(leaf(7, 3), Bytes::from_static(b"\0no"));
	let whole = verify(store.source(), id, &|_| {}).unwrap();
	for step in [1, 350_000, u64::MAX] {
		let (mut places, mut seen) = (vec![0], vec![VerifyReport::default()]);
		let mut note = |place, report: &VerifyReport| {
			places.push(place);
			seen.push(report.clone());
		};
		let report = verify_from(store.source(), id, 0, step, &mut note, &|_| {}).unwrap();
		assert_eq!(report, whole, "{step}");
		if step == 1 {
			assert_eq!(places.len(), 23);
		}
		for (place, before) in places.into_iter().zip(seen) {
			let mut nothing = |_, _: &VerifyReport| {};
			let rest = verify_from(store.source(), id, place, step, &mut nothing, &|_| {}).unwrap();
			assert_eq!(before.files + rest.files, whole.files);
			assert_eq!(before.problem_count + rest.problem_count, whole.problem_count);
			assert_eq!(before.good_chunks + rest.good_chunks, whole.good_chunks, "{step} {place}");
		}
	}
}

#[test]
fn missing_and_corrupt_chunks_are_reported_by_file() {
	let (store, id) = packed();
	store.values.lock().remove(&leaf(3, 1)).unwrap();
	store.values.lock().insert(leaf(7, 3), Bytes::from_static(b"\0no"));
	let blob = {
		let image = Image::open(store.source(), id).unwrap();
		let node = image.tree().find(b"d/11").unwrap();
		image.tree().blob(node).unwrap()
	};
	store.values.lock().remove(&blob.root.0[..]).unwrap();
	let report = verify(store.source(), id, &|_| {}).unwrap();
	let found: Vec<_> =
		report.problems.iter().map(|p| (&p.path[..], p.offset, p.length, p.kind)).collect();
	assert_eq!(report.problem_count, 3);
	assert_eq!(
		found,
		[
			(&b"d/03"[..], 65_536, 65_536, ProblemKind::Missing),
			(&b"d/07"[..], 3 * 65_536, 200_000 - 3 * 65_536, ProblemKind::Corrupt),
			(&b"d/11"[..], 0, 200_000, ProblemKind::Missing),
		]
	);
}

#[test]
fn a_sample_checks_as_much_as_it_says_and_all_inner_nodes() {
	let (store, id) = packed();
	let run = |sample| verify_sample(store.source(), id, sample, &|_| {}).unwrap();
	let report = run(Sample::Count(10));
	assert_eq!((report.leaves, report.checked, report.problem_count), (80, 10, 0));
	assert_eq!(run(Sample::Count(1000)).checked, 80);
	assert_eq!(run(Sample::Share(1.0)).checked, 80);
	// A node is found missing by any sample, a leaf by one of all.
	let leaf = store.values.lock().remove(&leaf(3, 1)).unwrap();
	assert_eq!(run(Sample::Count(80)).problem_count, 1);
	let found = (0..300).filter(|_| run(Sample::Count(20)).problem_count == 1).count();
	// One in four, up to chance: 5 sigma.
	assert!((38..=112).contains(&found), "{found}");
	drop(leaf);
	let image = Image::open(store.source(), id).unwrap();
	let blob = image.tree().blob(image.tree().find(b"d/11").unwrap()).unwrap();
	store.values.lock().remove(&blob.root.0[..]).unwrap();
	assert!(run(Sample::Count(1)).problem_count >= 1);
	// Progress ends at the size of the image all the same.
	let last = Mutex::new(0);
	verify_sample(store.source(), id, Sample::Count(5), &|p| *last.lock() = p.bytes).unwrap();
	assert_eq!(*last.lock(), image.superblock().totals.bytes);
}

#[test]
fn an_image_without_superblock_or_listing_is_an_error() {
	let (store, id) = packed();
	let listing = Image::open(store.source(), id).unwrap().superblock().listing;
	store.values.lock().remove(&listing.root.0[..]).unwrap();
	let error = verify(store.source(), id, &|_| {}).unwrap_err();
	assert!(error.to_string().contains("listing"), "{error}");
	store.values.lock().clear();
	assert!(matches!(
		verify(store.source(), id, &|_| {}),
		Err(VerifyError::Image(ImageError::Superblock { .. }))
	));
}

#[test]
fn a_small_image_that_claims_to_be_huge_is_seen_through() {
	use crate::{chunk::Chunk, image::*, restore, restore::RestoreError};
	use codec::Encode;
	let store = MemoryStore::new();
	let put = |bytes: Vec<u8>| {
		let chunk = Chunk::new(bytes.into()).unwrap();
		store.insert(&chunk);
		chunk.id()
	};
	// 2^60 bytes out of five chunks: each node has one child 2,048 times.
	let mut root = put(noise(1, CHUNK_SIZE));
	for _ in 0..4 {
		root = put(root.0.repeat(2048));
	}
	let blob = BlobRef { root, length: 1 << 60 };
	let entry = |path: &str| {
		Entry { path: path.into(), kind: EntryKind::File { mode: 0o644, blob } }.encode()
	};
	let listing = [entry("a"), entry("b")].concat();
	let length = listing.len() as u64;
	let listing = BlobRef { root: put(listing), length };
	let totals = Totals { files: 2, bytes: 2 << 60, ..Default::default() };
	let superblock = Superblock { listing, root_mode: 0o755, totals, trace: None };
	let id = ImageId(put(superblock.to_chunk().into_bytes().to_vec()));

	let report = verify(store.source(), id, &|_| {}).unwrap();
	assert_eq!((report.files, report.problem_count), (2, 0));
	assert!(report.good_chunks < 3000);

	let image = Image::open(store.source(), id).unwrap();
	assert_eq!(image.blobs().read_at(&blob, 1 << 59, 10).unwrap(), noise(1, 10));
	let place = tempfile::tempdir().unwrap();
	let error = restore::restore(&image, &place.path().join("t"), &|_| {}).unwrap_err();
	let needed = 2 << 60;
	assert!(matches!(error, RestoreError::Space { needed: n, .. } if n == needed), "{error}");
	assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}
