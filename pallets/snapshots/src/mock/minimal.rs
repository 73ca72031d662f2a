//! A chain with nothing but balances, and with other types: no root, 64-bit balances, Keccak
//! hashes, 64-bit block numbers, 32-byte accounts.

use frame_support::{derive_impl, ord_parameter_types};
use frame_system::{mocking::MockUncheckedExtrinsic, EnsureSignedBy};
use sp_runtime::{
	generic,
	traits::{IdentityLookup, Keccak256},
	AccountId32,
};

pub type AccountId = AccountId32;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Snapshots: crate,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = generic::Block<generic::Header<u64, Keccak256>, MockUncheckedExtrinsic<Test>>;
	type Hashing = Keccak256;
	type AccountId = AccountId;
	type Lookup = IdentityLookup<AccountId>;
	type BlockHashCount = frame_support::traits::ConstU64<30>;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type AccountStore = System;
	type ExistentialDeposit = frame_support::traits::ConstU64<5>;
}

ord_parameter_types! {
	pub const Judge: AccountId = AccountId32::new([98; 32]);
}

super::common!(Balance = u64, DisputeOrigin = EnsureSignedBy<Judge, AccountId>);

/// An account.
pub fn account(n: u8) -> AccountId {
	AccountId32::new([n; 32])
}

/// Who decides about disputes.
pub fn judge() -> RuntimeOrigin {
	by(98)
}
