//! Building the tree of a blob, in one pass and with one node of each height in memory.

use super::{
	shape::{zero_id, FANOUT, MAX_LENGTH},
	BlobRef, ChunkSink,
};
use crate::chunk::{Chunk, ChunkId, CHUNK_SIZE};
use bytes::{Bytes, BytesMut};

/// Builds the inner nodes above leaves whose ids are already known.
///
/// Memory: at most one node (64 KiB) for each height of the tree.
#[derive(Default)]
pub struct TreeBuilder {
	/// The open node of each height: ids of children of height `index`.
	levels: Vec<Vec<ChunkId>>,
	nodes: u64,
}

impl TreeBuilder {
	/// A tree without leaves.
	pub fn new() -> Self {
		Self::default()
	}

	/// The next leaf.
	pub fn push<S: ChunkSink>(&mut self, leaf: ChunkId, sink: &mut S) -> Result<(), S::Error> {
		self.push_at(0, leaf, sink)
	}

	/// The next `count` leaves are holes of 64 KiB each. The work grows with the depth of the
	/// tree, not with `count`.
	pub fn push_holes<S: ChunkSink>(&mut self, count: u64, sink: &mut S) -> Result<(), S::Error> {
		self.push_holes_at(0, count, sink)
	}

	/// The root, and how many inner nodes went to the sink. `None` for the root without leaves.
	pub fn finish<S: ChunkSink>(
		mut self,
		sink: &mut S,
	) -> Result<(Option<ChunkId>, u64), S::Error> {
		let mut height = 0;
		while height < self.levels.len() {
			let open = &self.levels[height];
			let top = height + 1 == self.levels.len();
			match (open.as_slice(), top) {
				([], _) => {},
				([root], true) => return Ok((Some(*root), self.nodes)),
				_ => self.close(height, sink)?,
			}
			height += 1;
		}
		Ok((None, self.nodes))
	}

	fn level(&mut self, height: usize) -> &mut Vec<ChunkId> {
		if self.levels.len() <= height {
			self.levels.resize_with(height + 1, Vec::new);
		}
		&mut self.levels[height]
	}

	fn push_at<S: ChunkSink>(
		&mut self,
		height: usize,
		id: ChunkId,
		sink: &mut S,
	) -> Result<(), S::Error> {
		let open = self.level(height);
		open.push(id);
		if open.len() as u64 == FANOUT {
			self.close(height, sink)?;
		}
		Ok(())
	}

	fn push_holes_at<S: ChunkSink>(
		&mut self,
		height: usize,
		mut count: u64,
		sink: &mut S,
	) -> Result<(), S::Error> {
		let Some(hole) = zero_id(height as u32) else {
			// Higher than any blob: there is no such count of leaves.
			return Ok(());
		};
		while count > 0 {
			if self.level(height).is_empty() && count >= FANOUT {
				self.push_holes_at(height + 1, count / FANOUT, sink)?;
				count %= FANOUT;
			} else {
				self.push_at(height, hole, sink)?;
				count -= 1;
			}
		}
		Ok(())
	}

	/// Makes a node of the ids that are open at this height.
	fn close<S: ChunkSink>(&mut self, height: usize, sink: &mut S) -> Result<(), S::Error> {
		let open = std::mem::take(&mut self.levels[height]);
		let mut bytes = BytesMut::with_capacity(open.len() * 32);
		for id in &open {
			bytes.extend_from_slice(&id.0);
		}
		let bytes = bytes.freeze();
		let chunk = Chunk::new(bytes).expect("a node is closed when it has 2048 ids; qed");
		let id = chunk.id();
		if zero_id(height as u32 + 1) != Some(id) {
			self.nodes += 1;
			sink.put(chunk)?;
		}
		self.push_at(height + 1, id, sink)
	}
}

/// Splits a stream of bytes into leaves and builds the tree above them.
pub struct BlobWriter<S> {
	sink: S,
	tree: TreeBuilder,
	leaf: BytesMut,
	length: u64,
	leaves: u64,
}

impl<S: ChunkSink> BlobWriter<S> {
	/// A blob whose chunks go to `sink`.
	pub fn new(sink: S) -> Self {
		Self { sink, tree: TreeBuilder::new(), leaf: BytesMut::new(), length: 0, leaves: 0 }
	}

	/// Appends bytes. The caller keeps the sum within [`MAX_LENGTH`].
	pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), S::Error> {
		while !bytes.is_empty() {
			let (now, later) = bytes.split_at(bytes.len().min(CHUNK_SIZE - self.leaf.len()));
			self.leaf.extend_from_slice(now);
			bytes = later;
			self.advance(now.len() as u64);
			if self.leaf.len() == CHUNK_SIZE {
				self.end_leaf()?;
			}
		}
		Ok(())
	}

	/// Appends `count` zeros. Whole leaves of them become holes and cost nothing.
	pub fn write_zeros(&mut self, mut count: u64) -> Result<(), S::Error> {
		const ZEROS: [u8; 4096] = [0; 4096];
		loop {
			let leaves = count / CHUNK_SIZE as u64;
			if self.leaf.is_empty() && leaves > 0 {
				self.tree.push_holes(leaves, &mut self.sink)?;
				self.advance(leaves * CHUNK_SIZE as u64);
				count %= CHUNK_SIZE as u64;
			}
			if count == 0 {
				return Ok(());
			}
			let room = (CHUNK_SIZE - self.leaf.len()).min(ZEROS.len());
			let now = (room as u64).min(count);
			self.write(&ZEROS[..now as usize])?;
			count -= now;
		}
	}

	/// How many bytes the blob has so far.
	pub fn length(&self) -> u64 {
		self.length
	}

	/// Ends the blob: its name, how many of its chunks are no holes (a chunk that occurs twice
	/// counts twice), and the sink.
	pub fn finish(mut self) -> Result<(BlobRef, u64, S), S::Error> {
		if !self.leaf.is_empty() {
			self.end_leaf()?;
		}
		let (root, nodes) = self.tree.finish(&mut self.sink)?;
		let root = root.unwrap_or_else(|| ChunkId::of(b""));
		Ok((BlobRef { root, length: self.length }, self.leaves + nodes, self.sink))
	}

	fn advance(&mut self, bytes: u64) {
		self.length = self.length.saturating_add(bytes);
		debug_assert!(self.length <= MAX_LENGTH);
	}

	fn end_leaf(&mut self) -> Result<(), S::Error> {
		let bytes: Bytes = self.leaf.split().freeze();
		let chunk = Chunk::new(bytes).expect("a leaf ends when it has 64 KiB; qed");
		let id = chunk.id();
		if Some(id) != zero_id(0) {
			self.leaves += 1;
			self.sink.put(chunk)?;
		}
		self.tree.push(id, &mut self.sink)
	}
}
