//! The embedded 0-db on a disk that is full.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod zdb_support;

use thin_mount::zdb::ServerOptions;
use zdb_support::{encode, Expected, Folders, Reply, Running};

/// A filesystem of 2 MiB, gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
	fn new() -> Option<Self> {
		let folder = tempfile::tempdir().unwrap();
		let flags = rustix::mount::MountFlags::empty();
		match rustix::mount::mount("tmpfs", folder.path(), "tmpfs", flags, c"size=2m") {
			Ok(()) => Some(Self(folder)),
			Err(error) => {
				eprintln!("skipped: can't mount a small filesystem ({error})");
				None
			},
		}
	}
}

impl Drop for SmallDisk {
	fn drop(&mut self) {
		let flags = rustix::mount::UnmountFlags::DETACH;
		rustix::mount::unmount(self.0.path(), flags).unwrap();
	}
}

#[test]
fn a_full_disk_refuses_values_and_loses_none() {
	let Some(disk) = SmallDisk::new() else { return };
	let elsewhere = Folders::new();
	// The data on the small disk, then the index.
	for small_data in [true, false] {
		let path = |small: bool, name: &str| match small {
			true => disk.0.path().join(name),
			false => elsewhere.data().with_file_name(format!("{name} {small_data}")),
		};
		let options = ServerOptions::new(path(small_data, "data"), path(!small_data, "index"));
		let server = Running::embedded(options.clone());
		let mut client = server.client();
		let mut expected = Expected::default();
		let size = if small_data { 70_000 } else { 1 };
		let words = if small_data { "data" } else { "index" };
		let full = Reply::error(&format!("Cannot write {words} right now"));
		let mut refused = 0;
		for number in 0..40_000u32 {
			let key = format!("{number:0200}");
			let value = vec![number as u8; size];
			match client.call(&[&b"SET"[..], key.as_bytes(), &value]) {
				Reply::Bulk(_) => {
					expected.values.insert(key.clone().into_bytes(), value);
					expected.order.push(key.into_bytes());
				},
				error => {
					assert_eq!(error, full);
					assert_eq!(client.call(&["GET", &key]), Reply::Nil);
					refused += 1;
					if refused == 3 {
						break;
					}
				},
			}
		}
		assert_eq!(refused, 3);
		assert!(expected.values.len() > 20);
		expected.check(&mut client);
		server.stop();
		let server = Running::embedded(options);
		expected.check(&mut server.client());
		server.stop();
		for name in ["data", "index"] {
			let _ = std::fs::remove_dir_all(disk.0.path().join(name));
		}
	}
}

#[test]
fn of_values_that_come_together_those_are_stored_that_fit() {
	let Some(disk) = SmallDisk::new() else { return };
	let elsewhere = Folders::new();
	let options = ServerOptions::new(disk.0.path().join("data"), elsewhere.index());
	let server = Running::embedded(options.clone());
	let mut writer = server.client();
	let mut reader = writer.second_half();
	let sets: Vec<(Vec<u8>, Vec<u8>)> = (0..700u32)
		.map(|number| (format!("key {number}").into_bytes(), vec![number as u8; 4000]))
		.collect();
	let requests: Vec<u8> =
		sets.iter().flat_map(|(key, value)| encode(&[b"SET", &key[..], value])).collect();
	let writing = std::thread::spawn(move || writer.send_raw(&requests).unwrap());
	let mut expected = Expected::default();
	for (key, value) in sets {
		match reader.receive().unwrap() {
			Reply::Error(words) => assert_eq!(words, "Cannot write data right now"),
			stored => {
				assert_eq!(stored, Reply::bulk(&key));
				expected.order.push(key.clone());
				expected.values.insert(key, value);
			},
		}
	}
	writing.join().unwrap();
	assert!((450..600).contains(&expected.values.len()), "{}", expected.values.len());
	// The first one that does not fit leaves less than a page or two.
	assert!(rustix::fs::statvfs(disk.0.path()).unwrap().f_bavail < 3);
	expected.check(&mut server.client());
	server.stop();
	let server = Running::embedded(options);
	expected.check(&mut server.client());
}
