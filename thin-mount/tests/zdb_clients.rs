//! Many clients, slow clients, large requests, and who may do what.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod zdb_support;

use std::{
	sync::{Arc, Barrier},
	time::Duration,
};
use zdb_support::{encode, start_process, Client, Folders, Reply, Running};

/// Not a test but the process whose memory is measured.
#[test]
fn serve_until_killed() {
	zdb_support::serve_if_asked();
}

/// Runs the same checks against the embedded server and, if there is one, a real one.
fn on_both(arguments: &[&str], check: impl Fn(&Running)) {
	let folders = Folders::new();
	let mut options = folders.options();
	let mut rest = arguments.iter();
	while let Some(argument) = rest.next() {
		match *argument {
			"--admin" => options.admin = Some((*rest.next().unwrap()).into()),
			"--protect" => options.protect = true,
			other => panic!("{other}"),
		}
	}
	check(&Running::embedded(options));
	if let Some(real) = Running::real(&Folders::new(), arguments) {
		check(&real);
	}
}

#[test]
fn without_a_password_everybody_is_an_administrator() {
	on_both(&[], |server| {
		let mut client = server.client();
		assert_eq!(client.call(&["AUTH", "x"]), Reply::error("Authentication disabled"));
		assert_eq!(client.call(&["NSNEW", "n"]), Reply::ok());
		assert_eq!(client.call(&["NSNEW", "default"]), Reply::error("This name is not allowed"));
		assert_eq!(client.call(&["NSNEW", "a/b"]), Reply::error("This name is not allowed"));
		assert_eq!(client.call(&["NSNEW", ".."]), Reply::error("This name is not allowed"));
		assert_eq!(client.call(&["NSNEW", ""]), Reply::error("Invalid argument"));
		assert_eq!(client.call(&["HOOKS"]), Reply::Array(vec![]));
		assert_eq!(client.call(&["SELECT", "n"]), Reply::ok());
		let words = "Cannot remove namespace you're currently using.";
		assert_eq!(client.call(&["NSDEL", "n"]), Reply::error(words));
		assert_eq!(client.call(&["NSDEL", "x"]), Reply::error("This namespace doesn't exists"));
		assert_eq!(client.call(&["SELECT", "default"]), Reply::ok());
		let words = "Cannot update default namespace";
		assert_eq!(client.call(&["NSSET", "default", "worm", "1"]), Reply::error(words));
		assert_eq!(client.call(&["NSSET", "n", "mode", "user"]), Reply::ok());
		let words = "Invalid property value (expected: user, seq)";
		assert_eq!(client.call(&["NSSET", "n", "mode", "x"]), Reply::error(words));
		let long = "v".repeat(64);
		assert_eq!(client.call(&["NSSET", "n", "worm", &long]), Reply::error("Argument too long"));
		assert_eq!(client.call(&["NSDEL", "n"]), Reply::ok());
		assert_eq!(client.call(&["NSNEW", "n"]), Reply::ok());
		assert_eq!(client.call(&["SELECT", "n"]), Reply::ok());
		assert_eq!(client.call(&["DBSIZE"]), Reply::Integer(0));
	});
}

/// A real one refuses it too, and forgets the end of the line.
#[test]
fn nobody_stops_it_by_a_command() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	assert_eq!(client.call(&["STOP"]), Reply::error("Unauthorized"));
	assert_eq!(client.call(&["PING"]), Reply::Simple("PONG".into()));
	assert_eq!(server.client().call(&["PING"]), Reply::Simple("PONG".into()));
}

#[test]
fn a_protected_default_namespace_takes_the_password_to_write() {
	on_both(&["--admin", "secret", "--protect"], |server| {
		let mut client = server.client();
		let words = "Namespace is in read-only mode";
		assert_eq!(client.call(&["SET", "k", "v"]), Reply::error(words));
		assert_eq!(client.call(&["GET", "k"]), Reply::Nil);
		assert_eq!(client.call(&["SELECT", "default", "x"]), Reply::error("Access denied"));
		assert_eq!(client.call(&["SELECT", "default", "secret"]), Reply::ok());
		assert_eq!(client.call(&["SET", "k", "v"]), Reply::bulk("k"));
		// Not an administrator by that.
		assert_eq!(client.call(&["NSNEW", "n"]), Reply::error("Permission denied"));
		assert_eq!(client.call(&["AUTH", "secret"]), Reply::ok());
		assert_eq!(client.call(&["NSNEW", "n"]), Reply::ok());
	});
}

#[test]
fn times_are_for_administrators() {
	on_both(&["--admin", "secret"], |server| {
		let mut client = server.client();
		let words = "Permission denied";
		assert_eq!(client.call(&["SET", "k", "v", "1700000000"]), Reply::error(words));
		assert_eq!(client.call(&["AUTH", "secret"]), Reply::ok());
		assert_eq!(client.call(&["SET", "k", "v", "1700000000"]), Reply::bulk("k"));
		assert_eq!(client.call(&["KEYTIME", "k"]), Reply::Integer(1_700_000_000));
		assert_eq!(client.call(&["DEL", "k", "1700000001"]), Reply::ok());
	});
}

#[test]
fn waiting_ends_when_another_client_does_it() {
	on_both(&[], |server| {
		let mut waiting = server.client();
		let mut other = server.client();
		waiting.send_raw(&encode(&["WAIT", "SET", "20000"])).unwrap();
		// The answer to this tells that the one before was taken.
		let mut busy = || {
			other.call(&["GET", "k"]);
			other.call(&["SET", "k", &format!("{:?}", std::time::Instant::now())])
		};
		let answered = std::thread::spawn(move || waiting.receive().unwrap());
		while !answered.is_finished() {
			assert_eq!(busy(), Reply::bulk("k"));
		}
		assert_eq!(answered.join().unwrap(), Reply::Simple("SET".into()));
		let mut client = server.client();
		assert_eq!(client.call(&["WAIT", "SET", "100"]), Reply::error("Timeout"));
		assert_eq!(client.call(&["WAIT", "SET", "99"]), Reply::error("Invalid timeout"));
		assert_eq!(client.call(&["WAIT"]), Reply::error("Invalid arguments"));
		assert_eq!(client.call(&["WAIT", "XYZ"]), Reply::error("Unknown command to watch"));
	});
}

#[test]
fn large_values_and_many_keys_are_answered_whole() {
	on_both(&[], |server| {
		let mut client = server.client();
		let large: Vec<u8> = (0..8 << 20).map(|at: u32| (at * 7 / 3) as u8).collect();
		assert_eq!(client.call(&[&b"SET"[..], b"large", &large]), Reply::bulk("large"));
		assert_eq!(client.call(&["GET", "large"]), Reply::bulk(&large));
		assert_eq!(client.call(&[&b"SET"[..], b"large", &large]), Reply::Nil);
		client.call(&[&b"SET"[..], b"middle", &large[..100_000]]);
		let keys: Vec<String> = (0..1023)
			.map(|number| if number % 3 == 0 { "middle".into() } else { format!("no {number}") })
			.collect();
		let mut request = vec!["MGET".to_owned()];
		request.extend(keys);
		let values = client.call(&request).into_array();
		assert_eq!(values.len(), 1023);
		for (number, value) in values.iter().enumerate() {
			let expected =
				if number % 3 == 0 { Reply::bulk(&large[..100_000]) } else { Reply::Nil };
			assert!(*value == expected, "value {number}");
		}
	});
}

#[test]
fn pipelined_commands_are_answered_in_order() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let count = 20_000;
	let requests: Vec<u8> = (0..count)
		.flat_map(|number| {
			let (key, value) = (format!("k{number}"), format!("v{number}"));
			[encode(&["SET", &key, &value]), encode(&["GET", &key])].concat()
		})
		.collect();
	let mut writer = server.client();
	let mut reader = writer.second_half();
	let writing = std::thread::spawn(move || writer.send_raw(&requests).unwrap());
	for number in 0..count {
		assert_eq!(reader.receive().unwrap(), Reply::bulk(format!("k{number}")));
		assert_eq!(reader.receive().unwrap(), Reply::bulk(format!("v{number}")));
	}
	writing.join().unwrap();
}

#[test]
fn sets_by_the_thousand_are_stored_in_order() {
	on_both(&[], |server| {
		let mut writer = server.client();
		let mut reader = writer.second_half();
		let count = 3000;
		let mut requests = Vec::new();
		for number in 0..count {
			// The same key again and again, the same value twice, keys that are refused between.
			let (key, value) = (format!("k{}", number % 700), format!("v{}", number / 1400));
			requests.extend(encode(&["SET", &key, &value]));
			if number % 100 == 7 {
				requests.extend(encode(&["SET", "", "x"]));
				requests.extend(encode(&["SET", &"k".repeat(256), "x"]));
				requests.extend(encode(&["SET", "x"]));
			}
		}
		let writing = std::thread::spawn(move || writer.send_raw(&requests).unwrap());
		for number in 0..count {
			let expected = match number % 1400 {
				0..700 => Reply::bulk(format!("k{}", number % 700)),
				_ => Reply::Nil,
			};
			assert_eq!(reader.receive().unwrap(), expected, "SET {number}");
			if number % 100 == 7 {
				let words =
					["Invalid argument, key needed", "Key too large", "Unexpected arguments"];
				for words in words {
					assert_eq!(reader.receive().unwrap(), Reply::error(words), "SET {number}");
				}
			}
		}
		writing.join().unwrap();
		let mut client = server.client();
		assert_eq!(client.call(&["DBSIZE"]), Reply::Integer(700));
		for key in 0..700 {
			let expected = if key < 200 { "v2" } else { "v1" };
			assert_eq!(client.call(&["GET", &format!("k{key}")]), Reply::bulk(expected));
		}
	});
}

#[test]
fn limits_hold_within_sets_that_are_stored_together() {
	on_both(&[], |server| {
		let mut client = server.client();
		for request in [
			&["NSNEW", "small"][..],
			&["NSSET", "small", "maxsize", "10"],
			&["NSNEW", "worm"],
			&["NSSET", "worm", "worm", "1"],
			&["SELECT", "small"],
		] {
			assert_eq!(client.call(request), Reply::ok());
		}
		let mut all = |sets: &[(&str, &str)]| -> Vec<Reply> {
			let requests: Vec<_> =
				sets.iter().flat_map(|(key, value)| encode(&["SET", key, value])).collect();
			client.send_raw(&requests).unwrap();
			sets.iter().map(|_| client.receive().unwrap()).collect()
		};
		let full = Reply::error("No space left on this namespace");
		assert_eq!(
			all(&[("a", "1234"), ("b", "123456"), ("c", "1"), ("b", "12345"), ("c", "1")]),
			[Reply::bulk("a"), Reply::bulk("b"), full, Reply::bulk("b"), Reply::bulk("c")]
		);
		let mut client = server.client();
		assert_eq!(client.call(&["SELECT", "worm"]), Reply::ok());
		client
			.send_raw(&[encode(&["SET", "a", "1"]), encode(&["SET", "a", "2"])].concat())
			.unwrap();
		assert_eq!(client.receive().unwrap(), Reply::bulk("a"));
		let words = "Namespace is protected by worm mode";
		assert_eq!(client.receive().unwrap(), Reply::error(words));
	});
}

#[test]
fn a_client_that_has_said_all_is_answered() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut client = server.client();
	let value = vec![7; 50_000];
	let count = 200;
	let requests: Vec<u8> = (0..count)
		.flat_map(|number| {
			let key = format!("k{number}").into_bytes();
			[encode(&[b"SET", &key[..], &value]), encode(&[b"GET", &key[..]])].concat()
		})
		.collect();
	let mut reader = client.second_half();
	let writing = std::thread::spawn(move || {
		client.send_raw(&requests).unwrap();
		client.send_no_more();
		client
	});
	for number in 0..count {
		assert_eq!(reader.receive().unwrap(), Reply::bulk(format!("k{number}")));
		assert_eq!(reader.receive().unwrap(), Reply::bulk(&value));
	}
	drop(writing.join().unwrap());
	assert!(reader.is_closed());
}

#[test]
fn who_leaves_while_waiting_makes_room() {
	let folders = Folders::new();
	let mut options = folders.options();
	options.limits.connections = 2;
	let server = Running::embedded(options);
	let mut waiting = server.client();
	waiting.send_raw(&encode(&["WAIT", "SET", "1800000"])).unwrap();
	let mut busy = server.client();
	assert_eq!(busy.call(&["PING"]), Reply::Simple("PONG".into()));
	drop(waiting);
	place_becomes_free(&server);
}

/// Waits until there is room for one more client: the server notices a little later who left.
fn place_becomes_free(server: &Running) {
	let mut attempts = 0;
	while server.client().try_call(&["PING"]).ok() != Some(Reply::Simple("PONG".into())) {
		attempts += 1;
		assert!(attempts < 6000);
		std::thread::sleep(Duration::from_millis(10));
	}
}

#[test]
fn large_requests_take_turns() {
	let folders = Folders::new();
	let mut options = folders.options();
	options.limits.large_requests = 1;
	let server = Running::embedded(options);
	let value = vec![9; 4 << 20];
	let mut first = server.client();
	let request = encode(&[&b"SET"[..], b"first", &value]);
	// It has its turn before the second one comes.
	first.hold_little_back();
	first.send_raw(&request[..2 << 20]).unwrap();
	let address = server.address();
	let second = std::thread::spawn({
		let value = value.clone();
		move || Client::connect(address).call(&[&b"SET"[..], b"second", &value])
	});
	// Small ones are served meanwhile.
	let mut small = server.client();
	for _ in 0..20 {
		assert_eq!(small.call(&["EXISTS", "second"]), Reply::Integer(0));
		std::thread::sleep(Duration::from_millis(10));
	}
	first.send_raw(&request[2 << 20..]).unwrap();
	assert_eq!(first.receive().unwrap(), Reply::bulk("first"));
	assert_eq!(second.join().unwrap(), Reply::bulk("second"));
	assert_eq!(small.call(&["GET", "second"]), Reply::bulk(&value));
}

#[test]
fn one_namespace_too_many_is_refused() {
	let folders = Folders::new();
	let mut options = folders.options();
	options.limits.namespaces = 2;
	let server = Running::embedded(options);
	let mut client = server.client();
	assert_eq!(client.call(&["NSNEW", "a"]), Reply::ok());
	assert_eq!(client.call(&["NSNEW", "b"]), Reply::ok());
	let words = "Could not create namespace";
	assert_eq!(client.call(&["NSNEW", "c"]), Reply::error(words));
	assert!(!folders.data().join("c").exists());
	assert_eq!(client.call(&["NSDEL", "a"]), Reply::ok());
	assert_eq!(client.call(&["NSNEW", "c"]), Reply::ok());
}

#[test]
fn one_connection_too_many_is_told_so() {
	let folders = Folders::new();
	let mut options = folders.options();
	options.limits.connections = 3;
	let server = Running::embedded(options);
	let mut clients: Vec<Client> = (0..3).map(|_| server.client()).collect();
	for client in &mut clients {
		client.call(&["PING"]);
	}
	let mut refused = server.client();
	let words = "Too many connections, try again later";
	assert_eq!(refused.receive().unwrap(), Reply::error(words));
	assert!(refused.is_closed());
	clients.pop();
	place_becomes_free(&server);
}

#[test]
fn a_command_that_never_ends_is_given_up() {
	let folders = Folders::new();
	let mut options = folders.options();
	options.limits.request_time = Duration::from_millis(200);
	let server = Running::embedded(options);
	let mut idle = server.client();
	assert_eq!(idle.call(&["PING"]), Reply::Simple("PONG".into()));
	for beginning in
		[&b"*"[..], b"*2\r\n$3\r\nGET\r\n$10\r\nabc", b"*2\r\n$3\r\nSET\r\n$8388608\r\n"]
	{
		let mut client = server.client();
		client.send_raw(beginning).unwrap();
		assert!(client.is_closed(), "{}", beginning.escape_ascii());
	}
	// A connection between two commands may take its time.
	assert_eq!(idle.call(&["PING"]), Reply::Simple("PONG".into()));
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
	let folders = Folders::new();
	let mut options = folders.options();
	options.limits.reply_time = Duration::from_millis(200);
	options.limits.connections = 1;
	let server = Running::embedded(options);
	let mut client = server.client();
	client.call(&[&b"SET"[..], b"k", &vec![1; 1 << 20]]);
	let mut request = vec!["MGET"];
	request.extend(["k"; 1000]);
	client.send_raw(&encode(&request)).unwrap();
	place_becomes_free(&server);
	// A thousand MiB are more than any buffer between: the rest never comes.
	assert!(client.receive().is_err());
}

fn peak_memory(process: u32) -> u64 {
	let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
	let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
	line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() * 1024
}

#[test]
fn memory_does_not_follow_what_clients_ask_for() {
	let folders = Folders::new();
	let (mut child, address) = start_process(&folders, false);
	let mut client = Client::connect(address);
	client.call(&[&b"SET"[..], b"k", &vec![1; 1 << 20]]);
	let mut clients = Vec::new();
	// 64 GiB of answers that nobody takes.
	let mut request = vec!["MGET"];
	request.extend(["k"; 1023]);
	for _ in 0..64 {
		let mut greedy = Client::connect(address);
		greedy.send_raw(&encode(&request)).unwrap();
		clients.push(greedy);
	}
	// 2 GiB of values that are announced, and begun, and never end.
	for _ in 0..256 {
		let mut slow = Client::connect(address);
		slow.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$8388608\r\n").unwrap();
		slow.send_raw(&[0; 100_000]).unwrap();
		clients.push(slow);
	}
	// Arguments by the thousand, each as large as allowed.
	for _ in 0..8 {
		let mut large = Client::connect(address);
		large.send_raw(b"*1024\r\n$8388608\r\n").unwrap();
		clients.push(large);
	}
	std::thread::sleep(Duration::from_millis(1500));
	// Others are served meanwhile.
	assert_eq!(client.call(&["EXISTS", "k"]), Reply::Integer(1));
	assert_eq!(client.call(&[&b"SET"[..], b"l", &vec![2; 200_000]]), Reply::bulk("l"));
	let peak = peak_memory(child.id());
	child.kill().unwrap();
	child.wait().unwrap();
	assert!(peak < 400 << 20, "{} MiB", peak >> 20);
}

#[test]
fn deleting_a_namespace_ends_those_who_write_to_it() {
	let folders = Folders::new();
	let server = Running::embedded(folders.options());
	let mut admin = server.client();
	assert_eq!(admin.call(&["NSNEW", "n"]), Reply::ok());
	let address = server.address();
	let selected = Arc::new(Barrier::new(5));
	let writers: Vec<_> = (0..4)
		.map(|writer| {
			let selected = selected.clone();
			std::thread::spawn(move || {
				let mut client = Client::connect(address);
				assert_eq!(client.call(&["SELECT", "n"]), Reply::ok());
				selected.wait();
				for number in 0.. {
					match client.call(&["SET", &format!("{writer} {number}"), "value"]) {
						Reply::Bulk(_) => {},
						Reply::Error(words) if words.starts_with("Your active namespace") => return,
						Reply::Error(words) => assert_eq!(words, "Cannot write data right now"),
						other => panic!("{other:?}"),
					}
				}
			})
		})
		.collect();
	selected.wait();
	assert_eq!(admin.call(&["NSDEL", "n"]), Reply::ok());
	for writer in writers {
		writer.join().unwrap();
	}
	assert!(!folders.data().join("n").exists());
	assert!(!folders.index().join("n").exists());
	assert_eq!(admin.call(&["NSLIST"]), Reply::Array(vec![Reply::bulk("default")]));
}
