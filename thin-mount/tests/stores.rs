//! One suite that every kind of store has to pass, and what is particular to 0-db and Redis.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/servers.rs"]
mod servers;

use bytes::Bytes;
use servers::{skipped, Server};
use std::sync::Arc;
use thin_mount::{
	chunk::ChunkId,
	store::{self, Key, RedisStore, ShardRange, ShardedStore, Store, StoreError, ZdbStore},
};

fn chunk(number: u32, length: usize) -> (Key, Bytes) {
	let seed = number.to_le_bytes();
	let value: Vec<u8> = (0..length).map(|at| seed[at % 4] ^ (at / 4) as u8).collect();
	(Bytes::copy_from_slice(&ChunkId::of(&seed).0), value.into())
}

/// What holds for every store.
fn conforms(store: &dyn Store) {
	assert_eq!(store.get_many(&[]).unwrap(), Vec::<Option<Bytes>>::new());
	assert_eq!(store.has_many(&[]).unwrap(), Vec::<bool>::new());
	store.put_many(&[]).unwrap();

	// Batches larger than any protocol's, values of every size, in order.
	let records: Vec<_> =
		(0..1_500).map(|number| chunk(number, number as usize * 7_919 % 65_537 + 1)).collect();
	let keys: Vec<Key> = records.iter().map(|(key, _)| key.clone()).collect();
	assert!(store.has_many(&keys).unwrap().iter().all(|has| !has));
	assert!(store.get_many(&keys).unwrap().iter().all(Option::is_none));
	store.put_many(&records[..1_000]).unwrap();
	store.put_many(&records).unwrap();
	store.flush().unwrap();
	for ((key, value), got) in records.iter().zip(store.get_many(&keys).unwrap()) {
		assert_eq!(got.as_ref(), Some(value), "{}", hex::encode(key));
	}
	assert!(store.has_many(&keys).unwrap().iter().all(|has| *has));

	// Some there, some not; a key asked for twice.
	let absent = chunk(1_000_000, 0).0;
	let asked = [keys[1].clone(), absent.clone(), keys[0].clone(), keys[1].clone()];
	let got = store.get_many(&asked).unwrap();
	let expected =
		[Some(&records[1].1), None, Some(&records[0].1), Some(&records[1].1)].map(|v| v.cloned());
	assert_eq!(got, expected);
	assert_eq!(store.has_many(&asked).unwrap(), [true, false, true, true]);

	// What is stored stays, also when a batch has a key twice.
	let first = (Key::from_static(b"thin/record/1"), Bytes::from_static(b"one"));
	let second = (first.0.clone(), Bytes::from_static(b"two"));
	store.put_many(&[first.clone(), first.clone()]).unwrap();
	store.put_many(&[second]).unwrap();
	assert_eq!(store.get_many(std::slice::from_ref(&first.0)).unwrap(), [Some(first.1)]);

	// Records of up to 8 MiB, beside chunks, under names of any length and any bytes.
	let large = (Key::from(vec![b'k'; 200]), Bytes::from(vec![7; 8 * 1024 * 1024]));
	let binary = (Key::from_static(b"thin/\r\n$1\r\n"), Bytes::from_static(b"\r\n$-1\r\n"));
	store.put_many(&[large.clone(), binary.clone()]).unwrap();
	let got = store.get_many(&[large.0, keys[2].clone(), binary.0]).unwrap();
	assert_eq!(got, [Some(large.1), Some(records[2].1.clone()), Some(binary.1)]);

	// Many threads at once.
	std::thread::scope(|scope| {
		for thread in 0..12 {
			let (keys, records) = (&keys, &records);
			scope.spawn(move || {
				for at in (thread..1_500).step_by(60) {
					let got = store.get_many(&keys[at..(at + 40).min(1_500)]).unwrap();
					for (value, (_, expected)) in got.iter().zip(&records[at..]) {
						assert_eq!(value.as_ref(), Some(expected));
					}
				}
			});
		}
	});
}

fn new_namespace(server: &Server, name: &str, properties: &[(&str, &str)]) {
	let admin: &[&[&str]] = &[&["AUTH", "secret"]];
	server.ask(admin, &["NSNEW", name]).unwrap();
	for (property, value) in properties {
		server.ask(admin, &["NSSET", name, property, value]).unwrap();
	}
}

#[test]
fn redis_conforms() {
	let Some(server) = servers::redis() else { return skipped("redis-server is not installed") };
	conforms(&RedisStore::new(&format!("redis://127.0.0.1:{}/3", server.port)).unwrap());
}

#[test]
fn redis_uses_the_database_of_its_url_also_after_a_restart() {
	let Some(mut server) = servers::redis() else { return skipped("no redis-server") };
	let store = RedisStore::new(&format!("redis://127.0.0.1:{}/3", server.port)).unwrap();
	let other = RedisStore::new(&format!("redis://127.0.0.1:{}", server.port)).unwrap();
	let record = chunk(1, 100);
	store.put_many(std::slice::from_ref(&record)).unwrap();
	assert_eq!(other.get_many(std::slice::from_ref(&record.0)).unwrap(), [None]);
	server.restart();
	assert_eq!(store.get_many(&[record.0]).unwrap(), [Some(record.1)]);
}

#[test]
fn redis_password() {
	let Some(server) = servers::redis() else { return skipped("no redis-server") };
	server.ask(&[], &["CONFIG", "SET", "requirepass", "hunter2"]).unwrap();
	let key = [chunk(1, 1).0];
	let at = format!("127.0.0.1:{}/0", server.port);
	RedisStore::new(&format!("redis://:hunter2@{at}")).unwrap().get_many(&key).unwrap();
	RedisStore::new(&format!("redis://default:hunter2@{at}")).unwrap().get_many(&key).unwrap();
	for url in [format!("redis://{at}"), format!("redis://:sesame@{at}")] {
		let error = RedisStore::new(&url).unwrap().get_many(&key).unwrap_err();
		assert!(matches!(error, StoreError::Refused { .. }), "{error}");
		assert!(!error.to_string().contains("sesame"));
	}
}

#[test]
fn folder_conforms() {
	let folder = tempfile::tempdir().unwrap();
	conforms(&*store::open(&format!("dir://{}", folder.path().display())).unwrap());
}

#[test]
fn zdb_conforms() {
	for server in servers::zdbs() {
		new_namespace(&server, "images", &[]);
		conforms(&ZdbStore::new(&format!("zdb://127.0.0.1:{}/images", server.port)).unwrap());
	}
}

#[test]
fn zdb_in_worm_mode_conforms() {
	for server in servers::zdbs() {
		new_namespace(&server, "worm", &[("worm", "1")]);
		conforms(&ZdbStore::new(&format!("zdb://127.0.0.1:{}/worm", server.port)).unwrap());
	}
}

#[test]
fn zdb_writers_of_the_same_chunks_do_not_disturb_each_other_in_worm_mode() {
	for server in servers::zdbs() {
		new_namespace(&server, "worm", &[("worm", "1")]);
		let records: Vec<_> = (0..400).map(|number| chunk(number, 9_000)).collect();
		std::thread::scope(|scope| {
			for _ in 0..4 {
				scope.spawn(|| {
					let url = format!("zdb://127.0.0.1:{}/worm", server.port);
					let store = ZdbStore::new(&url).unwrap();
					for part in records.chunks(20) {
						store.put_many(part).unwrap();
					}
				});
			}
		});
	}
}

#[test]
fn zdb_passwords() {
	for server in servers::zdbs() {
		new_namespace(&server, "served", &[("password", "pw:1"), ("public", "1")]);
		new_namespace(&server, "private", &[("password", "pw"), ("public", "0")]);
		let at = format!("127.0.0.1:{}", server.port);
		let record = chunk(1, 100);
		let keys = [record.0.clone()];

		let writer = ZdbStore::new(&format!("zdb://:pw%3A1@{at}/served")).unwrap();
		writer.put_many(std::slice::from_ref(&record)).unwrap();
		let reader = ZdbStore::new(&format!("zdb://{at}/served")).unwrap();
		assert_eq!(reader.get_many(&keys).unwrap(), [Some(record.1.clone())]);
		let error = reader.put_many(&[chunk(2, 1)]).unwrap_err();
		assert!(matches!(&error, StoreError::Refused { .. }), "{error}");
		assert!(error.to_string().contains("password"), "{error}");

		ZdbStore::new(&format!("zdb://me:pw@{at}/private")).unwrap().put_many(&[record]).unwrap();
		for (url, advice) in [
			(format!("zdb://{at}/private"), "is private"),
			(format!("zdb://:sesame@{at}/private"), "password"),
			(format!("zdb://:sesame@{at}/served"), "password"),
			(format!("zdb://{at}/nowhere"), "NSNEW"),
		] {
			let error = ZdbStore::new(&url).unwrap().get_many(&keys).unwrap_err();
			assert!(matches!(&error, StoreError::Refused { .. }), "{error}");
			assert!(error.to_string().contains(advice), "{error}");
			assert!(!error.to_string().contains("sesame"), "{error}");
		}
	}
}

#[test]
fn zdb_that_is_full_says_so_and_keeps_what_it_has() {
	for server in servers::zdbs() {
		new_namespace(&server, "small", &[("maxsize", "100000")]);
		let store = ZdbStore::new(&format!("zdb://127.0.0.1:{}/small", server.port)).unwrap();
		let records: Vec<_> = (0..20).map(|number| chunk(number, 9_000)).collect();
		let error = store.put_many(&records).unwrap_err();
		assert!(matches!(error, StoreError::Full { .. }), "{error}");
		let keys: Vec<_> = records.iter().map(|(key, _)| key.clone()).collect();
		let values = store.get_many(&keys).unwrap();
		assert!(values.iter().flatten().count() >= 10);
		assert!(values
			.iter()
			.zip(&records)
			.all(|(got, (_, put))| got.is_none() || got.as_ref() == Some(put)));
	}
}

#[test]
fn zdb_that_comes_back_is_used_in_the_right_namespace() {
	for mut server in servers::zdbs() {
		new_namespace(&server, "images", &[]);
		let store = ZdbStore::new(&format!("zdb://127.0.0.1:{}/images", server.port)).unwrap();
		let records: Vec<_> = (0..300).map(|number| chunk(number, 5_000)).collect();
		let keys: Vec<_> = records.iter().map(|(key, _)| key.clone()).collect();
		store.put_many(&records).unwrap();
		for _ in 0..3 {
			server.kill();
			let error = store.get_many(&keys).unwrap_err();
			assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
			server.restart();
			assert!(store.get_many(&keys).unwrap().iter().all(Option::is_some));
			server.restart();
			assert!(store.has_many(&keys).unwrap().iter().all(|has| *has));
		}
	}
}

#[test]
fn shards_on_servers_conform() {
	let Some(server) = servers::redis() else { return skipped("no redis-server") };
	let shards = [("00-5f", 1), ("60-60", 2), ("61-ff", 3)].map(|(range, database)| {
		let url = format!("{range}=redis://127.0.0.1:{}/{database}", server.port);
		let (range, url) = ShardRange::split(&url).unwrap().unwrap();
		(range, Arc::new(RedisStore::new(url).unwrap()) as Arc<dyn Store>)
	});
	conforms(&ShardedStore::new(shards.into()).unwrap());
}

#[test]
fn nobody_there_is_an_error_soon() {
	let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
	let store = ZdbStore::new(&format!("zdb://127.0.0.1:{port}/ns")).unwrap();
	let error = store.get_many(&[chunk(1, 1).0]).unwrap_err();
	assert!(matches!(&error, StoreError::Unreachable { .. }), "{error}");
	assert!(error.to_string().contains(&format!("zdb://127.0.0.1:{port}/ns")), "{error}");
}
