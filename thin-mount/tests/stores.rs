//! One suite that every kind of store has to pass, and what is particular to 0-db and Redis.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/servers.rs"]
mod servers;

use bytes::Bytes;
use servers::{skipped, Server};
use std::{collections::BTreeMap, sync::Arc};
use thin_mount::{
	chunk::{Chunk, ChunkId},
	pack::{pack, PackOptions},
	store::{self, Key, RedisStore, ShardRange, ShardedStore, Store, StoreError, ZdbStore},
	value,
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
	let got = store.get_many(std::slice::from_ref(&first.0)).unwrap();
	assert_eq!(got, [Some(first.1.clone())]);

	// Records of up to 8 MiB, beside chunks, under names of any length and any bytes.
	let large = (Key::from(vec![b'k'; 200]), Bytes::from(vec![7; 8 * 1024 * 1024]));
	let binary = (Key::from_static(b"thin/\r\n$1\r\n"), Bytes::from_static(b"\r\n$-1\r\n"));
	store.put_many(&[large.clone(), binary.clone()]).unwrap();
	let got = store.get_many(&[large.0.clone(), keys[2].clone(), binary.0.clone()]).unwrap();
	let values = [&large.1, &records[2].1, &binary.1].map(|value| Some(value.clone()));
	assert_eq!(got, values);

	// Everything is listed, and nothing else.
	let mut expected: BTreeMap<Key, usize> =
		records.iter().map(|(key, value)| (key.clone(), value.len())).collect();
	expected.insert(first.0.clone(), 3);
	expected.insert(large.0.clone(), large.1.len());
	expected.insert(binary.0.clone(), binary.1.len());
	assert_eq!(listed(store), expected);

	chunks_that_came_meanwhile(store);

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

/// Chunks that a store lacked when it was asked, some of which others have stored since, as they
/// were encoded by an older version.
fn chunks_that_came_meanwhile(store: &dyn Store) {
	let chunks: Vec<Chunk> = (0..200u32)
		.map(|seed| Chunk::new(seed.to_le_bytes().repeat(900).into()).unwrap())
		.collect();
	let values: Vec<_> = chunks.iter().map(|chunk| (chunk.id(), value::encode(chunk))).collect();
	let keys: Vec<Key> = chunks.iter().map(|chunk| Key::copy_from_slice(&chunk.id().0)).collect();
	assert!(store.has_many(&keys).unwrap().iter().all(|has| !has));
	let same = (keys[3].clone(), values[3].1.clone());
	let other =
		(keys[150].clone(), [&[value::CODEC_PLAIN][..], chunks[150].bytes()].concat().into());
	assert_ne!(other.1, values[150].1);
	store.put_many(&[same, other]).unwrap();
	store.put_chunks(&values).unwrap();
	store.put_chunks(&[]).unwrap();
	for (chunk, got) in chunks.iter().zip(store.get_many(&keys).unwrap()) {
		assert_eq!(value::decode(chunk.id(), got.unwrap()).as_ref(), Ok(chunk));
	}
}

/// The sizes of all values, as a scan lists them. Redis may list one twice.
fn listed(store: &dyn Store) -> BTreeMap<Key, usize> {
	let mut found = BTreeMap::new();
	store
		.scan(&mut |page| {
			found.extend(page.into_iter().map(|value| (value.key, value.size as usize)));
			Ok(())
		})
		.unwrap();
	found
}

/// What holds for every store that [`conforms`] and is not write-once.
fn deletes(store: &dyn Store) {
	let before = listed(store);
	let (gone, stay): (Vec<Key>, Vec<Key>) = before.keys().cloned().partition(|key| key[0] % 3 > 0);
	assert!(gone.len() > 500 && stay.len() > 300);
	let absent = chunk(1_000_000, 0).0;
	store.delete_many(&[&gone[..], &[absent, gone[0].clone()]].concat()).unwrap();
	store.delete_many(&[]).unwrap();
	let after = listed(store);
	assert!(after.keys().eq(&stay) && after.iter().all(|(key, size)| before[key] == *size));
	assert!(store.has_many(&gone).unwrap().iter().all(|has| !has));
	assert!(store.has_many(&stay).unwrap().iter().all(|has| *has));
	// It can be stored again.
	store.put_many(&[(gone[0].clone(), Bytes::from_static(b"again"))]).unwrap();
	assert_eq!(listed(store).len(), stay.len() + 1);
	// An error of who takes the pages ends the scan.
	let mut pages = 0;
	let stop = StoreError::Full { store: "mine".into(), reason: "enough".into() };
	let result = store.scan(&mut |_| {
		pages += 1;
		Err(stop.clone())
	});
	assert!(matches!(result, Err(StoreError::Full { .. })) && pages == 1);
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
	let store = RedisStore::new(&format!("redis://{}/3", server.address)).unwrap();
	conforms(&store);
	// What is no string is none of ours.
	let select: &[&[&str]] = &[&["SELECT", "3"]];
	server.ask(select, &["LPUSH", "a list under a key of 32 bytes!!", "x"]).unwrap();
	assert!(listed(&store).keys().all(|key| !key.starts_with(b"a list")));
	deletes(&store);
}

#[test]
fn redis_uses_the_database_of_its_url_also_after_a_restart() {
	let Some(mut server) = servers::redis() else { return skipped("no redis-server") };
	let store = RedisStore::new(&format!("redis://{}/3", server.address)).unwrap();
	let other = RedisStore::new(&format!("redis://{}", server.address)).unwrap();
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
	let at = format!("{}/0", server.address);
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
	let store = store::open(&format!("dir://{}", folder.path().display())).unwrap();
	conforms(&*store);
	// Files that are no values are none of ours.
	std::fs::write(folder.path().join("chunks/ab-notes"), "x").unwrap();
	std::fs::create_dir_all(folder.path().join("chunks/zz")).unwrap();
	std::fs::write(folder.path().join("chunks/zz/00"), "x").unwrap();
	std::fs::write(folder.path().join("chunks/zz").join("0".repeat(62)), "x").unwrap();
	std::fs::write(folder.path().join("records/%4"), "x").unwrap();
	std::fs::write(folder.path().join("records/%61"), "x").unwrap();
	deletes(&*store);
}

#[test]
fn zdb_conforms() {
	for server in servers::zdbs() {
		new_namespace(&server, "images", &[]);
		let store = ZdbStore::new(&format!("zdb://{}/images", server.address)).unwrap();
		conforms(&store);
		let mut ages = Vec::new();
		let now = std::time::SystemTime::now();
		store
			.scan(&mut |page| {
				ages.extend(
					page.into_iter().map(|value| now.duration_since(value.stored.unwrap())),
				);
				Ok(())
			})
			.unwrap();
		// It counts whole seconds.
		assert!(ages.iter().all(|age| age.as_ref().map_or(true, |age| age.as_secs() < 3600)));
		deletes(&store);
	}
}

#[test]
fn zdb_in_worm_mode_conforms() {
	for server in servers::zdbs() {
		new_namespace(&server, "worm", &[("worm", "1")]);
		let store = ZdbStore::new(&format!("zdb://{}/worm", server.address)).unwrap();
		conforms(&store);
		let error = store.delete_many(&[chunk(1, 1).0]).unwrap_err();
		assert!(matches!(&error, StoreError::Refused { .. }), "{error}");
		assert!(error.to_string().contains("worm mode: it keeps everything"), "{error}");
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
					let url = format!("zdb://{}/worm", server.address);
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
fn zdb_in_worm_mode_that_was_given_other_bytes_meanwhile_says_so() {
	for server in servers::zdbs() {
		new_namespace(&server, "worm", &[("worm", "1")]);
		let store = ZdbStore::new(&format!("zdb://{}/worm", server.address)).unwrap();
		let chunk = Chunk::new(Bytes::from_static(b"a chunk")).unwrap();
		let key = Key::copy_from_slice(&chunk.id().0);
		store.put_many(&[(key, Bytes::from_static(b"\0another one"))]).unwrap();
		let error = store.put_chunks(&[(chunk.id(), value::encode(&chunk))]).unwrap_err();
		assert!(matches!(&error, StoreError::Refused { .. }), "{error}");
		assert!(error.to_string().contains("holds other bytes"), "{error}");
	}
}

#[test]
fn zdb_in_worm_mode_takes_packs_side_by_side() {
	for server in servers::zdbs() {
		new_namespace(&server, "worm", &[("worm", "1")]);
		let folder = tempfile::tempdir().unwrap();
		for number in 0..300u32 {
			let bytes = number.to_le_bytes().repeat(1 + number as usize * 77);
			std::fs::write(folder.path().join(number.to_string()), bytes).unwrap();
		}
		let store = || ZdbStore::new(&format!("zdb://{}/worm", server.address)).unwrap();
		let packed = || pack(folder.path(), &store(), &PackOptions::default(), &|_| {}).unwrap();
		let images = std::thread::scope(|scope| {
			[(); 3].map(|_| scope.spawn(packed)).map(|pack| pack.join().unwrap().image)
		});
		let again = packed();
		assert_eq!((images, again.new_chunks), ([again.image; 3], 0));
		let keys: Vec<Key> = listed(&store()).into_keys().collect();
		assert!(keys.len() > 300);
		for (key, value) in keys.iter().zip(store().get_many(&keys).unwrap()) {
			let id = ChunkId(key.as_ref().try_into().unwrap());
			assert!(value::decode(id, value.unwrap()).is_ok());
		}
	}
}

#[test]
fn zdb_is_asked_once_for_each_chunk_that_is_packed() {
	for server in servers::zdbs() {
		new_namespace(&server, "images", &[]);
		let store = ZdbStore::new(&format!("zdb://{}/images", server.address)).unwrap();
		let folder = tempfile::tempdir().unwrap();
		for number in 0..300u32 {
			std::fs::write(folder.path().join(number.to_string()), number.to_le_bytes()).unwrap();
		}
		let before = executed(&server);
		let report = pack(folder.path(), &store, &PackOptions::default(), &|_| {}).unwrap();
		let commands = executed(&server) - before;
		assert!(report.new_chunks > 300);
		// An EXISTS and a SET. Besides, each connection is greeted.
		let twice = 2 * report.new_chunks;
		assert!((twice..twice + 100).contains(&commands), "{commands} for {}", report.new_chunks);
	}
}

/// How many commands a 0-db has answered.
fn executed(server: &Server) -> u64 {
	let info: String = redis::from_redis_value(server.ask(&[], &["INFO"]).unwrap()).unwrap();
	let count = info.lines().find_map(|line| line.strip_prefix("commands_executed: "));
	count.unwrap().trim().parse().unwrap()
}

#[test]
fn zdb_passwords() {
	for server in servers::zdbs() {
		new_namespace(&server, "served", &[("password", "pw:1"), ("public", "1")]);
		new_namespace(&server, "private", &[("password", "pw"), ("public", "0")]);
		let at = server.address.to_string();
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
		let store = ZdbStore::new(&format!("zdb://{}/small", server.address)).unwrap();
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
		let store = ZdbStore::new(&format!("zdb://{}/images", server.address)).unwrap();
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
		let url = format!("{range}=redis://{}/{database}", server.address);
		let (range, url) = ShardRange::split(&url).unwrap().unwrap();
		(range, Arc::new(RedisStore::new(url).unwrap()) as Arc<dyn Store>)
	});
	let store = ShardedStore::new(shards.clone().into()).unwrap();
	conforms(&store);
	// A key in a shard that is not its own is not met: it would be looked for elsewhere.
	shards[0].1.put_many(&[(Key::from(vec![0xff; 32]), Bytes::from_static(b"x"))]).unwrap();
	assert!(!listed(&store).contains_key(&[0xff; 32][..]));
	deletes(&store);
}

#[test]
fn nobody_there_is_an_error_soon() {
	let url = format!("zdb://{}/ns", servers::own_address());
	let store = ZdbStore::new(&url).unwrap();
	let error = store.get_many(&[chunk(1, 1).0]).unwrap_err();
	assert!(matches!(&error, StoreError::Unreachable { .. }), "{error}");
	assert!(error.to_string().contains(&url), "{error}");
}
