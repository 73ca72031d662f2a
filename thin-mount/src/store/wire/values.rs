//! The answer to an `MGET`, which may be read in several goes.

use super::{length, malformed, Connection, WireError};
use crate::buffer::Buffer;
use bytes::Bytes;
use std::time::Instant;

/// Values that were asked for, as far as they have come. Nothing of it is lost when nothing more
/// comes for a while.
pub(in crate::store) struct Values {
	wanted: usize,
	/// How many bytes those that are still to come may have.
	limit: usize,
	begun: bool,
	values: Vec<Option<Bytes>>,
	/// A value that is on its way, and how much of it is there.
	partial: Option<(Buffer, usize)>,
}

impl Values {
	/// As many values, of at most `limit` bytes together.
	pub(in crate::store) fn new(wanted: usize, limit: usize) -> Self {
		let (begun, values, partial) = Default::default();
		Self { wanted, limit, begun, values, partial }
	}

	pub(in crate::store) fn into_vec(self) -> Vec<Option<Bytes>> {
		self.values
	}

	/// Reads what has come and waits for what is to come: `false` when not all has by then, or
	/// nothing for as long as the connection waits.
	pub(super) fn advance(
		&mut self,
		connection: &mut Connection,
		until: Instant,
	) -> Result<bool, WireError> {
		while !self.begun || self.values.len() < self.wanted || self.partial.is_some() {
			if Instant::now() > until {
				return Ok(false);
			}
			match &mut self.partial {
				Some((value, filled)) if *filled < value.len() => {
					match connection.take(&mut value[*filled..])? {
						Some(more) => *filled += more,
						None => return Ok(false),
					}
				},
				_ => match connection.next_line()? {
					Some(line) => self.line(&line)?,
					None => return Ok(false),
				},
			}
		}
		Ok(true)
	}

	fn line(&mut self, line: &[u8]) -> Result<(), WireError> {
		if let Some((value, _)) = self.partial.take() {
			if !line.is_empty() {
				return Err(malformed("a value longer than its length"));
			}
			self.values.push(Some(value.freeze()));
			return Ok(());
		}
		match (self.begun, line.split_first()) {
			(false, Some((b'*', digits))) if length(digits)? == Some(self.wanted) => {
				self.begun = true;
			},
			(false, Some((b'*', _))) => {
				return Err(malformed("the answer to MGET is an array of another length"))
			},
			(false, Some((b'-', words))) => {
				return Err(WireError::Server(String::from_utf8_lossy(words).into_owned()))
			},
			(true, Some((b'$', digits))) => match length(digits)? {
				None => self.values.push(None),
				Some(length) => {
					self.limit = self
						.limit
						.checked_sub(length)
						.ok_or_else(|| malformed("more bytes than were asked for"))?;
					self.partial = Some((Buffer::of(length), 0));
				},
			},
			_ => return Err(malformed("the answer to MGET is something else")),
		}
		Ok(())
	}
}

/// Values, and how many bytes of the answer they took.
#[cfg(any(test, fuzzing))]
pub(crate) type Taken = (Vec<Option<Bytes>>, usize);

/// What a client makes of an answer to `MGET` that comes from anywhere, `piece` bytes at a time: the
/// values that it asked for, or the server's own words. `None` where the connection is of no use
/// after it.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_values(
	bytes: &[u8],
	piece: usize,
	(wanted, limit): (usize, usize),
) -> Option<Result<Taken, String>> {
	use std::{
		io::{Read, Write},
		net::TcpStream,
		os::{fd::OwnedFd, unix::net::UnixStream},
		time::Duration,
	};
	let (mut there, here) = UnixStream::pair().ok()?;
	// It has what has come, or nothing: nobody waits.
	here.set_nonblocking(true).ok()?;
	let mut connection = Connection::over(TcpStream::from(OwnedFd::from(here)));
	let mut values = Values::new(wanted, limit);
	let until = Instant::now() + Duration::from_secs(3600);
	let mut sent = 0;
	loop {
		match values.advance(&mut connection, until) {
			Ok(true) => break,
			Ok(false) if sent < bytes.len() => {
				// Less than the socket's buffer holds, and the last piece was read to its end.
				let more = &bytes[sent..bytes.len().min(sent + piece.clamp(1, 64 * 1024))];
				there.write_all(more).ok()?;
				sent += more.len();
			},
			Ok(false) => return None,
			Err(WireError::Server(words)) => return Some(Err(words)),
			Err(WireError::Broken(_)) => return None,
		}
	}
	drop(there);
	let mut rest = connection.buffer[connection.start..connection.end].to_vec();
	connection.stream.read_to_end(&mut rest).ok()?;
	Some(Ok((values.into_vec(), sent - rest.len())))
}
