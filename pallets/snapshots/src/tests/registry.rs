//! Registration, locations, retirement.

use alloc::{boxed::Box, vec, vec::Vec};

use frame_support::{assert_noop, assert_ok};
use sp_core::H256;

use crate::{
	mock::standard::*, Address, Error, Event, HoldReason, Listed, Location, Manifest, Status,
};

type Fails = Error<Test>;

fn at(address: Address) -> Location {
	Location { address, port: 9900, namespace: b"snapshots".to_vec().try_into().unwrap() }
}

fn dns(name: &str) -> Location {
	at(Address::Dns(name.as_bytes().to_vec().try_into().unwrap()))
}

fn register_at(locations: Vec<Location>) -> frame_support::dispatch::DispatchResult {
	Snapshots::register(by(1), Box::new(header(0)), image(1), locations)
}

#[test]
fn every_broken_location_has_its_error() {
	test(&[], || {
		let good = dns("zdb.example.org");
		assert_noop!(register_at(vec![]), Fails::NoLocations);
		let five = (1..=5).map(|port| Location { port, ..good.clone() }).collect();
		assert_noop!(register_at(five), Fails::TooManyLocations);
		assert_noop!(register_at(vec![good.clone(), good.clone()]), Fails::DuplicateLocation);
		assert_noop!(
			register_at(vec![good.clone(), Location { port: 0, ..good.clone() }]),
			Fails::InvalidPort
		);
		for address in [
			Address::Ipv4([0, 0, 0, 0]),
			Address::Ipv4([224, 0, 0, 1]),
			Address::Ipv4([255, 255, 255, 255]),
			Address::Ipv6([0; 16]),
			Address::Ipv6([0xff; 16]),
		] {
			assert_noop!(register_at(vec![at(address)]), Fails::InvalidAddress);
		}
		for name in ["", ".", "a..b", "-a.org", "a-.org", "a_b.org", "a b", "1.2.3.4", "é.org"] {
			assert_noop!(register_at(vec![dns(name)]), Fails::InvalidDnsName);
		}
		for name in ["", "a/b", "a b", "a\n", "é"] {
			let namespace = name.as_bytes().to_vec().try_into().unwrap();
			let location = Location { namespace, ..good.clone() };
			assert_noop!(register_at(vec![location]), Fails::InvalidNamespace);
		}
		assert_ok!(register_at(vec![
			good,
			at(Address::Ipv4([127, 0, 0, 1])),
			at(Address::Ipv6([2; 16])),
			dns("localhost"),
		]));
	});
}

#[test]
fn what_can_not_be_registered_costs_nothing() {
	test(&[], || {
		let empty = crate::ImageInfo { logical_size: 0, ..image(1) };
		assert_noop!(
			Snapshots::register(by(1), Box::new(header(0)), empty, locations()),
			Fails::EmptyImage
		);
		// Account 20 has nothing for a deposit.
		assert!(Snapshots::register(by(20), Box::new(header(0)), image(1), locations()).is_err());
		assert_noop!(
			Snapshots::register(RuntimeOrigin::root(), Box::new(header(0)), image(1), locations()),
			sp_runtime::DispatchError::BadOrigin
		);
		assert_eq!(crate::Snapshots::<Test>::iter().count(), 0);
	});
}

#[test]
fn the_deposit_follows_the_locations_and_setting_them_renews() {
	test(&[], || {
		let id = register(1);
		let before = record(id).deposit;
		assert_eq!((on_hold(1, HoldReason::SnapshotDeposit), free(1)), (before, FUNDS - before));
		run(50);
		assert_noop!(Snapshots::set_locations(by(2), id, locations()), Fails::NotPublisher);
		assert_noop!(
			Snapshots::set_locations(by(1), H256::zero(), locations()),
			Fails::UnknownSnapshot
		);
		assert_noop!(Snapshots::set_locations(by(1), id, vec![]), Fails::NoLocations);
		let more = vec![locations()[0].clone(), dns("zdb.example.org")];
		assert_ok!(Snapshots::set_locations(by(1), id, more.clone()));
		// Tag, length, 15 bytes of name; 2 of port; length and 9 bytes of namespace.
		assert_eq!(record(id).deposit, before + 17 + 2 + 10);
		assert_eq!(on_hold(1, HoldReason::SnapshotDeposit), before + 29);
		assert_eq!(record(id).expires_at, 151);
		assert_eq!(crate::Locations::<Test>::get(id).into_inner(), more);
		assert!(events().contains(&Event::LocationsSet { id, expires_at: 151 }));

		assert_ok!(Snapshots::set_locations(by(1), id, locations()));
		assert_eq!(on_hold(1, HoldReason::SnapshotDeposit), before);
		assert_eq!(free(1), FUNDS - before);
	});
}

#[test]
fn the_list_has_the_newest_blocks_first_and_a_bound() {
	test(&[(2, 100), (3, 100)], || {
		run_to(10);
		let certify = |number, n| {
			assert_ok!(Snapshots::register(by(1), Box::new(header(number)), image(n), locations()));
			for attester in 2..=3 {
				assert_ok!(Snapshots::attest(by(attester), id(number, n)));
			}
			Listed { block_number: u64::from(number), id: id(number, n) }
		};
		let (four, two, six) = (certify(4, 1), certify(2, 1), certify(6, 1));
		let genesis = manifest(1, 1).genesis_hash;
		let list = || crate::Certified::<Test>::get(genesis).into_inner();
		assert_eq!(list(), vec![six, four, two]);
		assert_eq!(
			Snapshots::certified(2).iter().map(|entry| entry.id).collect::<Vec<_>>(),
			vec![six.id, four.id]
		);

		// The list is full: an older one stays out, a newer one pushes the oldest out. The
		// attesters vouch for three at most, so they withdraw first.
		run(15);
		for snapshot in [four, two] {
			for attester in 2..=3 {
				assert_ok!(Snapshots::withdraw_attestation(by(attester), snapshot.id));
			}
		}
		certify(1, 1);
		assert_eq!(list(), vec![six, four, two]);
		let nine = certify(9, 1);
		assert_eq!(list(), vec![nine, six, four]);
		assert_eq!(record(two.id).status, Status::Certified { at: 10 });

		assert_ok!(Snapshots::retire(by(1), six.id));
		assert_eq!(list(), vec![nine, four]);
	});
}

#[test]
fn pending_ones_come_in_pages() {
	test(&[], || {
		let mut ids: Vec<_> = (1..=3).map(register).collect();
		ids.sort();
		let whole = Snapshots::pending(None, 10);
		assert_eq!(whole.next, None);
		assert_eq!(whole.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), ids);
		let first = Snapshots::pending(None, 2);
		assert_eq!(first.next, Some(ids[1]));
		assert_eq!(first.entries.len(), 2);
		let second = Snapshots::pending(first.next, 2);
		assert_eq!((second.entries[0].id, second.entries.len()), (ids[2], 1));
		assert_eq!(second.next, None);
		assert_ok!(Snapshots::retire(by(1), ids[0]));
		assert_eq!(Snapshots::pending(None, 10).entries.len(), 2);
		// They are not shown after their term.
		run(100);
		assert_eq!(Snapshots::pending(None, 10).entries.len(), 0);
	});
}

#[test]
fn a_manifest_contradicts_what_nobody_can_honestly_vouch_for_with_it() {
	let one = manifest(5, 1);
	let other = |change: fn(&mut Manifest)| {
		let mut other = one.clone();
		change(&mut other);
		(one.contradicts(&other), other.contradicts(&one))
	};
	let (yes, no) = ((true, true), (false, false));
	assert_eq!(other(|_| ()), no);
	assert_eq!(other(|it| it.image = H256::zero()), yes);
	assert_eq!(other(|it| it.logical_size = 1), yes);
	assert_eq!(other(|it| it.block_hash = H256::zero()), yes);
	assert_eq!(other(|it| it.state_root = H256::zero()), yes);
	let honest: [fn(&mut Manifest); 4] = [
		|it| it.genesis_hash = H256::zero(),
		|it| it.block_number = 6,
		|it| it.database.kind = crate::DatabaseKind::ParityDb,
		|it| it.pruning = crate::Pruning::Keep(256),
	];
	for change in honest {
		assert_eq!(
			other(change),
			no,
			"another chain, block, engine or pruning is no contradiction"
		);
		let mut different = one.clone();
		change(&mut different);
		different.image = H256::zero();
		assert!(!one.contradicts(&different));
	}
}
