//! The worst case of every call.

use alloc::{boxed::Box, vec, vec::Vec};

use frame_benchmarking::v2::*;
use frame_support::{
	traits::{
		fungible::{Balanced, MutateHold},
		EnsureOrigin, Get,
	},
	weights::Weight,
	BoundedVec,
};
use frame_system::{
	pallet_prelude::{BlockNumberFor, HeaderFor},
	RawOrigin,
};
use sp_core::H256;
use sp_runtime::traits::{Header, One, Saturating, Zero};

use crate::*;

/// How much more the one bond that decides has than every other one.
const DECIDING: u32 = 100_000;

/// An account that can pay for everything here.
fn account_with_funds<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who: T::AccountId = account(name, index, 0);
	fund::<T>(&who);
	who
}

fn caller_with_funds<T: Config>() -> T::AccountId {
	let who: T::AccountId = whitelisted_caller();
	fund::<T>(&who);
	who
}

fn fund<T: Config>(who: &T::AccountId) {
	let least = T::MinBond::get()
		.saturating_add(T::DepositBase::get())
		.saturating_add(T::ForeignDepositBase::get())
		.saturating_add(T::DepositPerByte::get())
		.saturating_add(T::DisputeDeposit::get())
		.saturating_add(T::Currency::minimum_balance())
		.saturating_add(One::one());
	let much = least.saturating_mul((10 * DECIDING).into());
	T::Currency::resolve(who, T::Currency::issue(much)).expect("the account can be made; qed");
}

/// Takes the bonds of the genesis out of the count, so that the ones made here decide.
fn forget_stake<T: Config>() {
	TotalBonded::<T>::kill();
	TotalMaturing::<T>::kill();
}

fn now<T: Config>() -> BlockNumberFor<T> {
	frame_system::Pallet::<T>::block_number()
}

/// Bonds, and goes on to the block in which the bond counts.
fn bonded<T: Config>(who: &T::AccountId, times: u32) {
	all_bonded::<T>(core::slice::from_ref(who), times);
}

/// Bonds for all at once, so that nothing registered before expires on the way.
fn all_bonded<T: Config>(all: &[T::AccountId], times: u32) {
	let value = T::MinBond::get().saturating_mul(times.into());
	for who in all {
		Pallet::<T>::do_bond(who.clone(), value).expect("the account has funds; qed");
	}
	frame_system::Pallet::<T>::set_block_number(Pallet::<T>::maturity_date());
}

/// Fills the lists of a bond as far as they go, with parts of one unit, but for `free` places.
fn fill_lists<T: Config>(who: &T::AccountId, free: u32) {
	let mut bond = Attesters::<T>::get(who).expect("it was bonded; qed");
	let one = BalanceOf::<T>::one();
	bond.maturing = BoundedVec::new();
	TotalMaturing::<T>::kill();
	for part in 1..MATURITY_COHORTS {
		let at = now::<T>().saturating_add((1_000 * part).into());
		let young = Maturing { at, value: one };
		bond.maturing.try_push(young).expect("within the bound; qed");
		bond.bonded.saturating_accrue(one);
		TotalBonded::<T>::mutate(|total| total.saturating_accrue(one));
		TotalMaturing::<T>::mutate(|all| all.try_push(young).expect("within the bound; qed"));
		T::Currency::hold(&HoldReason::AttesterBond.into(), who, one).expect("it has funds; qed");
	}
	for _ in free..T::MaxUnlocking::get() {
		let part = Unlocking { value: one, since: Zero::zero(), free_at: Zero::zero() };
		bond.unlocking.try_push(part).expect("within the bound; qed");
		T::Currency::hold(&HoldReason::AttesterBond.into(), who, one).expect("it has funds; qed");
	}
	Attesters::<T>::insert(who, bond);
}

/// Fills the vouches of a bond but for `free` places.
fn fill_vouches<T: Config>(who: &T::AccountId, free: u32) {
	Attesters::<T>::mutate(who, |bond| {
		let bond = bond.as_mut().expect("it was bonded; qed");
		let mut index = 0u64;
		while (bond.vouches.len() as u32).saturating_add(free) < T::MaxVouches::get() {
			let snapshot = H256::from_low_u64_be(index);
			bond.vouches.try_push(Vouch { snapshot, at: now::<T>() }).expect("bounded; qed");
			index = index.saturating_add(1);
		}
	});
}

/// The longest locations there are, all different.
fn locations(count: u32) -> Vec<Location> {
	let name = [vec![b'a'; 63], vec![b'b'; 63], vec![b'c'; 63], vec![b'd'; 61]].join(&b'.');
	(0..count)
		.map(|index| Location {
			address: Address::Dns(name.clone().try_into().expect("253 bytes; qed")),
			port: 1u16.saturating_add(index as u16),
			namespace: vec![b'n'; 128].try_into().expect("128 bytes; qed"),
		})
		.collect()
}

fn image(n: u8) -> ImageInfo {
	ImageInfo {
		image: H256::repeat_byte(n),
		logical_size: 1,
		database: Database { kind: DatabaseKind::RocksDb, version: 4 },
		pruning: Pruning::Keep(256),
	}
}

/// A header that this chain knows, of the block before this one.
fn known_header<T: Config>() -> HeaderFor<T> {
	let number = now::<T>();
	frame_system::Pallet::<T>::set_block_number(number.saturating_add(One::one()));
	let header = HeaderFor::<T>::new(
		number,
		Default::default(),
		Default::default(),
		Default::default(),
		Default::default(),
	);
	frame_system::BlockHash::<T>::insert(number, header.hash());
	header
}

/// Registers an image at a known block, with a reward where there are rewards.
fn registered<T: Config>(
	publisher: &T::AccountId,
	header: &HeaderFor<T>,
	n: u8,
) -> Result<SnapshotId, BenchmarkError> {
	let places = locations(T::MaxLocations::get());
	Pallet::<T>::do_register(publisher.clone(), header, image(n), places)?;
	let number: u64 = (*header.number()).try_into().map_err(|_| "a block number of 64 bits")?;
	let manifest = image(n).at(
		Pallet::<T>::genesis_hash(),
		number,
		header.hash().into(),
		(*header.state_root()).into(),
	);
	Ok(manifest.id::<T::Hashing>())
}

fn rewarded<T: Config>(publisher: &T::AccountId, id: SnapshotId) -> Result<(), BenchmarkError> {
	if T::RewardsEnabled::get() {
		let reward = T::MinBond::get().saturating_mul(1_000u32.into());
		Pallet::<T>::do_fund(publisher.clone(), id, reward)?;
	}
	Ok(())
}

/// Lets `count` new attesters with full lists vouch for a snapshot.
fn attested<T: Config>(
	id: SnapshotId,
	name: &'static str,
	count: u32,
) -> Result<(), BenchmarkError> {
	let attesters: Vec<T::AccountId> =
		(0..count).map(|index| account_with_funds::<T>(name, index)).collect();
	all_bonded::<T>(&attesters, 1);
	for who in attesters {
		Pallet::<T>::do_attest(who.clone(), id)?;
		fill_vouches::<T>(&who, 0);
	}
	Ok(())
}

/// Makes a snapshot certified, by all that vouches for it, at the end of a full list.
fn certified<T: Config>(id: SnapshotId) {
	Snapshots::<T>::mutate(id, |snapshot| {
		let snapshot = snapshot.as_mut().expect("it was registered; qed");
		let at = now::<T>();
		snapshot.status = Status::Certified { at };
		snapshot.quorum = snapshot.attested;
		snapshot.bound_until = at.saturating_add(T::DisputeWindow::get());
		Pallet::<T>::unlist(&id, snapshot);
		let newer: Vec<_> = (1..T::MaxListed::get())
			.map(|index| Listed { block_number: u64::MAX, id: H256::from_low_u64_be(index.into()) })
			.collect();
		Certified::<T>::insert(snapshot.manifest.genesis_hash, BoundedVec::truncate_from(newer));
		Pallet::<T>::list(&id, snapshot);
	});
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn register(l: Linear<1, { T::MaxLocations::get() }>) -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		let header = Box::new(known_header::<T>());

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), header, image(1), locations(l));

		assert_eq!(
			Snapshots::<T>::iter().filter(|(_, s)| s.registered_at == now::<T>()).count(),
			1
		);
		Ok(())
	}

	#[benchmark]
	fn register_foreign(l: Linear<1, { T::MaxLocations::get() }>) -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		let foreign = H256::repeat_byte(0xfe);
		let manifest = image(1).at(foreign, 1, foreign, foreign);
		let id = manifest.id::<T::Hashing>();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), manifest, locations(l));

		assert!(Snapshots::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn set_locations(l: Linear<1, { T::MaxLocations::get() }>) -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		let header = known_header::<T>();
		let id = registered::<T>(&caller, &header, 1)?;

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id, locations(l));

		assert_eq!(Locations::<T>::get(id).len() as u32, l);
		Ok(())
	}

	#[benchmark]
	fn retire() -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		let header = known_header::<T>();
		let id = registered::<T>(&caller, &header, 1)?;
		rewarded::<T>(&caller, id)?;
		certified::<T>(id);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id);

		assert!(!Snapshots::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn bond() -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), T::MinBond::get());

		assert!(Attesters::<T>::contains_key(caller));
		Ok(())
	}

	#[benchmark]
	fn bond_extra() -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		bonded::<T>(&caller, 1);
		fill_lists::<T>(&caller, 0);
		fill_vouches::<T>(&caller, 0);
		let before = Attesters::<T>::get(&caller).map(|it| it.bonded);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), T::MinBond::get());

		assert!(Attesters::<T>::get(&caller).map(|it| it.bonded) > before);
		Ok(())
	}

	#[benchmark]
	fn unbond() -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		bonded::<T>(&caller, 2);
		fill_lists::<T>(&caller, 1);
		fill_vouches::<T>(&caller, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), T::MinBond::get());

		let left = Attesters::<T>::get(&caller).ok_or("the bond is gone")?;
		assert_eq!(left.unlocking.len() as u32, T::MaxUnlocking::get());
		Ok(())
	}

	#[benchmark]
	fn withdraw_unbonded() -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		bonded::<T>(&caller, 2);
		fill_lists::<T>(&caller, 0);
		fill_vouches::<T>(&caller, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()));

		let left = Attesters::<T>::get(&caller).ok_or("the bond is gone")?;
		assert!(left.unlocking.is_empty());
		Ok(())
	}

	#[benchmark]
	fn attest(
		a: Linear<{ T::MinAttesters::get() }, { T::MaxAttesters::get() }>,
	) -> Result<(), BenchmarkError> {
		forget_stake::<T>();
		let publisher = account_with_funds::<T>("publisher", 0);
		let caller = caller_with_funds::<T>();
		bonded::<T>(&caller, DECIDING);
		fill_vouches::<T>(&caller, 1);
		let header = known_header::<T>();
		let id = registered::<T>(&publisher, &header, 1)?;
		rewarded::<T>(&publisher, id)?;
		attested::<T>(id, "attester", a.saturating_sub(1))?;
		fill_lists::<T>(&caller, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id);

		let snapshot = Snapshots::<T>::get(id).ok_or("the snapshot is gone")?;
		assert!(snapshot.status.is_certified());
		Ok(())
	}

	#[benchmark]
	fn withdraw_attestation() -> Result<(), BenchmarkError> {
		forget_stake::<T>();
		let caller = caller_with_funds::<T>();
		bonded::<T>(&caller, 2);
		let header = known_header::<T>();
		let id = registered::<T>(&caller, &header, 1)?;
		Pallet::<T>::do_attest(caller.clone(), id)?;
		fill_lists::<T>(&caller, 0);
		fill_vouches::<T>(&caller, 0);
		let window = T::DisputeWindow::get().saturating_add(One::one());
		frame_system::Pallet::<T>::set_block_number(now::<T>().saturating_add(window));

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), id);

		assert!(!Attestations::<T>::contains_key(id, caller));
		Ok(())
	}

	#[benchmark]
	fn dispute() -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		let header = known_header::<T>();
		let id = registered::<T>(&caller, &header, 1)?;
		certified::<T>(id);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id, H256::repeat_byte(1));

		assert!(Disputes::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn resolve(a: Linear<1, { T::MaxAttesters::get() }>) -> Result<(), BenchmarkError> {
		let origin =
			T::DisputeOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		forget_stake::<T>();
		let publisher = account_with_funds::<T>("publisher", 0);
		let reporter = account_with_funds::<T>("reporter", 0);
		// Idle stake keeps the snapshot pending, so that the reward is still there to give back.
		bonded::<T>(&reporter, DECIDING);
		let header = known_header::<T>();
		let id = registered::<T>(&publisher, &header, 1)?;
		rewarded::<T>(&publisher, id)?;
		attested::<T>(id, "attester", a)?;
		Pallet::<T>::do_dispute(reporter, id, H256::repeat_byte(1))?;

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, id, Verdict::Fraudulent);

		let snapshot = Snapshots::<T>::get(id).ok_or("the snapshot is gone")?;
		assert!(matches!(snapshot.status, Status::Fraudulent { .. }));
		Ok(())
	}

	#[benchmark]
	fn report_equivocation(a: Linear<1, { T::MaxAttesters::get() }>) -> Result<(), BenchmarkError> {
		forget_stake::<T>();
		let caller = caller_with_funds::<T>();
		let idle = account_with_funds::<T>("idle", 0);
		bonded::<T>(&idle, DECIDING);
		let equivocator = account_with_funds::<T>("equivocator", 0);
		bonded::<T>(&equivocator, 1);
		let header = known_header::<T>();
		let id_a = registered::<T>(&caller, &header, 1)?;
		let id_b = registered::<T>(&caller, &header, 2)?;
		for (id, name) in [(id_a, "attester"), (id_b, "other")] {
			attested::<T>(id, name, a.saturating_sub(1))?;
			Pallet::<T>::do_attest(equivocator.clone(), id)?;
		}
		certified::<T>(id_a);
		certified::<T>(id_b);
		// The second one has written the list anew: both have to be on it.
		Snapshots::<T>::get(id_a)
			.map(|snapshot| Pallet::<T>::list(&id_a, &snapshot))
			.ok_or("the snapshot is gone")?;
		fill_vouches::<T>(&equivocator, 0);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), equivocator.clone(), id_a, id_b);

		for id in [id_a, id_b] {
			let snapshot = Snapshots::<T>::get(id).ok_or("the snapshot is gone")?;
			assert_eq!(snapshot.status, Status::Pending);
		}
		Ok(())
	}

	#[benchmark]
	fn clean_up(a: Linear<1, { T::MaxAttesters::get() }>) -> Result<(), BenchmarkError> {
		forget_stake::<T>();
		let caller = caller_with_funds::<T>();
		let publisher = account_with_funds::<T>("publisher", 0);
		bonded::<T>(&publisher, DECIDING);
		let header = known_header::<T>();
		let id = registered::<T>(&publisher, &header, 1)?;
		rewarded::<T>(&publisher, id)?;
		attested::<T>(id, "attester", a)?;
		// Listed and with a reward: more than can be there at a time.
		certified::<T>(id);
		let term = T::Expiry::get().max(T::DisputeWindow::get());
		frame_system::Pallet::<T>::set_block_number(now::<T>().saturating_add(term));

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id, a);

		assert!(!Snapshots::<T>::contains_key(id));
		Ok(())
	}

	#[benchmark]
	fn certify(
		a: Linear<{ T::MinAttesters::get() }, { T::MaxAttesters::get() }>,
	) -> Result<(), BenchmarkError> {
		forget_stake::<T>();
		let caller = caller_with_funds::<T>();
		let idle = account_with_funds::<T>("idle", 0);
		bonded::<T>(&idle, DECIDING);
		let header = known_header::<T>();
		let id = registered::<T>(&caller, &header, 1)?;
		rewarded::<T>(&caller, id)?;
		attested::<T>(id, "attester", a)?;
		Pallet::<T>::do_unbond(idle, T::MinBond::get().saturating_mul(DECIDING.into()))?;

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id);

		let snapshot = Snapshots::<T>::get(id).ok_or("the snapshot is gone")?;
		assert!(snapshot.status.is_certified());
		Ok(())
	}

	#[benchmark]
	fn fund() -> Result<(), BenchmarkError> {
		if !T::RewardsEnabled::get() {
			return Err(BenchmarkError::Weightless);
		}
		let caller = caller_with_funds::<T>();
		let header = known_header::<T>();
		let id = registered::<T>(&caller, &header, 1)?;
		rewarded::<T>(&caller, id)?;
		let before = Rewards::<T>::get(id);

		#[extrinsic_call]
		_(RawOrigin::Signed(caller), id, T::MinBond::get());

		assert!(Rewards::<T>::get(id) > before);
		Ok(())
	}

	#[benchmark]
	fn on_idle_look() -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();
		let header = known_header::<T>();
		let id = registered::<T>(&caller, &header, 1)?;

		#[block]
		{
			Pallet::<T>::clean_up_next(Weight::MAX);
		}

		assert!(Snapshots::<T>::contains_key(id));
		assert!(CleanUpCursor::<T>::exists());
		Ok(())
	}

	impl_benchmark_test_suite! {
		Pallet,
		crate::mock::standard::chain_with(&[]),
		crate::mock::standard::Test,
	}
}
