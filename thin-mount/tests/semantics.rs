//! Runs `docs/SEMANTICS.md`: each test has the number of the statement that it checks.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/trees.rs"]
mod trees;

use rustix::{
	fs::{getxattr, listxattr, setxattr, statvfs, SeekFrom, XattrFlags},
	io::Errno,
};
use std::{
	collections::BTreeMap,
	ffi::OsString,
	fs,
	io::{self, ErrorKind, Read, Write},
	os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt},
	path::{Path, PathBuf},
	time::{Duration, Instant},
};
use thin_mount::{
	cache::CacheOptions,
	mount::{clear_stale, stats_at, unmount_at, Mount, MountError, WriteLayer},
	store::StoreError,
};
use trees::{fill, fuse, noise, Fault, Fixture};

/// Everything below a directory, by path.
fn walk(root: &Path) -> BTreeMap<PathBuf, fs::Metadata> {
	let mut found = BTreeMap::new();
	let mut open = vec![root.to_owned()];
	while let Some(folder) = open.pop() {
		for entry in fs::read_dir(&folder).unwrap() {
			let path = entry.unwrap().path();
			let metadata = fs::symlink_metadata(&path).unwrap();
			if metadata.is_dir() {
				open.push(path.clone());
			}
			found.insert(path.strip_prefix(root).unwrap().to_owned(), metadata);
		}
	}
	found
}

/// Compares two trees, byte by byte.
fn assert_same(left: &Path, right: &Path) {
	let (one, two) = (walk(left), walk(right));
	assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
	for (path, metadata) in one {
		let other = &two[&path];
		assert_eq!(metadata.mode(), other.mode(), "{path:?}");
		if metadata.is_file() {
			assert_eq!(metadata.nlink(), other.nlink(), "{path:?}");
			assert_eq!(metadata.len(), other.len(), "{path:?}");
			let same = fs::read(left.join(&path)).unwrap() == fs::read(right.join(&path)).unwrap();
			assert!(same, "{path:?} differs");
		}
		if metadata.is_symlink() {
			let targets = [left, right].map(|root| fs::read_link(root.join(&path)).unwrap());
			assert_eq!(targets[0], targets[1]);
		}
	}
}

fn errno(error: &io::Error) -> i32 {
	error.raw_os_error().unwrap_or_default()
}

/// What the kernel keeps in memory would hide what the mount does.
fn forget_pages(path: &Path) {
	let file = fs::File::open(path).unwrap();
	rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

#[test]
fn s01_the_tree_is_what_was_packed() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	assert_same(fixture.source.path(), mount.path());
	let stats = mount.stats();
	assert_eq!((stats.read_errors, stats.fetch.verification_failures), (0, 0));
	let path = mount.path().to_owned();
	mount.unmount().unwrap();
	assert!(fs::read_dir(path).unwrap().next().is_none());
}

#[test]
fn s01_directories_are_listed_whole_with_their_dots() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let folder = fs::File::open(mount.path().join("many")).unwrap();
	let mut list = rustix::fs::Dir::read_from(&folder).unwrap();
	let mut names = Vec::new();
	while let Some(entry) = list.read() {
		names.push(entry.unwrap().file_name().to_bytes().to_vec());
	}
	assert_eq!((&names[0][..], &names[1][..]), (&b"."[..], &b".."[..]));
	let mut expected: Vec<Vec<u8>> = (0..1_000).map(|at| format!("{at:04}").into()).collect();
	expected.push(b"second name".to_vec());
	assert_eq!(names[2..], expected);
	list.rewind();
	assert_eq!(list.read().unwrap().unwrap().file_name().to_bytes(), b".");
}

#[test]
fn s02_attributes() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let numbers = |mount: &Path| -> BTreeMap<PathBuf, u64> {
		walk(mount).into_iter().map(|(path, metadata)| (path, metadata.ino())).collect()
	};
	let mount = fixture.mount();
	let metadata = fs::metadata(mount.path().join("a/b/c/large")).unwrap();
	assert_eq!((metadata.mtime(), metadata.atime(), metadata.ctime()), (0, 0, 0));
	assert_eq!(metadata.uid(), rustix::process::getuid().as_raw());
	assert_eq!(metadata.blocks(), 5_000_123u64.div_ceil(512));
	let first = numbers(mount.path());
	assert_eq!(first[Path::new("a/one chunk")], first[Path::new("many/second name")]);
	drop(mount);
	let mount = fixture.mount();
	assert_eq!(numbers(mount.path()), first);
}

#[test]
fn s03_reads_at_any_offset() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let expected = noise(3, 5_000_123);
	let path = mount.path().join("a/b/c/large");
	for direct in [0, libc::O_DIRECT] {
		let file = fs::OpenOptions::new().read(true).custom_flags(direct).open(&path).unwrap();
		let mut buffer = vec![0; 400_000];
		for (offset, length) in [
			(0, 1),
			(65_535, 2),
			(65_536, 65_536),
			(4_999_999, 400_000),
			(5_000_122, 10),
			(5_000_123, 10),
			(9_000_000, 10),
			(123_456, 300_001),
		] {
			let got = file.read_at(&mut buffer[..length], offset).unwrap();
			let offset = (offset as usize).min(expected.len());
			let right = &expected[offset..(offset + length).min(expected.len())];
			assert_eq!(got, right.len());
			assert_eq!(buffer[..got], *right, "{length} at {offset}");
		}
	}
}

#[test]
fn s03_holes_are_zeros_and_cost_nothing() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let bytes = fs::read(mount.path().join("sparse")).unwrap();
	assert_eq!(bytes.len(), 30_000_000);
	assert_eq!(&bytes[15_000_000..15_000_013], b"in the middle");
	assert!(bytes[..15_000_000].iter().chain(&bytes[15_000_013..]).all(|byte| *byte == 0));
	let stats = mount.stats();
	assert!(stats.fetch.chunks_fetched < 20, "{}", stats.fetch.chunks_fetched);
}

#[test]
fn s03_holes_can_be_skipped() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let file = fs::File::open(mount.path().join("sparse")).unwrap();
	let seek = |to| rustix::fs::seek(&file, to);
	let (start, end) = (15_000_000 / 65_536 * 65_536, 15_000_000 / 65_536 * 65_536 + 65_536);
	assert_eq!(seek(SeekFrom::Data(0)), Ok(start));
	assert_eq!(seek(SeekFrom::Data(start + 5)), Ok(start + 5));
	assert_eq!(seek(SeekFrom::Hole(0)), Ok(0));
	assert_eq!(seek(SeekFrom::Hole(start)), Ok(end));
	// What is left over at the end is less than a chunk, and no hole.
	assert_eq!(seek(SeekFrom::Data(end)), Ok(30_000_000 / 65_536 * 65_536));
	assert_eq!(seek(SeekFrom::Hole(29_999_999)), Ok(30_000_000));
	assert_eq!(seek(SeekFrom::Data(30_000_000)), Err(Errno::NXIO));
	let file = fs::File::open(mount.path().join("a/b/c/large")).unwrap();
	assert_eq!(rustix::fs::seek(&file, SeekFrom::Hole(7)), Ok(5_000_123));
}

#[test]
fn s04_files_can_be_mapped() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let file = fs::File::open(mount.path().join("a/b/c/large")).unwrap();
	let expected = noise(3, 5_000_123);
	// SAFETY: the mapping is as long as the file, which can't change, and is read within bounds.
	let mapped = unsafe {
		use std::os::fd::AsRawFd;
		let (length, protection) = (expected.len(), libc::PROT_READ);
		let flags = libc::MAP_SHARED;
		let start =
			libc::mmap(std::ptr::null_mut(), length, protection, flags, file.as_raw_fd(), 0);
		assert_ne!(start, libc::MAP_FAILED);
		std::slice::from_raw_parts(start.cast::<u8>(), length)
	};
	drop(file);
	assert!(mapped == expected);
}

#[test]
fn s05_links() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let at = |name: &str| mount.path().join(name);
	assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("a/b/c/large"));
	assert_eq!(fs::metadata(at("link")).unwrap().len(), 5_000_123);
	assert_eq!(fs::symlink_metadata(at("link")).unwrap().len(), 11);
	assert_eq!(fs::read_link(at("dangling")).unwrap(), Path::new("nowhere at all"));
	assert_eq!(fs::metadata(at("dangling")).unwrap_err().kind(), ErrorKind::NotFound);
	let names = ["a/one chunk", "many/second name"].map(|name| fs::metadata(at(name)).unwrap());
	assert_eq!((names[0].ino(), names[0].nlink()), (names[1].ino(), 2));
}

#[test]
fn s06_nothing_can_be_changed() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let at = |name: &str| mount.path().join(name);
	let denied = |result: io::Result<()>| assert_eq!(errno(&result.unwrap_err()), libc::EROFS);
	denied(fs::write(at("small"), b"x"));
	denied(fs::OpenOptions::new().append(true).open(at("small")).map(drop));
	denied(fs::write(at("new"), b"x"));
	denied(fs::create_dir(at("new")));
	denied(fs::remove_file(at("small")));
	denied(fs::remove_dir(at("empty directory")));
	denied(fs::rename(at("small"), at("tiny")));
	denied(fs::hard_link(at("small"), at("tiny")));
	denied(std::os::unix::fs::symlink("small", at("tiny")));
	denied(fs::set_permissions(at("small"), fs::Permissions::from_mode(0o777)));
	denied(std::os::unix::fs::chown(at("small"), Some(1), Some(1)));
	let truncated = rustix::fs::open(
		at("small"),
		rustix::fs::OFlags::TRUNC | rustix::fs::OFlags::RDWR,
		rustix::fs::Mode::empty(),
	);
	assert_eq!(truncated.unwrap_err(), Errno::ROFS);
	assert_same(fixture.source.path(), mount.path());
}

#[test]
fn s07_extended_attributes_are_not_supported() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let path = mount.path().join("small");
	let mut names: [u8; 64] = [0; 64];
	let listed = listxattr(&path, &mut names[..]);
	assert!(matches!(listed, Ok(0) | Err(Errno::OPNOTSUPP)), "{listed:?}");
	assert_eq!(getxattr(&path, "user.x", &mut names[..]).unwrap_err(), Errno::NODATA);
	let error = setxattr(&path, "user.x", b"1", XattrFlags::empty()).unwrap_err();
	assert!(matches!(error, Errno::ROFS | Errno::OPNOTSUPP), "{error:?}");
}

#[test]
fn s17_a_mount_tells_what_it_has_done() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let upper = fixture.folder.path().join("upper");
	for write in [WriteLayer::None, WriteLayer::Overlay { upper }] {
		let mount = fixture.mount_with(|options| options.write = write).unwrap();
		fs::read(mount.path().join("a/b/c/large")).unwrap();
		let stats = stats_at(mount.path()).unwrap();
		assert_eq!(stats.fetch, mount.stats().fetch);
		assert!(stats.bytes_read >= 5_000_123 && stats.fetch.bytes_fetched >= 5_000_123);
		assert_eq!(
			(stats.image, stats.mountpoint),
			(fixture.image.to_string(), mount.path().into())
		);
	}
	assert!(matches!(stats_at(fixture.source.path()), Err(MountError::NotMounted { .. })));
}

#[test]
fn s08_the_file_system_is_as_large_as_the_image_and_full() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let figures = statvfs(mount.path()).unwrap();
	let total: u64 = {
		let mut seen = std::collections::HashSet::new();
		let files = walk(fixture.source.path());
		let files = files.values().filter(|m| m.is_file() && seen.insert(m.ino()));
		files.map(fs::Metadata::len).sum()
	};
	assert_eq!(figures.f_blocks * figures.f_frsize, total.div_ceil(4_096) * 4_096);
	assert_eq!((figures.f_bfree, figures.f_ffree, figures.f_namemax), (0, 0, 255));
}

#[test]
fn s09_names_that_are_not_there() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	for name in ["nowhere", "a/nowhere", "a/b/c/d/e"] {
		let error = fs::metadata(mount.path().join(name)).unwrap_err();
		assert_eq!(error.kind(), ErrorKind::NotFound);
	}
	assert_eq!(errno(&fs::metadata(mount.path().join("small/x")).unwrap_err()), libc::ENOTDIR);
	assert_eq!(errno(&fs::read(mount.path().join("a")).unwrap_err()), libc::EISDIR);
}

#[test]
fn s10_wrong_or_missing_bytes_are_an_error_never_data() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	for fault in [Fault::Wrong, Fault::Truncated, Fault::Missing] {
		let mount = fixture.mount();
		*fixture.store.fault.lock() = Some(fault);
		let path = mount.path().join("a/b/c/large");
		assert_eq!(errno(&fs::read(&path).unwrap_err()), libc::EIO);
		assert!(mount.stats().read_errors > 0);
		*fixture.store.fault.lock() = None;
		// An error is not kept: what can be had later is there.
		assert!(fs::read(&path).unwrap() == noise(3, 5_000_123));
	}
}

#[test]
fn s11_a_store_that_is_away_holds_readers_up_until_the_deadline() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	for fault in [Fault::Unreachable, Fault::Hang] {
		let limit = Duration::from_millis(500);
		let mount = fixture.mount_with(|options| options.fetch.deadline = limit).unwrap();
		*fixture.store.fault.lock() = Some(fault);
		let path = mount.path().join("a/one chunk");
		let begun = Instant::now();
		assert_eq!(errno(&fs::read(&path).unwrap_err()), libc::ETIMEDOUT);
		assert!(begun.elapsed() >= limit);
		*fixture.store.fault.lock() = None;
		// A store that failed is left alone for a while, which may be longer than this deadline.
		let again =
			|| fs::read(&path).inspect_err(|error| assert_eq!(errno(error), libc::ETIMEDOUT));
		let back = (0..60).find_map(|_| again().ok());
		assert!(back.is_some_and(|bytes| bytes == noise(1, 65_536)));
	}
	let mount = fixture.mount();
	*fixture.store.fault.lock() = Some(Fault::Unreachable);
	let path = mount.path().join("a/one chunk");
	std::thread::scope(|scope| {
		let reader = scope.spawn(|| fs::read(&path).unwrap());
		std::thread::sleep(Duration::from_millis(300));
		*fixture.store.fault.lock() = None;
		assert!(reader.join().unwrap() == noise(1, 65_536));
	});
}

#[test]
fn s12_what_was_read_is_kept_by_the_kernel() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let path = mount.path().join("a/b/c/large");
	let first = fs::read(&path).unwrap();
	let reads = mount.stats().reads;
	assert!(fs::read(&path).unwrap() == first);
	assert_eq!(mount.stats().reads, reads);
	forget_pages(&path);
	assert!(fs::read(&path).unwrap() == first);
	assert!(mount.stats().reads > reads);
}

#[test]
fn s13_places_that_can_not_be_mounted_on_are_refused() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let refused = |place: PathBuf| match fixture.mount_with(|options| options.mountpoint = place) {
		Err(error @ MountError::Mountpoint { .. }) => error.to_string(),
		Err(error) => panic!("{error}"),
		Ok(_) => panic!("mounted"),
	};
	assert!(refused(fixture.folder.path().join("nowhere")).contains("does not exist"));
	assert!(refused(fixture.source.path().join("small")).contains("no directory"));
	assert!(refused(fixture.source.path().to_owned()).contains("not empty"));
	let _mount = fixture.mount();
	assert!(refused(fixture.folder.path().join("mnt")).contains("already"));
}

#[test]
fn s13_images_that_can_not_be_had_are_refused_at_once() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(|_| {});
	let result = fixture.mount_with(|options| options.image.0 .0 = [7; 32]);
	assert!(matches!(result, Err(MountError::NoImage { .. })));
	let result = fixture.mount_with(|options| options.stores.clear());
	assert!(matches!(result, Err(MountError::Store(StoreError::Url { .. }))));
	assert!(!clear_stale(&fixture.folder.path().join("mnt")).unwrap());
	assert!(fs::read_dir(fixture.folder.path().join("mnt")).unwrap().next().is_none());
}

#[test]
fn s14_open_files_outlive_the_path() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let path = mount.path().to_owned();
	let mut file = fs::File::open(path.join("a/b/c/large")).unwrap();
	mount.unmount().unwrap();
	assert!(fs::read_dir(&path).unwrap().next().is_none(), "the path is free");
	let mut bytes = Vec::new();
	file.read_to_end(&mut bytes).unwrap();
	assert!(bytes == noise(3, 5_000_123));
}

#[test]
fn s14_somebody_else_may_unmount() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount();
	let path = mount.path().to_owned();
	assert!(mount.is_mounted());
	unmount_at(&path).unwrap();
	assert!(!mount.is_mounted());
	assert!(matches!(unmount_at(&path), Err(MountError::NotMounted { .. })));
	mount.unmount().unwrap();
	drop(fixture.mount());
}

#[test]
fn s16_an_overlay_takes_writes_and_keeps_them() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let upper = fixture.folder.path().join("upper");
	let overlay = || {
		let write = WriteLayer::Overlay { upper: upper.clone() };
		fixture.mount_with(|options| options.write = write).unwrap()
	};
	let mount = overlay();
	let at = |name: &str| mount.path().join(name);
	assert_same(fixture.source.path(), mount.path());
	let mut file = fs::OpenOptions::new().append(true).open(at("a/b/c/large")).unwrap();
	file.write_all(b"more").unwrap();
	drop(file);
	fs::write(at("new"), b"new").unwrap();
	fs::remove_file(at("small")).unwrap();
	fs::rename(at("empty"), at("void")).unwrap();
	let path = mount.path().to_owned();
	mount.unmount().unwrap();
	assert!(fs::read_dir(&path).unwrap().next().is_none());

	let mount = overlay();
	let mut expected = noise(3, 5_000_123);
	expected.extend(b"more");
	assert!(fs::read(mount.path().join("a/b/c/large")).unwrap() == expected);
	assert_eq!(fs::read(mount.path().join("new")).unwrap(), b"new");
	assert!(!mount.path().join("small").exists() && mount.path().join("void").exists());
	match fixture.mount_with(|options| {
		options.mountpoint = fixture.folder.path().join("upper/upper");
		options.write = WriteLayer::Overlay { upper: upper.clone() };
	}) {
		Err(error) => println!("{error}"),
		Ok(_) => panic!("two overlays share a folder"),
	}
	unmount_at(mount.path()).unwrap();
	assert!(!mount.is_mounted());
	mount.unmount().unwrap();
	// The image itself is as it was.
	assert_same(fixture.source.path(), fixture.mount().path());
}

#[test]
fn s16_an_overlay_over_a_parity_db_is_refused() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(|folder| {
		fs::create_dir_all(folder.join("chains/dev/paritydb/full")).unwrap();
		for name in ["metadata", "index_00_16", "table_00_00"] {
			fs::write(folder.join("chains/dev/paritydb/full").join(name), b"x").unwrap();
		}
	});
	let upper = fixture.folder.path().join("upper");
	let write = WriteLayer::Overlay { upper: upper.clone() };
	match fixture.mount_with(|options| options.write = write) {
		Err(error @ MountError::ParityDb { .. }) => {
			assert!(error.to_string().contains("/chains/dev/paritydb/full"), "{error}");
		},
		Err(error) => panic!("{error}"),
		Ok(_) => panic!("mounted"),
	}
	let left: Vec<OsString> =
		fs::read_dir(upper).unwrap().map(|entry| entry.unwrap().file_name()).collect();
	assert!(left.is_empty(), "{left:?}");
	drop(fixture.mount());
}

/// The document and this file have the same numbers.
#[test]
fn every_statement_has_a_test_and_every_test_a_statement() {
	let numbers = |text: &str, before: &str| -> std::collections::BTreeSet<u32> {
		let parts = text.split(before).skip(1);
		parts.filter_map(|part| part.get(..2)?.parse().ok()).collect()
	};
	let document = include_str!("../../docs/SEMANTICS.md");
	let sources =
		[include_str!("semantics.rs"), include_str!("passthrough.rs"), include_str!("prefetch.rs")];
	let stated = numbers(document, "**S");
	let tested = sources.iter().flat_map(|source| numbers(source, "fn s")).collect();
	assert_eq!(stated, tested);
	assert!(stated.len() >= 16);
}

/// All files of a cache of one kind.
fn cache_files(folder: &Path, map: bool) -> Vec<PathBuf> {
	let is_file = |(_, metadata): &(PathBuf, fs::Metadata)| metadata.is_file();
	let files = walk(folder).into_iter().filter(is_file).map(|(path, _)| folder.join(path));
	files.filter(|path| path.extension().is_some_and(|end| end == "map") == map).collect()
}

fn cached(fixture: &Fixture, limit: Option<u64>) -> Mount {
	let folder = fixture.folder.path().join("cache");
	fixture.mount_with(|options| options.cache = Some(CacheOptions { folder, limit })).unwrap()
}

#[test]
fn s15_what_is_cached_needs_no_store() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = cached(&fixture, None);
	assert_same(fixture.source.path(), mount.path());
	mount.unmount().unwrap();
	*fixture.store.fault.lock() = Some(Fault::Unreachable);
	let mount = cached(&fixture, None);
	assert_same(fixture.source.path(), mount.path());
	let stats = mount.stats();
	assert_eq!(stats.fetch.bytes_fetched, 0);
	assert!(stats.cache.unwrap().misses == 0);
}

#[test]
fn s15_a_cache_is_shared_by_mounts() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let first = cached(&fixture, None);
	let other = fixture.folder.path().join("other");
	fs::create_dir(&other).unwrap();
	let second = fixture
		.mount_with(|options| {
			options.mountpoint = other;
			let folder = fixture.folder.path().join("cache");
			options.cache = Some(CacheOptions { folder, limit: None });
		})
		.unwrap();
	let open = fs::File::open(second.path().join("a/b/c/large")).unwrap();
	assert_same(fixture.source.path(), first.path());
	first.unmount().unwrap();
	let mut buffer = vec![0; 5_000_123];
	open.read_exact_at(&mut buffer, 0).unwrap();
	assert!(buffer == noise(3, 5_000_123));
	assert_eq!(second.stats().fetch.chunks_fetched, 0);
}

#[test]
fn s15_altered_cache_files_are_never_served() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let folder = fixture.folder.path().join("cache");
	let mount = cached(&fixture, None);
	assert_same(fixture.source.path(), mount.path());
	mount.unmount().unwrap();
	let changes: [fn(&Path); 4] = [
		|path| {
			let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
			let length = file.metadata().unwrap().len();
			for at in (0..length.min(6_000_000)).step_by(40_000) {
				let mut byte = [0];
				file.read_exact_at(&mut byte, at).unwrap();
				file.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
			}
		},
		|path| {
			let length = fs::metadata(path).unwrap().len();
			fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length / 2).unwrap();
		},
		|path| fs::write(path, b"something else").unwrap(),
		|path| fs::remove_file(path).unwrap(),
	];
	for change in changes {
		for maps in [false, true] {
			cache_files(&folder, maps).iter().for_each(|path| change(path));
			// Without a store, what was altered can't be had; it is not taken for right.
			*fixture.store.fault.lock() = Some(Fault::Unreachable);
			let limit = Duration::from_millis(50);
			let without = fixture.mount_with(|options| {
				options.fetch.deadline = limit;
				options.cache = Some(CacheOptions { folder: folder.clone(), limit: None });
			});
			if let Ok(mount) = without {
				for (name, seed, length) in
					[("a/b/c/large", 3, 5_000_123), ("a/one chunk", 1, 65_536)]
				{
					if let Ok(bytes) = fs::read(mount.path().join(name)) {
						assert!(bytes == noise(seed, length));
					}
				}
			}
			*fixture.store.fault.lock() = None;
			let mount = cached(&fixture, None);
			assert_same(fixture.source.path(), mount.path());
			mount.unmount().unwrap();
		}
	}
	*fixture.store.fault.lock() = Some(Fault::Unreachable);
	let mount = cached(&fixture, None);
	assert_same(fixture.source.path(), mount.path());
}

#[test]
fn s15_a_cache_keeps_its_limit_and_what_is_open() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(|folder| {
		for number in 0..8 {
			fs::write(folder.join(number.to_string()), noise(number, 2_000_000)).unwrap();
		}
	});
	let folder = fixture.folder.path().join("cache");
	let used = || -> u64 {
		let files = walk(&folder);
		files.values().filter(|file| file.is_file()).map(|file| file.blocks() * 512).sum()
	};
	let limit = 5_000_000;
	let mount = cached(&fixture, Some(limit));
	let open = fs::File::open(mount.path().join("0")).unwrap();
	for number in 0..8 {
		assert!(
			fs::read(mount.path().join(number.to_string())).unwrap() == noise(number, 2_000_000)
		);
	}
	let end = Instant::now() + Duration::from_secs(20);
	while used() > limit {
		assert!(Instant::now() < end, "{} bytes are used", used());
		std::thread::sleep(Duration::from_millis(100));
	}
	forget_pages(&mount.path().join("0"));
	let fetched = mount.stats().fetch.chunks_fetched;
	let mut bytes = vec![0; 2_000_000];
	open.read_exact_at(&mut bytes, 0).unwrap();
	assert!(bytes == noise(0, 2_000_000));
	assert_eq!(mount.stats().fetch.chunks_fetched, fetched, "what is open stays");
}
