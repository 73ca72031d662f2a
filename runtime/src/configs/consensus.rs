//! `Aura`, `Grandpa`, `Session` and `ValidatorMembership`.

use crate::{
	validators::MembersAsValidators, AccountId, Aura, Balance, Balances, BlockNumber, Grandpa,
	Runtime, RuntimeEvent, SessionKeys, MAX_VALIDATORS, SESSION_LENGTH, SLOT_DURATION, UNIT,
};
use frame_support::{
	parameter_types,
	traits::{ConstBool, ConstU128, ConstU32, ConstU64, Get},
};
use frame_system::EnsureRoot;
use pallet_session::PeriodicSessions;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::traits::ConvertInto;

parameter_types! {
	/// The length of a session, in blocks. It lies in storage as the periods of the registry do
	/// (`snapshots/periods.rs`), so that a test chain can change its authorities often. Production:
	/// a constant.
	pub storage SessionLength: BlockNumber = SESSION_LENGTH;
}

/// How often a session ends.
pub struct SessionPeriod;

impl Get<BlockNumber> for SessionPeriod {
	/// Two blocks at least: the last one of a session has no room for transactions, so that with
	/// one block nobody could ever make it longer again.
	fn get() -> BlockNumber {
		SessionLength::get().max(2)
	}
}

/// What holds an account to its session keys: storage that it makes everybody keep.
const KEY_DEPOSIT: Balance = UNIT;

impl pallet_aura::Config for Runtime {
	type AuthorityId = AuraId;
	// Nothing reports offences on this chain, so nobody is ever disabled.
	type DisabledValidators = ();
	type MaxAuthorities = ConstU32<MAX_VALIDATORS>;
	type AllowMultipleBlocksPerSlot = ConstBool<false>;
	type SlotDuration = ConstU64<SLOT_DURATION>;
}

impl pallet_grandpa::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = ();
	type MaxAuthorities = ConstU32<MAX_VALIDATORS>;
	type MaxNominators = ConstU32<0>;
	// Equivocations are not reported: there is no stake of validators to take.
	type MaxSetIdSessionEntries = ConstU64<0>;
	type KeyOwnerProof = sp_core::Void;
	type EquivocationReportSystem = ();
}

impl pallet_membership::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type AddOrigin = EnsureRoot<AccountId>;
	type RemoveOrigin = EnsureRoot<AccountId>;
	type SwapOrigin = EnsureRoot<AccountId>;
	type ResetOrigin = EnsureRoot<AccountId>;
	type PrimeOrigin = EnsureRoot<AccountId>;
	// `MembersAsValidators` reads the members when a session is planned.
	type MembershipInitialized = ();
	type MembershipChanged = ();
	type MaxMembers = ConstU32<MAX_VALIDATORS>;
	type WeightInfo = pallet_membership::weights::SubstrateWeight<Runtime>;
}

impl pallet_session::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	// Anyone may register keys, so that a member can have its own before it is made one.
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = PeriodicSessions<SessionPeriod, SessionPeriod>;
	type NextSessionRotation = PeriodicSessions<SessionPeriod, SessionPeriod>;
	type SessionManager = MembersAsValidators;
	// The order is that of the fields of `SessionKeys`.
	type SessionHandler = (Aura, Grandpa);
	type Keys = SessionKeys;
	type DisablingStrategy = ();
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type KeyDeposit = ConstU128<KEY_DEPOSIT>;
}
