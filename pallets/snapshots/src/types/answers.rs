//! What the runtime API and the view functions answer.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;

use super::{Attestation, Dispute, Location, Maturing, Snapshot, SnapshotId, Unlocking, Vouch};

/// The most snapshots in one answer, whatever limit was asked for.
pub const MAX_PAGE: u32 = 256;

/// A snapshot in a list.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Entry<AccountId, Balance, BlockNumber> {
	/// The snapshot id.
	pub id: SnapshotId,
	/// The record.
	pub snapshot: Snapshot<AccountId, Balance, BlockNumber>,
	/// Where the chunks are stored.
	pub locations: Vec<Location>,
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Page<AccountId, Balance, BlockNumber> {
	/// The snapshots of this part.
	pub entries: Vec<Entry<AccountId, Balance, BlockNumber>>,
	/// Where to go on, or `None` at the end.
	pub next: Option<SnapshotId>,
}

/// All that is known about one snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Details<AccountId, Balance, BlockNumber> {
	/// The snapshot id.
	pub id: SnapshotId,
	/// The record.
	pub snapshot: Snapshot<AccountId, Balance, BlockNumber>,
	/// Where the chunks are stored.
	pub locations: Vec<Location>,
	/// Who vouches for it.
	pub attestations: Vec<(AccountId, Attestation<Balance, BlockNumber>)>,
	/// The stake that can still be slashed for it: less than `snapshot.attested` when somebody who
	/// vouches was slashed for something else.
	pub standing_stake: Balance,
	/// The stake that a pending snapshot of its kind needs now.
	pub required_stake: Balance,
	/// The open dispute.
	pub dispute: Option<Dispute<AccountId, Balance, BlockNumber>>,
	/// What is promised to those who attest.
	pub reward: Balance,
	/// Whether its term is over.
	pub expired: bool,
}

/// The standing of an attester.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct AttesterInfo<Balance, BlockNumber> {
	/// What is bonded, mature or not.
	pub bonded: Balance,
	/// What of it counts now.
	pub matured: Balance,
	/// What of it doesn't count yet.
	pub maturing: Vec<Maturing<Balance, BlockNumber>>,
	/// What is on its way out.
	pub unlocking: Vec<Unlocking<Balance, BlockNumber>>,
	/// What of that could be withdrawn now.
	pub withdrawable: Balance,
	/// What the attester vouches for.
	pub vouches: Vec<Vouch<BlockNumber>>,
}
