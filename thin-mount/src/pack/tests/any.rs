//! Any tree at all.

use super::*;
use proptest::prelude::*;

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
