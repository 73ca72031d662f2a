//! What the embedded 0-db makes of folders that a crash left incomplete, and who may open them.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod zdb_support;

use thin_mount::zdb::{LoadError, ServeError, Server};
use zdb_support::{
	copy_of, files, last, set_length, small_files, written, Expected, Folders, Reply, Running,
};

#[test]
fn a_missing_index_is_made_again_as_it_was() {
	let (folders, expected) = written();
	let index = folders.index().join("default");
	let before = files(&index);
	assert!(before.len() > 3);
	for names in [&["i0", "i1", "i2", "i3"][..], &["i0"], &["i0", "i2"]] {
		for name in names {
			std::fs::remove_file(index.join(name)).unwrap();
		}
		let server = Running::embedded(small_files(&folders));
		expected.check(&mut server.client());
		server.stop();
		assert!(files(&index) == before, "without {names:?}");
	}
	// The whole folder, lock and all.
	std::fs::remove_dir_all(folders.index()).unwrap();
	let server = Running::embedded(small_files(&folders));
	expected.check(&mut server.client());
	server.stop();
	assert!(files(&index) == before);
}

/// Whether two index files differ in nothing but parents, which one of them may have lost: the
/// entries that were replaced are marked, and nothing tells them from deleted ones.
fn same_but_for_parents(one: &[u8], other: &[u8]) -> bool {
	let mask = |bytes: &[u8], with: &[u8]| {
		let mut bytes = bytes.to_vec();
		let mut at = 29;
		while at < bytes.len() && bytes.len() == with.len() {
			if with[at + 26..at + 34] == [0; 8] {
				bytes[at + 26..at + 34].fill(0);
			}
			at += 34 + usize::from(bytes[at]);
		}
		bytes
	};
	mask(one, other) == other
}

#[test]
fn an_index_missing_in_the_middle_is_made_again() {
	let (folders, expected) = written();
	let index = folders.index().join("default");
	let before = files(&index);
	std::fs::remove_file(index.join("i1")).unwrap();
	let server = Running::embedded(small_files(&folders));
	expected.check(&mut server.client());
	server.stop();
	for (name, bytes) in files(&index) {
		let same = if name.starts_with('i') {
			same_but_for_parents(&before[&name], &bytes)
		} else {
			before[&name] == bytes
		};
		assert!(same, "{name}");
	}
	expected.check(&mut Running::embedded(small_files(&folders)).client());
}

#[test]
fn an_index_cut_anywhere_is_completed() {
	let (folders, expected) = written();
	let index = last(&folders.index(), 'i');
	let before = std::fs::read(&index).unwrap();
	let length = index.metadata().unwrap().len();
	for cut in (0..length).rev().step_by(11).chain([0, 1, 28, 29, 30]) {
		set_length(&index, cut);
		let server = Running::embedded(small_files(&folders));
		if cut % 7 == 0 {
			expected.check(&mut server.client());
		}
		server.stop();
		let after = std::fs::read(&index).unwrap();
		assert!(same_but_for_parents(&before, &after), "cut at {cut}");
	}
}

#[test]
fn a_torn_value_is_cut_off_and_the_others_are_kept() {
	let folders = Folders::new();
	let mut expected = Expected::default();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	expected.set(&mut client, b"first", vec![1; 300]);
	expected.set(&mut client, b"second", vec![2; 300]);
	let data = folders.data().join("default/d0");
	let whole = data.metadata().unwrap().len();
	client.call(&[&b"SET"[..], b"torn", &[3; 100]]);
	// The value before is replaced by the torn one, and counts again.
	client.call(&[&b"SET"[..], b"second", &[4; 100]]);
	server.stop();
	let length = data.metadata().unwrap().len();
	let second_at = whole + 18 + 4 + 100;
	for cut in (whole..length).rev() {
		let folders = copy_of(&folders);
		let mut expected = expected.clone();
		let data = folders.data().join("default/d0");
		set_length(&data, cut);
		let server = Running::embedded(folders.options());
		let mut client = server.client();
		if cut >= second_at {
			assert_eq!(client.call(&["GET", "torn"]), Reply::bulk([3; 100]), "cut at {cut}");
			assert_eq!(client.call(&["DEL", "torn"]), Reply::ok());
			assert_eq!(client.call(&["EXISTS", "torn"]), Reply::Integer(0));
		} else {
			assert_eq!(client.call(&["GET", "torn"]), Reply::Nil, "cut at {cut}");
			assert_eq!(data.metadata().unwrap().len(), whole);
		}
		assert_eq!(client.call(&["GET", "first"]), Reply::bulk([1; 300]));
		// The index had marked the old value when the new one was lost.
		expected.values.remove(&b"second"[..]);
		expected.order.retain(|key| key != b"second");
		if client.call(&["EXISTS", "second"]) == Reply::Integer(1) {
			assert_eq!(client.call(&["GET", "second"]), Reply::bulk([2; 300]));
			assert_eq!(client.call(&["DEL", "second"]), Reply::ok());
		}
		expected.set(&mut client, b"second", vec![9; 10]);
		expected.check(&mut client);
		server.stop();
		expected.check(&mut Running::embedded(folders.options()).client());
	}
}

#[test]
fn values_that_reached_the_data_and_not_the_index_are_there() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	client.call(&["SET", "kept", "1"]);
	client.call(&["SET", "deleted", "2"]);
	let index = folders.index().join("default/i0");
	let before = std::fs::read(&index).unwrap();
	client.call(&["SET", "late", "3"]);
	client.call(&["SET", "kept", "4"]);
	client.call(&["DEL", "deleted"]);
	server.stop();
	let after = std::fs::read(&index).unwrap();
	std::fs::write(&index, before).unwrap();

	// First by one who may not write, then by one who may.
	let mut options = folders.options();
	options.read_only = true;
	for read_only in [true, false] {
		options.read_only = read_only;
		let server = Running::embedded(options.clone());
		let mut client = server.client();
		assert_eq!(client.call(&["GET", "kept"]), Reply::bulk("4"));
		assert_eq!(client.call(&["GET", "late"]), Reply::bulk("3"));
		assert_eq!(client.call(&["GET", "deleted"]), Reply::Nil);
		assert_eq!(zdb_support::scan(&mut client, "SCANX"), [b"late".to_vec(), b"kept".to_vec()]);
		let history = client.call(&["HISTORY", "kept"]).into_array();
		assert_eq!(history[2], Reply::bulk("4"));
	}
	assert_eq!(std::fs::read(&index).unwrap(), after);
}

#[test]
fn both_versions_of_a_value_unmarked_is_the_newer_one() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	client.call(&["SET", "k", "old"]);
	client.call(&["SET", "k", "new"]);
	server.stop();
	let index = folders.index().join("default/i0");
	let whole = std::fs::read(&index).unwrap();
	let mut unmarked = whole.clone();
	assert_eq!(unmarked[29 + 13], 1);
	unmarked[29 + 13] = 0;
	std::fs::write(&index, unmarked).unwrap();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	assert_eq!(client.call(&["GET", "k"]), Reply::bulk("new"));
	assert_eq!(client.call(&["DBSIZE"]), Reply::Integer(1));
	server.stop();
	assert_eq!(std::fs::read(&index).unwrap(), whole);
}

#[test]
fn sequential_namespaces_are_left_alone() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	assert_eq!(server.client().call(&["NSNEW", "s"]), Reply::ok());
	server.stop();
	let index = folders.index().join("s/i0");
	let mut bytes = std::fs::read(&index).unwrap();
	bytes[28] = 1;
	std::fs::write(&index, &bytes).unwrap();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	assert_eq!(client.call(&["SELECT", "s"]), Reply::error("Namespace not found"));
	assert_eq!(client.call(&["NSNEW", "s"]), Reply::error("This namespace is not available"));
	server.stop();
	assert_eq!(std::fs::read(&index).unwrap(), bytes);

	let index = folders.index().join("default/i0");
	let mut bytes = std::fs::read(&index).unwrap();
	bytes[28] = 1;
	std::fs::write(&index, &bytes).unwrap();
	let error = Server::start(folders.options()).unwrap_err();
	assert!(matches!(error, ServeError::Load(LoadError::Sequential { .. })), "{error}");
}

#[test]
fn several_servers_read_one_folder_and_nobody_writes_beside_them() {
	let (folders, expected) = written();
	let before = (files(&folders.data().join("default")), files(&folders.index().join("default")));
	let mut options = small_files(&folders);
	options.read_only = true;
	let servers: Vec<_> = (0..3).map(|_| Running::embedded(options.clone())).collect();
	for server in &servers {
		expected.check(&mut server.client());
		let mut client = server.client();
		for (request, words) in [
			(&["SET", "k", "v"][..], "Namespace is in read-only mode"),
			(&["DEL", "k"], "Namespace is in read-only mode"),
			(&["NSNEW", "n"], "This server is read-only"),
			(&["NSDEL", "n"], "This server is read-only"),
			(&["NSJUMP"], "This server is read-only"),
		] {
			assert_eq!(client.call(request), Reply::error(words));
		}
	}
	let error = Server::start(small_files(&folders)).unwrap_err();
	assert!(matches!(error, ServeError::InUse(_)), "{error}");
	drop(servers);
	assert_eq!(
		(files(&folders.data().join("default")), files(&folders.index().join("default"))),
		before
	);
	let writer = Running::embedded(small_files(&folders));
	let error = Server::start(options).unwrap_err();
	assert!(matches!(error, ServeError::InUse(_)), "{error}");
	drop(writer);
}

#[test]
fn a_folder_without_an_index_is_served_read_only() {
	let (folders, expected) = written();
	std::fs::remove_dir_all(folders.index()).unwrap();
	std::fs::create_dir(folders.index()).unwrap();
	let mut options = small_files(&folders);
	options.read_only = true;
	let server = Running::embedded(options);
	expected.check(&mut server.client());
	server.stop();
	assert!(!folders.index().join("default").exists());
}

#[test]
fn impossible_options_are_said() {
	let folders = Folders::new();
	let error = |change: &dyn Fn(&mut thin_mount::zdb::ServerOptions)| {
		let mut options = folders.options();
		change(&mut options);
		Server::start(options).unwrap_err().to_string()
	};
	assert!(error(&|options| options.index = options.data.clone()).contains("two folders"));
	assert!(error(&|options| options.data_size = 1).contains("524288"));
	assert!(error(&|options| options.data_size = u64::MAX).contains("4294967294"));
	assert!(error(&|options| options.protect = true).contains("--admin"));
	assert!(error(&|options| options.admin = Some(String::new())).contains("1 to 128"));
	assert!(error(&|options| options.listen = "nowhere".into()).contains("nowhere"));
	assert!(error(&|options| {
		options.read_only = true;
		options.data = options.data.join("missing");
	})
	.contains("missing"));
	let server = Running::embedded(folders.options());
	let others = Folders::new();
	let mut options = others.options();
	options.listen = server.address().to_string();
	assert!(matches!(Server::start(options).unwrap_err(), ServeError::Listen { .. }));
}
