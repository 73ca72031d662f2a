//! Reading an index and its data, entry by entry.

use super::{at, Data, LoadError, Loader, Recent};
use crate::zdb::{
	format::{
		self, DataEntry, Header, IndexEntry, DATA_ENTRY, DATA_HEADER, INDEX_ENTRY, INDEX_HEADER,
	},
	keymap::Location,
	segment::Tail,
	MAX_KEY,
};
use std::{
	fs::File,
	io::{BufReader, Read, Seek, SeekFrom},
	os::unix::fs::FileExt,
};

/// Values that end within this many bytes of the end of the newest data file are checked against
/// their checksums at each start: that is where power loss tears.
const CHECKED_TAIL: u64 = 16 * 1024 * 1024;

impl Loader<'_> {
	/// Reads an index as far as it matches its data. Answers where the data it covers ends, or 0
	/// when it has no header and has to be made anew.
	pub(super) fn read_index(
		&mut self,
		file: u32,
		data: &Data,
		newest: bool,
		tail: &mut Tail,
		recent: &mut Vec<Recent>,
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
	pub(super) fn read_data(
		&mut self,
		data: &Data,
		newest: bool,
		tail: &mut Tail,
		recent: &mut Vec<Recent>,
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
}
