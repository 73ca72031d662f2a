//! Files that the kernel reads by itself, from the cache, without asking this process.
//!
//! A file is open in one mode at a time, for all who have it open: the kernel refuses anything
//! else. So the mode is chosen when a file is opened that nobody has open, and kept until the last
//! of them closes it.

use crate::image::NodeId;
use fuser::BackingId;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
	collections::HashMap,
	io,
	sync::{
		atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
		Arc,
	},
};

/// What the kernel reads by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassthroughStats {
	/// Whether kernel and privileges allow it, and nobody has switched it off.
	pub available: bool,
	/// Files that are open so at the moment.
	pub files: u64,
	/// How often one was opened so.
	pub opens: u64,
	/// The paths of these files, as many as fit in 16 KiB; what is not printable is escaped.
	pub paths: Vec<String>,
}

/// Which files are open how.
#[derive(Default)]
pub(super) struct Passthrough {
	available: AtomicBool,
	open: Mutex<HashMap<u64, Open>>,
	opens: AtomicU64,
}

/// How a file is open.
struct Open {
	handles: usize,
	/// Kept until the last handle is released: the kernel needs it so long.
	backing: Option<Arc<BackingId>>,
}

impl Passthrough {
	/// Whether the kernel takes part. Without this nothing is handed to it.
	pub(super) fn enable(&self) {
		self.available.store(true, Relaxed);
	}

	pub(super) fn is_available(&self) -> bool {
		self.available.load(Relaxed)
	}

	/// Counts one more who has this file open, and says how: with what the kernel reads it from,
	/// or by asking. `ready` says whether it may be handed over, `register` does so.
	pub(super) fn open(
		&self,
		node: NodeId,
		ready: impl FnOnce() -> bool,
		register: impl FnOnce() -> io::Result<BackingId>,
	) -> Option<Arc<BackingId>> {
		let mut open = self.open.lock();
		let entry = open.entry(node.0).or_insert_with(|| {
			let wanted = self.is_available() && ready();
			let backing = wanted.then(register).and_then(|registered| match registered {
				Ok(backing) => Some(Arc::new(backing)),
				Err(error) => {
					// No privileges, or a cache on a file system that is itself stacked: that
					// does not change while this is mounted.
					let lasting =
						[libc::EPERM, libc::ELOOP, libc::ENOTTY, libc::EOPNOTSUPP, libc::EINVAL];
					if error.raw_os_error().is_some_and(|error| lasting.contains(&error)) {
						self.available.store(false, Relaxed);
					}
					tracing::debug!(%error, "the kernel does not read cached files by itself");
					None
				},
			});
			Open { handles: 0, backing }
		});
		entry.handles += 1;
		if entry.backing.is_some() {
			self.opens.fetch_add(1, Relaxed);
		}
		entry.backing.clone()
	}

	/// One less has it open.
	pub(super) fn release(&self, node: NodeId) {
		let mut open = self.open.lock();
		let Some(entry) = open.get_mut(&node.0) else { return };
		entry.handles = entry.handles.saturating_sub(1);
		let last = (entry.handles == 0).then(|| open.remove(&node.0));
		// Taking the file back from the kernel is a system call.
		drop(open);
		drop(last);
	}

	/// All files that somebody has open, and whether the kernel reads them by itself.
	pub(super) fn open_files(&self) -> Vec<(NodeId, bool)> {
		let open = self.open.lock();
		open.iter().map(|(node, open)| (NodeId(*node), open.backing.is_some())).collect()
	}

	pub(super) fn stats(&self, path: impl Fn(NodeId) -> String) -> PassthroughStats {
		const ROOM: usize = 16 * 1024;
		let mut nodes: Vec<u64> = {
			let open = self.open.lock();
			open.iter().filter(|(_, open)| open.backing.is_some()).map(|(node, _)| *node).collect()
		};
		nodes.sort_unstable();
		let mut room = ROOM;
		let paths = nodes.iter().map(|node| path(NodeId(*node))).take_while(|path| {
			let left = room.checked_sub(path.len() + 4);
			room = left.unwrap_or_default();
			left.is_some()
		});
		PassthroughStats {
			available: self.is_available(),
			opens: self.opens.load(Relaxed),
			paths: paths.collect(),
			files: nodes.len() as u64,
		}
	}
}
