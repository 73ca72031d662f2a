//! Walking the index files: SCAN, RSCAN, KEYCUR and HISTORY.

use super::{
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
			self.block.resize(BLOCK, 0);
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
			if let Some((entry, key)) = self.entry()? {
				let offset = self.position as u32;
				self.position += entry.total();
				return Ok(Some(Found { file: self.file, offset, entry, key }));
			}
			if self.file >= last {
				return Ok(None);
			}
			*self = Walk::new(self.namespace, self.file + 1, INDEX_HEADER);
		}
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

	/// The index entry at a place a client named, if there is one of such a key.
	fn index_entry(&self, file: u32, offset: u32, key_length: u8) -> Option<Found> {
		let open = self.file(Kind::Index, file).ok()?;
		let mut bytes = [0; INDEX_ENTRY + MAX_KEY];
		let bytes = &mut bytes[..INDEX_ENTRY + usize::from(key_length)];
		open.read_exact_at(bytes, u64::from(offset)).ok()?;
		self.stats().index.read.add(bytes.len() as u64);
		let (fixed, key) = bytes.split_at(INDEX_ENTRY);
		let entry = IndexEntry::decode(fixed.try_into().ok()?)?;
		(entry.key_length == key_length).then(|| Found { file, offset, entry, key: key.to_vec() })
	}

	fn at_cursor(&self, cursor: &[u8]) -> Result<Found, Refusal> {
		Cursor::decode(cursor)
			.and_then(|cursor| {
				let found = self.index_entry(cursor.file, cursor.offset, cursor.key_length)?;
				(found.cursor() == cursor).then_some(found)
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
		let (mut file, mut end) = match cursor {
			None => (self.tail().file, u64::MAX),
			Some(cursor) => {
				let found = self.at_cursor(cursor)?;
				(found.file, u64::from(found.offset))
			},
		};
		let mut page = Vec::new();
		loop {
			// Entries can only be read forward. The previous offsets in them lead backward, but a
			// block of them is read faster this way, and a damaged one leads nowhere.
			let mut walk = Walk::new(self, file, INDEX_HEADER);
			let mut recent = std::collections::VecDeque::with_capacity(PAGE);
			while let Some(found) = walk.next().map_err(|error| self.broken(&error))? {
				if found.file != file || u64::from(found.offset) >= end {
					break;
				}
				if self.is_current(&found) {
					if recent.len() == PAGE - page.len() {
						recent.pop_front();
					}
					recent.push_back(found);
				}
			}
			page.extend(recent.into_iter().rev());
			if file == 0 || page.len() == PAGE {
				return Ok(page);
			}
			file -= 1;
			end = u64::MAX;
		}
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
		let key = self.only_key(request)?;
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
		let key_length = u8::try_from(key.len()).map_err(|_| "Invalid arguments")?;
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
		tokio::task::block_in_place(|| {
			let found = self.namespace.index_entry(file, offset, key_length).ok_or(refusal)?;
			if found.key != key[..] {
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
