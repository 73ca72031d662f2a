//! What a duty remembers: one small file, replaced as a whole.

use super::DutyError;
use serde::{de::DeserializeOwned, Serialize};
use std::{
	fs,
	io::Write,
	path::{Path, PathBuf},
};

/// The largest journal that is read. What is done with leaves it, so that it stays small.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A value in a file.
#[derive(Debug)]
pub struct Journal<T> {
	path: PathBuf,
	value: T,
}

impl<T: Serialize + DeserializeOwned + Default> Journal<T> {
	/// Reads the journal at `path`; an empty one where there is none.
	///
	/// Errors when the file is damaged: what was vouched for must not be forgotten.
	pub fn open(path: &Path) -> Result<Self, DutyError> {
		let failed = |reason: String| DutyError::Journal { path: path.to_owned(), reason };
		let value = match fs::metadata(path) {
			Err(error) if error.kind() == std::io::ErrorKind::NotFound => T::default(),
			Err(error) => return Err(failed(error.to_string())),
			Ok(about) if about.len() > MAX_BYTES => {
				return Err(failed(format!("{} bytes are no journal", about.len())))
			},
			Ok(_) => {
				let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
				serde_json::from_slice(&bytes).map_err(|error| {
					failed(format!(
						"it is damaged ({error}). It says what this node has vouched for or \
						 published: restore it, or remove it if you know that it may be forgotten"
					))
				})?
			},
		};
		Ok(Self { path: path.to_owned(), value })
	}

	/// What is remembered.
	pub fn get(&self) -> &T {
		&self.value
	}

	/// Changes what is remembered. It is on disk when this returns; on an error nothing changed.
	pub fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> Result<R, DutyError>
	where
		T: Clone,
	{
		let mut next = self.value.clone();
		let result = change(&mut next);
		self.write(&next).map_err(|error| DutyError::Journal {
			path: self.path.clone(),
			reason: error.to_string(),
		})?;
		self.value = next;
		Ok(result)
	}

	fn write(&self, value: &T) -> std::io::Result<()> {
		let folder = self.path.parent().unwrap_or(Path::new("."));
		fs::create_dir_all(folder)?;
		let new = self.path.with_extension("new");
		let mut file = fs::File::create(&new)?;
		file.write_all(&serde_json::to_vec_pretty(value)?)?;
		file.sync_all()?;
		fs::rename(&new, &self.path)?;
		// Without this the old file may be back after a power loss.
		fs::File::open(folder)?.sync_all()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_was_written_is_read() {
		let home = tempfile::tempdir().unwrap();
		let path = home.path().join("thin/journal.json");
		let mut journal = Journal::<Vec<u32>>::open(&path).unwrap();
		assert!(journal.get().is_empty());
		journal.change(|list| list.push(7)).unwrap();
		assert_eq!(Journal::<Vec<u32>>::open(&path).unwrap().get(), &[7]);
	}

	#[test]
	fn a_damaged_journal_is_no_empty_one() {
		let home = tempfile::tempdir().unwrap();
		let path = home.path().join("journal.json");
		fs::write(&path, "[7").unwrap();
		let error = Journal::<Vec<u32>>::open(&path).unwrap_err();
		assert!(error.to_string().contains("damaged"), "{error}");
	}

	#[test]
	fn what_could_not_be_written_is_not_remembered() {
		let home = tempfile::tempdir().unwrap();
		let folder = home.path().join("thin");
		let mut journal = Journal::<Vec<u32>>::open(&folder.join("journal.json")).unwrap();
		// A file where the folder should be.
		fs::write(&folder, "").unwrap();
		assert!(journal.change(|list| list.push(7)).is_err());
		assert!(journal.get().is_empty());
	}
}
