//! Who goes first: readers that wait, then the trace, then what is fetched in the background.

use super::Fetcher;
use crate::{
	chunk::{Chunk, ChunkId},
	source::{ChunkSource, FetchError},
	stop::Stop,
};
use parking_lot::{Condvar, Mutex};
use std::{sync::Arc, time::Duration};

/// How long a wait for others goes on before it is looked whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a chunk is fetched for. Each yields to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
	/// Somebody waits for it.
	Foreground,
	/// It will be wanted soon.
	Trace,
	/// It may be wanted some day.
	Background,
}

/// Who is fetching at the moment.
#[derive(Default)]
pub(super) struct Gate {
	active: Mutex<[usize; 3]>,
	changed: Condvar,
}

/// Somebody who is fetching, for as long as this lives.
pub(super) struct Pass<'a> {
	gate: &'a Gate,
	priority: Priority,
}

impl Gate {
	/// Enters, whoever else is there.
	pub(super) fn enter(&self, priority: Priority) -> Pass<'_> {
		self.active.lock()[priority as usize] += 1;
		Pass { gate: self, priority }
	}

	fn leave(&self, priority: Priority) {
		let mut active = self.active.lock();
		active[priority as usize] = active[priority as usize].saturating_sub(1);
		self.changed.notify_all();
	}

	/// Waits until nobody goes first. `false` when it is to stop.
	pub(super) fn wait(&self, priority: Priority, stop: &Stop) -> bool {
		let mut active = self.active.lock();
		while active[..priority as usize].iter().any(|count| *count > 0) {
			if stop.is_said() {
				return false;
			}
			self.changed.wait_for(&mut active, LOOK_EVERY);
		}
		!stop.is_said()
	}
}

impl Drop for Pass<'_> {
	fn drop(&mut self) {
		self.gate.leave(self.priority);
	}
}

/// Somebody who will fetch, in a thread of his own.
pub(crate) struct Announced {
	fetcher: Arc<Fetcher>,
	priority: Priority,
}

impl Fetcher {
	/// Says that there is more to come of this priority, so that those after it wait.
	pub(crate) fn announce(self: &Arc<Self>, priority: Priority) -> Announced {
		self.gate().active.lock()[priority as usize] += 1;
		Announced { fetcher: self.clone(), priority }
	}
}

impl Drop for Announced {
	fn drop(&mut self) {
		self.fetcher.gate().leave(self.priority);
	}
}

/// A source that goes after others: each call waits until nobody goes first. Batches should be
/// small: who comes first after all waits for one that is under way.
pub(crate) struct Later {
	fetcher: Arc<Fetcher>,
	priority: Priority,
	stop: Arc<Stop>,
}

impl Later {
	pub(crate) fn new(fetcher: Arc<Fetcher>, priority: Priority, stop: Arc<Stop>) -> Self {
		Self { fetcher, priority, stop }
	}
}

impl ChunkSource for Later {
	fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
		// When it is to stop, whoever called finds that out by itself: an answer does no harm.
		self.fetcher.gate().wait(self.priority, &self.stop);
		self.fetcher.chunks_for(self.priority, ids)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

	#[test]
	fn each_waits_for_those_before() {
		let (gate, stop, through) = (Gate::default(), Stop::default(), AtomicUsize::new(0));
		std::thread::scope(|scope| {
			let reader = gate.enter(Priority::Foreground);
			let trace = gate.enter(Priority::Trace);
			for priority in [Priority::Trace, Priority::Background] {
				let (gate, stop, through) = (&gate, &stop, &through);
				scope.spawn(move || {
					assert!(gate.wait(priority, stop));
					through.fetch_add(1, SeqCst);
				});
			}
			std::thread::sleep(Duration::from_millis(120));
			assert_eq!(through.load(SeqCst), 0);
			drop(reader);
			while through.load(SeqCst) == 0 {
				std::thread::yield_now();
			}
			std::thread::sleep(Duration::from_millis(120));
			assert_eq!(through.load(SeqCst), 1, "the trace goes first");
			drop(trace);
		});
		assert_eq!(through.load(SeqCst), 2);
		assert!(gate.wait(Priority::Foreground, &stop), "readers never wait");
		let _reader = gate.enter(Priority::Foreground);
		stop.say();
		assert!(!gate.wait(Priority::Background, &stop));
	}
}
