//! What was done since the start, for INFO.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
	pub(super) fn add(&self, more: u64) {
		self.0.fetch_add(more, Ordering::Relaxed);
	}

	pub(super) fn get(&self) -> u64 {
		self.0.load(Ordering::Relaxed)
	}
}

/// Bytes moved, and how often moving them failed.
#[derive(Debug, Default)]
pub(super) struct Traffic {
	pub read: Counter,
	pub read_failed: Counter,
	pub written: Counter,
	pub write_failed: Counter,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Stats {
	pub clients: Counter,
	pub executed: Counter,
	pub unknown: Counter,
	pub unauthorized: Counter,
	pub received: Counter,
	pub sent: Counter,
	pub data: Traffic,
	pub index: Traffic,
}
