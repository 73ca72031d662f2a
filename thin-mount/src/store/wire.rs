//! One connection that speaks RESP2, the redis protocol.
//!
//! Commands are packed and short replies parsed by the `redis` crate. Bulk strings and arrays of
//! them are read here: into the value's own buffer, so that a chunk is copied once, by the
//! kernel, and within limits, so that a hostile server can't make this process run out of memory.

mod values;

#[cfg(any(test, fuzzing))]
pub(crate) use values::read_values;
pub(super) use values::Values;

use redis::Value;
use rustix::net::sockopt::set_tcp_quickack;
use std::{
	io::{self, IoSliceMut, Read, Write},
	net::{TcpStream, ToSocketAddrs},
	time::{Duration, Instant},
};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server may be silent while an answer is due.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
/// The least that a socket can be told to wait, and more than nothing.
const LEAST_PATIENCE: Duration = Duration::from_millis(1);
/// How long a whole answer may take. More than one silence, for slow links.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// What 0-db takes in an array, and more than any answer here holds.
const MAX_ELEMENTS: usize = 1_024;
/// And in all arrays of an answer together: a page of a scan has 1,024 arrays of three.
const MAX_VALUES: usize = 5 * MAX_ELEMENTS;
const MAX_DEPTH: usize = 4;
const LINE_LIMIT: usize = 4_096;
const BUFFER_SIZE: usize = 16 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
	/// The connection is of no use any more.
	#[error("{0}")]
	Broken(String),
	/// The server's own words. The connection lives on.
	#[error("{0}")]
	Server(String),
}

impl From<io::Error> for WireError {
	fn from(error: io::Error) -> Self {
		Self::Broken(match error.kind() {
			io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
				format!("no answer within {} s", SILENCE_TIMEOUT.as_secs())
			},
			io::ErrorKind::UnexpectedEof => "the connection was closed".into(),
			_ => error.to_string(),
		})
	}
}

fn malformed(what: &str) -> WireError {
	WireError::Broken(format!("this is not the redis protocol: {what}"))
}

/// What an answer may still take.
struct Budget {
	/// Bytes of bulk strings.
	bytes: usize,
	/// Values, arrays among them.
	values: usize,
}

pub(super) struct Connection {
	stream: TcpStream,
	buffer: Box<[u8; BUFFER_SIZE]>,
	start: usize,
	end: usize,
	deadline: Instant,
	/// How long it waits for something to come.
	patience: Duration,
}

impl Connection {
	/// Connects to the first address of the host that answers.
	pub(super) fn open(host: &str, port: u16) -> Result<Self, WireError> {
		let mut last = WireError::Broken(format!("the name {host} has no address"));
		for address in (host, port).to_socket_addrs()? {
			match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
				Ok(stream) => {
					stream.set_nodelay(true)?;
					stream.set_read_timeout(Some(SILENCE_TIMEOUT))?;
					stream.set_write_timeout(Some(SILENCE_TIMEOUT))?;
					return Ok(Self::over(stream));
				},
				Err(error) if error.kind() == io::ErrorKind::TimedOut => {
					let seconds = CONNECT_TIMEOUT.as_secs();
					last = WireError::Broken(format!("no connection within {seconds} s"));
				},
				Err(error) => last = error.into(),
			}
		}
		Err(last)
	}

	/// A connection that is made already.
	pub(super) fn over(stream: TcpStream) -> Self {
		Self {
			stream,
			buffer: Box::new([0; BUFFER_SIZE]),
			start: 0,
			end: 0,
			deadline: Instant::now() + ANSWER_TIMEOUT,
			patience: SILENCE_TIMEOUT,
		}
	}

	/// Sends one command and waits for its answer, of at most `limit` bytes of values.
	pub(super) fn ask(&mut self, command: &redis::Cmd, limit: usize) -> Result<Value, WireError> {
		self.send(&command.get_packed_command())?;
		self.answer(limit)
	}

	/// Sends packed commands, one or several.
	pub(super) fn send(&mut self, packed: &[u8]) -> Result<(), WireError> {
		self.be_patient(SILENCE_TIMEOUT)?;
		self.send_as_patient(packed)
	}

	/// The same, without a change of how long is waited for answers.
	pub(super) fn send_as_patient(&mut self, packed: &[u8]) -> Result<(), WireError> {
		if self.start != self.end {
			return Err(malformed("an answer that nobody asked for"));
		}
		self.stream.write_all(packed)?;
		self.deadline = Instant::now() + ANSWER_TIMEOUT;
		Ok(())
	}

	/// The next answer. An error that the server reports is a [`WireError::Server`].
	pub(super) fn answer(&mut self, limit: usize) -> Result<Value, WireError> {
		let mut budget = Budget { bytes: limit, values: MAX_VALUES };
		self.value(&mut budget, 0)
	}

	fn value(&mut self, budget: &mut Budget, depth: usize) -> Result<Value, WireError> {
		let line = self.line()?;
		budget.values = budget
			.values
			.checked_sub(1)
			.ok_or_else(|| malformed("more values than any answer has"))?;
		match line.split_first() {
			Some((b'$', digits)) => match length(digits)? {
				None => Ok(Value::Nil),
				Some(length) => {
					budget.bytes = budget
						.bytes
						.checked_sub(length)
						.ok_or_else(|| malformed("more bytes than were asked for"))?;
					self.bulk(length).map(Value::BulkString)
				},
			},
			Some((b'*', digits)) => match length(digits)? {
				None => Ok(Value::Nil),
				Some(length) if length <= MAX_ELEMENTS && depth < MAX_DEPTH => {
					let elements = (0..length).map(|_| self.value(budget, depth + 1));
					Ok(Value::Array(elements.collect::<Result<_, _>>()?))
				},
				Some(_) => Err(malformed("an array larger than any answer")),
			},
			Some((b'-', words)) if depth == 0 => {
				Err(WireError::Server(String::from_utf8_lossy(words).into_owned()))
			},
			Some((b'+' | b':' | b'-', _)) => {
				let mut whole = line;
				whole.extend_from_slice(b"\r\n");
				redis::parse_redis_value(&whole).map_err(|error| malformed(&error.to_string()))
			},
			_ => Err(malformed("an answer of unknown type")),
		}
	}

	/// Goes on reading values that were asked for, for about as long as it says: whether all are
	/// there. If not, they can be waited for again.
	pub(super) fn wait_for(
		&mut self,
		values: &mut Values,
		limit: Duration,
	) -> Result<bool, WireError> {
		let limit = limit.clamp(LEAST_PATIENCE, ANSWER_TIMEOUT);
		self.be_patient(limit.min(SILENCE_TIMEOUT))?;
		values.advance(self, Instant::now() + limit)
	}

	/// Reads values that were asked for, to the last.
	pub(super) fn values(&mut self, mut values: Values) -> Result<Values, WireError> {
		match self.wait_for(&mut values, ANSWER_TIMEOUT)? {
			true => Ok(values),
			false => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
		}
	}

	fn be_patient(&mut self, patience: Duration) -> Result<(), WireError> {
		if self.patience != patience {
			self.stream.set_read_timeout(Some(patience))?;
			self.patience = patience;
		}
		Ok(())
	}

	/// A line without its end.
	fn line(&mut self) -> Result<Vec<u8>, WireError> {
		self.next_line()?.ok_or_else(|| io::Error::from(io::ErrorKind::TimedOut).into())
	}

	/// The same, or `None` when it has not come.
	fn next_line(&mut self) -> Result<Option<Vec<u8>>, WireError> {
		loop {
			let unread = &self.buffer[self.start..self.end];
			let end = unread.iter().position(|byte| *byte == b'\n');
			// Whether it is too long must not depend on how it was cut on its way.
			if end.unwrap_or(unread.len()) > LINE_LIMIT {
				return Err(malformed("a line without end"));
			}
			if let Some(at) = end {
				let line = unread[..at].strip_suffix(b"\r").map(<[u8]>::to_vec);
				self.start += at + 1;
				return line.map(Some).ok_or_else(|| malformed("a line without its end"));
			}
			if self.fill(&mut [])?.is_none() {
				return Ok(None);
			}
		}
	}

	fn bulk(&mut self, length: usize) -> Result<Vec<u8>, WireError> {
		let mut bytes = vec![0; length];
		let mut filled = 0;
		while filled < length {
			match self.take(&mut bytes[filled..])? {
				Some(more) => filled += more,
				None => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
			}
		}
		match self.line()?.is_empty() {
			true => Ok(bytes),
			false => Err(malformed("a value longer than its length")),
		}
	}

	/// Some bytes of a value: how many. `None` when nothing has come.
	fn take(&mut self, target: &mut [u8]) -> Result<Option<usize>, WireError> {
		let buffered = target.len().min(self.end - self.start);
		if buffered == 0 {
			return self.fill(target);
		}
		target[..buffered].copy_from_slice(&self.buffer[self.start..self.start + buffered]);
		self.start += buffered;
		Ok(Some(buffered))
	}

	/// Reads into `target`, and what follows into the buffer, behind what is unread there; that
	/// must be nothing where there is a target. How many bytes went to `target`, or `None` when
	/// nothing has come.
	fn fill(&mut self, target: &mut [u8]) -> Result<Option<usize>, WireError> {
		self.buffer.copy_within(self.start..self.end, 0);
		(self.start, self.end) = (0, self.end - self.start);
		let wanted = target.len();
		let mut parts = [IoSliceMut::new(target), IoSliceMut::new(&mut self.buffer[self.end..])];
		let got = loop {
			match self.stream.read_vectored(&mut parts) {
				Err(error) if error.kind() == io::ErrorKind::Interrupted => {},
				// What the kernel calls a timeout of a socket.
				Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
				result => break result?,
			}
		};
		if got == 0 {
			return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
		}
		if Instant::now() > self.deadline {
			let seconds = ANSWER_TIMEOUT.as_secs();
			return Err(WireError::Broken(format!("no whole answer within {seconds} s")));
		}
		// 0-db leaves Nagle's algorithm on: its second small reply waits for the acknowledgement
		// of the first, which the kernel delays by 40 ms. The option lasts for a short while only.
		// Where it can't be set, answers are only slower.
		let _ = set_tcp_quickack(&self.stream, true);
		self.end += got.saturating_sub(wanted);
		Ok(Some(got.min(wanted)))
	}
}

/// `-1` is nothing.
fn length(digits: &[u8]) -> Result<Option<usize>, WireError> {
	match std::str::from_utf8(digits) {
		Ok("-1") => Ok(None),
		Ok(text) => text.parse().map(Some).map_err(|_| malformed("a length that is no number")),
		Err(_) => Err(malformed("a length that is no number")),
	}
}

/// What a client makes of an answer that comes from anywhere, where it asked for at most `limit`
/// bytes: `None` where the connection is of no use after it. At most 128 KiB.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_answer(bytes: &[u8], limit: usize) -> Option<Result<Value, String>> {
	use std::os::{fd::OwnedFd, unix::net::UnixStream};
	let (mut there, here) = UnixStream::pair().ok()?;
	// It fits into the socket's buffer, so nobody has to read at the same time.
	there.write_all(&bytes[..bytes.len().min(128 * 1024)]).ok()?;
	drop(there);
	match Connection::over(TcpStream::from(OwnedFd::from(here))).answer(limit) {
		Ok(value) => Some(Ok(value)),
		Err(WireError::Server(words)) => Some(Err(words)),
		Err(WireError::Broken(_)) => None,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::net::TcpListener;

	/// What a client makes of these bytes, sent in pieces.
	fn received<T>(
		bytes: &'static [u8],
		piece: usize,
		read: impl Fn(&mut Connection) -> Result<T, WireError>,
	) -> Result<T, WireError> {
		let listener = TcpListener::bind("127.0.0.1:0").unwrap();
		let port = listener.local_addr().unwrap().port();
		let server = std::thread::spawn(move || {
			let (mut stream, _) = listener.accept().unwrap();
			stream.set_nodelay(true).unwrap();
			for part in bytes.chunks(piece) {
				if stream.write_all(part).is_err() {
					break;
				}
			}
		});
		let mut connection = Connection::open("127.0.0.1", port).unwrap();
		let result = read(&mut connection);
		drop(connection);
		server.join().unwrap();
		result
	}

	/// The answer to a request of at most `limit`.
	fn answer(bytes: &'static [u8], piece: usize, limit: usize) -> Result<Value, WireError> {
		received(bytes, piece, |connection| connection.answer(limit))
	}

	/// The same of values, so many of them.
	fn values(
		bytes: &'static [u8],
		piece: usize,
		(wanted, limit): (usize, usize),
	) -> Result<Vec<Option<bytes::Bytes>>, WireError> {
		let read = |connection: &mut Connection| connection.values(Values::new(wanted, limit));
		received(bytes, piece, read).map(Values::into_vec)
	}

	#[test]
	fn values_are_read_however_they_are_cut() {
		let text = b"*4\r\n$5\r\na\r\nb\n\r\n$-1\r\n$0\r\n\r\n$3\r\nxyz\r\n";
		for piece in [1, 2, 7, 100] {
			let found = values(text, piece, (4, 8)).unwrap();
			let found: Vec<_> = found.iter().map(Option::as_deref).collect();
			assert_eq!(found, [Some(&b"a\r\nb\n"[..]), None, Some(b""), Some(b"xyz")]);
		}
		assert_eq!(values(b"*0\r\n", 9, (0, 0)).unwrap(), [None; 0]);
		let error = values(b"-No\r\n", 9, (1, 9)).unwrap_err();
		assert!(matches!(error, WireError::Server(words) if words == "No"));
		static LARGE: std::sync::LazyLock<Vec<u8>> =
			std::sync::LazyLock::new(|| [b"*1\r\n$65537\r\n", &[7; 65_537][..], b"\r\n"].concat());
		for piece in [1_000, 65_536, 100_000] {
			let found = values(&LARGE, piece, (1, 65_537)).unwrap();
			assert_eq!(found, [Some(bytes::Bytes::from(vec![7; 65_537]))]);
		}
	}

	#[test]
	fn hostile_values_are_refused_before_memory_is_taken() {
		for bytes in [
			&b"*1\r\n$99999999999999\r\n"[..],
			b"*2\r\n$1\r\na\r\n$9\r\n",
			b"*3\r\n",
			b"*-1\r\n",
			b"*1\r\n",
			b"$1\r\na\r\n",
			b"*2\r\n:1\r\n:1\r\n",
			b"*2\r\n-No\r\n",
			b"*2\r\n*1\r\n",
			b"*2\r\n$1\r\nabc\r\n",
			b"*2\r\n$-2\r\n",
			b"*2\r\n$x\r\n",
			b"*2\n",
			b"+OK\r\n",
			b"\r\n",
			b"*2\r\n$2\r\na",
			b"",
		] {
			let result = values(bytes, 100, (2, 5));
			let shown = String::from_utf8_lossy(bytes);
			assert!(matches!(result, Err(WireError::Broken(_))), "{shown:?} gave {result:?}");
		}
	}

	#[test]
	fn answers_are_read_however_they_are_cut() {
		let text = b"*4\r\n$5\r\na\r\nb\n\r\n$-1\r\n:7\r\n$0\r\n\r\n";
		for piece in [1, 2, 7, 100] {
			let Value::Array(elements) = answer(text, piece, 5).unwrap() else { panic!() };
			assert_eq!(elements[0], Value::BulkString(b"a\r\nb\n".to_vec()));
			assert_eq!(elements[1..3], [Value::Nil, Value::Int(7)]);
			assert_eq!(elements[3], Value::BulkString(vec![]));
		}
	}

	#[test]
	fn errors_are_the_servers_words() {
		let error = answer(b"-Namespace not found\r\n", 100, 0).unwrap_err();
		assert!(matches!(error, WireError::Server(words) if words == "Namespace not found"));
	}

	#[test]
	fn hostile_answers_are_refused_before_memory_is_taken() {
		for bytes in [
			&b"$99999999999999\r\n"[..],
			b"*99999999999\r\n",
			b"*1024\r\n$9\r\n",
			b"$6\r\nabcdef\r\n",
			b"$3\r\nabcdef\r\n",
			b"$-2\r\n",
			b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n$1\r\na\r\n",
			b"HTTP/1.1 400 Bad Request\r\n\r\n",
			b":x\r\n",
			b"$3\r\nab",
			b"\r\n",
			b"\n",
			b"",
		] {
			let result = answer(bytes, 100, 5);
			let shown = String::from_utf8_lossy(bytes);
			assert!(matches!(result, Err(WireError::Broken(_))), "{shown:?} gave {result:?}");
		}
		// Numbers take no bytes of the limit, and memory all the same.
		static MANY: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
			let inner = [&b"*1024\r\n"[..], &b":1\r\n".repeat(1024)].concat();
			[&b"*1024\r\n"[..], &inner.repeat(1024)].concat()
		});
		let error = answer(&MANY, MANY.len(), 5).unwrap_err().to_string();
		assert!(error.contains("more values"), "{error}");
		static LONG: [u8; 3 * LINE_LIMIT + BUFFER_SIZE] = [b'+'; 3 * LINE_LIMIT + BUFFER_SIZE];
		assert!(matches!(answer(&LONG, LONG.len(), 5), Err(WireError::Broken(_))));
	}
}
