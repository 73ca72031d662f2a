//! The files of the embedded 0-db: byte by byte as recorded, and open to a real one.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod zdb_support;

use zdb_support::{encode, files, small_files, Client, Expected, Folders, Reply, Running};

/// The beginning of a data file as a real 0-db wrote it.
const DATA: &str = "4441543003000000000000000000000000000000000000000000000001010000
	00000000 00b2ca88c2001724036b6131010100 00001c0000004639d8d1001824
	036b613201000000003000000000000000011924036b6120080000004400000049dc8689001a24036b00010203040506";
/// The beginning of its index.
const INDEX: &str = "4944583004000000000000000000000000000000000000000000000000011c00
	0000010000000000000001000000001724036bb2ca88c200000000000000006101300000
	00010000001d0000000100000000 1824036b4639d8d1000000001d0000006120570000
	000800000040000000000000000 01a24036b49dc8689000000";

fn recorded(text: &str) -> Vec<u8> {
	let digits: String = text.split_whitespace().collect();
	hex::decode(digits).unwrap()
}

fn long_key() -> Vec<u8> {
	(0..32).collect()
}

/// The commands behind the recorded bytes. The times are those of the recording: an administrator
/// may name them.
fn write_as_recorded(client: &mut Client) {
	let time = |second: u32| (0x6b03_2417u32 + second).to_string().into_bytes();
	let key = long_key();
	let value = b"\x00\xff\r\n$3\r\n".to_vec();
	assert_eq!(
		client.call(&[b"SET".to_vec(), b"a".to_vec(), b"1".to_vec(), time(0)]),
		Reply::bulk("a")
	);
	assert_eq!(
		client.call(&[b"SET".to_vec(), b"a".to_vec(), b"2".to_vec(), time(1)]),
		Reply::bulk("a")
	);
	assert_eq!(client.call(&[b"DEL".to_vec(), b"a".to_vec(), time(2)]), Reply::ok());
	assert_eq!(client.call(&[b"SET".to_vec(), key.clone(), value, time(3)]), Reply::bulk(key));
}

fn check_recorded_bytes(folders: &Folders) {
	let data = std::fs::read(folders.data().join("default/d0")).unwrap();
	let index = std::fs::read(folders.index().join("default/i0")).unwrap();
	let (want_data, want_index) = (recorded(DATA), recorded(INDEX));
	assert_eq!((want_data.len(), want_index.len()), (112, 128));
	assert_eq!(hex::encode(&data[..want_data.len()]), hex::encode(&want_data));
	assert_eq!(data[want_data.len() - 7..][..32], long_key()[..]);
	assert_eq!(hex::encode(&index[..want_index.len()]), hex::encode(&want_index));
	assert_eq!(data.len(), 0x57 + 18 + 32 + 8);
	assert_eq!(index.len(), 0x63 + 34 + 32);
	let descriptor = std::fs::read(folders.index().join("default/zdb-namespace")).unwrap();
	let want = [b"\x01\0\0\0\x07\0\0\0\0\0\0\0\0\0\x05".as_slice(), b"default"].concat();
	assert_eq!(descriptor, want);
	assert!(folders.data().join(".lockfile").metadata().unwrap().len() == 0);
	assert!(folders.index().join(".lockfile").metadata().unwrap().len() == 0);
}

#[test]
fn the_files_are_those_of_the_recording() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	write_as_recorded(&mut server.client());
	// While it runs: what is answered is in the files.
	check_recorded_bytes(&folders);
	server.stop();
	check_recorded_bytes(&folders);
}

#[test]
fn a_real_server_writes_the_same_files() {
	let folders = Folders::new();
	if let Some(server) = Running::real(&folders, &[]) {
		write_as_recorded(&mut server.client());
		check_recorded_bytes(&folders);
	}
}

#[test]
fn the_recorded_files_are_served() {
	let folders = Folders::new();
	let (data, index) = (folders.data().join("default"), folders.index().join("default"));
	std::fs::create_dir_all(&data).unwrap();
	std::fs::create_dir_all(&index).unwrap();
	let mut bytes = recorded(DATA);
	bytes.truncate(0x57 + 18);
	bytes.extend_from_slice(&long_key());
	bytes.extend_from_slice(b"\x00\xff\r\n$3\r\n");
	std::fs::write(data.join("d0"), bytes).unwrap();
	// The recording ends within the last entry's parent, which is 0.
	let mut bytes = recorded(INDEX);
	bytes.extend_from_slice(&[0; 5]);
	bytes.extend_from_slice(&long_key());
	std::fs::write(index.join("i0"), bytes).unwrap();

	let server = Running::embedded(folders.options());
	let mut client = server.client();
	assert_eq!(client.call(&["DBSIZE"]), Reply::Integer(1));
	assert_eq!(client.call(&["GET", "a"]), Reply::Nil);
	let get = [b"GET".to_vec(), long_key()];
	assert_eq!(client.call(&get), Reply::bulk(b"\x00\xff\r\n$3\r\n"));
}

#[test]
fn values_survive_a_restart_in_several_files() {
	let folders = Folders::new();
	let mut expected = Expected::default();
	let server = Running::embedded(small_files(&folders));
	expected.write(&mut server.client(), 3);
	expected.check(&mut server.client());
	server.stop();
	assert!(files(&folders.data().join("default")).len() > 2);
	assert_eq!(
		files(&folders.data().join("default")).len(),
		// The index folder has the descriptor beside its files.
		files(&folders.index().join("default")).len() - 1
	);
	let server = Running::embedded(small_files(&folders));
	expected.check(&mut server.client());
	expected.write(&mut server.client(), 5);
	expected.check(&mut server.client());
	drop(server);
	expected.check(&mut Running::embedded(small_files(&folders)).client());
}

#[test]
fn history_leads_back_through_the_files() {
	let folders = Folders::new();
	let server = Running::embedded(small_files(&folders));
	let mut client = server.client();
	let versions: Vec<Vec<u8>> = (0..9u8).map(|version| vec![version; 200_000]).collect();
	for version in &versions {
		client.call(&[&b"SET"[..], b"k", version]);
	}
	let mut place = None;
	for (left, version) in versions.iter().enumerate().rev() {
		let mut request = vec![b"HISTORY".to_vec(), b"k".to_vec()];
		request.extend(place.take());
		let mut reply = client.call(&request).into_array();
		assert_eq!(reply.pop(), Some(Reply::bulk(version)));
		match reply.remove(0) {
			Reply::Bulk(bytes) => place = Some(bytes),
			other => {
				assert_eq!(other, Reply::Nil);
				assert_eq!(left, 0);
			},
		}
	}
}

#[test]
fn a_real_server_reads_what_this_one_wrote_and_goes_on() {
	let folders = Folders::new();
	let mut expected = Expected::default();
	let mut other = Expected::default();
	let server = Running::embedded(small_files(&folders));
	expected.write(&mut server.client(), 3);
	let mut client = server.client();
	for request in [
		&["NSNEW", "ns1"][..],
		&["NSSET", "ns1", "password", "pw"],
		&["NSSET", "ns1", "worm", "1"],
		&["NSSET", "ns1", "maxsize", "1000000"],
		&["SELECT", "ns1", "pw"],
	] {
		assert_eq!(client.call(request), Reply::ok());
	}
	other.set(&mut client, b"worm", b"value".to_vec());
	server.stop();
	let descriptor = std::fs::read(folders.index().join("ns1/zdb-namespace")).unwrap();
	assert_eq!(hex::encode(descriptor), "01000000030240420f0000000000076e73317077");

	let arguments = ["--datasize", "524288"];
	let Some(server) = Running::real(&folders, &arguments) else { return };
	let error = thin_mount::zdb::Server::start(folders.options()).unwrap_err();
	assert!(matches!(error, thin_mount::zdb::ServeError::InUse(_)), "{error}");
	expected.check(&mut server.client());
	let mut client = server.client();
	assert_eq!(client.call(&["SELECT", "ns1", "wrong"]), Reply::error("Access denied"));
	assert_eq!(client.call(&["SELECT", "ns1"]), Reply::ok());
	other.check(&mut client);
	let words = "Namespace is in read-only mode";
	assert_eq!(client.call(&["SET", "x", "y"]), Reply::error(words));
	assert_eq!(client.call(&["SELECT", "ns1", "pw"]), Reply::ok());
	let words = "Namespace is protected by worm mode";
	assert_eq!(client.call(&["SET", "worm", "y"]), Reply::error(words));
	other.set(&mut client, b"more", vec![7; 300_000]);
	expected.write(&mut server.client(), 5);
	expected.check(&mut server.client());
	server.stop();

	let server = Running::embedded(small_files(&folders));
	expected.check(&mut server.client());
	let mut client = server.client();
	assert_eq!(client.call(&["SELECT", "ns1", "pw"]), Reply::ok());
	other.check(&mut client);
	expected.write(&mut server.client(), 7);
	server.stop();

	let server = Running::real(&folders, &arguments).unwrap();
	expected.check(&mut server.client());
}

#[test]
fn both_servers_write_the_same_files() {
	let (ours, theirs) = (Folders::new(), Folders::new());
	let Some(real) = Running::real(&theirs, &["--datasize", "524288"]) else { return };
	let embedded = Running::embedded(small_files(&ours));
	for server in [&embedded, &real] {
		let mut client = server.client();
		for number in 0..60u32 {
			let time = (1_700_000_000 + number).to_string();
			let key = format!("key {}", number % 25);
			let value = vec![number as u8; number as usize * 1000];
			client.call(&[b"SET", key.as_bytes(), &value, time.as_bytes()]);
			if number % 7 == 3 {
				assert_eq!(client.call(&["DEL", &key, &time]), Reply::ok());
			}
		}
	}
	drop(embedded);
	drop(real);
	let data = files(&ours.data().join("default"));
	assert!(data.len() > 2);
	assert_eq!(data, files(&theirs.data().join("default")));
	let mut our_index = files(&ours.index().join("default"));
	let mut their_index = files(&theirs.index().join("default"));
	assert_eq!(our_index.len(), their_index.len());
	// 0-db leaves the number of the data file at 0 in the entries of new keys, and goes by the
	// number of the index file when it reads them. Here it is always filled in.
	for index in our_index.values_mut().chain(their_index.values_mut()) {
		if index.starts_with(b"IDX0") {
			let mut at = 29;
			while at < index.len() {
				index[at + 14..at + 18].fill(0);
				at += 34 + usize::from(index[at]);
			}
		}
	}
	assert_eq!(our_index, their_index);
}

#[test]
fn values_stored_together_lie_as_if_stored_one_by_one() {
	let (single, together) = (Folders::new(), Folders::new());
	let requests: Vec<Vec<u8>> = (0..900u32)
		.map(|number| {
			let time = (1_700_000_000 + number).to_string();
			let key = format!("key {}", number * 7 % 250);
			let value = vec![number as u8; number as usize * 37 % 9000];
			match number % 50 {
				49 => encode(&[b"DEL", key.as_bytes(), time.as_bytes()]),
				_ => encode(&[b"SET", key.as_bytes(), &value, time.as_bytes()]),
			}
		})
		.collect();
	let one_by_one = Running::embedded(small_files(&single));
	let mut client = one_by_one.client();
	let answers: Vec<Reply> = requests
		.iter()
		.map(|request| {
			client.send_raw(request).unwrap();
			client.receive().unwrap()
		})
		.collect();
	let at_once = Running::embedded(small_files(&together));
	let mut writer = at_once.client();
	let mut reader = writer.second_half();
	let all = requests.concat();
	let writing = std::thread::spawn(move || writer.send_raw(&all).unwrap());
	for (number, answer) in answers.into_iter().enumerate() {
		assert_eq!(reader.receive().unwrap(), answer, "request {number}");
	}
	writing.join().unwrap();
	assert!(files(&single.data().join("default")).len() > 5);
	for (one, other) in [(single.data(), together.data()), (single.index(), together.index())] {
		assert!(files(&one.join("default")) == files(&other.join("default")), "{other:?}");
	}
}

#[test]
fn scans_page_through_many_keys_and_empty_files() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	assert_eq!(client.call(&["RSCAN"]), Reply::error("No more data"));
	let mut expected = Expected::default();
	for number in 0..5000u32 {
		if number % 2000 == 1000 {
			// Files without entries in between.
			assert_eq!(client.call(&["NSJUMP"]), Reply::ok());
			assert_eq!(client.call(&["NSJUMP"]), Reply::ok());
		}
		expected.set(&mut client, format!("key {number}").as_bytes(), vec![number as u8]);
	}
	for number in (0..5000).filter(|number| number % 3 == 0) {
		expected.delete(&mut client, format!("key {number}").as_bytes());
	}
	assert_eq!(client.call(&["NSJUMP"]), Reply::ok());
	expected.check(&mut client);
	server.stop();
	let server = Running::embedded(folders.options());
	expected.check(&mut server.client());
	let mut client = server.client();
	for cursor in [&[0u8; 17][..], &[0xff; 17], b"", b"short"] {
		for command in [&b"SCAN"[..], b"RSCAN"] {
			assert_eq!(client.call(&[command, cursor]), Reply::error("Invalid key format"));
		}
	}
}
