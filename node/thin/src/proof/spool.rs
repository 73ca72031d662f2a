//! Fragments that have been followed, on disk when they are many.
//!
//! A chain of years has more of them than a node should hold in memory: they are kept only to be
//! written into a database, or to be handed on.

use crate::columns::BlockKey;
use parking_lot::Mutex;
use std::{
	io::{self, Read, Seek, SeekFrom, Write},
	sync::Arc,
};
use tempfile::SpooledTempFile;

/// So much stays in memory. The rest goes to a file without a name, in the system's folder for
/// temporary files.
const IN_MEMORY: usize = 8 * 1024 * 1024;
const HEAD_BYTES: usize = 36 + 4 + 4;

/// A fragment, in SCALE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
	pub key: BlockKey,
	pub header: Vec<u8>,
	pub justification: Vec<u8>,
}

/// Fragments, in order.
#[derive(Clone)]
pub(super) struct Spool(Arc<Mutex<SpooledTempFile>>);

impl std::fmt::Debug for Spool {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		formatter.write_str("Spool")
	}
}

impl Default for Spool {
	fn default() -> Self {
		Self(Arc::new(Mutex::new(SpooledTempFile::new(IN_MEMORY))))
	}
}

impl Spool {
	/// Adds one.
	pub fn push(&self, kept: &Kept) -> io::Result<()> {
		let length = |bytes: &[u8]| {
			u32::try_from(bytes.len()).map(u32::to_le_bytes).map_err(io::Error::other)
		};
		let mut file = self.0.lock();
		file.seek(SeekFrom::End(0))?;
		file.write_all(&kept.key.bytes())?;
		file.write_all(&length(&kept.header)?)?;
		file.write_all(&length(&kept.justification)?)?;
		file.write_all(&kept.header)?;
		file.write_all(&kept.justification)
	}

	/// The one at an offset, and the offset of the next. `None` at the end.
	pub fn at(&self, offset: u64) -> io::Result<Option<(Kept, u64)>> {
		let mut file = self.0.lock();
		if file.seek(SeekFrom::End(0))? <= offset {
			return Ok(None);
		}
		file.seek(SeekFrom::Start(offset))?;
		let mut head = [0; HEAD_BYTES];
		file.read_exact(&mut head)?;
		let (key, lengths) = head.split_at(36);
		let key = BlockKey::parse(key).ok_or(io::ErrorKind::InvalidData)?;
		let mut take = |from: usize| {
			let mut length = [0; 4];
			length.copy_from_slice(&lengths[from..from + 4]);
			let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
			file.read_exact(&mut bytes).map(|()| bytes)
		};
		let kept = Kept { key, header: take(0)?, justification: take(4)? };
		let length = HEAD_BYTES + kept.header.len() + kept.justification.len();
		Ok(Some((kept, offset + length as u64)))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn kept(number: u32) -> Kept {
		let bytes = |length: u32| vec![number as u8; length as usize];
		Kept {
			key: BlockKey::new(number, [number as u8; 32]),
			header: bytes(number * 7),
			justification: bytes(number * 1000),
		}
	}

	#[test]
	fn what_goes_in_comes_out_in_order() {
		let spool = Spool::default();
		let mut offset = 0;
		// More than stays in memory.
		for number in 0..200 {
			spool.push(&kept(number)).unwrap();
		}
		for number in 0..200 {
			let (found, next) = spool.at(offset).unwrap().unwrap();
			assert_eq!(found, kept(number));
			offset = next;
		}
		assert_eq!(spool.at(offset).unwrap(), None);
	}
}
