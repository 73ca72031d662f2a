//! Which trie nodes have been visited, on disk.

use super::AuditError;
use codec::{DecodeAll, Encode};
use rocksdb::{
	BlockBasedOptions, Cache, DBIterator, Direction, IteratorMode, Options, WriteOptions, DB,
};
use std::{
	cell::Cell,
	fs,
	path::{Path, PathBuf},
};

/// Together with the write buffers, all the memory that this takes.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
const BUFFER_BYTES: usize = 32 * 1024 * 1024;

/// What a key of [`STATE`](crate::columns::STATE) was found to be. One that is both is walked as
/// both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
	Node = 0,
	Value = 1,
}

/// A set of database keys, in order.
///
/// With each is kept in which part of the audit it was visited. A part that was cut off has left
/// nodes whose children it had not reached: what was visited in it counts as not visited.
pub(super) struct Visited {
	db: DB,
	path: PathBuf,
	unlogged: WriteOptions,
	/// In ascending order.
	abandoned: Vec<u64>,
	part: Cell<u64>,
}

/// The key of the name; it comes after all others.
const NAME: &[u8] = &[0xff];

impl Visited {
	/// What an audit has left under this name, without what it visited in the parts that were cut
	/// off. `None` when it is not there.
	pub fn resume(
		path: &Path,
		name: [u8; 32],
		abandoned: Vec<u64>,
	) -> Result<Option<Self>, AuditError> {
		if !path.exists() {
			return Ok(None);
		}
		// What can't be opened is as good as gone.
		let Ok(db) = DB::open(&options(false), path) else { return Ok(None) };
		let same = db.get(NAME).map_err(failed(path))?.as_deref() == Some(&name[..]);
		Ok(same.then(|| Self::new(db, path, abandoned)))
	}

	/// An empty set, with a name.
	pub fn create(path: &Path, name: [u8; 32]) -> Result<Self, AuditError> {
		if path.exists() {
			fs::remove_dir_all(path).map_err(|error| AuditError::Visited {
				path: path.to_owned(),
				reason: error.to_string(),
			})?;
		}
		let db = DB::open(&options(true), path).map_err(failed(path))?;
		db.put(NAME, name).map_err(failed(path))?;
		Ok(Self::new(db, path, Vec::new()))
	}

	fn new(db: DB, path: &Path, abandoned: Vec<u64>) -> Self {
		let mut unlogged = WriteOptions::default();
		unlogged.disable_wal(true);
		Self { db, path: path.to_owned(), unlogged, abandoned, part: Cell::default() }
	}

	/// What is visited from here on is in this part.
	pub fn begin(&self, part: u64) {
		self.part.set(part);
	}

	/// Adds a key. `false` when it was there.
	pub fn insert(&self, key: &[u8], what: What) -> Result<bool, AuditError> {
		let tagged = [&[what as u8], key].concat();
		if let Some(value) = self.db.get_pinned(&tagged).map_err(failed(&self.path))? {
			if self.counts(&value) {
				return Ok(false);
			}
		}
		let value = self.part.get().encode();
		self.db.put_opt(&tagged, value, &self.unlogged).map_err(failed(&self.path))?;
		Ok(true)
	}

	fn counts(&self, value: &[u8]) -> bool {
		let part = u64::decode_all(&mut &value[..]);
		part.is_ok_and(|part| self.abandoned.binary_search(&part).is_err())
	}

	/// Makes sure that all of it is on disk.
	pub fn flush(&self) -> Result<(), AuditError> {
		self.db.flush().map_err(failed(&self.path))
	}

	/// All keys, in order.
	pub fn sorted(&self) -> Sorted<'_> {
		let cursor = |what: What| {
			let first = [what as u8];
			let start = IteratorMode::From(&first, Direction::Forward);
			Cursor { iterator: self.db.iterator(start), what, path: &self.path, current: None }
		};
		Sorted([cursor(What::Node), cursor(What::Value)])
	}
}

fn options(create: bool) -> Options {
	let mut options = Options::default();
	options.create_if_missing(create);
	options.set_write_buffer_size(BUFFER_BYTES);
	options.set_max_write_buffer_number(2);
	options.set_keep_log_file_num(1);
	let mut blocks = BlockBasedOptions::default();
	blocks.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
	blocks.set_cache_index_and_filter_blocks(true);
	blocks.set_bloom_filter(10.0, false);
	options.set_block_based_table_factory(&blocks);
	options
}

fn failed(path: &Path) -> impl Fn(rocksdb::Error) -> AuditError + '_ {
	move |error| AuditError::Visited { path: path.to_owned(), reason: error.to_string() }
}

/// Asks for keys in order.
pub(super) struct Sorted<'a>([Cursor<'a>; 2]);

impl Sorted<'_> {
	/// Whether the key was visited. Keys must be asked for in ascending order.
	pub fn contains(&mut self, key: &[u8]) -> Result<bool, AuditError> {
		let [nodes, values] = &mut self.0;
		Ok(nodes.contains(key)? | values.contains(key)?)
	}
}

/// The keys of one kind.
struct Cursor<'a> {
	iterator: DBIterator<'a>,
	what: What,
	path: &'a Path,
	/// The key it stands at, with its tag.
	current: Option<Box<[u8]>>,
}

impl Cursor<'_> {
	fn contains(&mut self, key: &[u8]) -> Result<bool, AuditError> {
		loop {
			match self.current.as_deref().and_then(|tagged| tagged.split_first()) {
				Some((tag, _)) if *tag != self.what as u8 => return Ok(false),
				Some((_, current)) if current >= key => return Ok(current == key),
				_ => {},
			}
			let Some(entry) = self.iterator.next() else { return Ok(false) };
			self.current = Some(entry.map_err(failed(self.path))?.0);
		}
	}
}
