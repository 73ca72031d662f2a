//! What files hold: the one place where reads become chunks, and errors become error numbers.

use crate::{
	blob::{BlobError, BlobRef},
	fetch::Fetcher,
	image::{Image, NodeId},
	source::FetchError,
};
use fuser::Errno;
use std::sync::{
	atomic::{AtomicU64, Ordering::Relaxed},
	Arc,
};

pub(super) struct Content {
	image: Image,
	fetcher: Arc<Fetcher>,
	pub(super) reads: AtomicU64,
	pub(super) bytes_read: AtomicU64,
	pub(super) errors: AtomicU64,
}

/// A file that somebody has open.
pub(super) struct OpenFile {
	node: NodeId,
	blob: BlobRef,
}

impl Content {
	pub(super) fn new(image: Image, fetcher: Arc<Fetcher>) -> Self {
		let (reads, bytes_read, errors) = Default::default();
		Self { image, fetcher, reads, bytes_read, errors }
	}

	pub(super) fn image(&self) -> &Image {
		&self.image
	}

	pub(super) fn fetcher(&self) -> &Fetcher {
		&self.fetcher
	}

	pub(super) fn open(&self, node: NodeId) -> Result<OpenFile, Errno> {
		let tree = self.image.tree();
		match tree.blob(node) {
			Some(blob) => Ok(OpenFile { node, blob }),
			None if tree.child_count(node).is_some() => Err(Errno::EISDIR),
			None => Err(Errno::ENOENT),
		}
	}

	/// The bytes of a file from `offset` on: `size` of them, or as many as there are to the end.
	pub(super) fn read(&self, file: &OpenFile, offset: u64, size: usize) -> Result<Vec<u8>, Errno> {
		self.reads.fetch_add(1, Relaxed);
		match self.image.blobs().read_at(&file.blob, offset, size) {
			Ok(bytes) => {
				self.bytes_read.fetch_add(bytes.len() as u64, Relaxed);
				Ok(bytes)
			},
			Err(error) => {
				self.errors.fetch_add(1, Relaxed);
				Err(self.explain(file, offset, error))
			},
		}
	}

	/// Says in the log what a reader can't be told by an error number.
	fn explain(&self, file: &OpenFile, offset: u64, error: BlobError) -> Errno {
		let path = self.image.tree().path(file.node).unwrap_or_default().escape_ascii();
		let errno = match &error {
			BlobError::Fetch(FetchError::Store(_)) => Errno::ETIMEDOUT,
			_ => Errno::EIO,
		};
		tracing::error!(%path, offset, %error, "a read has failed");
		errno
	}
}
