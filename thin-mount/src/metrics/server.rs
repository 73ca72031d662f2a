//! As much of HTTP/1.1 as a scrape needs: one request, one answer, and the connection is closed.

use super::CONTENT_TYPE;
use crate::stop::Stop;
use std::{
	io::{self, Read, Write},
	net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
	sync::Arc,
	time::{Duration, Instant},
};

/// Who connects gets so long for all of it: others wait meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
const REQUEST_LIMIT: usize = 8 * 1024;

/// Answers `GET /metrics` until it is dropped.
pub struct MetricsServer {
	address: SocketAddr,
	stop: Arc<Stop>,
}

impl MetricsServer {
	/// Listens at `address`, as in `127.0.0.1:9618`, and answers with what `page` gives.
	pub fn start(address: &str, page: impl Fn() -> String + Send + 'static) -> io::Result<Self> {
		let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "expected HOST:PORT");
		let address = address.to_socket_addrs()?.next().ok_or_else(invalid)?;
		let listener = TcpListener::bind(address)?;
		let server = Self { address: listener.local_addr()?, stop: Arc::default() };
		let stop = server.stop.clone();
		std::thread::Builder::new().name("thin-metrics".into()).spawn(move || {
			for connection in listener.incoming() {
				if stop.is_said() {
					return;
				}
				match connection {
					Ok(connection) => {
						if let Err(error) = answer(connection, &page) {
							tracing::debug!(%error, "a scrape has failed");
						}
					},
					// No descriptors are left, most likely.
					Err(error) => {
						tracing::warn!(%error, "no scrape can be answered");
						stop.wait(Duration::from_secs(1));
					},
				}
			}
		})?;
		Ok(server)
	}

	/// Where it listens.
	pub fn address(&self) -> SocketAddr {
		self.address
	}
}

impl Drop for MetricsServer {
	fn drop(&mut self) {
		self.stop.say();
		// It waits for somebody to connect.
		let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
	}
}

fn answer(mut connection: TcpStream, page: &dyn Fn() -> String) -> io::Result<()> {
	let end = Instant::now() + PATIENCE;
	connection.set_write_timeout(Some(PATIENCE))?;
	let mut request = Vec::new();
	let mut part = [0; 1024];
	while !request.windows(4).any(|four| four == b"\r\n\r\n") {
		let left = end.saturating_duration_since(Instant::now());
		if left.is_zero() || request.len() > REQUEST_LIMIT {
			return respond(&mut connection, "400 Bad Request", "a request without end\n");
		}
		connection.set_read_timeout(Some(left))?;
		match connection.read(&mut part) {
			Ok(0) => return Ok(()),
			Ok(read) => request.extend_from_slice(&part[..read]),
			Err(error) if error.kind() == io::ErrorKind::Interrupted => {},
			Err(error) => return Err(error),
		}
	}
	let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
	let mut words = line.split(|byte| *byte == b' ');
	match (words.next(), words.next()) {
		(Some(b"GET"), Some(b"/metrics" | b"/")) => respond(&mut connection, "200 OK", &page()),
		(Some(b"GET"), Some(_)) => {
			respond(&mut connection, "404 Not Found", "there is /metrics, and nothing else\n")
		},
		_ => respond(&mut connection, "405 Method Not Allowed", "GET /metrics\n"),
	}
}

fn respond(connection: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
	let length = body.len();
	let head = format!(
		"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {length}\r\n\
		 Connection: close\r\n\r\n"
	);
	connection.write_all(head.as_bytes())?;
	connection.write_all(body.as_bytes())?;
	connection.flush()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn ask(address: SocketAddr, request: &[u8]) -> String {
		let mut connection = TcpStream::connect(address).unwrap();
		let _ = connection.write_all(request);
		let mut answer = Vec::new();
		let _ = connection.read_to_end(&mut answer);
		String::from_utf8(answer).unwrap()
	}

	#[test]
	fn scrapes_are_answered_and_nonsense_does_no_harm() {
		let server = MetricsServer::start("127.0.0.1:0", || "a 1\n".into()).unwrap();
		let address = server.address();
		let right = |path: &str| ask(address, format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
		assert!(right("/metrics").starts_with("HTTP/1.1 200 OK\r\n"));
		assert!(right("/metrics").ends_with("Content-Length: 4\r\nConnection: close\r\n\r\na 1\n"));
		assert!(right("/etc/passwd").starts_with("HTTP/1.1 404"));
		assert!(ask(address, b"POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
		assert!(ask(address, b"\xff\0\r\n\r\n").starts_with("HTTP/1.1 405"));
		assert!(ask(address, &[b'x'; REQUEST_LIMIT + 1]).starts_with("HTTP/1.1 400"));
		drop(TcpStream::connect(address).unwrap());
		assert!(right("/").starts_with("HTTP/1.1 200 OK\r\n"));
		drop(server);
		assert!(MetricsServer::start("nowhere", String::new).is_err());
	}
}
