//! Standing: what a registry says of a snapshot.
//!
//! A registration tells where the image lies and who vouches for it. It is read from the state of
//! a finalized block of the registry's chain, with a proof: nobody's word is taken for it.

mod policy;
mod state;

pub use policy::{words as age_in_words, Policy, PolicyError, DEFAULT_MAX_AGE};
pub(crate) use state::time_key;
pub use state::{listed, read, RegistryLayout, State, StateError};

use crate::columns::BlockKey;
use pallet_snapshots::{Listed, Location, Manifest, SnapshotId};
use serde::Serialize;

/// How a snapshot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
	/// The quorum vouches for it, and nobody disputes it.
	Certified,
	/// It waits for attestations.
	Pending,
	/// Somebody says it is wrong, and the verdict is open.
	Disputed,
	/// Its publisher has ended it.
	Retired,
	/// It was found wrong.
	Fraudulent,
}

impl std::fmt::Display for Standing {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		formatter.write_str(match self {
			Self::Certified => "certified",
			Self::Pending => "not certified yet",
			Self::Disputed => "disputed",
			Self::Retired => "retired",
			Self::Fraudulent => "found wrong",
		})
	}
}

/// What the state of the registry's chain says of a snapshot, as of one block.
///
/// Stake is in the chain's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
	/// What the snapshot is.
	pub manifest: Manifest,
	/// Whether the registry's chain compared the block with its own.
	pub native: bool,
	/// Where the image lies.
	pub locations: Vec<Location>,
	/// How it stands.
	pub standing: Standing,
	/// The block of the registration.
	pub registered_at: u64,
	/// From this block on its term is over.
	pub expires_at: u64,
	/// The stake of its attestations, each as it was when it was made.
	pub attested: u128,
	/// What of that can still be slashed.
	pub standing_stake: u128,
	/// How many attesters have some of it.
	pub standing_attesters: u32,
	/// All mature bonded stake of the registry.
	pub mature_stake: u128,
	/// The stake that was needed when it was certified; zero if it never was.
	pub quorum: u128,
	/// The certified snapshots of the same chain that are listed, newest block first.
	pub listed: Vec<Listed>,
	/// The time that the registry's chain had, in milliseconds since 1970.
	pub time: u64,
}

/// A registration that is in the state of a finalized block. Only verifying a proof makes one.
#[derive(Clone, Debug)]
pub struct ProvenRegistration {
	id: SnapshotId,
	registration: Registration,
	at: BlockKey,
	registry: [u8; 32],
}

impl ProvenRegistration {
	/// For [`crate::proof::SnapshotProof`] alone, which has checked it.
	pub(crate) fn new(
		id: SnapshotId,
		registration: Registration,
		at: BlockKey,
		registry: [u8; 32],
	) -> Self {
		Self { id, registration, at, registry }
	}

	/// The snapshot.
	pub fn id(&self) -> SnapshotId {
		self.id
	}

	/// What the registry says of it.
	pub fn registration(&self) -> &Registration {
		&self.registration
	}

	/// The finalized block of the registry's chain in whose state this is.
	pub fn at(&self) -> BlockKey {
		self.at.clone()
	}

	/// The genesis hash of the registry's chain.
	pub fn registry(&self) -> [u8; 32] {
		self.registry
	}

	/// Whether the term of the registration was over at that block.
	pub fn is_expired(&self) -> bool {
		u64::from(self.at.number) >= self.registration.expires_at
	}

	/// The listed snapshots of the same chain that stand at a newer block.
	pub fn newer(&self) -> Vec<SnapshotId> {
		let own = self.registration.manifest.block_number;
		let newer = self.registration.listed.iter().filter(|listed| listed.block_number > own);
		newer.map(|listed| listed.id).collect()
	}
}

#[cfg(test)]
mod tests;
