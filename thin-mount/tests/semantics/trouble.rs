//! What goes wrong, and unmounting: S10, S11, S13 and S14.

use super::*;

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
		let mount = fixture.mount_in_a_hurry(limit, |_| {});
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
