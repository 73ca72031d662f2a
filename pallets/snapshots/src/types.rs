//! What the pallet stores and what its calls carry.
//!
//! Everything here is plain data without runtime types, so that a program outside the runtime can
//! decode the storage of any chain that has the pallet.

pub mod answers;
pub mod bond;
pub mod location;
pub mod manifest;
pub mod snapshot;

pub use answers::{AttesterInfo, Details, Entry, Page, MAX_PAGE};
pub use bond::{Bond, Maturing, Unlocking, Vouch, MATURITY_COHORTS, MATURITY_STEPS};
#[cfg(feature = "std")]
pub use location::ParseLocationError;
pub use location::{Address, DnsName, Location, LocationError, Namespace, DEFAULT_PORT};
pub use manifest::{Database, DatabaseKind, ImageInfo, Manifest, Pruning};
pub use snapshot::{
	Attestation, Dispute, Listed, Origin, Snapshot, Standing, Status, Verdict, Withdrawal,
};

/// Names a snapshot: the hash of its encoded manifest, by the hash function of the chain that
/// registers it.
pub type SnapshotId = sp_core::H256;
