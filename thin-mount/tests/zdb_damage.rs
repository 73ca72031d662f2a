//! What the embedded 0-db makes of folders that something or somebody damaged.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod zdb_support;

use thin_mount::zdb::{LoadError, ServeError, Server};
use zdb_support::{
	copy_of, files, last, set_length, small_files, written, Folders, Reply, Running,
};

#[test]
fn values_that_are_not_what_was_written_are_not_served() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	client.call(&[&b"SET"[..], b"sound", &[1; 5000]]);
	client.call(&[&b"SET"[..], b"zeroed", &[2; 5000]]);
	server.stop();
	// What power loss does to pages that were never written.
	let data = folders.data().join("default/d0");
	let mut bytes = std::fs::read(&data).unwrap();
	let length = bytes.len();
	bytes[length - 4096..].fill(0);
	std::fs::write(&data, bytes).unwrap();
	for _ in 0..2 {
		let server = Running::embedded(folders.options());
		let mut client = server.client();
		assert_eq!(client.call(&["GET", "sound"]), Reply::bulk([1; 5000]));
		assert_eq!(client.call(&["EXISTS", "zeroed"]), Reply::Integer(0));
	}
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	assert_eq!(client.call(&["SET", "zeroed", "again"]), Reply::bulk("zeroed"));
	server.stop();
	let server = Running::embedded(folders.options());
	assert_eq!(server.client().call(&["GET", "zeroed"]), Reply::bulk("again"));
}

#[test]
fn a_value_that_rots_later_is_found_by_check() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	client.call(&["SET", "k", "value"]);
	let data = folders.data().join("default/d0");
	let mut bytes = std::fs::read(&data).unwrap();
	*bytes.last_mut().unwrap() ^= 1;
	std::fs::write(&data, bytes).unwrap();
	assert_eq!(client.call(&["CHECK", "k"]), Reply::Integer(0));
}

#[test]
fn a_value_is_not_served_under_another_key() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	client.call(&["SET", "key 1", "value"]);
	client.call(&["SET", "other", "another"]);
	server.stop();
	let path = folders.index().join("default/i0");
	let mut index = std::fs::read(&path).unwrap();
	let at = index.windows(5).position(|bytes| bytes == b"key 1").unwrap();
	index[at + 4] = b'2';
	std::fs::write(&path, index).unwrap();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	assert_eq!(client.call(&["GET", "key 2"]), Reply::Nil);
	assert_eq!(client.call(&["GET", "other"]), Reply::bulk("another"));

	// While it is served, CHECK finds it.
	assert_eq!(client.call(&["CHECK", "other"]), Reply::Integer(1));
	let path = folders.data().join("default/d0");
	let mut data = std::fs::read(&path).unwrap();
	let at = data.windows(5).position(|bytes| bytes == b"other").unwrap();
	data[at] = b'O';
	std::fs::write(&path, data).unwrap();
	assert_eq!(client.call(&["CHECK", "other"]), Reply::Integer(0));
}

#[test]
fn a_data_file_that_is_gone_takes_only_its_values() {
	let (folders, mut expected) = written();
	let gone = folders.data().join("default/d0");
	let before = expected.values.clone();
	std::fs::remove_file(gone).unwrap();
	let server = Running::embedded(small_files(&folders));
	let mut reader = server.client();
	for (key, value) in before {
		match reader.call(&[b"GET", &key[..]]) {
			Reply::Bulk(found) => assert_eq!(found, value),
			other => {
				assert_eq!(other, Reply::Nil);
				expected.order.retain(|other| *other != key);
				expected.values.remove(&key);
			},
		}
	}
	let mut client = server.client();
	expected.check(&mut client);
	expected.set(&mut client, b"new", b"value".to_vec());
	expected.check(&mut client);
}

#[test]
fn a_data_file_that_is_cut_while_it_is_served_takes_only_its_values() {
	const KEPT: &[u8] = &[1; 200_000];
	let whole = Folders::new();
	let server = Running::embedded(whole.options());
	let mut client = server.client();
	client.call(&[&b"SET"[..], b"kept", KEPT]);
	let end = whole.data().join("default/d0").metadata().unwrap().len();
	// It is sent in parts.
	client.call(&[&b"SET"[..], b"long", &vec![2; 2_000_000]]);
	client.call(&[&b"SET"[..], b"middle", &[3; 65_536]]);
	client.call(&[&b"SET"[..], b"short", &[4; 100]]);
	server.stop();
	for read_only in [true, false] {
		let folders = copy_of(&whole);
		let data = folders.data().join("default/d0");
		let length = data.metadata().unwrap().len();
		let mut options = folders.options();
		options.read_only = read_only;
		let server = Running::embedded(options);
		let mut client = server.client();
		// All of it was sent once, from wherever it is sent.
		for key in ["kept", "long", "middle", "short"] {
			assert!(matches!(client.call(&["GET", key]), Reply::Bulk(_)), "{key}");
		}
		let gone = |key: &str| {
			// Who was promised more than there is now is cut off.
			let mut client = server.client();
			let answer = client.try_call(&["GET", key]);
			assert!(
				answer.is_err() || answer.unwrap() == Reply::error("Internal Error"),
				"{key}, read only: {read_only}"
			);
		};
		let cuts: [(u64, &[&str]); 5] = [
			(length - 1, &["short"]),
			// In the middle of a page, of which the kernel has zeros after the end.
			(length - 300, &["short", "middle"]),
			(end + 1_500_000, &["short", "middle", "long"]),
			(end + 1_000, &["short", "middle", "long"]),
			(end, &["short", "middle", "long"]),
		];
		for (length, keys) in cuts {
			set_length(&data, length);
			keys.iter().for_each(|key| gone(key));
			assert_eq!(client.call(&["GET", "kept"]), Reply::bulk(KEPT));
		}
		assert_eq!(client.call(&["CHECK", "middle"]), Reply::Integer(-1));
		set_length(&data, 100);
		gone("kept");
		assert_eq!(client.call(&["EXISTS", "kept"]), Reply::Integer(1));
	}
}

/// The error of a server that does not start, with the files as they were before.
fn refused(folders: &Folders) -> ServeError {
	let before = (files(&folders.data().join("default")), files(&folders.index().join("default")));
	let error = Server::start(small_files(folders)).unwrap_err();
	let after = (files(&folders.data().join("default")), files(&folders.index().join("default")));
	assert_eq!(before, after);
	error
}

#[test]
fn damage_that_is_no_torn_write_is_refused() {
	let (folders, _) = written();
	let data = last(&folders.data(), 'd');
	let whole = std::fs::read(&data).unwrap();
	let mut bytes = whole.clone();
	bytes.resize(whole.len() + 9 * 1024 * 1024, 0);
	std::fs::write(&data, bytes).unwrap();
	let error = refused(&folders);
	assert!(
		matches!(&error, ServeError::Load(LoadError::Corrupt { offset, .. }) if *offset == whole.len() as u64),
		"{error}"
	);
}

#[test]
fn files_of_something_else_are_refused() {
	for name in ["d0", "i0"] {
		let (folders, _) = written();
		let folder = if name == "d0" { folders.data() } else { folders.index() };
		let path = folder.join("default").join(name);
		let whole = std::fs::read(&path).unwrap();
		for (at, what) in [(0, "0"), (4, "version")] {
			let mut bytes = whole.clone();
			bytes[at] ^= 0x40;
			std::fs::write(&path, bytes).unwrap();
			let error = refused(&folders).to_string();
			assert!(error.contains(name) && error.contains(what), "{error}");
		}
	}
	let (folders, _) = written();
	std::fs::write(folders.index().join("default/zdb-namespace"), b"\x02\0\0\0").unwrap();
	assert!(refused(&folders).to_string().contains("zdb-namespace"));
}

#[test]
fn no_damage_makes_it_panic_or_serve_what_was_never_written() {
	use rand::{rngs::StdRng, Rng, SeedableRng};
	let seed = std::env::var("ZDB_SEED").map_or_else(|_| rand::random(), |it| it.parse().unwrap());
	let mut random = StdRng::seed_from_u64(seed);
	let whole = Folders::new();
	let server = Running::embedded(whole.options());
	let mut client = server.client();
	for number in 0..30u8 {
		let key = format!("key {}", number % 20);
		client.call(&[&b"SET"[..], key.as_bytes(), &vec![number; usize::from(number) * 3]]);
	}
	client.call(&["DEL", "key 3"]);
	server.stop();
	for round in 0..150 {
		let place = format!("seed {seed}, round {round}");
		let folders = copy_of(&whole);
		for path in [folders.data().join("default/d0"), folders.index().join("default/i0")] {
			let mut bytes = std::fs::read(&path).unwrap();
			for _ in 0..random.gen_range(0..4) {
				let at = random.gen_range(0..bytes.len());
				match random.gen_range(0..4) {
					0 => bytes[at] = random.gen(),
					1 => bytes[at] ^= 1 << random.gen_range(0..8),
					2 => bytes.truncate(at.max(1)),
					_ => bytes.extend((0..at).map(|_| random.gen::<u8>())),
				}
			}
			std::fs::write(&path, bytes).unwrap();
		}
		for read_only in [true, false] {
			let mut options = folders.options();
			options.read_only = read_only;
			let Ok(server) = Server::start(options) else { continue };
			let server = Running::Embedded(server);
			let mut client = server.client();
			for number in 0..20u8 {
				let key = format!("key {number}");
				if let Reply::Bulk(value) = client.call(&["GET", &key]) {
					let sound = client.call(&["CHECK", &key]) == Reply::Integer(1);
					// Under another key perhaps: no checksum covers the keys of a data file, and
					// an index that is gone as well can't contradict it.
					let written =
						(0..30u8).any(|number| value == vec![number; usize::from(number) * 3]);
					assert!(written || !sound, "{place}: {key}");
				}
			}
			zdb_support::scan(&mut client, "SCANX");
			zdb_support::scan(&mut client, "RSCAN");
			if !read_only {
				assert_eq!(client.call(&["SET", "new", "value"]), Reply::bulk("new"), "{place}");
				assert_eq!(client.call(&["GET", "new"]), Reply::bulk("value"), "{place}");
			}
		}
	}
}
