//! Walking the directory, in the order of the listing.

use super::{
	read::{Numbered, Small, Step},
	Exclude, Outcome, PackError, Root, Shared,
};
use crate::{
	chunk::CHUNK_SIZE,
	image::{check_path, EntryKind, Totals},
};
use crossbeam_channel::Sender;
use rustix::{
	fs::{openat, readlinkat, seek, statat, AtFlags, Dir, FileType, Mode, OFlags, SeekFrom, Stat},
	io::Errno,
};
use std::{collections::HashMap, fs::File, os::fd::OwnedFd, sync::Arc};

/// A file of at most so many bytes is one step; a longer one is cut into steps of this size.
pub(super) const STEP: u64 = 64 * CHUNK_SIZE as u64;

/// How many small things make a step together, and of how many bytes.
const SEVERAL: usize = 32;
const SEVERAL_BYTES: u64 = 8 * CHUNK_SIZE as u64;

pub(super) struct Walker<'a> {
	root: &'a Root,
	exclude: Option<&'a Exclude>,
	/// Device and inode of files with several names, and the place of the first.
	linked: HashMap<(u64, u64), u32>,
	entries: u32,
	/// Small things that have not become a step yet, and their bytes.
	small: Vec<Small>,
	small_bytes: u64,
}

/// What identifies a file and its content, as far as the file system tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
	device: u64,
	inode: u64,
	size: i64,
	modified: (i64, i128),
}

impl Identity {
	pub(super) fn of(stat: &Stat) -> Self {
		Self {
			device: stat.st_dev,
			inode: stat.st_ino,
			size: stat.st_size,
			// Signed or not, depending on which system interface rustix is built with.
			modified: (stat.st_mtime, i128::from(stat.st_mtime_nsec)),
		}
	}

	pub(super) fn size(&self) -> u64 {
		u64::try_from(self.size).unwrap_or(0)
	}
}

/// A name met on the walk.
struct Found {
	path: Vec<u8>,
	stat: Stat,
}

impl<'a> Walker<'a> {
	pub(super) fn new(root: &'a Root, exclude: Option<&'a Exclude>) -> Self {
		Self {
			root,
			exclude,
			linked: HashMap::new(),
			entries: 0,
			small: Vec::new(),
			small_bytes: 0,
		}
	}

	/// Calls `f` for everything below the root, in order: a directory before what it holds.
	fn walk(
		&mut self,
		f: &mut dyn FnMut(&mut Self, Found) -> Result<(), PackError>,
	) -> Result<(), PackError> {
		// Names still to visit of each open directory, the next one last.
		let mut open: Vec<(Vec<u8>, Vec<Vec<u8>>)> = vec![(Vec::new(), self.names(b"")?)];
		while let Some((directory, names)) = open.last_mut() {
			let Some(name) = names.pop() else {
				open.pop();
				continue;
			};
			let mut path = directory.clone();
			if !path.is_empty() {
				path.push(b'/');
			}
			path.extend_from_slice(&name);
			if self.exclude.is_some_and(|exclude| exclude(&path)) {
				continue;
			}
			check_path(&path).map_err(|error| PackError::Limit {
				path: self.root.shown(&path),
				reason: format!("this path {error}"),
			})?;
			let stat = statat(&self.root.directory, &path[..], AtFlags::SYMLINK_NOFOLLOW)
				.map_err(|error| self.root.failed(&path, error))?;
			let directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
			f(self, Found { path: path.clone(), stat })?;
			if directory {
				let names = self.names(&path)?;
				open.push((path, names));
			}
		}
		Ok(())
	}

	/// The names in a directory, in reverse order.
	fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, PackError> {
		let failed = |error: Errno| self.root.failed(path, error);
		let directory = self.open(path, OFlags::DIRECTORY)?;
		let mut names = Vec::new();
		for entry in Dir::new(directory).map_err(failed)? {
			let entry = entry.map_err(failed)?;
			let name = entry.file_name().to_bytes();
			if name != b"." && name != b".." {
				names.push(name.to_vec());
			}
		}
		names.sort_unstable_by(|a, b| b.cmp(a));
		Ok(names)
	}

	fn open(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, PackError> {
		open(self.root, path, flags)
	}

	pub(super) fn measure(mut self, totals: &mut Totals) -> Result<(), PackError> {
		self.walk(&mut |_, Found { stat, .. }| {
			match FileType::from_raw_mode(stat.st_mode) {
				FileType::Directory => totals.directories += 1,
				FileType::Symlink => totals.symlinks += 1,
				_ => {
					totals.files += 1;
					totals.bytes = totals.bytes.saturating_add(Identity::of(&stat).size());
				},
			}
			Ok(())
		})
	}

	/// Cuts the tree into steps. Each of them takes tokens first, of which there are so many.
	pub(super) fn run(
		mut self,
		steps: Sender<Numbered<Step>>,
		tokens: Sender<()>,
		outcome: &Outcome,
	) -> Result<(), PackError> {
		let mut number = 0;
		let mut send = |step: Step| {
			if outcome.stopped() {
				return Err(PackError::Stopped);
			}
			for _ in 0..step.tokens() {
				tokens.send(()).map_err(|_| PackError::Stopped)?;
			}
			steps.send(Numbered { number, value: step }).map_err(|_| PackError::Stopped)?;
			number += 1;
			Ok(())
		};
		let root = rustix::fs::fstat(&self.root.directory)
			.map_err(|error| self.root.failed(b"", error))?;
		send(Step::Root { mode: permissions(&root) })?;
		self.walk(&mut |walker, found| walker.step(found, &mut send))?;
		self.send_small(&mut send)
	}

	/// Adds something to the next step.
	fn add_small(
		&mut self,
		small: Small,
		send: &mut dyn FnMut(Step) -> Result<(), PackError>,
	) -> Result<(), PackError> {
		self.small_bytes = self.small_bytes.saturating_add(small.bytes());
		self.small.push(small);
		if self.small.len() == SEVERAL || self.small_bytes >= SEVERAL_BYTES {
			return self.send_small(send);
		}
		Ok(())
	}

	fn send_small(
		&mut self,
		send: &mut dyn FnMut(Step) -> Result<(), PackError>,
	) -> Result<(), PackError> {
		self.small_bytes = 0;
		match std::mem::take(&mut self.small) {
			small if small.is_empty() => Ok(()),
			small => send(Step::Several(small)),
		}
	}

	fn step(
		&mut self,
		Found { path, stat }: Found,
		send: &mut dyn FnMut(Step) -> Result<(), PackError>,
	) -> Result<(), PackError> {
		let mode = permissions(&stat);
		let special = |kind| Err(PackError::Special { path: self.root.shown(&path), kind });
		let index = self.entries;
		self.entries = self.entries.checked_add(1).ok_or_else(|| PackError::Limit {
			path: self.root.path.clone(),
			reason: "more than 4294967295 entries".into(),
		})?;
		match FileType::from_raw_mode(stat.st_mode) {
			FileType::Directory => {
				self.add_small(Small::Entry(path, EntryKind::Directory { mode }), send)
			},
			FileType::Symlink => {
				let target = readlinkat(&self.root.directory, &path[..], Vec::new())
					.map_err(|error| match error {
						// It was a symbolic link a moment ago.
						Errno::INVAL => self.root.changed(&path),
						error => self.root.failed(&path, error),
					})?
					.into_bytes();
				self.add_small(Small::Entry(path, EntryKind::Symlink { target }), send)
			},
			FileType::RegularFile => {
				if stat.st_nlink > 1 {
					let identity = (stat.st_dev, stat.st_ino);
					if let Some(first) = self.linked.get(&identity).copied() {
						let again = Small::Entry(path, EntryKind::HardLink { first });
						return self.add_small(again, send);
					}
					self.linked.insert(identity, index);
				}
				self.file(path, mode, Identity::of(&stat), send)
			},
			FileType::Fifo => special("named pipe"),
			FileType::Socket => special("socket"),
			FileType::CharacterDevice => special("character device"),
			FileType::BlockDevice => special("block device"),
			FileType::Unknown => special("file of an unknown kind"),
		}
	}

	fn file(
		&mut self,
		path: Vec<u8>,
		mode: u16,
		identity: Identity,
		send: &mut dyn FnMut(Step) -> Result<(), PackError>,
	) -> Result<(), PackError> {
		if identity.size() <= CHUNK_SIZE as u64 {
			return self.add_small(Small::File { path, mode, identity }, send);
		}
		self.send_small(send)?;
		if identity.size() <= STEP {
			return send(Step::Whole { path, mode, identity });
		}
		let file: Shared = Arc::new(open_file(self.root, &path)?);
		check_unchanged(self.root, &path, &file, identity)?;
		send(Step::Open { path: path.clone(), mode, identity })?;
		let size = identity.size();
		let leaf = CHUNK_SIZE as u64;
		let whole_leaves = size / leaf;
		let mut next = 0;
		while next < size {
			let data = match seek_data(&file, next) {
				Some(data) => (data / leaf).min(whole_leaves) * leaf,
				// No more data: what is left of the last leaf is read, and is zeros.
				None => whole_leaves * leaf,
			};
			if data > next {
				send(Step::Holes((data - next) / leaf))?;
				next = data;
				// A file may end with a whole leaf that is a hole.
				continue;
			}
			let end = seek_hole(&file, next, size).div_ceil(leaf).saturating_mul(leaf).min(size);
			while next < end {
				let length = (end - next).min(STEP);
				send(Step::Part { path: path.clone(), file: file.clone(), offset: next, length })?;
				next += length;
			}
		}
		send(Step::Close { file })
	}
}

fn permissions(stat: &Stat) -> u16 {
	(stat.st_mode & 0o7777) as u16
}

fn open(root: &Root, path: &[u8], flags: OFlags) -> Result<OwnedFd, PackError> {
	let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
	let shown = if path.is_empty() { b"." } else { path };
	openat(&root.directory, shown, flags, Mode::empty()).map_err(|error| root.failed(path, error))
}

/// Opens a file, whatever it may be by now.
pub(super) fn open_file(root: &Root, path: &[u8]) -> Result<File, PackError> {
	Ok(File::from(open(root, path, OFlags::empty())?))
}

/// Errors when the file is not what it was.
pub(super) fn check_unchanged(
	root: &Root,
	path: &[u8],
	file: &File,
	identity: Identity,
) -> Result<(), PackError> {
	let now = rustix::fs::fstat(file).map_err(|error| root.failed(path, error))?;
	if Identity::of(&now) != identity {
		return Err(root.changed(path));
	}
	Ok(())
}

/// Where the next data is from `offset` on; `None` when there is only a hole to the end.
fn seek_data(file: &File, offset: u64) -> Option<u64> {
	match seek(file, SeekFrom::Data(offset)) {
		Ok(data) => Some(data.max(offset)),
		Err(Errno::NXIO) => None,
		// A file system that does not know: everything is data.
		Err(_) => Some(offset),
	}
}

/// Where the data at `offset` ends: after the next byte, so that a walk gets on, and not after the
/// end of the file.
fn seek_hole(file: &File, offset: u64, size: u64) -> u64 {
	let hole = seek(file, SeekFrom::Hole(offset)).unwrap_or(size);
	hole.max(offset.saturating_add(1)).min(size)
}
