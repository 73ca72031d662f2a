//! Where the pages of a proof come from, one by one.

use super::{
	page::{self, HEAD_BYTES},
	SnapshotProofError,
};
use crate::source::SourceError;
use std::{
	fs::File,
	io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write},
	path::Path,
};
use tempfile::SpooledTempFile;

/// So much of a recording stays in memory. The rest goes to a file without a name, in the system's
/// folder for temporary files.
const IN_MEMORY: usize = 8 * 1024 * 1024;

/// Why a proof can't be followed to its end.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
	/// The next page can't be had.
	#[error(transparent)]
	Source(#[from] SourceError),
	/// What came proves nothing.
	#[error(transparent)]
	Proof(#[from] SnapshotProofError),
}

/// A proof, page by page. Nothing is believed of what it gives.
pub trait Pages {
	/// The next page, which should go on from the block with this number. `None` when there is no
	/// more.
	fn next(&mut self, after: u32) -> Result<Option<Vec<u8>>, FollowError>;
}

impl Pages for std::vec::IntoIter<Vec<u8>> {
	fn next(&mut self, _after: u32) -> Result<Option<Vec<u8>>, FollowError> {
		Ok(Iterator::next(self))
	}
}

/// Pages one after the other, as a file has them. Each says how long it is.
pub struct Frames<R> {
	reader: R,
	/// How what goes wrong is told.
	name: String,
}

impl Frames<BufReader<File>> {
	/// The pages in a file.
	pub fn open(path: &Path) -> Result<Self, SourceError> {
		let file = File::open(path).map_err(|error| SourceError::File {
			path: path.to_owned(),
			reason: error.to_string(),
		})?;
		Ok(Self::new(BufReader::new(file), path.display().to_string()))
	}
}

impl<R: Read> Frames<R> {
	/// The pages that a reader has.
	pub fn new(reader: R, name: String) -> Self {
		Self { reader, name }
	}

	/// Errors when anything follows the page that was read last.
	pub fn nothing_follows(&mut self) -> Result<(), FollowError> {
		let mut byte = [0];
		match self.reader.read(&mut byte) {
			Ok(0) => Ok(()),
			Ok(_) => Err(malformed("something follows its last page").into()),
			Err(error) => Err(self.unreadable(error)),
		}
	}

	fn unreadable(&self, error: io::Error) -> FollowError {
		SourceError::File { path: (&self.name).into(), reason: error.to_string() }.into()
	}
}

fn malformed(reason: &str) -> SnapshotProofError {
	SnapshotProofError::Malformed(reason.to_owned())
}

impl<R: Read> Pages for Frames<R> {
	fn next(&mut self, _after: u32) -> Result<Option<Vec<u8>>, FollowError> {
		let mut head = Vec::with_capacity(HEAD_BYTES);
		let most = HEAD_BYTES as u64;
		(&mut self.reader).take(most).read_to_end(&mut head).map_err(|e| self.unreadable(e))?;
		if head.is_empty() {
			return Ok(None);
		}
		let Some((head, _)) = head.split_first_chunk::<HEAD_BYTES>() else {
			return Err(malformed("it ends within a page").into());
		};
		let mut bytes = vec![0; page::length(head)?];
		let (start, rest) = bytes.split_at_mut(HEAD_BYTES);
		start.copy_from_slice(head);
		self.reader.read_exact(rest).map_err(|error| match error.kind() {
			ErrorKind::UnexpectedEof => malformed("it ends within a page").into(),
			_ => self.unreadable(error),
		})?;
		Ok(Some(bytes))
	}
}

/// Pages that are kept, on disk when they are many, to be handed on.
pub struct Recording {
	file: SpooledTempFile,
	length: u64,
}

impl Default for Recording {
	fn default() -> Self {
		Self { file: SpooledTempFile::new(IN_MEMORY), length: 0 }
	}
}

impl Recording {
	/// Adds a page.
	pub fn push(&mut self, page: &[u8]) -> io::Result<()> {
		self.file.seek(SeekFrom::End(0))?;
		self.file.write_all(page)?;
		self.length += page.len() as u64;
		Ok(())
	}

	/// Adds what is left of other pages.
	pub fn append(&mut self, pages: &mut dyn Pages) -> Result<(), FollowError> {
		while let Some(page) = pages.next(0)? {
			self.push(&page).map_err(not_kept)?;
		}
		Ok(())
	}

	/// The bytes of all pages together.
	pub fn length(&self) -> u64 {
		self.length
	}

	/// The pages, from the first on.
	pub fn pages(&mut self) -> Result<Frames<&mut SpooledTempFile>, FollowError> {
		self.file.seek(SeekFrom::Start(0)).map_err(not_kept)?;
		Ok(Frames::new(&mut self.file, "a temporary file".into()))
	}

	/// Writes all of it to a file.
	pub fn write(&mut self, path: &Path) -> io::Result<()> {
		self.file.seek(SeekFrom::Start(0))?;
		io::copy(&mut self.file, &mut File::create(path)?).map(drop)
	}
}

fn not_kept(error: io::Error) -> FollowError {
	SourceError::Kept(error.to_string()).into()
}

/// Keeps every page that goes through.
pub struct Recorded<'a> {
	/// Where they come from.
	pub pages: &'a mut dyn Pages,
	/// Where they go.
	pub recording: &'a mut Recording,
}

impl Pages for Recorded<'_> {
	fn next(&mut self, after: u32) -> Result<Option<Vec<u8>>, FollowError> {
		let page = self.pages.next(after)?;
		if let Some(page) = &page {
			self.recording.push(page).map_err(not_kept)?;
		}
		Ok(page)
	}
}

/// Leaves out the pages that lead to the snapshot's block.
pub struct OnlyRegistration<P>(pub P);

impl<P: Pages> Pages for OnlyRegistration<P> {
	fn next(&mut self, after: u32) -> Result<Option<Vec<u8>>, FollowError> {
		while let Some(page) = self.0.next(after)? {
			if !page::is_to_block(&page) {
				return Ok(Some(page));
			}
		}
		Ok(None)
	}
}
