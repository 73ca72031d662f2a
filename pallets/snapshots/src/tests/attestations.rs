//! Attestations and the quorum.

use frame_support::{assert_noop, assert_ok};
use sp_core::H256;

use crate::{
	mock::standard::*, Attestation, Attestations, Error, Event, Status, Verdict, Withdrawal,
};

type Fails = Error<Test>;

#[test]
fn an_attestation_needs_a_mature_bond_and_an_open_snapshot() {
	test(&[(2, 100)], || {
		let id = register(1);
		assert_noop!(Snapshots::attest(by(2), H256::zero()), Fails::UnknownSnapshot);
		assert_noop!(Snapshots::attest(by(3), id), Fails::NotBonded);
		assert_ok!(Snapshots::bond(by(3), 100));
		assert_noop!(Snapshots::attest(by(3), id), Fails::BondNotMature);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_noop!(Snapshots::attest(by(2), id), Fails::AlreadyAttested);
		assert_eq!(Attestations::<Test>::get(id, 2), Some(Attestation { stake: 100, at: 1 }));
		assert_noop!(Snapshots::withdraw_attestation(by(3), id), Fails::NotAttested);
		assert_noop!(Snapshots::withdraw_attestation(by(2), H256::zero()), Fails::UnknownSnapshot);
		run(100);
		assert_noop!(Snapshots::attest(by(3), id), Fails::Expired);
		assert_ok!(Snapshots::set_locations(by(1), id, locations()));
		assert_ok!(Snapshots::attest(by(3), id));
	});
}

#[test]
fn a_fortune_bonded_for_one_block_buys_nothing() {
	test(&[(2, 100), (3, 100)], || {
		let good = register(1);
		let bad = register(2);
		assert_ok!(Snapshots::attest(by(2), good));
		// It neither vouches ...
		assert_ok!(Snapshots::bond(by(4), 9_000));
		assert_noop!(Snapshots::attest(by(4), bad), Fails::BondNotMature);
		// ... nor does it raise what the others need.
		assert_eq!(Snapshots::required_stake(crate::Origin::Native), 120);
		assert_ok!(Snapshots::attest(by(3), good));
		assert_eq!(record(good).status, Status::Certified { at: 1 });
		// Once out again it stays on hold for the whole unbonding period.
		assert_ok!(Snapshots::unbond(by(4), 9_000));
		run(9);
		assert_noop!(Snapshots::withdraw_unbonded(by(4)), Fails::NothingToWithdraw);
		// And being bonded afterwards does not make an old part count twice.
		run_to(11);
		assert_eq!(Snapshots::total_matured(), 200);
	});
}

#[test]
fn stake_alone_is_not_enough_and_neither_is_number() {
	test(&[(2, 1_000), (3, 10), (4, 10), (5, 10)], || {
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_eq!(record(id).status, Status::Pending, "one attester is not two");
		let other = register(2);
		for n in 3..=5 {
			assert_ok!(Snapshots::attest(by(n), other));
		}
		assert_eq!(record(other).status, Status::Pending, "30 is not 60 % of 1030");
		assert_noop!(Snapshots::certify(by(9), other), Fails::NoQuorum);
		assert_ok!(Snapshots::attest(by(3), id));
		assert_eq!(record(id).status, Status::Certified { at: 1 });
		assert_noop!(Snapshots::certify(by(9), id), Fails::NotPending);
	});
}

#[test]
fn stake_on_its_way_out_certifies_nothing() {
	test(&[(2, 100), (3, 100), (4, 100)], || {
		// Vouching first and unbonding then would lower what is needed and still count.
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::unbond(by(2), 100));
		assert_eq!(Snapshots::required_stake(crate::Origin::Native), 120);
		assert_ok!(Snapshots::attest(by(3), id));
		assert_eq!(record(id).status, Status::Pending, "200 attested, and 100 of it counts");
		assert_ok!(Snapshots::attest(by(4), id));
		assert_eq!(record(id).status, Status::Certified { at: 1 });
		assert!(events().contains(&Event::Certified { id, stake: 200, quorum: 120 }));
	});
}

#[test]
fn stake_slashed_elsewhere_certifies_nothing() {
	test(&[(2, 100), (3, 100), (4, 40)], || {
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(4), id));
		let bad = register(2);
		assert_ok!(Snapshots::attest(by(2), bad));
		assert_ok!(Snapshots::dispute(by(5), bad, H256::zero()));
		assert_ok!(Snapshots::resolve(judge(), bad, Verdict::Fraudulent));
		// 140 are attested, 50 + 40 count, and 114 of 190 are needed.
		assert_eq!(record(id).attested, 140);
		assert_eq!(Snapshots::snapshot(id).unwrap().standing_stake, 90);
		assert_noop!(Snapshots::certify(by(9), id), Fails::NoQuorum);
		assert_ok!(Snapshots::attest(by(3), id));
		assert_eq!(record(id).status, Status::Certified { at: 1 });
	});
}

#[test]
fn anybody_can_have_the_votes_counted_again() {
	test(&[(2, 100), (3, 100), (4, 900)], || {
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		assert_noop!(Snapshots::certify(by(9), id), Fails::NoQuorum);
		assert_ok!(Snapshots::unbond(by(4), 900));
		assert_noop!(Snapshots::certify(by(9), H256::zero()), Fails::UnknownSnapshot);
		assert_ok!(Snapshots::certify(by(9), id));
		assert_eq!(record(id).status, Status::Certified { at: 1 });
	});
}

#[test]
fn many_small_bonds_do_not_keep_a_large_one_out() {
	test(&[(2, 10), (3, 11), (4, 12), (5, 13), (6, 10), (7, 1_000)], || {
		let id = register(1);
		for n in 2..=5 {
			assert_ok!(Snapshots::attest(by(n), id));
		}
		assert_noop!(Snapshots::attest(by(6), id), Fails::TooManyAttesters);
		assert_ok!(Snapshots::attest(by(7), id));
		assert!(events().contains(&Event::AttestationWithdrawn {
			id,
			attester: 2,
			reason: Withdrawal::Displaced,
		}));
		assert_eq!((record(id).attesters, record(id).attested), (4, 11 + 12 + 13 + 1_000));
		assert_eq!(record(id).status, Status::Certified { at: 1 });
		// Those who have certified it are bound, so nobody is displaced any more.
		assert_ok!(Snapshots::bond_extra(by(2), 5_000));
		run(10);
		assert_noop!(Snapshots::attest(by(2), id), Fails::TooManyAttesters);
	});
}

#[test]
fn an_attester_vouches_for_a_bounded_number() {
	test(&[(2, 100)], || {
		let ids = [1, 2, 3, 4].map(register);
		for id in &ids[..3] {
			assert_ok!(Snapshots::attest(by(2), *id));
		}
		assert_noop!(Snapshots::attest(by(2), ids[3]), Fails::TooManyVouches);
		assert_ok!(Snapshots::withdraw_attestation(by(2), ids[0]));
		assert_ok!(Snapshots::attest(by(2), ids[3]));
		assert_eq!(Snapshots::attester(2).unwrap().vouches.len(), 3);
	});
}

#[test]
fn a_late_attester_is_bound_for_a_whole_window() {
	test(&[(2, 100), (3, 100), (4, 10)], || {
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		run_to(12);
		assert_ok!(Snapshots::attest(by(4), id));
		run_to(16);
		assert_ok!(Snapshots::withdraw_attestation(by(2), id));
		assert_noop!(Snapshots::withdraw_attestation(by(4), id), Fails::StillBound);
		run_to(27);
		assert_ok!(Snapshots::withdraw_attestation(by(4), id));
	});
}

#[test]
fn without_any_stake_nothing_is_certified() {
	test(&[], || {
		let id = register(1);
		MinAttesters::set(0);
		assert_noop!(Snapshots::certify(by(9), id), Fails::NoQuorum);
		MinAttesters::set(2);
	});
}
