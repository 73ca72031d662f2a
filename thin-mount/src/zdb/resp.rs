//! The protocol's outermost layer: requests are arrays of bulk strings, answers are appended to
//! a buffer.

use super::{MAX_ARGUMENTS, MAX_REQUEST, MAX_VALUE};
use bytes::{Bytes, BytesMut};

/// Bytes asked of the socket at once, at least.
const RECEIVE_STEP: usize = 128 * 1024;
/// The most digits a length may have, its line end included.
const MAX_LINE: usize = 32;

/// Why bytes are no request. The connection is of no use after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // The words are in the errors.
pub enum RequestError {
	#[error("Malformed request, array expected")]
	NotAnArray,
	#[error("Missing arguments")]
	Empty,
	#[error("Too many arguments")]
	TooManyArguments,
	#[error("Malformed query string")]
	NotAString,
	#[error("Payload too big")]
	TooLarge,
}

/// Finds requests in a growing buffer. It remembers how far it came, so that a large request
/// that arrives in many pieces is looked at once.
#[derive(Debug, Default)]
pub(super) struct RequestParser {
	/// How far the buffer is parsed.
	at: usize,
	/// Arguments announced, once the array's header is read.
	announced: Option<usize>,
	/// The length of the argument that is being received.
	pending: Option<usize>,
	/// Where the complete arguments lie.
	arguments: Vec<(usize, usize)>,
}

impl RequestParser {
	/// The next whole request in the buffer, which is taken off it, or `None` when more bytes
	/// are needed.
	pub(super) fn next(
		&mut self,
		buffer: &mut BytesMut,
	) -> Result<Option<Vec<Bytes>>, RequestError> {
		let announced = match self.announced {
			Some(announced) => announced,
			None => {
				if buffer.first().is_some_and(|first| *first != b'*') {
					return Err(RequestError::NotAnArray);
				}
				let Some(count) = self.length_line(buffer, RequestError::NotAnArray)? else {
					return Ok(None);
				};
				match count {
					0 => return Err(RequestError::Empty),
					1..=MAX_ARGUMENTS => {},
					_ => return Err(RequestError::TooManyArguments),
				}
				self.announced = Some(count);
				count
			},
		};

		while self.arguments.len() < announced {
			let length = match self.pending {
				Some(length) => length,
				None => {
					if buffer.get(self.at).is_some_and(|first| *first != b'$') {
						return Err(RequestError::NotAString);
					}
					let Some(length) = self.length_line(buffer, RequestError::NotAString)? else {
						return Ok(None);
					};
					if length > MAX_VALUE || self.at + length > MAX_REQUEST {
						return Err(RequestError::TooLarge);
					}
					self.pending = Some(length);
					length
				},
			};
			let end = self.at + length;
			let Some(line_end) = buffer.get(end..end + 2) else { return Ok(None) };
			if line_end != b"\r\n" {
				return Err(RequestError::NotAString);
			}
			self.arguments.push((self.at, length));
			self.at = end + 2;
			self.pending = None;
		}

		let request = buffer.split_to(self.at).freeze();
		let arguments = self
			.arguments
			.drain(..)
			.map(|(start, length)| request.slice(start..start + length))
			.collect();
		self.at = 0;
		self.announced = None;
		Ok(Some(arguments))
	}

	/// How many bytes to make room for before more are received: as much again as there is
	/// already, so that memory follows what was sent, not what was announced.
	pub(super) fn room(&self, buffer: &BytesMut) -> usize {
		self.missing(buffer).clamp(RECEIVE_STEP, RECEIVE_STEP.max(buffer.len()))
	}

	/// How many bytes beyond those in the buffer the argument that is being received still needs,
	/// as far as that is known.
	pub(super) fn missing(&self, buffer: &BytesMut) -> usize {
		let needed = self.pending.map_or(self.at, |length| self.at + length + 2);
		needed.saturating_sub(buffer.len())
	}

	/// Whether a request has begun and is not complete.
	pub(super) fn is_midway(&self, buffer: &BytesMut) -> bool {
		!buffer.is_empty()
	}

	/// Reads `?<digits>\r\n` at the current position.
	fn length_line(
		&mut self,
		buffer: &BytesMut,
		malformed: RequestError,
	) -> Result<Option<usize>, RequestError> {
		let rest = buffer.get(self.at..).unwrap_or_default();
		let window = &rest[..rest.len().min(MAX_LINE)];
		let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
			return if window.len() == MAX_LINE { Err(malformed) } else { Ok(None) };
		};
		let digits = window[1.min(end)..end].strip_suffix(b"\r").ok_or(malformed)?;
		if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
			return Err(malformed);
		}
		let length =
			digits.iter().fold(0u64, |length, digit| length * 10 + u64::from(digit - b'0'));
		self.at += end + 1;
		Ok(Some(usize::try_from(length).unwrap_or(usize::MAX)))
	}
}

/// Reads requests out of pieces of a byte stream, as a connection receives them, and answers them
/// with the error that ended it. For fuzzing: the rest of the crate has no use for it.
#[doc(hidden)]
pub fn parse_requests<'a>(
	pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<Bytes>>, Option<RequestError>) {
	let mut parser = RequestParser::default();
	let mut buffer = BytesMut::new();
	let mut requests = Vec::new();
	for mut piece in pieces {
		while !piece.is_empty() {
			// A socket gives no more than there is room for.
			buffer.reserve(parser.room(&buffer));
			let (now, later) = piece.split_at(piece.len().min(buffer.capacity() - buffer.len()));
			buffer.extend_from_slice(now);
			piece = later;
			loop {
				match parser.next(&mut buffer) {
					Ok(Some(request)) => requests.push(request),
					Ok(None) => break,
					Err(error) => return (requests, Some(error)),
				}
			}
		}
	}
	(requests, None)
}

/// Appends an error.
pub(super) fn error(out: &mut Vec<u8>, text: &str) {
	line(out, b'-', text.as_bytes());
}

/// Appends a simple string.
pub(super) fn simple(out: &mut Vec<u8>, text: &str) {
	line(out, b'+', text.as_bytes());
}

/// Appends an integer.
pub(super) fn integer(out: &mut Vec<u8>, value: u64) {
	line(out, b':', value.to_string().as_bytes());
}

/// Appends the header of an array.
pub(super) fn array(out: &mut Vec<u8>, length: usize) {
	line(out, b'*', length.to_string().as_bytes());
}

/// Appends a bulk string.
pub(super) fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
	bulk_header(out, bytes.len());
	out.extend_from_slice(bytes);
	out.extend_from_slice(b"\r\n");
}

/// Appends the header of a bulk string whose bytes and line end follow.
pub(super) fn bulk_header(out: &mut Vec<u8>, length: usize) {
	line(out, b'$', length.to_string().as_bytes());
}

/// Appends the answer for a value that is not there.
pub(super) fn nil(out: &mut Vec<u8>) {
	out.extend_from_slice(b"$-1\r\n");
}

fn line(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
	out.push(kind);
	out.extend_from_slice(text);
	out.extend_from_slice(b"\r\n");
}

/// The requests in bytes that come from anywhere, in pieces of this size, and whether an error
/// ended them.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_requests(bytes: &[u8], piece: usize) -> (Vec<Vec<Bytes>>, bool) {
	let (mut buffer, mut parser) = (BytesMut::new(), RequestParser::default());
	let mut requests = Vec::new();
	for part in bytes.chunks(piece.max(1)) {
		buffer.extend_from_slice(part);
		loop {
			match parser.next(&mut buffer) {
				Ok(Some(request)) => requests.push(request),
				Ok(None) => break,
				Err(_) => return (requests, true),
			}
		}
	}
	(requests, false)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn encode(arguments: &[Vec<u8>]) -> Vec<u8> {
		let mut out = Vec::new();
		array(&mut out, arguments.len());
		for argument in arguments {
			bulk(&mut out, argument);
		}
		out
	}

	fn parse_all(bytes: &[u8]) -> Result<Vec<Vec<Bytes>>, RequestError> {
		let mut buffer = BytesMut::from(bytes);
		let mut parser = RequestParser::default();
		let mut requests = Vec::new();
		while let Some(request) = parser.next(&mut buffer)? {
			requests.push(request);
		}
		Ok(requests)
	}

	/// Bytes of the protocol, right or nearly so, and any others.
	fn stream() -> impl Strategy<Value = Vec<u8>> {
		let argument = || prop::collection::vec(any::<u8>(), 0..40);
		let request = prop::collection::vec(argument(), 1..6).prop_map(|request| encode(&request));
		let noise = prop::collection::vec(
			prop_oneof![Just(b'*'), Just(b'$'), Just(b'\r'), Just(b'\n'), b'0'..=b'9', any::<u8>()],
			0..60,
		);
		let header = (prop_oneof![Just('*'), Just('$')], any::<i64>())
			.prop_map(|(kind, number)| format!("{kind}{number}\r\n").into_bytes());
		let part = prop_oneof![6 => request, 1 => noise, 1 => header];
		prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
	}

	#[test]
	fn malformed_requests_are_told_apart() {
		for (bytes, expected) in [
			(&b"PING\r\n"[..], RequestError::NotAnArray),
			(b"*0\r\n", RequestError::Empty),
			(b"*-1\r\n", RequestError::NotAnArray),
			(b"*1025\r\n", RequestError::TooManyArguments),
			(b"*99999999999999999999999\r\n", RequestError::NotAnArray),
			(b"*1\r\n:1\r\n", RequestError::NotAString),
			(b"*1\r\n$-1\r\n", RequestError::NotAString),
			(b"*1\r\n$8388609\r\n", RequestError::TooLarge),
			(b"*1\r\n$9223372036854775807\r\n", RequestError::TooLarge),
			(b"*1\r\n$4\r\nPINGxx", RequestError::NotAString),
			(b"*11111111111111111111111111111111111", RequestError::NotAnArray),
		] {
			assert_eq!(parse_all(bytes), Err(expected), "{}", bytes.escape_ascii());
		}
	}

	#[test]
	fn a_request_of_large_arguments_is_refused_before_it_arrives() {
		let mut bytes = b"*3\r\n$8388608\r\n".to_vec();
		bytes.resize(bytes.len() + MAX_VALUE, b'x');
		bytes.extend_from_slice(b"\r\n$8388608\r\n");
		assert_eq!(parse_all(&bytes), Err(RequestError::TooLarge));
	}

	proptest! {
		#[test]
		fn any_bytes_are_read_the_same_however_they_are_cut(
			bytes in stream(),
			cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
		) {
			let whole = parse_requests([&bytes[..]]);
			prop_assert_eq!(parse_requests(bytes.chunks(1)), whole.clone());
			let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
			cuts.sort_unstable();
			let ends = cuts.iter().copied().chain([bytes.len()]);
			let starts = [0].into_iter().chain(cuts.iter().copied());
			let pieces = starts.zip(ends).map(|(start, end)| &bytes[start..end]);
			prop_assert_eq!(parse_requests(pieces), whole.clone());
			for request in whole.0 {
				prop_assert!((1..=MAX_ARGUMENTS).contains(&request.len()));
			}
		}

		#[test]
		fn memory_follows_what_was_sent(
			bytes in stream(),
			announced in prop_oneof![Just(MAX_VALUE), 0..=2 * MAX_VALUE],
			sent in prop_oneof![Just(0usize), 0..3 * RECEIVE_STEP],
			piece in 1usize..2 * RECEIVE_STEP,
		) {
			let mut bytes = bytes;
			bytes.extend(format!("*2\r\n$4\r\nname\r\n${announced}\r\n").into_bytes());
			bytes.resize(bytes.len() + sent, b'x');
			let mut parser = RequestParser::default();
			let mut buffer = BytesMut::new();
			let mut received = 0;
			for mut part in bytes.chunks(piece) {
				while !part.is_empty() {
					buffer.reserve(parser.room(&buffer));
					let most = part.len().min(buffer.capacity() - buffer.len());
					buffer.extend_from_slice(&part[..most]);
					part = &part[most..];
					received += most;
					prop_assert!(buffer.capacity() <= 4 * received.max(RECEIVE_STEP));
					prop_assert!(parser.missing(&buffer) <= MAX_REQUEST);
					loop {
						match parser.next(&mut buffer) {
							Ok(Some(_)) => {},
							Ok(None) => break,
							Err(_) => return Ok(()),
						}
					}
					prop_assert!(parser.arguments.capacity() <= 2 * MAX_ARGUMENTS);
				}
			}
		}

		#[test]
		fn requests_are_found_whatever_the_pieces(
			requests in prop::collection::vec(
				prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
				1..5,
			),
			piece in 1usize..50,
		) {
			let bytes: Vec<u8> = requests.iter().flat_map(|request| encode(request)).collect();
			let mut parser = RequestParser::default();
			let mut buffer = BytesMut::new();
			let mut found = Vec::new();
			for part in bytes.chunks(piece) {
				buffer.extend_from_slice(part);
				while let Some(request) = parser.next(&mut buffer).unwrap() {
					found.push(request.iter().map(|argument| argument.to_vec()).collect::<Vec<_>>());
				}
			}
			prop_assert_eq!(found, requests);
			prop_assert!(buffer.is_empty());
		}
	}
}
