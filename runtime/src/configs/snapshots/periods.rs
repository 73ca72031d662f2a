//! The periods of `Snapshots`.
//!
//! They lie in storage, so that a test chain can have periods of seconds in its chain spec and
//! root can change them (`System::set_storage`). What isn't stored has the value written here.
//! The key of each is `twox_128(":" ++ name ++ ":")`, the value a block count as `u32`.
//! A production chain has no need of this: its constants change with its runtime.

use crate::{BlockNumber, MINUTES};
use frame_support::parameter_types;

parameter_types! {
	/// Long enough to be seen, short enough to wait for. Production: a day at least, so that
	/// stake can't be bought for one attestation.
	pub storage BondMaturity: BlockNumber = MINUTES / 2;
	/// How long those who vouch can be held to it. Production: a week, the time that somebody
	/// needs to notice, to download the image and to look.
	pub storage DisputeWindow: BlockNumber = 5 * MINUTES;
	/// How long a dispute waits for its verdict. Production: four weeks of a referendum.
	pub storage ResolutionPeriod: BlockNumber = 10 * MINUTES;
	/// Longer than the dispute window, so that stake can't leave before it can be slashed.
	/// Production: four weeks, as staking has it.
	pub storage UnbondingPeriod: BlockNumber = 10 * MINUTES;
}

/// What these are in storage. Without it, a benchmark would report them as keys that it doesn't
/// know, and could say nothing about the proofs of them.
#[cfg(feature = "runtime-benchmarks")]
pub fn storage_info() -> alloc::vec::Vec<frame_support::traits::StorageInfo> {
	use codec::MaxEncodedLen;
	[
		("BondMaturity", BondMaturity::key()),
		("DisputeWindow", DisputeWindow::key()),
		("ResolutionPeriod", ResolutionPeriod::key()),
		("UnbondingPeriod", UnbondingPeriod::key()),
		("SessionLength", crate::configs::SessionLength::key()),
	]
	.map(|(name, key)| frame_support::traits::StorageInfo {
		pallet_name: b"Periods".to_vec(),
		storage_name: name.as_bytes().to_vec(),
		prefix: key.to_vec(),
		max_values: Some(1),
		max_size: Some(BlockNumber::max_encoded_len() as u32),
	})
	.into()
}
