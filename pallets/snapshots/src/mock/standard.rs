//! The types that most chains have.

use frame_support::derive_impl;
use frame_system::{mocking::MockBlockU32, EnsureRoot};

pub type AccountId = u64;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Snapshots: crate,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = MockBlockU32<Test>;
	type BlockHashCount = frame_support::traits::ConstU32<30>;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type AccountStore = System;
	type ExistentialDeposit = frame_support::traits::ConstU128<1>;
}

super::common!(Balance = u128, DisputeOrigin = EnsureRoot<AccountId>);

/// An account.
pub fn account(n: u8) -> AccountId {
	u64::from(n)
}

/// Who decides about disputes.
pub fn judge() -> RuntimeOrigin {
	RuntimeOrigin::root()
}
