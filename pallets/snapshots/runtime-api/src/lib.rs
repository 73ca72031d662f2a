//! What a chain with `pallet-snapshots` answers about its snapshots.
//!
//! The runtime implements [`SnapshotsApi`] by calling the view functions of the pallet that have
//! the same names:
//!
//! ```ignore
//! impl pallet_snapshots_runtime_api::SnapshotsApi<Block, AccountId, Balance, BlockNumber>
//!     for Runtime
//! {
//!     fn certified(limit: u32) -> Vec<Entry<AccountId, Balance, BlockNumber>> {
//!         Snapshots::certified(limit)
//!     }
//!     // and so on
//! }
//! ```
//!
//! The answers come from the state of one block, unproven. A node that trusts nobody reads the
//! storage with a proof instead.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

use alloc::vec::Vec;

use codec::Codec;
pub use pallet_snapshots::{AttesterInfo, Details, Entry, Page, SnapshotId, MAX_PAGE};
use sp_core::H256;

sp_api::decl_runtime_apis! {
	/// What the chain knows about snapshots and attesters.
	pub trait SnapshotsApi<AccountId, Balance, BlockNumber>
	where
		AccountId: Codec,
		Balance: Codec,
		BlockNumber: Codec,
	{
		/// The certified snapshots of this chain, newest block first: at most `limit` and at most
		/// [`MAX_PAGE`].
		fn certified(limit: u32) -> Vec<Entry<AccountId, Balance, BlockNumber>>;

		/// The certified snapshots of the chain with this genesis hash, newest block first.
		fn certified_of(
			genesis_hash: H256,
			limit: u32,
		) -> Vec<Entry<AccountId, Balance, BlockNumber>>;

		/// The certified snapshot of this chain at the newest block.
		fn latest_certified() -> Option<Entry<AccountId, Balance, BlockNumber>>;

		/// Snapshots that wait for attestations, in the order of their ids. Ask again with the
		/// `next` of the answer until it is `None`.
		fn pending(
			after: Option<SnapshotId>,
			limit: u32,
		) -> Page<AccountId, Balance, BlockNumber>;

		/// All about one snapshot, with its attestations and its dispute.
		fn snapshot(id: SnapshotId) -> Option<Details<AccountId, Balance, BlockNumber>>;

		/// The standing of an attester.
		fn attester(who: AccountId) -> Option<AttesterInfo<Balance, BlockNumber>>;
	}
}
