//! Chunks: the unit of storage, transfer and verification.

use bytes::Bytes;
use codec::{Decode, Encode, MaxEncodedLen};
use std::{fmt, str::FromStr};

/// The most plain bytes a chunk holds.
pub const CHUNK_SIZE: usize = 64 * 1024;

/// The BLAKE3 hash of a chunk's plain bytes, which is also the key of its value in a store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen)]
pub struct ChunkId(pub [u8; 32]);

impl ChunkId {
	/// The id of these plain bytes.
	pub fn of(bytes: &[u8]) -> Self {
		Self(*blake3::hash(bytes).as_bytes())
	}
}

impl AsRef<[u8]> for ChunkId {
	fn as_ref(&self) -> &[u8] {
		&self.0
	}
}

impl fmt::Display for ChunkId {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(&hex::encode(self.0))
	}
}

impl fmt::Debug for ChunkId {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "ChunkId({self})")
	}
}

/// Not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an id: expected 64 hexadecimal digits, with or without 0x before them")]
pub struct ParseIdError(String);

impl FromStr for ChunkId {
	type Err = ParseIdError;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		let mut id = [0; 32];
		hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut id)
			.map_err(|_| ParseIdError(text.to_owned()))?;
		Ok(Self(id))
	}
}

/// Plain bytes that are known to hash to their id.
///
/// There are two ways to make one, [`Chunk::new`], which computes the id, and [`Chunk::verify`],
/// which checks it. Whoever holds a `Chunk` may rely on its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
	id: ChunkId,
	bytes: Bytes,
}

/// Why bytes are no chunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
	/// The bytes hash to something else.
	#[error("chunk {expected} is corrupt: its {length} bytes hash to {actual}")]
	Mismatch {
		/// The id that was asked for.
		expected: ChunkId,
		/// What the bytes hash to.
		actual: ChunkId,
		/// How many bytes there were.
		length: usize,
	},
	/// More bytes than a chunk may hold.
	#[error("a chunk of {0} bytes: the most is 65536")]
	TooLarge(usize),
}

impl Chunk {
	/// Makes a chunk of these bytes. Errors when there are more than [`CHUNK_SIZE`].
	pub fn new(bytes: Bytes) -> Result<Self, ChunkError> {
		if bytes.len() > CHUNK_SIZE {
			return Err(ChunkError::TooLarge(bytes.len()));
		}
		Ok(Self { id: ChunkId::of(&bytes), bytes })
	}

	/// Accepts bytes that came from elsewhere if they are the chunk `expected`.
	pub fn verify(expected: ChunkId, bytes: Bytes) -> Result<Self, ChunkError> {
		let length = bytes.len();
		let chunk = Self::new(bytes)?;
		if chunk.id != expected {
			return Err(ChunkError::Mismatch { expected, actual: chunk.id, length });
		}
		Ok(chunk)
	}

	/// The hash of the bytes.
	pub fn id(&self) -> ChunkId {
		self.id
	}

	/// The plain bytes.
	pub fn bytes(&self) -> &Bytes {
		&self.bytes
	}

	/// The plain bytes, without the id.
	pub fn into_bytes(self) -> Bytes {
		self.bytes
	}
}

impl fmt::Debug for Chunk {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "Chunk({}, {} bytes)", self.id, self.bytes.len())
	}
}
