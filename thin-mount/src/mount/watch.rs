//! An image that is mounted once more for a moment, to see which bytes of it a reader is led to.
//!
//! The mount that is there can't tell: what the kernel has read once it gives out by itself, and
//! files that are passed through it reads without asking.

use super::{content::Content, point, serve, MountError, SESSION_END};
use crate::{
	chunk::{ChunkId, CHUNK_SIZE},
	image::NodeId,
};
use fuser::{BackgroundSession, INodeNo};
use parking_lot::Mutex;
use rustix::fs::{open, Mode, OFlags};
use std::{
	collections::HashSet,
	ops::Range,
	os::fd::{AsRawFd, OwnedFd},
	path::{Path, PathBuf},
	time::{Duration, Instant},
};

/// It has one reader, and what that one opens may be read ahead by threads of its own.
const THREADS: usize = 4;

/// The files of a mounted image once more, on their own, where what is read is noted: without
/// passthrough, and the kernel reads nothing ahead.
///
/// They are at no place that others could see: when the process ends, however it ends, nothing is left mounted.
pub struct Watch {
	path: PathBuf,
	root: Option<OwnedFd>,
	content: std::sync::Arc<Content>,
	session: Option<BackgroundSession>,
}

/// Bytes of a file that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
	/// The path of the file below the root of the image.
	pub file: Vec<u8>,
	/// The chunks that hold them, in their order in the file. Holes are none.
	pub chunks: Vec<ChunkId>,
}

/// What has been read.
#[derive(Default)]
pub(super) struct Sight(Mutex<Reads>);

#[derive(Default)]
struct Reads {
	/// Each read that goes on where the one before ended makes it longer.
	last: Option<(NodeId, Range<u64>)>,
	/// The kernel may have parts of these.
	files: HashSet<NodeId>,
}

impl Sight {
	/// Has to be called before the reader has his answer.
	pub(super) fn note(&self, node: NodeId, range: Range<u64>) {
		let mut reads = self.0.lock();
		reads.files.insert(node);
		reads.last = match reads.last.take() {
			Some((file, last)) if file == node && last.end == range.start => {
				Some((file, last.start..range.end))
			},
			_ => Some((node, range)),
		};
	}
}

impl Watch {
	/// `folder` has to be an empty one, and is free again when this returns.
	pub(super) fn start(content: &Content, folder: &Path) -> Result<Self, MountError> {
		let folder = point::check(folder)?;
		let content = std::sync::Arc::new(content.watched());
		let session = serve(content.clone(), &folder, THREADS)?;
		// A path of this process alone, which leads there also when the mount has no place any more.
		let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
		let root = open(&folder, flags, Mode::empty());
		let detached = point::detach(&folder);
		let mut watch = Self { path: folder.clone(), root: None, content, session: Some(session) };
		if let Err(error) = detached {
			let _ = point::unmount(&folder);
			return Err(error);
		}
		let root = root.map_err(|error| MountError::system("open", &folder, error.into()))?;
		watch.path = format!("/proc/self/fd/{}", root.as_raw_fd()).into();
		watch.root = Some(root);
		Ok(watch)
	}

	/// Where this process finds the files.
	pub fn path(&self) -> &Path {
		&self.path
	}

	/// The bytes that the kernel has asked for last, together with those before them that it asked
	/// for just before. `None` when there are none since [`Self::forget`].
	pub fn last(&self) -> Option<Seen> {
		const LEAF: u64 = CHUNK_SIZE as u64;
		let (node, range) = self.content.sight()?.0.lock().last.clone()?;
		let image = self.content.image();
		let blob = image.tree().blob(node)?;
		let range = range.start / LEAF..range.end.div_ceil(LEAF);
		let leaves = image.blobs().leaves(&blob, range).ok()?;
		let chunks = leaves.into_iter().filter(|leaf| !leaf.hole).map(|leaf| leaf.id);
		Some(Seen { file: image.tree().path(node)?.to_vec(), chunks: chunks.collect() })
	}

	/// Has the kernel forget what it has read, so that it asks for it again. When this returns, also what it
	/// reads in the background has been read and forgotten.
	pub fn forget(&self) -> Result<(), MountError> {
		let (Some(session), Some(sight)) = (&self.session, self.content.sight()) else {
			return Ok(());
		};
		let files: Vec<_> = sight.0.lock().files.iter().copied().collect();
		let notifier = session.notifier();
		for node in files {
			let failed =
				|error| MountError::system("have forgotten what was read at", &self.path, error);
			notifier.inval_inode(INodeNo(node.0), 0, 0).map_err(failed)?;
		}
		sight.0.lock().last = None;
		Ok(())
	}
}

impl Drop for Watch {
	fn drop(&mut self) {
		drop(self.root.take());
		let Some(session) = self.session.take() else { return };
		// The last file that is closed ends it.
		let end = Instant::now() + SESSION_END;
		while !session.guard.is_finished() && Instant::now() < end {
			std::thread::sleep(Duration::from_millis(2));
		}
		// It would unmount what is at its place by now.
		std::mem::forget(session);
	}
}
