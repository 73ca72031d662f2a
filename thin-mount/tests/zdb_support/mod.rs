//! A plain client of the protocol, and the servers it is pointed at.

#![allow(dead_code)]

#[path = "../common/addresses.rs"]
mod addresses;

use addresses::own_address;
use std::{
	collections::BTreeMap,
	io::{self, BufRead, BufReader, Read, Write},
	net::{Shutdown, SocketAddr, TcpStream},
	path::{Path, PathBuf},
	process::{Child, Command, Stdio},
	time::{Duration, Instant},
};
use thin_mount::zdb::{Server, ServerHandle, ServerOptions};

/// One parsed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
	Simple(String),
	Error(String),
	Integer(i64),
	Bulk(Vec<u8>),
	Nil,
	Array(Vec<Reply>),
}

impl Reply {
	pub fn bulk(bytes: impl AsRef<[u8]>) -> Self {
		Self::Bulk(bytes.as_ref().to_vec())
	}

	pub fn ok() -> Self {
		Self::Simple("OK".into())
	}

	pub fn error(text: &str) -> Self {
		Self::Error(text.into())
	}

	pub fn into_array(self) -> Vec<Reply> {
		match self {
			Self::Array(items) => items,
			other => panic!("expected an array, got {other:?}"),
		}
	}

	pub fn into_bytes(self) -> Vec<u8> {
		match self {
			Self::Bulk(bytes) => bytes,
			other => panic!("expected a bulk string, got {other:?}"),
		}
	}
}

/// A connection that remembers the bytes of the last answer.
pub struct Client {
	stream: TcpStream,
	/// The bytes of the answer that was read last.
	pub raw: Vec<u8>,
	input: Vec<u8>,
	at: usize,
}

pub fn encode(arguments: &[impl AsRef<[u8]>]) -> Vec<u8> {
	let mut out = format!("*{}\r\n", arguments.len()).into_bytes();
	for argument in arguments {
		let argument = argument.as_ref();
		out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
		out.extend_from_slice(argument);
		out.extend_from_slice(b"\r\n");
	}
	out
}

impl Client {
	pub fn connect(address: SocketAddr) -> Self {
		let stream = TcpStream::connect(address).unwrap();
		stream.set_nodelay(true).unwrap();
		// Longer than any limit of a server that a test waits for.
		stream.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
		stream.set_write_timeout(Some(Duration::from_secs(180))).unwrap();
		Self { stream, raw: Vec::new(), input: Vec::new(), at: 0 }
	}

	/// The same connection once more, for another thread.
	pub fn second_half(&self) -> Self {
		let stream = self.stream.try_clone().unwrap();
		Self { stream, raw: Vec::new(), input: Vec::new(), at: 0 }
	}

	/// Lets the kernel hold back little of what is sent, so that it was received when it was sent,
	/// but for some 300 KiB.
	pub fn hold_little_back(&self) {
		rustix::net::sockopt::set_socket_send_buffer_size(&self.stream, 64 * 1024).unwrap();
	}

	/// Closes the sending side alone.
	pub fn send_no_more(&self) {
		self.stream.shutdown(Shutdown::Write).unwrap();
	}

	pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
		self.stream.write_all(bytes)
	}

	pub fn call(&mut self, arguments: &[impl AsRef<[u8]>]) -> Reply {
		self.try_call(arguments).unwrap()
	}

	pub fn try_call(&mut self, arguments: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
		self.send_raw(&encode(arguments))?;
		self.receive()
	}

	/// The next answer.
	pub fn receive(&mut self) -> io::Result<Reply> {
		self.input.drain(..self.at);
		self.at = 0;
		let reply = self.parse()?;
		self.raw = self.input[..self.at].to_vec();
		Ok(reply)
	}

	/// Whether the server has closed the connection.
	pub fn is_closed(&mut self) -> bool {
		self.input.len() == self.at && matches!(self.fill(), Err(error) if !is_timeout(&error))
	}

	/// Reads what there is until the server closes.
	pub fn read_to_end(&mut self) {
		loop {
			if let Err(error) = self.fill() {
				assert!(!is_timeout(&error), "the connection is still open");
				return;
			}
		}
	}

	fn fill(&mut self) -> io::Result<()> {
		let mut bytes = [0; 64 * 1024];
		match self.stream.read(&mut bytes)? {
			0 => Err(io::ErrorKind::UnexpectedEof.into()),
			read => {
				self.input.extend_from_slice(&bytes[..read]);
				Ok(())
			},
		}
	}

	fn line(&mut self) -> io::Result<String> {
		loop {
			let rest = &self.input[self.at..];
			if let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
				let line = String::from_utf8(rest[..end].to_vec()).unwrap();
				self.at += end + 2;
				return Ok(line);
			}
			self.fill()?;
		}
	}

	fn parse(&mut self) -> io::Result<Reply> {
		let line = self.line()?;
		let (kind, rest) = line.split_at(1);
		Ok(match kind {
			"+" => Reply::Simple(rest.into()),
			"-" => Reply::Error(rest.into()),
			":" => Reply::Integer(rest.parse().unwrap()),
			"$" if rest == "-1" => Reply::Nil,
			"$" => {
				let end = self.at + rest.parse::<usize>().unwrap();
				while self.input.len() < end + 2 {
					self.fill()?;
				}
				assert_eq!(&self.input[end..end + 2], b"\r\n");
				let bytes = self.input[self.at..end].to_vec();
				self.at = end + 2;
				Reply::Bulk(bytes)
			},
			"*" => {
				let length = rest.parse::<usize>().unwrap();
				Reply::Array((0..length).map(|_| self.parse()).collect::<io::Result<_>>()?)
			},
			_ => panic!("no answer of the protocol: {line:?}"),
		})
	}
}

/// Every key of the client's namespace, in the order of SCAN or RSCAN, page by page.
pub fn scan(client: &mut Client, command: &str) -> Vec<Vec<u8>> {
	let mut keys = Vec::new();
	let mut reply = client.call(&[command]);
	loop {
		match reply {
			Reply::Error(words) if words == "No more data" => return keys,
			// Frozen, or without a namespace: that is an answer too.
			Reply::Error(words) => return vec![words.into_bytes()],
			page => {
				let mut page = page.into_array();
				let entries = page.pop().unwrap().into_array();
				keys.extend(
					entries.into_iter().map(|entry| entry.into_array().remove(0).into_bytes()),
				);
				let cursor = page.pop().unwrap().into_bytes();
				reply = client.call(&[command.as_bytes(), &cursor]);
			},
		}
	}
}

fn is_timeout(error: &io::Error) -> bool {
	matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A data and an index folder.
pub struct Folders {
	root: tempfile::TempDir,
}

impl Folders {
	pub fn new() -> Self {
		Self { root: tempfile::tempdir().unwrap() }
	}

	pub fn data(&self) -> PathBuf {
		self.root.path().join("d")
	}

	pub fn index(&self) -> PathBuf {
		self.root.path().join("i")
	}

	pub fn options(&self) -> ServerOptions {
		ServerOptions::new(self.data(), self.index())
	}
}

/// A server that is stopped when it is dropped.
pub enum Running {
	Embedded(ServerHandle),
	Real(Child, SocketAddr),
}

impl Running {
	pub fn embedded(options: ServerOptions) -> Self {
		Self::Embedded(Server::start(options).unwrap())
	}

	/// The 0-db of `ZDB_BIN`, if there is one.
	pub fn real(folders: &Folders, arguments: &[&str]) -> Option<Self> {
		let Some(program) = std::env::var_os("ZDB_BIN") else {
			eprintln!("skipped: ZDB_BIN names no 0-db to check against");
			return None;
		};
		Some(Self::start_real(Path::new(&program), folders, arguments))
	}

	fn start_real(program: &Path, folders: &Folders, arguments: &[&str]) -> Self {
		let address = own_address();
		let child = Command::new(program)
			.arg("--data")
			.arg(folders.data())
			.arg("--index")
			.arg(folders.index())
			.args(["--listen", &address.ip().to_string(), "--port", &address.port().to_string()])
			.args(arguments)
			.stdout(Stdio::null())
			.stderr(Stdio::null())
			.spawn()
			.unwrap();
		let started = Instant::now();
		while TcpStream::connect(address).is_err() {
			assert!(started.elapsed() < Duration::from_secs(60), "0-db does not listen");
			std::thread::sleep(Duration::from_millis(20));
		}
		Self::Real(child, address)
	}

	pub fn address(&self) -> SocketAddr {
		match self {
			Self::Embedded(handle) => handle.address(),
			Self::Real(_, address) => *address,
		}
	}

	pub fn client(&self) -> Client {
		Client::connect(self.address())
	}

	pub fn stop(self) {}

	/// Kills a server that is a process.
	pub fn kill(&mut self) {
		if let Self::Real(child, _) = self {
			let _ = child.kill();
			let _ = child.wait();
		}
	}
}

impl Drop for Running {
	fn drop(&mut self) {
		self.kill();
	}
}

/// What a namespace is expected to hold, and the order of its keys in a scan.
#[derive(Debug, Default, Clone)]
pub struct Expected {
	pub values: BTreeMap<Vec<u8>, Vec<u8>>,
	pub order: Vec<Vec<u8>>,
}

impl Expected {
	pub fn set(&mut self, client: &mut Client, key: &[u8], value: Vec<u8>) {
		assert_eq!(client.call(&[b"SET", key, &value[..]]), Reply::bulk(key));
		self.order.retain(|other| other != key);
		self.order.push(key.to_vec());
		self.values.insert(key.to_vec(), value);
	}

	pub fn delete(&mut self, client: &mut Client, key: &[u8]) {
		assert_eq!(client.call(&[b"DEL", key]), Reply::ok());
		self.order.retain(|other| other != key);
		self.values.remove(key);
	}

	/// Values of many sizes, some overwritten, some deleted, in several files of 512 KiB.
	pub fn write(&mut self, client: &mut Client, salt: u8) {
		for round in 0..3u8 {
			for number in 0..40u8 {
				let size = usize::from(number) * 701 + usize::from(round);
				let value = (0..size).map(|at| (at as u8).wrapping_mul(salt) ^ round).collect();
				self.set(client, format!("key {salt} {}", number / 2).as_bytes(), value);
			}
			self.delete(client, format!("key {salt} {round}").as_bytes());
		}
	}

	pub fn check(&self, client: &mut Client) {
		assert_eq!(client.call(&["DBSIZE"]), Reply::Integer(self.values.len() as i64));
		for (key, value) in &self.values {
			assert_eq!(client.call(&[b"GET", &key[..]]), Reply::bulk(value));
			assert_eq!(client.call(&[b"CHECK", &key[..]]), Reply::Integer(1));
		}
		let held: Vec<_> = self.values.iter().collect();
		for part in held.chunks(1000) {
			let mut request = vec![b"MGET".to_vec()];
			request.extend(part.iter().map(|(key, _)| (*key).clone()));
			let values = part.iter().map(|(_, value)| Reply::bulk(value)).collect();
			assert_eq!(client.call(&request), Reply::Array(values));
		}
		assert_eq!(scan(client, "SCANX"), self.order);
		let mut backward = scan(client, "RSCAN");
		backward.reverse();
		assert_eq!(backward, self.order);
	}
}

/// Options with the smallest data files.
pub fn small_files(folders: &Folders) -> ServerOptions {
	let mut options = folders.options();
	options.data_size = 512 * 1024;
	options
}

/// The files in a folder, and what is in them.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
	std::fs::read_dir(folder)
		.unwrap()
		.map(|entry| {
			let path = entry.unwrap().path();
			let name = path.file_name().unwrap().to_str().unwrap().to_owned();
			(name, std::fs::read(path).unwrap())
		})
		.collect()
}

/// Folders with values in several files, and what is in them.
pub fn written() -> (Folders, Expected) {
	let folders = Folders::new();
	let mut expected = Expected::default();
	let server = Running::embedded(small_files(&folders));
	expected.write(&mut server.client(), 3);
	server.stop();
	(folders, expected)
}

pub fn copy_of(folders: &Folders) -> Folders {
	let copy = Folders::new();
	for (from, to) in [(folders.data(), copy.data()), (folders.index(), copy.index())] {
		std::fs::create_dir_all(to.join("default")).unwrap();
		for (name, bytes) in files(&from.join("default")) {
			std::fs::write(to.join("default").join(name), bytes).unwrap();
		}
	}
	copy
}

pub fn last(folder: &Path, kind: char) -> PathBuf {
	(0..)
		.map(|number| folder.join(format!("default/{kind}{number}")))
		.take_while(|path| path.exists())
		.last()
		.unwrap()
}

pub fn set_length(path: &Path, length: u64) {
	std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

const ROOT: &str = "ZDB_TEST_FOLDER";
const SYNC: &str = "ZDB_TEST_SYNC";

/// Serves in this process if [`start_process`] started it. Test programs that use that have a
/// test named `serve_until_killed` that calls this.
pub fn serve_if_asked() {
	let Some(root) = std::env::var_os(ROOT) else { return };
	let root = PathBuf::from(root);
	let mut options = ServerOptions::new(root.join("d"), root.join("i"));
	options.data_size = 512 * 1024;
	options.sync = std::env::var_os(SYNC).is_some();
	let server = Running::embedded(options);
	println!("\nlistening on {}", server.address());
	// The one who started this kills it, or is gone.
	let mut line = String::new();
	io::stdin().read_line(&mut line).unwrap();
}

/// Starts an embedded server in a process of its own.
pub fn start_process(folders: &Folders, sync: bool) -> (Child, SocketAddr) {
	let mut command = Command::new(std::env::current_exe().unwrap());
	command
		.args(["serve_until_killed", "--exact", "--nocapture", "--test-threads=1"])
		.env(ROOT, folders.root.path())
		.stdin(Stdio::piped())
		.stdout(Stdio::piped());
	if sync {
		command.env(SYNC, "1");
	}
	let mut child = command.spawn().unwrap();
	let address = BufReader::new(child.stdout.take().unwrap())
		.lines()
		.find_map(|line| line.unwrap().strip_prefix("listening on ").map(|at| at.parse().unwrap()))
		.expect("the server starts");
	(child, address)
}
