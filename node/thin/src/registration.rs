//! Standing: what a registry says of a snapshot.
//!
//! A registration tells where the image lies and who vouches for it. It is no source of truth
//! about the chain: that is [`crate::proof`]'s. The registry is asked through [`Registry`], so
//! that a registration proven from genesis can take the place of one an RPC claims.

mod rpc;

pub use rpc::RpcRegistry;

use pallet_snapshots::{Location, Manifest, SnapshotId};

/// Why there is no registration to go by.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
	/// The registry can't be asked.
	#[error("the registry {registry} can't be asked: {reason}")]
	Unreachable {
		/// Where it was looked for.
		registry: String,
		/// The cause.
		reason: String,
	},
	/// The registry is of another chain.
	#[error(
		"{registry} is a node of the chain with genesis {theirs}, and this node's chain spec has \
		 genesis {ours}: give the RPC of a node of the same chain to --thin-proof"
	)]
	OtherChain {
		/// Where it was looked for.
		registry: String,
		/// Its genesis.
		theirs: String,
		/// Ours.
		ours: String,
	},
	/// There is no such snapshot.
	#[error(
		"no snapshot {id:?} is registered at {registry} (as of its finalized block {block}): \
		 check the id, or wait until the registration is final"
	)]
	Unknown {
		/// What was asked for.
		id: SnapshotId,
		/// Who was asked.
		registry: String,
		/// As of when.
		block: String,
	},
	/// The answer makes no sense.
	#[error("{registry} gave an unusable answer: {reason}")]
	Malformed {
		/// Who was asked.
		registry: String,
		/// What is wrong with it.
		reason: String,
	},
	/// The snapshot does not stand as this node requires.
	#[error("snapshot {id:?} is {status} (stake {stake}, {attesters} attesters): {advice}")]
	Refused {
		/// The snapshot.
		id: SnapshotId,
		/// How it stands.
		status: String,
		/// What vouches for it.
		stake: String,
		/// How many vouch for it.
		attesters: u32,
		/// What to do next.
		advice: &'static str,
	},
}

/// How a snapshot stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
	/// The quorum vouches for it, and nobody disputes it.
	Certified,
	/// It waits for attestations.
	Pending,
	/// Disputed, retired or found wrong: the word for it.
	Ended(&'static str),
}

/// What a registry says of a snapshot.
#[derive(Clone, Debug)]
pub struct Registration {
	/// What the snapshot is.
	pub manifest: Manifest,
	/// Where the image lies.
	pub locations: Vec<Location>,
	/// How it stands.
	pub standing: Standing,
	/// The stake that vouches for it, in the chain's smallest unit.
	pub stake: u128,
	/// How many attesters vouch for it.
	pub attesters: u32,
}

/// A source of registrations.
pub trait Registry {
	/// The registration of a snapshot.
	fn registration(&self, id: SnapshotId) -> Result<Registration, RegistrationError>;
}

/// What a node requires of a registration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
	/// Take a snapshot that the quorum has not certified.
	pub allow_uncertified: bool,
}

impl Policy {
	/// Refuses a registration that does not stand as required.
	pub fn check(
		&self,
		id: SnapshotId,
		registration: &Registration,
	) -> Result<(), RegistrationError> {
		let refuse = |status: &str, advice| {
			Err(RegistrationError::Refused {
				id,
				status: status.to_owned(),
				stake: registration.stake.to_string(),
				attesters: registration.attesters,
				advice,
			})
		};
		match registration.standing {
			Standing::Certified => Ok(()),
			Standing::Pending if self.allow_uncertified => Ok(()),
			Standing::Pending => refuse(
				"not certified yet",
				"wait until the quorum vouches for it, or say --thin-allow-uncertified",
			),
			Standing::Ended(status) => refuse(status, "choose another snapshot"),
		}
	}
}
