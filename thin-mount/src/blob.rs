//! Blobs: byte strings of any length as hash trees of chunks.
//!
//! Leaves are 64 KiB, the last one shorter. An inner node is a chunk that holds the ids of up to
//! 2,048 children. The length fixes the depth and how many children each node has, so a root and a
//! length name exactly one tree, and a node of another shape is an error.

mod reader;
mod shape;
mod writer;

pub(crate) use reader::{fetch, shape as check_shape};
pub use reader::{BlobReader, Leaf, Segment};
pub use shape::{children, height, leaf_count, leaf_length, zero_id, FANOUT, MAX_LENGTH};
pub use writer::{BlobWriter, TreeBuilder};

use crate::{
	chunk::{Chunk, ChunkId, CHUNK_SIZE},
	source::FetchError,
};
use codec::{Decode, Encode, MaxEncodedLen};

/// Names a blob: the id of the root of its tree, and its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen)]
pub struct BlobRef {
	/// The only leaf, or the topmost inner node. Of an empty blob: the hash of no bytes.
	pub root: ChunkId,
	/// How many bytes the blob has. At most [`MAX_LENGTH`].
	pub length: u64,
}

impl BlobRef {
	/// The empty blob. It needs no chunk.
	pub fn empty() -> Self {
		Self { root: ChunkId::of(b""), length: 0 }
	}

	/// Whether it is a hole as a whole, which its root tells: of such a blob nothing is stored, and
	/// nothing must be fetched.
	pub(crate) fn is_hole(&self) -> bool {
		let leaves = leaf_count(self.length);
		self.length.is_multiple_of(CHUNK_SIZE as u64)
			&& shape::is_hole(self.root, height(leaves), leaves)
	}
}

/// Why a blob can't be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BlobError {
	/// A chunk can't be had.
	#[error(transparent)]
	Fetch(#[from] FetchError),
	/// A chunk is what its id says, and does not fit where the tree has it. Only who made the
	/// image can have done that.
	#[error(
		"the image is malformed: chunk {id} has {actual} bytes where its tree needs {expected}"
	)]
	Shape {
		/// The chunk.
		id: ChunkId,
		/// Its length.
		actual: usize,
		/// The length that the blob's length implies there.
		expected: usize,
	},
	/// A length no file can have.
	#[error("a blob of {0} bytes: the most is 9223372036854775807")]
	TooLong(u64),
	/// An empty blob whose root is not the hash of no bytes.
	#[error("the image is malformed: an empty blob has the root {0}")]
	EmptyRoot(ChunkId),
}

/// Where the chunks of a tree go as it is built.
pub trait ChunkSink {
	/// Why a chunk could not be taken.
	type Error;

	/// Takes a chunk.
	fn put(&mut self, chunk: Chunk) -> Result<(), Self::Error>;
}

impl<E, F: FnMut(Chunk) -> Result<(), E>> ChunkSink for F {
	type Error = E;

	fn put(&mut self, chunk: Chunk) -> Result<(), E> {
		self(chunk)
	}
}

#[cfg(test)]
mod tests;
