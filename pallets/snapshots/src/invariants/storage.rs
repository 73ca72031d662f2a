//! The invariants of the storage, by the numbers that the documentation of the crate gives them.

use alloc::{collections::BTreeMap, vec::Vec};

use codec::{Decode, Encode};
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use sp_runtime::{
	traits::{Saturating, Zero},
	TryRuntimeError,
};

use crate::{
	Attestations, Attesters, BalanceOf, Certified, Config, Disputes, HoldReason, Locations,
	Maturing, Pallet, Rewards, Snapshots, Standing, Status, TotalBonded, TotalMaturing,
};

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the storage. Reads all of it.
	pub(crate) fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_bonds()?;
		Self::check_attestations()?;
		Self::check_snapshots()?;
		Self::check_listed()?;
		Self::check_holds()
	}

	fn check_bonds() -> Result<(), TryRuntimeError> {
		let now = frame_system::Pallet::<T>::block_number();
		let mut total = BalanceOf::<T>::zero();
		let mut maturing = BTreeMap::<_, BalanceOf<T>>::new();
		for (_, bond) in Attesters::<T>::iter() {
			ensure!(!bond.is_over(), "1: a bond of nothing is stored");
			total = total.saturating_add(bond.bonded);
			let young = bond.maturing.iter().filter(|part| part.at > now);
			let mut sum = BalanceOf::<T>::zero();
			for part in young {
				let of_date = maturing.entry(part.at).or_default();
				*of_date = of_date.saturating_add(part.value);
				sum = sum.saturating_add(part.value);
			}
			ensure!(sum <= bond.bonded, "1: more is young than is bonded");
			ensure!(
				bond.maturing.windows(2).all(|pair| pair[0].at < pair[1].at),
				"1: the dates of maturity of a bond are out of order"
			);
		}
		ensure!(total == TotalBonded::<T>::get(), "2: TotalBonded is not the sum of all bonds");
		let sums: Vec<_> = maturing.into_iter().map(|(at, value)| Maturing { at, value }).collect();
		let stored: Vec<_> =
			TotalMaturing::<T>::get().into_iter().filter(|part| part.at > now).collect();
		ensure!(sums == stored, "3: TotalMaturing is not the sum of all young parts");
		Ok(())
	}

	fn check_attestations() -> Result<(), TryRuntimeError> {
		for (id, attester, attestation) in Attestations::<T>::iter() {
			ensure!(Snapshots::<T>::contains_key(id), "4: an attestation of an unknown snapshot");
			let bond = Attesters::<T>::get(attester).ok_or("4: an attestation without a bond")?;
			ensure!(
				bond.vouches
					.iter()
					.filter(|vouch| vouch.snapshot == id && vouch.at == attestation.at)
					.count() == 1,
				"4: an attestation is not among what its bond vouches for"
			);
			ensure!(!attestation.stake.is_zero(), "4: an attestation of nothing");
		}
		for (attester, bond) in Attesters::<T>::iter() {
			for vouch in &bond.vouches {
				ensure!(
					Attestations::<T>::contains_key(vouch.snapshot, &attester),
					"4: a bond vouches without an attestation"
				);
			}
		}
		for (id, snapshot) in Snapshots::<T>::iter() {
			let stakes: Vec<_> = Attestations::<T>::iter_prefix(id)
				.map(|(_, attestation)| attestation.stake)
				.collect();
			let sum =
				stakes.iter().fold(BalanceOf::<T>::zero(), |sum, stake| sum.saturating_add(*stake));
			ensure!(sum == snapshot.attested, "5: the attested stake is not the sum");
			ensure!(stakes.len() == snapshot.attesters as usize, "5: the attesters are miscounted");
			ensure!(snapshot.attesters <= T::MaxAttesters::get(), "5: too many attesters");
		}
		Ok(())
	}

	fn check_snapshots() -> Result<(), TryRuntimeError> {
		for (id, snapshot) in Snapshots::<T>::iter() {
			ensure!(id == snapshot.manifest.id::<T::Hashing>(), "6: an id is not the hash");
			let fraudulent = matches!(snapshot.status, Status::Fraudulent { .. });
			ensure!(
				Locations::<T>::get(id).is_empty() == fraudulent,
				"6: locations are missing, or kept for what is fraudulent"
			);
			if fraudulent {
				ensure!(
					snapshot.attesters == 0 && snapshot.deposit.is_zero(),
					"6: something backs what is fraudulent"
				);
			}
			if let Status::Retired { .. } = snapshot.status {
				ensure!(snapshot.attesters > 0 || !snapshot.deposit.is_zero(), "6: a husk is kept");
			}
			ensure!(
				snapshot.status.is_disputed() == Disputes::<T>::contains_key(id),
				"7: a dispute and the status of its snapshot differ"
			);
			let certified = snapshot.quorum.is_zero() == snapshot.bound_until.is_zero();
			ensure!(certified, "8: a quorum without a dispute window, or the other way round");
			match snapshot.status.standing() {
				Some(Standing::Certified { .. }) => {
					ensure!(!snapshot.quorum.is_zero(), "8: certified without a quorum")
				},
				Some(Standing::Pending) => {
					ensure!(snapshot.quorum.is_zero(), "8: a quorum, and not certified")
				},
				_ => (),
			}
			ensure!(
				Rewards::<T>::get(id).is_zero()
					|| matches!(snapshot.status.standing(), Some(Standing::Pending)),
				"9: a reward is kept that can't be paid any more"
			);
		}
		for id in Locations::<T>::iter_keys() {
			ensure!(Snapshots::<T>::contains_key(id), "6: locations of an unknown snapshot");
		}
		for id in Disputes::<T>::iter_keys() {
			ensure!(Snapshots::<T>::contains_key(id), "7: a dispute about an unknown snapshot");
		}
		for id in Rewards::<T>::iter_keys() {
			ensure!(Snapshots::<T>::contains_key(id), "9: a reward for an unknown snapshot");
		}
		Ok(())
	}

	fn check_listed() -> Result<(), TryRuntimeError> {
		for (genesis_hash, list) in Certified::<T>::iter() {
			ensure!(!list.is_empty(), "10: an empty list is stored");
			ensure!(
				list.windows(2).all(|pair| pair[0].block_number >= pair[1].block_number),
				"10: a list is out of order"
			);
			for (index, listed) in list.iter().enumerate() {
				let snapshot =
					Snapshots::<T>::get(listed.id).ok_or("10: an unknown snapshot is listed")?;
				ensure!(
					snapshot.status.is_certified()
						&& snapshot.manifest.genesis_hash == genesis_hash
						&& snapshot.manifest.block_number == listed.block_number,
					"10: what is listed is not a certified snapshot of the chain and block"
				);
				ensure!(
					list.iter().skip(index.saturating_add(1)).all(|other| other.id != listed.id),
					"10: a snapshot is listed twice"
				);
			}
		}
		Ok(())
	}

	fn check_holds() -> Result<(), TryRuntimeError> {
		for (attester, bond) in Attesters::<T>::iter() {
			ensure!(
				T::Currency::balance_on_hold(&HoldReason::AttesterBond.into(), &attester)
					== bond.held(),
				"11: what is on hold is not the bond"
			);
		}
		let mut deposits = BTreeMap::<_, BalanceOf<T>>::new();
		let mut add = |reason: HoldReason, who: T::AccountId, value: BalanceOf<T>| {
			let sum = deposits.entry((reason.encode(), who)).or_default();
			*sum = sum.saturating_add(value);
		};
		for (id, snapshot) in Snapshots::<T>::iter() {
			let (publisher, reward) = (snapshot.publisher.clone(), Rewards::<T>::get(id));
			add(HoldReason::SnapshotDeposit, snapshot.publisher, snapshot.deposit);
			add(HoldReason::AttesterReward, publisher, reward);
		}
		for (_, dispute) in Disputes::<T>::iter() {
			add(HoldReason::DisputeDeposit, dispute.reporter, dispute.deposit);
		}
		for ((reason, who), sum) in deposits {
			let reason = HoldReason::decode(&mut &reason[..]).map_err(|_| "12: no reason")?;
			ensure!(
				T::Currency::balance_on_hold(&reason.into(), &who) == sum,
				"12: what is on hold is not the sum of the deposits"
			);
		}
		Ok(())
	}
}
