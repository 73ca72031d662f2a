//! Mountpoints: what is mounted where, taking it away, and what a killed process left behind.

use super::{filesystem::STATS_ATTRIBUTE, MountError, MountStats};
use rustix::{
	fs::{getxattr, statfs},
	io::Errno,
	mount::{unmount as umount, UnmountFlags},
};
use std::{
	ffi::OsString,
	fs,
	io::ErrorKind,
	os::unix::ffi::OsStringExt,
	path::{Path, PathBuf},
	process::{Command, Stdio},
	time::{Duration, Instant},
};

/// The source under which mounts of this program are listed.
pub(crate) const SOURCE: &str = "thin-mount";

/// How long files of a mount may stay open before it is detached under them.
const BUSY_PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

/// A line of the list of mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
	pub(crate) mountpoint: PathBuf,
	pub(crate) file_system: String,
	pub(crate) source: String,
	pub(crate) options: String,
}

impl Entry {
	/// Whether it is an image, mounted by this program.
	pub(crate) fn is_image(&self) -> bool {
		self.file_system.starts_with("fuse") && self.source == SOURCE
	}

	/// The lowest layer, of an overlay with one.
	pub(crate) fn lower(&self) -> Option<PathBuf> {
		if self.file_system != "overlay" {
			return None;
		}
		let mut options = self.options.split(',');
		let lower = options.find_map(|option| option.strip_prefix("lowerdir="))?;
		Some(PathBuf::from(lower))
	}
}

/// What is mounted at exactly this place, the topmost last.
pub(crate) fn mounted_at(path: &Path) -> Result<Vec<Entry>, MountError> {
	let list = fs::read("/proc/self/mountinfo")
		.map_err(|error| MountError::system("read", "/proc/self/mountinfo", error))?;
	Ok(parse(&list).into_iter().filter(|entry| entry.mountpoint == path).collect())
}

fn parse(list: &[u8]) -> Vec<Entry> {
	list.split(|byte| *byte == b'\n').filter_map(parse_line).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<Entry> {
	let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
	let dash = fields.iter().position(|field| *field == b"-")?;
	let text = |at: usize| Some(String::from_utf8_lossy(&unescaped(fields.get(at)?)).into_owned());
	Some(Entry {
		mountpoint: OsString::from_vec(unescaped(fields.get(4)?)).into(),
		file_system: text(dash + 1)?,
		source: text(dash + 2)?,
		options: text(dash + 3)?,
	})
}

/// `\040` is a space.
fn unescaped(field: &[u8]) -> Vec<u8> {
	let mut bytes = Vec::with_capacity(field.len());
	let mut at = 0;
	while let Some(byte) = field.get(at) {
		let escape = (*byte == b'\\')
			.then(|| field.get(at + 1..at + 4))
			.flatten()
			.and_then(|digits| std::str::from_utf8(digits).ok())
			.and_then(|digits| u8::from_str_radix(digits, 8).ok());
		bytes.push(escape.unwrap_or(*byte));
		at += if escape.is_some() { 4 } else { 1 };
	}
	bytes
}

/// Whether the process that served what is mounted here is gone.
fn is_dead(path: &Path) -> bool {
	matches!(statfs(path), Err(Errno::NOTCONN))
}

/// Takes away the mounts that a killed process left at this place, also those of an overlay whose
/// image is gone. Whether there were any. A mount that works is left alone.
pub fn clear_stale(path: &Path) -> Result<bool, MountError> {
	let mut cleared = false;
	// Each turn takes one mount away, so this ends.
	loop {
		if is_dead(path) {
			detach(path)?;
			cleared = true;
			continue;
		}
		let Ok(place) = fs::canonicalize(path) else { return Ok(cleared) };
		let lower = mounted_at(&place)?.pop().and_then(|entry| entry.lower());
		match lower {
			Some(lower) if is_dead(&lower) => {
				detach(&place)?;
				detach(&lower)?;
				cleared = true;
			},
			_ => return Ok(cleared),
		}
	}
}

/// A directory to mount on: it must exist and be empty.
pub(crate) fn check(path: &Path) -> Result<PathBuf, MountError> {
	let refuse =
		|reason: &str| MountError::Mountpoint { path: path.to_owned(), reason: reason.to_owned() };
	let place = fs::canonicalize(path).map_err(|error| match error.kind() {
		ErrorKind::NotFound => refuse("it does not exist: make the directory first"),
		_ => refuse(&error.to_string()),
	})?;
	if !place.is_dir() {
		return Err(refuse("it is no directory"));
	}
	if mounted_at(&place)?.iter().any(Entry::is_image) {
		return Err(refuse("an image is mounted there already: unmount it first"));
	}
	match fs::read_dir(&place).map(|mut entries| entries.next().is_some()) {
		Ok(false) => Ok(place),
		Ok(true) => Err(refuse("it is not empty, and its content would be hidden")),
		Err(error) => Err(refuse(&error.to_string())),
	}
}

/// Unmounts, and waits a little for files that are open there. Then detaches: the mount is gone
/// from its place, and goes on for those who have files of it open. Whether it was detached.
pub(crate) fn unmount(path: &Path) -> Result<bool, MountError> {
	let patience = Instant::now() + BUSY_PATIENCE;
	loop {
		match umount(path, UnmountFlags::NOFOLLOW) {
			Ok(()) => return Ok(false),
			// It is no mountpoint any more.
			Err(Errno::INVAL | Errno::NOENT) => return Ok(false),
			Err(Errno::BUSY) if Instant::now() < patience => std::thread::sleep(POLL),
			Err(Errno::BUSY | Errno::NOTCONN) => {
				detach(path)?;
				return Ok(true);
			},
			Err(Errno::PERM) => {
				if fusermount(path, &["-u"]) {
					return Ok(false);
				}
				if Instant::now() >= patience {
					detach(path)?;
					return Ok(true);
				}
				std::thread::sleep(POLL);
			},
			Err(error) => return Err(MountError::system("unmount", path, error.into())),
		}
	}
}

/// Takes a mount away from its place, also while files of it are open.
pub(crate) fn detach(path: &Path) -> Result<(), MountError> {
	match umount(path, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
		Ok(()) | Err(Errno::INVAL) => Ok(()),
		Err(Errno::PERM) if fusermount(path, &["-u", "-z"]) => Ok(()),
		Err(error) => Err(MountError::system("unmount", path, error.into())),
	}
}

/// Who may not unmount may unmount what is its own, by this program.
fn fusermount(path: &Path, options: &[&str]) -> bool {
	["fusermount3", "fusermount"].iter().any(|program| {
		let mut command = Command::new(program);
		command.args(options).arg("--").arg(path).stdout(Stdio::null()).stderr(Stdio::null());
		command.status().is_ok_and(|status| status.success())
	})
}

/// What the mount at this place has done so far, be it an image or an overlay over one.
pub fn stats_at(path: &Path) -> Result<MountStats, MountError> {
	let place =
		fs::canonicalize(path).map_err(|error| MountError::system("look at", path, error))?;
	let top = mounted_at(&place)?.pop();
	let image = top.as_ref().and_then(Entry::lower).unwrap_or_else(|| place.clone());
	if !mounted_at(&image)?.iter().any(Entry::is_image) {
		return Err(MountError::NotMounted { path: path.to_owned() });
	}
	let refuse = |reason: String| MountError::NoStats { path: path.to_owned(), reason };
	let mut json = vec![0; 65_536];
	let length = getxattr(&image, STATS_ATTRIBUTE, &mut json[..])
		.map_err(|error| refuse(std::io::Error::from(error).to_string()))?;
	let stats = json.get(..length).unwrap_or_default();
	let mut stats: MountStats =
		serde_json::from_slice(stats).map_err(|error| refuse(error.to_string()))?;
	stats.mountpoint = place;
	Ok(stats)
}

/// Unmounts what is mounted at `path`, an image or an overlay over one, and waits until both are
/// gone. Errors when no image is mounted there.
pub fn unmount_at(path: &Path) -> Result<(), MountError> {
	if clear_stale(path)? {
		return Ok(());
	}
	let refuse = |reason: String| MountError::Mountpoint { path: path.to_owned(), reason };
	let place = fs::canonicalize(path).map_err(|error| refuse(error.to_string()))?;
	let top = mounted_at(&place)?.pop();
	let lower = top.as_ref().and_then(Entry::lower);
	let is_image = |path: &Path| -> Result<bool, MountError> {
		Ok(mounted_at(path)?.iter().any(Entry::is_image))
	};
	let own = match (&top, &lower) {
		(Some(_), Some(lower)) => is_image(lower)?,
		(Some(top), None) => top.is_image(),
		(None, _) => false,
	};
	if !own {
		return Err(MountError::NotMounted { path: path.to_owned() });
	}
	unmount(&place)?;
	if let Some(lower) = lower {
		// The process that made the overlay takes its image away by itself, unless it is gone.
		let patience = Instant::now() + BUSY_PATIENCE;
		while is_image(&lower)? && Instant::now() < patience {
			std::thread::sleep(POLL);
		}
		if is_image(&lower)? {
			unmount(&lower)?;
		}
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_list_of_mounts_is_read() {
		let list = b"36 35 0:50 / /mnt/a\\040b rw,relatime shared:1 master:2 - fuse thin-mount ro,user_id=0\n\
			37 35 0:51 / /over rw - overlay thin-mount rw,lowerdir=/x/lo\\054wer,upperdir=/u,workdir=/w\n\
			nonsense\n38 35 0:52 / /short - ext4\n";
		let entries = parse(list);
		assert_eq!(entries.len(), 2);
		assert_eq!(entries[0].mountpoint, Path::new("/mnt/a b"));
		assert!(entries[0].is_image() && !entries[1].is_image());
		assert_eq!(entries[0].lower(), None);
		assert_eq!(entries[1].file_system, "overlay");
		let plain =
			parse_line(b"37 35 0:51 / /o rw - overlay o rw,lowerdir=/l,upperdir=/u").unwrap();
		assert_eq!(plain.lower(), Some("/l".into()));
	}

	#[test]
	fn mountpoints_are_checked() {
		let folder = tempfile::tempdir().unwrap();
		let reason = |path: &Path| check(path).unwrap_err().to_string();
		assert!(reason(&folder.path().join("nowhere")).contains("does not exist"));
		let file = folder.path().join("file");
		fs::write(&file, b"").unwrap();
		assert!(reason(&file).contains("no directory"));
		assert!(reason(folder.path()).contains("not empty"));
		fs::remove_file(file).unwrap();
		assert!(check(folder.path()).is_ok());
		assert!(!clear_stale(folder.path()).unwrap());
		assert!(!clear_stale(&folder.path().join("nowhere")).unwrap());
		assert!(unmount_at(folder.path()).unwrap_err().to_string().contains("no image"));
	}
}
