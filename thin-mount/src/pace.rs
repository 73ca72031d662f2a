//! A limit of bytes in a second.

use crate::stop::Stop;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

pub(crate) struct Pace {
	rate: Option<u64>,
	/// When what was taken so far is paid for.
	paid: Mutex<Option<Instant>>,
}

impl Pace {
	/// So many bytes in a second, or any number.
	pub(crate) fn new(rate: Option<u64>) -> Self {
		Self { rate, paid: Mutex::default() }
	}

	/// Waits until what others have taken is paid for, and takes so many bytes. `false` when it is
	/// to stop.
	pub(crate) fn take(&self, bytes: u64, stop: &Stop) -> bool {
		let wait = self.reserve(bytes, Instant::now());
		match wait.is_zero() {
			true => !stop.is_said(),
			false => !stop.wait(wait),
		}
	}

	fn reserve(&self, bytes: u64, now: Instant) -> Duration {
		let Some(rate) = self.rate.filter(|rate| *rate > 0) else { return Duration::ZERO };
		let cost = Duration::from_secs_f64((bytes as f64 / rate as f64).min(86_400.0));
		let mut paid = self.paid.lock();
		let begin = paid.map_or(now, |paid| paid.max(now));
		*paid = Some(begin + cost);
		begin - now
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_rate_is_kept_and_idle_time_is_not_saved_up() {
		let (pace, now) = (Pace::new(Some(1_000)), Instant::now());
		let second = Duration::from_secs(1);
		assert_eq!(pace.reserve(2_000, now), Duration::ZERO);
		assert_eq!(pace.reserve(500, now), 2 * second);
		assert_eq!(pace.reserve(500, now + second), second * 3 / 2);
		assert_eq!(pace.reserve(1_000, now + 10 * second), Duration::ZERO);
		assert_eq!(pace.reserve(1_000, now + 10 * second), second);
		let any = Pace::new(None);
		assert!((0..9).all(|_| any.reserve(u64::MAX, now).is_zero()));
		let stop = Stop::default();
		stop.say();
		assert!(!pace.take(1, &stop) && !any.take(1, &stop));
	}
}
