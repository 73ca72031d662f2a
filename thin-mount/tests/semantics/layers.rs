//! The cache and overlays: S15 and S16.

use super::*;

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
	let mount = fixture.mount_with(|options| {
		options.cache = Some(CacheOptions { folder: folder.clone(), limit: Some(limit) });
		options.fetch.recent = 0;
	});
	let mount = mount.unwrap();
	let open = fs::File::open(mount.path().join("0")).unwrap();
	for number in 0..8 {
		assert!(
			fs::read(mount.path().join(number.to_string())).unwrap() == noise(number, 2_000_000)
		);
	}
	let end = Instant::now() + Duration::from_secs(60);
	while used() > limit {
		assert!(Instant::now() < end, "{} bytes are used", used());
		std::thread::sleep(Duration::from_millis(100));
	}
	forget_pages(&mount.path().join("0"));
	// What is open stays.
	*fixture.store.fault.lock() = Some(Fault::Unreachable);
	let mut bytes = vec![0; 2_000_000];
	open.read_exact_at(&mut bytes, 0).unwrap();
	assert!(bytes == noise(0, 2_000_000));
}
