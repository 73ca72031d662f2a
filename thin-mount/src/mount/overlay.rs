//! A writable tree: the kernel's overlayfs, with the image below and a folder above.

use super::{point, MountError};
use crate::image::{NodeKind, Tree};
use rustix::mount::{mount, MountFlags};
use std::{
	collections::{BTreeMap, BTreeSet},
	ffi::CString,
	fs,
	os::unix::ffi::OsStrExt,
	path::{Path, PathBuf},
};

/// The folders of one overlay, all in one folder of the user's.
pub(super) struct Layers {
	/// Where the image is mounted.
	pub(super) lower: PathBuf,
	pub(super) upper: PathBuf,
	work: PathBuf,
}

impl Layers {
	/// Makes the folders. What a killed process left mounted there is taken away.
	pub(super) fn prepare(folder: &Path) -> Result<Self, MountError> {
		let failed = |error| MountError::system("prepare", folder, error);
		fs::create_dir_all(folder).map_err(failed)?;
		let folder = fs::canonicalize(folder).map_err(failed)?;
		// These separate the options of overlayfs, whose escapes not every kernel knows.
		if folder.as_os_str().as_bytes().iter().any(|byte| b",:\\".contains(byte)) {
			return Err(MountError::Upper {
				path: folder,
				reason: "overlayfs takes no comma, colon or backslash in its path".into(),
			});
		}
		let layers = Self {
			lower: folder.join("lower"),
			upper: folder.join("upper"),
			work: folder.join("work"),
		};
		point::clear_stale(&layers.lower)?;
		for path in [&layers.lower, &layers.upper, &layers.work] {
			fs::create_dir_all(path).map_err(|error| MountError::system("make", path, error))?;
		}
		layers.check_free(&folder)?;
		Ok(layers)
	}

	/// Two overlays that write into one folder destroy each other's files.
	fn check_free(&self, folder: &Path) -> Result<(), MountError> {
		if point::mounted_at(&self.lower)?.is_empty() {
			return Ok(());
		}
		Err(MountError::Upper {
			path: folder.to_owned(),
			reason: "another mount uses it: unmount that first".into(),
		})
	}

	/// Mounts the overlay. The image must be mounted at `lower`.
	pub(super) fn mount(&self, mountpoint: &Path) -> Result<(), MountError> {
		let mut options = Vec::new();
		let parts =
			[("lowerdir=", &self.lower), ("upperdir=", &self.upper), ("workdir=", &self.work)];
		for (name, path) in parts {
			if !options.is_empty() {
				options.push(b',');
			}
			options.extend_from_slice(name.as_bytes());
			options.extend_from_slice(path.as_os_str().as_bytes());
		}
		let options = CString::new(options)
			.map_err(|error| MountError::system("mount an overlay at", mountpoint, error.into()))?;
		let flags = MountFlags::NODEV | MountFlags::NOSUID;
		mount("thin-mount", mountpoint, "overlay", flags, options.as_c_str())
			.map_err(|error| MountError::system("mount an overlay at", mountpoint, error.into()))
	}
}

/// Refuses an image with a ParityDB in it: that opens every file for writing, and overlayfs then
/// copies each of them whole into the upper folder.
pub(super) fn refuse_parity_db(tree: &Tree) -> Result<(), MountError> {
	let mut seen: BTreeMap<&[u8], BTreeSet<&str>> = BTreeMap::new();
	for entry in tree.entries().filter(|entry| entry.attributes.kind == NodeKind::File) {
		let slash = entry.path.iter().rposition(|byte| *byte == b'/');
		let (folder, name) = match slash {
			Some(slash) => (&entry.path[..slash], &entry.path[slash + 1..]),
			None => (&[][..], entry.path),
		};
		let part = match name {
			b"metadata" => "metadata",
			name if name.starts_with(b"index_") || name.starts_with(b"table_") => "columns",
			_ => continue,
		};
		seen.entry(folder).or_default().insert(part);
	}
	match seen.into_iter().find(|(_, parts)| parts.len() == 2) {
		None => Ok(()),
		Some((folder, _)) => {
			Err(MountError::ParityDb { path: format!("/{}", folder.escape_ascii()) })
		},
	}
}
