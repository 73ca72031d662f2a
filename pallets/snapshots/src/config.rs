//! What a chain decides: the configuration of the pallet.

use frame_support::pallet_macros::pallet_section;

/// Becomes a part of the pallet module.
#[pallet_section]
mod config {
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
}
