//! What a thin node says of itself.

use crate::{
	history::{History, HistoryReport},
	promise::Promise,
};
use pallet_snapshots::{Manifest, SnapshotId};
use serde::Serialize;
use std::sync::Arc;
use thin_mount::mount::MountStats;

/// Reads counters that go on changing.
pub type Counters = Arc<dyn Fn() -> Fetched + Send + Sync>;

/// Reads what the mount of the image has done. `None` where nothing is mounted, with
/// `--thin-hydrate full`.
pub type Figures = Arc<dyn Fn() -> Option<MountStats> + Send + Sync>;

/// What has been fetched from the stores since the start.
#[derive(Clone, Copy, Debug, Default, Serialize, PartialEq, Eq)]
pub struct Fetched {
	/// Bytes of values, as they came over the wire.
	pub bytes: u64,
	/// Chunks.
	pub chunks: u64,
	/// Requests, of one or several chunks each.
	pub requests: u64,
}

/// A node that was started from a snapshot.
#[derive(Clone)]
pub struct ThinStatus {
	/// The snapshot.
	pub snapshot: SnapshotId,
	/// What it is.
	pub manifest: Manifest,
	/// What was fetched.
	pub counters: Counters,
	/// What the mount has done.
	pub figures: Figures,
	/// The time of the block as of which the registration was proven, in milliseconds since 1970.
	/// `None` for a snapshot that nobody vouches for.
	pub proof_time: Option<u64>,
	/// The walk to genesis.
	pub history: Arc<History>,
	/// What the image says of its own completeness.
	pub promise: Option<Promise>,
}

/// The answer of the RPC `thin_status`.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
	/// The snapshot id, hex.
	pub snapshot_id: String,
	/// The image id, hex.
	pub image_id: String,
	/// The number of block N.
	pub block: u64,
	/// The hash of block N, hex.
	pub block_hash: String,
	/// The length of the image's files together, in bytes.
	pub logical_size: u64,
	/// Bytes fetched from stores since the start.
	pub fetched_bytes: u64,
	/// Chunks fetched from stores since the start.
	pub fetched_chunks: u64,
	/// Requests to stores since the start, of one or several chunks each.
	pub fetch_requests: u64,
	/// As of when the registration was proven, in milliseconds since 1970. `null` for a snapshot that
	/// was taken without one.
	pub proof_time: Option<u64>,
	/// How far the numbers of blocks before N are checked.
	pub history: HistoryReport,
	/// The image says that it has the body of every block from this height to N: a missing one
	/// ends the process. `null` when it says nothing, and a missing body reads as not kept.
	pub bodies_from: Option<u32>,
}

impl ThinStatus {
	/// The state of things now.
	pub fn report(&self) -> StatusReport {
		let fetched = (self.counters)();
		StatusReport {
			snapshot_id: format!("{:?}", self.snapshot),
			image_id: format!("{:?}", self.manifest.image),
			block: self.manifest.block_number,
			block_hash: format!("{:?}", self.manifest.block_hash),
			logical_size: self.manifest.logical_size,
			fetched_bytes: fetched.bytes,
			fetched_chunks: fetched.chunks,
			fetch_requests: fetched.requests,
			proof_time: self.proof_time,
			history: self.history.report(),
			bodies_from: self.promise.map(|promise| promise.bodies_from),
		}
	}
}
