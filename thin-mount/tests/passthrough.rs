//! What the kernel reads by itself, for S18 of `docs/SEMANTICS.md`.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/trees.rs"]
mod trees;

use rustix::fs::SeekFrom;
use std::{
	fs,
	os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
	path::{Path, PathBuf},
	time::{Duration, Instant},
};
use thin_mount::{
	cache::CacheOptions,
	mount::{stats_at, Mount, OpenFiles, WriteLayer},
};
use trees::{fill, fuse, noise, Fault, Fixture};

const LARGE: &str = "a/b/c/large";

fn cached(fixture: &Fixture, passthrough: bool) -> Mount {
	let folder = fixture.folder.path().join("cache");
	let mounted = fixture.mount_with(|options| {
		options.cache = Some(CacheOptions { folder, limit: None });
		options.passthrough = passthrough;
	});
	mounted.unwrap()
}

/// A tree, and a mount of it from which the kernel reads files by itself. Where it can't, says that
/// the test is not done.
fn mounted() -> Option<(Fixture, Mount)> {
	if !fuse() {
		return None;
	}
	let fixture = Fixture::new(fill);
	let mount = cached(&fixture, true);
	if !mount.stats().passthrough.available {
		println!("SKIPPED: the kernel reads no files by itself here");
		return None;
	}
	Some((fixture, mount))
}

/// The file of the cache that holds the large file.
fn cache_file(fixture: &Fixture) -> PathBuf {
	let folders = fs::read_dir(fixture.folder.path().join("cache/blobs")).unwrap();
	let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
	let mut files = files.map(|file| file.unwrap().path());
	files.find(|path| path.to_string_lossy().ends_with("-5000123")).unwrap()
}

/// Opens a file again and again, until the kernel reads it by itself.
fn open_passed(mount: &Mount, name: &str) -> fs::File {
	let end = Instant::now() + Duration::from_secs(60);
	loop {
		let file = fs::File::open(mount.path().join(name)).unwrap();
		if mount.stats().passthrough.paths.iter().any(|path| path == name) {
			return file;
		}
		assert!(Instant::now() < end, "{name} is not handed to the kernel");
		drop(file);
		std::thread::sleep(Duration::from_millis(20));
	}
}

/// Waits until nobody has a file open: closing is told to the mount a little later.
fn all_closed(mount: &Mount) {
	let end = Instant::now() + Duration::from_secs(60);
	while mount.stats().passthrough.files > 0 {
		assert!(Instant::now() < end);
		std::thread::sleep(Duration::from_millis(5));
	}
}

fn whole(file: &fs::File, length: usize) -> Vec<u8> {
	let mut bytes = vec![0; length];
	file.read_exact_at(&mut bytes, 0).unwrap();
	bytes
}

#[test]
fn s18_a_whole_file_is_read_without_asking() {
	let Some((fixture, mount)) = mounted() else { return };
	fs::read(mount.path().join(LARGE)).unwrap();
	let file = open_passed(&mount, LARGE);
	let reads = mount.stats().reads;
	assert!(whole(&file, 5_000_123) == noise(3, 5_000_123));
	assert_eq!(file.read_at(&mut [0; 10], 5_000_120).unwrap(), 3);
	assert_eq!(file.metadata().unwrap().len(), 5_000_123);
	// A second one who opens it shares this.
	let second = fs::File::open(mount.path().join(LARGE)).unwrap();
	assert!(whole(&second, 5_000_123) == noise(3, 5_000_123));
	let stats = stats_at(mount.path()).unwrap();
	assert_eq!((stats.reads, stats.passthrough.files), (reads, 1));
	assert_eq!(stats.passthrough.paths, [LARGE]);
	drop((file, second));
	all_closed(&mount);
	mount.unmount().unwrap();

	let mount = cached(&fixture, false);
	fs::read(mount.path().join(LARGE)).unwrap();
	let stats = mount.stats();
	assert!(!stats.passthrough.available && stats.passthrough.opens == 0 && stats.reads > 0);
}

#[test]
fn s18_holes_are_read_and_found() {
	let Some((fixture, mount)) = mounted() else { return };
	let right = fs::read(fixture.source.path().join("sparse")).unwrap();
	assert!(fs::read(mount.path().join("sparse")).unwrap() == right);
	let file = open_passed(&mount, "sparse");
	assert!(whole(&file, 30_000_000) == right);
	let start = 15_000_000 / 65_536 * 65_536;
	assert_eq!(rustix::fs::seek(&file, SeekFrom::Data(0)), Ok(start));
	assert_eq!(rustix::fs::seek(&file, SeekFrom::Hole(start)), Ok(start + 65_536));
}

#[test]
fn s18_a_file_that_is_not_whole_or_in_use_is_not_handed_over() {
	let Some((_fixture, mount)) = mounted() else { return };
	let file = fs::File::open(mount.path().join(LARGE)).unwrap();
	file.read_at(&mut [0; 100], 0).unwrap();
	drop(file);
	fs::read(mount.path().join("a/b/chunk and a byte")).unwrap();
	// By the time this one is handed over, the other one has been looked at.
	drop(open_passed(&mount, "a/b/chunk and a byte"));
	let kept = fs::File::open(mount.path().join(LARGE)).unwrap();
	assert!(!mount.stats().passthrough.paths.contains(&LARGE.to_owned()));
	// Somebody has it open, and asks for each byte: so does everybody else meanwhile.
	for _ in 0..5 {
		assert!(fs::read(mount.path().join(LARGE)).unwrap() == noise(3, 5_000_123));
		assert!(!mount.stats().passthrough.paths.contains(&LARGE.to_owned()));
		std::thread::sleep(Duration::from_millis(50));
	}
	drop(kept);
	open_passed(&mount, LARGE);
}

#[test]
fn s18_what_was_altered_is_not_handed_over() {
	let Some((fixture, mount)) = mounted() else { return };
	fs::read(mount.path().join(LARGE)).unwrap();
	let path = cache_file(&fixture);
	assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
	let changes: [fn(&Path); 3] = [
		|path| {
			let file = fs::OpenOptions::new().write(true).open(path).unwrap();
			file.write_all_at(b"altered", 4_000_000).unwrap();
		},
		|path| {
			let bytes = vec![7; 5_000_123];
			fs::remove_file(path).unwrap();
			fs::write(path, bytes).unwrap();
		},
		|path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1_000_000).unwrap(),
	];
	for change in changes {
		drop(open_passed(&mount, LARGE));
		all_closed(&mount);
		change(&path);
		let file = fs::File::open(mount.path().join(LARGE)).unwrap();
		rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
		assert!(mount.stats().passthrough.paths.is_empty());
		assert!(whole(&file, 5_000_123) == noise(3, 5_000_123));
		drop(file);
	}
	drop(open_passed(&mount, LARGE));
	all_closed(&mount);
	// Others may write to it: from now on it is only read with a look at each byte.
	fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
	for _ in 0..20 {
		assert!(fs::read(mount.path().join(LARGE)).unwrap() == noise(3, 5_000_123));
		assert!(mount.stats().passthrough.paths.is_empty());
		std::thread::sleep(Duration::from_millis(10));
	}
}

#[test]
fn s18_holes_that_were_filled_are_noticed() {
	let Some((fixture, mount)) = mounted() else { return };
	let right = fs::read(mount.path().join("sparse")).unwrap();
	mount.unmount().unwrap();
	let folders = fs::read_dir(fixture.folder.path().join("cache/blobs")).unwrap();
	let mut files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
	let path = files
		.find_map(|file| {
			let path = file.unwrap().path();
			path.to_string_lossy().ends_with("-30000000").then_some(path)
		})
		.unwrap();
	let file = fs::OpenOptions::new().write(true).open(path).unwrap();
	file.write_all_at(b"not a hole", 1_000_000).unwrap();
	drop(file);
	let mount = cached(&fixture, true);
	assert!(fs::read(mount.path().join("sparse")).unwrap() == right);
	let file = open_passed(&mount, "sparse");
	assert!(whole(&file, 30_000_000) == right);
}

#[test]
fn s18_an_evicted_or_unmounted_file_stays_readable_to_who_has_it_open() {
	let Some((fixture, mount)) = mounted() else { return };
	fs::read(mount.path().join(LARGE)).unwrap();
	let file = open_passed(&mount, LARGE);
	fs::remove_file(cache_file(&fixture)).unwrap();
	*fixture.store.fault.lock() = Some(Fault::Unreachable);
	assert!(whole(&file, 5_000_123) == noise(3, 5_000_123));
	mount.unmount().unwrap();
	assert!(whole(&file, 5_000_123) == noise(3, 5_000_123));
}

#[test]
fn s18_an_overlay_reads_and_copies_files_that_were_handed_over() {
	let Some((fixture, mount)) = mounted() else { return };
	fs::read(mount.path().join(LARGE)).unwrap();
	mount.unmount().unwrap();
	let upper = fixture.folder.path().join("upper");
	let mount = fixture
		.mount_with(|options| {
			let folder = fixture.folder.path().join("cache");
			options.cache = Some(CacheOptions { folder, limit: None });
			options.write = WriteLayer::Overlay { upper };
		})
		.unwrap();
	let file = open_passed(&mount, LARGE);
	assert!(whole(&file, 5_000_123) == noise(3, 5_000_123));
	let own = fs::OpenOptions::new().write(true).open(mount.path().join(LARGE)).unwrap();
	own.write_all_at(b"own", 0).unwrap();
	drop(own);
	let mut expected = noise(3, 5_000_123);
	expected[..3].copy_from_slice(b"own");
	assert!(fs::read(mount.path().join(LARGE)).unwrap() == expected);
	drop(file);
	let cached = fs::read(cache_file(&fixture)).unwrap();
	assert!(cached == noise(3, 5_000_123), "the image's own bytes are as they were");
}

#[test]
fn s18_who_keeps_a_file_open_learns_that_it_is_whole() {
	let Some((_fixture, mount)) = mounted() else { return };
	let path = mount.path().join(LARGE);
	let file = fs::File::open(&path).unwrap();
	let before = mount.open_files();
	assert_eq!((before.open, before.passed, before.passable), (1, 0, 0));
	whole(&file, 5_000_123);
	let end = Instant::now() + Duration::from_secs(60);
	while mount.open_files().passable == 0 {
		assert!(Instant::now() < end, "{:?}", mount.open_files());
		// Whoever closes it has it looked at.
		drop(fs::File::open(&path).unwrap());
		std::thread::sleep(Duration::from_millis(20));
	}
	while mount.open_files() != (OpenFiles { open: 1, passable: 1, ..Default::default() }) {
		assert!(Instant::now() < end, "{:?}", mount.open_files());
		std::thread::sleep(Duration::from_millis(5));
	}
	drop(file);
	while mount.open_files().open > 0 {
		assert!(Instant::now() < end, "{:?}", mount.open_files());
		std::thread::sleep(Duration::from_millis(5));
	}
	let file = fs::File::open(&path).unwrap();
	let after = mount.open_files();
	assert_eq!((after.open, after.passed, after.passable), (1, 1, 0));
	assert!(whole(&file, 5_000_123) == noise(3, 5_000_123));
}
