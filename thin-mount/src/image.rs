//! Images: directory trees, frozen.
//!
//! The superblock, a chunk of a few hundred bytes, names the listing; the listing, a blob, names
//! every path and the blob of every file. The image id is the superblock's hash, so one id
//! fixes every byte. No times and no owners are kept: the same tree has the same id everywhere.

mod listing;
mod superblock;
mod tree;

pub use listing::{
	check_path, compare_paths, Entry, EntryKind, PathError, LISTING_LIMIT, MAX_NAME, MAX_PATH,
};
pub use superblock::{Superblock, Totals, FORMAT_VERSION, MAGIC, SUPERBLOCK_LIMIT, TRACE_LIMIT};
pub use tree::{Attributes, EntryView, NodeId, NodeKind, Tree};

use crate::{
	blob::{fetch, BlobError, BlobReader, BlobRef},
	chunk::{ChunkId, ParseIdError},
	source::{ChunkSource, FetchError},
};
use codec::{Decode, Encode, MaxEncodedLen};
use std::{fmt, str::FromStr, sync::Arc};

/// Names an image: the id of its superblock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen)]
pub struct ImageId(pub ChunkId);

impl fmt::Display for ImageId {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		self.0.fmt(f)
	}
}

impl fmt::Debug for ImageId {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "ImageId({self})")
	}
}

impl FromStr for ImageId {
	type Err = ParseIdError;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		text.parse().map(Self)
	}
}

/// Why an image can't be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ImageError {
	/// The superblock can't be had.
	#[error("image {id} can't be opened: {error}")]
	Superblock {
		/// The image.
		id: ImageId,
		/// The cause.
		error: Box<FetchError>,
	},
	/// Part of the listing or of the trace can't be had or does not fit.
	#[error("the {what} of image {id} can't be read: {error}")]
	Blob {
		/// The image.
		id: ImageId,
		/// Which blob.
		what: &'static str,
		/// The cause.
		error: Box<BlobError>,
	},
	/// The chunk of this id is something else.
	#[error("{id} is no image: its chunk does not begin with the mark of a superblock")]
	NoImage {
		/// The id.
		id: ImageId,
	},
	/// A format this program does not know.
	#[error("image {id} has format version {found}, and this program reads version {known}: use a newer thin-mount", known = FORMAT_VERSION)]
	Version {
		/// The image.
		id: ImageId,
		/// Its version.
		found: u16,
	},
	/// The image breaks a rule of the format. Whoever made it must make it again.
	#[error("image {id} is malformed: {reason}")]
	Malformed {
		/// The image.
		id: ImageId,
		/// The rule, and where it is broken.
		reason: String,
	},
}

impl ImageError {
	/// The chunk that could not be had, if that was the cause.
	pub fn fetch_error(&self) -> Option<&FetchError> {
		match self {
			Self::Superblock { error, .. } => Some(error),
			Self::Blob { error, .. } => match &**error {
				BlobError::Fetch(error) => Some(error),
				_ => None,
			},
			_ => None,
		}
	}
}

/// An open image: its superblock and its tree, both checked, and a reader for its files.
pub struct Image {
	id: ImageId,
	superblock: Superblock,
	tree: Tree,
	blobs: BlobReader,
}

impl Image {
	/// Fetches superblock and listing and checks every rule of the format, before anything of the
	/// tree is shown. Memory grows with the listing, which has at most [`LISTING_LIMIT`] bytes.
	pub fn open(source: Arc<dyn ChunkSource>, id: ImageId) -> Result<Self, ImageError> {
		let superblock = Superblock::fetch(&*source, id)?;
		let blobs = BlobReader::new(source);
		let listing = read_whole(&blobs, id, "listing", &superblock.listing, LISTING_LIMIT)?;
		let malformed = |reason| ImageError::Malformed { id, reason };
		let tree = Tree::parse(listing, superblock.root_mode).map_err(malformed)?;
		superblock.compare(tree.totals()).map_err(malformed)?;
		Ok(Self { id, superblock, tree, blobs })
	}

	/// The image's id.
	pub fn id(&self) -> ImageId {
		self.id
	}

	/// The superblock.
	pub fn superblock(&self) -> &Superblock {
		&self.superblock
	}

	/// The directory tree.
	pub fn tree(&self) -> &Tree {
		&self.tree
	}

	/// Reads the files: take a file's blob from [`Tree::blob`].
	pub fn blobs(&self) -> &BlobReader {
		&self.blobs
	}

	/// The prefetch trace: the chunks that a reader will want first, in this order. Empty where
	/// the image has none. It is advice: nothing may depend on it being right.
	pub fn trace(&self) -> Result<Vec<ChunkId>, ImageError> {
		let Some(trace) = &self.superblock.trace else { return Ok(Vec::new()) };
		let bytes = read_whole(&self.blobs, self.id, "trace", trace, TRACE_LIMIT)?;
		let mut ids = Vec::with_capacity(bytes.len() / 32);
		for id in bytes.chunks_exact(32) {
			let mut chunk = ChunkId([0; 32]);
			chunk.0.copy_from_slice(id);
			ids.push(chunk);
		}
		Ok(ids)
	}
}

/// A whole blob that is known to hold no 64 KiB of zeros. So what it allocates was sent by a
/// store, however long it claims to be.
fn read_whole(
	blobs: &BlobReader,
	id: ImageId,
	what: &'static str,
	blob: &BlobRef,
	limit: u64,
) -> Result<Vec<u8>, ImageError> {
	const BATCH: u64 = 64;
	if blob.length > limit {
		let reason = format!("its {what} has {} bytes: the most is {limit}", blob.length);
		return Err(ImageError::Malformed { id, reason });
	}
	let failed = |error| ImageError::Blob { id, what, error: Box::new(error) };
	let mut bytes = Vec::new();
	let mut next = 0;
	loop {
		let leaves = blobs.leaves(blob, next..next + BATCH).map_err(failed)?;
		if leaves.is_empty() {
			return Ok(bytes);
		}
		if leaves.iter().any(|leaf| leaf.hole) {
			let reason = format!("there are 65536 zeros in its {what}");
			return Err(ImageError::Malformed { id, reason });
		}
		next += leaves.len() as u64;
		let ids: Vec<_> = leaves.iter().map(|leaf| leaf.id).collect();
		let chunks = fetch(&**blobs.source(), &ids).map_err(|error| failed(error.into()))?;
		for (leaf, chunk) in leaves.iter().zip(chunks) {
			crate::blob::check_shape(leaf.id, chunk.bytes().len(), leaf.length).map_err(failed)?;
			bytes.extend_from_slice(chunk.bytes());
		}
	}
}

/// A superblock out of bytes that come from anywhere.
#[cfg(any(test, fuzzing))]
pub(crate) fn parse_superblock(bytes: &[u8]) -> Result<Superblock, ImageError> {
	Superblock::parse(ImageId(ChunkId([0; 32])), bytes)
}

/// A tree out of a listing that comes from anywhere.
#[cfg(any(test, fuzzing))]
pub(crate) fn parse_listing(bytes: &[u8]) -> Result<Tree, String> {
	Tree::parse(bytes.to_vec(), 0o755)
}

#[cfg(test)]
mod tests;
