//! `--thin-attest`: audits each new snapshot, and vouches for it or disputes it.

use super::{
	health::{Health, Phase},
	journal::Journal,
	registry::{Call, Registered, Registry, Stage, VALID_FOR},
	DutyError,
};
use pallet_snapshots::{Manifest, SnapshotId};
use serde::{Deserialize, Serialize};
use sp_core::H256;
use std::{
	collections::HashMap,
	path::Path,
	sync::Arc,
	time::{Duration, Instant},
};

/// After an audit that came to no end, the snapshot is left alone for this long, and then for
/// ever longer.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
	/// The snapshot is right and complete.
	Right,
	/// It is not. What is wrong, in a sentence, and the hash of the report that was written.
	Wrong {
		/// The first fault.
		reason: String,
		/// The hash of the report.
		evidence: H256,
	},
}

/// Checks a snapshot completely.
///
/// An error says nothing about the snapshot: a store may have been away.
pub trait Auditor: Send {
	/// Audits a snapshot. May take hours.
	fn audit(&mut self, snapshot: &Registered) -> Result<Finding, DutyError>;
}

/// What an attester takes on.
#[derive(Clone, Debug)]
pub struct Rules {
	/// Nothing larger than this is audited, in bytes of the image's files.
	pub max_size: Option<u64>,
	/// The most bytes that are fetched in a second. One snapshot is audited at a time.
	pub rate: Option<u64>,
	/// Say what would be done, and do nothing.
	pub dry_run: bool,
}

/// What an attester has found about a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
pub enum Opinion {
	/// Right: it is vouched for.
	Right,
	/// Wrong: it is disputed.
	Wrong {
		/// The first fault.
		reason: String,
		/// The hash of the report.
		evidence: H256,
	},
	/// Right, and beside another image of its block that this node vouches for: nothing is done.
	Twin,
}

impl Opinion {
	/// Whether the registry shows the effect of the call that it asks for.
	fn shows_in(&self, snapshot: &Registered) -> bool {
		match self {
			Self::Right => snapshot.attested,
			Self::Wrong { .. } => matches!(snapshot.stage, Stage::Disputed | Stage::Fraudulent),
			Self::Twin => true,
		}
	}
}

/// A snapshot that was audited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
	/// What it is.
	pub manifest: Manifest,
	/// What was found.
	pub opinion: Opinion,
	/// The finalized block at which the last call about it was submitted.
	pub submitted_at: Option<u32>,
	/// Whether the call took effect.
	pub done: bool,
	/// Whether it never will: the snapshot was over before.
	#[serde(default)]
	pub void: bool,
}

/// What an attester remembers. It is never forgotten: two contradicting attestations cost the bond.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
	/// Every snapshot that was audited to the end.
	pub audited: std::collections::BTreeMap<SnapshotId, Audited>,
}

/// The duty.
pub struct Attester<Header> {
	rules: Rules,
	journal: Journal<Ledger>,
	registry: Arc<dyn Registry<Header>>,
	auditor: Box<dyn Auditor>,
	paused: HashMap<SnapshotId, (Instant, Duration)>,
	told: HashMap<SnapshotId, String>,
	health: Health,
}

impl<Header> Attester<Header> {
	/// An attester that goes on with what the journal in `folder` says.
	pub fn open(
		folder: &Path,
		rules: Rules,
		registry: Arc<dyn Registry<Header>>,
		auditor: Box<dyn Auditor>,
	) -> Result<Self, DutyError> {
		let journal = Journal::open(&folder.join("attester.json"))?;
		let (paused, told, health) = (HashMap::new(), HashMap::new(), Health::default());
		Ok(Self { rules, journal, registry, auditor, paused, told, health })
	}

	/// Says there how it is doing.
	pub fn reporting_to(mut self, health: Health) -> Self {
		health.attester(|report| report.dry_run = self.rules.dry_run);
		self.health = health;
		self
	}

	/// What was found so far.
	pub fn ledger(&self) -> &Ledger {
		self.journal.get()
	}

	/// Does what is to be done at this finalized block. A failure is logged, and tried again.
	pub fn step(&mut self, finalized: u32) {
		let result = self.try_step(finalized);
		self.health.attested(&result, self.journal.get());
		if let Err(error) = result {
			tracing::warn!(target: "thin", "attesting: {error}");
		}
	}

	/// As [`Self::step`], and says what failed. At most one snapshot is audited in one step, so
	/// that what was found before is acted upon first.
	pub fn try_step(&mut self, finalized: u32) -> Result<(), DutyError> {
		let mut candidates = Vec::new();
		let open = self.registry.open()?;
		self.paused.retain(|id, _| open.contains(id));
		self.told.retain(|id, _| open.contains(id));
		for id in open.iter().copied() {
			let Some(snapshot) = self.registry.snapshot(id)? else { continue };
			match self.journal.get().audited.get(&id) {
				Some(audited) if audited.done => {},
				Some(audited) => {
					let audited = audited.clone();
					self.follow_up(&snapshot, audited, finalized)?;
				},
				None if self.is_paused(id) => {},
				None => candidates.push(snapshot),
			}
		}
		self.settle_others(&open)?;
		// The newest is what others start from.
		candidates.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.manifest.block_number));
		for snapshot in candidates {
			if let Some(reason) = self.reason_to_skip(&snapshot) {
				self.tell(snapshot.id, reason);
				continue;
			}
			if let Some(obstacle) = self.registry.obstacle()?.filter(|_| !self.rules.dry_run) {
				self.tell(snapshot.id, obstacle);
				continue;
			}
			return self.audit(&snapshot, finalized);
		}
		Ok(())
	}

	/// What is no longer open, because it is disputed or over, shows whether a call took effect.
	fn settle_others(&mut self, open: &[SnapshotId]) -> Result<(), DutyError> {
		let unsettled = self
			.journal
			.get()
			.audited
			.iter()
			.filter(|(id, audited)| !audited.done && !audited.void && !open.contains(id));
		let unsettled: Vec<_> =
			unsettled.map(|(id, audited)| (*id, audited.opinion.clone())).collect();
		for (id, opinion) in unsettled {
			match self.registry.snapshot(id)? {
				Some(snapshot) if opinion.shows_in(&snapshot) => {
					self.update(id, |audited| audited.done = true)?;
				},
				None => self.update(id, |audited| audited.void = true)?,
				Some(snapshot) if matches!(snapshot.stage, Stage::Retired | Stage::Fraudulent) => {
					self.update(id, |audited| audited.void = true)?;
				},
				// A dispute of somebody else's may be dismissed, and then it is open again.
				Some(_) => {},
			}
		}
		Ok(())
	}

	fn is_paused(&self, id: SnapshotId) -> bool {
		self.paused.get(&id).is_some_and(|(until, _)| Instant::now() < *until)
	}

	/// Says once why a snapshot is left alone.
	fn tell(&mut self, id: SnapshotId, reason: String) {
		if self.told.get(&id) != Some(&reason) {
			tracing::info!(target: "thin", ?id, "Not attesting a snapshot: {reason}");
			self.told.insert(id, reason);
		}
	}

	fn reason_to_skip(&self, snapshot: &Registered) -> Option<String> {
		let size = snapshot.manifest.logical_size;
		let most = self.rules.max_size.filter(|most| size > *most)?;
		Some(format!("its {size} bytes are more than the {most} to be audited"))
	}

	/// Whoever vouches for two images of one block loses the bond, whatever they hold. A wrong one
	/// may be disputed all the same.
	fn contradicted(&self, manifest: &Manifest) -> Option<String> {
		let audited = &self.journal.get().audited;
		let (other, _) = audited.iter().find(|(_, audited)| {
			audited.opinion == Opinion::Right && audited.manifest.contradicts(manifest)
		})?;
		Some(format!(
			"this node vouches for {other:?}, another image of the same block, and vouching for \
			 both is an equivocation"
		))
	}

	fn audit(&mut self, snapshot: &Registered, finalized: u32) -> Result<(), DutyError> {
		let id = snapshot.id;
		tracing::info!(target: "thin", ?id, block = snapshot.manifest.block_number, "Auditing a snapshot");
		self.health.attester(|report| {
			report.pulse.phase = Phase::Auditing;
			report.auditing = Some(format!("{id:?}"));
			report.last_block = Some(snapshot.manifest.block_number);
		});
		let finding = self.auditor.audit(snapshot);
		self.health.attester(|report| match &finding {
			Ok(_) => report.audits += 1,
			Err(_) => report.audits_failed += 1,
		});
		let finding = match finding {
			Ok(finding) => finding,
			Err(error) => {
				let before = self.paused.get(&id).map(|(_, pause)| *pause * 2);
				let pause = before.unwrap_or(FIRST_PAUSE).min(LONGEST_PAUSE);
				self.paused.insert(id, (Instant::now() + pause, pause));
				return Err(error);
			},
		};
		let opinion = match finding {
			Finding::Right => match self.contradicted(&snapshot.manifest) {
				Some(reason) => {
					self.tell(id, reason);
					Opinion::Twin
				},
				None => Opinion::Right,
			},
			Finding::Wrong { reason, evidence } => Opinion::Wrong { reason, evidence },
		};
		if self.rules.dry_run {
			self.tell(id, format!("this is a dry run. The audit found it {opinion:?}"));
			self.paused.insert(id, (Instant::now() + LONGEST_PAUSE, LONGEST_PAUSE));
			return Ok(());
		}
		let manifest = snapshot.manifest.clone();
		let audited = Audited { manifest, opinion, submitted_at: None, done: false, void: false };
		// Before the call: after a crash it is known what may have been vouched for.
		self.journal.change(|ledger| ledger.audited.insert(id, audited.clone()))?;
		self.follow_up(snapshot, audited, finalized)
	}

	/// Makes the call that an opinion asks for, until the registry shows its effect.
	fn follow_up(
		&mut self,
		snapshot: &Registered,
		audited: Audited,
		finalized: u32,
	) -> Result<(), DutyError> {
		let id = snapshot.id;
		if audited.opinion.shows_in(snapshot) {
			return self.update(id, |audited| audited.done = true);
		}
		let call = match &audited.opinion {
			Opinion::Right => Call::Attest(id),
			Opinion::Wrong { evidence, .. } => Call::Dispute { id, evidence: *evidence },
			Opinion::Twin => return Ok(()),
		};
		let before = audited.submitted_at;
		if before.is_some_and(|before| finalized < before.saturating_add(VALID_FOR)) {
			return Ok(());
		}
		match &audited.opinion {
			Opinion::Right => tracing::info!(target: "thin", ?id, "Vouching for a snapshot"),
			Opinion::Wrong { reason, evidence } => {
				tracing::warn!(target: "thin", ?id, ?evidence, "Disputing a snapshot: {reason}")
			},
			Opinion::Twin => {},
		}
		// Before the call, as above: it is better to wait in vain than to call twice.
		self.update(id, |audited| audited.submitted_at = Some(finalized))?;
		self.registry.submit(call)
	}

	fn update(
		&mut self,
		id: SnapshotId,
		change: impl FnOnce(&mut Audited),
	) -> Result<(), DutyError> {
		self.journal.change(|ledger| {
			if let Some(audited) = ledger.audited.get_mut(&id) {
				change(audited);
			}
		})
	}
}

#[cfg(test)]
mod tests;
