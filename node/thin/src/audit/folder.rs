//! Where an audit keeps what it fetches, and how far it is.

use pallet_snapshots::SnapshotId;
use std::{
	fs::{self, DirBuilder, File, TryLockError},
	io,
	os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
	path::{Path, PathBuf},
};

const LOCK: &str = "lock";

/// A folder that this audit has for itself.
pub(super) struct Folder {
	path: PathBuf,
	_lock: File,
}

impl Folder {
	/// The folder of a snapshot, which an audit that was cut off has left; or a new one, if
	/// another audit of the same snapshot runs, or if the folder is not this user's alone: what
	/// somebody else has put there must not make an audit pass.
	pub fn open(work: &Path, id: SnapshotId) -> io::Result<Self> {
		let name = format!("thin-audit-{}", hex::encode(id));
		if let Some(folder) = Self::at(work.join(&name))? {
			return Ok(folder);
		}
		let path = tempfile::Builder::new()
			.prefix(&name)
			.permissions(fs::Permissions::from_mode(0o700))
			.tempdir_in(work)?
			.keep();
		Self::at(path)?.ok_or_else(|| io::Error::other("a new folder can't be locked"))
	}

	fn at(path: PathBuf) -> io::Result<Option<Self>> {
		match DirBuilder::new().mode(0o700).create(&path) {
			Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
			_ => {},
		}
		if !is_own(&path)? {
			tracing::warn!(
				target: "thin",
				path = %path.display(),
				"what lies there may be somebody else's: auditing from the beginning"
			);
			return Ok(None);
		}
		let lock = File::create(path.join(LOCK))?;
		match lock.try_lock() {
			Ok(()) => Ok(Some(Self { path, _lock: lock })),
			Err(TryLockError::WouldBlock) => Ok(None),
			Err(TryLockError::Error(error)) => Err(error),
		}
	}

	pub fn path(&self) -> &Path {
		&self.path
	}

	/// The audit came to its end: nothing is left.
	pub fn remove(self) {
		if let Err(error) = fs::remove_dir_all(&self.path) {
			let path = self.path.display();
			tracing::warn!(target: "thin", %error, %path, "the folder of the audit is left behind");
		}
	}
}

/// Whether a folder is a real one, of this user, and nobody else may write to it.
fn is_own(path: &Path) -> io::Result<bool> {
	let (folder, process) = (fs::symlink_metadata(path)?, fs::metadata("/proc/self")?);
	Ok(folder.is_dir() && folder.uid() == process.uid() && folder.mode() & 0o077 == 0)
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::os::unix::fs::symlink;

	const ID: SnapshotId = sp_core::H256([7; 32]);

	#[test]
	fn the_same_folder_is_found_again() {
		let work = tempfile::tempdir().unwrap();
		let first = Folder::open(work.path(), ID).unwrap();
		let path = first.path().to_owned();
		fs::write(path.join("kept"), "").unwrap();
		// Another audit at the same time.
		let second = Folder::open(work.path(), ID).unwrap();
		assert_ne!(second.path(), path);
		second.remove();
		drop(first);
		let again = Folder::open(work.path(), ID).unwrap();
		assert_eq!(again.path(), path);
		assert!(path.join("kept").exists());
		again.remove();
		assert_eq!(fs::read_dir(work.path()).unwrap().count(), 0);
	}

	#[test]
	fn what_others_can_write_to_is_not_used() {
		let work = tempfile::tempdir().unwrap();
		let path = work.path().join(format!("thin-audit-{}", hex::encode(ID)));
		fs::create_dir(&path).unwrap();
		fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
		assert_ne!(Folder::open(work.path(), ID).unwrap().path(), path);
		fs::remove_dir(&path).unwrap();
		symlink(work.path(), &path).unwrap();
		assert_ne!(Folder::open(work.path(), ID).unwrap().path(), path);
	}
}
