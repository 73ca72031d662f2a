//! The registry of snapshots, as a duty sees it: the port, and nothing of a runtime.

use super::DutyError;
use pallet_snapshots::{ImageInfo, Location, Manifest, SnapshotId, Status};
use sp_core::H256;

/// A call that a duty makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call<Header> {
	/// `register(header, image, locations)`.
	Register {
		/// Header N.
		header: Header,
		/// What was packed.
		image: ImageInfo,
		/// Where it lies.
		locations: Vec<Location>,
	},
	/// `register_foreign(manifest, locations)`: of a chain that has no registry.
	RegisterForeign {
		/// What it is.
		manifest: Manifest,
		/// Where it lies.
		locations: Vec<Location>,
	},
	/// `retire(id)`.
	Retire(SnapshotId),
	/// `attest(id)`.
	Attest(SnapshotId),
	/// `dispute(id, evidence)`.
	Dispute {
		/// The snapshot.
		id: SnapshotId,
		/// The hash of the report.
		evidence: H256,
	},
}

/// Where a snapshot is in its life, as far as a duty cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
	/// It waits for attestations.
	Pending,
	/// The quorum vouches for it.
	Certified,
	/// A dispute is open.
	Disputed,
	/// Its publisher ended it.
	Retired,
	/// It was found wrong.
	Fraudulent,
}

impl<BlockNumber> From<&Status<BlockNumber>> for Stage {
	fn from(status: &Status<BlockNumber>) -> Self {
		match status {
			Status::Pending => Self::Pending,
			Status::Certified { .. } => Self::Certified,
			Status::Disputed { .. } => Self::Disputed,
			Status::Retired { .. } => Self::Retired,
			Status::Fraudulent { .. } => Self::Fraudulent,
		}
	}
}

/// A snapshot in the registry.
#[derive(Clone, Debug)]
pub struct Registered {
	/// Its id.
	pub id: SnapshotId,
	/// What it is.
	pub manifest: Manifest,
	/// Where it lies.
	pub locations: Vec<Location>,
	/// Where it is in its life.
	pub stage: Stage,
	/// The block in which it was certified; 0 while it is not.
	pub certified_at: u32,
	/// Whether the account of this node vouches for it.
	pub attested: bool,
}

/// The registry as of the last finalized block, and the way to change it.
pub trait Registry<Header>: Send + Sync {
	/// One snapshot, or `None` where it is not registered.
	fn snapshot(&self, id: SnapshotId) -> Result<Option<Registered>, DutyError>;

	/// The ids of all pending and certified snapshots of this chain.
	fn open(&self) -> Result<Vec<SnapshotId>, DutyError>;

	/// Why the account of this node can't attest now; `None` when it can.
	fn obstacle(&self) -> Result<Option<String>, DutyError>;

	/// Signs a call and hands it to the transaction pool. Whether it takes effect, the registry
	/// says later: the transaction is valid for [`VALID_FOR`] blocks.
	fn submit(&self, call: Call<Header>) -> Result<(), DutyError>;
}

/// How long a submitted call may still take effect, in blocks. A power of two, as eras are.
pub const VALID_FOR: u32 = 64;
