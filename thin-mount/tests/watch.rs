//! An image mounted once more to see where a reader is led.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/trees.rs"]
mod trees;

use std::{
	fs::{self, File},
	os::unix::fs::FileExt,
	path::Path,
	time::{Duration, Instant},
};
use thin_mount::{
	cache::CacheOptions,
	chunk::ChunkId,
	mount::{Mount, Seen, Watch},
};
use trees::{fill, fuse, noise, Fixture};

const LARGE: &str = "a/b/c/large";
const CHUNK: usize = 65_536;

/// These chunks of the large file.
fn of_large(chunks: &[usize]) -> Option<Seen> {
	let bytes = noise(3, 5_000_123);
	let id = |index: &usize| ChunkId::of(bytes.chunks(CHUNK).nth(*index).unwrap());
	Some(Seen { file: LARGE.into(), chunks: chunks.iter().map(id).collect() })
}

fn read(file: &File, offset: usize, length: usize) {
	let mut bytes = vec![0; length];
	file.read_exact_at(&mut bytes, offset as u64).unwrap();
	assert_eq!(bytes, noise(3, 5_000_123)[offset..][..length]);
}

fn watch(fixture: &Fixture, mount: &Mount) -> Watch {
	let folder = fixture.folder.path().join("watch");
	fs::create_dir_all(&folder).unwrap();
	let watch = mount.watch(&folder).unwrap();
	// There is nothing to be left mounted by who ends now.
	assert!(!is_mounted(&folder));
	fs::remove_dir(&folder).unwrap();
	watch
}

fn is_mounted(folder: &Path) -> bool {
	fs::read_to_string("/proc/self/mountinfo").unwrap().contains(folder.to_str().unwrap())
}

#[test]
fn the_chunks_that_are_read_last_are_seen() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let watch = watch(&fixture, &mount);
	assert_eq!(watch.last(), None);
	let file = File::open(watch.path().join(LARGE)).unwrap();
	assert_eq!(watch.last(), None);
	// No chunk before it, and none after it.
	read(&file, 20 * CHUNK + 1_000, 10);
	assert_eq!(watch.last(), of_large(&[20]));
	read(&file, 31 * CHUNK - 5, 10);
	assert_eq!(watch.last(), of_large(&[30, 31]));
	read(&file, 40 * CHUNK, 3 * CHUNK);
	assert_eq!(watch.last(), of_large(&[40, 41, 42]));
	read(&file, 5_000_122, 1);
	assert_eq!(watch.last(), of_large(&[76]));
	read(&file, 70 * CHUNK, CHUNK);
	assert_eq!(watch.last(), of_large(&[70]));

	// What the kernel has it doesn't ask for, unless it has to forget it.
	read(&file, 20 * CHUNK + 1_000, 10);
	assert_eq!(watch.last(), of_large(&[70]));
	watch.forget().unwrap();
	assert_eq!(watch.last(), None);
	read(&file, 20 * CHUNK + 1_000, 10);
	assert_eq!(watch.last(), of_large(&[20]));
	fs::read(watch.path().join("small")).unwrap();
	assert_eq!(watch.last().unwrap().file, b"small");
	fs::read(watch.path().join("empty")).unwrap();
	assert_eq!(watch.last().unwrap().file, b"small");

	// The mount itself is another one.
	read(&File::open(mount.path().join(LARGE)).unwrap(), 5 * CHUNK, 10);
	assert_eq!(watch.last().unwrap().file, b"small");
	drop(file);
	drop(watch);
	read(&File::open(mount.path().join(LARGE)).unwrap(), 6 * CHUNK, 10);
	mount.unmount().unwrap();
}

#[test]
fn what_the_kernel_reads_by_itself_is_seen_as_well() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let folder = fixture.folder.path().join("cache");
	let mount = fixture
		.mount_with(|options| options.cache = Some(CacheOptions { folder, limit: None }))
		.unwrap();
	fs::read(mount.path().join(LARGE)).unwrap();
	let end = Instant::now() + Duration::from_secs(60);
	let passed = loop {
		let file = File::open(mount.path().join(LARGE)).unwrap();
		let passthrough = mount.stats().passthrough;
		if passthrough.files > 0 {
			break file;
		}
		if !passthrough.available {
			println!("SKIPPED: the kernel reads no files by itself here");
			return;
		}
		assert!(Instant::now() < end, "it is not handed to the kernel");
		drop(file);
		std::thread::sleep(Duration::from_millis(20));
	};
	let watch = watch(&fixture, &mount);
	read(&passed, 10 * CHUNK, 10);
	assert_eq!(watch.last(), None);
	read(&File::open(watch.path().join(LARGE)).unwrap(), 10 * CHUNK, 10);
	assert_eq!(watch.last(), of_large(&[10]));
}
