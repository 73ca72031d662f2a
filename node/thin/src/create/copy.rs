//! A consistent copy of a RocksDB that another process may be writing.
//!
//! RocksDB never changes a table once it is written, and only appends to its manifest and its
//! write-ahead log. So tables are linked, the rest is copied, and the copy is good if the manifest
//! did not grow meanwhile: then no table came or went, and no log was retired.

use crate::error::CreateError;
use std::{
	fs, io,
	path::{Path, PathBuf},
	time::Duration,
};

/// How often a copy is tried before giving up.
pub(super) const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(200);

/// Files that belong to the process that has the database open, not to the database.
pub(super) fn is_private(name: &str) -> bool {
	name == "LOCK" || name == "LOG" || name.starts_with("LOG.old") || name == "IDENTITY"
}

/// Copies the database at `from` to the new folder `to`, on the same file system if tables are
/// to cost nothing. Gives the number of attempts it took: at most [`ATTEMPTS`].
///
/// Errors when there is no RocksDB at `from`, or when it changes too fast.
pub fn copy_database(from: &Path, to: &Path) -> Result<u32, CreateError> {
	if !from.join("CURRENT").is_file() {
		return Err(CreateError::NoDatabase {
			path: from.to_owned(),
			reason: "there is no file CURRENT in it".into(),
		});
	}
	for attempt in 1..=ATTEMPTS {
		fs::create_dir_all(to).map_err(file(to))?;
		match try_copy(from, to) {
			Ok(true) => return Ok(attempt),
			Ok(false) => {
				tracing::debug!(target: "thin", attempt, "the database changed while it was copied")
			},
			// A file that was listed and then compacted away.
			Err((_, error)) if error.kind() == io::ErrorKind::NotFound => {
				tracing::debug!(target: "thin", attempt, "a file vanished while it was copied")
			},
			Err((path, error)) => return Err(CreateError::File { path, error }),
		}
		fs::remove_dir_all(to).map_err(file(to))?;
		std::thread::sleep(PAUSE);
	}
	Err(CreateError::Busy { attempts: ATTEMPTS })
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> CreateError + '_ {
	move |error| CreateError::File { path: path.to_owned(), error }
}

type CopyResult<T> = Result<T, (PathBuf, io::Error)>;

/// `false` when the database changed meanwhile.
fn try_copy(from: &Path, to: &Path) -> CopyResult<bool> {
	let before = manifest(from)?;
	let mut entries: Vec<_> = Vec::new();
	for entry in fs::read_dir(from).map_err(|e| (from.to_owned(), e))? {
		let entry = entry.map_err(|e| (from.to_owned(), e))?;
		let name = entry.file_name().to_string_lossy().into_owned();
		if !is_private(&name) && entry.path().is_file() {
			entries.push((name, entry.path()));
		}
	}
	for (name, path) in &entries {
		let target = to.join(name);
		if name.ends_with(".sst") || name.ends_with(".blob") {
			link(path, &target).map_err(|error| (path.clone(), error))?;
		} else if !name.starts_with("MANIFEST-") {
			fs::copy(path, &target).map_err(|error| (path.clone(), error))?;
		}
	}
	let target = to.join(&before.0);
	fs::write(&target, &before.1).map_err(|error| (target, error))?;
	Ok(manifest(from)? == before)
}

/// Name and content of the manifest in use.
fn manifest(from: &Path) -> CopyResult<(String, Vec<u8>)> {
	let current = from.join("CURRENT");
	let name = fs::read_to_string(&current).map_err(|error| (current.clone(), error))?;
	let name = name.trim_end().to_owned();
	if name.contains('/') || !name.starts_with("MANIFEST-") {
		let error = io::Error::new(io::ErrorKind::InvalidData, "it names no manifest");
		return Err((current, error));
	}
	let path = from.join(&name);
	let content = fs::read(&path).map_err(|error| (path, error))?;
	Ok((name, content))
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
	match fs::hard_link(from, to) {
		Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
			fs::copy(from, to).map(|_| ())
		},
		other => other,
	}
}

/// The version of the SDK's column layout, from the file beside the tables. 4 when it says nothing.
pub fn layout_version(database: &Path) -> u32 {
	fs::read_to_string(database.join("db_version"))
		.ok()
		.and_then(|text| text.trim().parse().ok())
		.unwrap_or(4)
}
