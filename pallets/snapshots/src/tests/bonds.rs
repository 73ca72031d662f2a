//! Bonds: coming, counting, leaving.

use alloc::vec;

use frame_support::{assert_noop, assert_ok, traits::Hooks};

use crate::{mock::standard::*, Attesters, Error, Event, HoldReason, Maturing, TotalBonded};

type Fails = Error<Test>;

fn matured(n: u8) -> Balance {
	Snapshots::attester(account(n)).map_or(0, |info| info.matured)
}

#[test]
fn a_bond_is_held_and_counts_after_the_maturity_period() {
	test(&[], || {
		assert_noop!(Snapshots::bond(by(2), 0), Fails::Zero);
		assert_noop!(Snapshots::bond(by(2), 9), Fails::BelowMinBond);
		assert!(Snapshots::bond(by(2), FUNDS + 1).is_err());
		assert_ok!(Snapshots::bond(by(2), 100));
		assert!(events().contains(&Event::Bonded { who: 2, value: 100, counts_from: 9 }));
		assert_noop!(Snapshots::bond(by(2), 100), Fails::AlreadyBonded);
		assert_eq!((on_hold(2, HoldReason::AttesterBond), free(2)), (100, FUNDS - 100));
		run_to(8);
		assert_eq!((matured(2), Snapshots::total_matured()), (0, 0));
		run_to(9);
		assert_eq!((matured(2), Snapshots::total_matured()), (100, 100));
	});
}

#[test]
fn what_is_added_counts_later_than_what_was_there() {
	test(&[(2, 100)], || {
		assert_noop!(Snapshots::bond_extra(by(3), 10), Fails::NotBonded);
		assert_noop!(Snapshots::bond_extra(by(2), 0), Fails::Zero);
		assert_ok!(Snapshots::bond_extra(by(2), 5));
		assert_ok!(Snapshots::bond_extra(by(2), 5));
		run_to(3);
		assert_ok!(Snapshots::bond_extra(by(2), 7));
		assert_eq!(
			Attesters::<Test>::get(2).unwrap().maturing.into_inner(),
			vec![Maturing { at: 9, value: 10 }, Maturing { at: 11, value: 7 }]
		);
		assert_eq!((matured(2), Snapshots::total_matured()), (100, 100));
		run_to(9);
		assert_eq!((matured(2), Snapshots::total_matured()), (110, 110));
		run_to(11);
		assert_eq!((matured(2), Snapshots::total_matured()), (117, 117));
	});
}

#[test]
fn dates_of_maturity_are_rounded_up_to_steps() {
	test(&[], || {
		// An eighth of 20, rounded up, is 3.
		BondMaturity::set(20);
		for (block, date) in [(1, 21), (2, 24), (3, 24), (4, 24), (5, 27)] {
			run_to(block);
			assert_eq!(Snapshots::maturity_date(), date);
		}
		BondMaturity::set(0);
		assert_eq!(Snapshots::maturity_date(), 5);
		assert_ok!(Snapshots::bond(by(2), 100));
		assert_eq!(matured(2), 100);
		BondMaturity::set(8);
	});
}

#[test]
fn a_chain_may_change_its_maturity_period() {
	test(&[], || {
		BondMaturity::set(80);
		assert_ok!(Snapshots::bond(by(2), 100));
		// A shorter one: what comes later counts earlier.
		BondMaturity::set(8);
		assert_ok!(Snapshots::bond_extra(by(2), 10));
		assert_ok!(Snapshots::bond_extra(by(2), 5));
		check();
		assert_eq!(
			Attesters::<Test>::get(2).unwrap().maturing.into_inner(),
			vec![Maturing { at: 9, value: 15 }, Maturing { at: 90, value: 100 }]
		);
		run_to(9);
		assert_eq!((matured(2), Snapshots::total_matured()), (15, 15));
		// So many dates lie ahead only when the period has changed again and again.
		let taken = (10..100).find(|block| {
			BondMaturity::set(*block);
			Snapshots::bond_extra(by(2), 1).is_err()
		});
		assert!(taken.is_some());
		assert_noop!(Snapshots::bond_extra(by(2), 1), Fails::TooManyMaturing);
		check();
		run(100);
		assert_ok!(Snapshots::bond_extra(by(2), 1));
		BondMaturity::set(8);
	});
}

#[test]
fn bonding_in_every_block_never_fills_the_list() {
	for period in [1, 7, 8, 9, 15, 16, 17, 100] {
		test(&[(2, 100)], || {
			BondMaturity::set(period);
			for _ in 0..3 * period {
				assert_ok!(Snapshots::bond_extra(by(2), 1));
				assert_ok!(Snapshots::bond_extra(by(2), 1));
				check();
				run(1);
			}
			BondMaturity::set(8);
		});
	}
}

#[test]
fn unbonding_takes_the_youngest_first_and_stops_counting_at_once() {
	test(&[(2, 100)], || {
		assert_noop!(Snapshots::unbond(by(3), 10), Fails::NotBonded);
		assert_noop!(Snapshots::unbond(by(2), 0), Fails::Zero);
		assert_noop!(Snapshots::unbond(by(2), 101), Fails::InsufficientBond);
		assert_noop!(Snapshots::unbond(by(2), 91), Fails::BelowMinBond);
		assert_ok!(Snapshots::bond_extra(by(2), 20));
		run_to(3);
		assert_ok!(Snapshots::bond_extra(by(2), 20));
		assert_ok!(Snapshots::unbond(by(2), 30));
		assert_eq!(
			Attesters::<Test>::get(2).unwrap().maturing.into_inner(),
			vec![Maturing { at: 9, value: 10 }]
		);
		assert_eq!((matured(2), TotalBonded::<Test>::get()), (100, 110));
		assert_ok!(Snapshots::unbond(by(2), 30));
		assert_eq!((matured(2), TotalBonded::<Test>::get()), (80, 80));
		assert_eq!(Snapshots::total_matured(), 80);
		assert_eq!(on_hold(2, HoldReason::AttesterBond), 140);
	});
}

#[test]
fn few_parts_can_be_unlocking() {
	test(&[(2, 100)], || {
		assert_ok!(Snapshots::unbond(by(2), 10));
		// In one block they are one part.
		assert_ok!(Snapshots::unbond(by(2), 10));
		run(1);
		assert_ok!(Snapshots::unbond(by(2), 10));
		run(1);
		assert_noop!(Snapshots::unbond(by(2), 10), Fails::TooManyUnlocking);
		assert_noop!(Snapshots::withdraw_unbonded(by(2)), Fails::NothingToWithdraw);
		run_to(11);
		assert_eq!(Snapshots::attester(2).unwrap().withdrawable, 20);
		assert_ok!(Snapshots::withdraw_unbonded(by(2)));
		assert_eq!(on_hold(2, HoldReason::AttesterBond), 80);
		assert_ok!(Snapshots::unbond(by(2), 70));
		run(10);
		assert_ok!(Snapshots::withdraw_unbonded(by(2)));
		assert_noop!(Snapshots::withdraw_unbonded(by(2)), Fails::NotBonded);
		assert_eq!(free(2), FUNDS);
	});
}

#[test]
fn a_part_unbonded_before_an_attestation_does_not_back_it() {
	test(&[(2, 100), (3, 100)], || {
		assert_ok!(Snapshots::unbond(by(2), 40));
		run(1);
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::unbond(by(2), 60));
		run(10);
		// The first part leaves, the second backs the attestation of the same block.
		assert_eq!(Snapshots::attester(2).unwrap().withdrawable, 40);
		assert_ok!(Snapshots::withdraw_unbonded(by(2)));
		assert_eq!(on_hold(2, HoldReason::AttesterBond), 60);
		assert_noop!(Snapshots::withdraw_unbonded(by(2)), Fails::NothingToWithdraw);
		// Never certified, so it may be taken back, and the bond follows.
		assert_ok!(Snapshots::withdraw_attestation(by(2), id));
		assert_ok!(Snapshots::withdraw_unbonded(by(2)));
		assert_eq!(free(2), FUNDS);
	});
}

#[test]
fn an_unbonded_attester_can_bond_again() {
	test(&[(2, 100)], || {
		assert_ok!(Snapshots::unbond(by(2), 100));
		assert_noop!(Snapshots::bond(by(2), 100), Fails::AlreadyBonded);
		assert_noop!(Snapshots::bond_extra(by(2), 9), Fails::BelowMinBond);
		assert_ok!(Snapshots::bond_extra(by(2), 50));
		assert_eq!(on_hold(2, HoldReason::AttesterBond), 150);
		assert_eq!(matured(2), 0);
	});
}

#[test]
#[should_panic = "MaxAttesters is less than MinAttesters"]
fn constants_that_contradict_each_other_end_the_build() {
	chain_with(&[]).execute_with(|| {
		MinAttesters::set(5);
		<Snapshots as Hooks<Number>>::integrity_test();
	});
}

#[test]
#[should_panic = "a bond at genesis"]
fn a_genesis_with_the_same_attester_twice_is_refused() {
	chain_with(&[(2, 100), (2, 100)]);
}
