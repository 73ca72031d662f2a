//! The bond of an attester.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	traits::{ConstU32, Get},
	BoundedVec, CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound,
};
use scale_info::TypeInfo;
use sp_runtime::traits::AtLeast32BitUnsigned;

use super::SnapshotId;

/// Into how many steps the maturity period is divided: what is bonded within one step matures
/// together, so that the stake that is not mature yet can be told from a short list.
pub const MATURITY_STEPS: u32 = 8;

/// The most dates of maturity that can lie ahead at one time.
pub const MATURITY_COHORTS: u32 = MATURITY_STEPS + 2;

/// A part of a bond that is too young to count.
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
pub struct Maturing<Balance, BlockNumber> {
	/// The first block in which it counts.
	pub at: BlockNumber,
	/// How much.
	pub value: Balance,
}

/// A part of a bond that is on its way out. It no longer counts, and can still be slashed.
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
pub struct Unlocking<Balance, BlockNumber> {
	/// How much.
	pub value: Balance,
	/// The block in which it was unbonded. It backs every attestation made until then.
	pub since: BlockNumber,
	/// The end of the unbonding period.
	pub free_at: BlockNumber,
}

/// A snapshot that an attester vouches for.
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
pub struct Vouch<BlockNumber> {
	/// The snapshot id.
	pub snapshot: SnapshotId,
	/// The block of the attestation.
	pub at: BlockNumber,
}

/// The bond of an attester: what it has on hold, and what that vouches for.
#[derive(
	CloneNoBound,
	PartialEqNoBound,
	EqNoBound,
	DebugNoBound,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[scale_info(skip_type_params(MaxUnlocking, MaxVouches))]
#[codec(mel_bound(Balance: MaxEncodedLen, BlockNumber: MaxEncodedLen))]
pub struct Bond<Balance, BlockNumber, MaxUnlocking, MaxVouches>
where
	Balance: Clone + PartialEq + Eq + core::fmt::Debug,
	BlockNumber: Clone + PartialEq + Eq + core::fmt::Debug,
	MaxUnlocking: Get<u32>,
	MaxVouches: Get<u32>,
{
	/// What is bonded: mature or not, without what is unlocking.
	pub bonded: Balance,
	/// The parts of `bonded` that may still be too young to count, by date, earliest first.
	pub maturing: BoundedVec<Maturing<Balance, BlockNumber>, ConstU32<MATURITY_COHORTS>>,
	/// What is on its way out, oldest first.
	pub unlocking: BoundedVec<Unlocking<Balance, BlockNumber>, MaxUnlocking>,
	/// What the attester vouches for, oldest first.
	pub vouches: BoundedVec<Vouch<BlockNumber>, MaxVouches>,
}

impl<Balance, BlockNumber, MaxUnlocking, MaxVouches> Default
	for Bond<Balance, BlockNumber, MaxUnlocking, MaxVouches>
where
	Balance: AtLeast32BitUnsigned + Copy + core::fmt::Debug,
	BlockNumber: Copy + Eq + core::fmt::Debug,
	MaxUnlocking: Get<u32>,
	MaxVouches: Get<u32>,
{
	fn default() -> Self {
		Self {
			bonded: Balance::zero(),
			maturing: BoundedVec::new(),
			unlocking: BoundedVec::new(),
			vouches: BoundedVec::new(),
		}
	}
}

impl<Balance, BlockNumber, MaxUnlocking, MaxVouches>
	Bond<Balance, BlockNumber, MaxUnlocking, MaxVouches>
where
	Balance: AtLeast32BitUnsigned + Copy + core::fmt::Debug,
	BlockNumber: Ord + Copy + core::fmt::Debug,
	MaxUnlocking: Get<u32>,
	MaxVouches: Get<u32>,
{
	/// All that is on hold, and can be slashed.
	pub fn held(&self) -> Balance {
		self.unlocking.iter().fold(self.bonded, |sum, part| sum.saturating_add(part.value))
	}

	/// What counts at block `now`: bonded long enough, and not on its way out.
	pub fn matured(&self, now: BlockNumber) -> Balance {
		without_young(&self.maturing, now, self.bonded)
	}

	/// Whether `part` of what is unlocking may leave at block `now`: the unbonding period is over
	/// and nothing stands that was vouched for before it was unbonded.
	pub fn may_leave(&self, part: &Unlocking<Balance, BlockNumber>, now: BlockNumber) -> bool {
		// An attestation of the block of the unbonding may have been made before it.
		part.free_at <= now && self.vouches.iter().all(|vouch| vouch.at > part.since)
	}

	/// Whether this snapshot is among those vouched for.
	pub fn vouches_for(&self, snapshot: &SnapshotId) -> bool {
		self.vouches.iter().any(|vouch| vouch.snapshot == *snapshot)
	}

	/// Whether nothing is left that the record is needed for.
	pub fn is_over(&self) -> bool {
		self.bonded.is_zero() && self.unlocking.is_empty() && self.vouches.is_empty()
	}
}

/// `total` without the parts that are not mature at block `now`.
pub(crate) fn without_young<Balance, BlockNumber>(
	maturing: &[Maturing<Balance, BlockNumber>],
	now: BlockNumber,
	total: Balance,
) -> Balance
where
	Balance: AtLeast32BitUnsigned + Copy,
	BlockNumber: Ord + Copy,
{
	maturing
		.iter()
		.filter(|part| part.at > now)
		.fold(total, |left, part| left.saturating_sub(part.value))
}

/// Adds `value` to what matures at block `at`, in order of the dates. The error says that as many
/// dates lie ahead as there can be, which takes a chain that has changed its period of maturity.
pub(crate) fn add_young<Balance, BlockNumber>(
	maturing: &mut BoundedVec<Maturing<Balance, BlockNumber>, ConstU32<MATURITY_COHORTS>>,
	at: BlockNumber,
	value: Balance,
) -> Result<(), Balance>
where
	Balance: AtLeast32BitUnsigned + Copy,
	BlockNumber: Ord + Copy,
{
	// From the end: without such a change, the date is the last one or comes after it.
	let place = maturing.iter().rposition(|part| part.at <= at);
	match place.and_then(|index| maturing.get_mut(index)) {
		Some(part) if part.at == at => part.value = part.value.saturating_add(value),
		_ => {
			let index = place.map_or(0, |index| index.saturating_add(1));
			maturing.try_insert(index, Maturing { at, value }).map_err(|_| value)?;
		},
	}
	Ok(())
}
