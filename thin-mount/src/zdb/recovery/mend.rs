//! Mending what an interrupted write has left.

use super::{at, Data, LoadError, Loader, Recent};
use crate::zdb::{
	format::{DATA_ENTRY, DELETED, INDEX_FLAGS_AT},
	keymap::Location,
	segment::{is_sound, open_for_writing},
	MAX_KEY, MAX_VALUE,
};
use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

/// More than this behind the last whole entry is not a torn write.
const MOST_TORN: u64 = (DATA_ENTRY + MAX_KEY + MAX_VALUE) as u64;

impl Loader<'_> {
	/// Cuts bytes off the data that are no whole entry.
	pub(super) fn cut_data(
		&self,
		data: &Data,
		newest: bool,
		start: u64,
		position: u64,
	) -> Result<(), LoadError> {
		let length = data.length - position;
		if length == 0 {
			return Ok(());
		}
		if length > MOST_TORN {
			return Err(LoadError::Corrupt { path: data.path.clone(), offset: position, length });
		}
		tracing::warn!(
			data = %data.path.display(),
			offset = position,
			bytes = length,
			checked_from = start,
			"cut off the end of a data file behind its last whole entry"
		);
		if newest && !self.read_only {
			open_for_writing(&data.path)
				.and_then(|file| file.set_len(position).and_then(|()| file.sync_all()))
				.map_err(at(&data.path))?;
		}
		Ok(())
	}

	/// Checks the values at the end of the newest data file, and forgets those that are not what
	/// was written.
	pub(super) fn check_recent(&mut self, data: &Data, recent: &[Recent]) -> Result<(), LoadError> {
		for (key, location) in recent {
			if self.loaded.map.get(key) != Some(*location) {
				continue;
			}
			if !is_sound(&data.file, key, *location).map_err(at(&data.path))? {
				tracing::warn!(
					data = %data.path.display(),
					offset = location.offset,
					key = %key.escape_ascii(),
					"a value is not what was written; its key is taken out of the index"
				);
				self.loaded.map.remove(key);
				self.mark(*location)?;
			}
		}
		Ok(())
	}

	/// Marks an index entry as deleted or overwritten.
	pub(super) fn mark(&mut self, location: Location) -> Result<(), LoadError> {
		let index = self.index(location.file)?;
		index
			.write_all_at(&[DELETED], u64::from(location.index_offset) + INDEX_FLAGS_AT)
			.map_err(at(&self.folders.index_file(location.file)))
	}

	/// An index file that may be changed: the one on the disk, or a copy in memory.
	pub(super) fn index(&mut self, file: u32) -> Result<Arc<File>, LoadError> {
		let path = self.folders.index_file(file);
		self.changed.insert(file);
		if !self.read_only {
			return open_for_writing(&path).map(Arc::new).map_err(at(&path));
		}
		if let Some(copy) = self.loaded.indexes.get(&file) {
			return Ok(copy.clone());
		}
		let memory = rustix::fs::memfd_create("0-db index", rustix::fs::MemfdFlags::CLOEXEC)
			.map_err(|error| at(&path)(error.into()))?;
		let mut copy = File::from(memory);
		match File::open(&path) {
			Ok(mut original) => {
				io::copy(&mut original, &mut copy).map_err(at(&path))?;
			},
			Err(error) if error.kind() == io::ErrorKind::NotFound => {},
			Err(error) => return Err(at(&path)(error)),
		}
		let copy = Arc::new(copy);
		self.loaded.indexes.insert(file, copy.clone());
		Ok(copy)
	}
}
