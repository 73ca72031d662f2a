//! Telling threads that work in the background to end, also while they wait.

use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Said once, and from then on true.
#[derive(Default)]
pub(crate) struct Stop {
	said: Mutex<bool>,
	changed: Condvar,
}

impl Stop {
	pub(crate) fn say(&self) {
		*self.said.lock() = true;
		self.changed.notify_all();
	}

	pub(crate) fn is_said(&self) -> bool {
		*self.said.lock()
	}

	/// Waits this long, or until it is said. Whether it is.
	pub(crate) fn wait(&self, time: Duration) -> bool {
		let end = Instant::now() + time;
		let mut said = self.said.lock();
		while !*said && !self.changed.wait_until(&mut said, end).timed_out() {}
		*said
	}
}
