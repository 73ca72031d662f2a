//! Runs `docs/SEMANTICS.md`: each test has the number of the statement that it checks.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "semantics/files.rs"]
mod files;
#[path = "semantics/layers.rs"]
mod layers;
#[path = "common/trees.rs"]
mod trees;
#[path = "semantics/trouble.rs"]
mod trouble;

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

/// The document and this file have the same numbers.
#[test]
fn every_statement_has_a_test_and_every_test_a_statement() {
	let numbers = |text: &str, before: &str| -> std::collections::BTreeSet<u32> {
		let parts = text.split(before).skip(1);
		parts.filter_map(|part| part.get(..2)?.parse().ok()).collect()
	};
	let document = include_str!("../../docs/SEMANTICS.md");
	let sources = [
		include_str!("semantics.rs"),
		include_str!("semantics/files.rs"),
		include_str!("semantics/layers.rs"),
		include_str!("semantics/trouble.rs"),
		include_str!("passthrough.rs"),
		include_str!("prefetch.rs"),
	];
	let stated = numbers(document, "**S");
	let tested = sources.iter().flat_map(|source| numbers(source, "fn s")).collect();
	assert_eq!(stated, tested);
	assert!(stated.len() >= 16);
}
