//! What has ended leaves the storage.

use frame_support::{assert_noop, assert_ok};
use sp_core::H256;

use crate::{mock::standard::*, CleanUpCursor, Error, Event, Status, Verdict, WeightInfo};

type Fails = Error<Test>;

fn count() -> usize {
	crate::Snapshots::<Test>::iter().count()
}

#[test]
fn an_expired_snapshot_is_cleaned_up_in_pages() {
	test(&[(2, 100), (3, 100), (4, 100)], || {
		let id = register(1);
		for n in 2..=4 {
			assert_ok!(Snapshots::attest(by(n), id));
		}
		assert_noop!(Snapshots::clean_up(by(9), H256::zero(), 1), Fails::UnknownSnapshot);
		assert_noop!(Snapshots::clean_up(by(9), id, 1), Fails::NothingToCleanUp);
		run_to(100);
		assert_noop!(Snapshots::clean_up(by(9), id, 1), Fails::NothingToCleanUp);
		assert!(Snapshots::latest_certified().is_some());
		run_to(101);
		// Without being touched it is no longer offered.
		assert_eq!(Snapshots::latest_certified(), None);
		assert_noop!(Snapshots::clean_up(by(9), id, 0), Fails::StillBound);
		let cost = Snapshots::clean_up(by(9), id, 2).unwrap().actual_weight.unwrap();
		assert_eq!(cost, <() as WeightInfo>::clean_up(2));
		check();
		assert_eq!(record(id).attesters, 1);
		assert_ok!(Snapshots::clean_up(by(9), id, 2));
		assert_eq!(count(), 0);
		assert_eq!(free(1), FUNDS);
		assert!(events().contains(&Event::Removed { id }));
		assert_ok!(Snapshots::unbond(by(2), 100));
		run(10);
		assert_ok!(Snapshots::withdraw_unbonded(by(2)));
	});
}

#[test]
fn expiry_frees_nobody_within_the_window() {
	test(&[(2, 100), (3, 100)], || {
		let id = register(1);
		run_to(100);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		run_to(110);
		assert_noop!(Snapshots::clean_up(by(9), id, 4), Fails::StillBound);
		// It can be disputed as long as somebody is bound.
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Dismissed));
		run_to(115);
		assert_ok!(Snapshots::clean_up(by(9), id, 4));
		assert_eq!(count(), 0);
	});
}

#[test]
fn the_hook_goes_round_and_cleans_up() {
	test(&[(2, 100), (3, 100)], || {
		let ids = [1, 2, 3].map(register);
		assert_ok!(Snapshots::attest(by(2), ids[1]));
		assert_ok!(Snapshots::attest(by(3), ids[1]));
		for _ in 0..3 {
			assert_eq!(idle(), <() as WeightInfo>::on_idle_look());
			assert!(CleanUpCursor::<Test>::exists());
		}
		idle();
		assert!(!CleanUpCursor::<Test>::exists(), "the round is over");
		assert_eq!(count(), 3);

		run_to(50);
		assert_ok!(Snapshots::set_locations(by(1), ids[2], locations()));
		run_to(101);
		for _ in 0..4 {
			idle();
			check();
		}
		assert_eq!(crate::Snapshots::<Test>::iter_keys().collect::<Vec<_>>(), vec![ids[2]]);

		// A dispute that has lapsed is ended as well.
		assert_ok!(Snapshots::dispute(by(4), ids[2], H256::zero()));
		run(20);
		for _ in 0..2 {
			idle();
		}
		assert_eq!(record(ids[2]).status, Status::Pending);
	});
}

#[test]
fn the_hook_does_nothing_without_room_and_goes_on_after_what_is_bound() {
	use frame_support::{traits::Hooks, weights::Weight};
	test(&[(2, 100), (3, 100)], || {
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		assert_ok!(Snapshots::retire(by(1), id));
		let little = <() as WeightInfo>::on_idle_look();
		assert_eq!(<Snapshots as Hooks<Number>>::on_idle(1, little), Weight::zero());
		assert!(!CleanUpCursor::<Test>::exists());
		idle();
		assert_eq!(CleanUpCursor::<Test>::get(), Some(id));
		assert_eq!(record(id).attesters, 2);
		// The cursor may point to what is gone by now.
		run_to(16);
		assert_ok!(Snapshots::clean_up(by(9), id, 4));
		idle();
		assert!(!CleanUpCursor::<Test>::exists());
	});
}
