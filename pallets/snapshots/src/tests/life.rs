//! The life of a snapshot. These run on every chain of the mock.

use alloc::boxed::Box;

use frame_support::{assert_noop, assert_ok};

use sp_core::H256;
use sp_runtime::traits::Header as _;

use super::chain::*;
use crate::{Attesters, Error, Event, HoldReason, Origin, Status, Verdict};

type Fails = Error<Test>;

#[test]
fn a_snapshot_is_registered_attested_and_certified() {
	test(&[(2, 100), (3, 100)], || {
		run_to(10);
		let id = register(1);
		assert_eq!(record(id).status, Status::Pending);
		assert_eq!(record(id).manifest, manifest(9, 1));
		assert_eq!(record(id).origin, Origin::Native);

		assert_ok!(Snapshots::attest(by(2), id));
		assert_eq!(record(id).status, Status::Pending);
		assert_ok!(Snapshots::attest(by(3), id));
		let record = record(id);
		assert_eq!(record.status, Status::Certified { at: 10 });
		assert_eq!((record.attested, record.attesters, record.quorum), (200, 2, 120));
		assert_eq!(record.bound_until, 25);
		assert_eq!(Snapshots::latest_certified().unwrap().id, id);
		assert!(events().contains(&Event::Certified { id, stake: 200, quorum: 120 }));
	});
}

#[test]
fn the_chain_checks_the_header() {
	test(&[], || {
		run_to(40);
		let register = |header| Snapshots::register(by(1), Box::new(header), image(1), locations());
		assert_noop!(register(header(40)), Fails::HeaderNotPast);
		assert_noop!(register(header(41)), Fails::HeaderNotPast);
		let mut forged = header(39);
		forged.set_state_root(H256::zero());
		assert_noop!(register(forged), Fails::HeaderNotOnChain);
		// 30 hashes are kept.
		assert_noop!(register(header(8)), Fails::HeaderTooOld);
		assert_ok!(register(header(9)));
		assert_noop!(register(header(9)), Fails::AlreadyRegistered);
		assert_ok!(register(header(39)));
		// Genesis is never forgotten.
		assert_ok!(register(header(0)));
	});
}

#[test]
fn a_dispute_suspends_and_a_dismissed_one_costs_the_deposit() {
	test(&[(2, 100), (3, 100)], || {
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		run(5);
		assert_ok!(Snapshots::dispute(by(4), id, H256::repeat_byte(7)));
		assert_eq!(on_hold(4, HoldReason::DisputeDeposit), 50);
		assert_eq!(Snapshots::latest_certified(), None);
		assert_noop!(Snapshots::dispute(by(5), id, H256::zero()), Fails::Disputed);
		assert_noop!(Snapshots::attest(by(2), id), Fails::Disputed);
		assert_noop!(Snapshots::retire(by(1), id), Fails::Disputed);
		assert_noop!(Snapshots::set_locations(by(1), id, locations()), Fails::Disputed);
		assert_noop!(Snapshots::clean_up(by(1), id, 9), Fails::Disputed);
		// Long after the dispute window, nothing that backs it can leave.
		run(16);
		assert_noop!(Snapshots::withdraw_attestation(by(2), id), Fails::Disputed);

		let treasury = free(99);
		assert_noop!(
			Snapshots::resolve(by(4), id, Verdict::Dismissed),
			sp_runtime::DispatchError::BadOrigin
		);
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Dismissed));
		assert_eq!(record(id).status, Status::Certified { at: 1 });
		assert_eq!((free(4), on_hold(4, HoldReason::DisputeDeposit)), (FUNDS - 50, 0));
		assert_eq!(free(99), treasury + 50);
		assert_eq!(Snapshots::latest_certified().unwrap().id, id);
		// The window stood still: 16 - 6 = 10 blocks of it were left.
		assert_eq!(record(id).bound_until, 16 + 16);
		assert_noop!(Snapshots::withdraw_attestation(by(2), id), Fails::StillBound);
		assert_noop!(Snapshots::resolve(judge(), id, Verdict::Dismissed), Fails::NotDisputed);
		run_to(32);
		assert_ok!(Snapshots::withdraw_attestation(by(2), id));
	});
}

#[test]
fn a_fraudulent_snapshot_slashes_all_who_vouched() {
	test(&[(2, 100), (3, 200)], || {
		let issuance = Balances::total_issuance();
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		// More bond, later, is not at risk for this snapshot.
		assert_ok!(Snapshots::bond_extra(by(2), 500));
		let deposit = record(id).deposit;
		let treasury = free(99);
		assert_ok!(Snapshots::dispute(by(4), id, H256::repeat_byte(7)));
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Fraudulent));

		assert_eq!(on_hold(2, HoldReason::AttesterBond), 50 + 500);
		assert_eq!(on_hold(3, HoldReason::AttesterBond), 100);
		assert_eq!(on_hold(1, HoldReason::SnapshotDeposit), 0);
		let slashed = 50 + 100 + deposit;
		let share = slashed / 5;
		assert_eq!(free(4), FUNDS + share);
		assert_eq!(free(99), treasury + slashed - share);
		assert_eq!(Balances::total_issuance(), issuance);
		assert!(events().contains(&Event::ReporterPaid { reporter: account(4), value: share }));

		assert_eq!(record(id).status, Status::Fraudulent { since: 1 });
		assert_eq!((record(id).attested, record(id).attesters), (0, 0));
		assert_noop!(Snapshots::attest(by(2), id), Fails::Ended);
		assert_noop!(Snapshots::dispute(by(2), id, H256::zero()), Fails::Ended);
		assert_noop!(Snapshots::retire(by(1), id), Fails::Ended);
		assert_noop!(
			Snapshots::register(by(1), Box::new(header(0)), image(1), locations()),
			Fails::AlreadyRegistered
		);
		assert_noop!(Snapshots::clean_up(by(5), id, 9), Fails::NothingToCleanUp);
		run(100);
		assert_ok!(Snapshots::clean_up(by(5), id, 9));
		assert_eq!(crate::Snapshots::<Test>::get(id), None);
	});
}

#[test]
fn a_bond_leaves_after_the_period_and_only_when_it_backs_nothing() {
	test(&[(2, 100), (3, 100)], || {
		let id = register(1);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		assert_ok!(Snapshots::unbond(by(2), 100));
		assert_noop!(Snapshots::withdraw_unbonded(by(2)), Fails::NothingToWithdraw);
		// The unbonding period ends at 11, the dispute window at 16.
		run_to(15);
		assert_noop!(Snapshots::withdraw_unbonded(by(2)), Fails::NothingToWithdraw);
		assert_noop!(Snapshots::withdraw_attestation(by(2), id), Fails::StillBound);
		run_to(16);
		assert_noop!(Snapshots::withdraw_unbonded(by(2)), Fails::NothingToWithdraw);
		assert_ok!(Snapshots::withdraw_attestation(by(2), id));
		assert_ok!(Snapshots::withdraw_unbonded(by(2)));
		assert_eq!((free(2), on_hold(2, HoldReason::AttesterBond)), (FUNDS, 0));
		assert_eq!(Attesters::<Test>::get(account(2)), None);
		// Certified is certified: what stands behind it now is in the record.
		assert_eq!(record(id).status, Status::Certified { at: 1 });
		assert_eq!((record(id).attested, record(id).attesters), (100, 1));
	});
}

#[test]
fn an_equivocation_needs_no_judge() {
	test(&[(2, 100), (3, 100), (4, 100)], || {
		let a = register(1);
		let b = register(2);
		for n in 2..=3 {
			assert_ok!(Snapshots::attest(by(n), a));
		}
		assert_ok!(Snapshots::attest(by(2), b));
		assert_noop!(Snapshots::report_equivocation(by(5), account(3), a, b), Fails::NotAttested);
		assert_noop!(
			Snapshots::report_equivocation(by(5), account(2), a, a),
			Fails::NoEquivocation
		);
		assert_eq!(record(a).status, Status::Certified { at: 1 });
		assert_ok!(Snapshots::report_equivocation(by(5), account(2), a, b));
		assert_eq!(on_hold(2, HoldReason::AttesterBond), 50);
		assert_eq!(free(5), FUNDS + 10);
		// What is left is not the quorum: not certified any more, and attester 3 is free.
		assert_eq!(record(a).status, Status::Pending);
		assert_eq!(Snapshots::latest_certified(), None);
		assert_ok!(Snapshots::withdraw_attestation(by(3), a));
		assert_eq!(record(b).attesters, 0);
	});
}

#[test]
fn a_foreign_snapshot_is_marked_and_needs_more() {
	test(&[(2, 100), (3, 100), (4, 100)], || {
		assert_noop!(
			Snapshots::register_foreign(by(1), manifest(0, 1), locations()),
			Fails::NotForeign
		);
		assert_ok!(Snapshots::register_foreign(by(1), foreign(1), locations()));
		let id = foreign(1).id::<<Test as frame_system::Config>::Hashing>();
		assert_eq!(record(id).origin, Origin::Foreign);
		let native = register(1);
		assert_eq!(record(id).deposit, record(native).deposit + 400);
		// 60 % is enough for a native snapshot, and 80 % is needed here.
		for n in 2..=3 {
			assert_ok!(Snapshots::attest(by(n), id));
			assert_ok!(Snapshots::attest(by(n), native));
		}
		assert_eq!(record(native).status, Status::Certified { at: 1 });
		assert_eq!(record(id).status, Status::Pending);
		assert_ok!(Snapshots::attest(by(4), id));
		assert_eq!(record(id).status, Status::Certified { at: 1 });
		assert_eq!(Snapshots::certified(9).len(), 1);
		assert_eq!(Snapshots::certified_of(foreign(1).genesis_hash, 9)[0].id, id);
	});
}

#[test]
fn retirement_gives_the_deposit_back_and_frees_nobody_early() {
	test(&[(2, 100), (3, 100)], || {
		let unattested = register(1);
		assert_noop!(Snapshots::retire(by(2), unattested), Fails::NotPublisher);
		assert_ok!(Snapshots::retire(by(1), unattested));
		assert_eq!(free(1), FUNDS);
		assert_noop!(Snapshots::retire(by(1), unattested), Fails::UnknownSnapshot);

		let id = register(2);
		assert_ok!(Snapshots::attest(by(2), id));
		assert_ok!(Snapshots::attest(by(3), id));
		assert_ok!(Snapshots::retire(by(1), id));
		assert_eq!(record(id).status, Status::Retired { since: 1 });
		assert_eq!(Snapshots::latest_certified(), None);
		assert_noop!(Snapshots::retire(by(1), id), Fails::Ended);
		assert_noop!(Snapshots::withdraw_attestation(by(2), id), Fails::StillBound);
		assert_noop!(Snapshots::clean_up(by(5), id, 9), Fails::StillBound);
		// It can still be disputed, and comes out of it as it was.
		assert_ok!(Snapshots::dispute(by(4), id, H256::zero()));
		assert_ok!(Snapshots::resolve(judge(), id, Verdict::Dismissed));
		assert_eq!(record(id).status, Status::Retired { since: 1 });
		run_to(16);
		assert_ok!(Snapshots::clean_up(by(5), id, 1));
		assert_eq!(record(id).attesters, 1);
		idle();
		assert_eq!(crate::Snapshots::<Test>::get(id), None);
		assert_eq!(free(1), FUNDS);
	});
}
