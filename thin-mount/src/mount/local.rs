//! How much of an image is in the cache.

use crate::{
	blob::{BlobReader, BlobRef},
	cache::{Cache, LocalSource},
	chunk::CHUNK_SIZE,
	image::Image,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
	collections::HashMap,
	sync::Arc,
	time::{Duration, Instant},
};

/// What is counted holds for a while: counting looks at every file of the cache.
const HOLDS: Duration = Duration::from_secs(10);
/// And for longer where counting takes long.
const HOLDS_TIMES: u32 = 20;

/// How much of an image is in the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
	/// Bytes of files that are there, in whole chunks, as files have them.
	pub bytes: u64,
	/// The bytes of all files. Holes are left out as far as it is known where they are: of a file
	/// that was read or fetched to its end it is.
	pub of: u64,
}

impl Local {
	/// From 0 to 1.
	pub fn ratio(&self) -> f64 {
		match self.of {
			0 => 1.0,
			of => (self.bytes as f64 / of as f64).min(1.0),
		}
	}
}

/// Counts, and remembers for a while.
pub(super) struct Census {
	cache: Arc<Cache>,
	/// What of a tree is not in the cache is not worth a request.
	blobs: BlobReader,
	last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
	local: Option<Local>,
	holds_until: Option<Instant>,
	/// The bytes of sparse files without their holes, of those where that is known.
	data: HashMap<BlobRef, u64>,
}

impl Census {
	pub(super) fn new(cache: Arc<Cache>) -> Self {
		let blobs = BlobReader::new(Arc::new(LocalSource(cache.clone())));
		Self { cache, blobs, last: Mutex::default() }
	}

	/// What was counted last.
	pub(super) fn last(&self) -> Option<Local> {
		self.last.lock().local
	}

	/// Counts anew, unless that was done a short while ago.
	pub(super) fn take(&self, image: &Image) {
		let mut last = self.last.lock();
		let begun = Instant::now();
		if last.holds_until.is_some_and(|until| begun < until) {
			return;
		}
		let mut local = Local::default();
		let files = image.tree().entries().filter(|entry| !entry.hard_link);
		for blob in files.filter_map(|entry| entry.blob) {
			let bytes = self.cache.local_bytes(&blob);
			local.bytes = local.bytes.saturating_add(bytes);
			local.of = local.of.saturating_add(match bytes {
				bytes if bytes == blob.length => blob.length,
				_ if blob.is_hole() => 0,
				0 if blob.length <= CHUNK_SIZE as u64 => blob.length,
				_ => self.data_bytes(&blob, &mut last.data),
			});
		}
		last.local = Some(local);
		last.holds_until = Some(Instant::now() + HOLDS.max(begun.elapsed() * HOLDS_TIMES));
	}

	fn data_bytes(&self, blob: &BlobRef, known: &mut HashMap<BlobRef, u64>) -> u64 {
		if let Some(bytes) = known.get(blob) {
			return *bytes;
		}
		let Ok(leaves) = self.blobs.data_leaves(blob, &mut HashMap::new()) else {
			return blob.length;
		};
		let bytes = leaves.saturating_mul(CHUNK_SIZE as u64).min(blob.length);
		known.insert(*blob, bytes);
		bytes
	}
}
