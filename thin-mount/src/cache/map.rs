//! Which leaves of a blob a cache file holds: a bitmap that is read with suspicion.
//!
//! The file is made of blocks of 512 bytes, which disks write whole: a header that names the blob,
//! then blocks of 8 bytes of checksum and 504 bytes of bits. A block whose checksum is wrong
//! counts as empty, so the worst that a crash can do is that something is fetched again.

use crate::blob::BlobRef;
use parking_lot::Mutex;
use rustix::fs::{flock, FlockOperation};
use std::{
	collections::{BTreeMap, BTreeSet},
	fs::File,
	io,
	os::unix::fs::FileExt,
};

const BLOCK: usize = 512;
const CHECKSUM: usize = 8;
/// Leaves in a block: 252 MiB of a blob.
pub(super) const LEAVES: u64 = ((BLOCK - CHECKSUM) * 8) as u64;
const WORDS: usize = (BLOCK - CHECKSUM) / 8;
const MAGIC: &[u8; 8] = b"THINMAP\0";
const VERSION: u16 = 1;

pub(super) type Bits = [u64; WORDS];

/// Which block a leaf is in, which word there, and which bit of that.
pub(super) fn place(leaf: u64) -> (u64, usize, u64) {
	let within = leaf % LEAVES;
	(leaf / LEAVES, (within / 64) as usize, 1 << (within % 64))
}

pub(super) struct Map {
	file: File,
	blob: BlobRef,
	/// A file lock keeps other processes out, and not other threads of this one.
	threads: Mutex<()>,
}

/// A block that was not as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged;

impl Map {
	/// Takes the file of this blob. Where it is new, or not what it should be, it is begun anew:
	/// `Some(Damaged)` says that there was something else.
	pub(super) fn open(file: File, blob: BlobRef) -> io::Result<(Self, Option<Damaged>)> {
		flock(&file, FlockOperation::LockExclusive)?;
		let map = Self { file, blob, threads: Mutex::new(()) };
		let mut found = [0; BLOCK];
		let length = map.file.metadata()?.len();
		let whole = map.file.read_exact_at(&mut found, 0).is_ok() && found == map.header();
		if !whole {
			map.file.set_len(0)?;
			map.file.write_all_at(&map.header(), 0)?;
		}
		flock(&map.file, FlockOperation::Unlock)?;
		Ok((map, (!whole && length > 0).then_some(Damaged)))
	}

	fn header(&self) -> [u8; BLOCK] {
		let mut block = [0; BLOCK];
		let parts: [&[u8]; 4] =
			[MAGIC, &VERSION.to_le_bytes(), &self.blob.root.0, &self.blob.length.to_le_bytes()];
		let mut at = CHECKSUM;
		for part in parts {
			block[at..at + part.len()].copy_from_slice(part);
			at += part.len();
		}
		let checksum = self.checksum(u64::MAX, &block[CHECKSUM..]);
		block[..CHECKSUM].copy_from_slice(&checksum);
		block
	}

	/// It names blob and block, so that a block that is right elsewhere is wrong here.
	fn checksum(&self, block: u64, bits: &[u8]) -> [u8; CHECKSUM] {
		let mut hasher = blake3::Hasher::new();
		hasher.update(&self.blob.root.0);
		hasher.update(&self.blob.length.to_le_bytes());
		hasher.update(&block.to_le_bytes());
		hasher.update(bits);
		let mut checksum = [0; CHECKSUM];
		hasher.finalize_xof().fill(&mut checksum);
		checksum
	}

	fn offset(block: u64) -> u64 {
		block.saturating_add(1).saturating_mul(BLOCK as u64)
	}

	/// The bits of a block as they are on disk. A block never written is empty.
	pub(super) fn read(&self, block: u64) -> Result<Bits, Damaged> {
		let mut bytes = [0; BLOCK];
		let mut filled = 0;
		while filled < BLOCK {
			match self.file.read_at(&mut bytes[filled..], Self::offset(block) + filled as u64) {
				Ok(0) => break,
				Ok(count) => filled += count,
				Err(error) if error.kind() == io::ErrorKind::Interrupted => {},
				Err(_) => return Err(Damaged),
			}
		}
		if bytes == [0; BLOCK] {
			return Ok([0; WORDS]);
		}
		let (checksum, bits) = bytes.split_at(CHECKSUM);
		if checksum != self.checksum(block, bits) {
			return Err(Damaged);
		}
		let mut words = [0; WORDS];
		for (word, bytes) in words.iter_mut().zip(bits.chunks_exact(8)) {
			let mut little = [0; 8];
			little.copy_from_slice(bytes);
			*word = u64::from_le_bytes(little);
		}
		Ok(words)
	}

	/// Adds leaves to what is on disk. Their bytes must be there already. What other processes
	/// have added meanwhile is kept.
	pub(super) fn add(&self, leaves: &BTreeSet<u64>) -> io::Result<()> {
		let mut blocks: BTreeMap<u64, Bits> = BTreeMap::new();
		for leaf in leaves {
			let (block, word, bit) = place(*leaf);
			blocks.entry(block).or_insert([0; WORDS])[word] |= bit;
		}
		self.locked(|| {
			blocks.iter().try_for_each(|(block, added)| {
				self.change(*block, |bits| {
					bits.iter_mut().zip(added).for_each(|(word, more)| *word |= more);
				})
			})
		})
	}

	/// Takes a leaf away whose bytes are not what they should be.
	pub(super) fn remove(&self, leaf: u64) -> io::Result<()> {
		let (block, word, bit) = place(leaf);
		self.locked(|| self.change(block, |bits| bits[word] &= !bit))
	}

	fn locked(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
		let _threads = self.threads.lock();
		flock(&self.file, FlockOperation::LockExclusive)?;
		let result = work();
		flock(&self.file, FlockOperation::Unlock)?;
		result
	}

	fn change(&self, block: u64, change: impl FnOnce(&mut Bits)) -> io::Result<()> {
		let mut bits = self.read(block).unwrap_or([0; WORDS]);
		change(&mut bits);
		let mut bytes = [0; BLOCK];
		for (place, word) in bytes[CHECKSUM..].chunks_exact_mut(8).zip(bits) {
			place.copy_from_slice(&word.to_le_bytes());
		}
		let checksum = self.checksum(block, &bytes[CHECKSUM..]);
		bytes[..CHECKSUM].copy_from_slice(&checksum);
		self.file.write_all_at(&bytes, Self::offset(block))
	}

	/// Says that the blob is in use, for who looks for what to evict.
	pub(super) fn touch(&self) {
		let _ = self.file.set_modified(std::time::SystemTime::now());
	}
}

/// The map file of the blob that [`check_file`] expects, with these leaves.
#[cfg(test)]
pub(crate) fn file_with<const N: usize>(leaves: [u64; N]) -> Vec<u8> {
	let file = tempfile::tempfile().unwrap();
	let blob = BlobRef { root: crate::chunk::ChunkId([7; 32]), length: 1 << 40 };
	let (map, _) = Map::open(file, blob).unwrap();
	map.add(&BTreeSet::from(leaves)).unwrap();
	let mut bytes = vec![0; map.file.metadata().unwrap().len() as usize];
	map.file.read_exact_at(&mut bytes, 0).unwrap();
	bytes
}

/// Whether a map file of any content is taken as it should be: a block that is not as it was
/// written counts as empty, and what is added to it is there afterwards.
#[cfg(any(test, fuzzing))]
pub(crate) fn check_file(content: &[u8]) -> io::Result<()> {
	use rustix::fs::{memfd_create, MemfdFlags};
	let file = File::from(memfd_create("map", MemfdFlags::CLOEXEC)?);
	file.write_all_at(content, 0)?;
	let blob = BlobRef { root: crate::chunk::ChunkId([7; 32]), length: 1 << 40 };
	let (map, damaged) = Map::open(file, blob)?;
	let whole = content.get(..BLOCK).is_some_and(|block| block == map.header());
	assert_eq!(damaged.is_some(), !whole && !content.is_empty());
	for block in 0..3u64 {
		let at = BLOCK * (block as usize + 1);
		let stored = content.get(at..at + BLOCK).filter(|_| whole);
		let right = stored.is_none_or(|stored| {
			stored.iter().all(|byte| *byte == 0)
				|| stored[..CHECKSUM] == map.checksum(block, &stored[CHECKSUM..])
		});
		// A block that is cut short is read as if zeros followed.
		let cut = whole && content.len() > at && stored.is_none();
		assert!(cut || map.read(block).is_ok() == right);
		let leaf = block * LEAVES + 77;
		map.add(&BTreeSet::from([leaf]))?;
		let (_, word, bit) = place(leaf);
		assert!(map.read(block).is_ok_and(|bits| bits[word] & bit != 0));
		map.remove(leaf)?;
		assert!(map.read(block).is_ok_and(|bits| bits[word] & bit == 0));
	}
	Ok(())
}

/// How many leaves a map has. What is damaged counts as empty.
pub(super) fn count(file: File, blob: &BlobRef) -> u64 {
	let length = file.metadata().map_or(0, |found| found.len());
	let blocks = (length / BLOCK as u64).saturating_sub(1);
	let map = Map { file, blob: *blob, threads: Mutex::new(()) };
	let bits = (0..blocks).filter_map(|block| map.read(block).ok()).flatten();
	bits.map(|word| u64::from(word.count_ones())).sum()
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::chunk::ChunkId;
	use std::fs::OpenOptions;

	fn blob(name: &[u8]) -> BlobRef {
		BlobRef { root: ChunkId::of(name), length: 1 << 40 }
	}

	fn open(folder: &tempfile::TempDir, name: &[u8]) -> (Map, Option<Damaged>) {
		let mut options = OpenOptions::new();
		options.read(true).write(true).create(true).truncate(false);
		Map::open(options.open(folder.path().join("map")).unwrap(), blob(name)).unwrap()
	}

	fn has(map: &Map, leaf: u64) -> bool {
		let (block, word, bit) = place(leaf);
		map.read(block).unwrap()[word] & bit != 0
	}

	#[test]
	fn bits_are_kept_and_added_to() {
		let folder = tempfile::tempdir().unwrap();
		let (map, damaged) = open(&folder, b"a");
		assert_eq!(damaged, None);
		let leaves = BTreeSet::from([0, 63, 64, LEAVES - 1, LEAVES, 10 * LEAVES + 5]);
		map.add(&leaves).unwrap();
		map.add(&BTreeSet::from([1])).unwrap();
		let (again, damaged) = open(&folder, b"a");
		assert_eq!(damaged, None);
		assert!(leaves.iter().all(|leaf| has(&again, *leaf)) && has(&again, 1));
		let found = count(File::open(folder.path().join("map")).unwrap(), &blob(b"a"));
		assert_eq!(found, leaves.len() as u64 + 1);
		assert!(!has(&again, 2) && !has(&again, LEAVES + 1) && !has(&again, 1_000_000));
	}

	#[test]
	fn a_changed_byte_anywhere_is_noticed() {
		let folder = tempfile::tempdir().unwrap();
		let (map, _) = open(&folder, b"a");
		map.add(&BTreeSet::from([7, LEAVES])).unwrap();
		let path = folder.path().join("map");
		let right = std::fs::read(&path).unwrap();
		for at in (0..right.len()).step_by(3) {
			let mut wrong = right.clone();
			wrong[at] ^= 1 << (at % 8);
			std::fs::write(&path, wrong).unwrap();
			let (map, damaged) = open(&folder, b"a");
			match at / BLOCK {
				0 => assert_eq!((damaged, map.read(0)), (Some(Damaged), Ok([0; WORDS]))),
				block => assert_eq!(map.read(block as u64 - 1), Err(Damaged)),
			}
		}
	}

	#[test]
	fn a_map_of_another_blob_or_a_torn_one_is_begun_anew() {
		let folder = tempfile::tempdir().unwrap();
		open(&folder, b"a").0.add(&BTreeSet::from([7])).unwrap();
		let (map, damaged) = open(&folder, b"b");
		assert_eq!(damaged, Some(Damaged));
		assert!(!has(&map, 7));
		map.add(&BTreeSet::from([7])).unwrap();
		let path = folder.path().join("map");
		let torn = std::fs::read(&path).unwrap()[..BLOCK + 4].to_vec();
		std::fs::write(&path, torn).unwrap();
		let (map, damaged) = open(&folder, b"b");
		assert_eq!((damaged, map.read(0)), (None, Err(Damaged)));
		map.add(&BTreeSet::from([8])).unwrap();
		assert!(has(&map, 8) && !has(&map, 7));
	}
}
