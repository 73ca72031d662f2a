//! Images that somebody made to do harm: each command refuses them with a reason, in a process
//! that may take little memory and little time.

#![allow(clippy::unwrap_used, clippy::panic)]

use bytes::Bytes;
use codec::Encode;
use std::{
	path::PathBuf,
	process::{Command, Output, Stdio},
	time::{Duration, Instant},
};
use thin_mount::{
	blob::BlobRef,
	chunk::{Chunk, ChunkId, CHUNK_SIZE},
	image::{Entry, EntryKind, Superblock, Totals},
	store::{dir::DirStore, Store},
	value,
};

/// What a command may take. A listing has at most 512 MiB, and is held in memory.
const MEMORY_KB: u64 = 1_600_000;
const TIME: Duration = Duration::from_secs(120);

struct Place {
	dir: tempfile::TempDir,
	store: DirStore,
}

impl Place {
	fn new() -> Self {
		let dir = tempfile::tempdir().unwrap();
		let store = DirStore::open(dir.path().join("store").to_str().unwrap()).unwrap();
		Self { dir, store }
	}

	fn put(&self, bytes: impl Into<Bytes>) -> ChunkId {
		let chunk = Chunk::new(bytes.into()).unwrap();
		self.put_value(chunk.id(), value::encode(&chunk));
		chunk.id()
	}

	fn put_value(&self, id: ChunkId, value: Bytes) {
		self.store.put_many(&[(Bytes::copy_from_slice(&id.0), value)]).unwrap();
	}

	/// A blob whose leaves are all the same, and whose nodes therefore are, too.
	fn repeated(&self, leaf: Vec<u8>, leaves: u64) -> BlobRef {
		assert_eq!(leaf.len(), CHUNK_SIZE);
		let (mut id, mut count) = (self.put(leaf), leaves);
		while count > 1 {
			assert!(count % 2048 == 0 || count < 2048);
			id = self.put(id.0.repeat(count.min(2048) as usize));
			count = count.div_ceil(2048);
		}
		BlobRef { root: id, length: leaves * CHUNK_SIZE as u64 }
	}

	fn superblock(&self, listing: BlobRef, totals: Totals) -> String {
		let superblock = Superblock { listing, root_mode: 0o755, totals, trace: None };
		self.put(superblock.to_chunk().into_bytes()).to_string()
	}

	/// An image of this listing, whose superblock counts right.
	fn image(&self, entries: &[Entry]) -> String {
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
		let listing = entries.iter().flat_map(Encode::encode).collect::<Vec<u8>>();
		let length = listing.len() as u64;
		self.superblock(BlobRef { root: self.put(listing), length }, totals)
	}

	fn path(&self, name: &str) -> PathBuf {
		self.dir.path().join(name)
	}

	/// Runs a command on the store within the limits.
	fn run(&self, args: &[&str]) -> Output {
		let mut child = Command::new("bash")
			.args(["-c", "ulimit -v \"$1\"; shift; exec \"$@\"", "bash"])
			.args([&MEMORY_KB.to_string(), env!("CARGO_BIN_EXE_thin-mount")])
			.args(args)
			.args(["--store", &format!("dir://{}", self.path("store").display())])
			.env("MALLOC_ARENA_MAX", "2")
			.stdout(Stdio::piped())
			.stderr(Stdio::piped())
			.spawn()
			.unwrap();
		let begun = Instant::now();
		while child.try_wait().unwrap().is_none() {
			if begun.elapsed() > TIME {
				child.kill().unwrap();
				panic!("{args:?} took more than {TIME:?}");
			}
			std::thread::sleep(Duration::from_millis(2));
		}
		child.wait_with_output().unwrap()
	}

	/// Every command that opens an image must refuse this one for this reason.
	fn refused(&self, image: &str, words: &str) {
		let copy = self.path("copy");
		let copy = copy.to_str().unwrap();
		for args in [
			&["ls", "-r", image][..],
			&["verify", image],
			&["verify", "--sample", "10", image],
			&["diff", image, image],
			&["gc", "--grace", "0", "--delete", "--keep", image],
			&["hydrate", image, "--to", copy],
		] {
			let output = self.run(args);
			let error = String::from_utf8(output.stderr).unwrap();
			assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
			assert!(error.contains(words), "{args:?}: {error}");
			assert!(!error.contains("panicked") && error.len() < 2000, "{args:?}: {error}");
			assert!(!self.path("copy").exists() && !self.path("passwd").exists());
		}
	}
}

fn file(path: &str, blob: BlobRef) -> Entry {
	Entry { path: path.into(), kind: EntryKind::File { mode: 0o644, blob } }
}

fn empty(path: &str) -> Entry {
	file(path, BlobRef::empty())
}

fn directory(path: &str) -> Entry {
	Entry { path: path.into(), kind: EntryKind::Directory { mode: 0o755 } }
}

fn link(path: &str, first: u32) -> Entry {
	Entry { path: path.into(), kind: EntryKind::HardLink { first } }
}

#[test]
fn names_that_lead_elsewhere_or_break_the_order_are_refused() {
	let place = Place::new();
	let deep = vec!["d"; 2049].join("/");
	let cases: [(&[Entry], &str); 9] = [
		(&[empty("../passwd")], "'.' or '..'"),
		(&[directory("a"), empty("a/../../passwd")], "'.' or '..'"),
		(&[empty("/etc/passwd")], "empty name"),
		(&[empty("a"), empty("a")], "twice"),
		(&[empty("b"), empty("a")], "out of order"),
		(&[empty(&deep)], "4095"),
		(&[empty("a/b")], "no directory"),
		// The nearest that a listing comes to a cycle.
		(&[link("a", 0)], "no file before it"),
		(&[link("a", 1), link("b", 0)], "no file before it"),
	];
	for (entries, words) in cases {
		place.refused(&place.image(entries), words);
	}
}

#[test]
fn lengths_that_cant_be_are_refused() {
	let place = Place::new();
	let root = place.put(vec![7; 100]);
	let blob = |length| BlobRef { root, length };
	place.refused(&place.image(&[file("a", blob(1 << 63))]), "9223372036854775808 bytes");
	let most = i64::MAX as u64;
	let many = [file("a", blob(most)), file("b", blob(most)), file("c", blob(most))];
	place.refused(&place.image(&many), "2^64");
	for length in [1 << 50, 1 << 63, u64::MAX] {
		let words = if length > most { "9223372036854775807" } else { "the most is 536870912" };
		place.refused(&place.superblock(blob(length), Totals::default()), words);
	}
	// A listing that is shorter or longer than its chunk, or not in the shape of its length.
	for length in [99, 101, 70_000, 512 << 20] {
		place.refused(&place.superblock(blob(length), Totals::default()), "tree needs");
	}
}

#[test]
fn a_listing_of_one_chunk_a_thousand_times_is_refused() {
	let place = Place::new();
	// 512 MiB, the most there may be, out of three chunks.
	let leaf = b"\x04a\x00\xed\x01".repeat(CHUNK_SIZE / 5 + 1)[..CHUNK_SIZE].to_vec();
	let image = place.superblock(place.repeated(leaf, 8192), Totals::default());
	place.refused(&image, "is there twice");
}

#[test]
fn stored_values_that_blow_up_are_refused() {
	let place = Place::new();
	let bomb = zstd::bulk::compress(&vec![0; 512 << 20], 19).unwrap();
	assert!(bomb.len() < CHUNK_SIZE);
	let value = [&[value::CODEC_ZSTD][..], &bomb].concat();
	let id = ChunkId::of(b"superblock");
	place.put_value(id, value.clone().into());
	place.refused(&id.to_string(), "claims 536870912 bytes");
	let listing = BlobRef { root: ChunkId::of(b"listing"), length: 1000 };
	place.put_value(listing.root, value.into());
	place.refused(&place.superblock(listing, Totals::default()), "claims 536870912 bytes");
	// Larger than any value.
	let listing = BlobRef { root: ChunkId::of(b"huge"), length: 1000 };
	place.put_value(listing.root, vec![0; 9 << 20].into());
	place.refused(&place.superblock(listing, Totals::default()), "the most is 65536");
}

#[test]
fn an_exabyte_out_of_five_chunks_is_seen_through() {
	let place = Place::new();
	let mut root = place.put(b"thin".repeat(CHUNK_SIZE / 4));
	for _ in 0..4 {
		root = place.put(root.0.repeat(2048));
	}
	let blob = BlobRef { root, length: 1 << 60 };
	let names: Vec<String> = (0..9).map(|n| n.to_string()).collect();
	let image = place.image(&names.iter().map(|name| file(name, blob)).collect::<Vec<_>>());
	for args in [
		&["ls", &image][..],
		&["verify", &image],
		&["verify", "--sample", "10", &image],
		&["diff", &image, &image],
		&["gc", "--grace", "0", "--delete", "--keep", &image],
	] {
		let output = place.run(args);
		let error = String::from_utf8(output.stderr).unwrap();
		assert_eq!((output.status.code(), error.as_str()), (Some(0), ""), "{args:?}");
	}
	let copy = place.path("copy");
	let output = place.run(&["hydrate", &image, "--to", copy.to_str().unwrap()]);
	let error = String::from_utf8(output.stderr).unwrap();
	assert_eq!(output.status.code(), Some(2), "{error}");
	assert!(!error.contains("panicked"), "{error}");
}
