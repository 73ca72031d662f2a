//! Killing the embedded 0-db at random writes: what it answered is there afterwards.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod zdb_support;

use rand::{rngs::StdRng, Rng, SeedableRng};
use std::{
	collections::HashMap,
	io,
	net::SocketAddr,
	sync::atomic::{AtomicUsize, Ordering},
};
use zdb_support::{encode, small_files, start_process, Client, Folders, Reply, Running};

/// Not a test but the process that is killed: this program, started again by the tests below.
#[test]
fn serve_until_killed() {
	zdb_support::serve_if_asked();
}

/// What a key may hold: the answered state, or one that was asked for after it.
#[derive(Default, Clone)]
struct Possible {
	answered: Option<Vec<u8>>,
	asked: Vec<Option<Vec<u8>>>,
}

type Keys = HashMap<Vec<u8>, Possible>;

/// Sets and deletes keys of its own until the server is gone, at most so many commands at a time.
/// Answers the keys, and how it noticed.
fn write_until_killed(
	address: SocketAddr,
	writer: usize,
	seed: u64,
	mut keys: Keys,
	answered: &AtomicUsize,
	most: usize,
) -> (Keys, io::Error) {
	let mut random = StdRng::seed_from_u64(seed);
	let mut client = Client::connect(address);
	loop {
		let mut batch = Vec::new();
		let mut asked = Vec::new();
		for _ in 0..random.gen_range(1..=most) {
			let key = format!("writer {writer} key {}", random.gen_range(0..40)).into_bytes();
			let value = random.gen_bool(0.85).then(|| {
				let most = [10, 1000, 100_000][random.gen_range(0..3)];
				let length = random.gen_range(0..most);
				let mut value = vec![0; length];
				random.fill(&mut value[..]);
				value
			});
			batch.extend(match &value {
				Some(value) => encode(&[&b"SET"[..], &key, value]),
				None => encode(&[&b"DEL"[..], &key]),
			});
			keys.entry(key.clone()).or_default().asked.push(value.clone());
			asked.push((key, value));
		}
		if let Err(error) = client.send_raw(&batch) {
			return (keys, error);
		}
		for (key, value) in asked {
			match client.receive() {
				Ok(Reply::Bulk(_) | Reply::Nil | Reply::Simple(_)) => {},
				Ok(Reply::Error(words)) => assert_eq!(words, "Key not found"),
				Ok(other) => panic!("{other:?}"),
				Err(error) => return (keys, error),
			}
			let possible = keys.get_mut(&key).unwrap();
			assert_eq!(possible.asked.remove(0), value);
			possible.answered = value;
			answered.fetch_add(1, Ordering::Relaxed);
		}
	}
}

/// Checks every key, and settles what is there.
fn check(address: SocketAddr, keys: &mut Keys, place: &str) {
	let mut client = Client::connect(address);
	for (key, possible) in keys {
		let found = match client.call(&[b"GET", &key[..]]) {
			Reply::Bulk(value) => Some(value),
			Reply::Nil => None,
			other => panic!("{place}: {other:?}"),
		};
		let name = key.escape_ascii();
		assert!(
			found == possible.answered || possible.asked.contains(&found),
			"{place}: {name} is not what was answered, and nothing that was asked for"
		);
		if found.is_some() {
			assert_eq!(client.call(&[b"CHECK", &key[..]]), Reply::Integer(1), "{place}: {name}");
		}
		*possible = Possible { answered: found, asked: Vec::new() };
	}
}

fn crash_again_and_again(sync: bool, rounds: usize) {
	const WRITERS: usize = 4;
	let folders = Folders::new();
	let mut all: Vec<Keys> = vec![Keys::new(); WRITERS];
	let seed: u64 = rand::random();
	let mut random = StdRng::seed_from_u64(seed);
	for round in 0..rounds {
		let place = format!("seed {seed}, round {round}");
		let (mut child, address) = start_process(&folders, sync);
		for keys in &mut all {
			check(address, keys, &place);
		}
		let answered = AtomicUsize::new(0);
		let least = random.gen_range(1..400);
		all = std::thread::scope(|scope| {
			let writers: Vec<_> = all
				.drain(..)
				.enumerate()
				.map(|(writer, keys)| {
					let seed = random.gen();
					let answered = &answered;
					scope
						.spawn(move || write_until_killed(address, writer, seed, keys, answered, 5))
				})
				.collect();
			while answered.load(Ordering::Relaxed) < least
				&& !writers.iter().any(|writer| writer.is_finished())
			{
				std::thread::yield_now();
			}
			let early = writers.iter().any(|writer| writer.is_finished());
			child.kill().unwrap();
			child.wait().unwrap();
			writers
				.into_iter()
				.map(|writer| {
					let (keys, error) = writer.join().unwrap();
					assert!(!early, "{place}: a client was left without an answer: {error}");
					keys
				})
				.collect()
		});
	}
	let place = format!("seed {seed}, at the end");
	let server = Running::embedded(small_files(&folders));
	for keys in &mut all {
		check(server.address(), keys, &place);
	}
	let held: usize =
		all.iter().flat_map(Keys::values).filter(|key| key.answered.is_some()).count();
	assert_eq!(server.client().call(&["DBSIZE"]), Reply::Integer(held as i64));
	assert_eq!(zdb_support::scan(&mut server.client(), "SCANX").len(), held);
	server.stop();
	if let Some(real) = Running::real(&folders, &["--datasize", "524288"]) {
		for keys in &mut all {
			check(real.address(), keys, "in 0-db");
		}
	}
}

#[test]
fn what_was_answered_survives_kill() {
	crash_again_and_again(false, 15);
}

#[test]
fn what_was_answered_survives_kill_with_sync() {
	crash_again_and_again(true, 5);
}

#[test]
fn a_real_server_killed_in_the_middle_is_taken_over() {
	for round in 0..4 {
		let folders = Folders::new();
		let Some(mut real) = Running::real(&folders, &["--datasize", "524288"]) else { return };
		let address = real.address();
		let answered = AtomicUsize::new(0);
		let mut keys = std::thread::scope(|scope| {
			let writer = scope.spawn(|| {
				write_until_killed(address, 0, rand::random(), Keys::new(), &answered, 1)
			});
			while answered.load(Ordering::Relaxed) < 150 * (round + 1) && !writer.is_finished() {
				std::thread::yield_now();
			}
			let early = writer.is_finished();
			real.kill();
			let (keys, error) = writer.join().unwrap();
			assert!(!early, "round {round}: 0-db left a client without an answer: {error}");
			keys
		});
		let server = Running::embedded(small_files(&folders));
		check(server.address(), &mut keys, &format!("round {round}"));
	}
}
