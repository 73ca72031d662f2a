//! The listing: every path of an image, in order.

use crate::blob::BlobRef;
use codec::{Decode, Encode};
use std::cmp::Ordering;

/// The most bytes of a listing: some four million files.
pub const LISTING_LIMIT: u64 = 512 << 20;

/// The most bytes of a path or of a symbolic link's target, as Linux has it.
pub const MAX_PATH: usize = 4095;

/// The most bytes of one name in a path, as Linux has it.
pub const MAX_NAME: usize = 255;

/// One name in the tree. The listing is these, one after the other, in the order of
/// [`compare_paths`], without a count before them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Entry {
	/// The path below the root: names joined by `/`, any bytes but `/` and 0 in a name.
	pub path: Vec<u8>,
	/// What is there.
	pub kind: EntryKind,
}

/// What an entry stands for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum EntryKind {
	/// A directory. What it holds follows it at once.
	#[codec(index = 0)]
	Directory {
		/// Permission bits, at most `0o7777`.
		mode: u16,
	},
	/// A regular file, under the first of its names.
	#[codec(index = 1)]
	File {
		/// Permission bits, at most `0o7777`.
		mode: u16,
		/// The content.
		blob: BlobRef,
	},
	/// A symbolic link.
	#[codec(index = 2)]
	Symlink {
		/// What it points to: 1 to 4,095 bytes without 0, kept as they are.
		target: Vec<u8>,
	},
	/// Another name of a file that came before.
	#[codec(index = 3)]
	HardLink {
		/// The place of that file's entry in the listing, counted from 0.
		first: u32,
	},
}

/// Why a path can't be in a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
	/// No path at all, or two slashes in a row, or one at either end.
	#[error("has an empty name in it")]
	EmptyName,
	/// A path that leads elsewhere.
	#[error("has '.' or '..' in it")]
	Dots,
	/// A byte 0.
	#[error("has a byte 0 in it")]
	Nul,
	/// A name of more than [`MAX_NAME`] bytes.
	#[error("has a name of more than 255 bytes in it")]
	LongName,
	/// A path of more than [`MAX_PATH`] bytes.
	#[error("has more than 4095 bytes")]
	LongPath,
}

/// Whether this may be the path of an entry.
pub fn check_path(path: &[u8]) -> Result<(), PathError> {
	if path.len() > MAX_PATH {
		return Err(PathError::LongPath);
	}
	if path.contains(&0) {
		return Err(PathError::Nul);
	}
	for name in path.split(|byte| *byte == b'/') {
		match name {
			b"" => return Err(PathError::EmptyName),
			b"." | b".." => return Err(PathError::Dots),
			_ if name.len() > MAX_NAME => return Err(PathError::LongName),
			_ => {},
		}
	}
	Ok(())
}

/// The order of a listing: by bytes, name by name. So a directory comes before what it holds, and
/// what it holds before its next sibling (`a`, `a/b`, `a-b`).
pub fn compare_paths(a: &[u8], b: &[u8]) -> Ordering {
	let names = |path| <[u8]>::split(path, |byte: &u8| *byte == b'/');
	names(a).cmp(names(b))
}

/// The target of a symbolic link: any 1 to 4,095 bytes but 0.
pub(super) fn check_target(target: &[u8]) -> Result<(), &'static str> {
	match target {
		[] => Err("is empty"),
		_ if target.len() > MAX_PATH => Err("has more than 4095 bytes"),
		_ if target.contains(&0) => Err("has a byte 0 in it"),
		_ => Ok(()),
	}
}
