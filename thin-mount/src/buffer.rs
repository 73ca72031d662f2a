//! Memory for chunks and their values, used again and again. Fresh memory costs a page fault for
//! each 4 KiB and is filled with zeros, which takes as long as a good part of hashing what comes
//! into it.

use crate::chunk::CHUNK_SIZE;
use bytes::Bytes;
use parking_lot::Mutex;
use std::ops::{Deref, DerefMut};

/// A chunk, or the value of one: with its codec byte.
const ROOM: usize = CHUNK_SIZE + 64;
/// What is shorter has memory of its own size: a reader may keep it for long.
const SHORT: usize = CHUNK_SIZE / 4;
/// How many are kept for the next: 8 MiB.
const KEPT: usize = 128;

static FREE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// So many bytes, whatever was in them before.
pub(crate) struct Buffer {
	memory: Box<[u8]>,
	length: usize,
}

impl Buffer {
	/// `length` bytes to be written to. What they are until then is nobody's business: it may be
	/// what an earlier chunk was.
	pub(crate) fn of(length: usize) -> Self {
		let memory = match length {
			SHORT..=ROOM => FREE.lock().pop().unwrap_or_else(|| vec![0; ROOM].into()),
			_ => vec![0; length].into(),
		};
		Self { memory, length }
	}

	/// Leaves out what follows the first `length` bytes.
	pub(crate) fn truncate(&mut self, length: usize) {
		self.length = self.length.min(length);
	}

	/// The bytes, to be shared. Their memory comes back when the last who has a part of them is
	/// gone.
	pub(crate) fn freeze(self) -> Bytes {
		Bytes::from_owner(self)
	}
}

impl Deref for Buffer {
	type Target = [u8];

	fn deref(&self) -> &[u8] {
		&self.memory[..self.length]
	}
}

impl DerefMut for Buffer {
	fn deref_mut(&mut self) -> &mut [u8] {
		&mut self.memory[..self.length]
	}
}

impl AsRef<[u8]> for Buffer {
	fn as_ref(&self) -> &[u8] {
		self
	}
}

impl Drop for Buffer {
	fn drop(&mut self) {
		if self.memory.len() == ROOM {
			let mut free = FREE.lock();
			if free.len() < KEPT {
				free.push(std::mem::take(&mut self.memory));
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_buffer_is_as_long_as_it_was_asked_for_and_holds_what_was_written() {
		for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, CHUNK_SIZE, ROOM, ROOM + 1, 1 << 20] {
			for round in 0..3u8 {
				let mut buffer = Buffer::of(length);
				assert_eq!(buffer.len(), length);
				buffer.fill(round);
				buffer.truncate(length / 2);
				buffer.truncate(length);
				assert_eq!(buffer.freeze(), vec![round; length / 2]);
			}
		}
	}

	#[test]
	fn what_is_shared_is_not_used_again_before_it_is_let_go() {
		let shared = |byte| {
			let mut buffer = Buffer::of(CHUNK_SIZE);
			buffer.fill(byte);
			buffer.freeze().slice(1..)
		};
		let all: Vec<Bytes> = (0..200).map(shared).collect();
		for (byte, bytes) in (0..200).zip(&all) {
			assert!(bytes.len() == CHUNK_SIZE - 1 && bytes.iter().all(|found| *found == byte));
		}
		drop(all);
		assert!(FREE.lock().len() <= KEPT);
	}
}
