//! Bonds: how stake comes, counts, leaves and is slashed.

use alloc::vec::Vec;

use frame_support::{
	ensure,
	traits::{
		fungible::{BalancedHold, MutateHold},
		Get, Imbalance,
	},
	BoundedVec,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{
	traits::{CheckedAdd, One, Saturating, Zero},
	DispatchResult,
};

use crate::{
	bond::{add_young, without_young},
	Attesters, BalanceOf, BondOf, Config, CreditOf, Error, Event, HoldReason, Pallet, TotalBonded,
	TotalMaturing, Unlocking, MATURITY_STEPS,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_bond(who: T::AccountId, value: BalanceOf<T>) -> DispatchResult {
		ensure!(!Attesters::<T>::contains_key(&who), Error::<T>::AlreadyBonded);
		Self::add_to_bond(who, BondOf::<T>::default(), value, Self::maturity_date())
	}

	pub(crate) fn do_bond_extra(who: T::AccountId, value: BalanceOf<T>) -> DispatchResult {
		let bond = Attesters::<T>::get(&who).ok_or(Error::<T>::NotBonded)?;
		Self::add_to_bond(who, bond, value, Self::maturity_date())
	}

	pub(crate) fn bond_at_genesis(who: &T::AccountId, value: BalanceOf<T>) -> DispatchResult {
		ensure!(!Attesters::<T>::contains_key(who), Error::<T>::AlreadyBonded);
		Self::add_to_bond(who.clone(), BondOf::<T>::default(), value, Zero::zero())
	}

	fn add_to_bond(
		who: T::AccountId,
		mut bond: BondOf<T>,
		value: BalanceOf<T>,
		counts_from: BlockNumberFor<T>,
	) -> DispatchResult {
		ensure!(!value.is_zero(), Error::<T>::Zero);
		let now = frame_system::Pallet::<T>::block_number();
		bond.bonded = bond.bonded.checked_add(&value).ok_or(Error::<T>::Overflow)?;
		ensure!(bond.bonded >= T::MinBond::get(), Error::<T>::BelowMinBond);
		let total = TotalBonded::<T>::get().checked_add(&value).ok_or(Error::<T>::Overflow)?;
		T::Currency::hold(&HoldReason::AttesterBond.into(), &who, value)?;

		bond.maturing.retain(|part| part.at > now);
		let mut maturing = TotalMaturing::<T>::get();
		maturing.retain(|part| part.at > now);
		if counts_from > now {
			add_young(&mut bond.maturing, counts_from, value)
				.and_then(|()| add_young(&mut maturing, counts_from, value))
				.map_err(|_| Error::<T>::TooManyMaturing)?;
		}
		TotalMaturing::<T>::put(maturing);
		TotalBonded::<T>::put(total);
		Attesters::<T>::insert(&who, bond);
		Self::deposit_event(Event::Bonded { who, value, counts_from: counts_from.max(now) });
		Ok(())
	}

	pub(crate) fn do_unbond(who: T::AccountId, value: BalanceOf<T>) -> DispatchResult {
		ensure!(!value.is_zero(), Error::<T>::Zero);
		let mut bond = Attesters::<T>::get(&who).ok_or(Error::<T>::NotBonded)?;
		ensure!(value <= bond.bonded, Error::<T>::InsufficientBond);
		let left = bond.bonded.saturating_sub(value);
		ensure!(left.is_zero() || left >= T::MinBond::get(), Error::<T>::BelowMinBond);

		let now = frame_system::Pallet::<T>::block_number();
		let free_at = now.saturating_add(T::UnbondingPeriod::get());
		match bond.unlocking.last_mut() {
			Some(last) if last.since == now => last.value = last.value.saturating_add(value),
			_ => bond
				.unlocking
				.try_push(Unlocking { value, since: now, free_at })
				.map_err(|_| Error::<T>::TooManyUnlocking)?,
		}
		// What doesn't count yet leaves first: the attester keeps as much standing as it can.
		let young = bond.bonded.saturating_sub(bond.matured(now));
		Self::take_bonded(&mut bond, value, value.min(young));
		Attesters::<T>::insert(&who, bond);
		Self::deposit_event(Event::Unbonded { who, value, free_at });
		Ok(())
	}

	pub(crate) fn do_withdraw_unbonded(who: T::AccountId) -> DispatchResult {
		let mut bond = Attesters::<T>::get(&who).ok_or(Error::<T>::NotBonded)?;
		let now = frame_system::Pallet::<T>::block_number();
		let (free, kept): (Vec<Unlocking<_, _>>, Vec<_>) =
			bond.unlocking.iter().partition(|part| bond.may_leave(part, now));
		let value =
			free.iter().fold(BalanceOf::<T>::zero(), |sum, part| sum.saturating_add(part.value));
		ensure!(!value.is_zero(), Error::<T>::NothingToWithdraw);
		Self::release(HoldReason::AttesterBond, &who, value)?;
		bond.unlocking = BoundedVec::truncate_from(kept);
		Self::put_bond(&who, bond);
		Self::deposit_event(Event::Withdrawn { who, value });
		Ok(())
	}

	/// Slashes up to `value` of the bond: first what counts, then what is young, then what is on
	/// its way out. Returns what could be taken.
	pub(crate) fn slash_bond(who: &T::AccountId, value: BalanceOf<T>) -> CreditOf<T> {
		let Some(mut bond) = Attesters::<T>::get(who) else { return CreditOf::<T>::zero() };
		let (credit, _) =
			T::Currency::slash(&HoldReason::AttesterBond.into(), who, value.min(bond.held()));
		let mut rest = credit.peek();

		let now = frame_system::Pallet::<T>::block_number();
		let from_bonded = rest.min(bond.bonded);
		let from_young = from_bonded.saturating_sub(bond.matured(now));
		Self::take_bonded(&mut bond, from_bonded, from_young);
		rest = rest.saturating_sub(from_bonded);
		for part in bond.unlocking.iter_mut().rev() {
			let taken = rest.min(part.value);
			part.value = part.value.saturating_sub(taken);
			rest = rest.saturating_sub(taken);
		}
		bond.unlocking.retain(|part| !part.value.is_zero());
		Self::put_bond(who, bond);
		credit
	}

	/// The stake that counts now: bonded long enough, and not on its way out.
	pub(crate) fn total_matured() -> BalanceOf<T> {
		without_young(
			&TotalMaturing::<T>::get(),
			frame_system::Pallet::<T>::block_number(),
			TotalBonded::<T>::get(),
		)
	}

	/// Stores a bond, or removes it when nothing is left of it.
	pub(crate) fn put_bond(who: &T::AccountId, bond: BondOf<T>) {
		if bond.is_over() {
			Attesters::<T>::remove(who);
		} else {
			Attesters::<T>::insert(who, bond);
		}
	}

	/// Takes `value` out of what is bonded, `from_young` of it from what is not mature, and keeps
	/// the totals. Both are at most what is there.
	fn take_bonded(bond: &mut BondOf<T>, value: BalanceOf<T>, from_young: BalanceOf<T>) {
		let now = frame_system::Pallet::<T>::block_number();
		bond.bonded = bond.bonded.saturating_sub(value);
		TotalBonded::<T>::mutate(|total| *total = total.saturating_sub(value));

		bond.maturing.retain(|part| part.at > now);
		let mut maturing = TotalMaturing::<T>::get();
		maturing.retain(|part| part.at > now);
		let mut rest = from_young;
		for part in bond.maturing.iter_mut().rev() {
			let taken = rest.min(part.value);
			part.value = part.value.saturating_sub(taken);
			rest = rest.saturating_sub(taken);
			if let Some(total) = maturing.iter_mut().find(|total| total.at == part.at) {
				total.value = total.value.saturating_sub(taken);
			}
		}
		bond.maturing.retain(|part| !part.value.is_zero());
		maturing.retain(|part| !part.value.is_zero());
		TotalMaturing::<T>::put(maturing);
	}

	/// The block from which on a bond made now counts, rounded up to a whole step, so that few
	/// dates can lie ahead at a time.
	pub(crate) fn maturity_date() -> BlockNumberFor<T> {
		let period = T::BondMaturity::get();
		let steps = BlockNumberFor::<T>::from(MATURITY_STEPS);
		let step =
			(period.saturating_add(steps.saturating_sub(One::one())) / steps).max(One::one());
		let due = frame_system::Pallet::<T>::block_number().saturating_add(period);
		let over = due % step;
		if over.is_zero() {
			due
		} else {
			due.saturating_add(step.saturating_sub(over))
		}
	}
}
