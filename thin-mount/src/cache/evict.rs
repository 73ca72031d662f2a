//! Keeping a cache within its limit: what was used longest ago goes first, and nothing that is
//! open anywhere on the machine.

use super::blob::map_path;
use rustix::fs::{flock, FlockOperation};
use std::{
	fs::{self, File},
	os::unix::fs::MetadataExt,
	path::{Path, PathBuf},
	time::{Duration, SystemTime},
};

/// Files that a killed process was about to write.
const ABANDONED: Duration = Duration::from_secs(3_600);

struct Candidate {
	path: PathBuf,
	used: SystemTime,
	bytes: u64,
}

/// The files two levels below `folder`.
fn files(folder: &Path) -> impl Iterator<Item = (PathBuf, fs::Metadata)> {
	let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
	list(folder)
		.flat_map(move |shard| fs::read_dir(shard.path()).into_iter().flatten().flatten())
		.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
		.filter(|(_, metadata)| metadata.is_file())
}

fn on_disk(metadata: &fs::Metadata) -> u64 {
	metadata.blocks().saturating_mul(512)
}

/// How many bytes a cache has on disk.
pub(super) fn used(folder: &Path) -> u64 {
	let parts = ["blobs", "chunks"];
	parts.iter().flat_map(|part| files(&folder.join(part))).map(|(_, file)| on_disk(&file)).sum()
}

/// Removes what can be removed until at most `target` bytes are used. How many are used then.
pub(super) fn evict(folder: &Path, target: u64) -> u64 {
	let mut used = used(folder);
	let by_age = |part: &str| {
		let mut candidates: Vec<_> = files(&folder.join(part))
			.filter(|(path, _)| path.extension().is_none_or(|extension| extension != "map"))
			.map(|(path, data)| {
				let map = fs::metadata(map_path(&path)).ok().filter(|_| part == "blobs");
				let used = map.as_ref().and_then(|map| map.modified().ok());
				Candidate {
					used: used.or(data.modified().ok()).unwrap_or(SystemTime::UNIX_EPOCH),
					bytes: on_disk(&data) + map.as_ref().map_or(0, on_disk),
					path,
				}
			})
			.collect();
		candidates.sort_by_key(|candidate| candidate.used);
		candidates
	};
	for blob in by_age("blobs") {
		if used <= target {
			return used;
		}
		if remove_blob(&blob.path) {
			used = used.saturating_sub(blob.bytes);
		}
	}
	// Chunks come last: they are few, and much depends on them.
	for chunk in by_age("chunks") {
		if used <= target {
			return used;
		}
		let young = chunk.used.elapsed().is_ok_and(|age| age < ABANDONED);
		let unfinished = chunk.path.extension().is_some();
		if !(unfinished && young) && fs::remove_file(&chunk.path).is_ok() {
			used = used.saturating_sub(chunk.bytes);
		}
	}
	used
}

/// Removes a blob, unless somebody has it open.
fn remove_blob(path: &Path) -> bool {
	let Ok(data) = File::open(path) else { return false };
	if flock(&data, FlockOperation::NonBlockingLockExclusive).is_err() {
		return false;
	}
	// The map goes first: without it, nothing is taken for present.
	let map = fs::remove_file(map_path(path));
	let gone = map.is_ok() || map.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
	gone && fs::remove_file(path).is_ok()
}
