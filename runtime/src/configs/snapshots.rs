//! `Snapshots`.
//!
//! The periods here are of minutes, so that one sitting of development sees a snapshot
//! through all of its life. What a production chain takes is said beside each.

pub mod periods;

use crate::{AccountId, Balances, BlockNumber, Runtime, RuntimeHoldReason, DAYS, MILLI_UNIT, UNIT};
use frame_support::{
	parameter_types,
	traits::{ConstBool, ConstU128, ConstU32},
};
use frame_system::EnsureRoot;
use periods::{BondMaturity, DisputeWindow, ResolutionPeriod, UnbondingPeriod};
use sp_runtime::Perbill;

parameter_types! {
	/// Half of the stake vouches. Production: two thirds, so that no third can be bought into
	/// certifying what the others call wrong.
	pub const Quorum: Perbill = Perbill::from_percent(50);
	/// More than for a snapshot of this chain, whose block is checked here. Production: three
	/// quarters.
	pub const ForeignQuorum: Perbill = Perbill::from_parts(666_666_667);

	/// How long a registration lasts unless its publisher renews it. Production: three months,
	/// and a publisher who takes a snapshot each day lets the old ones expire.
	pub const Expiry: BlockNumber = DAYS;

	/// All of the stake: to vouch for a forgery is never a matter of degree here.
	pub const SlashFraction: Perbill = Perbill::from_percent(100);
	/// Enough to look for faults, too little to slash oneself through a friend.
	pub const ReporterShare: Perbill = Perbill::from_percent(20);
}

impl pallet_snapshots::Config for Runtime {
	type Currency = Balances;
	type RuntimeHoldReason = RuntimeHoldReason;
	// Production: a collective or a referendum.
	type DisputeOrigin = EnsureRoot<AccountId>;
	// What is slashed and not given to the reporter is burnt. Production: the treasury.
	type Slash = ();
	type WeightInfo = pallet_snapshots::weights::SubstrateWeight<Runtime>;
	type Quorum = Quorum;
	type ForeignQuorum = ForeignQuorum;
	// One is no check of anything. Production: as many as the chain has independent attesters.
	type MinAttesters = ConstU32<2>;
	type MaxAttesters = ConstU32<64>;
	type MaxVouches = ConstU32<32>;
	type MinBond = ConstU128<{ 100 * UNIT }>;
	type BondMaturity = BondMaturity;
	type UnbondingPeriod = UnbondingPeriod;
	type MaxUnlocking = ConstU32<16>;
	type DisputeWindow = DisputeWindow;
	type ResolutionPeriod = ResolutionPeriod;
	type Expiry = Expiry;
	type MaxLocations = ConstU32<8>;
	type MaxListed = ConstU32<32>;
	type DepositBase = ConstU128<{ 10 * UNIT }>;
	// Nobody checks these at registration: a flood of them has to be dear.
	type ForeignDepositBase = ConstU128<{ 100 * UNIT }>;
	type DepositPerByte = ConstU128<{ 10 * MILLI_UNIT }>;
	type DisputeDeposit = ConstU128<{ 10 * UNIT }>;
	type SlashFraction = SlashFraction;
	type ReporterShare = ReporterShare;
	type RewardsEnabled = ConstBool<true>;
}
