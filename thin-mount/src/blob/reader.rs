//! Reading blobs: which leaves a range of bytes needs, and the bytes.

use super::{
	shape::{children, full, height, is_hole, leaf_count, leaf_length, MAX_LENGTH},
	BlobError, BlobRef,
};
use crate::{
	chunk::{Chunk, ChunkId, CHUNK_SIZE},
	source::{ChunkSource, FetchError},
};
use lru::LruCache;
use parking_lot::Mutex;
use std::{
	collections::{HashMap, HashSet},
	num::NonZeroUsize,
	ops::{ControlFlow, Range},
	sync::Arc,
};

/// How many inner nodes a reader keeps: 64 KiB each, 16 MiB at most.
const CACHED_NODES: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not zero; qed");

/// How many leaves [`BlobReader::read_at`] asks for at once: 4 MiB.
const BATCH: usize = 64;

/// A leaf of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
	/// Its place: it holds the blob's bytes from `index * 65536` on.
	pub index: u64,
	/// Its chunk.
	pub id: ChunkId,
	/// How many bytes the chunk must have, 1 to 65,536.
	pub length: usize,
	/// Whether it is a hole: 65,536 zeros that no store has. Don't fetch it.
	pub hole: bool,
}

/// A stretch of a blob, in leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
	/// `count` leaves from `first` on that are all zero and in no store.
	Hole {
		/// The index of the first leaf.
		first: u64,
		/// How many leaves.
		count: u64,
	},
	/// A leaf to fetch.
	Leaf(Leaf),
}

impl Segment {
	/// The index of the first leaf after this segment.
	pub fn end(&self) -> u64 {
		match self {
			Self::Hole { first, count } => first.saturating_add(*count),
			Self::Leaf(leaf) => leaf.index.saturating_add(1),
		}
	}
}

/// Reads blobs out of a [`ChunkSource`]. One reader serves all blobs of an image, from many
/// threads at once, and keeps the inner nodes it met last.
pub struct BlobReader {
	source: Arc<dyn ChunkSource>,
	nodes: Mutex<LruCache<ChunkId, Arc<[ChunkId]>>>,
}

impl BlobReader {
	/// A reader over this source.
	pub fn new(source: Arc<dyn ChunkSource>) -> Self {
		Self { source, nodes: Mutex::new(LruCache::new(CACHED_NODES)) }
	}

	/// Where the chunks come from.
	pub fn source(&self) -> &Arc<dyn ChunkSource> {
		&self.source
	}

	/// Whether a blob can exist at all: its length, and the root of an empty one.
	pub fn check(blob: &BlobRef) -> Result<(), BlobError> {
		if blob.length > MAX_LENGTH {
			return Err(BlobError::TooLong(blob.length));
		}
		if blob.length == 0 && *blob != BlobRef::empty() {
			return Err(BlobError::EmptyRoot(blob.root));
		}
		Ok(())
	}

	/// The bytes from `offset` on: `length` of them, or as many as there are to the end.
	pub fn read_at(
		&self,
		blob: &BlobRef,
		offset: u64,
		length: usize,
	) -> Result<Vec<u8>, BlobError> {
		Self::check(blob)?;
		let end = offset.saturating_add(length as u64).min(blob.length);
		if offset >= end {
			return Ok(Vec::new());
		}
		let size = CHUNK_SIZE as u64;
		let mut bytes = Vec::with_capacity((end - offset) as usize);
		let mut next = offset / size;
		let last = (end - 1) / size;
		while next <= last {
			let upto = last.saturating_add(1).min(next.saturating_add(BATCH as u64));
			let leaves = self.leaves(blob, next..upto)?;
			let wanted: Vec<_> = leaves.iter().filter(|l| !l.hole).map(|l| l.id).collect();
			let mut chunks = fetch(&*self.source, &wanted)?.into_iter();
			for leaf in leaves {
				let start = leaf.index * size;
				let from = offset.saturating_sub(start) as usize;
				let to = end.saturating_sub(start).min(leaf.length as u64) as usize;
				if leaf.hole {
					bytes.resize(bytes.len() + (to - from), 0);
					continue;
				}
				if let Some(plain) = chunks.next() {
					shape(leaf.id, plain.bytes().len(), leaf.length)?;
					bytes.extend_from_slice(&plain.bytes()[from..to]);
				}
			}
			next = upto;
		}
		Ok(bytes)
	}

	/// The leaves with these indices, in order; what lies beyond the end is left out. Fetches
	/// inner nodes, no leaves. The answer is as long as the range: keep that within bounds.
	pub fn leaves(&self, blob: &BlobRef, range: Range<u64>) -> Result<Vec<Leaf>, BlobError> {
		let mut leaves = Vec::new();
		self.visit(blob, range.clone(), &mut |segment| {
			match segment {
				Segment::Leaf(leaf) => leaves.push(leaf),
				Segment::Hole { first, count } => {
					let zero = super::zero_id(0).unwrap_or_else(|| ChunkId::of(&[0; CHUNK_SIZE]));
					leaves.extend((first..first.saturating_add(count)).map(|index| Leaf {
						index,
						id: zero,
						length: CHUNK_SIZE,
						hole: true,
					}));
				},
			}
			ControlFlow::Continue(())
		})?;
		Ok(leaves)
	}

	/// The blob's segments from leaf `first` on, at most `most` of them, holes as long as they
	/// are. Empty at the end. The next call goes on at [`Segment::end`] of the last one.
	///
	/// So a sparse blob is walked in time that grows with its data, not with its length.
	pub fn segments(
		&self,
		blob: &BlobRef,
		first: u64,
		most: usize,
	) -> Result<Vec<Segment>, BlobError> {
		let mut segments: Vec<Segment> = Vec::new();
		self.visit(blob, first..u64::MAX, &mut |segment| {
			if let (Some(Segment::Hole { count, .. }), Segment::Hole { first: _, count: more }) =
				(segments.last_mut(), &segment)
			{
				*count = count.saturating_add(*more);
				return ControlFlow::Continue(());
			}
			if segments.len() >= most {
				return ControlFlow::Break(());
			}
			segments.push(segment);
			ControlFlow::Continue(())
		})?;
		Ok(segments)
	}

	/// Calls `f` for each segment of the leaves in `range`, in order, until it breaks.
	pub fn visit(
		&self,
		blob: &BlobRef,
		range: Range<u64>,
		f: &mut dyn FnMut(Segment) -> ControlFlow<()>,
	) -> Result<(), BlobError> {
		Self::check(blob)?;
		let leaves = leaf_count(blob.length);
		let range = range.start..range.end.min(leaves);
		if range.start >= range.end {
			return Ok(());
		}
		let root = Subtree { id: blob.root, height: height(leaves), first: 0, leaves };
		self.visit_subtree(blob, root, &range, f).map(|_| ())
	}

	/// The inner nodes above a leaf, the root first. Fetches them.
	pub fn path(&self, blob: &BlobRef, leaf: u64) -> Result<Vec<ChunkId>, BlobError> {
		Self::check(blob)?;
		let leaves = leaf_count(blob.length);
		let mut path = Vec::new();
		let mut tree = Subtree { id: blob.root, height: height(leaves), first: 0, leaves };
		while leaf < leaves && tree.height > 0 && !is_hole(tree.id, tree.height, tree.leaves) {
			path.push(tree.id);
			let ids = self.node(tree.id, children(tree.height, tree.leaves))?;
			let (span, end) = (full(tree.height - 1), tree.first + tree.leaves);
			let child = (leaf - tree.first) / span;
			let Some(id) = ids.get(child as usize) else { break };
			let first = tree.first + child * span;
			let leaves = span.min(end - first);
			tree = Subtree { id: *id, height: tree.height - 1, first, leaves };
		}
		Ok(path)
	}

	/// The leaves of a blob whose ids are among those wanted, and whose inner nodes are too: others
	/// are not fetched. Each chunk is met once, at one of its places.
	pub fn wanted_leaves(
		&self,
		blob: &BlobRef,
		wanted: &dyn Fn(&ChunkId) -> bool,
	) -> Result<Vec<Leaf>, BlobError> {
		Self::check(blob)?;
		let leaves = leaf_count(blob.length);
		let (mut found, mut open, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
		if leaves > 0 {
			open.push(Subtree { id: blob.root, height: height(leaves), first: 0, leaves });
		}
		while let Some(tree) = open.pop() {
			let hole = is_hole(tree.id, tree.height, tree.leaves);
			if hole || !wanted(&tree.id) || !seen.insert(tree.id) {
				continue;
			}
			if tree.height == 0 {
				let length = leaf_length(blob.length, tree.first);
				found.push(Leaf { index: tree.first, id: tree.id, length, hole: false });
				continue;
			}
			let ids = self.node(tree.id, children(tree.height, tree.leaves))?;
			let (span, end) = (full(tree.height - 1), tree.first + tree.leaves);
			for (first, id) in (tree.first..end).step_by(span as usize).zip(ids.iter()) {
				let (height, leaves) = (tree.height - 1, span.min(end - first));
				open.push(Subtree { id: *id, height, first, leaves });
			}
		}
		Ok(found)
	}

	/// How many leaves of the blob are no holes, which is what it takes on disk in units of 64 KiB.
	/// Fetches each distinct inner node once, so that a small tree that claims to be a huge one is
	/// seen through quickly. `known` may be kept for more blobs.
	pub fn data_leaves(
		&self,
		blob: &BlobRef,
		known: &mut HashMap<(ChunkId, u32, u64), u64>,
	) -> Result<u64, BlobError> {
		Self::check(blob)?;
		match leaf_count(blob.length) {
			0 => Ok(0),
			leaves => self.data_leaves_below(blob.root, height(leaves), leaves, known),
		}
	}

	fn data_leaves_below(
		&self,
		id: ChunkId,
		height: u32,
		leaves: u64,
		known: &mut HashMap<(ChunkId, u32, u64), u64>,
	) -> Result<u64, BlobError> {
		if is_hole(id, height, leaves) {
			return Ok(0);
		}
		if height == 0 {
			return Ok(1);
		}
		if let Some(count) = known.get(&(id, height, leaves)) {
			return Ok(*count);
		}
		let (mut count, mut rest, span) = (0, leaves, full(height - 1));
		for child in self.node(id, children(height, leaves))?.iter() {
			count += self.data_leaves_below(*child, height - 1, rest.min(span), known)?;
			rest = rest.saturating_sub(span);
		}
		known.insert((id, height, leaves), count);
		Ok(count)
	}

	/// Calls `f` with the id and the length of each chunk of the blob that is no hole, inner nodes
	/// among them. Fetches inner nodes, no leaves. A subtree that is in `walked` already is left
	/// out, so that the work is bounded by what the stores really hold; `walked` may be kept for
	/// more blobs.
	pub fn chunks(
		&self,
		blob: &BlobRef,
		walked: &mut HashSet<(ChunkId, u32, u64)>,
		f: &mut dyn FnMut(ChunkId, usize),
	) -> Result<(), BlobError> {
		Self::check(blob)?;
		let leaves = leaf_count(blob.length);
		if leaves == 0 {
			return Ok(());
		}
		let root = Subtree { id: blob.root, height: height(leaves), first: 0, leaves };
		self.chunks_below(blob, root, walked, f)
	}

	fn chunks_below(
		&self,
		blob: &BlobRef,
		tree: Subtree,
		walked: &mut HashSet<(ChunkId, u32, u64)>,
		f: &mut dyn FnMut(ChunkId, usize),
	) -> Result<(), BlobError> {
		let length = leaf_length(blob.length, tree.first);
		if tree.height == 0 {
			if !is_hole(tree.id, 0, 1) || length < CHUNK_SIZE {
				f(tree.id, length);
			}
			return Ok(());
		}
		let whole = leaf_length(blob.length, tree.first + tree.leaves - 1) == CHUNK_SIZE;
		if is_hole(tree.id, tree.height, tree.leaves) && whole {
			return Ok(());
		}
		if !walked.insert((tree.id, tree.height, tree.leaves)) {
			return Ok(());
		}
		let ids = self.node(tree.id, children(tree.height, tree.leaves))?;
		f(tree.id, ids.len() * 32);
		let (span, end) = (full(tree.height - 1), tree.first + tree.leaves);
		for (id, first) in ids.iter().zip((tree.first..end).step_by(span as usize)) {
			let child =
				Subtree { id: *id, height: tree.height - 1, first, leaves: span.min(end - first) };
			self.chunks_below(blob, child, walked, f)?;
		}
		Ok(())
	}

	fn visit_subtree(
		&self,
		blob: &BlobRef,
		tree: Subtree,
		range: &Range<u64>,
		f: &mut dyn FnMut(Segment) -> ControlFlow<()>,
	) -> Result<ControlFlow<()>, BlobError> {
		let length = leaf_length(blob.length, tree.first);
		let hole = is_hole(tree.id, tree.height, tree.leaves)
			// The last leaf of a blob may be shorter, and is then no hole.
			&& leaf_length(blob.length, tree.first + tree.leaves - 1) == CHUNK_SIZE;
		if hole {
			let first = tree.first.max(range.start);
			let end = (tree.first + tree.leaves).min(range.end);
			return Ok(f(Segment::Hole { first, count: end.saturating_sub(first) }));
		}
		if tree.height == 0 {
			return Ok(f(Segment::Leaf(Leaf { index: tree.first, id: tree.id, length, hole })));
		}
		let ids = self.node(tree.id, children(tree.height, tree.leaves))?;
		let span = full(tree.height - 1);
		let skip = range.start.saturating_sub(tree.first) / span;
		let end = tree.first + tree.leaves;
		for (index, id) in ids.iter().enumerate().skip(skip as usize) {
			let first = tree.first + index as u64 * span;
			if first >= range.end {
				break;
			}
			let child =
				Subtree { id: *id, height: tree.height - 1, first, leaves: span.min(end - first) };
			if self.visit_subtree(blob, child, range, f)?.is_break() {
				return Ok(ControlFlow::Break(()));
			}
		}
		Ok(ControlFlow::Continue(()))
	}

	/// The children of the inner node `id`, which must be so many.
	pub fn node(&self, id: ChunkId, children: u64) -> Result<Arc<[ChunkId]>, BlobError> {
		let expected = children as usize * 32;
		if let Some(ids) = self.nodes.lock().get(&id) {
			let ids = ids.clone();
			shape(id, ids.len() * 32, expected)?;
			return Ok(ids);
		}
		let bytes = fetch(&*self.source, &[id])?.pop().map(Chunk::into_bytes).unwrap_or_default();
		shape(id, bytes.len(), expected)?;
		let ids: Arc<[ChunkId]> = bytes
			.chunks_exact(32)
			.map(|id| {
				let mut bytes = [0; 32];
				bytes.copy_from_slice(id);
				ChunkId(bytes)
			})
			.collect();
		self.nodes.lock().put(id, ids.clone());
		Ok(ids)
	}
}

/// A subtree of the tree being walked.
struct Subtree {
	id: ChunkId,
	height: u32,
	/// The index of its first leaf.
	first: u64,
	/// How many leaves it has.
	leaves: u64,
}

/// Exactly these chunks, in this order. A chunk is only known to be *some* chunk's bytes: that it is
/// the one asked for is checked here, whatever the source does.
pub(crate) fn fetch(source: &dyn ChunkSource, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
	if ids.is_empty() {
		return Ok(Vec::new());
	}
	let chunks = source.chunks(ids)?;
	for (index, id) in ids.iter().enumerate() {
		if chunks.get(index).map(Chunk::id) != Some(*id) {
			return Err(FetchError::Missing {
				id: *id,
				stores: "an answer of another shape".into(),
			});
		}
	}
	Ok(chunks)
}

/// A chunk that is what its id says, and must have this length at its place.
pub(crate) fn shape(id: ChunkId, actual: usize, expected: usize) -> Result<(), BlobError> {
	if actual != expected {
		return Err(BlobError::Shape { id, actual, expected });
	}
	Ok(())
}
