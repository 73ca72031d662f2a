//! A walk in the background, from N to genesis: which block has which number.
//!
//! Every other value of an image is checked as it is read. Number to hash can't be: a block of
//! the owner's fork is as good a block. Only the headers from N downwards, each naming its
//! parent, say which one is meant. The walk goes on where it was after a restart, and runs once
//! for each snapshot.

mod place;
#[cfg(test)]
mod tests;

use crate::{
	cli::HistoryMode,
	columns::BlockKey,
	layered::{Checked, Depth, Fault, FaultHandler, Lower},
};
use pallet_snapshots::SnapshotId;
use parking_lot::Mutex;
use place::Place;
use sc_client_db::DbHash;
use sc_consensus_grandpa::BlockNumberOps;
use serde::Serialize;
use sp_database::Database;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{
	future::Future,
	num::NonZeroU32,
	sync::Arc,
	time::{Duration, Instant},
};
use substrate_prometheus_endpoint::{register, Gauge, PrometheusError, Registry, U64};

/// Blocks in a second, when nobody says otherwise. Some hundred kilobytes of headers.
const DEFAULT_RATE: u32 = 1000;
/// The walk is slept out this often in a second, so that it never takes a core for long.
const BATCHES_PER_SECOND: u32 = 20;
/// The most blocks between two rests, whatever the rate.
const MOST_IN_A_BATCH: u32 = 256;
/// How often the place is written down.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// How often a line is logged.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// How long the walk rests when the image can't be read. Nobody waits for it.
const REST: Duration = Duration::from_secs(30);

/// What to walk, and how.
pub struct HistoryOptions {
	/// What is checked.
	pub mode: HistoryMode,
	/// Blocks in a second.
	pub rate: Option<NonZeroU32>,
	/// The snapshot, to which the place is bound.
	pub snapshot: SnapshotId,
	/// Called with what is wrong. In a node it does not return.
	pub on_fault: FaultHandler,
}

/// How far the walk is, as `thin_status` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryReport {
	/// `off`, `headers` or `full`.
	pub mode: &'static str,
	/// Every height from this one to N is checked.
	pub checked_down_to: u32,
	/// Whether that is all of them.
	pub complete: bool,
	/// The first and the last height of which nobody has checked yet which block it has; `null`
	/// when there is none.
	pub unproven: Option<(u32, u32)>,
	/// Headers checked.
	pub headers: u64,
	/// Bodies checked.
	pub bodies: u64,
	/// Justifications checked.
	pub justifications: u64,
}

type Check = Box<dyn Fn(&BlockKey, Depth) -> Result<Checked, Fault> + Send + Sync>;

/// The walk of one node: what it does, and how far it is.
pub struct History {
	mode: HistoryMode,
	rate: u32,
	/// Block N.
	start: BlockKey,
	place: Mutex<Place>,
	/// Taken by the task, so that the image is closed with it.
	walk: Mutex<Option<Walk>>,
}

struct Walk {
	check: Check,
	database: Arc<dyn Database<DbHash>>,
	on_fault: FaultHandler,
}

impl History {
	/// A walk over `lower` whose place is kept in `database`, the local one.
	pub fn new<Block: BlockT>(
		options: HistoryOptions,
		lower: Arc<Lower<Block>>,
		database: Arc<dyn Database<DbHash>>,
	) -> Arc<Self>
	where
		NumberFor<Block>: BlockNumberOps,
	{
		let start = lower.block().clone();
		let full = options.mode == HistoryMode::Full;
		let place = Place::read(&*database, options.snapshot, &start, full);
		let check: Check = Box::new(move |block, depth| lower.check_ancestor(block, depth));
		Arc::new(Self {
			mode: options.mode,
			rate: options.rate.map_or(DEFAULT_RATE, NonZeroU32::get),
			start,
			place: Mutex::new(place),
			walk: Mutex::new(Some(Walk { check, database, on_fault: options.on_fault })),
		})
	}

	/// How far it is.
	pub fn report(&self) -> HistoryReport {
		let place = self.place.lock();
		let lowest = place.lowest(&self.start);
		let last_unproven = lowest.saturating_sub(1);
		HistoryReport {
			mode: match self.mode {
				HistoryMode::Off => "off",
				HistoryMode::Headers => "headers",
				HistoryMode::Full => "full",
			},
			checked_down_to: lowest,
			complete: lowest == 0,
			// Genesis is known from the chain spec.
			unproven: (last_unproven > 0).then_some((1, last_unproven)),
			headers: place.headers,
			bodies: place.bodies,
			justifications: place.justifications,
		}
	}

	/// The task that walks. It ends when it is through.
	///
	/// Errors when the metrics are registered already. Give it a blocking thread.
	pub fn run(
		self: Arc<Self>,
		registry: Option<&Registry>,
	) -> Result<impl Future<Output = ()> + Send, PrometheusError> {
		let metrics = registry.map(|registry| Metrics::new(registry, &self.start)).transpose()?;
		Ok(async move {
			let Some(walk) = self.walk.lock().take() else { return };
			if self.mode != HistoryMode::Off {
				self.walk(walk, &metrics).await;
			}
			self.show(&metrics);
		})
	}

	async fn walk(&self, walk: Walk, metrics: &Option<Metrics>) {
		let batch = (self.rate / BATCHES_PER_SECOND).clamp(1, MOST_IN_A_BATCH);
		let pause = Duration::from_secs(1) * batch / self.rate;
		let (mut saved, mut told) = (Instant::now(), Instant::now());
		if self.report().complete {
			return;
		}
		loop {
			match self.steps(&walk, batch) {
				Ok(true) => {},
				Ok(false) => break,
				Err(Fault::Read(error)) => {
					tracing::warn!(target: "thin", %error, "History: resting, then trying again");
					tokio::time::sleep(REST).await;
				},
				Err(fault) => {
					(walk.on_fault)(&fault);
					return;
				},
			}
			self.show(metrics);
			if saved.elapsed() >= SAVE_EVERY {
				self.save(&walk);
				saved = Instant::now();
			}
			if told.elapsed() >= TELL_EVERY {
				let HistoryReport { checked_down_to, .. } = self.report();
				tracing::info!(
					target: "thin",
					"History: checked from block {} down to {checked_down_to}, at most {} blocks a second",
					self.start.number, self.rate,
				);
				told = Instant::now();
			}
			tokio::time::sleep(pause).await;
		}
		self.save(&walk);
		tracing::info!(
			target: "thin",
			"History: checked from block {} down to genesis: every number leads to the right block",
			self.start.number,
		);
	}

	/// Checks some blocks. `false` when genesis is reached.
	fn steps(&self, walk: &Walk, count: u32) -> Result<bool, Fault> {
		let depth = if self.mode == HistoryMode::Full { Depth::Full } else { Depth::Headers };
		for _ in 0..count {
			// The lock is not held while the image is read: whoever asks for the status would wait.
			let Some(block) = self.place.lock().next.clone() else { return Ok(false) };
			let checked = (walk.check)(&block, depth)?;
			self.place.lock().passed(checked);
		}
		Ok(self.place.lock().next.is_some())
	}

	fn save(&self, walk: &Walk) {
		let place = self.place.lock().clone();
		if let Err(error) = place.write(&*walk.database) {
			tracing::warn!(target: "thin", %error, "History: the place can't be kept");
		}
	}

	fn show(&self, metrics: &Option<Metrics>) {
		if let Some(metrics) = metrics {
			let report = self.report();
			metrics.checked.set(report.checked_down_to.into());
			metrics.complete.set(report.complete.into());
		}
	}
}

struct Metrics {
	checked: Gauge<U64>,
	complete: Gauge<U64>,
}

impl Metrics {
	fn new(registry: &Registry, start: &BlockKey) -> Result<Self, PrometheusError> {
		let gauge = |name: &str, help: &str| register(Gauge::<U64>::new(name, help)?, registry);
		let metrics = Self {
			checked: gauge(
				"thin_history_checked_height",
				"Every height from this one to the block of the snapshot is known to lead to the \
				 right block",
			)?,
			complete: gauge(
				"thin_history_complete",
				"1 when the walk from the block of the snapshot has reached genesis",
			)?,
		};
		metrics.checked.set(start.number.into());
		Ok(metrics)
	}
}

/// A place as it is written, read and written again. `None` when it is none.
#[cfg(any(test, fuzzing))]
pub(crate) fn reread_place(bytes: &[u8]) -> Option<Vec<u8>> {
	Place::parse(bytes).map(|place| place.bytes())
}

/// The beginning of a walk, as it is written.
#[cfg(test)]
pub(crate) fn place_of(snapshot: SnapshotId, number: u32) -> Vec<u8> {
	Place::new(snapshot, &BlockKey::new(number, [7; 32]), false).bytes()
}
