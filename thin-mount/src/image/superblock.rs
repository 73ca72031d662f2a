//! The superblock: the one chunk an image starts with.

use super::{ImageError, ImageId};
use crate::{
	blob::{fetch, BlobReader, BlobRef},
	chunk::Chunk,
	source::ChunkSource,
};
use codec::{Decode, DecodeAll, Encode};

/// The first bytes of every superblock.
pub const MAGIC: [u8; 8] = *b"THINIMG\0";

/// The format version that this program writes and reads.
pub const FORMAT_VERSION: u16 = 1;

/// The most bytes of a superblock, of any version.
pub const SUPERBLOCK_LIMIT: usize = 512;

/// The most bytes of a trace: the ids of 2^20 chunks.
pub const TRACE_LIMIT: u64 = 32 << 20;

/// What an image holds, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Totals {
	/// Regular files; several names of one file count once.
	pub files: u64,
	/// Directories, without the root.
	pub directories: u64,
	/// Symbolic links.
	pub symlinks: u64,
	/// Further names of files that have several.
	pub hard_links: u64,
	/// The lengths of all files; several names of one file count once.
	pub bytes: u64,
	/// The chunks of all files and of the listing that are no holes, in the order they occur: one
	/// that occurs twice counts twice. Advice for progress bars; nothing checks it.
	pub chunks: u64,
}

/// The superblock, after its magic and its version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Superblock {
	/// The listing of the tree.
	pub listing: BlobRef,
	/// The permission bits of the root directory.
	pub root_mode: u16,
	/// What the image holds.
	pub totals: Totals,
	/// The prefetch trace: chunk ids, 32 bytes each.
	pub trace: Option<BlobRef>,
}

impl Superblock {
	/// The chunk of this superblock. Its id is the image id.
	pub fn to_chunk(&self) -> Chunk {
		let bytes = (MAGIC, FORMAT_VERSION, self).encode();
		Chunk::new(bytes.into()).expect("a superblock has less than 200 bytes; qed")
	}

	/// Fetches and checks the superblock of this image, and nothing else of it.
	pub fn fetch(source: &dyn ChunkSource, id: ImageId) -> Result<Self, ImageError> {
		let failed = |error| ImageError::Superblock { id, error: Box::new(error) };
		let chunk = fetch(source, &[id.0]).map_err(failed)?.pop();
		let bytes = chunk.map(Chunk::into_bytes).unwrap_or_default();
		Self::parse(id, &bytes)
	}

	pub(super) fn parse(id: ImageId, bytes: &[u8]) -> Result<Self, ImageError> {
		let malformed = |reason: String| ImageError::Malformed { id, reason };
		let rest = bytes.strip_prefix(&MAGIC).ok_or(ImageError::NoImage { id })?;
		if bytes.len() > SUPERBLOCK_LIMIT {
			return Err(malformed(format!("its superblock has {} bytes", bytes.len())));
		}
		let &[low, high, ref rest @ ..] = rest else {
			return Err(malformed("its superblock ends before the version".into()));
		};
		let found = u16::from_le_bytes([low, high]);
		if found != FORMAT_VERSION {
			return Err(ImageError::Version { id, found });
		}
		let superblock = Self::decode_all(&mut &rest[..])
			.map_err(|error| malformed(format!("its superblock can't be decoded: {error}")))?;
		for blob in [Some(&superblock.listing), superblock.trace.as_ref()].into_iter().flatten() {
			BlobReader::check(blob).map_err(|error| malformed(error.to_string()))?;
		}
		if superblock.root_mode > 0o7777 {
			return Err(malformed(format!("the root has the mode {:o}", superblock.root_mode)));
		}
		if superblock.trace.is_some_and(|trace| trace.length % 32 != 0) {
			return Err(malformed("the length of its trace is no multiple of 32".into()));
		}
		Ok(superblock)
	}

	/// Whether the listing holds what the superblock says.
	pub(super) fn compare(&self, counted: Totals) -> Result<(), String> {
		let counted = Totals { chunks: self.totals.chunks, ..counted };
		if counted != self.totals {
			return Err(format!(
				"its superblock and its listing disagree: {:?} and {counted:?}",
				self.totals
			));
		}
		Ok(())
	}
}
