//! How far something long is, now and then.

use parking_lot::Mutex;
use std::{
	io::{stderr, IsTerminal, Write},
	time::{Duration, Instant},
};

/// How often a line is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// Lets through what comes at least so long after the last time.
pub(crate) struct Ticker {
	every: Duration,
	last: Mutex<Instant>,
}

impl Ticker {
	pub(crate) fn new(every: Duration) -> Self {
		Self { every, last: Mutex::new(Instant::now()) }
	}

	pub(crate) fn tick(&self, act: impl FnOnce()) {
		let mut last = self.last.lock();
		if last.elapsed() >= self.every {
			*last = Instant::now();
			act();
		}
	}
}

/// A line of progress, on a terminal only. It goes when it is dropped.
pub(crate) struct Line(Option<Ticker>);

impl Line {
	pub(crate) fn new() -> Self {
		Self(stderr().is_terminal().then(|| Ticker::new(DRAW_EVERY)))
	}

	/// One that is not drawn.
	pub(crate) fn hidden() -> Self {
		Self(None)
	}

	/// Whether anybody sees it: totals need only be counted then.
	pub(crate) fn is_seen(&self) -> bool {
		self.0.is_some()
	}

	pub(crate) fn draw(&self, line: impl FnOnce() -> String) {
		let Some(ticker) = &self.0 else { return };
		ticker.tick(|| {
			eprint!("\r{}\x1b[K", line());
			let _ = stderr().flush();
		});
	}
}

impl Drop for Line {
	fn drop(&mut self) {
		if self.is_seen() {
			eprint!("\r\x1b[K");
		}
	}
}

/// So much of so much, for people: `1.5 of 12.0 GB (12 %)`.
pub(crate) fn share(done: u64, total: u64) -> String {
	const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
	let mut unit = 0;
	let mut size = 1_000;
	while unit + 1 < UNITS.len() && total >= size * 1_000 {
		unit += 1;
		size *= 1_000;
	}
	let in_unit = |bytes: u64| bytes as f64 / size as f64;
	// Holes and rounding: never more than all of it.
	let percent = u128::from(done.min(total)) * 100 / u128::from(total.max(1));
	format!("{:.1} of {:.1} {} ({percent} %)", in_unit(done), in_unit(total), UNITS[unit])
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::cell::Cell;

	#[test]
	fn a_ticker_lets_through_what_is_due() {
		let count = Cell::new(0);
		let act = || count.set(count.get() + 1);
		Ticker::new(Duration::MAX).tick(act);
		assert_eq!(count.get(), 0);
		let always = Ticker::new(Duration::ZERO);
		always.tick(act);
		always.tick(act);
		assert_eq!(count.get(), 2);
	}

	#[test]
	fn shares_have_one_unit() {
		assert_eq!(share(1_500_000_000, 12_000_000_000), "1.5 of 12.0 GB (12 %)");
		assert_eq!(share(0, 0), "0.0 of 0.0 kB (0 %)");
		assert_eq!(share(2_000, 1_999), "2.0 of 2.0 kB (100 %)");
		assert_eq!(share(u64::MAX, u64::MAX), "18446744.1 of 18446744.1 TB (100 %)");
	}
}
