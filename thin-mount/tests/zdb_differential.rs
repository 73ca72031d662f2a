//! Random commands to the embedded server and to a real one: the answers are the same.
//!
//! Needs `ZDB_BIN`. Left out are only the things that are said to differ: free space, the order
//! of namespaces, command names cut short, and sequential mode; and more than one pair of files:
//! 0-db begins another also for values that it then refuses, and can't scan backward before
//! something is written to it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod zdb_support;

use rand::{rngs::StdRng, seq::SliceRandom, Rng, SeedableRng};
use zdb_support::{scan, Folders, Reply, Running};

const NAMESPACES: &[&str] = &["default", "a", "b", "nosuch", ""];
const PASSWORDS: &[&str] = &["pw", "other", "*"];

struct Generator {
	random: StdRng,
	time: u32,
	/// Cursors and places that were answered.
	places: Vec<Vec<u8>>,
}

impl Generator {
	fn one_of(&mut self, choices: &[&str]) -> Vec<u8> {
		choices.choose(&mut self.random).unwrap().as_bytes().to_vec()
	}

	fn key(&mut self) -> Vec<u8> {
		match self.random.gen_range(0..60) {
			0 => Vec::new(),
			1 => vec![b'k'; 255],
			2 => vec![b'k'; 256],
			// All as long: 0-db compares no more of a key than HISTORY names.
			number => format!("key {:02}", number % 12).into_bytes(),
		}
	}

	fn value(&mut self) -> Vec<u8> {
		let length = match self.random.gen_range(0..10) {
			0 => 0,
			1 => self.random.gen_range(0..60_000),
			_ => self.random.gen_range(0..4),
		};
		(0..length).map(|_| self.random.gen_range(b'a'..b'c')).collect()
	}

	fn time(&mut self) -> Vec<u8> {
		self.time += 1;
		self.time.to_string().into_bytes()
	}

	fn place(&mut self) -> Vec<u8> {
		match self.places.choose(&mut self.random) {
			Some(place) => place.clone(),
			None => b"x".to_vec(),
		}
	}

	/// The next command. Times are always given, so that they are the same on both sides.
	fn command(&mut self) -> Vec<Vec<u8>> {
		let mut command: Vec<Vec<u8>> = match self.random.gen_range(0..100) {
			0..=29 => vec![b"SET".to_vec(), self.key(), self.value(), self.time()],
			30..=37 => vec![b"DEL".to_vec(), self.key(), self.time()],
			38..=63 => {
				let name = self.one_of(&[
					"GET", "get", "EXISTS", "LENGTH", "KEYTIME", "CHECK", "KEYCUR", "HISTORY",
					"MGET",
				]);
				vec![name, self.key()]
			},
			64..=67 => vec![b"MGET".to_vec(), self.key(), self.key(), self.key()],
			68..=71 => vec![b"HISTORY".to_vec(), b"key 07".to_vec(), self.place()],
			72..=79 => vec![self.one_of(&["SCANX", "RSCAN"])],
			80..=81 => vec![b"KEYCUR".to_vec(), self.key()],
			82..=83 => vec![self.one_of(&["DBSIZE", "PING", "NSLIST", "HOOKS"])],
			84..=85 => vec![self.one_of(&["NSNEW", "NSDEL"]), self.one_of(NAMESPACES)],
			86..=90 => vec![b"SELECT".to_vec(), self.one_of(NAMESPACES)],
			91..=93 => {
				vec![b"SELECT".to_vec(), self.one_of(NAMESPACES), self.one_of(PASSWORDS)]
			},
			94..=97 => {
				let (property, values): (&str, &[&str]) = *[
					("password", PASSWORDS),
					("public", &["0", "1"]),
					("worm", &["0", "1", "0", "0"]),
					("maxsize", &["0", "100000", "5"]),
					("lock", &["0", "1", "0", "0"]),
					("freeze", &["0", "1", "0", "0"]),
					("mode", &["user", "x"]),
					("nosuch", &["1"]),
				]
				.choose(&mut self.random)
				.unwrap();
				let namespace = self.one_of(NAMESPACES);
				vec![b"NSSET".to_vec(), namespace, property.into(), self.one_of(values)]
			},
			98 => vec![self.one_of(&["FOO", "AUTH", "SELECT", "WAIT", "GET", "SET", "MGET"])],
			_ => {
				let name = self.one_of(&["AUTH", "NSNEW", "EXISTS", "KEYCUR", "NSINFO", "HISTORY"]);
				vec![name, self.key(), self.key(), self.key()]
			},
		};
		if self.random.gen_range(0..80) == 0 {
			command.pop();
		}
		// A write without a time would differ by when it is made.
		let timeless = match &command[..] {
			[name, ..] if name.is_empty() => true,
			[name, _, _] => name == b"SET",
			[name, _] => name == b"DEL",
			[] => true,
			_ => false,
		};
		if timeless {
			return vec![b"PING".to_vec()];
		}
		command
	}

	/// Remembers what can be asked for again.
	fn remember(&mut self, reply: &Reply) {
		match reply {
			Reply::Bulk(bytes) if bytes.len() == 17 => self.places.push(bytes.clone()),
			Reply::Array(items) => {
				if let Some(Reply::Bulk(bytes)) = items.first() {
					if [8, 17].contains(&bytes.len()) {
						self.places.push(bytes.clone());
					}
				}
			},
			_ => {},
		}
		if self.places.len() > 50 {
			self.places.remove(0);
		}
	}
}

/// What may differ made the same.
fn settled(command: &[Vec<u8>], reply: Reply) -> Reply {
	match (&command[0][..], reply) {
		(b"NSLIST", Reply::Array(mut names)) => {
			names.sort_by_key(|name| format!("{name:?}"));
			Reply::Array(names)
		},
		// 0-db looks for the first version of a key in file 0, whichever it is in, and answers
		// what it finds there.
		(b"HISTORY", Reply::Array(mut items)) => {
			items.pop();
			Reply::Array(items)
		},
		(_, reply) => reply,
	}
}

#[test]
fn random_commands_are_answered_the_same() {
	let seed = match std::env::var("ZDB_SEED") {
		Ok(seed) => seed.parse().unwrap(),
		Err(_) => rand::random(),
	};
	let mut generator =
		Generator { random: StdRng::seed_from_u64(seed), time: 1_700_000_000, places: Vec::new() };
	let (ours, theirs) = (Folders::new(), Folders::new());
	for round in 0..4 {
		// Restarted in between, on the folders as they are.
		let Some(real) = Running::real(&theirs, &[]) else { return };
		let embedded = Running::embedded(ours.options());
		let (mut client, mut reference) = (embedded.client(), real.client());
		let mut done: Vec<String> = Vec::new();
		for _ in 0..800 {
			let command = generator.command();
			let text: Vec<String> = command
				.iter()
				.map(|argument| argument[..argument.len().min(40)].escape_ascii().to_string())
				.collect();
			done.push(text.join(" "));
			if command[0].ends_with(b"SCAN") || command[0] == b"SCANX" {
				// How much is answered at once depends on the time it takes there.
				let name = std::str::from_utf8(&command[0]).unwrap();
				let (got, want) = (scan(&mut client, name), scan(&mut reference, name));
				assert_eq!(got, want, "seed {seed}, round {round}");
				continue;
			}
			let want = reference.try_call(&command);
			let got = client.try_call(&command);
			let last = &done[done.len().saturating_sub(12)..];
			let place = format!("seed {seed}, round {round}, after {last:#?}");
			match (got, want) {
				(Ok(got), Ok(want)) => {
					generator.remember(&want);
					let (got, want) = (settled(&command, got), settled(&command, want));
					if command[0] == b"HISTORY" && want == Reply::error("Internal Error") {
						assert!(matches!(got, Reply::Array(_)), "{place}: {got:?}");
						continue;
					}
					assert!(got == want, "{place}: {got:?}, and 0-db says {want:?}");
				},
				(Err(_), Err(_)) => {
					client = embedded.client();
					reference = real.client();
				},
				(got, want) => panic!("{place}: {got:?}, and 0-db says {want:?}"),
			}
		}
	}
}
