//! The record of a snapshot, of an attestation and of a dispute.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_runtime::traits::AtLeast32BitUnsigned;

use super::{Manifest, SnapshotId};

/// How a snapshot came into the registry.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Origin {
	/// Of this chain: block number, hash and state root were checked against the chain itself.
	#[codec(index = 0)]
	Native,
	/// Of another chain: block number, hash and state root are what the publisher claims.
	#[codec(index = 1)]
	Foreign,
}

/// What a snapshot was before somebody disputed it.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Standing<BlockNumber> {
	/// It waited for attestations.
	#[codec(index = 0)]
	Pending,
	/// The quorum had vouched for it.
	#[codec(index = 1)]
	Certified {
		/// The block in which the quorum was reached.
		at: BlockNumber,
	},
	/// Its publisher had ended it.
	#[codec(index = 2)]
	Retired {
		/// The block in which it was retired.
		since: BlockNumber,
	},
}

/// Where a snapshot is in its life.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Status<BlockNumber> {
	/// It waits for attestations.
	#[codec(index = 0)]
	Pending,
	/// The quorum vouches for it.
	#[codec(index = 1)]
	Certified {
		/// The block in which the quorum was reached.
		at: BlockNumber,
	},
	/// Somebody says it is wrong, and the verdict is open. It does not count as certified.
	#[codec(index = 2)]
	Disputed {
		/// The block in which the dispute was opened.
		since: BlockNumber,
		/// What the snapshot becomes again when the dispute is dismissed.
		before: Standing<BlockNumber>,
	},
	/// Its publisher ended it. It can still be disputed while somebody vouches for it.
	#[codec(index = 3)]
	Retired {
		/// The block in which it was retired.
		since: BlockNumber,
	},
	/// It was found wrong. The record stays until it expires, so that nobody registers it again.
	#[codec(index = 4)]
	Fraudulent {
		/// The block of the verdict.
		since: BlockNumber,
	},
}

impl<BlockNumber> From<Standing<BlockNumber>> for Status<BlockNumber> {
	fn from(standing: Standing<BlockNumber>) -> Self {
		match standing {
			Standing::Pending => Self::Pending,
			Standing::Certified { at } => Self::Certified { at },
			Standing::Retired { since } => Self::Retired { since },
		}
	}
}

impl<BlockNumber: Copy> Status<BlockNumber> {
	/// Whether the quorum vouches for the snapshot and nobody disputes it.
	pub fn is_certified(&self) -> bool {
		matches!(self, Self::Certified { .. })
	}

	/// Whether a dispute is open.
	pub fn is_disputed(&self) -> bool {
		matches!(self, Self::Disputed { .. })
	}

	/// The status without a dispute, or `None` for a snapshot that was found wrong.
	pub fn standing(&self) -> Option<Standing<BlockNumber>> {
		match *self {
			Self::Pending => Some(Standing::Pending),
			Self::Certified { at } => Some(Standing::Certified { at }),
			Self::Retired { since } => Some(Standing::Retired { since }),
			Self::Disputed { before, .. } => Some(before),
			Self::Fraudulent { .. } => None,
		}
	}
}

/// The record of a registered snapshot.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Snapshot<AccountId, Balance, BlockNumber> {
	/// What the snapshot is. Its hash is the key of this record.
	pub manifest: Manifest,
	/// Who registered it, and has the deposit on hold.
	pub publisher: AccountId,
	/// Whether the chain itself checked the block.
	pub origin: Origin,
	/// The block of the registration.
	pub registered_at: BlockNumber,
	/// From this block on it may be cleaned up, unless the publisher renews it.
	pub expires_at: BlockNumber,
	/// Where it is in its life.
	pub status: Status<BlockNumber>,
	/// What the publisher has on hold for it.
	pub deposit: Balance,
	/// The stake of the attestations that stand, each as it was when it was made.
	pub attested: Balance,
	/// How many attestations stand.
	pub attesters: u32,
	/// The stake that was needed when it was certified; zero while it was not.
	pub quorum: Balance,
	/// The end of its dispute window: until this block those who vouch are bound. Zero while it
	/// was not certified.
	pub bound_until: BlockNumber,
}

impl<AccountId, Balance, BlockNumber> Snapshot<AccountId, Balance, BlockNumber>
where
	BlockNumber: AtLeast32BitUnsigned + Copy,
{
	/// The first block in which `attestation` may be withdrawn or cleaned up, or `None` while a
	/// dispute is open.
	///
	/// Zero (at once) while the snapshot was never certified: nobody relies on it yet.
	pub fn free_at<B>(
		&self,
		attestation: &Attestation<B, BlockNumber>,
		dispute_window: BlockNumber,
	) -> Option<BlockNumber> {
		if self.status.is_disputed() {
			return None;
		}
		if self.bound_until.is_zero() {
			return Some(BlockNumber::zero());
		}
		Some(self.bound_until.max(attestation.at.saturating_add(dispute_window)))
	}

	/// Whether the snapshot has outlived its registration at block `now`.
	pub fn is_expired(&self, now: BlockNumber) -> bool {
		now >= self.expires_at
	}
}

/// That an attester vouches for a snapshot.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Attestation<Balance, BlockNumber> {
	/// The matured bond of the attester when it vouched. This is what a slash is measured by.
	pub stake: Balance,
	/// The block of the attestation.
	pub at: BlockNumber,
}

/// That somebody says a snapshot is wrong.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Dispute<AccountId, Balance, BlockNumber> {
	/// Who opened it, and has the deposit on hold.
	pub reporter: AccountId,
	/// The hash of the evidence, which is published elsewhere.
	pub evidence: H256,
	/// What the reporter has on hold for it.
	pub deposit: Balance,
	/// The block in which it was opened.
	pub since: BlockNumber,
	/// Without a verdict the dispute lapses in this block.
	pub lapses_at: BlockNumber,
}

/// How a dispute ends.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Verdict {
	/// The snapshot is wrong: those who vouch for it and its publisher lose stake and deposit.
	#[codec(index = 0)]
	Fraudulent,
	/// The snapshot is not shown to be wrong: the reporter loses the deposit.
	#[codec(index = 1)]
	Dismissed,
}

/// Why an attestation no longer stands.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Withdrawal {
	/// The attester took it back.
	#[codec(index = 0)]
	ByAttester,
	/// An attester with more stake took its place.
	#[codec(index = 1)]
	Displaced,
	/// The snapshot was cleaned up.
	#[codec(index = 2)]
	CleanedUp,
	/// The attester was slashed for it.
	#[codec(index = 3)]
	Slashed,
}

/// One line of the list of certified snapshots.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Listed {
	/// The number of the block at which the snapshot stands.
	pub block_number: u64,
	/// The snapshot id.
	pub id: SnapshotId,
}
