use super::*;
use crate::{
	blob::BlobWriter,
	chunk::Chunk,
	testing::{noise, MemoryStore},
};
use codec::Encode;
use proptest::prelude::*;
use std::convert::Infallible;

fn blob(store: &Arc<MemoryStore>, bytes: &[u8]) -> BlobRef {
	let sink = |chunk: Chunk| {
		store.insert(&chunk);
		Ok::<_, Infallible>(())
	};
	let mut writer = BlobWriter::new(sink);
	writer.write(bytes).unwrap();
	writer.finish().unwrap().0
}

fn file(path: &str, length: u64) -> Entry {
	let root = if length == 0 { BlobRef::empty().root } else { ChunkId([7; 32]) };
	let blob = BlobRef { root, length };
	Entry { path: path.into(), kind: EntryKind::File { mode: 0o644, blob } }
}

fn directory(path: &str) -> Entry {
	Entry { path: path.into(), kind: EntryKind::Directory { mode: 0o755 } }
}

fn symlink(path: &str, target: &str) -> Entry {
	Entry { path: path.into(), kind: EntryKind::Symlink { target: target.into() } }
}

fn hard_link(path: &str, first: u32) -> Entry {
	Entry { path: path.into(), kind: EntryKind::HardLink { first } }
}

fn count(entries: &[Entry]) -> Totals {
	let mut totals = Totals::default();
	for entry in entries {
		match &entry.kind {
			EntryKind::Directory { .. } => totals.directories += 1,
			EntryKind::Symlink { .. } => totals.symlinks += 1,
			EntryKind::HardLink { .. } => totals.hard_links += 1,
			EntryKind::File { blob, .. } => {
				totals.files += 1;
				totals.bytes = totals.bytes.wrapping_add(blob.length);
			},
		}
	}
	totals
}

/// Opens an image with exactly this listing.
fn open_bytes(listing: &[u8], totals: Totals) -> Result<Image, ImageError> {
	let store = MemoryStore::new();
	let listing = blob(&store, listing);
	let superblock = Superblock { listing, root_mode: 0o755, totals, trace: None };
	store.insert(&superblock.to_chunk());
	Image::open(store.source(), ImageId(superblock.to_chunk().id()))
}

fn open(entries: &[Entry]) -> Result<Image, ImageError> {
	let listing: Vec<u8> = entries.iter().flat_map(Encode::encode).collect();
	open_bytes(&listing, count(entries))
}

fn refused(entries: &[Entry]) -> String {
	match open(entries) {
		Err(error @ ImageError::Malformed { .. }) => error.to_string(),
		Err(error) => panic!("another error: {error}"),
		Ok(_) => panic!("accepted: {entries:?}"),
	}
}

#[test]
fn the_order_is_by_names_not_by_bytes() {
	let entries = [directory("a"), file("a/z", 1), file("a-b", 1), file("b", 1)];
	let image = open(&entries).unwrap();
	let names: Vec<_> = image.tree().children(NodeId::ROOT, 0).unwrap().map(|(n, _)| n).collect();
	assert_eq!(names, [&b"a"[..], b"a-b", b"b"]);
	assert_eq!(image.tree().children(NodeId::ROOT, 2).unwrap().len(), 1);
	assert_eq!(image.tree().children(NodeId::ROOT, 99).unwrap().len(), 0);
	assert!(refused(&[directory("a"), file("a-b", 1), file("a/z", 1)]).contains("out of order"));
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
	let long_name = "n".repeat(256);
	let long_path = vec!["d"; 2049].join("/");
	let cases = [
		("", "empty name"),
		("/etc/passwd", "empty name"),
		("a/", "empty name"),
		("a//b", "empty name"),
		("..", "'.' or '..'"),
		("a/../../b", "'.' or '..'"),
		(".", "'.' or '..'"),
		("a\0b", "byte 0"),
		(&long_name, "255"),
		(&long_path, "4095"),
	];
	for (path, words) in cases {
		let error = refused(&[directory("a"), file(path, 1)]);
		assert!(error.contains(words), "{path}: {error}");
		assert!(error.len() < 1000);
	}
}

#[test]
fn entries_out_of_place_are_refused() {
	let cases: [(&[Entry], &str); 12] = [
		(&[file("a", 1), file("a", 1)], "twice"),
		(&[directory("a"), file("a", 1)], "twice"),
		(&[file("b", 1), file("a", 1)], "out of order"),
		(&[file("a/b", 1)], "no directory"),
		(&[file("a", 1), file("a/b", 1)], "no directory"),
		(&[symlink("a", "/etc"), file("a/passwd", 1)], "no directory"),
		(&[directory("a"), directory("b"), file("b/a/c", 1)], "no directory"),
		(&[hard_link("a", 0)], "no file before it"),
		(&[directory("a"), hard_link("b", 0)], "no file before it"),
		(&[hard_link("a", 1), file("b", 1)], "no file before it"),
		(&[file("a", 1), hard_link("b", 0), hard_link("c", 1)], "no file before it"),
		(&[symlink("a", "")], "empty"),
	];
	for (entries, words) in cases {
		let error = refused(entries);
		assert!(error.contains(words), "{entries:?}: {error}");
	}
}

#[test]
fn values_out_of_range_are_refused() {
	let mode = |mode| Entry { path: "a".into(), kind: EntryKind::Directory { mode } };
	assert!(open(&[mode(0o7777)]).is_ok());
	assert!(refused(&[mode(0o10000)]).contains("mode"));
	assert!(open(&[file("a", i64::MAX as u64)]).is_ok());
	assert!(refused(&[file("a", i64::MAX as u64 + 1)]).contains("9223372036854775808 bytes"));
	let most = i64::MAX as u64;
	assert!(refused(&[file("a", most), file("b", most), file("c", most)]).contains("2^64"));
	let empty = BlobRef { root: ChunkId([1; 32]), length: 0 };
	let kind = EntryKind::File { mode: 0, blob: empty };
	assert!(refused(&[Entry { path: "a".into(), kind }]).contains("empty blob"));
	assert!(refused(&[symlink("a", &"x".repeat(4096))]).contains("4095"));
	assert!(refused(&[symlink("a", "x\0y")]).contains("byte 0"));
	assert!(open(&[symlink("a", &"x".repeat(4095))]).is_ok());
}

#[test]
fn a_listing_that_is_cut_or_has_more_is_refused() {
	let entries = [directory("a"), file("a/b", 5), symlink("c", "a"), hard_link("d", 1)];
	let listing: Vec<u8> = entries.iter().flat_map(Encode::encode).collect();
	let totals = count(&entries);
	assert!(open_bytes(&listing, totals).is_ok());
	for cut in 0..listing.len() {
		assert!(open_bytes(&listing[..cut], totals).is_err(), "{cut}");
	}
	for extra in 0..=255 {
		let mut more = listing.clone();
		more.push(extra);
		assert!(open_bytes(&more, totals).is_err(), "{extra}");
	}
	// A string that claims four gigabytes.
	assert!(open_bytes(&[0xfe, 0xff, 0xff, 0xff], totals).is_err());
	// A kind that does not exist.
	assert!(open_bytes(&[(b"a".to_vec()).encode(), vec![4, 0, 0]].concat(), totals).is_err());
}

#[test]
fn totals_that_are_wrong_are_refused() {
	let entries = [directory("a"), file("a/b", 5), symlink("c", "a"), hard_link("d", 1)];
	let listing: Vec<u8> = entries.iter().flat_map(Encode::encode).collect();
	let right = count(&entries);
	for wrong in [
		Totals { files: 2, ..right },
		Totals { directories: 0, ..right },
		Totals { symlinks: 2, ..right },
		Totals { hard_links: 0, ..right },
		Totals { bytes: 6, ..right },
	] {
		let error = open_bytes(&listing, wrong).err().unwrap().to_string();
		assert!(error.contains("disagree"), "{error}");
	}
	assert!(open_bytes(&listing, Totals { chunks: 99, ..right }).is_ok());
}

fn open_superblock(bytes: Vec<u8>) -> ImageError {
	let store = MemoryStore::new();
	let chunk = Chunk::new(bytes.into()).unwrap();
	store.insert(&chunk);
	Image::open(store.source(), ImageId(chunk.id())).err().unwrap()
}

fn superblock() -> Superblock {
	Superblock {
		listing: BlobRef::empty(),
		root_mode: 0o755,
		totals: Totals::default(),
		trace: None,
	}
}

#[test]
fn superblocks_of_another_kind_are_refused() {
	assert!(matches!(open_superblock(b"".to_vec()), ImageError::NoImage { .. }));
	assert!(matches!(open_superblock(noise(1, 100)), ImageError::NoImage { .. }));
	let error = open_superblock([&MAGIC[..], &[2, 0], &noise(1, 50)].concat());
	assert!(matches!(error, ImageError::Version { found: 2, .. }));
	assert!(error.to_string().contains("format version 2"), "{error}");
	let good = superblock().to_chunk().into_bytes().to_vec();
	for cut in 8..good.len() {
		assert!(matches!(open_superblock(good[..cut].to_vec()), ImageError::Malformed { .. }));
	}
	assert!(matches!(open_superblock([&good[..], &[0]].concat()), ImageError::Malformed { .. }));
	let long = [&good[..], &vec![0; 600]].concat();
	assert!(open_superblock(long).to_string().contains("superblock has"));
	let refused = |superblock: Superblock| {
		open_superblock(superblock.to_chunk().into_bytes().to_vec()).to_string()
	};
	assert!(refused(Superblock { root_mode: 0o10000, ..superblock() }).contains("mode"));
	let blob = |length| BlobRef { root: ChunkId([1; 32]), length };
	assert!(refused(Superblock { trace: Some(blob(33)), ..superblock() }).contains("multiple"));
	for length in [u64::MAX, 1 << 63, LISTING_LIMIT + 1] {
		let error = refused(Superblock { listing: blob(length), ..superblock() });
		assert!(error.contains("the most is"), "{error}");
	}
	assert!(refused(Superblock { listing: blob(0), ..superblock() }).contains("empty blob"));
}

#[test]
fn a_listing_of_holes_is_refused_before_it_is_filled_in() {
	let store = MemoryStore::new();
	let sink = |chunk: Chunk| {
		store.insert(&chunk);
		Ok::<_, Infallible>(())
	};
	let mut writer = BlobWriter::new(sink);
	writer.write_zeros(LISTING_LIMIT).unwrap();
	let listing = writer.finish().unwrap().0;
	let chunk = Superblock { listing, ..superblock() }.to_chunk();
	store.insert(&chunk);
	let error = Image::open(store.source(), ImageId(chunk.id())).err().unwrap();
	assert!(error.to_string().contains("65536 zeros"), "{error}");
}

#[test]
fn an_empty_image_has_a_root() {
	let image = open(&[]).unwrap();
	let tree = image.tree();
	assert!(tree.is_empty());
	assert_eq!(tree.child_count(NodeId::ROOT), Some(0));
	let root = tree.attributes(NodeId::ROOT).unwrap();
	assert_eq!((root.kind, root.mode, root.links), (NodeKind::Directory, 0o755, 2));
	assert_eq!(tree.find(b""), Some(NodeId::ROOT));
	assert_eq!(tree.find(b"/"), Some(NodeId::ROOT));
	assert_eq!(tree.parent(NodeId::ROOT), Some(NodeId::ROOT));
}

#[test]
fn a_path_as_deep_as_it_can_be_is_fine() {
	let mut entries = Vec::new();
	let mut path = String::new();
	while path.len() + 2 <= MAX_PATH {
		path.push_str(if path.is_empty() { "d" } else { "/d" });
		entries.push(directory(&path));
	}
	let image = open(&entries).unwrap();
	assert!(image.tree().find(path.as_bytes()).is_some());
	assert_eq!(image.tree().len(), entries.len());
}

proptest! {
	#[test]
	fn any_listing_is_an_error_or_a_tree_that_holds_together(
		listing in proptest::collection::vec(any::<u8>(), 0..300),
		totals in any::<[u64; 6]>(),
	) {
		let [files, directories, symlinks, hard_links, bytes, chunks] = totals;
		let totals = Totals { files, directories, symlinks, hard_links, bytes, chunks };
		let _ = open_bytes(&listing, totals);
		if let Ok(tree) = Tree::parse(listing, 0o755) {
			for entry in tree.entries() {
				prop_assert!(tree.find(entry.path) == Some(entry.node));
			}
		}
	}

	#[test]
	fn a_changed_listing_is_an_error_or_a_tree_that_holds_together(
		at in any::<prop::sample::Index>(),
		flip in 1u8..,
	) {
		let entries = [
			directory("a"), directory("a/b"), file("a/b/c", 5), file("a/d", 0),
			symlink("a/e", "b/c"), hard_link("a/f", 2), file("g", 70_000),
		];
		let mut listing: Vec<u8> = entries.iter().flat_map(Encode::encode).collect();
		let at = at.index(listing.len());
		listing[at] ^= flip;
		if let Ok(tree) = Tree::parse(listing, 0o755) {
			for entry in tree.entries() {
				prop_assert!(tree.find(entry.path) == Some(entry.node));
				prop_assert!(check_path(entry.path).is_ok());
			}
		}
	}

	#[test]
	fn any_superblock_ends_in_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
		open_superblock([&MAGIC[..], &[1, 0], &bytes].concat());
	}

	#[test]
	fn the_order_of_paths_is_the_order_of_names(a in "[ab/-]{1,6}", b in "[ab/-]{1,6}") {
		let names = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
		prop_assert_eq!(compare_paths(a.as_bytes(), b.as_bytes()), names(&a).cmp(&names(&b)));
	}
}
