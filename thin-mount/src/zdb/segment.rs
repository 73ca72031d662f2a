//! The pair of files that is written to: the newest data file and its index.

use super::{
	format::{
		self, DataEntry, IndexEntry, DATA_HEADER, DELETED, INDEX_ENTRY, INDEX_FLAGS_AT,
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

	/// Begins the next pair when this one has no room for the entry: as 0-db does it, the payload
	/// alone decides; beside that, every offset has to fit in 32 bits.
	fn make_room(&mut self, key: usize, payload: usize, marker: bool) -> Result<(), WriteError> {
		let full = !marker && self.tail.data_end + payload as u64 > self.data_size;
		let limit = u64::from(u32::MAX);
		let numbered = self.tail.data_end + (format::DATA_ENTRY + key + payload) as u64 > limit
			|| self.tail.index_end + (INDEX_ENTRY + key) as u64 > limit;
		if (full && self.tail.data_end > DATA_HEADER) || numbered {
			self.rotate()?;
		}
		Ok(())
	}

	fn write_data(&self, key: &[u8], payload: &[u8], entry: &DataEntry) -> Result<(), WriteError> {
		let written =
			write_all_at(&self.data, &[&entry.encode(), key, payload], self.tail.data_end)
				.and_then(|()| if self.sync { self.data.sync_data() } else { Ok(()) });
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

	/// Appends a value and its index entry, and marks the entry it replaces. The value is in the
	/// files when this returns, and on the disk when the segment syncs.
	pub(super) fn append(
		&mut self,
		key: &[u8],
		payload: &[u8],
		crc: u32,
		time: u32,
		replaced: Option<Location>,
	) -> Result<Location, WriteError> {
		self.make_room(key.len(), payload.len(), false)?;
		let offset = self.tail.data_end as u32;
		let entry = DataEntry {
			key_length: key.len() as u8,
			length: payload.len() as u32,
			previous: self.tail.data_previous,
			crc,
			flags: 0,
			time,
		};
		self.write_data(key, payload, &entry)?;
		let location = self.append_index(key, offset, &entry, replaced).inspect_err(|_| {
			self.undo_data();
		})?;
		self.tail.data_end += entry.total();
		self.tail.data_previous = offset;
		Ok(location)
	}

	/// Appends the index entry of a value that is in the data file, and marks the one it replaces.
	pub(super) fn append_index(
		&mut self,
		key: &[u8],
		offset: u32,
		data: &DataEntry,
		replaced: Option<Location>,
	) -> Result<Location, WriteError> {
		let entry = IndexEntry {
			key_length: data.key_length,
			offset,
			length: data.length,
			previous: self.tail.index_previous,
			flags: 0,
			data_file: self.tail.file,
			time: data.time,
			crc: data.crc,
			parent_file: replaced.map_or(0, |replaced| replaced.file),
			parent_offset: replaced.map_or(0, |replaced| replaced.index_offset),
		};
		let index_offset = self.tail.index_end;
		let written = write_all_at(&self.index, &[&entry.encode(), key], index_offset)
			.and_then(|()| if self.sync { self.index.sync_data() } else { Ok(()) });
		if let Err(error) = written {
			if let Err(error) = self.index.set_len(index_offset) {
				tracing::warn!(file = self.tail.file, %error, "could not cut off a failed write");
			}
			return Err(WriteError::Index(error));
		}
		// The new entry is there before the old one is marked: whenever this process ends, one
		// of them counts. The start after that marks what was left unmarked.
		if let Some(replaced) = replaced {
			if let Err(error) = self.mark(replaced) {
				tracing::warn!(
					file = replaced.file,
					%error,
					"could not mark a replaced index entry; the next start does it"
				);
			}
		}
		self.tail.index_end += entry.total();
		self.tail.index_previous = index_offset as u32;
		Ok(Location {
			file: self.tail.file,
			offset,
			length: data.length,
			index_offset: index_offset as u32,
			crc: data.crc,
			time: data.time,
		})
	}

	/// Appends the marker of a deletion and marks the index entry.
	pub(super) fn delete(
		&mut self,
		key: &[u8],
		time: u32,
		present: Location,
	) -> Result<(), WriteError> {
		self.make_room(key.len(), 0, true)?;
		let entry = DataEntry {
			key_length: key.len() as u8,
			length: 0,
			previous: self.tail.data_previous,
			crc: 0,
			flags: DELETED,
			time,
		};
		self.write_data(key, &[], &entry)?;
		self.mark(present).map_err(|error| {
			self.undo_data();
			WriteError::Index(error)
		})?;
		self.tail.data_previous = self.tail.data_end as u32;
		self.tail.data_end += entry.total();
		Ok(())
	}

	/// Marks an index entry as deleted or overwritten.
	pub(super) fn mark(&self, location: Location) -> io::Result<()> {
		let older;
		let index = if location.file == self.tail.file {
			&self.index
		} else {
			older = OpenOptions::new().write(true).open(self.folders.index_file(location.file))?;
			&older
		};
		index.write_all_at(&[DELETED], u64::from(location.index_offset) + INDEX_FLAGS_AT)?;
		if self.sync {
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
