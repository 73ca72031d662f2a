//! What a fetcher has done so far, in figures.

use serde::{Deserialize, Serialize};

/// Counters of a [`Fetcher`](super::Fetcher) since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchStats {
	/// Chunks that were asked for and still in memory.
	pub hits: u64,
	/// Chunks that were asked for while somebody else was fetching them already.
	pub joined: u64,
	/// Chunks that were fetched and verified.
	pub chunks_fetched: u64,
	/// Bytes of the values that stores sent, as they came over the wire.
	pub bytes_fetched: u64,
	/// Values that were not what they should have been.
	pub verification_failures: u64,
	/// Requests that were sent to a second store since the first took long.
	pub hedges: u64,
	/// Requests that were sent again after a failure.
	pub retries: u64,
	/// Chunks that could not be had.
	pub failures: u64,
	/// One entry for each store, in the order they were given.
	pub stores: Vec<StoreStats>,
}

/// The upper ends of the buckets of [`StoreStats::latency_buckets`], in microseconds.
pub const LATENCY_BOUNDS_US: [u64; 14] = [
	100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
	1_000_000, 5_000_000,
];

/// Counters and the state of one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStats {
	/// The store's name.
	pub name: String,
	/// Whether it is asked at the moment.
	pub state: StoreState,
	/// Whether it once sent wrong bytes. It is then asked only when no other store has a chunk.
	pub quarantined: bool,
	/// Requests, of one or several chunks each.
	pub requests: u64,
	/// Requests that failed.
	pub failures: u64,
	/// Values it sent.
	pub values: u64,
	/// The bytes of these values.
	pub bytes: u64,
	/// Chunks that it was asked for and does not have.
	pub missing: u64,
	/// Values it sent that were wrong.
	pub verification_failures: u64,
	/// The median time of the last requests, in microseconds.
	pub latency_p50_us: u64,
	/// The time that 95 of 100 of the last requests stayed under, in microseconds.
	pub latency_p95_us: u64,
	/// How many requests took how long: one count for each of [`LATENCY_BOUNDS_US`], and one for
	/// what took longer.
	pub latency_buckets: Vec<u64>,
	/// How long all of them took together, in microseconds.
	pub latency_total_us: u64,
}

/// The state of the circuit breaker of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreState {
	/// It answers, and is asked.
	Closed,
	/// It failed several times in a row, and is left alone for a while.
	Open,
	/// One request is on its way to find out whether it answers again.
	HalfOpen,
}
