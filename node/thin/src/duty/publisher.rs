//! `--thin-publish`: a snapshot at every so many finalized blocks.

use super::{
	health::{now, Health, Phase},
	journal::Journal,
	registry::{Call, Registry, Stage, VALID_FOR},
	DutyError,
};
use pallet_snapshots::{ImageInfo, Location, SnapshotId};
use serde::{Deserialize, Serialize};
use sp_core::H256;
use std::{
	path::Path,
	sync::Arc,
	time::{Duration, Instant},
};

/// After a failure a step is tried again after this time, and then after ever longer ones.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// A snapshot that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made<Header> {
	/// Its id.
	pub id: SnapshotId,
	/// Header N.
	pub header: Header,
	/// Block N.
	pub block: u32,
	/// What was packed.
	pub image: ImageInfo,
	/// The bytes that had to be uploaded.
	pub uploaded_bytes: u64,
}

/// What a publisher can do with its database and its stores.
pub trait Workshop<Header>: Send {
	/// Makes a snapshot of the running node at the newest block that can be proven.
	fn make(&mut self) -> Result<Made<Header>, DutyError>;

	/// Stores a proof beside the image that the snapshot is certified since block `certified_at`.
	/// `false` when that can't be proven yet: not every finalized block has a justification.
	fn prove(&mut self, id: SnapshotId, certified_at: u32) -> Result<bool, DutyError>;

	/// Removes from the stores what none of these images needs. Those that are not there don't
	/// count. Gives the bytes that were removed.
	fn clean(&mut self, keep: &[H256]) -> Result<u64, DutyError>;
}

/// How far a published snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
	/// Its image is stored. It waits to be registered.
	Stored,
	/// It waits for attestations.
	Registered,
	/// It is certified. The proof of that is to be stored.
	Certified,
	/// All is done.
	Proven,
	/// It is over: retired, expired, or found wrong.
	Ended,
}

/// A snapshot that this node has published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published<Header> {
	/// Its id.
	pub id: SnapshotId,
	/// Block N.
	pub block: u32,
	/// Header N.
	pub header: Header,
	/// What was packed.
	pub image: ImageInfo,
	/// The bytes that had to be uploaded.
	pub uploaded_bytes: u64,
	/// How far it is.
	pub progress: Progress,
	/// The finalized block at which the last call about it was submitted.
	pub submitted_at: Option<u32>,
}

/// What a publisher remembers, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ledger<Header> {
	/// Snapshots that are not over, and the last ones that are.
	pub published: Vec<Published<Header>>,
	/// Whether the stores hold what is not needed any more.
	#[serde(default)]
	pub to_clean: bool,
}

impl<Header> Default for Ledger<Header> {
	fn default() -> Self {
		Self { published: Vec::new(), to_clean: false }
	}
}

/// When to publish, and how much to keep.
#[derive(Clone, Debug)]
pub struct Schedule {
	/// A snapshot at every multiple of this block number.
	pub every: u32,
	/// How many certified snapshots are kept; older ones are retired. `None`: all of them.
	pub keep: Option<usize>,
	/// Where others find the images.
	pub locations: Vec<Location>,
}

/// The duty.
pub struct Publisher<Header> {
	schedule: Schedule,
	journal: Journal<Ledger<Header>>,
	registry: Arc<dyn Registry<Header>>,
	workshop: Box<dyn Workshop<Header>>,
	health: Health,
	pause: Duration,
	not_before: Option<Instant>,
}

impl<Header> Publisher<Header>
where
	Header: Clone + Serialize + for<'de> Deserialize<'de>,
{
	/// A publisher that goes on with what the journal in `folder` says.
	pub fn open(
		folder: &Path,
		schedule: Schedule,
		registry: Arc<dyn Registry<Header>>,
		workshop: Box<dyn Workshop<Header>>,
	) -> Result<Self, DutyError> {
		let journal = Journal::open(&folder.join("publisher.json"))?;
		let (health, pause, not_before) = (Health::default(), FIRST_PAUSE, None);
		Ok(Self { schedule, journal, registry, workshop, health, pause, not_before })
	}

	/// Says there how it is doing.
	pub fn reporting_to(mut self, health: Health) -> Self {
		health.publisher(|report| {
			report.every = self.schedule.every;
			report.keep = self.schedule.keep;
		});
		self.health = health;
		self
	}

	/// What was published.
	pub fn ledger(&self) -> &Ledger<Header> {
		self.journal.get()
	}

	/// Does what is to be done at this finalized block. A failure is logged, and tried again.
	pub fn step(&mut self, finalized: u32) {
		if self.not_before.is_some_and(|instant| Instant::now() < instant) {
			return;
		}
		self.health.publishing(Phase::Following);
		let result = self.try_step(finalized);
		self.health.published(&result, self.journal.get());
		match result {
			Ok(()) => {
				self.pause = FIRST_PAUSE;
				self.not_before = None;
			},
			Err(error) => {
				let seconds = self.pause.as_secs();
				tracing::warn!(target: "thin", "publishing: {error}. Trying again in {seconds} s");
				self.not_before = Some(Instant::now() + self.pause);
				self.pause = (self.pause * 2).min(LONGEST_PAUSE);
			},
		}
	}

	/// As [`Self::step`], and says what failed.
	pub fn try_step(&mut self, finalized: u32) -> Result<(), DutyError> {
		// One snapshot that does not get on is no reason to leave the others.
		let mut result = Ok(());
		for index in 0..self.journal.get().published.len() {
			result = result.and(self.advance(index, finalized));
		}
		self.retire_old(finalized)?;
		if self.journal.get().to_clean {
			self.clean()?;
		}
		self.forget_ended()?;
		if self.is_due(finalized) {
			self.make()?;
			// Registered at once, not at the next block.
			let newest = self.journal.get().published.len().saturating_sub(1);
			self.advance(newest, finalized)?;
		}
		result
	}

	/// Whether a multiple of the period has passed since the newest snapshot.
	fn is_due(&self, finalized: u32) -> bool {
		let every = self.schedule.every.max(1);
		let last = self.journal.get().published.iter().map(|published| published.block).max();
		finalized / every > last.unwrap_or(0) / every
	}

	fn make(&mut self) -> Result<(), DutyError> {
		self.health.publishing(Phase::Making);
		let Made { id, header, block, image, uploaded_bytes } = self.workshop.make()?;
		self.health.publishing(Phase::Following);
		// The same block again: finality has not moved since, or the journal was lost.
		if self.journal.get().published.iter().any(|published| published.id == id) {
			return Ok(());
		}
		tracing::info!(target: "thin", ?id, block, uploaded_bytes, "Made a snapshot");
		self.health.publisher(|report| {
			report.made += 1;
			report.uploaded_bytes += uploaded_bytes;
			report.last_made = Some(now());
		});
		self.journal.change(|ledger| {
			// What could not be registered in a whole period never will be: the chain forgets the
			// hash of its block.
			for before in &mut ledger.published {
				if before.progress == Progress::Stored {
					before.progress = Progress::Ended;
					ledger.to_clean = true;
				}
			}
			ledger.published.push(Published {
				id,
				block,
				header,
				image,
				uploaded_bytes,
				progress: Progress::Stored,
				submitted_at: None,
			})
		})
	}

	/// Takes one snapshot as far as it goes now.
	fn advance(&mut self, index: usize, finalized: u32) -> Result<(), DutyError> {
		let Some(published) = self.journal.get().published.get(index).cloned() else {
			return Ok(());
		};
		if published.progress == Progress::Ended {
			return Ok(());
		}
		let registered = self.registry.snapshot(published.id)?;
		let certified_at = registered.as_ref().map_or(0, |registered| registered.certified_at);
		let reached = match registered.map(|registered| registered.stage) {
			None if published.progress == Progress::Stored => {
				let Published { header, image, .. } = published.clone();
				let locations = self.schedule.locations.clone();
				return self.submit_once(
					index,
					finalized,
					Call::Register { header, image, locations },
				);
			},
			// It was there, and has been cleaned up.
			None => Progress::Ended,
			Some(Stage::Retired | Stage::Fraudulent) => Progress::Ended,
			Some(Stage::Pending | Stage::Disputed) => match published.progress {
				Progress::Stored => Progress::Registered,
				before => before,
			},
			Some(Stage::Certified) if published.progress != Progress::Proven => {
				if published.progress != Progress::Certified {
					self.reach(index, Progress::Certified)?;
				}
				self.health.publishing(Phase::Proving);
				let proven = self.workshop.prove(published.id, certified_at)?;
				self.health.publishing(Phase::Following);
				match proven {
					true => Progress::Proven,
					false => Progress::Certified,
				}
			},
			Some(Stage::Certified) => Progress::Proven,
		};
		self.reach(index, reached)
	}

	fn reach(&mut self, index: usize, progress: Progress) -> Result<(), DutyError> {
		let Some(published) = self.journal.get().published.get(index) else { return Ok(()) };
		if published.progress == progress {
			return Ok(());
		}
		let (id, block) = (published.id, published.block);
		tracing::info!(target: "thin", ?id, block, ?progress, "A published snapshot went on");
		self.health.publisher(|report| match progress {
			Progress::Registered => report.registered += 1,
			Progress::Certified => report.certified += 1,
			Progress::Ended => report.ended += 1,
			Progress::Stored | Progress::Proven => {},
		});
		self.journal.change(|ledger| {
			ledger.published[index].progress = progress;
			ledger.published[index].submitted_at = None;
			ledger.to_clean |= progress == Progress::Ended;
		})
	}

	/// Submits a call unless the one before may still take effect.
	fn submit_once(
		&mut self,
		index: usize,
		finalized: u32,
		call: Call<Header>,
	) -> Result<(), DutyError> {
		let before = self.journal.get().published[index].submitted_at;
		if before.is_some_and(|before| finalized < before.saturating_add(VALID_FOR)) {
			return Ok(());
		}
		self.registry.submit(call)?;
		self.journal.change(|ledger| ledger.published[index].submitted_at = Some(finalized))
	}

	fn retire_old(&mut self, finalized: u32) -> Result<(), DutyError> {
		let Some(keep) = self.schedule.keep else { return Ok(()) };
		let done = |published: &Published<Header>| published.progress == Progress::Proven;
		let proven = self.journal.get().published.iter().filter(|p| done(p)).count();
		let mut surplus = proven.saturating_sub(keep);
		for index in 0..self.journal.get().published.len() {
			let published = &self.journal.get().published[index];
			if surplus > 0 && done(published) {
				let id = published.id;
				self.submit_once(index, finalized, Call::Retire(id))?;
				surplus -= 1;
			}
		}
		Ok(())
	}

	fn clean(&mut self) -> Result<(), DutyError> {
		let published = self.journal.get().published.iter();
		let mut keep: Vec<H256> = published
			.filter(|published| published.progress != Progress::Ended)
			.map(|published| published.image.image)
			.collect();
		// One of ours may have been given up, and be registered after all.
		for id in self.registry.open()? {
			keep.extend(self.registry.snapshot(id)?.map(|registered| registered.manifest.image));
		}
		self.health.publishing(Phase::Cleaning);
		let removed = self.workshop.clean(&keep)?;
		self.health.publisher(|report| {
			report.pulse.phase = Phase::Following;
			report.removed_bytes += removed;
		});
		self.journal.change(|ledger| ledger.to_clean = false)
	}

	/// What is over leaves the journal, but for the newest: it says when the next one is due.
	fn forget_ended(&mut self) -> Result<(), DutyError> {
		let newest = self.journal.get().published.iter().map(|published| published.block).max();
		let over = |published: &Published<Header>| {
			published.progress == Progress::Ended && Some(published.block) != newest
		};
		if !self.journal.get().published.iter().any(over) {
			return Ok(());
		}
		self.journal.change(|ledger| ledger.published.retain(|published| !over(published)))
	}
}

#[cfg(test)]
mod tests;
