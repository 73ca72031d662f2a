//! What a node requires of a registration.

use super::{ProvenRegistration, Registration, Standing};
use pallet_snapshots::SnapshotId;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How old a proof may be when nothing else is said: a week, since proofs in stores are renewed
/// now and then only.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// From this age on a proof is used, and talked about.
const NOTABLE_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// How far the chain's time may be ahead of this machine's.
const MOST_AHEAD: Duration = Duration::from_secs(60 * 60);

/// What a node requires of a registration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
	/// Take a snapshot that the quorum has not certified.
	pub allow_uncertified: bool,
	/// The least stake that can still be slashed for the snapshot.
	pub min_stake: u128,
	/// The least number of attesters that have such stake.
	pub min_attesters: u32,
	/// How old the proof may be. `None`: [`DEFAULT_MAX_AGE`], and no limit for a snapshot that
	/// may be uncertified.
	pub max_age: Option<Duration>,
}

/// Why a snapshot is proven, and refused all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
	/// Not certified, or no longer.
	#[error(
		"snapshot {id:?} is {standing} (as of block {block}: standing stake {stake} of {mature} \
		 mature, {attesters} attesters): {advice}"
	)]
	Standing {
		/// The snapshot.
		id: SnapshotId,
		/// How it stands.
		standing: Standing,
		/// As of when.
		block: u32,
		/// The stake behind it.
		stake: u128,
		/// All stake that counts.
		mature: u128,
		/// The attesters behind it.
		attesters: u32,
		/// What to do next.
		advice: &'static str,
	},
	/// Nobody has renewed it.
	#[error(
		"the registration of snapshot {id:?} ran out at block {expires_at}, and the proof is of \
		 block {block}: choose another snapshot, or ask its publisher to renew it"
	)]
	Expired {
		/// The snapshot.
		id: SnapshotId,
		/// The end of its term.
		expires_at: u64,
		/// As of when.
		block: u32,
	},
	/// Too little is at stake.
	#[error(
		"the standing stake of snapshot {id:?} is {stake} (as of block {block}), and \
		 --thin-min-stake asks for {wanted}: choose another snapshot, or ask for less"
	)]
	Stake {
		/// The snapshot.
		id: SnapshotId,
		/// The stake behind it.
		stake: u128,
		/// What is asked for.
		wanted: u128,
		/// As of when.
		block: u32,
	},
	/// Too few vouch for it.
	#[error(
		"{attesters} attesters have stake behind snapshot {id:?} (as of block {block}), and \
		 --thin-min-attesters asks for {wanted}: choose another snapshot, or ask for less"
	)]
	Attesters {
		/// The snapshot.
		id: SnapshotId,
		/// The attesters behind it.
		attesters: u32,
		/// What is asked for.
		wanted: u32,
		/// As of when.
		block: u32,
	},
	/// Much may have happened since.
	#[error(
		"the proof of snapshot {id:?} is of block {block}, {} old, and the most is {}: renew it \
		 (thin-node snapshot prove), give an RPC with --thin-proof ws://…, or allow more with \
		 --thin-max-age",
		words(*.age),
		words(*.most)
	)]
	TooOld {
		/// The snapshot.
		id: SnapshotId,
		/// As of when.
		block: u32,
		/// How long ago that is.
		age: Duration,
		/// What is allowed.
		most: Duration,
	},
	/// The age can't be told.
	#[error(
		"the proof of snapshot {id:?} is of block {block}, {} ahead of this machine's clock: set \
		 the clock",
		words(*.ahead)
	)]
	Ahead {
		/// The snapshot.
		id: SnapshotId,
		/// As of when.
		block: u32,
		/// How far ahead.
		ahead: Duration,
	},
}

/// A duration in its largest units.
pub fn words(duration: Duration) -> String {
	let seconds = duration.as_secs();
	match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
		(0, 0, 0, s) => format!("{s} s"),
		(0, 0, m, s) => format!("{m} min {s} s"),
		(0, h, m, _) => format!("{h} h {m} min"),
		(d, h, _, _) => format!("{d} days {h} h"),
	}
}

impl Policy {
	/// Refuses a registration that does not stand as required, by the clock of this machine.
	pub fn check(&self, proven: &ProvenRegistration) -> Result<(), PolicyError> {
		self.check_at(proven, SystemTime::now())
	}

	/// The same, by another clock.
	pub fn check_at(
		&self,
		proven: &ProvenRegistration,
		clock: SystemTime,
	) -> Result<(), PolicyError> {
		let (id, block, registration) = (proven.id(), proven.at().number, proven.registration());
		self.check_standing(proven, registration)?;
		if proven.is_expired() {
			return Err(PolicyError::Expired { id, expires_at: registration.expires_at, block });
		}
		if registration.standing_stake < self.min_stake {
			let (stake, wanted) = (registration.standing_stake, self.min_stake);
			return Err(PolicyError::Stake { id, stake, wanted, block });
		}
		if registration.standing_attesters < self.min_attesters {
			let (attesters, wanted) = (registration.standing_attesters, self.min_attesters);
			return Err(PolicyError::Attesters { id, attesters, wanted, block });
		}
		self.check_age(id, block, Duration::from_millis(registration.time), clock)
	}

	fn check_standing(
		&self,
		proven: &ProvenRegistration,
		registration: &Registration,
	) -> Result<(), PolicyError> {
		let advice = match registration.standing {
			Standing::Certified => return Ok(()),
			Standing::Pending if self.allow_uncertified => return Ok(()),
			Standing::Pending => {
				"wait until the quorum vouches for it, or say --thin-allow-uncertified"
			},
			Standing::Disputed => "wait for the verdict, or choose another snapshot",
			Standing::Retired | Standing::Fraudulent => "choose another snapshot",
		};
		Err(PolicyError::Standing {
			id: proven.id(),
			standing: registration.standing,
			block: proven.at().number,
			stake: registration.standing_stake,
			mature: registration.mature_stake,
			attesters: registration.standing_attesters,
			advice,
		})
	}

	fn check_age(
		&self,
		id: SnapshotId,
		block: u32,
		time: Duration,
		clock: SystemTime,
	) -> Result<(), PolicyError> {
		let now = clock.duration_since(UNIX_EPOCH).unwrap_or_default();
		if let Some(ahead) = time.checked_sub(now).filter(|ahead| *ahead > MOST_AHEAD) {
			return Err(PolicyError::Ahead { id, block, ahead });
		}
		let age = now.saturating_sub(time);
		let most = self.max_age.unwrap_or(DEFAULT_MAX_AGE);
		if age > most && (self.max_age.is_some() || !self.allow_uncertified) {
			return Err(PolicyError::TooOld { id, block, age, most });
		}
		if age > NOTABLE_AGE {
			tracing::warn!(
				target: "thin",
				"The proof of the registration is {} old: what has happened since (a dispute, \
				 a slash) this node can't know.",
				words(age),
			);
		}
		Ok(())
	}
}
