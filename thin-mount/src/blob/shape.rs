//! The shape of a blob's tree, which follows from its length alone.

use crate::chunk::{ChunkId, CHUNK_SIZE};
use std::sync::OnceLock;

/// The most children of an inner node: as many ids as a chunk holds.
pub const FANOUT: u64 = (CHUNK_SIZE / 32) as u64;

/// The most bytes of a blob: the largest offset a file system can express.
pub const MAX_LENGTH: u64 = i64::MAX as u64;

/// The greatest height that [`MAX_LENGTH`] allows: 2^47 leaves, 2^11 to a node.
pub(super) const MAX_HEIGHT: u32 = 5;

/// How many leaves a blob of `length` bytes has.
pub fn leaf_count(length: u64) -> u64 {
	length.div_ceil(CHUNK_SIZE as u64)
}

/// How many bytes leaf `index` of a blob of `length` bytes has. 0 beyond the end.
pub fn leaf_length(length: u64, index: u64) -> usize {
	let start = index.saturating_mul(CHUNK_SIZE as u64);
	length.saturating_sub(start).min(CHUNK_SIZE as u64) as usize
}

/// How many leaves a full subtree of this height has. A leaf has height 0.
pub(super) fn full(height: u32) -> u64 {
	FANOUT.saturating_pow(height)
}

/// The height of a tree of so many leaves: 0 when the root is a leaf.
pub fn height(leaves: u64) -> u32 {
	let mut height = 0;
	while full(height) < leaves {
		height += 1;
	}
	height
}

/// How many children a node of this height (1 or more) above so many leaves has.
pub fn children(height: u32, leaves: u64) -> u64 {
	leaves.div_ceil(full(height.saturating_sub(1)))
}

/// The id of a full subtree of this height whose bytes are all zero; height 0 is the leaf of
/// 65,536 zeros. Such subtrees are holes: never stored, never fetched.
pub fn zero_id(height: u32) -> Option<ChunkId> {
	static IDS: OnceLock<Vec<ChunkId>> = OnceLock::new();
	let ids = IDS.get_or_init(|| {
		let mut ids = vec![ChunkId::of(&vec![0; CHUNK_SIZE])];
		for height in 0..MAX_HEIGHT as usize {
			ids.push(ChunkId::of(&ids[height].0.repeat(FANOUT as usize)));
		}
		ids
	});
	ids.get(height as usize).copied()
}

/// Whether the subtree `id` of this height above so many leaves is a hole.
pub(super) fn is_hole(id: ChunkId, height: u32, leaves: u64) -> bool {
	leaves == full(height) && zero_id(height) == Some(id)
}
