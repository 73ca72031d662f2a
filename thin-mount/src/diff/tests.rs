use super::*;
use crate::{
	image::ImageId,
	needs::Needs,
	pack::{pack, PackOptions},
	testing::{noise, MemoryStore},
};
use std::{convert::Infallible, fs, os::unix::fs::symlink, path::Path, sync::Arc};

fn packed(store: &Arc<MemoryStore>, dir: &Path) -> ImageId {
	pack(dir, &**store, &PackOptions::default(), &|_| {}).unwrap().image
}

/// Each change as a line: a sign, the path, what differs.
fn lines(before: &Image, after: &Image) -> Vec<String> {
	let mut lines = Vec::new();
	let done: Result<(), Infallible> = diff(before, after, &mut |change| {
		let path = String::from_utf8(change.path().to_vec()).unwrap();
		lines.push(match change {
			Change::Added(_) => format!("+ {path}"),
			Change::Removed(_) => format!("- {path}"),
			Change::Changed { what, .. } => format!("~ {path} {what:?}"),
		});
		Ok(())
	});
	done.unwrap();
	lines
}

#[test]
fn every_kind_of_change_is_named() {
	let dir = tempfile::tempdir().unwrap();
	let at = |name: &str| dir.path().join(name);
	let store = MemoryStore::new();
	fs::create_dir_all(at("a/b")).unwrap();
	for (seed, name) in (1..).zip(["a/same", "a/b/content", "a/gone", "mode", "kind", "one"]) {
		fs::write(at(name), noise(seed, 200_000)).unwrap();
	}
	fs::hard_link(at("one"), at("two")).unwrap();
	fs::hard_link(at("one"), at("z")).unwrap();
	symlink("x", at("link")).unwrap();
	let mut first = Needs::default();
	let before = first.add(store.source(), packed(&store, dir.path())).unwrap();
	assert_eq!(lines(&before, &before), [""; 0]);

	let mut bytes = noise(2, 200_000);
	bytes[70_000] ^= 1;
	fs::write(at("a/b/content"), bytes).unwrap();
	fs::remove_file(at("a/gone")).unwrap();
	use std::os::unix::fs::PermissionsExt;
	fs::set_permissions(at("mode"), fs::Permissions::from_mode(0o600)).unwrap();
	fs::remove_file(at("kind")).unwrap();
	fs::create_dir(at("kind")).unwrap();
	fs::write(at("kind/new"), b"new").unwrap();
	fs::remove_file(at("link")).unwrap();
	symlink("y", at("link")).unwrap();
	// A file of its own now, with the same bytes.
	fs::remove_file(at("two")).unwrap();
	fs::write(at("two"), noise(6, 200_000)).unwrap();
	let mut second = Needs::default();
	let after = second.add(store.source(), packed(&store, dir.path())).unwrap();
	assert_eq!(
		lines(&before, &after),
		[
			"~ a/b/content [Content]",
			"- a/gone",
			"~ kind [Kind]",
			"+ kind/new",
			"~ link [Target]",
			"~ mode [Mode]",
			"~ two [Link]",
		]
	);
	assert_eq!(
		lines(&after, &before),
		[
			"~ a/b/content [Content]",
			"+ a/gone",
			"~ kind [Kind]",
			"- kind/new",
			"~ link [Target]",
			"~ mode [Mode]",
			"~ two [Link]",
		]
	);

	// Six files of four leaves and a node each; of one file one leaf and the node changed; two
	// files are gone; a file, the listing and the superblock are new.
	assert_eq!(first.amount().chunks, 6 * 5 + 2);
	assert_eq!(second.amount().chunks, 4 * 5 + 3);
	let shared = first.shared_with(&second);
	assert_eq!(shared, second.shared_with(&first));
	assert_eq!(shared.chunks, 4 * 5 - 2);
	assert_eq!(shared.bytes, 4 * (200_000 + 4 * 32) - 65_536 - 4 * 32);
}

#[test]
fn images_without_anything_in_common_differ_in_everything() {
	let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
	let store = MemoryStore::new();
	fs::write(one.path().join("b"), b"b").unwrap();
	fs::create_dir(other.path().join("a")).unwrap();
	fs::write(other.path().join("a/c"), b"c").unwrap();
	fs::write(other.path().join("c"), b"").unwrap();
	let [before, after] =
		[&one, &other].map(|dir| Image::open(store.source(), packed(&store, dir.path())).unwrap());
	assert_eq!(lines(&before, &after), ["+ a", "+ a/c", "- b", "+ c"]);
}

proptest::proptest! {
	#![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
	/// Names out of few, so that there are files, directories and nothing under the same path.
	#[test]
	fn applied_to_the_first_the_changes_give_the_second(
		trees in proptest::collection::vec(
			proptest::collection::btree_map("[ab-](/[ab-]){0,2}", 0u64..3, 0..8), 2..=2,
		),
	) {
		let store = MemoryStore::new();
		let images: Vec<Image> = trees.iter().map(|tree| {
			let dir = tempfile::tempdir().unwrap();
			for (path, seed) in tree {
				let path = dir.path().join(path);
				let _ = fs::create_dir_all(path.parent().unwrap());
				let _ = fs::write(path, noise(*seed, 10));
			}
			Image::open(store.source(), packed(&store, dir.path())).unwrap()
		}).collect();
		let all = |image: &Image| -> std::collections::BTreeMap<Vec<u8>, String> {
			let entries = image.tree().entries();
			entries.map(|e| (e.path.to_vec(), format!("{:?} {:?}", e.attributes.kind, e.blob))).collect()
		};
		let mut patched = all(&images[0]);
		let done: Result<(), Infallible> = diff(&images[0], &images[1], &mut |change| {
			match change {
				Change::Removed(e) => drop(patched.remove(e.path)),
				Change::Added(e) | Change::Changed { after: e, .. } => {
					patched.insert(e.path.to_vec(), format!("{:?} {:?}", e.attributes.kind, e.blob));
				},
			}
			Ok(())
		});
		done.unwrap();
		proptest::prop_assert_eq!(patched, all(&images[1]));
	}
}
