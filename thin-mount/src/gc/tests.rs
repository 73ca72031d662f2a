use super::*;
use crate::{
	image::{Image, ImageId},
	pack::{pack, PackOptions},
	testing::{noise, MemoryStore},
	verify::verify,
};
use bytes::Bytes;
use std::{fs, sync::Arc};

const NOW: Grace = Grace { period: Duration::ZERO, now: SystemTime::UNIX_EPOCH };

/// Three images in one store: the second shares half of its files with the first, the third is
/// of holes, with a trace.
fn store() -> (Arc<MemoryStore>, [ImageId; 3]) {
	let store = MemoryStore::new();
	let mut images = Vec::new();
	for seeds in [0..8u64, 4..12, 0..0] {
		let dir = tempfile::tempdir().unwrap();
		for seed in seeds.clone() {
			fs::write(dir.path().join(seed.to_string()), noise(seed, 150_000)).unwrap();
		}
		let mut trace = Vec::new();
		if seeds.is_empty() {
			fs::File::create(dir.path().join("holes")).unwrap().set_len(1 << 40 | 7).unwrap();
			trace = (0..5000).map(|n: u32| ChunkId::of(&n.to_le_bytes())).collect();
		}
		let options = PackOptions { trace, ..Default::default() };
		images.push(pack(dir.path(), &*store, &options, &|_| {}).unwrap().image);
	}
	for key in [&b"thin/0001/manifest"[..], b"thin/0001/proof", b"x"] {
		store.values.lock().insert(Bytes::from_static(key), Bytes::from_static(b"a record"));
	}
	(store, images.try_into().unwrap())
}

fn needs(store: &Arc<MemoryStore>, images: &[ImageId]) -> Needs {
	let mut needs = Needs::default();
	for image in images {
		needs.add(store.source(), *image).unwrap();
	}
	needs
}

#[test]
fn what_any_kept_image_needs_stays_and_nothing_else_but_records() {
	for kept in 0..8usize {
		let (store, images) = store();
		let all = store.values.lock().len() as u64;
		let is_kept = |at: usize| kept >> at & 1 == 1;
		let keep: Vec<_> = (0..3).filter(|at| is_kept(*at)).map(|at| images[at]).collect();
		let needs = needs(&store, &keep);
		let found = find(&*store, &needs, NOW).unwrap();
		assert_eq!(store.values.lock().len() as u64, all, "looking changes nothing");
		assert_eq!(found.others.chunks, 3);
		assert_eq!(found.needed.chunks, needs.amount().chunks, "each need is there");
		assert_eq!(found.needed.chunks + found.garbage.chunks + 3, all);
		assert_eq!(found.garbage.chunks == 0, kept == 7);
		delete(&*store, &found, &|_| {}).unwrap();
		assert_eq!(store.values.lock().len() as u64, found.needed.chunks + 3);
		for (at, image) in images.iter().enumerate() {
			if is_kept(at) {
				let report = verify(store.source(), *image, &|_| {}).unwrap();
				assert_eq!(report.problem_count, 0);
				assert!(Image::open(store.source(), *image).unwrap().trace().is_ok());
			} else {
				assert!(Image::open(store.source(), *image).is_err());
			}
		}
		let again = find(&*store, &needs, NOW).unwrap();
		assert_eq!(again.garbage, Amount::default());
	}
}

#[test]
fn what_is_young_or_of_unknown_age_is_spared() {
	let (store, images) = store();
	let needs = needs(&store, &images[..1]);
	let hour = Duration::from_secs(3600);
	let now = SystemTime::UNIX_EPOCH + hour * 1000;
	let grace = Grace { period: hour, now };
	let all = find(&*store, &needs, NOW).unwrap().garbage;
	let find = |stored: Option<SystemTime>| {
		*store.stored.lock() = stored;
		let found = find(&*store, &needs, grace).unwrap();
		(found.garbage, found.young, found.ageless)
	};
	let none = Amount::default();
	assert_eq!(find(Some(now - hour * 2)), (all, none, none));
	assert_eq!(find(Some(now - hour)), (none, all, none));
	// Also when the clocks disagree.
	assert_eq!(find(Some(now + hour)), (none, all, none));
	assert_eq!(find(None), (none, none, all));
	*store.stored.lock() = Some(now);
	let ancient = Grace { period: Duration::MAX, now };
	assert_eq!(super::find(&*store, &needs, ancient).unwrap().young, all);
}

#[test]
fn an_image_that_is_not_whole_is_an_error_and_not_an_empty_need() {
	let (store, images) = store();
	let whole = needs(&store, &images);
	let amount = whole.amount();
	let mut nodes = 0;
	let keys: Vec<_> = store.values.lock().keys().filter(|key| key.len() == 32).cloned().collect();
	for id in keys {
		let value = store.values.lock().remove(&id).unwrap();
		let mut needs = Needs::default();
		let added = images.iter().try_for_each(|i| needs.add(store.source(), *i).map(|_| ()));
		match added {
			// A leaf of a file: what is needed is known all the same.
			Ok(()) => assert_eq!(needs.amount(), amount),
			Err(_) => nodes += 1,
		}
		store.values.lock().insert(id, value);
	}
	// The superblocks, the listings, the roots of 12 files and the nodes above the holes.
	assert!(nodes >= 3 + 3 + 12 + 3, "{nodes}");
}

#[test]
fn a_store_that_cant_list_or_delete_says_so() {
	struct Plain;
	impl Store for Plain {
		fn name(&self) -> &str {
			"plain"
		}
		fn get_many(&self, _: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
			Ok(Vec::new())
		}
		fn has_many(&self, _: &[Key]) -> Result<Vec<bool>, StoreError> {
			Ok(Vec::new())
		}
		fn put_many(&self, _: &[(Key, Bytes)]) -> Result<(), StoreError> {
			Ok(())
		}
	}
	let error = find(&Plain, &Needs::default(), NOW).unwrap_err();
	assert!(error.to_string().contains("plain refused: it can't say what it holds"), "{error}");
	assert!(Plain.delete_many(&[]).unwrap_err().to_string().contains("can't delete"));
}
