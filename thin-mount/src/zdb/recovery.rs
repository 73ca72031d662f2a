//! Opening what is on the disk: the index is read, held against the data, and mended where the
//! process, or the machine, ended in the middle of a write.
//!
//! The data files are the truth. What an index says beyond the end of its data is cut off, what
//! the data holds beyond its index is indexed, and bytes at the end of the newest data file that
//! are no whole entry are cut off. A server that only reads does the same in memory and leaves
//! the files alone.

use super::{
	format::{
		self, DataEntry, Header, IndexEntry, DATA_ENTRY, DATA_HEADER, DELETED, INDEX_ENTRY,
		INDEX_FLAGS_AT, INDEX_HEADER,
	},
	keymap::{KeyMap, Location},
	segment::{open_for_writing, Folders, Tail},
	MAX_KEY, MAX_VALUE,
};
use std::{
	collections::{BTreeMap, BTreeSet},
	fs::File,
	io::{self, BufReader, Read, Seek, SeekFrom},
	os::unix::fs::FileExt,
	path::{Path, PathBuf},
	sync::Arc,
};

/// Values that end within this many bytes of the end of the newest data file are checked against
/// their checksums at each start: that is where power loss tears.
const CHECKED_TAIL: u64 = 16 * 1024 * 1024;
/// More than this behind the last whole entry is not a torn write.
const MOST_TORN: u64 = (DATA_ENTRY + MAX_KEY + MAX_VALUE) as u64;

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

	/// Reads an index as far as it matches its data. Answers where the data it covers ends, or 0
	/// when it has no header and has to be made anew.
	fn read_index(
		&mut self,
		file: u32,
		data: &Data,
		newest: bool,
		tail: &mut Tail,
		recent: &mut Vec<(Box<[u8]>, Location)>,
	) -> Result<u64, LoadError> {
		let path = self.folders.index_file(file);
		let handle = File::open(&path).map_err(at(&path))?;
		let length = handle.metadata().map_err(at(&path))?.len();
		if length < INDEX_HEADER {
			return Ok(0);
		}
		let mut reader = BufReader::with_capacity(1 << 20, handle);
		let mut header = [0; INDEX_HEADER as usize];
		reader.read_exact(&mut header).map_err(at(&path))?;
		match format::check_index_header(&header) {
			Header::UserKeys => {},
			Header::Sequential => return Err(LoadError::Sequential { path }),
			Header::Foreign(reason) => return Err(LoadError::Foreign { path, reason }),
		}

		let mut covered = DATA_HEADER;
		let mut position = INDEX_HEADER;
		let mut fixed = [0; INDEX_ENTRY];
		let mut key = [0; MAX_KEY];
		while position + INDEX_ENTRY as u64 <= length {
			reader.read_exact(&mut fixed).map_err(at(&path))?;
			let Some(entry) = IndexEntry::decode(&fixed) else { break };
			let end = u64::from(entry.offset)
				+ DATA_ENTRY as u64
				+ u64::from(entry.key_length)
				+ u64::from(entry.length);
			if position + entry.total() > length
				|| end > data.length
				|| position > u64::from(u32::MAX)
			{
				break;
			}
			let key = &mut key[..usize::from(entry.key_length)];
			reader.read_exact(key).map_err(at(&path))?;
			let location = Location {
				file,
				offset: entry.offset,
				length: entry.length,
				index_offset: position as u32,
				crc: entry.crc,
				time: entry.time,
			};
			let replaced = if entry.is_deleted() {
				self.loaded.map.remove(key)
			} else {
				if newest && u64::from(entry.offset) + CHECKED_TAIL >= data.length {
					recent.push((key.as_ref().into(), location));
				}
				self.loaded.map.insert(key, location)
			};
			if let Some(replaced) = replaced {
				self.mark(replaced)?;
			}
			self.loaded.indexed += 1;
			covered = covered.max(end);
			tail.index_previous = position as u32;
			tail.data_previous = entry.offset;
			position += entry.total();
		}
		if position < length {
			tracing::warn!(
				index = %path.display(),
				offset = position,
				bytes = length - position,
				"cut off the end of an index that does not match its data"
			);
			let index = self.index(file)?;
			index.set_len(position).map_err(at(&path))?;
		}
		tail.index_end = position;
		Ok(covered)
	}

	/// Reads data entries from `tail.data_end` on, and indexes them.
	fn read_data(
		&mut self,
		data: &Data,
		newest: bool,
		tail: &mut Tail,
		recent: &mut Vec<(Box<[u8]>, Location)>,
	) -> Result<(), LoadError> {
		let mut reader = BufReader::with_capacity(1 << 16, &data.file);
		reader.seek(SeekFrom::Start(tail.data_end)).map_err(at(&data.path))?;
		let mut position = tail.data_end;
		let mut fixed = [0; DATA_ENTRY];
		let mut key = [0; MAX_KEY];
		let mut index = None;
		let start = position;
		while position + DATA_ENTRY as u64 <= data.length {
			reader.read_exact(&mut fixed).map_err(at(&data.path))?;
			let Some(entry) = DataEntry::decode(&fixed) else { break };
			if position + entry.total() > data.length || position > u64::from(u32::MAX) {
				break;
			}
			let key = &mut key[..usize::from(entry.key_length)];
			reader.read_exact(key).map_err(at(&data.path))?;
			reader.seek_relative(i64::from(entry.length)).map_err(at(&data.path))?;
			let offset = position as u32;
			position += entry.total();

			if index.is_none() {
				index = Some(self.index(tail.file)?);
			}
			if entry.is_deleted() {
				if let Some(removed) = self.loaded.map.remove(key) {
					self.mark(removed)?;
				}
			} else if let Some(index) = &index {
				let location = self.index_entry(index, key, offset, &entry, tail)?;
				if newest && position + CHECKED_TAIL >= data.length {
					recent.push((key.as_ref().into(), location));
				}
			}
			tail.data_previous = offset;
		}
		tail.data_end = position;
		self.cut_data(data, newest, start, position)
	}

	/// Adds an index entry for a value that lies in the data.
	fn index_entry(
		&mut self,
		index: &File,
		key: &[u8],
		offset: u32,
		entry: &DataEntry,
		tail: &mut Tail,
	) -> Result<Location, LoadError> {
		let replaced = self.loaded.map.get(key);
		let indexed = IndexEntry {
			key_length: entry.key_length,
			offset,
			length: entry.length,
			previous: tail.index_previous,
			flags: 0,
			data_file: tail.file,
			time: entry.time,
			crc: entry.crc,
			parent_file: replaced.map_or(0, |replaced| replaced.file),
			parent_offset: replaced.map_or(0, |replaced| replaced.index_offset),
		};
		let mut bytes = indexed.encode().to_vec();
		bytes.extend_from_slice(key);
		index
			.write_all_at(&bytes, tail.index_end)
			.map_err(at(&self.folders.index_file(tail.file)))?;
		if let Some(replaced) = replaced {
			self.mark(replaced)?;
		}
		let location = Location {
			file: tail.file,
			offset,
			length: entry.length,
			index_offset: tail.index_end as u32,
			crc: entry.crc,
			time: entry.time,
		};
		self.loaded.map.insert(key, location);
		self.loaded.indexed += 1;
		tail.index_previous = tail.index_end as u32;
		tail.index_end += indexed.total();
		Ok(location)
	}

	/// Cuts bytes off the data that are no whole entry.
	fn cut_data(
		&self,
		data: &Data,
		newest: bool,
		start: u64,
		position: u64,
	) -> Result<(), LoadError> {
		let length = data.length - position;
		if length == 0 {
			return Ok(());
		}
		if length > MOST_TORN {
			return Err(LoadError::Corrupt { path: data.path.clone(), offset: position, length });
		}
		tracing::warn!(
			data = %data.path.display(),
			offset = position,
			bytes = length,
			checked_from = start,
			"cut off the end of a data file behind its last whole entry"
		);
		if newest && !self.read_only {
			open_for_writing(&data.path)
				.and_then(|file| file.set_len(position).and_then(|()| file.sync_all()))
				.map_err(at(&data.path))?;
		}
		Ok(())
	}

	/// Checks the values at the end of the newest data file, and forgets those that are not what
	/// was written.
	fn check_recent(
		&mut self,
		data: &Data,
		recent: &[(Box<[u8]>, Location)],
	) -> Result<(), LoadError> {
		let mut payload = Vec::new();
		for (key, location) in recent {
			if self.loaded.map.get(key) != Some(*location) {
				continue;
			}
			payload.resize(location.length as usize, 0);
			let offset = u64::from(location.offset) + (DATA_ENTRY + key.len()) as u64;
			data.file.read_exact_at(&mut payload, offset).map_err(at(&data.path))?;
			if format::checksum(&payload) != location.crc {
				tracing::warn!(
					data = %data.path.display(),
					offset = location.offset,
					key = %key.escape_ascii(),
					"a value is not what was written; its key is taken out of the index"
				);
				self.loaded.map.remove(key);
				self.mark(*location)?;
			}
		}
		Ok(())
	}

	/// Marks an index entry as deleted or overwritten.
	fn mark(&mut self, location: Location) -> Result<(), LoadError> {
		let index = self.index(location.file)?;
		index
			.write_all_at(&[DELETED], u64::from(location.index_offset) + INDEX_FLAGS_AT)
			.map_err(at(&self.folders.index_file(location.file)))
	}

	/// An index file that may be changed: the one on the disk, or a copy in memory.
	fn index(&mut self, file: u32) -> Result<Arc<File>, LoadError> {
		let path = self.folders.index_file(file);
		self.changed.insert(file);
		if !self.read_only {
			return open_for_writing(&path).map(Arc::new).map_err(at(&path));
		}
		if let Some(copy) = self.loaded.indexes.get(&file) {
			return Ok(copy.clone());
		}
		let memory = rustix::fs::memfd_create("0-db index", rustix::fs::MemfdFlags::CLOEXEC)
			.map_err(|error| at(&path)(error.into()))?;
		let mut copy = File::from(memory);
		match File::open(&path) {
			Ok(mut original) => {
				io::copy(&mut original, &mut copy).map_err(at(&path))?;
			},
			Err(error) if error.kind() == io::ErrorKind::NotFound => {},
			Err(error) => return Err(at(&path)(error)),
		}
		let copy = Arc::new(copy);
		self.loaded.indexes.insert(file, copy.clone());
		Ok(copy)
	}
}
