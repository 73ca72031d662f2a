//! `docs/FORMAT.md` and the program agree: the vectors are read from the document.

#![allow(clippy::unwrap_used, clippy::panic)]

use bytes::Bytes;
use codec::Encode;
use std::{
	collections::BTreeMap,
	convert::Infallible,
	fs,
	os::unix::fs::{symlink, PermissionsExt},
	path::Path,
	sync::Arc,
};
use thin_mount::{
	blob::{zero_id, BlobRef, BlobWriter},
	chunk::{Chunk, ChunkId, CHUNK_SIZE},
	image::{Entry, EntryKind, Image, ImageId, Superblock, Totals, LISTING_LIMIT},
	pack::{pack, PackOptions},
	source::plain::StoreSource,
	store, value,
};

fn document() -> String {
	let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/FORMAT.md");
	fs::read_to_string(path).unwrap()
}

/// The lines `name = hex` of the block that begins with "```vectors".
fn vectors() -> BTreeMap<String, String> {
	let document = document();
	let block = document.split("```vectors\n").nth(1).unwrap().split("```").next().unwrap();
	let mut vectors: BTreeMap<String, String> = BTreeMap::new();
	let mut last = String::new();
	for line in block.lines().filter(|line| !line.is_empty()) {
		match line.split_once(" = ") {
			Some((name, hex)) => {
				last = name.trim().to_owned();
				assert!(vectors.insert(last.clone(), hex.trim().to_owned()).is_none(), "{last}");
			},
			// A long value goes on in the next line.
			None => vectors.get_mut(&last).unwrap().push_str(line.trim()),
		}
	}
	vectors
}

type Chunks = BTreeMap<ChunkId, Bytes>;

fn blob(
	write: impl FnOnce(&mut BlobWriter<&mut dyn FnMut(Chunk) -> Result<(), Infallible>>),
) -> (BlobRef, Chunks) {
	let mut chunks = Chunks::new();
	let mut sink = |chunk: Chunk| {
		chunks.insert(chunk.id(), chunk.into_bytes());
		Ok(())
	};
	let mut writer = BlobWriter::new(&mut sink as &mut dyn FnMut(Chunk) -> Result<(), Infallible>);
	write(&mut writer);
	let blob = writer.finish().unwrap().0;
	(blob, chunks)
}

/// The example of the document.
fn example(dir: &Path) {
	let mode = |path: &str, mode| {
		fs::set_permissions(dir.join(path), fs::Permissions::from_mode(mode)).unwrap()
	};
	fs::create_dir(dir.join("bin")).unwrap();
	fs::write(dir.join("bin/run"), "#!/bin/sh\necho thin\n").unwrap();
	symlink("/bin/sh", dir.join("bin/sh")).unwrap();
	fs::write(dir.join("data"), "a".repeat(65_537)).unwrap();
	fs::hard_link(dir.join("data"), dir.join("data.copy")).unwrap();
	mode("bin/run", 0o755);
	mode("data", 0o644);
	mode("bin", 0o755);
	mode("", 0o755);
}

fn computed() -> BTreeMap<String, String> {
	let mut vectors = BTreeMap::new();
	let mut add = |name: &str, bytes: &[u8]| {
		vectors.insert(name.to_owned(), hex::encode(bytes));
	};
	add("empty.root", &BlobRef::empty().root.0);
	for height in 0..=5 {
		add(&format!("zero.{height}"), &zero_id(height).unwrap().0);
	}

	let thin = Chunk::new(Bytes::from_static(b"thin")).unwrap();
	add("plain.id", &thin.id().0);
	add("plain.value", &value::encode(&thin));

	let (two, chunks) = blob(|writer| writer.write(&[b'a'; 65_537]).unwrap());
	add("two.leaf0", &ChunkId::of(&[b'a'; CHUNK_SIZE]).0);
	add("two.leaf1", &ChunkId::of(b"a").0);
	add("two.node", &chunks[&two.root]);
	add("two.root", &two.root.0);

	let (sparse, chunks) = blob(|writer| {
		writer.write_zeros(1 << 40).unwrap();
		writer.write(b"end").unwrap();
	});
	add("sparse.root", &sparse.root.0);
	add("sparse.node", &chunks[&sparse.root]);
	assert_eq!(chunks.len(), 4);

	let dir = tempfile::tempdir().unwrap();
	let source = dir.path().join("source");
	fs::create_dir(&source).unwrap();
	example(&source);
	let store = store::open(&format!("dir://{}", dir.path().join("store").display())).unwrap();
	let report = pack(&source, &*store, &PackOptions::default(), &|_| {}).unwrap();
	let chunks = StoreSource::new(vec![store.clone()]);
	let superblock = Superblock::fetch(&chunks, report.image).unwrap();
	let key = Bytes::copy_from_slice(&superblock.listing.root.0);
	let listing = store.get_many(&[key]).unwrap().pop().unwrap().unwrap();
	let listing = value::decode(superblock.listing.root, listing).unwrap();
	add("image.listing", listing.bytes());
	add("image.superblock", superblock.to_chunk().bytes());
	add("image.id", &report.image.0 .0);
	assert!(Image::open(Arc::new(chunks), report.image).is_ok());
	vectors
}

#[test]
fn the_vectors_of_the_document_are_what_the_program_makes() {
	let (mut document, computed) = (vectors(), computed());
	// What zstd makes may change with its version; that it can be read may not.
	let compressed = document.remove("zstd.value").unwrap();
	let id = document.remove("zstd.id").unwrap();
	assert_eq!(id, ChunkId::of(&[b'a'; 1000]).to_string());
	let compressed = hex::decode(compressed).unwrap();
	let chunk = value::decode(id.parse().unwrap(), compressed.into()).unwrap();
	assert_eq!(chunk.bytes()[..], [b'a'; 1000]);
	let lines: Vec<_> = computed.iter().map(|(name, hex)| format!("{name} = {hex}")).collect();
	assert_eq!(document, computed, "the program makes:\n{}", lines.join("\n"));
}

#[test]
fn the_example_written_by_hand_is_the_one_that_is_packed() {
	let vectors = vectors();
	let data = blob(|writer| writer.write(&[b'a'; 65_537]).unwrap()).0;
	let run = blob(|writer| writer.write(b"#!/bin/sh\necho thin\n").unwrap()).0;
	let entry = |path: &str, kind| Entry { path: path.into(), kind }.encode();
	let listing = [
		entry("bin", EntryKind::Directory { mode: 0o755 }),
		entry("bin/run", EntryKind::File { mode: 0o755, blob: run }),
		entry("bin/sh", EntryKind::Symlink { target: "/bin/sh".into() }),
		entry("data", EntryKind::File { mode: 0o644, blob: data }),
		entry("data.copy", EntryKind::HardLink { first: 3 }),
	]
	.concat();
	assert_eq!(hex::encode(&listing), vectors["image.listing"]);
	let superblock = Superblock {
		listing: blob(|writer| writer.write(&listing).unwrap()).0,
		root_mode: 0o755,
		totals: Totals {
			files: 2,
			directories: 1,
			symlinks: 1,
			hard_links: 1,
			bytes: 20 + 65_537,
			// run, two leaves and a node of data, the listing.
			chunks: 5,
		},
		trace: None,
	};
	let chunk = superblock.to_chunk();
	assert_eq!(hex::encode(chunk.bytes()), vectors["image.superblock"]);
	assert_eq!(ImageId(chunk.id()).to_string(), vectors["image.id"]);
}

#[test]
fn the_limits_in_the_document_are_the_program_s() {
	use thin_mount::{blob, image};
	let document = document();
	for (limit, words) in [
		(CHUNK_SIZE as u64, "a chunk"),
		(blob::FANOUT, "children of a node"),
		(blob::MAX_LENGTH, "a blob, a file"),
		(image::MAX_NAME as u64, "a name"),
		(image::MAX_PATH as u64, "a path, the target of a symbolic link"),
		(LISTING_LIMIT, "the listing"),
		(image::TRACE_LIMIT, "the trace"),
		(image::SUPERBLOCK_LIMIT as u64, "the superblock, of any version"),
	] {
		let row = format!("| {words} | {limit} |");
		assert!(document.contains(&row), "no row '{row}'");
	}
}
