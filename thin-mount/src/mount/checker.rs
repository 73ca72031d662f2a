//! Looks at blobs that may be wholly in the cache, one after the other, in the background: hashing
//! a large file takes a while, and nobody who opens it should wait for that.

use crate::{
	blob::{BlobReader, BlobRef},
	cache::{Cache, LocalSource, Whole},
	stop::Stop,
};
use crossbeam_channel::{bounded, Sender};
use parking_lot::Mutex;
use std::{
	collections::HashSet,
	sync::{
		atomic::{AtomicBool, Ordering::SeqCst},
		Arc,
	},
};

/// How many blobs may wait. What finds no place is looked at when it is opened again.
const QUEUE: usize = 4_096;

pub(super) struct Checker {
	queue: Sender<BlobRef>,
	waiting: Arc<Mutex<HashSet<BlobRef>>>,
	/// Whether one is being looked at.
	busy: Arc<AtomicBool>,
	stop: Arc<Stop>,
}

impl Checker {
	/// `None` when no thread can be started: then nothing is found to be whole.
	pub(super) fn start(cache: Arc<Cache>) -> Option<Self> {
		let (queue, blobs) = bounded(QUEUE);
		let checker =
			Self { queue, waiting: Arc::default(), busy: Arc::default(), stop: Arc::default() };
		let (waiting, stop) = (checker.waiting.clone(), checker.stop.clone());
		let busy = checker.busy.clone();
		// What of a tree is not in the cache is not worth a request.
		let reader = BlobReader::new(Arc::new(LocalSource(cache.clone())));
		let work = move || {
			for blob in blobs {
				// In this order: who asks must not find it in neither place.
				busy.store(true, SeqCst);
				waiting.lock().remove(&blob);
				if stop.is_said() {
					return;
				}
				if let Some(cached) = cache.blob(&blob).filter(|cached| !cache.is_whole(cached)) {
					let found = cache.verify_whole(&cached, &reader, &stop);
					tracing::debug!(root = %blob.root, ?found, "looked at a whole cached file");
					if matches!(found, Ok(Whole::Stopped)) {
						return;
					}
				}
				busy.store(false, SeqCst);
			}
		};
		match std::thread::Builder::new().name("thin-check".into()).spawn(work) {
			Ok(_) => Some(checker),
			Err(error) => {
				tracing::warn!(%error, "no thread for checking cached files can be started");
				None
			},
		}
	}

	/// Whether anything is being looked at, or waits for it.
	pub(super) fn is_busy(&self) -> bool {
		!self.waiting.lock().is_empty() || self.busy.load(SeqCst)
	}

	pub(super) fn check(&self, blob: BlobRef) {
		if self.waiting.lock().insert(blob) && self.queue.try_send(blob).is_err() {
			self.waiting.lock().remove(&blob);
		}
	}
}

impl Drop for Checker {
	fn drop(&mut self) {
		self.stop.say();
	}
}
