//! Which chunks images need: for comparing images, and for finding what none needs.

use crate::{
	blob::BlobRef,
	chunk::ChunkId,
	image::{Image, ImageError, ImageId},
	source::ChunkSource,
};
use std::{
	collections::{HashMap, HashSet},
	sync::Arc,
};

/// A set of chunks, with how many plain bytes each has.
///
/// Memory: some 50 bytes a chunk, so about 800 MB for a terabyte of data without holes.
#[derive(Default)]
pub struct Needs {
	chunks: HashMap<ChunkId, u32>,
	/// Subtrees that are in it already: what keeps the work bounded when a small image claims to
	/// be a huge one.
	walked: HashSet<(ChunkId, u32, u64)>,
}

/// A number of chunks, and their plain bytes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
	/// How many chunks.
	pub chunks: u64,
	/// The bytes in them.
	pub bytes: u64,
}

impl Amount {
	pub(crate) fn add(&mut self, bytes: u64) {
		self.chunks = self.chunks.saturating_add(1);
		self.bytes = self.bytes.saturating_add(bytes);
	}
}

impl Needs {
	/// Adds everything the image needs: superblock, listing, trace, and all files. Fetches the
	/// listing and inner nodes, but no leaves of files. An error means that a part of the image is
	/// not known, and that the set is of no use for saying what nobody needs.
	pub fn add(&mut self, source: Arc<dyn ChunkSource>, id: ImageId) -> Result<Image, ImageError> {
		let image = Image::open(source, id)?;
		self.insert(id.0, image.superblock().to_chunk().bytes().len());
		self.blob(&image, "listing", &image.superblock().listing)?;
		if let Some(trace) = &image.superblock().trace {
			self.blob(&image, "trace", trace)?;
		}
		for entry in image.tree().entries() {
			if let (Some(blob), false) = (entry.blob, entry.hard_link) {
				self.blob(&image, "content", &blob)?;
			}
		}
		Ok(image)
	}

	fn blob(
		&mut self,
		image: &Image,
		what: &'static str,
		blob: &BlobRef,
	) -> Result<(), ImageError> {
		let Self { chunks, walked } = self;
		image
			.blobs()
			.chunks(blob, walked, &mut |id, length| insert(chunks, id, length))
			.map_err(|error| ImageError::Blob { id: image.id(), what, error: Box::new(error) })
	}

	fn insert(&mut self, id: ChunkId, length: usize) {
		insert(&mut self.chunks, id, length);
	}

	/// Whether this chunk is among them.
	pub fn contains(&self, id: &ChunkId) -> bool {
		self.chunks.contains_key(id)
	}

	/// All of them.
	pub fn amount(&self) -> Amount {
		self.sum(|_| true)
	}

	/// Those that are in the other set, too.
	pub fn shared_with(&self, other: &Self) -> Amount {
		self.sum(|id| other.contains(id))
	}

	fn sum(&self, counts: impl Fn(&ChunkId) -> bool) -> Amount {
		let mut amount = Amount::default();
		for (_, length) in self.chunks.iter().filter(|(id, _)| counts(id)) {
			amount.add(u64::from(*length));
		}
		amount
	}
}

/// A chunk has one length, whatever an image claims, and never more than 64 KiB.
fn insert(chunks: &mut HashMap<ChunkId, u32>, id: ChunkId, length: usize) {
	chunks.entry(id).or_insert(length as u32);
}
