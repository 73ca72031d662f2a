//! The pair of files that is written to: the newest data file and its index.

use super::{
	format::{
		self, DataEntry, IndexEntry, DATA_ENTRY, DATA_HEADER, DELETED, INDEX_ENTRY, INDEX_FLAGS_AT,
		INDEX_HEADER,
	},
	keymap::Location,
};
use std::{
	fs::{File, OpenOptions},
	io::{self, IoSlice},
	os::unix::fs::{FileExt, OpenOptionsExt},
	path::{Path, PathBuf},
};

/// Which half of a pair could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
	#[error("data: {0}")]
	Data(#[source] io::Error),
	#[error("index: {0}")]
	Index(#[source] io::Error),
}

/// The folders of one namespace.
#[derive(Debug, Clone)]
pub(super) struct Folders {
	pub data: PathBuf,
	pub index: PathBuf,
}

impl Folders {
	pub(super) fn data_file(&self, file: u32) -> PathBuf {
		self.data.join(format!("d{file}"))
	}

	pub(super) fn index_file(&self, file: u32) -> PathBuf {
		self.index.join(format!("i{file}"))
	}
}

/// A value that is to be appended.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewEntry<'a> {
	pub key: &'a [u8],
	pub payload: &'a [u8],
	pub crc: u32,
	pub time: u32,
	/// The value it replaces.
	pub replaced: Option<Location>,
}

/// Entries that are appended at once. Each is three parts of one write, and the system takes no
/// more than 1,024.
pub(super) const MOST_ENTRIES: usize = 256;

/// Whether a data file has an entry of this key there, with the value whose checksum was kept. The
/// checksum is the value's alone: an altered key is found by comparing it.
pub(super) fn is_sound(data: &File, key: &[u8], location: Location) -> io::Result<bool> {
	let mut entry = vec![0; DATA_ENTRY + key.len() + location.length as usize];
	data.read_exact_at(&mut entry, u64::from(location.offset))?;
	let (fixed, rest) = entry.split_at(DATA_ENTRY);
	let (stored, payload) = rest.split_at(key.len());
	Ok(fixed.first().copied().map(usize::from) == Some(key.len())
		&& stored == key
		&& format::checksum(payload) == location.crc)
}

/// Where the next entries go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
	pub file: u32,
	pub data_end: u64,
	pub index_end: u64,
	/// Offsets of the last entries written, wherever they are.
	pub data_previous: u32,
	pub index_previous: u32,
}

impl Tail {
	/// Of a pair without entries.
	pub(super) fn fresh(file: u32) -> Self {
		Self {
			file,
			data_end: DATA_HEADER,
			index_end: INDEX_HEADER,
			data_previous: 0,
			index_previous: 0,
		}
	}
}

/// Opens a file for reading and writing, made when it is not there.
pub(super) fn open_for_writing(path: &Path) -> io::Result<File> {
	OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Makes the creation of files in this folder survive power loss.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
	File::open(path)?.sync_all()
}

/// Writes the parts one after another, starting at `offset`.
fn write_all_at(file: &File, parts: &[&[u8]], mut offset: u64) -> io::Result<()> {
	let mut skip = 0usize;
	let total: usize = parts.iter().map(|part| part.len()).sum();
	while skip < total {
		let mut before = skip;
		let slices: Vec<IoSlice<'_>> = parts
			.iter()
			.filter_map(|part| {
				let cut = before.min(part.len());
				before -= cut;
				(cut < part.len()).then(|| IoSlice::new(&part[cut..]))
			})
			.collect();
		match rustix::io::pwritev(file, &slices, offset) {
			Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
			Ok(written) => {
				skip += written;
				offset += written as u64;
			},
			Err(rustix::io::Errno::INTR) => {},
			Err(error) => return Err(error.into()),
		}
	}
	Ok(())
}

/// The newest pair of files, open for writing.
#[derive(Debug)]
pub(super) struct Segment {
	folders: Folders,
	tail: Tail,
	data: File,
	index: File,
	data_size: u64,
	sync: bool,
}

impl Segment {
	/// Opens the pair `tail.file` at its end. Missing headers are written.
	pub(super) fn open(
		folders: Folders,
		tail: Tail,
		data_size: u64,
		sync: bool,
	) -> Result<Self, WriteError> {
		let data = open_for_writing(&folders.data_file(tail.file)).map_err(WriteError::Data)?;
		let index = open_for_writing(&folders.index_file(tail.file)).map_err(WriteError::Index)?;
		if data.metadata().map_err(WriteError::Data)?.len() < DATA_HEADER {
			data.write_all_at(&format::data_header(tail.file), 0).map_err(WriteError::Data)?;
		}
		if index.metadata().map_err(WriteError::Index)?.len() < INDEX_HEADER {
			index.write_all_at(&format::index_header(tail.file), 0).map_err(WriteError::Index)?;
		}
		if sync {
			data.sync_all().and_then(|()| sync_folder(&folders.data)).map_err(WriteError::Data)?;
			index
				.sync_all()
				.and_then(|()| sync_folder(&folders.index))
				.map_err(WriteError::Index)?;
		}
		Ok(Self { folders, tail, data, index, data_size, sync })
	}

	pub(super) fn tail(&self) -> Tail {
		self.tail
	}

	/// Closes this pair and begins the next.
	pub(super) fn rotate(&mut self) -> Result<(), WriteError> {
		let file = self.tail.file.checked_add(1).ok_or_else(|| {
			WriteError::Data(io::Error::other("there are as many files as 0-db can number"))
		})?;
		let tail = Tail {
			data_previous: self.tail.data_previous,
			index_previous: self.tail.index_previous,
			..Tail::fresh(file)
		};
		*self = Self::open(self.folders.clone(), tail, self.data_size, self.sync)?;
		Ok(())
	}

	/// How many of these entries go into this pair: as 0-db does it, the payload alone decides;
	/// beside that, every offset has to fit in 32 bits. An empty pair takes at least one.
	fn room(&self, entries: &[NewEntry<'_>]) -> usize {
		let (mut data_end, mut index_end) = (self.tail.data_end, self.tail.index_end);
		let fitting = entries.iter().take_while(|entry| {
			let full =
				data_end > DATA_HEADER && data_end + entry.payload.len() as u64 > self.data_size;
			data_end += (DATA_ENTRY + entry.key.len() + entry.payload.len()) as u64;
			index_end += (INDEX_ENTRY + entry.key.len()) as u64;
			!full && data_end.max(index_end) <= u64::from(u32::MAX)
		});
		fitting.count()
	}

	fn write_data(&self, parts: &[&[u8]]) -> Result<(), WriteError> {
		let written = write_all_at(&self.data, parts, self.tail.data_end).and_then(|()| {
			if self.sync {
				self.data.sync_data()
			} else {
				Ok(())
			}
		});
		written.map_err(|error| {
			self.undo_data();
			WriteError::Data(error)
		})
	}

	/// Takes back what was written behind the end. When that fails too, the next entry overwrites
	/// it, or the next start cuts it off.
	fn undo_data(&self) {
		if let Err(error) = self.data.set_len(self.tail.data_end) {
			tracing::warn!(file = self.tail.file, %error, "could not cut off a failed write");
		}
	}

	/// Appends values and their index entries, and marks the entries they replace: of no more than
	/// [`MOST_ENTRIES`] as many from the front as go into one pair of files, and at least one.
	/// These are in the files when this returns, and on the disk when the segment syncs. After an
	/// error none of them is. No key may be there twice.
	pub(super) fn append(&mut self, entries: &[NewEntry<'_>]) -> Result<Vec<Location>, WriteError> {
		let mut count = self.room(entries);
		if count == 0 {
			self.rotate()?;
			count = self.room(entries).max(1);
		}
		let entries = &entries[..count.min(entries.len()).min(MOST_ENTRIES)];

		let mut tail = self.tail;
		let mut headers = Vec::with_capacity(entries.len());
		let mut index = Vec::new();
		let mut locations = Vec::with_capacity(entries.len());
		for new in entries {
			let location = Location {
				file: tail.file,
				offset: tail.data_end as u32,
				length: new.payload.len() as u32,
				index_offset: tail.index_end as u32,
				crc: new.crc,
				time: new.time,
			};
			let data = DataEntry {
				key_length: new.key.len() as u8,
				length: location.length,
				previous: tail.data_previous,
				crc: new.crc,
				flags: 0,
				time: new.time,
			};
			let indexed = IndexEntry {
				key_length: data.key_length,
				offset: location.offset,
				length: location.length,
				previous: tail.index_previous,
				flags: 0,
				data_file: tail.file,
				time: new.time,
				crc: new.crc,
				parent_file: new.replaced.map_or(0, |replaced| replaced.file),
				parent_offset: new.replaced.map_or(0, |replaced| replaced.index_offset),
			};
			headers.push(data.encode());
			index.extend_from_slice(&indexed.encode());
			index.extend_from_slice(new.key);
			tail.data_end += data.total();
			tail.data_previous = location.offset;
			tail.index_end += indexed.total();
			tail.index_previous = location.index_offset;
			locations.push(location);
		}
		let parts: Vec<&[u8]> = headers
			.iter()
			.zip(entries)
			.flat_map(|(header, new)| [&header[..], new.key, new.payload])
			.collect();
		self.write_data(&parts)?;
		self.write_index(&index, entries).inspect_err(|_| self.undo_data())?;
		self.tail = tail;
		Ok(locations)
	}

	/// Appends index entries, and marks those they replace.
	fn write_index(&self, index: &[u8], entries: &[NewEntry<'_>]) -> Result<(), WriteError> {
		let written = write_all_at(&self.index, &[index], self.tail.index_end).and_then(|()| {
			if self.sync {
				self.index.sync_data()
			} else {
				Ok(())
			}
		});
		if let Err(error) = written {
			if let Err(error) = self.index.set_len(self.tail.index_end) {
				tracing::warn!(file = self.tail.file, %error, "could not cut off a failed write");
			}
			return Err(WriteError::Index(error));
		}
		// The new entries are there before the old ones are marked: whenever this process ends,
		// or the machine, one of them counts. The start after that marks what was left unmarked.
		for replaced in entries.iter().filter_map(|entry| entry.replaced) {
			if let Err(error) = self.mark(replaced, false) {
				tracing::warn!(
					file = replaced.file,
					%error,
					"could not mark a replaced index entry; the next start does it"
				);
			}
		}
		Ok(())
	}

	/// Appends the marker of a deletion and marks the index entry.
	pub(super) fn delete(
		&mut self,
		key: &[u8],
		time: u32,
		present: Location,
	) -> Result<(), WriteError> {
		// A marker has no payload, and so goes into a full pair too.
		let total = (DATA_ENTRY + key.len()) as u64;
		if self.tail.data_end + total > u64::from(u32::MAX) {
			self.rotate()?;
		}
		let entry = DataEntry {
			key_length: key.len() as u8,
			length: 0,
			previous: self.tail.data_previous,
			crc: 0,
			flags: DELETED,
			time,
		};
		self.write_data(&[&entry.encode(), key])?;
		// On the disk if need be: once later values are indexed, nothing else tells the next
		// start of it.
		let marked = self.mark(present, self.sync);
		marked.map_err(|error| {
			self.undo_data();
			WriteError::Index(error)
		})?;
		self.tail.data_previous = self.tail.data_end as u32;
		self.tail.data_end += entry.total();
		Ok(())
	}

	/// Marks an index entry as deleted or overwritten.
	fn mark(&self, location: Location, sync: bool) -> io::Result<()> {
		let older;
		let index = if location.file == self.tail.file {
			&self.index
		} else {
			older = OpenOptions::new().write(true).open(self.folders.index_file(location.file))?;
			&older
		};
		index.write_all_at(&[DELETED], u64::from(location.index_offset) + INDEX_FLAGS_AT)?;
		if sync {
			index.sync_data()?;
		}
		Ok(())
	}

	/// Makes everything written so far survive power loss.
	pub(super) fn sync(&self) -> io::Result<()> {
		self.data.sync_data()?;
		self.index.sync_data()
	}
}
