//! A service manager that is told how far a process is, as systemd is.

use std::{
	os::unix::net::UnixDatagram,
	path::{Path, PathBuf},
	process::Command,
	time::Duration,
};

pub struct ServiceManager {
	socket: UnixDatagram,
	path: PathBuf,
}

impl ServiceManager {
	pub fn new(folder: &Path) -> Self {
		let path = folder.join("notify");
		let socket = UnixDatagram::bind(&path).unwrap();
		socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
		Self { socket, path }
	}

	/// Has a process tell this one.
	pub fn watch(&self, command: &mut Command) {
		command.env("NOTIFY_SOCKET", &self.path);
	}

	/// What it is told next.
	pub fn told(&self) -> String {
		let mut bytes = [0; 1024];
		let length = self.socket.recv(&mut bytes).unwrap();
		String::from_utf8(bytes[..length].to_vec()).unwrap()
	}

	/// Whether there is something that it was told and has not looked at.
	pub fn has_more(&self) -> bool {
		self.socket.set_nonblocking(true).unwrap();
		self.socket.recv(&mut [0]).is_ok()
	}
}
