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
mod disputes;
mod expiry;
mod invariants;
mod queries;
mod registry;
mod rewards;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use frame_support::traits::{
	fungible::{Credit, Inspect},
	Get,
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

	/// What a chain decides.
	///
	/// Block hashes have to be 32 bytes long; `frame_system::Config::BlockHashCount` is the time a
	/// publisher has from a block to the registration of its snapshot.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<Hash: Into<H256>, RuntimeEvent: From<Event<Self>>>
	{
		/// Where bonds and deposits are held.
		type Currency: BalancedHold<Self::AccountId>
			+ MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>;

		/// The reasons for holds of the runtime.
		type RuntimeHoldReason: From<HoldReason>;

		/// Who decides about disputes.
		type DisputeOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// What is done with slashed funds, after the share of the reporter.
		type Slash: OnUnbalanced<CreditOf<Self>>;

		/// The weights of the calls.
		type WeightInfo: WeightInfo;

		/// The part of all mature bonded stake that has to vouch for a snapshot of this chain.
		#[pallet::constant]
		type Quorum: Get<Perbill>;

		/// The same for a snapshot of another chain.
		#[pallet::constant]
		type ForeignQuorum: Get<Perbill>;

		/// The least number of attesters that have to vouch for a snapshot.
		#[pallet::constant]
		type MinAttesters: Get<u32>;

		/// The most attesters that can vouch for one snapshot.
		#[pallet::constant]
		type MaxAttesters: Get<u32>;

		/// The most snapshots that one attester can vouch for at a time.
		#[pallet::constant]
		type MaxVouches: Get<u32>;

		/// The least bond.
		#[pallet::constant]
		type MinBond: Get<BalanceOf<Self>>;

		/// How many blocks a bond takes to count. A date is rounded up to the next eighth of this
		/// period.
		#[pallet::constant]
		type BondMaturity: Get<BlockNumberFor<Self>>;

		/// How many blocks an unbonded part stays on hold at least.
		#[pallet::constant]
		type UnbondingPeriod: Get<BlockNumberFor<Self>>;

		/// The most parts of a bond that can be unlocking at a time.
		#[pallet::constant]
		type MaxUnlocking: Get<u32>;

		/// For how many blocks those who vouch for a snapshot are bound after it was certified.
		#[pallet::constant]
		type DisputeWindow: Get<BlockNumberFor<Self>>;

		/// For how many blocks a dispute waits for a verdict before it lapses.
		#[pallet::constant]
		type ResolutionPeriod: Get<BlockNumberFor<Self>>;

		/// How many blocks a registration lasts. It starts anew when the locations are set.
		#[pallet::constant]
		type Expiry: Get<BlockNumberFor<Self>>;

		/// The most locations of a snapshot.
		#[pallet::constant]
		type MaxLocations: Get<u32>;

		/// The most certified snapshots of one chain that are listed.
		#[pallet::constant]
		type MaxListed: Get<u32>;

		/// The deposit for a snapshot of this chain, without its bytes.
		#[pallet::constant]
		type DepositBase: Get<BalanceOf<Self>>;

		/// The deposit for a snapshot of another chain, without its bytes.
		#[pallet::constant]
		type ForeignDepositBase: Get<BalanceOf<Self>>;

		/// The deposit for each byte that a snapshot and its locations take in storage.
		#[pallet::constant]
		type DepositPerByte: Get<BalanceOf<Self>>;

		/// The deposit for a dispute.
		#[pallet::constant]
		type DisputeDeposit: Get<BalanceOf<Self>>;

		/// The part of the stake that is slashed of those who vouched for what was wrong.
		#[pallet::constant]
		type SlashFraction: Get<Perbill>;

		/// The part of what is slashed that the reporter gets.
		#[pallet::constant]
		type ReporterShare: Get<Perbill>;

		/// Whether a publisher may promise a reward to those who attest.
		#[pallet::constant]
		type RewardsEnabled: Get<bool>;
	}

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

	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A snapshot was registered.
		Registered {
			/// The snapshot id.
			id: SnapshotId,
			/// Who registered it.
			publisher: T::AccountId,
			/// The chain it is of.
			genesis_hash: H256,
			/// The block at which it stands.
			block_number: u64,
			/// Whether this chain checked the block.
			origin: Origin,
		},
		/// The publisher set the locations of a snapshot, and so renewed it.
		LocationsSet {
			/// The snapshot id.
			id: SnapshotId,
			/// The block in which it expires now.
			expires_at: BlockNumberFor<T>,
		},
		/// The publisher ended a snapshot.
		Retired {
			/// The snapshot id.
			id: SnapshotId,
		},
		/// A snapshot is gone from the registry, and its deposit was given back.
		Removed {
			/// The snapshot id.
			id: SnapshotId,
		},
		/// An attester bonded.
		Bonded {
			/// The attester.
			who: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
			/// The first block in which it counts.
			counts_from: BlockNumberFor<T>,
		},
		/// An attester unbonded. The funds stay on hold for the time being.
		Unbonded {
			/// The attester.
			who: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
			/// The end of the unbonding period.
			free_at: BlockNumberFor<T>,
		},
		/// An attester got unbonded funds back.
		Withdrawn {
			/// The attester.
			who: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
		},
		/// An attester vouches for a snapshot.
		Attested {
			/// The snapshot id.
			id: SnapshotId,
			/// The attester.
			attester: T::AccountId,
			/// The stake that vouches.
			stake: BalanceOf<T>,
		},
		/// An attester no longer vouches for a snapshot.
		AttestationWithdrawn {
			/// The snapshot id.
			id: SnapshotId,
			/// The attester.
			attester: T::AccountId,
			/// Why.
			reason: Withdrawal,
		},
		/// The quorum vouches for a snapshot.
		Certified {
			/// The snapshot id.
			id: SnapshotId,
			/// The stake that vouches and counts.
			stake: BalanceOf<T>,
			/// The stake that was needed.
			quorum: BalanceOf<T>,
		},
		/// An equivocation took away what had certified a snapshot. It is pending again.
		Decertified {
			/// The snapshot id.
			id: SnapshotId,
		},
		/// Somebody says that a snapshot is wrong.
		Disputed {
			/// The snapshot id.
			id: SnapshotId,
			/// Who says so.
			reporter: T::AccountId,
			/// The hash of the evidence.
			evidence: H256,
		},
		/// A dispute was decided.
		Resolved {
			/// The snapshot id.
			id: SnapshotId,
			/// The verdict.
			verdict: Verdict,
		},
		/// A dispute ended without a verdict, and its deposit was given back.
		Lapsed {
			/// The snapshot id.
			id: SnapshotId,
		},
		/// An attester was caught vouching for two snapshots that contradict each other.
		Equivocated {
			/// The attester.
			attester: T::AccountId,
			/// One snapshot id.
			id_a: SnapshotId,
			/// The other snapshot id.
			id_b: SnapshotId,
		},
		/// Funds on hold were slashed.
		Slashed {
			/// Whose funds.
			who: T::AccountId,
			/// The snapshot id.
			id: SnapshotId,
			/// How much.
			value: BalanceOf<T>,
		},
		/// A reporter got a share of what was slashed.
		ReporterPaid {
			/// The reporter.
			reporter: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
		},
		/// A publisher promised a reward to those who attest.
		Funded {
			/// The snapshot id.
			id: SnapshotId,
			/// All that is promised now.
			reward: BalanceOf<T>,
		},
		/// An attester got its share of the reward.
		AttesterPaid {
			/// The snapshot id.
			id: SnapshotId,
			/// The attester.
			attester: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
		},
	}

	#[pallet::error]
	pub enum Error<T> {
		/// This chain has no block with this header: the header is of a fork or of another chain.
		HeaderNotOnChain,
		/// The header is not older than the block the registration is in.
		HeaderNotPast,
		/// The header is older than the block hashes the chain keeps, so it can't be checked.
		/// Take a newer block.
		HeaderTooOld,
		/// The snapshot is of this chain: register it with its header.
		NotForeign,
		/// The same snapshot is registered already.
		AlreadyRegistered,
		/// No such snapshot is registered.
		UnknownSnapshot,
		/// Only the publisher of the snapshot can do this.
		NotPublisher,
		/// The image is empty.
		EmptyImage,
		/// There is no location.
		NoLocations,
		/// There are more locations than a snapshot can have.
		TooManyLocations,
		/// The same location is listed twice.
		DuplicateLocation,
		/// A location has an address that belongs to no single host.
		InvalidAddress,
		/// A location has a host that is not a DNS name.
		InvalidDnsName,
		/// A location has port 0.
		InvalidPort,
		/// A location has a namespace that is not 1 to 128 printable characters without space and
		/// slash.
		InvalidNamespace,
		/// The snapshot was retired, or found wrong.
		Ended,
		/// The snapshot has expired. Its publisher renews it by setting its locations.
		Expired,
		/// A dispute about the snapshot is open.
		Disputed,
		/// No dispute about the snapshot is open.
		NotDisputed,
		/// The account has a bond already: add to it.
		AlreadyBonded,
		/// The account has no bond.
		NotBonded,
		/// The bond, or what would be left of it, is less than the least bond.
		BelowMinBond,
		/// The amount is zero.
		Zero,
		/// The amount is more than is bonded.
		InsufficientBond,
		/// Too many parts of the bond are unlocking: withdraw first.
		TooManyUnlocking,
		/// Nothing can be withdrawn now: the unbonding period lasts, or the bond still backs an
		/// attestation that was made before.
		NothingToWithdraw,
		/// Too little of the bond is mature: wait until it counts.
		BondNotMature,
		/// The account vouches for this snapshot already.
		AlreadyAttested,
		/// The account doesn't vouch for this snapshot.
		NotAttested,
		/// The account vouches for too many snapshots: withdraw attestations first.
		TooManyVouches,
		/// The snapshot has as many attesters as it can have, each with at least as much stake.
		TooManyAttesters,
		/// The dispute window is not over: who vouches is still bound.
		StillBound,
		/// The snapshot is not pending.
		NotPending,
		/// The stake or the number of attesters is less than the quorum.
		NoQuorum,
		/// The two attestations don't contradict each other.
		NoEquivocation,
		/// The snapshot has neither ended nor expired, or who vouches for it is still bound.
		NothingToCleanUp,
		/// This chain has no rewards for attesters.
		RewardsDisabled,
		/// A sum is larger than a balance can be.
		Overflow,
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
