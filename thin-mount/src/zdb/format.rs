//! The bytes of data files, index files and namespace descriptors.
//!
//! All integers are little-endian and structures are packed.

use super::MAX_VALUE;

/// Bytes of a data file's header.
pub(super) const DATA_HEADER: u64 = 28;
/// Bytes of a data entry before its key.
pub(super) const DATA_ENTRY: usize = 18;
/// Bytes of an index file's header.
pub(super) const INDEX_HEADER: u64 = 29;
/// Bytes of an index entry before its key.
pub(super) const INDEX_ENTRY: usize = 34;
/// Where the flags lie in an index entry.
pub(super) const INDEX_FLAGS_AT: u64 = 13;
/// The flag of a deleted or, in an index, overwritten entry.
pub(super) const DELETED: u8 = 1;

const DATA_MAGIC: &[u8; 4] = b"DAT0";
const DATA_VERSION: u32 = 3;
const INDEX_MAGIC: &[u8; 4] = b"IDX0";
const INDEX_VERSION: u32 = 4;

/// The checksum of a payload: CRC-32C with initial value 0 and no final inversion.
pub(super) fn checksum(payload: &[u8]) -> u32 {
	!crc32c::crc32c_append(u32::MAX, payload)
}

/// Takes integers off the front of a slice whose length was checked by its type.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
	fn take<const N: usize>(&mut self) -> [u8; N] {
		let (head, rest) = self.0.split_at(N);
		self.0 = rest;
		head.try_into().expect("split_at gave N bytes; qed")
	}

	fn u8(&mut self) -> u8 {
		self.take::<1>()[0]
	}

	fn u32(&mut self) -> u32 {
		u32::from_le_bytes(self.take())
	}

	fn u64(&mut self) -> u64 {
		u64::from_le_bytes(self.take())
	}
}

/// What the first bytes of a data or index file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
	/// A file of user-keyed entries.
	UserKeys,
	/// An index in sequential mode.
	Sequential,
	/// Something else, named.
	Foreign(&'static str),
}

/// The header of data file `file`.
pub(super) fn data_header(file: u32) -> [u8; DATA_HEADER as usize] {
	let mut out = [0; DATA_HEADER as usize];
	out[..4].copy_from_slice(DATA_MAGIC);
	out[4..8].copy_from_slice(&DATA_VERSION.to_le_bytes());
	// The two times are zero, as 0-db writes them.
	out[24..].copy_from_slice(&file.to_le_bytes());
	out
}

/// Reads a data file's header.
pub(super) fn check_data_header(bytes: &[u8; DATA_HEADER as usize]) -> Header {
	let mut fields = Fields(bytes);
	if &fields.take::<4>() != DATA_MAGIC {
		return Header::Foreign("its first bytes are not DAT0");
	}
	if fields.u32() != DATA_VERSION {
		return Header::Foreign("its version is not 3");
	}
	Header::UserKeys
}

/// The header of index file `file`.
pub(super) fn index_header(file: u32) -> [u8; INDEX_HEADER as usize] {
	let mut out = [0; INDEX_HEADER as usize];
	out[..4].copy_from_slice(INDEX_MAGIC);
	out[4..8].copy_from_slice(&INDEX_VERSION.to_le_bytes());
	out[24..28].copy_from_slice(&file.to_le_bytes());
	out
}

/// Reads an index file's header.
pub(super) fn check_index_header(bytes: &[u8; INDEX_HEADER as usize]) -> Header {
	let mut fields = Fields(bytes);
	if &fields.take::<4>() != INDEX_MAGIC {
		return Header::Foreign("its first bytes are not IDX0");
	}
	if fields.u32() != INDEX_VERSION {
		return Header::Foreign("its version is not 4");
	}
	fields.u64();
	fields.u64();
	fields.u32();
	match fields.u8() {
		0 => Header::UserKeys,
		1 => Header::Sequential,
		_ => Header::Foreign("its mode is neither user keys nor sequential"),
	}
}

/// The fixed part of a data entry. The key and the payload follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DataEntry {
	pub key_length: u8,
	pub length: u32,
	pub previous: u32,
	pub crc: u32,
	pub flags: u8,
	pub time: u32,
}

impl DataEntry {
	pub(super) fn encode(&self) -> [u8; DATA_ENTRY] {
		let mut out = [0; DATA_ENTRY];
		out[0] = self.key_length;
		out[1..5].copy_from_slice(&self.length.to_le_bytes());
		out[5..9].copy_from_slice(&self.previous.to_le_bytes());
		out[9..13].copy_from_slice(&self.crc.to_le_bytes());
		out[13] = self.flags;
		out[14..18].copy_from_slice(&self.time.to_le_bytes());
		out
	}

	/// The entry, or `None` when no 0-db can have written it.
	pub(super) fn decode(bytes: &[u8; DATA_ENTRY]) -> Option<Self> {
		let mut fields = Fields(bytes);
		let entry = Self {
			key_length: fields.u8(),
			length: fields.u32(),
			previous: fields.u32(),
			crc: fields.u32(),
			flags: fields.u8(),
			time: fields.u32(),
		};
		(entry.key_length > 0 && entry.length as usize <= MAX_VALUE).then_some(entry)
	}

	pub(super) fn is_deleted(&self) -> bool {
		self.flags & DELETED != 0
	}

	/// Bytes of the entry with its key and payload.
	pub(super) fn total(&self) -> u64 {
		DATA_ENTRY as u64 + u64::from(self.key_length) + u64::from(self.length)
	}
}

/// The fixed part of an index entry. The key follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexEntry {
	pub key_length: u8,
	pub offset: u32,
	pub length: u32,
	pub previous: u32,
	pub flags: u8,
	pub data_file: u32,
	pub time: u32,
	pub crc: u32,
	pub parent_file: u32,
	pub parent_offset: u32,
}

impl IndexEntry {
	pub(super) fn encode(&self) -> [u8; INDEX_ENTRY] {
		let mut out = [0; INDEX_ENTRY];
		out[0] = self.key_length;
		out[1..5].copy_from_slice(&self.offset.to_le_bytes());
		out[5..9].copy_from_slice(&self.length.to_le_bytes());
		out[9..13].copy_from_slice(&self.previous.to_le_bytes());
		out[13] = self.flags;
		out[14..18].copy_from_slice(&self.data_file.to_le_bytes());
		out[18..22].copy_from_slice(&self.time.to_le_bytes());
		out[22..26].copy_from_slice(&self.crc.to_le_bytes());
		out[26..30].copy_from_slice(&self.parent_file.to_le_bytes());
		out[30..34].copy_from_slice(&self.parent_offset.to_le_bytes());
		out
	}

	/// The entry, or `None` when no 0-db can have written it.
	pub(super) fn decode(bytes: &[u8; INDEX_ENTRY]) -> Option<Self> {
		Some(Self::read(bytes)).filter(Self::is_possible)
	}

	/// Whether a 0-db can have written it.
	pub(super) fn is_possible(&self) -> bool {
		self.key_length > 0 && self.length as usize <= MAX_VALUE
	}

	/// What the bytes say, sense or not.
	pub(super) fn read(bytes: &[u8; INDEX_ENTRY]) -> Self {
		let mut fields = Fields(bytes);
		Self {
			key_length: fields.u8(),
			offset: fields.u32(),
			length: fields.u32(),
			previous: fields.u32(),
			flags: fields.u8(),
			data_file: fields.u32(),
			time: fields.u32(),
			crc: fields.u32(),
			parent_file: fields.u32(),
			parent_offset: fields.u32(),
		}
	}

	pub(super) fn is_deleted(&self) -> bool {
		self.flags & DELETED != 0
	}

	/// Bytes of the entry with its key.
	pub(super) fn total(&self) -> u64 {
		INDEX_ENTRY as u64 + u64::from(self.key_length)
	}
}

/// A position in the scan order, as clients hold it: 17 bytes that name an index entry and
/// repeat enough of it to notice that they are stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
	pub key_length: u8,
	pub file: u32,
	pub length: u32,
	pub offset: u32,
	pub crc: u32,
}

impl Cursor {
	pub(super) const SIZE: usize = 17;

	pub(super) fn encode(&self) -> [u8; Self::SIZE] {
		let mut out = [0; Self::SIZE];
		out[0] = self.key_length;
		out[1..5].copy_from_slice(&self.file.to_le_bytes());
		out[5..9].copy_from_slice(&self.length.to_le_bytes());
		out[9..13].copy_from_slice(&self.offset.to_le_bytes());
		out[13..].copy_from_slice(&self.crc.to_le_bytes());
		out
	}

	pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
		let bytes: &[u8; Self::SIZE] = bytes.try_into().ok()?;
		let mut fields = Fields(bytes);
		Some(Self {
			key_length: fields.u8(),
			file: fields.u32(),
			length: fields.u32(),
			offset: fields.u32(),
			crc: fields.u32(),
		})
	}
}

/// What is kept of a namespace beside its values, in the file `zdb-namespace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptor {
	pub name: Vec<u8>,
	pub password: Option<Vec<u8>>,
	pub public: bool,
	pub worm: bool,
	/// Payload bytes the namespace may hold; 0 for no limit.
	pub max_size: u64,
}

const DESCRIPTOR_VERSION: u32 = 1;
const DESCRIPTOR_HEADER: usize = 15;
const PUBLIC: u8 = 1;
const WORM: u8 = 2;
const EXTENDED: u8 = 4;

impl Descriptor {
	/// A new namespace: public, without a password or a limit.
	pub(super) fn new(name: &[u8]) -> Self {
		Self { name: name.to_vec(), password: None, public: true, worm: false, max_size: 0 }
	}

	/// The file's bytes. Name and password are at most 255 bytes each: commands refuse longer
	/// ones, so the casts lose nothing.
	pub(super) fn encode(&self) -> Vec<u8> {
		let password = self.password.as_deref().unwrap_or_default();
		let mut out = Vec::with_capacity(DESCRIPTOR_HEADER + self.name.len() + password.len());
		out.extend_from_slice(&DESCRIPTOR_VERSION.to_le_bytes());
		out.push(self.name.len().min(255) as u8);
		out.push(password.len().min(255) as u8);
		out.extend_from_slice(&self.max_size.to_le_bytes());
		let public = if self.public { PUBLIC } else { 0 };
		let worm = if self.worm { WORM } else { 0 };
		out.push(public | worm | EXTENDED);
		out.extend_from_slice(&self.name[..self.name.len().min(255)]);
		out.extend_from_slice(&password[..password.len().min(255)]);
		out
	}

	/// Reads the file's bytes. More bytes than the lengths say are fine: 0-db leaves the end of
	/// a longer password behind when a shorter one is set.
	pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
		let (header, rest) =
			bytes.split_at_checked(DESCRIPTOR_HEADER).ok_or("it is shorter than 15 bytes")?;
		let mut fields = Fields(header);
		if fields.u32() != DESCRIPTOR_VERSION {
			return Err("its version is not 1");
		}
		let name_length = usize::from(fields.u8());
		let password_length = usize::from(fields.u8());
		let max_size = fields.u64();
		let flags = fields.u8();
		let (name, rest) = rest.split_at_checked(name_length).ok_or("its name is cut off")?;
		let password = rest.get(..password_length).ok_or("its password is cut off")?;
		Ok(Self {
			name: name.to_vec(),
			password: (password_length > 0).then(|| password.to_vec()),
			public: flags & PUBLIC != 0,
			worm: flags & WORM != 0,
			max_size,
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn checksums_are_those_of_0_db() {
		assert_eq!(checksum(b"1").to_le_bytes(), [0xb2, 0xca, 0x88, 0xc2]);
		assert_eq!(checksum(b"2").to_le_bytes(), [0x46, 0x39, 0xd8, 0xd1]);
		assert_eq!(checksum(b"\x00\xff\r\n$3\r\n").to_le_bytes(), [0x49, 0xdc, 0x86, 0x89]);
		assert_eq!(checksum(b""), 0);
	}

	#[test]
	fn the_recorded_descriptor_is_written_and_read() {
		let recorded = hex::decode("01000000030240420f0000000000076e73317077").unwrap();
		let descriptor = Descriptor {
			name: b"ns1".to_vec(),
			password: Some(b"pw".to_vec()),
			public: true,
			worm: true,
			max_size: 1_000_000,
		};
		assert_eq!(descriptor.encode(), recorded);
		assert_eq!(Descriptor::decode(&recorded).unwrap(), descriptor);
		for length in 0..recorded.len() {
			assert!(Descriptor::decode(&recorded[..length]).is_err());
		}
	}

	#[test]
	fn entries_survive_the_round_trip() {
		let data = DataEntry { key_length: 3, length: 5, previous: 28, crc: 7, flags: 1, time: 9 };
		assert_eq!(DataEntry::decode(&data.encode()), Some(data));
		let index = IndexEntry {
			key_length: 3,
			offset: 28,
			length: 5,
			previous: 29,
			flags: 1,
			data_file: 2,
			time: 9,
			crc: 7,
			parent_file: 1,
			parent_offset: 64,
		};
		assert_eq!(IndexEntry::decode(&index.encode()), Some(index));
		let cursor = Cursor { key_length: 3, file: 1, length: 5, offset: 29, crc: 7 };
		assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
		assert_eq!(check_data_header(&data_header(4)), Header::UserKeys);
		assert_eq!(check_index_header(&index_header(4)), Header::UserKeys);
	}
}
