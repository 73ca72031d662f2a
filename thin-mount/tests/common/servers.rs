//! Servers that tests start, each on an address and in a folder of its own.

#![allow(dead_code)]

#[path = "addresses.rs"]
mod addresses;

pub use addresses::own_address;
use std::{
	io::Write,
	net::{SocketAddr, TcpStream},
	process::{Child, Command, Stdio},
	time::{Duration, Instant},
};

/// A server process, ended when dropped.
pub struct Server {
	child: Child,
	command: Command,
	pub address: SocketAddr,
	_folder: tempfile::TempDir,
}

impl Server {
	fn start(mut command: Command, address: SocketAddr, folder: tempfile::TempDir) -> Self {
		command.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
		let child = command.spawn().unwrap();
		let server = Self { child, command, address, _folder: folder };
		server.wait();
		server
	}

	fn wait(&self) {
		let end = Instant::now() + Duration::from_secs(60);
		// A Redis that has data accepts connections before it has loaded them.
		while TcpStream::connect(self.address).is_err()
			|| !matches!(self.ask(&[], &["PING"]), Ok(redis::Value::SimpleString(_)))
		{
			assert!(Instant::now() < end, "{:?} does not answer", self.command);
			std::thread::sleep(Duration::from_millis(20));
		}
	}

	/// Ends the process without giving it notice.
	pub fn kill(&mut self) {
		let _ = self.child.kill();
		let _ = self.child.wait();
	}

	/// Starts it again, on the same address and folder.
	pub fn restart(&mut self) {
		self.kill();
		self.child = self.command.spawn().unwrap();
		self.wait();
	}

	/// Sends one command, on its own connection after `before`, and gives the answer to it.
	pub fn ask(&self, before: &[&[&str]], command: &[&str]) -> redis::RedisResult<redis::Value> {
		let mut stream = TcpStream::connect(self.address).unwrap();
		let mut parser = redis::Parser::new();
		let mut send = |words: &[&str]| {
			let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
			let packed = redis::pack_command(&words);
			stream.write_all(&packed).unwrap();
			parser.parse_value(&mut stream)
		};
		for words in before {
			send(words)?;
		}
		send(command)
	}
}

impl Drop for Server {
	fn drop(&mut self) {
		self.kill();
	}
}

/// A Redis, where `redis-server` is installed.
pub fn redis() -> Option<Server> {
	Command::new("redis-server").arg("--version").output().ok()?;
	let (address, folder) = (own_address(), tempfile::tempdir().unwrap());
	let mut command = Command::new("redis-server");
	let (host, port) = (address.ip().to_string(), address.port().to_string());
	command.args(["--port", &port, "--bind", &host, "--dir"]);
	command.arg(folder.path()).args(["--save", "", "--appendonly", "yes"]);
	Some(Server::start(command, address, folder))
}

/// The embedded 0-db, and the one that the variable `ZDB_BIN` names. Their administrator's
/// password is `secret`.
pub fn zdbs() -> Vec<Server> {
	let mut servers = Vec::new();
	let (address, folder) = (own_address(), tempfile::tempdir().unwrap());
	let mut command = Command::new(env!("CARGO_BIN_EXE_thin-mount"));
	command.arg("serve").arg("--data").arg(folder.path().join("data"));
	command.arg("--index").arg(folder.path().join("index"));
	command.args(["--listen", &address.to_string(), "--admin", "secret"]);
	servers.push(Server::start(command, address, folder));
	let Some(program) = std::env::var_os("ZDB_BIN") else {
		skipped("ZDB_BIN names no 0-db: only the embedded one is tested");
		return servers;
	};
	let (address, folder) = (own_address(), tempfile::tempdir().unwrap());
	let (host, port) = (address.ip().to_string(), address.port().to_string());
	let mut command = Command::new(program);
	command.arg("--data").arg(folder.path().join("data"));
	command.arg("--index").arg(folder.path().join("index"));
	command.args(["--listen", &host, "--port", &port, "--admin", "secret"]);
	servers.push(Server::start(command, address, folder));
	servers
}

/// Says that a test has not been done.
pub fn skipped(what: &str) {
	println!("SKIPPED: {what}");
}
