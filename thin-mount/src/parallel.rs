//! Jobs from one thread, worked on by several, with a bounded queue between.

use crossbeam_channel::{bounded, Sender};
use parking_lot::Mutex;
use std::{
	sync::atomic::{AtomicBool, Ordering},
	thread,
};

/// How many threads read from stores: enough to hide some latency, few enough for any machine.
pub(crate) fn default_threads() -> usize {
	thread::available_parallelism().map_or(4, usize::from).clamp(4, 8)
}

/// Where the producer puts its jobs. `false`: somebody failed, stop producing.
pub(crate) struct Jobs<'a, J> {
	queue: Sender<J>,
	stopped: &'a AtomicBool,
}

impl<J> Jobs<'_, J> {
	#[must_use]
	pub(crate) fn put(&self, job: J) -> bool {
		!self.stopped.load(Ordering::Relaxed) && self.queue.send(job).is_ok()
	}
}

/// Runs `produce` here and `work` on `threads` threads until all jobs are done. The first error
/// ends everything and is returned.
pub(crate) fn run<J: Send, E: Send + From<std::io::Error>>(
	threads: usize,
	produce: impl FnOnce(&Jobs<'_, J>) -> Result<(), E>,
	work: impl Fn(J) -> Result<(), E> + Sync,
) -> Result<(), E> {
	let stopped = AtomicBool::new(false);
	let first: Mutex<Option<E>> = Mutex::new(None);
	let note = |result: Result<(), E>| {
		if let Err(error) = result {
			first.lock().get_or_insert(error);
			stopped.store(true, Ordering::Relaxed);
		}
	};
	thread::scope(|scope| {
		let (queue, jobs) = bounded::<J>(threads);
		for _ in 0..threads {
			let jobs = jobs.clone();
			let (note, work, stopped) = (&note, &work, &stopped);
			let started = thread::Builder::new().spawn_scoped(scope, move || {
				for job in jobs {
					if stopped.load(Ordering::Relaxed) {
						return;
					}
					note(work(job));
				}
			});
			note(started.map(|_| ()).map_err(E::from));
		}
		drop(jobs);
		note(produce(&Jobs { queue, stopped: &stopped }));
	});
	first.into_inner().map_or(Ok(()), Err)
}
