//! Whether a store is worth asking: a circuit breaker, and how long its answers take.

use super::stats::StoreState;
use rand::Rng;
use std::time::{Duration, Instant};

const FAILURES_TO_OPEN: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A probe that has not come back after this long does not keep others from trying.
const PROBE_TIME: Duration = Duration::from_secs(5);

const SAMPLES: usize = 128;
const HEDGE_UNMEASURED: Duration = Duration::from_millis(500);
const HEDGE_SOONEST: Duration = Duration::from_millis(20);
const HEDGE_LATEST: Duration = Duration::from_secs(2);

pub(super) struct Health {
	failures_in_row: u32,
	/// `None` while the breaker is closed.
	open: Option<Open>,
	pause: Duration,
	latencies: Vec<Duration>,
	next_sample: usize,
}

struct Open {
	until: Instant,
	probing: bool,
}

impl Default for Health {
	fn default() -> Self {
		Self {
			failures_in_row: 0,
			open: None,
			pause: FIRST_PAUSE,
			latencies: Vec::new(),
			next_sample: 0,
		}
	}
}

impl Health {
	/// Whether a request may be sent now. After a pause, one may: the probe.
	pub(super) fn admits(&mut self, now: Instant) -> bool {
		match &mut self.open {
			None => true,
			Some(open) if open.until <= now => {
				*open = Open { until: now + PROBE_TIME, probing: true };
				true
			},
			Some(_) => false,
		}
	}

	/// When to try again, if not at once.
	pub(super) fn retry_at(&self) -> Option<Instant> {
		self.open.as_ref().map(|open| open.until)
	}

	pub(super) fn succeeded(&mut self, latency: Duration) -> bool {
		self.failures_in_row = 0;
		self.pause = FIRST_PAUSE;
		if self.latencies.len() < SAMPLES {
			self.latencies.push(latency);
		} else if let Some(sample) = self.latencies.get_mut(self.next_sample) {
			*sample = latency;
			self.next_sample = (self.next_sample + 1) % SAMPLES;
		}
		self.open.take().is_some()
	}

	/// Whether this failure opened the breaker.
	pub(super) fn failed(&mut self, now: Instant) -> bool {
		self.failures_in_row = self.failures_in_row.saturating_add(1);
		let probing = self.open.as_ref().is_some_and(|open| open.probing);
		let opens = self.open.is_none() && self.failures_in_row >= FAILURES_TO_OPEN;
		if opens || probing {
			// Jitter: those who lost a store together should not all come back together.
			let pause = self.pause.mul_f64(rand::thread_rng().gen_range(0.5..1.5));
			self.open = Some(Open { until: now + pause, probing: false });
			self.pause = (self.pause * 2).min(LONGEST_PAUSE);
		}
		opens
	}

	pub(super) fn state(&self) -> StoreState {
		match &self.open {
			None => StoreState::Closed,
			Some(open) if open.probing => StoreState::HalfOpen,
			Some(_) => StoreState::Open,
		}
	}

	/// The latency that `percent` of the last requests stayed under.
	pub(super) fn percentile(&self, percent: usize) -> Option<Duration> {
		let mut latencies = self.latencies.clone();
		let at = (latencies.len() * percent / 100).min(latencies.len().checked_sub(1)?);
		// Before each request: no more is put in order than has to be.
		Some(*latencies.select_nth_unstable(at).1)
	}

	/// How long to wait for this store before another one is asked as well.
	pub(super) fn hedge_after(&self) -> Duration {
		match self.percentile(95) {
			Some(latency) if self.latencies.len() >= 8 => {
				(latency * 2).clamp(HEDGE_SOONEST, HEDGE_LATEST)
			},
			_ => HEDGE_UNMEASURED,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_failing_store_is_left_alone_then_probed_once_then_used_again() {
		let (mut health, now) = (Health::default(), Instant::now());
		assert!(!health.failed(now) && !health.failed(now) && health.admits(now));
		assert!(health.failed(now));
		assert_eq!((health.state(), health.admits(now)), (StoreState::Open, false));
		let later = health.retry_at().unwrap();
		assert!(later <= now + FIRST_PAUSE * 2);
		assert!(health.admits(later));
		assert_eq!((health.state(), health.admits(later)), (StoreState::HalfOpen, false));
		assert!(!health.failed(later), "it was open already");
		assert_eq!(health.state(), StoreState::Open);
		let again = health.retry_at().unwrap();
		assert!(again > later && health.admits(again));
		assert!(health.succeeded(Duration::from_millis(1)));
		assert_eq!((health.state(), health.admits(again)), (StoreState::Closed, true));
	}

	#[test]
	fn a_probe_that_never_comes_back_does_not_block_for_ever() {
		let (mut health, now) = (Health::default(), Instant::now());
		(0..3).for_each(|_| {
			health.failed(now);
		});
		let later = health.retry_at().unwrap();
		assert!(health.admits(later));
		assert!(!health.admits(later + PROBE_TIME / 2));
		assert!(health.admits(later + PROBE_TIME));
	}

	#[test]
	fn pauses_grow_up_to_a_limit() {
		let (mut health, mut now) = (Health::default(), Instant::now());
		let mut longest = Duration::ZERO;
		for _ in 0..40 {
			health.failed(now);
			longest = longest.max(health.retry_at().unwrap_or(now) - now);
			now = health.retry_at().unwrap_or(now);
			health.admits(now);
		}
		assert!(longest > LONGEST_PAUSE / 2 && longest <= LONGEST_PAUSE * 3 / 2, "{longest:?}");
	}

	#[test]
	fn percentiles_are_of_the_last_requests() {
		let mut health = Health::default();
		assert_eq!(health.hedge_after(), HEDGE_UNMEASURED);
		(0..1_000).for_each(|at| {
			health.succeeded(Duration::from_millis(at));
		});
		let median = health.percentile(50).unwrap().as_millis();
		assert!((872..1_000).contains(&median), "{median}");
		assert!(health.percentile(95).unwrap() > health.percentile(50).unwrap());
		assert_eq!(health.hedge_after(), (health.percentile(95).unwrap() * 2).min(HEDGE_LATEST));
	}
}
