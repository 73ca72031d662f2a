//! Traces: which chunks were read first, in which order. A trace that was recorded at one mount
//! tells the next what to fetch ahead. It is advice, and never the reason for an error.

use crate::{
	chunk::ChunkId,
	image::{ImageId, TRACE_LIMIT},
};
use parking_lot::Mutex;
use std::{
	collections::HashSet,
	fs::{self, File},
	io::{self, BufRead, BufReader, BufWriter, Read, Write},
	path::{Path, PathBuf},
};

/// How many chunks a recording holds unless told otherwise: 4 GiB of files at most.
pub const RECORDED: usize = 65_536;

/// The most chunks of a trace.
const MOST: usize = (TRACE_LIMIT / 32) as usize;
/// Each line: 64 digits and its end. Comments are short.
const FILE_LIMIT: u64 = TRACE_LIMIT * 3;

/// A trace that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
	/// The file can't be used.
	#[error("{}: {error}", path.display())]
	File {
		/// The file.
		path: PathBuf,
		/// The system's reason.
		error: io::Error,
	},
	/// The file holds something else.
	#[error(
		"{} is no trace: line {line} is not a chunk id of 64 hexadecimal digits; \
		 'mount --record-trace' makes one", path.display()
	)]
	Malformed {
		/// The file.
		path: PathBuf,
		/// Which line, from 1.
		line: usize,
	},
	/// The file has more chunks than a trace may have.
	#[error("{} is too long: a trace has at most {MOST} chunks", path.display())]
	TooLong {
		/// The file.
		path: PathBuf,
	},
}

/// Notes chunks in the order in which they are read first.
pub(crate) struct Recorder {
	limit: usize,
	read: Mutex<(HashSet<ChunkId>, Vec<ChunkId>)>,
}

impl Recorder {
	pub(crate) fn new(limit: usize) -> Self {
		Self { limit: limit.min(MOST), read: Mutex::default() }
	}

	/// Whether more is noted.
	pub(crate) fn is_open(&self) -> bool {
		self.read.lock().1.len() < self.limit
	}

	pub(crate) fn note(&self, ids: impl IntoIterator<Item = ChunkId>) {
		let mut read = self.read.lock();
		let (seen, order) = &mut *read;
		for id in ids {
			if order.len() < self.limit && seen.insert(id) {
				order.push(id);
			}
		}
	}

	pub(crate) fn trace(&self) -> Vec<ChunkId> {
		self.read.lock().1.clone()
	}
}

/// Writes a trace of this image to a file, which gets its name when it is whole.
pub fn write(path: &Path, image: ImageId, trace: &[ChunkId]) -> Result<(), TraceError> {
	let failed = |error| TraceError::File { path: path.to_owned(), error };
	let mut name = path.file_name().unwrap_or_default().to_owned();
	name.push(format!(".{}.tmp", std::process::id()));
	let temporary = path.with_file_name(name);
	let write = || -> io::Result<()> {
		let mut file = BufWriter::new(File::create(&temporary)?);
		writeln!(file, "# chunks of image {image} in the order they were read")?;
		for id in trace {
			writeln!(file, "{id}")?;
		}
		file.into_inner()?.sync_all()?;
		fs::rename(&temporary, path)
	};
	write().map_err(|error| {
		let _ = fs::remove_file(&temporary);
		failed(error)
	})
}

/// Reads what [`write`] has written: a chunk id in each line, and lines that begin with `#`.
pub fn read(path: &Path) -> Result<Vec<ChunkId>, TraceError> {
	let failed = |error| TraceError::File { path: path.to_owned(), error };
	let file = File::open(path).map_err(failed)?.take(FILE_LIMIT);
	let mut trace = Vec::new();
	for (at, line) in BufReader::new(file).lines().enumerate() {
		let malformed = || TraceError::Malformed { path: path.to_owned(), line: at + 1 };
		let line = line.map_err(|error| match error.kind() {
			io::ErrorKind::InvalidData => malformed(),
			_ => failed(error),
		})?;
		if line.starts_with('#') || line.trim().is_empty() {
			continue;
		}
		if trace.len() == MOST {
			return Err(TraceError::TooLong { path: path.to_owned() });
		}
		trace.push(line.trim().parse().map_err(|_| malformed())?);
	}
	Ok(trace)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_is_written_is_read() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("trace");
		let ids: Vec<_> = (0..100u8).map(|at| ChunkId::of(&[at])).collect();
		write(&path, ImageId(ids[0]), &ids).unwrap();
		assert_eq!(read(&path).unwrap(), ids);
		assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
		for bad in ["x\n", "# fine\n\nab\n", "\u{0}", &"0".repeat(65)] {
			fs::write(&path, bad).unwrap();
			let error = read(&path).unwrap_err();
			assert!(matches!(error, TraceError::Malformed { .. }), "{error}");
		}
		fs::write(&path, b"\xff\xff").unwrap();
		assert!(matches!(read(&path).unwrap_err(), TraceError::Malformed { line: 1, .. }));
		assert!(matches!(read(&folder.path().join("none")), Err(TraceError::File { .. })));
	}

	#[test]
	fn a_recording_is_bounded_and_has_each_chunk_once() {
		let recorder = Recorder::new(3);
		let id = |at: u8| ChunkId::of(&[at]);
		recorder.note([id(1), id(2), id(1)]);
		assert!(recorder.is_open());
		recorder.note([id(2), id(3), id(4)]);
		assert!(!recorder.is_open());
		assert_eq!(recorder.trace(), [id(1), id(2), id(3)]);
	}
}
