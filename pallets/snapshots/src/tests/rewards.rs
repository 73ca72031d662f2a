//! What a publisher pays to those who certify.

use frame_support::{assert_noop, assert_ok};
use sp_core::H256;

use crate::{mock::standard::*, Error, Event, HoldReason, Rewards, Verdict};

type Fails = Error<Test>;

#[test]
fn a_reward_is_paid_by_stake_when_the_snapshot_is_certified() {
	test(&[(2, 100), (3, 200)], || {
		let id = register(1);
		assert_noop!(Snapshots::fund(by(2), id, 10), Fails::NotPublisher);
		assert_noop!(Snapshots::fund(by(1), id, 0), Fails::Zero);
		assert_noop!(Snapshots::fund(by(1), H256::zero(), 10), Fails::UnknownSnapshot);
		assert_ok!(Snapshots::fund(by(1), id, 60));
		assert_ok!(Snapshots::fund(by(1), id, 40));
		assert_eq!((Rewards::<Test>::get(id), on_hold(1, HoldReason::AttesterReward)), (100, 100));
		let (two, three, publisher) = (free(2), free(3), free(1));
		assert_ok!(Snapshots::attest(by(2), id));
		assert_eq!(free(2), two, "nothing is paid before the certificate");
		assert_ok!(Snapshots::attest(by(3), id));
		// A third and two thirds of 100, and what doesn't divide goes back.
		assert_eq!((free(2), free(3), free(1)), (two + 33, three + 66, publisher + 1));
		assert_eq!(on_hold(1, HoldReason::AttesterReward), 0);
		assert!(events().contains(&Event::AttesterPaid { id, attester: 3, value: 66 }));
		assert_noop!(Snapshots::fund(by(1), id, 10), Fails::NotPending);
	});
}

#[test]
fn a_publisher_that_attests_gets_its_share_back() {
	test(&[(1, 100), (2, 100)], || {
		let before = free(1);
		let id = register(1);
		assert_ok!(Snapshots::fund(by(1), id, 100));
		assert_ok!(Snapshots::attest(by(1), id));
		assert_ok!(Snapshots::attest(by(2), id));
		assert_eq!(free(1), before - record(id).deposit - 50);
	});
}

#[test]
fn a_reward_that_was_not_earned_comes_back() {
	test(&[(2, 100), (3, 100)], || {
		let id = register(1);
		assert_ok!(Snapshots::fund(by(1), id, 100));
		assert_ok!(Snapshots::retire(by(1), id));
		assert_eq!(free(1), FUNDS);

		let id = register(2);
		assert_ok!(Snapshots::fund(by(1), id, 100));
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::retire(by(1), id));
		assert_eq!(on_hold(1, HoldReason::AttesterReward), 0);

		let id = register(3);
		assert_ok!(Snapshots::fund(by(1), id, 100));
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Fraudulent));
		assert_eq!(on_hold(1, HoldReason::AttesterReward), 0);
	});
}

#[test]
fn a_chain_can_do_without_rewards() {
	test(&[], || {
		let id = register(1);
		RewardsEnabled::set(false);
		assert_noop!(Snapshots::fund(by(1), id, 10), Fails::RewardsDisabled);
		RewardsEnabled::set(true);
	});
}
