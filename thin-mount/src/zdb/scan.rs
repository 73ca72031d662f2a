//! Walking the index files: SCAN, RSCAN, KEYCUR and HISTORY.

use super::{
	command::exactly,
	files::Kind,
	format::{Cursor, IndexEntry, DATA_ENTRY, INDEX_ENTRY, INDEX_HEADER},
	keymap::Location,
	namespace::Namespace,
	resp,
	session::{Answer, Refusal, Session},
	MAX_KEY,
};
use bytes::Bytes;
use std::{fs::File, io, os::unix::fs::FileExt};

/// Entries answered at once.
const PAGE: usize = 1024;
/// Bytes of an index file read at once.
const BLOCK: usize = 64 * 1024;

/// An index entry, where it lies, and its key.
struct Found {
	file: u32,
	offset: u32,
	entry: IndexEntry,
	key: Vec<u8>,
}

impl Found {
	fn cursor(&self) -> Cursor {
		Cursor {
			key_length: self.entry.key_length,
			file: self.file,
			length: self.entry.length,
			offset: self.offset,
			crc: self.entry.crc,
		}
	}
}

/// Reads index entries forward from a position, in blocks.
struct Walk<'a> {
	namespace: &'a Namespace,
	file: u32,
	position: u64,
	open: Option<std::sync::Arc<File>>,
	block: Vec<u8>,
	block_at: u64,
}

impl<'a> Walk<'a> {
	fn new(namespace: &'a Namespace, file: u32, position: u64) -> Self {
		Self { namespace, file, position, open: None, block: Vec::new(), block_at: 0 }
	}

	/// So many bytes at the position, as far as the file has them.
	fn bytes(&mut self, length: usize) -> io::Result<&[u8]> {
		let cached = self.position >= self.block_at
			&& self.position + length as u64 <= self.block_at + self.block.len() as u64;
		if !cached {
			let open = match &self.open {
				Some(open) => open,
				None => self.open.insert(self.namespace.file(Kind::Index, self.file)?),
			};
			// One entry at first: whoever walks backward needs no more.
			let size = if self.block.is_empty() { INDEX_ENTRY + MAX_KEY } else { BLOCK };
			self.block.resize(size, 0);
			let read = read_up_to(open, &mut self.block, self.position)?;
			self.block.truncate(read);
			self.namespace.stats().index.read.add(read as u64);
			self.block_at = self.position;
		}
		let start = (self.position - self.block_at) as usize;
		let end = (start + length).min(self.block.len());
		Ok(&self.block[start..end])
	}

	/// The next entry, deleted or not; `None` behind the last one.
	fn next(&mut self) -> io::Result<Option<Found>> {
		let last = self.namespace.tail().file;
		loop {
			if let Some(found) = self.here()? {
				self.position += found.entry.total();
				return Ok(Some(found));
			}
			if self.file >= last {
				return Ok(None);
			}
			*self = Walk::new(self.namespace, self.file + 1, INDEX_HEADER);
		}
	}

	/// The entry at the position, if there is a whole one.
	fn here(&mut self) -> io::Result<Option<Found>> {
		let (file, offset) = (self.file, self.position as u32);
		Ok(self.entry()?.map(|(entry, key)| Found { file, offset, entry, key }))
	}

	fn entry(&mut self) -> io::Result<Option<(IndexEntry, Vec<u8>)>> {
		let fixed = self.bytes(INDEX_ENTRY)?;
		let Ok(fixed) = <&[u8; INDEX_ENTRY]>::try_from(fixed) else { return Ok(None) };
		let Some(entry) = IndexEntry::decode(fixed) else { return Ok(None) };
		let whole = self.bytes(entry.total() as usize)?;
		let key = whole.get(INDEX_ENTRY..entry.total() as usize).map(<[u8]>::to_vec);
		Ok(key.map(|key| (entry, key)))
	}
}

fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
	let mut filled = 0;
	while filled < buffer.len() {
		match file.read_at(&mut buffer[filled..], offset + filled as u64) {
			Ok(0) => break,
			Ok(read) => filled += read,
			Err(error) if error.kind() == io::ErrorKind::Interrupted => {},
			Err(error) => return Err(error),
		}
	}
	Ok(filled)
}

impl Namespace {
	/// Whether an index entry is the one that counts for its key.
	fn is_current(&self, found: &Found) -> bool {
		self.map().get(&found.key).is_some_and(|location| {
			location.file == found.file && location.index_offset == found.offset
		})
	}

	/// The index entry at a place a client named, with as much of a key as it says there is:
	/// `None` when the file ends before that. Whether there is an entry at all, and of that key,
	/// is for the caller to find out.
	fn index_entry(&self, file: u32, offset: u32, key_length: u8) -> Option<Found> {
		let open = self.file(Kind::Index, file).ok()?;
		let mut bytes = [0; INDEX_ENTRY + MAX_KEY];
		let bytes = &mut bytes[..INDEX_ENTRY + usize::from(key_length)];
		open.read_exact_at(bytes, u64::from(offset)).ok()?;
		self.stats().index.read.add(bytes.len() as u64);
		let (fixed, key) = bytes.split_at(INDEX_ENTRY);
		let entry = IndexEntry::read(fixed.try_into().ok()?);
		Some(Found { file, offset, entry, key: key.to_vec() })
	}

	fn at_cursor(&self, cursor: &[u8]) -> Result<Found, Refusal> {
		Cursor::decode(cursor)
			.and_then(|cursor| {
				let found = self.index_entry(cursor.file, cursor.offset, cursor.key_length)?;
				(found.entry.is_possible() && found.cursor() == cursor).then_some(found)
			})
			.ok_or(Refusal::Words("Invalid key format"))
	}

	/// A page of keys behind the cursor, in the order in which they were set.
	fn forward(&self, cursor: Option<&[u8]>) -> Result<Vec<Found>, Refusal> {
		let mut walk = match cursor {
			None => Walk::new(self, 0, INDEX_HEADER),
			Some(cursor) => {
				let found = self.at_cursor(cursor)?;
				Walk::new(self, found.file, u64::from(found.offset) + found.entry.total())
			},
		};
		let mut page = Vec::new();
		while page.len() < PAGE {
			match walk.next().map_err(|error| self.broken(&error))? {
				Some(found) if self.is_current(&found) => page.push(found),
				Some(_) => {},
				None => break,
			}
		}
		Ok(page)
	}

	/// A page of keys before the cursor, the last one first.
	fn backward(&self, cursor: Option<&[u8]>) -> Result<Vec<Found>, Refusal> {
		let broken = |error| self.broken(&error);
		let mut place = match cursor {
			None => {
				let tail = self.tail();
				let previous = tail.index_previous;
				let last = if tail.index_end > INDEX_HEADER {
					Walk::new(self, tail.file, u64::from(previous)).here()
				} else if let Some(file) = tail.file.checked_sub(1) {
					self.last_entry(file, previous)
				} else {
					Ok(None)
				};
				last.map_err(broken)?
			},
			Some(cursor) => {
				let found = self.at_cursor(cursor)?;
				self.entry_before(&found).map_err(broken)?
			},
		};
		let mut page = Vec::new();
		while let Some(found) = place {
			place = self.entry_before(&found).map_err(broken)?;
			if self.is_current(&found) {
				page.push(found);
				if page.len() == PAGE {
					break;
				}
			}
		}
		Ok(page)
	}

	/// The index entry before this one. Every step leads to a smaller offset or a smaller file.
	fn entry_before(&self, found: &Found) -> io::Result<Option<Found>> {
		let previous = found.entry.previous;
		if previous < found.offset {
			if u64::from(previous) < INDEX_HEADER {
				return Ok(None);
			}
			return Walk::new(self, found.file, u64::from(previous)).here();
		}
		// The first one of its file names the offset of the last one before it.
		match found.file.checked_sub(1) {
			Some(file) => self.last_entry(file, previous),
			None => Ok(None),
		}
	}

	/// The last index entry in this file or the nearest one before it that has any. It lies at
	/// `offset`, unless there are files without entries.
	fn last_entry(&self, file: u32, offset: u32) -> io::Result<Option<Found>> {
		for file in (0..=file).rev() {
			let length = self.file(Kind::Index, file)?.metadata()?.len();
			if u64::from(offset) >= INDEX_HEADER {
				let found = Walk::new(self, file, u64::from(offset)).here()?;
				let is_last =
					|found: &Found| u64::from(found.offset) + found.entry.total() == length;
				if found.as_ref().is_some_and(is_last) {
					return Ok(found);
				}
			}
			let mut walk = Walk::new(self, file, INDEX_HEADER);
			let mut last = None;
			while let Some(found) = walk.here()? {
				walk.position += found.entry.total();
				last = Some(found);
			}
			if last.is_some() {
				return Ok(last);
			}
		}
		Ok(None)
	}

	fn broken(&self, error: &io::Error) -> Refusal {
		let folder = self.folders.index.display();
		tracing::error!(%folder, %error, "can't read an index file");
		self.stats().index.read_failed.add(1);
		Refusal::Words("Internal Error")
	}
}

impl Session {
	/// `SCAN [cursor]`.
	pub(super) fn scan(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		self.require_readable()?;
		let cursor = request.get(1).map(|cursor| &cursor[..]);
		let page = tokio::task::block_in_place(|| self.namespace.forward(cursor))?;
		answer_page(&page, out)
	}

	/// `RSCAN [cursor]`.
	pub(super) fn rscan(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		self.require_readable()?;
		let cursor = request.get(1).map(|cursor| &cursor[..]);
		let page = tokio::task::block_in_place(|| self.namespace.backward(cursor))?;
		answer_page(&page, out)
	}

	/// `KEYCUR key`: the cursor at a key.
	pub(super) fn keycur(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		let [_, key] = exactly::<2>(request)?;
		self.require_readable()?;
		let Location { file, length, index_offset, crc, .. } =
			self.namespace.map().get(key).ok_or("Key not found")?;
		let key_length = key.len() as u8;
		let cursor = Cursor { key_length, file, length, offset: index_offset, crc };
		resp::bulk(out, &cursor.encode());
		Ok(())
	}

	/// `HISTORY key [place]`: a version of a value, its time, and the place of the one before.
	pub(super) fn history(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		let (key, place) = match request {
			[_, key] => (key, None),
			[_, key, place] => (key, Some(place)),
			_ => return Err("Invalid arguments".into()),
		};
		self.require_readable()?;
		let (file, offset, refusal) = match place {
			None => {
				let location = self.namespace.map().get(key).ok_or("Key not found")?;
				(location.file, location.index_offset, "Internal Error")
			},
			Some(place) => {
				let place: [u8; 8] = place[..].try_into().map_err(|_| "Invalid arguments")?;
				if place == [0; 8] {
					return Err("No more history".into());
				}
				let place = u64::from_le_bytes(place);
				(place as u32, (place >> 32) as u32, "Invalid arguments (index query)")
			},
		};
		let key_length = u8::try_from(key.len()).map_err(|_| "Invalid arguments")?;
		tokio::task::block_in_place(|| {
			let found = self.namespace.index_entry(file, offset, key_length).ok_or(refusal)?;
			let same = found.entry.key_length == key_length && found.key == key[..];
			if !same || !found.entry.is_possible() {
				return Err("Invalid arguments (invalid key)".into());
			}
			let payload =
				payload(&self.namespace, &found).map_err(|error| self.namespace.broken(&error))?;
			resp::array(out, 3);
			let parent =
				u64::from(found.entry.parent_offset) << 32 | u64::from(found.entry.parent_file);
			if parent == 0 {
				resp::nil(out);
			} else {
				resp::bulk(out, &parent.to_le_bytes());
			}
			resp::bulk(out, found.entry.time.to_string().as_bytes());
			resp::bulk(out, &payload);
			Ok(())
		})
	}
}

/// The payload an index entry names.
fn payload(namespace: &Namespace, found: &Found) -> io::Result<Vec<u8>> {
	let mut payload = vec![0; found.entry.length as usize];
	let offset = u64::from(found.entry.offset) + (DATA_ENTRY + found.key.len()) as u64;
	namespace.file(Kind::Data, found.file)?.read_exact_at(&mut payload, offset)?;
	namespace.stats().data.read.add(payload.len() as u64);
	Ok(payload)
}

fn answer_page(page: &[Found], out: &mut Vec<u8>) -> Answer {
	let last = page.last().ok_or("No more data")?;
	resp::array(out, 2);
	resp::bulk(out, &last.cursor().encode());
	resp::array(out, page.len());
	for found in page {
		resp::array(out, 3);
		resp::bulk(out, &found.key);
		resp::integer(out, u64::from(found.entry.length));
		resp::integer(out, u64::from(found.entry.time));
	}
	Ok(())
}
