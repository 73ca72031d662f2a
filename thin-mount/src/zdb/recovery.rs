//! Opening what is on the disk: the index is read, held against the data, and mended where the
//! process, or the machine, ended in the middle of a write.
//!
//! The data files are the truth. What an index says beyond the end of its data is cut off, what
//! the data holds beyond its index is indexed, and bytes at the end of the newest data file that
//! are no whole entry are cut off. A server that only reads does the same in memory and leaves
//! the files alone.

mod mend;
mod read;

use super::{
	format::{self, Header, DATA_HEADER, INDEX_HEADER},
	keymap::{KeyMap, Location},
	segment::{Folders, Tail},
};
use std::{
	collections::{BTreeMap, BTreeSet},
	fs::File,
	io,
	os::unix::fs::FileExt,
	path::{Path, PathBuf},
	sync::Arc,
};

/// Why a namespace can't be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
	/// A file could not be read or mended.
	#[error("{path} can't be read or mended: {error}. Nothing is served: look after its disk and rights")]
	Io {
		/// The file or folder.
		path: PathBuf,
		/// The cause.
		error: io::Error,
	},
	/// Not a file of this format.
	#[error("{path} is no file of 0-db: {reason}. Nothing was changed: name the folders of a 0-db, or new ones")]
	Foreign {
		/// The file.
		path: PathBuf,
		/// What is wrong with it.
		reason: &'static str,
	},
	/// A namespace in sequential mode.
	#[error("{path} is in sequential mode, which only 0-db itself serves")]
	Sequential {
		/// The index file.
		path: PathBuf,
	},
	/// Bytes in a data file that are no entry, and more of them than a torn write leaves.
	#[error(
		"{path}: the {length} bytes from offset {offset} on are no entries, and too many for a \
		 torn write. Nothing was changed: bring the file back from a copy, or cut it there"
	)]
	Corrupt {
		/// The file.
		path: PathBuf,
		/// Where the last whole entry ends.
		offset: u64,
		/// How many bytes follow.
		length: u64,
	},
}

/// A namespace's values, ready to be served.
#[derive(Debug, Default)]
pub(super) struct Loaded {
	pub map: KeyMap,
	pub tail: Option<Tail>,
	/// Index files that are held in memory because the folder is not to be written to.
	pub indexes: BTreeMap<u32, Arc<File>>,
	/// Index entries read or made.
	pub indexed: u64,
}

/// Reads the files of a namespace, and mends them unless `read_only`.
pub(super) fn load(folders: &Folders, read_only: bool) -> Result<Loaded, LoadError> {
	let data = numbered(&folders.data, b'd')?;
	let index = numbered(&folders.index, b'i')?;
	let mut loader = Loader {
		folders,
		read_only,
		rebuild: false,
		changed: BTreeSet::new(),
		loaded: Loaded::default(),
	};
	let last = data.last().max(index.last()).copied();
	for file in data.union(&index).copied() {
		let newest = Some(file) == last;
		match (data.contains(&file), index.contains(&file)) {
			(true, present) => loader.pair(file, present, newest)?,
			(false, _) => loader.without_data(file)?,
		}
	}
	// What was mended is not torn again by the next power loss.
	if !read_only {
		for file in &loader.changed {
			let path = folders.index_file(*file);
			File::open(&path).and_then(|index| index.sync_data()).map_err(at(&path))?;
		}
	}
	Ok(loader.loaded)
}

/// The numbers of the files `<kind><number>` in a folder, which may be missing.
fn numbered(folder: &Path, kind: u8) -> Result<BTreeSet<u32>, LoadError> {
	let entries = match std::fs::read_dir(folder) {
		Ok(entries) => entries,
		Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
		Err(error) => return Err(at(folder)(error)),
	};
	let mut found = BTreeSet::new();
	for entry in entries {
		let name = entry.map_err(at(folder))?.file_name();
		let number = name.to_str().and_then(|name| {
			let number = name.strip_prefix(char::from(kind))?;
			number.parse::<u32>().ok().filter(|parsed| parsed.to_string() == number)
		});
		found.extend(number);
	}
	Ok(found)
}

fn at(path: &Path) -> impl Fn(io::Error) -> LoadError + '_ {
	|error| LoadError::Io { path: path.to_owned(), error }
}

struct Loader<'a> {
	folders: &'a Folders,
	read_only: bool,
	/// Whether an earlier index was incomplete. Deletions are only marked in the index of the
	/// entry they delete, so everything after it has to be replayed from the data.
	rebuild: bool,
	/// The index files that were mended.
	changed: BTreeSet<u32>,
	loaded: Loaded,
}

/// A value near the end of the newest data file.
type Recent = (Box<[u8]>, Location);

/// A data file that is being read.
struct Data {
	path: PathBuf,
	file: File,
	length: u64,
}

impl Loader<'_> {
	fn without_data(&mut self, file: u32) -> Result<(), LoadError> {
		let path = self.folders.index_file(file);
		let length = path.metadata().map_err(at(&path))?.len();
		tracing::warn!(
			data = %self.folders.data_file(file).display(),
			"a data file is missing; its values are not served"
		);
		self.loaded.tail = Some(Tail { index_end: length.max(INDEX_HEADER), ..self.carried(file) });
		Ok(())
	}

	/// The tail of a pair without entries that follows the ones read.
	fn carried(&self, file: u32) -> Tail {
		let before = self.loaded.tail.unwrap_or(Tail::fresh(0));
		Tail {
			data_previous: before.data_previous,
			index_previous: before.index_previous,
			..Tail::fresh(file)
		}
	}

	fn pair(&mut self, file: u32, has_index: bool, newest: bool) -> Result<(), LoadError> {
		let path = self.folders.data_file(file);
		let handle = File::open(&path).map_err(at(&path))?;
		let length = handle.metadata().map_err(at(&path))?.len();
		let data = Data { path, file: handle, length };
		if !self.check_data_header(&data)? {
			// The process ended between making the file and its first bytes.
			self.loaded.tail = Some(self.carried(file));
			return Ok(());
		}

		let mut tail = self.carried(file);
		let mut recent = Vec::new();
		let mut covered = DATA_HEADER;
		let complete = has_index && !self.rebuild && {
			covered = self.read_index(file, &data, newest, &mut tail, &mut recent)?;
			covered > 0
		};
		if !complete {
			covered = DATA_HEADER;
			tail = self.carried(file);
			let index = self.index(file)?;
			index
				.set_len(0)
				.and_then(|()| index.write_all_at(&format::index_header(file), 0))
				.map_err(at(&self.folders.index_file(file)))?;
		}
		tail.data_end = covered;
		let indexed = self.loaded.indexed;
		self.read_data(&data, newest, &mut tail, &mut recent)?;
		let added = self.loaded.indexed - indexed;
		if !complete && added > 0 {
			tracing::warn!(
				index = %self.folders.index_file(file).display(),
				entries = added,
				"rebuilt an index from its data"
			);
		} else if added > 0 {
			tracing::warn!(
				index = %self.folders.index_file(file).display(),
				entries = added,
				"added entries that the data held and the index did not"
			);
		}
		// What was missing may have been deleted later, and only later data knows.
		self.rebuild |= !complete || (added > 0 && !newest);
		if newest {
			self.check_recent(&data, &recent)?;
		}
		self.loaded.tail = Some(tail);
		Ok(())
	}

	/// Whether the file has a header; a shorter file has no entries either.
	fn check_data_header(&self, data: &Data) -> Result<bool, LoadError> {
		let mut header = [0; DATA_HEADER as usize];
		if data.length < DATA_HEADER {
			return Ok(false);
		}
		data.file.read_exact_at(&mut header, 0).map_err(at(&data.path))?;
		match format::check_data_header(&header) {
			Header::Foreign(reason) => Err(LoadError::Foreign { path: data.path.clone(), reason }),
			_ => Ok(true),
		}
	}
}
