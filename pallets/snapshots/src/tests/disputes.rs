//! Disputes, equivocations and slashing.

use frame_support::{assert_noop, assert_ok};
use sp_core::H256;

use crate::{
	mock::standard::*, Attesters, Error, Event, HoldReason, Manifest, SnapshotId, Standing, Status,
	Verdict,
};

type Fails = Error<Test>;

fn certified(n: u8) -> SnapshotId {
	let id = register(n);
	assert_ok!(Snapshots::attest(by(2), id));
	assert_ok!(Snapshots::attest(by(3), id));
	assert!(record(id).status.is_certified());
	id
}

#[test]
fn a_dispute_needs_a_deposit_and_something_to_dispute() {
	test(&[], || {
		let id = register(1);
		assert_noop!(Snapshots::dispute(by(4), H256::zero(), H256::zero()), Fails::UnknownSnapshot);
		assert!(Snapshots::dispute(by(20), id, H256::zero()).is_err());
		assert_noop!(
			Snapshots::resolve(judge(), H256::zero(), Verdict::Dismissed),
			Fails::UnknownSnapshot
		);
		assert_noop!(Snapshots::resolve(judge(), id, Verdict::Dismissed), Fails::NotDisputed);
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		assert_eq!(record(id).status, Status::Disputed { since: 1, before: Standing::Pending });
		assert_eq!(Snapshots::snapshot(id).unwrap().dispute.unwrap().lapses_at, 21);
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Dismissed));
		assert_eq!(record(id).status, Status::Pending);
	});
}

#[test]
fn a_fraudulent_one_that_nobody_vouches_for_costs_its_publisher() {
	test(&[], || {
		let id = register(1);
		let deposit = record(id).deposit;
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Fraudulent));
		assert_eq!(free(1), FUNDS - deposit);
		assert_eq!(free(4), FUNDS + deposit / 5);
	});
}

#[test]
fn a_dispute_without_a_verdict_lapses() {
	test(&[(2, 100), (3, 100)], || {
		let id = certified(1);
		run_to(6);
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		run_to(25);
		assert_noop!(Snapshots::clean_up(by(9), id, 1), Fails::Disputed);
		run_to(26);
		assert_ok!(Snapshots::clean_up(by(9), id, 1));
		assert!(events().contains(&Event::Lapsed { id }));
		assert_eq!((free(4), on_hold(4, HoldReason::DisputeDeposit)), (FUNDS, 0));
		assert_eq!(record(id).status, Status::Certified { at: 1 });
		assert_eq!(record(id).bound_until, 16 + 20);
		assert_eq!(Snapshots::latest_certified().unwrap().id, id);
	});
}

#[test]
fn a_verdict_after_the_period_still_counts() {
	test(&[(2, 100), (3, 100)], || {
		let id = certified(1);
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		run(50);
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Fraudulent));
		assert_eq!(on_hold(2, HoldReason::AttesterBond), 50);
	});
}

#[test]
fn unbonding_does_not_save_a_bond_from_a_slash() {
	test(&[(2, 100), (3, 100)], || {
		let id = certified(1);
		assert_ok!(Snapshots::unbond(by(2), 100));
		assert_ok!(Snapshots::unbond(by(3), 70));
		run_to(15);
		assert_noop!(Snapshots::withdraw_unbonded(by(2)), Fails::NothingToWithdraw);
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		run(15);
		assert_noop!(Snapshots::withdraw_unbonded(by(2)), Fails::NothingToWithdraw);
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Fraudulent));
		assert_eq!(on_hold(2, HoldReason::AttesterBond), 50);
		// What is bonded goes first, then what is on its way out.
		let bond = Attesters::<Test>::get(3).unwrap();
		assert_eq!((bond.bonded, bond.unlocking[0].value), (0, 50));
		// What is left is free now.
		assert_ok!(Snapshots::withdraw_unbonded(by(2)));
		assert_eq!(free(2), FUNDS - 50);
	});
}

#[test]
fn a_slash_takes_no_more_than_there_is() {
	test(&[(2, 100), (3, 100)], || {
		let ids = [1, 2, 3].map(certified);
		let issuance = Balances::total_issuance();
		for (id, left) in ids.into_iter().zip([50, 0, 0]) {
			assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
			assert_ok!(Snapshots::resolve(judge(), id, Verdict::Fraudulent));
			assert_eq!(on_hold(2, HoldReason::AttesterBond), left);
			check();
		}
		assert_eq!(Attesters::<Test>::get(2), None);
		assert_eq!(Balances::total_issuance(), issuance);
	});
}

#[test]
fn a_reporter_that_can_not_be_paid_leaves_its_share_to_the_chain() {
	test(&[(2, 100), (3, 100)], || {
		let a = certified(1);
		let b = register(2);
		assert_ok!(Snapshots::attest(by(2), b));
		let treasury = free(99);
		// Account 21 does not exist, and 10 are enough to make it.
		assert_ok!(Snapshots::report_equivocation(by(21), account(2), a, b));
		assert_eq!((free(21), free(99)), (10, treasury + 40));
	});
	use crate::mock::minimal as small;
	use crate::mock::minimal::Snapshots as OnSmall;
	small::test(&[(2, 10), (3, 10)], || {
		let (a, b) = (small::register(1), small::register(2));
		assert_ok!(OnSmall::attest(small::by(2), a));
		assert_ok!(OnSmall::attest(small::by(2), b));
		let treasury = small::free(99);
		// A share of 1 is less than the existential deposit of 5.
		assert_ok!(OnSmall::report_equivocation(small::by(21), small::account(2), a, b));
		assert_eq!((small::free(21), small::free(99)), (0, treasury + 5));
	});
}

#[test]
fn two_blocks_at_one_height_are_an_equivocation_of_any_database() {
	test(&[(2, 100), (3, 100)], || {
		let fork = Manifest {
			block_hash: H256::repeat_byte(9),
			database: crate::Database { kind: crate::DatabaseKind::ParityDb, version: 1 },
			..foreign(2)
		};
		let ids = [foreign(1), fork].map(|manifest| {
			assert_ok!(Snapshots::register_foreign(by(1), manifest.clone(), locations()));
			manifest.id::<<Test as frame_system::Config>::Hashing>()
		});
		for id in ids {
			assert_ok!(Snapshots::attest(by(2), id));
		}
		assert_ok!(Snapshots::report_equivocation(by(5), 2, ids[0], ids[1]));
		assert!(events().contains(&Event::Equivocated { attester: 2, id_a: ids[0], id_b: ids[1] }));
		assert_noop!(Snapshots::report_equivocation(by(5), 2, ids[0], ids[1]), Fails::NotAttested);
		assert_noop!(
			Snapshots::report_equivocation(by(5), 2, ids[0], H256::zero()),
			Fails::UnknownSnapshot
		);
	});
}

#[test]
fn an_equivocation_spares_a_certificate_that_does_not_need_it() {
	test(&[(2, 100), (3, 100), (4, 10)], || {
		let a = certified(1);
		assert_ok!(Snapshots::attest(by(4), a));
		let b = register(2);
		assert_ok!(Snapshots::attest(by(4), b));
		assert_ok!(Snapshots::report_equivocation(by(5), 4, a, b));
		assert_eq!(record(a).status, Status::Certified { at: 1 });
		assert_eq!((record(a).attesters, record(b).attesters), (2, 0));
	});
}

#[test]
fn an_equivocation_after_the_window_leaves_the_certificate() {
	test(&[(2, 100), (3, 100)], || {
		let a = certified(1);
		run_to(16);
		assert_ok!(Snapshots::register(
			by(1),
			alloc::boxed::Box::new(header(0)),
			image(2),
			locations()
		));
		let b = id(0, 2);
		assert_ok!(Snapshots::attest(by(2), b));
		assert_ok!(Snapshots::report_equivocation(by(5), 2, a, b));
		assert_eq!(record(a).status, Status::Certified { at: 1 });
		assert_eq!(record(a).attesters, 1);
	});
}

#[test]
fn an_equivocation_in_a_dispute_takes_the_certificate_that_would_come_back() {
	test(&[(2, 100), (3, 100)], || {
		let a = certified(1);
		let b = register(2);
		assert_ok!(Snapshots::attest(by(2), b));
		assert_ok!(Snapshots::dispute(by(4), a, H256::zero()));
		run(30);
		assert_ok!(Snapshots::report_equivocation(by(5), 2, a, b));
		assert_eq!(record(a).status, Status::Disputed { since: 1, before: Standing::Pending });
		assert_ok!(Snapshots::resolve(judge(), a, Verdict::Dismissed));
		assert_eq!(record(a).status, Status::Pending);
		assert_ok!(Snapshots::withdraw_attestation(by(3), a));
	});
}
