//! The exchanges recorded from a real 0-db, replayed reply by reply.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod zdb_support;

use sha1::{Digest, Sha1};
use std::collections::HashMap;
use zdb_support::{encode, Client, Folders, Reply, Running};

#[derive(serde::Deserialize, Debug)]
struct Exchange {
	conn: String,
	send: Vec<String>,
	reply: String,
	varies: Option<String>,
}

const TRANSCRIPT: &str = include_str!("data/zdb-transcript.jsonl");

/// Bytes written as the characters of the same numbers.
fn latin1(text: &str) -> Vec<u8> {
	text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// The arguments that were sent, placeholders filled in.
fn expand(send: &[String]) -> Vec<Vec<u8>> {
	if let Some(count) = send.last().and_then(|last| {
		last.strip_prefix("... ")?.strip_suffix(" arguments in all")?.parse::<usize>().ok()
	}) {
		let keys = (0..count - 1).map(|number| format!("k{number}").into_bytes());
		return std::iter::once(latin1(&send[0])).chain(keys).collect();
	}
	send.iter()
		.map(|argument| {
			let length = argument
				.strip_prefix('<')
				.and_then(|rest| rest.strip_suffix(" bytes of x>"))
				.and_then(|length| length.parse().ok());
			length.map_or_else(|| latin1(argument), |length| vec![b'x'; length])
		})
		.collect()
}

/// An answer with what differs from run to run made the same.
fn masked(reply: Reply, exchange: &Exchange) -> Reply {
	let command = exchange.send[0].as_str();
	match (command, exchange.varies.as_deref()) {
		(_, None) => reply,
		("INFO", Some(_)) => masked_text(reply),
		("NSINFO", Some(_)) => masked_text(reply),
		("KEYTIME", Some(_)) => match reply {
			Reply::Integer(time) => {
				assert!(time > 1_500_000_000);
				Reply::Integer(0)
			},
			other => other,
		},
		("HISTORY", Some(_)) => {
			let mut items = reply.into_array();
			assert!(number(&items[1]) > 1_500_000_000);
			items[1] = Reply::Nil;
			Reply::Array(items)
		},
		("SCAN" | "SCANX" | "RSCAN", Some(_)) => {
			let mut items = reply.into_array();
			let Reply::Bulk(cursor) = &mut items[0] else { panic!("no cursor") };
			assert_eq!(cursor.len(), 17);
			let entries = items.remove(1).into_array().into_iter().map(|entry| {
				let mut entry = entry.into_array();
				assert!(matches!(entry[2], Reply::Integer(time) if time > 1_500_000_000));
				entry[2] = Reply::Nil;
				Reply::Array(entry)
			});
			items.push(Reply::Array(entries.collect()));
			Reply::Array(items)
		},
		("TIME", Some(_)) => {
			let items = reply.into_array();
			assert!(number(&items[0]) > 1_500_000_000);
			assert!(number(&items[1]) < 1_000_000);
			Reply::Array(vec![Reply::Nil; items.len()])
		},
		("AUTH", Some(_)) if exchange.send[2] == "CHALLENGE" => match reply {
			Reply::Simple(challenge) => {
				assert_eq!(challenge.len(), 16);
				assert!(challenge.bytes().all(|byte| byte.is_ascii_hexdigit()));
				Reply::Simple("challenge".into())
			},
			other => other,
		},
		// What varies is in what was sent.
		("AUTH" | "SELECT", Some(_)) => reply,
		// Cursors name keys, files and lengths, and nothing of the time.
		("KEYCUR", Some(_)) => reply,
		(command, Some(varies)) => panic!("no rule for what varies in {command}: {varies}"),
	}
}

fn number(reply: &Reply) -> u64 {
	let Reply::Bulk(bytes) = reply else { panic!("expected a number, got {reply:?}") };
	std::str::from_utf8(bytes).unwrap().parse().unwrap()
}

/// The shape of a text of `name: value` lines: the names, and the values that are words.
fn masked_text(reply: Reply) -> Reply {
	let text = String::from_utf8(reply.into_bytes()).unwrap();
	assert!(text.ends_with('\n'));
	let lines: Vec<String> = text
		.lines()
		.map(|line| match line.split_once(": ") {
			Some((name, value)) => {
				let fixed = !name.starts_with("server_")
					&& !name.starts_with("engine_")
					&& !name.ends_with("_path")
					&& !name.ends_with("_active")
					&& value.starts_with(|first: char| first.is_ascii_alphabetic());
				// What NSINFO says that no clock and no disk decides.
				let counted =
					["entries", "data_size_bytes", "data_limits_bytes", "space_available"];
				let exact = fixed || counted.contains(&name) || name.starts_with("data_current_");
				format!("{name}: {}", if exact { value } else { "?" })
			},
			None => line.to_owned(),
		})
		.collect();
	Reply::Simple(lines.join("\n"))
}

/// What this server refuses on purpose: sequential mode, from the moment it is asked for.
fn is_sequential(exchange: &Exchange) -> bool {
	exchange.conn == "seq"
		|| exchange.send.iter().map(String::as_str).eq(["NSSET", "s", "mode", "seq"])
}

fn replay(server: &Running, sequential: bool) {
	let mut clients: HashMap<String, Client> = HashMap::new();
	let mut challenges: HashMap<String, String> = HashMap::new();
	let passwords = HashMap::from([("AUTH", "secret"), ("SELECT", "pw")]);

	for (line, text) in TRANSCRIPT.lines().enumerate() {
		let exchange: Exchange = serde_json::from_str(text).unwrap();
		let place = format!("line {}: {:?}", line + 1, exchange.send);
		let client = clients.entry(exchange.conn.clone()).or_insert_with(|| server.client());

		let request = match exchange.conn.as_str() {
			"pipeline" => {
				let sets = (0..5).map(|n| encode(&["SET", &format!("p{n}"), &format!("v{n}")]));
				let gets = (0..5).map(|n| encode(&["GET", &format!("p{n}")]));
				sets.chain(gets).flatten().collect()
			},
			"inline" => b"PING\r\n".to_vec(),
			_ => {
				let mut arguments = expand(&exchange.send);
				let answers_challenge = exchange
					.varies
					.as_deref()
					.is_some_and(|varies| varies.starts_with("the digest sent"));
				if answers_challenge {
					let password = passwords[exchange.send[0].as_str()];
					let text = format!("{}:{password}", challenges[&exchange.conn]);
					*arguments.last_mut().unwrap() = hex::encode(Sha1::digest(text)).into_bytes();
				}
				encode(&arguments)
			},
		};
		let sent = client.send_raw(&request);

		if sequential && is_sequential(&exchange) {
			// A namespace in user mode answers these as such a namespace does.
			let reply = client.receive().unwrap();
			if exchange.send[0] == "NSSET" {
				let words = "This server instance is configured to use a single runtime mode";
				assert_eq!(reply, Reply::error(words), "{place}");
			} else if exchange.send[0] == "SET" && exchange.send[1].is_empty() {
				assert_eq!(reply, Reply::error("Invalid argument, key needed"), "{place}");
			}
			continue;
		}

		if exchange.reply == "<reset>" {
			// The server may say why before it closes; it answers nothing else.
			client.read_to_end();
			assert!(matches!(client.receive(), Err(_) | Ok(Reply::Error(_))), "{place}");
			continue;
		}
		sent.unwrap();

		let (expected, closes) = ["<reset>", "<closed>"]
			.iter()
			.find_map(|end| Some((exchange.reply.strip_suffix(end)?, true)))
			.unwrap_or((&exchange.reply, false));
		if let Some(beginning) = expected.strip_suffix("<5122 bytes in all>") {
			client.receive().unwrap();
			assert_eq!(client.raw.len(), 5122, "{place}");
			assert!(client.raw.starts_with(&latin1(beginning)), "{place}");
			continue;
		}
		let expected = latin1(expected);
		let mut recorded = Parsed::new(&expected);
		while let Some(want) = recorded.next() {
			let got = client.receive().unwrap_or_else(|error| panic!("{place}: {error}"));
			if exchange.varies.is_none() {
				assert_eq!(
					client.raw.escape_ascii().to_string(),
					recorded.last.escape_ascii().to_string(),
					"{place}"
				);
			}
			if let Reply::Simple(challenge) = &got {
				if exchange.send.last().is_some_and(|last| last == "CHALLENGE") {
					challenges.insert(exchange.conn.clone(), challenge.clone());
				}
			}
			assert_eq!(masked(got, &exchange), masked(want, &exchange), "{place}");
		}
		if closes {
			assert!(client.is_closed(), "{place}: still open");
			clients.remove(&exchange.conn);
		}
	}
}

/// The recorded answers of one exchange, parsed by the same code as the server's.
struct Parsed<'a> {
	rest: &'a [u8],
	last: &'a [u8],
}

impl<'a> Parsed<'a> {
	fn new(bytes: &'a [u8]) -> Self {
		Self { rest: bytes, last: &[] }
	}

	fn next(&mut self) -> Option<Reply> {
		if self.rest.is_empty() {
			return None;
		}
		let before = self.rest;
		let reply = Self::reply(&mut self.rest);
		self.last = &before[..before.len() - self.rest.len()];
		Some(reply)
	}

	fn reply(rest: &mut &[u8]) -> Reply {
		let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
		let text = std::str::from_utf8(&rest[1..end]).unwrap().to_owned();
		let kind = rest[0];
		*rest = &rest[end + 2..];
		match kind {
			b'+' => Reply::Simple(text),
			b'-' => Reply::Error(text),
			b':' => Reply::Integer(text.parse().unwrap()),
			b'$' if text == "-1" => Reply::Nil,
			b'$' => {
				let (bytes, after) = rest.split_at(text.parse().unwrap());
				*rest = after.strip_prefix(b"\r\n").unwrap();
				Reply::bulk(bytes)
			},
			b'*' => {
				let length: usize = text.parse().unwrap();
				Reply::Array((0..length).map(|_| Self::reply(rest)).collect())
			},
			_ => panic!("no answer of the protocol"),
		}
	}
}

#[test]
fn the_embedded_server_answers_as_recorded() {
	let folders = Folders::new();
	let mut options = folders.options();
	options.admin = Some("secret".into());
	replay(&Running::embedded(options), true);
}

#[test]
fn a_real_server_answers_as_recorded() {
	let folders = Folders::new();
	if let Some(server) = Running::real(&folders, &["--admin", "secret"]) {
		replay(&server, false);
	}
}
