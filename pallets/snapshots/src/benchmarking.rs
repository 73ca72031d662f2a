//! The worst case of every call, and of a look of the idle hook. What the hook does besides is a
//! `clean_up`.

mod setup;

use alloc::boxed::Box;

use frame_benchmarking::v2::*;
use frame_support::{
	traits::{EnsureOrigin, Get},
	weights::Weight,
};
use frame_system::RawOrigin;
use sp_core::H256;
use sp_runtime::traits::{One, Saturating};

use crate::*;
use setup::*;

#[benchmarks]
mod benchmarks {
	use super::*;

	// `l`: locations, of the greatest length.
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

	// `l`: locations, of the greatest length.
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

	// `l`: locations, of the greatest length.
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

	// Nobody vouches, so the snapshot is removed at once, with a reward and from a full list.
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

	// A first bond.
	#[benchmark]
	fn bond() -> Result<(), BenchmarkError> {
		let caller = caller_with_funds::<T>();

		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), T::MinBond::get());

		assert!(Attesters::<T>::contains_key(caller));
		Ok(())
	}

	// A bond with the longest lists.
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

	// A bond with the longest lists, but for the place that this takes.
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

	// All that can be unlocking, of a bond with the longest lists.
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

	// `a`: attesters of the snapshot. The last one reaches the quorum, and all are paid.
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

	// A bond with the longest lists.
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

	// The snapshot is certified and at the end of a full list.
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

	// `a`: attesters of the snapshot, who are all slashed. A reward goes back.
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

	// `a`: attesters of each of the two snapshots. Both are certified, and listed.
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

	// `a`: attestations that are removed, and the snapshot with them.
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

	// `a`: attesters of the snapshot, who are all paid.
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

	// A second part of a reward.
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

	// The hook looks at one snapshot and leaves it.
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
