//! Writing to the disk, beside the fetching: who fetches doesn't wait for it.

use crate::cache::CachedBlob;
use crossbeam_channel::{bounded, Receiver, Sender};
use std::{
	io,
	ops::Range,
	sync::Arc,
	thread::{Builder, Scope},
};

/// How many threads wait for the disk. A file is durable when nobody holds it any more, and small
/// files are many: their waits should overlap.
const THREADS: usize = 2;
/// How many pieces may wait for them. A disk that is slower than the stores holds up the fetching
/// then, and not so many files are open.
const QUEUE: usize = 32;

/// A blob that was worked on, and which of its leaves were written just now.
type Piece = (Arc<CachedBlob>, Range<u64>);

/// Where blobs are put by those who have worked on them. Whoever is the last to let go of one
/// flushes it, and that should be nobody who could be fetching meanwhile.
#[derive(Clone)]
pub(super) struct Durable {
	queue: Sender<Piece>,
}

impl Durable {
	/// Its threads end when this and all clones of it are gone, and all is durable then.
	pub(super) fn start<'scope>(scope: &'scope Scope<'scope, '_>) -> io::Result<Self> {
		let (queue, pieces) = bounded(QUEUE);
		for _ in 0..THREADS {
			let pieces: Receiver<Piece> = pieces.clone();
			Builder::new().name("thin-durable".into()).spawn_scoped(scope, move || {
				for (blob, leaves) in pieces {
					blob.begin_writing(leaves);
				}
			})?;
		}
		Ok(Self { queue })
	}

	/// Has the disk begin with these leaves.
	pub(super) fn wrote(&self, blob: Arc<CachedBlob>, leaves: Range<u64>) {
		// It comes back when there is nobody to take it, and is flushed here.
		let _ = self.queue.send((blob, leaves));
	}

	/// Lets go of a blob.
	pub(super) fn done(&self, blob: Arc<CachedBlob>) {
		self.wrote(blob, 0..0);
	}
}
