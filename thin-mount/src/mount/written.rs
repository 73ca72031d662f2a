//! How much was written over an image, to the folder of its overlay.

use parking_lot::Mutex;
use std::{
	fs,
	os::unix::fs::MetadataExt,
	path::{Path, PathBuf},
	time::{Duration, Instant},
};

/// What is counted holds for a while, and for longer where counting takes long.
const HOLDS: Duration = Duration::from_secs(10);
const HOLDS_TIMES: u32 = 20;

pub(super) struct Written {
	folder: PathBuf,
	last: Mutex<Option<(u64, Instant)>>,
}

impl Written {
	pub(super) fn new(folder: PathBuf) -> Self {
		Self { folder, last: Mutex::default() }
	}

	/// What was counted last.
	pub(super) fn last(&self) -> Option<u64> {
		self.last.lock().map(|(bytes, _)| bytes)
	}

	/// Counts anew, unless that was done a short while ago.
	pub(super) fn take(&self) {
		let mut last = self.last.lock();
		let begun = Instant::now();
		if last.is_some_and(|(_, until)| begun < until) {
			return;
		}
		let bytes = used_below(&self.folder);
		*last = Some((bytes, Instant::now() + HOLDS.max(begun.elapsed() * HOLDS_TIMES)));
	}
}

/// The bytes that files take on the disk. What can't be looked at, or goes away meanwhile, is left
/// out.
fn used_below(folder: &Path) -> u64 {
	let (mut open, mut bytes) = (vec![folder.to_owned()], 0u64);
	while let Some(folder) = open.pop() {
		for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
			let Ok(found) = entry.metadata() else { continue };
			if found.is_dir() {
				open.push(entry.path());
			} else {
				bytes = bytes.saturating_add(found.blocks().saturating_mul(512));
			}
		}
	}
	bytes
}
