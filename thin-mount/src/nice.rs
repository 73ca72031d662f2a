//! Work that gives way to other work of the machine.

/// Much nicer than others, and not starved by them: beside a thread of the usual niceness on one
/// processor, this one gets a tenth.
const NICENESS: i32 = 10;

/// From now on this thread, and those that it starts, leave the processors to others that want them.
/// The disk too, where its scheduler goes by niceness.
pub fn give_way() {
	if let Err(error) = rustix::process::nice(NICENESS) {
		tracing::debug!(%error, "this thread can't give way to others");
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use rustix::process::getpriority_process;

	#[test]
	fn a_thread_gives_way_with_those_that_it_starts_and_no_others() {
		let own = || getpriority_process(None).unwrap();
		let before = own();
		let (nicer, started) = std::thread::spawn(move || {
			give_way();
			(own(), std::thread::spawn(own).join().unwrap())
		})
		.join()
		.unwrap();
		assert_eq!(nicer, (before + NICENESS).min(19));
		assert_eq!(started, nicer);
		assert_eq!(own(), before);
	}
}
