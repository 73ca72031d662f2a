//! One cached blob: a sparse file of its bytes, and the map of which are there.

use super::map::{place, Bits, Map, LEAVES};
use crate::{
	blob::{BlobRef, Leaf},
	chunk::{ChunkId, CHUNK_SIZE},
};
use parking_lot::Mutex;
use rustix::fs::{flock, FlockOperation};
use std::{
	collections::{BTreeSet, HashMap},
	fs::{self, File, OpenOptions},
	io,
	ops::Range,
	os::fd::AsRawFd,
	os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
	path::{Path, PathBuf},
	sync::atomic::{AtomicBool, Ordering::Relaxed},
};

/// A blob that somebody has open. As long as that is so, it is not evicted.
pub(crate) struct CachedBlob {
	path: PathBuf,
	blob: BlobRef,
	/// Locked for sharing: who wants to evict needs it alone.
	data: File,
	map: Map,
	state: Mutex<State>,
	broken: AtomicBool,
}

#[derive(Default)]
struct State {
	blocks: HashMap<u64, Block>,
	/// Written, and not in the map on disk yet.
	pending: BTreeSet<u64>,
}

struct Block {
	present: Bits,
	/// Hashed by this process since it opened the file, or written by it.
	verified: Bits,
}

/// Whether a leaf can be read from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
	Verified,
	/// To be hashed before it is used.
	Unverified,
	Absent,
}

/// The map's path beside the data's.
pub(super) fn map_path(data: &Path) -> PathBuf {
	data.with_extension("map")
}

impl CachedBlob {
	/// Opens or makes the files of a blob. `path` is that of the data.
	pub(super) fn open(path: PathBuf, blob: BlobRef) -> io::Result<Self> {
		let mut options = OpenOptions::new();
		// Others have no business here: what the kernel is given to read nobody else may write.
		options.read(true).write(true).create(true).truncate(false).mode(0o600);
		loop {
			let data = options.open(&path)?;
			flock(&data, FlockOperation::LockShared)?;
			// Between the two it may have been evicted: then this is a file without a name.
			let named = fs::metadata(&path).is_ok_and(|found| {
				data.metadata()
					.is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
			});
			if !named {
				continue;
			}
			if data.metadata()?.len() != blob.length {
				// New, or cut short. What the map says of the lost part is found to be wrong when
				// it is read and hashed.
				data.set_len(blob.length)?;
			}
			let (map, damaged) = Map::open(options.open(map_path(&path))?, blob)?;
			if damaged.is_some() {
				let file = map_path(&path);
				tracing::warn!(file = %file.display(), "a cache map is damaged: begun anew");
			}
			map.touch();
			let (state, broken) = Default::default();
			return Ok(Self { path, blob, data, map, state, broken });
		}
	}

	/// Where each of these leaves is to be had.
	pub(crate) fn presence(&self, leaf: u64) -> Presence {
		let (block, word, bit) = place(leaf);
		let mut state = self.state.lock();
		if let Some(block) = state.blocks.get(&block) {
			if block.verified[word] & bit != 0 {
				return Presence::Verified;
			}
			if block.present[word] & bit != 0 {
				return Presence::Unverified;
			}
		}
		// Another process may have fetched it.
		let present = match self.map.read(block) {
			Ok(bits) => bits,
			Err(_) => {
				let (file, first_leaf) = (map_path(&self.path), block.saturating_mul(LEAVES));
				tracing::warn!(file = %file.display(), first_leaf, "a cache map is damaged there");
				// That writes the block anew, empty.
				self.mark_absent(leaf);
				[0; size_of::<Bits>() / 8]
			},
		};
		// Whoever reads here and there in a large file would have all of its map in memory.
		if !state.blocks.contains_key(&block) && present.iter().all(|word| *word == 0) {
			return Presence::Absent;
		}
		let known = state.block(block);
		known.present.iter_mut().zip(present).for_each(|(word, more)| *word |= more);
		match known.present[word] & bit {
			0 => Presence::Absent,
			_ => Presence::Unverified,
		}
	}

	/// Whether this process has hashed a leaf that it holds.
	pub(crate) fn is_verified(&self, leaf: u64) -> bool {
		let (block, word, bit) = place(leaf);
		self.state.lock().blocks.get(&block).is_some_and(|block| block.verified[word] & bit != 0)
	}

	/// Reads bytes that are all in verified leaves.
	pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
		self.data.read_exact_at(bytes, offset)
	}

	/// Hashes a leaf that is present. Whether it is what it should be; if not, the log names it,
	/// and it counts as absent from now on.
	pub(crate) fn verify(&self, leaf: &Leaf) -> bool {
		let mut bytes = vec![0; leaf.length];
		let read = self.data.read_exact_at(&mut bytes, leaf.index * CHUNK_SIZE as u64);
		let right = read.is_ok() && ChunkId::of(&bytes) == leaf.id;
		let (block, word, bit) = place(leaf.index);
		let mut state = self.state.lock();
		let block = state.block(block);
		if right {
			block.verified[word] |= bit;
			return true;
		}
		block.present[word] &= !bit;
		block.verified[word] &= !bit;
		drop(state);
		let (file, offset) = (self.path.display(), leaf.index * CHUNK_SIZE as u64);
		tracing::warn!(%file, offset, chunk = %leaf.id, "a cache file is altered: fetched again");
		// While the map on disk says it is there, `presence` would find it again.
		self.mark_absent(leaf.index);
		false
	}

	fn mark_absent(&self, leaf: u64) {
		if let Err(error) = self.map.remove(leaf) {
			self.give_up("written", &error);
		}
	}

	/// Writes the bytes of a leaf, which must be verified. How many bytes that takes on disk.
	pub(crate) fn put(&self, leaf: &Leaf, bytes: &[u8]) -> u64 {
		if self.broken.load(Relaxed) || bytes.len() != leaf.length {
			return 0;
		}
		let offset = leaf.index * CHUNK_SIZE as u64;
		if let Err(error) = self.data.write_all_at(bytes, offset) {
			self.give_up("written", &error);
			return 0;
		}
		let (block, word, bit) = place(leaf.index);
		let mut state = self.state.lock();
		state.pending.insert(leaf.index);
		let block = state.block(block);
		block.present[word] |= bit;
		block.verified[word] |= bit;
		bytes.len() as u64
	}

	/// Has the disk begin with these leaves, so that a flush has less to wait for.
	pub(crate) fn begin_writing(&self, leaves: Range<u64>) {
		let offset = |leaf: u64| i64::try_from(leaf.saturating_mul(CHUNK_SIZE as u64));
		let (Ok(start), Ok(end)) = (offset(leaves.start), offset(leaves.end)) else { return };
		if start >= end {
			return;
		}
		// SAFETY: it takes numbers, and the descriptor is open for as long as the file is borrowed.
		// It is a hint: whether it has failed shows when the file is flushed.
		let _ = unsafe {
			let (file, flags) = (self.data.as_raw_fd(), libc::SYNC_FILE_RANGE_WRITE);
			libc::sync_file_range(file, start, end - start, flags)
		};
	}

	/// Makes what was put durable, and then known: only what is safely on disk is in the map.
	pub(crate) fn flush(&self) {
		let pending = std::mem::take(&mut self.state.lock().pending);
		if pending.is_empty() || self.broken.load(Relaxed) {
			return;
		}
		let flushed = self.data.sync_data().and_then(|()| self.map.add(&pending));
		if let Err(error) = flushed {
			self.give_up("flushed", &error);
		}
	}

	fn give_up(&self, what: &str, error: &io::Error) {
		if !self.broken.swap(true, Relaxed) {
			let file = self.path.display();
			tracing::warn!(%file, %error, "a cache file can't be {what}: not cached from now on");
		}
	}

	pub(crate) fn blob(&self) -> &BlobRef {
		&self.blob
	}

	/// The file of the bytes. It is never cut short or written anew: only verified bytes are
	/// added, and what is evicted loses its name.
	pub(crate) fn data(&self) -> &File {
		&self.data
	}

	pub(super) fn path(&self) -> &Path {
		&self.path
	}
}

impl State {
	fn block(&mut self, block: u64) -> &mut Block {
		self.blocks.entry(block).or_insert_with(|| {
			let empty = [0; size_of::<Bits>() / 8];
			Block { present: empty, verified: empty }
		})
	}
}

impl Drop for CachedBlob {
	fn drop(&mut self) {
		self.flush();
		self.map.touch();
	}
}
