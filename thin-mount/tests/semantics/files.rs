//! What files hold: S03, S04, S05 and S12.

use super::*;

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
