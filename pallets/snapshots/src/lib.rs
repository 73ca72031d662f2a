#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

extern crate alloc;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub mod types;
pub mod weights;

mod attestations;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bonds;
mod config;
mod disputes;
mod errors;
mod events;
mod expiry;
mod invariants;
mod queries;
mod registry;
mod rewards;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use frame_support::{
	pallet_macros::import_section,
	traits::{
		fungible::{Credit, Inspect},
		Get,
	},
};
use frame_system::pallet_prelude::BlockNumberFor;

/// The balances of the chain.
pub type BalanceOf<T> =
	<<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;

/// What was slashed, on its way to [`Config::Slash`].
pub type CreditOf<T> = Credit<<T as frame_system::Config>::AccountId, <T as Config>::Currency>;

/// The record of a snapshot as this chain stores it.
pub type SnapshotOf<T> =
	Snapshot<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;

/// An attestation as this chain stores it.
pub type AttestationOf<T> = Attestation<BalanceOf<T>, BlockNumberFor<T>>;

/// A bond as this chain stores it.
pub type BondOf<T> =
	Bond<BalanceOf<T>, BlockNumberFor<T>, <T as Config>::MaxUnlocking, <T as Config>::MaxVouches>;

/// A dispute as this chain stores it.
pub type DisputeOf<T> =
	Dispute<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;

/// A snapshot in a list, with the types of this chain.
pub type EntryOf<T> =
	Entry<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;

/// A part of a list, with the types of this chain.
pub type PageOf<T> = Page<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;

/// All about one snapshot, with the types of this chain.
pub type DetailsOf<T> =
	Details<<T as frame_system::Config>::AccountId, BalanceOf<T>, BlockNumberFor<T>>;

#[import_section(config::config)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use alloc::{boxed::Box, vec::Vec};
	use frame_support::{
		pallet_prelude::*,
		traits::{
			fungible::{BalancedHold, MutateHold},
			OnUnbalanced,
		},
	};
	use frame_system::pallet_prelude::*;
	use sp_core::H256;
	use sp_runtime::Perbill;

	/// The layout of the storage.
	pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// The pallet.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Why the pallet has funds on hold.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The bond of an attester. It can be slashed.
		#[codec(index = 0)]
		AttesterBond,
		/// The deposit of a publisher. It is given back when the snapshot has ended.
		#[codec(index = 1)]
		SnapshotDeposit,
		/// The deposit of somebody who disputes a snapshot. It is lost if the dispute is dismissed.
		#[codec(index = 2)]
		DisputeDeposit,
		/// What a publisher has promised to those who attest.
		#[codec(index = 3)]
		AttesterReward,
	}

	/// Every registered snapshot, by its id.
	///
	/// Key: the id as it is (`Identity`), since it is the output of a hash function already.
	#[pallet::storage]
	pub type Snapshots<T: Config> = StorageMap<_, Identity, SnapshotId, SnapshotOf<T>, OptionQuery>;

	/// Where the chunks of a snapshot are stored, by the snapshot id (`Identity`).
	#[pallet::storage]
	pub type Locations<T: Config> =
		StorageMap<_, Identity, SnapshotId, BoundedVec<Location, T::MaxLocations>, ValueQuery>;

	/// Who vouches for a snapshot: snapshot id (`Identity`), account (`Blake2_128Concat`).
	#[pallet::storage]
	pub type Attestations<T: Config> = StorageDoubleMap<
		_,
		Identity,
		SnapshotId,
		Blake2_128Concat,
		T::AccountId,
		AttestationOf<T>,
		OptionQuery,
	>;

	/// The bond of every attester, by account (`Blake2_128Concat`).
	#[pallet::storage]
	pub type Attesters<T: Config> =
		StorageMap<_, Blake2_128Concat, T::AccountId, BondOf<T>, OptionQuery>;

	/// All that is bonded, mature or not, without what is unlocking.
	#[pallet::storage]
	pub type TotalBonded<T: Config> = StorageValue<_, BalanceOf<T>, ValueQuery>;

	/// The parts of [`TotalBonded`] that may still be too young to count, by date, earliest first.
	#[pallet::storage]
	pub type TotalMaturing<T: Config> = StorageValue<
		_,
		BoundedVec<Maturing<BalanceOf<T>, BlockNumberFor<T>>, ConstU32<MATURITY_COHORTS>>,
		ValueQuery,
	>;

	/// The open dispute of a snapshot, by the snapshot id (`Identity`).
	#[pallet::storage]
	pub type Disputes<T: Config> = StorageMap<_, Identity, SnapshotId, DisputeOf<T>, OptionQuery>;

	/// The certified snapshots of a chain, newest block first, by genesis hash
	/// (`Blake2_128Concat`, since anybody may name a genesis hash).
	///
	/// Has the newest ones only: what was pushed out by [`Config::MaxListed`] newer ones stays
	/// certified and is found by its id.
	#[pallet::storage]
	pub type Certified<T: Config> =
		StorageMap<_, Blake2_128Concat, H256, BoundedVec<Listed, T::MaxListed>, ValueQuery>;

	/// What the publisher has on hold as a reward for those who attest, by snapshot id
	/// (`Identity`).
	#[pallet::storage]
	pub type Rewards<T: Config> = StorageMap<_, Identity, SnapshotId, BalanceOf<T>, ValueQuery>;

	/// The snapshot at which the hook that cleans up has arrived.
	#[pallet::storage]
	pub type CleanUpCursor<T: Config> = StorageValue<_, SnapshotId, OptionQuery>;

	/// What the chain starts with.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Bonds that count from the first block, one for each account.
		pub bonds: Vec<(T::AccountId, BalanceOf<T>)>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			for (who, value) in &self.bonds {
				Pallet::<T>::bond_at_genesis(who, *value).expect(
					"a bond at genesis is of an account that has so much and is listed once",
				);
			}
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			Self::clean_up_next(remaining)
		}

		fn integrity_test() {
			Self::check_config();
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Register a snapshot of this chain.
		///
		/// `header` is the header of the block at which the database stands. The chain compares
		/// its hash with its own, so the block has to be older than this one and not older than
		/// the block hashes the chain keeps. A deposit is put on hold until the snapshot has ended.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register(locations.len() as u32))]
		pub fn register(
			origin: OriginFor<T>,
			header: Box<HeaderFor<T>>,
			image: ImageInfo,
			locations: Vec<Location>,
		) -> DispatchResult {
			let publisher = ensure_signed(origin)?;
			Self::do_register(publisher, &header, image, locations)
		}

		/// Register a snapshot of another chain.
		///
		/// The block is not checked here: whoever uses the snapshot proves it from that chain. The
		/// deposit is the one for foreign snapshots.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::register_foreign(locations.len() as u32))]
		pub fn register_foreign(
			origin: OriginFor<T>,
			manifest: Manifest,
			locations: Vec<Location>,
		) -> DispatchResult {
			let publisher = ensure_signed(origin)?;
			Self::do_register_foreign(publisher, manifest, locations)
		}

		/// Set all locations of a snapshot, and renew it for another term.
		///
		/// Only for its publisher. The deposit follows the length of the locations.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::set_locations(locations.len() as u32))]
		pub fn set_locations(
			origin: OriginFor<T>,
			id: SnapshotId,
			locations: Vec<Location>,
		) -> DispatchResult {
			let publisher = ensure_signed(origin)?;
			Self::do_set_locations(publisher, id, locations)
		}

		/// End a snapshot. Only for its publisher, and not while a dispute is open.
		///
		/// The deposit comes back at once when nobody vouches for the snapshot, and else when it
		/// is cleaned up: those who vouch stay bound until the dispute window is over.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::retire())]
		pub fn retire(origin: OriginFor<T>, id: SnapshotId) -> DispatchResult {
			let publisher = ensure_signed(origin)?;
			Self::do_retire(publisher, id)
		}

		/// Become an attester: put `value` on hold as a bond.
		///
		/// It counts after the maturity period, and can be slashed from then on and until it has
		/// left.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::bond())]
		pub fn bond(
			origin: OriginFor<T>,
			#[pallet::compact] value: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_bond(who, value)
		}

		/// Add `value` to the bond. It counts after the maturity period.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::bond_extra())]
		pub fn bond_extra(
			origin: OriginFor<T>,
			#[pallet::compact] value: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_bond_extra(who, value)
		}

		/// Take `value` out of the bond. What is left is nothing or at least the least bond.
		///
		/// It stops counting at once. It stays on hold, and can be slashed, for the unbonding
		/// period and for as long as an attestation stands that was made before.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::unbond())]
		pub fn unbond(
			origin: OriginFor<T>,
			#[pallet::compact] value: BalanceOf<T>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_unbond(who, value)
		}

		/// Get back what was unbonded and is free by now.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::withdraw_unbonded())]
		pub fn withdraw_unbonded(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_unbonded(who)
		}

		/// Vouch for a snapshot with all of the bond that is mature: that the image is complete
		/// and available, and that a node boots from it.
		///
		/// When the quorum is reached, the snapshot is certified. Vouch for one image of a block
		/// and database only: two that contradict each other are an equivocation, and slashed. On
		/// a full pending snapshot the attester with the least stake makes room for more stake.
		#[pallet::call_index(8)]
		// The attestation that makes room is dropped as if it were withdrawn.
		#[pallet::weight(
			T::WeightInfo::attest(T::MaxAttesters::get())
				.saturating_add(T::WeightInfo::withdraw_attestation())
		)]
		pub fn attest(origin: OriginFor<T>, id: SnapshotId) -> DispatchResult {
			let attester = ensure_signed(origin)?;
			Self::do_attest(attester, id)
		}

		/// No longer vouch for a snapshot.
		///
		/// At once while it was never certified; else after the dispute window, counted from the
		/// certification and from the attestation, and not while a dispute is open. The snapshot
		/// stays certified.
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::withdraw_attestation())]
		pub fn withdraw_attestation(origin: OriginFor<T>, id: SnapshotId) -> DispatchResult {
			let attester = ensure_signed(origin)?;
			Self::do_withdraw_attestation(attester, id)
		}

		/// Say that a snapshot is wrong. `evidence` is the hash of what shows it.
		///
		/// A deposit is put on hold, which is lost if the dispute is dismissed. Until the verdict
		/// the snapshot is not certified, and nothing that backs it can leave.
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::dispute())]
		pub fn dispute(origin: OriginFor<T>, id: SnapshotId, evidence: H256) -> DispatchResult {
			let reporter = ensure_signed(origin)?;
			Self::do_dispute(reporter, id, evidence)
		}

		/// Decide a dispute. Only for the dispute origin of the chain.
		///
		/// `Fraudulent` slashes all who vouch for the snapshot, by the stake they vouched with, and
		/// the deposit of the publisher; the reporter gets a share and the deposit back.
		/// `Dismissed` takes the deposit of the reporter.
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::resolve(T::MaxAttesters::get()))]
		pub fn resolve(
			origin: OriginFor<T>,
			id: SnapshotId,
			verdict: Verdict,
		) -> DispatchResultWithPostInfo {
			T::DisputeOrigin::ensure_origin(origin)?;
			let slashed = Self::do_resolve(id, verdict)?;
			Ok(Some(T::WeightInfo::resolve(slashed)).into())
		}

		/// Show that `attester` vouches for two snapshots that contradict each other.
		///
		/// Anybody may do this; it needs no judge and no deposit. The attester is slashed, both
		/// attestations are void, and the caller gets the share of a reporter.
		#[pallet::call_index(12)]
		#[pallet::weight(T::WeightInfo::report_equivocation(T::MaxAttesters::get()))]
		pub fn report_equivocation(
			origin: OriginFor<T>,
			attester: T::AccountId,
			id_a: SnapshotId,
			id_b: SnapshotId,
		) -> DispatchResult {
			let reporter = ensure_signed(origin)?;
			Self::do_report_equivocation(reporter, attester, id_a, id_b)
		}

		/// Clean up a snapshot that has ended or expired, or a dispute that has lapsed.
		///
		/// Anybody may do this. At most `limit` attestations are looked at; with the last one the
		/// snapshot is removed and its deposit given back.
		#[pallet::call_index(13)]
		#[pallet::weight(T::WeightInfo::clean_up((*limit).min(T::MaxAttesters::get())))]
		pub fn clean_up(
			origin: OriginFor<T>,
			id: SnapshotId,
			limit: u32,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let looked_at = Self::do_clean_up(id, limit)?;
			Ok(Some(T::WeightInfo::clean_up(looked_at)).into())
		}

		/// Count the stake that vouches for a pending snapshot again. Anybody may do this, after
		/// stake has left that did not vouch.
		#[pallet::call_index(14)]
		#[pallet::weight(T::WeightInfo::certify(T::MaxAttesters::get()))]
		pub fn certify(origin: OriginFor<T>, id: SnapshotId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_certify(id)
		}

		/// Promise a reward to those who attest, or add to it. Only for the publisher of a pending
		/// snapshot, on chains that have rewards.
		///
		/// It is paid when the snapshot is certified, by stake, and comes back when it ends before.
		#[pallet::call_index(15)]
		#[pallet::weight(T::WeightInfo::fund())]
		pub fn fund(
			origin: OriginFor<T>,
			id: SnapshotId,
			#[pallet::compact] value: BalanceOf<T>,
		) -> DispatchResult {
			let publisher = ensure_signed(origin)?;
			Self::do_fund(publisher, id, value)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The certified snapshots of this chain, newest block first.
		pub fn certified(limit: u32) -> Vec<EntryOf<T>> {
			Self::certified_of_chain(Self::genesis_hash(), limit)
		}

		/// The certified snapshots of the chain with this genesis hash, newest block first.
		pub fn certified_of(genesis_hash: H256, limit: u32) -> Vec<EntryOf<T>> {
			Self::certified_of_chain(genesis_hash, limit)
		}

		/// The certified snapshot of this chain at the newest block.
		pub fn latest_certified() -> Option<EntryOf<T>> {
			Self::certified_of_chain(Self::genesis_hash(), 1).into_iter().next()
		}

		/// Snapshots that wait for attestations, in the order of their ids, after the id `after`.
		pub fn pending(after: Option<SnapshotId>, limit: u32) -> PageOf<T> {
			Self::pending_after(after, limit)
		}

		/// All about one snapshot.
		pub fn snapshot(id: SnapshotId) -> Option<DetailsOf<T>> {
			Self::details(id)
		}

		/// The standing of an attester.
		pub fn attester(
			who: T::AccountId,
		) -> Option<AttesterInfo<BalanceOf<T>, BlockNumberFor<T>>> {
			Self::attester_info(&who)
		}
	}
}
