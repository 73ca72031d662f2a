//! How the duties of a node are doing: for its RPC and its metrics.

use super::{
	attester,
	publisher::{self, Progress},
	DutyError,
};
use parking_lot::Mutex;
use serde::Serialize;
use std::{
	sync::Arc,
	time::{SystemTime, UNIX_EPOCH},
};

/// The answer of the RPC `thin_duties`: `null` for a duty that the node does not have.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DutiesReport {
	/// The publisher.
	pub publisher: Option<PublisherReport>,
	/// The attester.
	pub attester: Option<AttesterReport>,
}

/// What a duty is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
	/// Waiting for the next finalized block.
	#[default]
	Waiting,
	/// A publisher: looking after what it has published, registering, retiring.
	Following,
	/// A publisher: copying and packing the database, and uploading.
	Making,
	/// A publisher: storing the proof of a certified snapshot beside its image.
	Proving,
	/// A publisher: removing from its stores what is not needed.
	Cleaning,
	/// An attester: auditing a snapshot.
	Auditing,
	/// After a failure: it is tried again after a pause.
	Paused,
}

impl Phase {
	/// All there are.
	pub const ALL: [Self; 7] = [
		Self::Waiting,
		Self::Following,
		Self::Making,
		Self::Proving,
		Self::Cleaning,
		Self::Auditing,
		Self::Paused,
	];

	/// Its name, as in the RPC.
	pub fn name(self) -> &'static str {
		match self {
			Self::Waiting => "waiting",
			Self::Following => "following",
			Self::Making => "making",
			Self::Proving => "proving",
			Self::Cleaning => "cleaning",
			Self::Auditing => "auditing",
			Self::Paused => "paused",
		}
	}
}

/// What every duty says. Times are seconds since 1970.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pulse {
	/// What it is about.
	pub phase: Phase,
	/// When a step last came to its end without a failure.
	pub last_success: Option<u64>,
	/// Failures since the start of the node.
	pub failures: u64,
	/// The last of them.
	pub last_error: Option<String>,
	/// When that was.
	pub last_error_at: Option<u64>,
}

/// What a publisher says of itself. Counts are since the start of the node.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PublisherReport {
	/// How it is doing.
	#[serde(flatten)]
	pub pulse: Pulse,
	/// A snapshot at every multiple of this block number.
	pub every: u32,
	/// How many certified snapshots are kept.
	pub keep: Option<usize>,
	/// The block of the newest snapshot.
	pub last_block: Option<u32>,
	/// When it was made.
	pub last_made: Option<u64>,
	/// Snapshots that were made.
	pub made: u64,
	/// Snapshots that came into the registry.
	pub registered: u64,
	/// Snapshots that were certified.
	pub certified: u64,
	/// Snapshots that ended: retired, expired, given up or found wrong.
	pub ended: u64,
	/// Bytes that were uploaded.
	pub uploaded_bytes: u64,
	/// Bytes that were removed from the stores.
	pub removed_bytes: u64,
	/// What it looks after, oldest first.
	pub snapshots: Vec<PublishedReport>,
}

/// One published snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct PublishedReport {
	/// Its id, hex.
	pub snapshot_id: String,
	/// Its block.
	pub block: u32,
	/// How far it is.
	pub progress: Progress,
	/// The bytes that had to be uploaded.
	pub uploaded_bytes: u64,
}

/// What an attester says of itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AttesterReport {
	/// How it is doing.
	#[serde(flatten)]
	pub pulse: Pulse,
	/// Whether it only says what it would do.
	pub dry_run: bool,
	/// The snapshot that is being audited, hex.
	pub auditing: Option<String>,
	/// Audits that came to their end since the start of the node.
	pub audits: u64,
	/// Audits that came to no end since then: a store was away, or two audits disagreed.
	pub audits_failed: u64,
	/// The block of the last snapshot that was audited.
	pub last_block: Option<u64>,
	/// How many snapshots it vouches for or has vouched for, ever.
	pub vouched_for: u64,
	/// How many it has disputed, ever.
	pub disputed: u64,
	/// How many it has an opinion of that has not taken effect yet.
	pub undecided: u64,
}

/// The report of a node's duties, which they keep up to date.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<DutiesReport>>);

/// Seconds since 1970.
pub(super) fn now() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Pulse {
	fn note(&mut self, result: &Result<(), DutyError>) {
		match result {
			Ok(()) => {
				self.phase = Phase::Waiting;
				self.last_success = Some(now());
			},
			Err(error) => {
				self.phase = Phase::Paused;
				self.failures += 1;
				self.last_error = Some(error.to_string());
				self.last_error_at = Some(now());
			},
		}
	}
}

impl Health {
	/// The state of things now.
	pub fn report(&self) -> DutiesReport {
		self.0.lock().clone()
	}

	/// Changes what the publisher says.
	pub(super) fn publisher(&self, change: impl FnOnce(&mut PublisherReport)) {
		change(self.0.lock().publisher.get_or_insert_with(Default::default));
	}

	/// Changes what the attester says.
	pub(super) fn attester(&self, change: impl FnOnce(&mut AttesterReport)) {
		change(self.0.lock().attester.get_or_insert_with(Default::default));
	}

	/// What a publisher is about.
	pub(super) fn publishing(&self, phase: Phase) {
		self.publisher(|report| report.pulse.phase = phase);
	}

	/// How a step of a publisher ended, and what it looks after now.
	pub(super) fn published<Header>(
		&self,
		result: &Result<(), DutyError>,
		ledger: &publisher::Ledger<Header>,
	) {
		self.publisher(|report| {
			report.pulse.note(result);
			report.snapshots = ledger.published.iter().map(PublishedReport::of).collect();
			report.last_block = ledger.published.iter().map(|published| published.block).max();
		});
	}

	/// How a step of an attester ended, and what it has found so far.
	pub(super) fn attested(&self, result: &Result<(), DutyError>, ledger: &attester::Ledger) {
		let count = |of: fn(&attester::Audited) -> bool| {
			ledger.audited.values().filter(|audited| of(audited)).count() as u64
		};
		self.attester(|report| {
			report.pulse.note(result);
			report.auditing = None;
			report.vouched_for = count(|of| of.done && of.opinion == attester::Opinion::Right);
			report.disputed =
				count(|of| of.done && matches!(of.opinion, attester::Opinion::Wrong { .. }));
			report.undecided = count(|of| !of.done && !of.void);
		});
	}
}

impl PublishedReport {
	fn of<Header>(published: &publisher::Published<Header>) -> Self {
		Self {
			snapshot_id: format!("{:?}", published.id),
			block: published.block,
			progress: published.progress,
			uploaded_bytes: published.uploaded_bytes,
		}
	}
}
