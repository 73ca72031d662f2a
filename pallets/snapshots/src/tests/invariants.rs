//! Each invariant is found broken when it is.

use frame_support::{assert_ok, traits::fungible::MutateHold};
use sp_core::H256;
use sp_runtime::DispatchError;

use crate::{
	mock::standard::*, Attestations, Attesters, Certified, CleanUpCursor, Disputes, HoldReason,
	Locations, Rewards, SnapshotId, Status, TotalBonded, TotalMaturing,
};

/// Breaks a chain that has a certified snapshot and a bond of each kind.
fn broken(number: &str, break_it: impl FnOnce(SnapshotId)) {
	chain_with(&[(2, 100), (3, 100)]).execute_with(|| {
		assert_ok!(Snapshots::bond_extra(by(2), 20));
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		check();
		break_it(id);
		match Snapshots::do_try_state() {
			Err(DispatchError::Other(why)) => {
				assert!(why.starts_with(&format!("{number}:")), "{number} is not {why}")
			},
			other => panic!("{number} is broken, and the answer is {other:?}"),
		}
	});
}

fn change(id: SnapshotId, change: impl FnOnce(&mut crate::SnapshotOf<Test>)) {
	crate::Snapshots::<Test>::mutate(id, |snapshot| change(snapshot.as_mut().unwrap()));
}

#[test]
fn every_broken_invariant_is_found() {
	broken("1", |_| Attesters::<Test>::insert(9, crate::BondOf::<Test>::default()));
	broken("2", |_| TotalBonded::<Test>::put(219));
	broken("3", |_| TotalMaturing::<Test>::kill());
	broken("4", |id| Attestations::<Test>::remove(id, 2));
	broken("4", |_| Attesters::<Test>::mutate(2, |bond| bond.as_mut().unwrap().vouches.clear()));
	broken("5", |id| change(id, |snapshot| snapshot.attested = 201));
	broken("5", |id| change(id, |snapshot| snapshot.attesters = 3));
	broken("6", |id| change(id, |snapshot| snapshot.manifest.image = H256::zero()));
	broken("6", Locations::<Test>::remove);
	broken("7", |id| {
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		Disputes::<Test>::remove(id);
	});
	broken("8", |id| change(id, |snapshot| snapshot.bound_until = 0));
	broken("8", |id| change(id, |snapshot| snapshot.status = Status::Pending));
	broken("9", |id| Rewards::<Test>::insert(id, 5));
	broken("10", |id| change(id, |snapshot| snapshot.status = Status::Retired { since: 1 }));
	broken("10", |id| {
		Certified::<Test>::mutate(record(id).manifest.genesis_hash, |list| {
			let listed = list[0];
			list.try_push(listed).unwrap();
		})
	});
	broken("11", |_| {
		assert_ok!(Balances::hold(&HoldReason::AttesterBond.into(), &2, 1));
	});
	broken("12", |_| {
		assert_ok!(Balances::hold(&HoldReason::SnapshotDeposit.into(), &1, 1));
	});
}

#[test]
fn a_cursor_at_nothing_is_no_harm() {
	test(&[], || {
		CleanUpCursor::<Test>::put(H256::repeat_byte(0xff));
		idle();
		assert!(!CleanUpCursor::<Test>::exists());
	});
}
