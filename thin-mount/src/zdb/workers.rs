//! The threads that serve, and how many of them may wait for the disk.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads that serve connections, at least: one may wait for the disk.
const LEAST: usize = 2;

/// The threads that serve connections.
///
/// A thread that waits for the disk serves nobody else. To hand its other work to another thread
/// first takes longer than most reads and writes, which end in memory. So they are made at once as
/// long as half of the threads are left for those who wait for nothing.
#[derive(Debug)]
pub(super) struct Workers {
	count: usize,
	at_the_disk: AtomicUsize,
}

/// Counts a thread as waiting until it is dropped.
struct AtTheDisk<'a>(&'a Workers);

impl Drop for AtTheDisk<'_> {
	fn drop(&mut self) {
		self.0.at_the_disk.fetch_sub(1, Ordering::Relaxed);
	}
}

impl Workers {
	/// As many as this machine can use.
	pub(super) fn new() -> Self {
		let processors = std::thread::available_parallelism().map_or(1, usize::from);
		Self { count: processors.max(LEAST), at_the_disk: AtomicUsize::new(0) }
	}

	/// How many there are.
	pub(super) fn count(&self) -> usize {
		self.count
	}

	/// Does what may have to wait for the disk, and mostly has not.
	pub(super) fn may_wait<T>(&self, work: impl FnOnce() -> T) -> T {
		let counted = AtTheDisk(self);
		if self.at_the_disk.fetch_add(1, Ordering::Relaxed) < self.count / 2 {
			return work();
		}
		drop(counted);
		tokio::task::block_in_place(work)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
	async fn half_of_them_never_wait() {
		let workers = Workers { count: 4, at_the_disk: AtomicUsize::new(0) };
		let waiting = || workers.at_the_disk.load(Ordering::Relaxed);
		let most = workers.may_wait(|| {
			assert_eq!(waiting(), 1);
			// The third is made room for, and not counted.
			workers.may_wait(|| workers.may_wait(waiting))
		});
		assert_eq!(most, 2);
		assert_eq!(waiting(), 0);
	}
}
