//! Rewards: what a publisher pays to those who certify its snapshot.

use frame_support::{
	ensure,
	traits::{
		fungible::MutateHold,
		tokens::{Fortitude, Precision, Restriction},
		Get,
	},
};
use sp_runtime::{
	traits::{CheckedAdd, Saturating, Zero},
	DispatchResult, Perbill,
};

use crate::{
	BalanceOf, Config, Error, Event, HoldReason, Pallet, Rewards, SnapshotId, SnapshotOf, Status,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_fund(
		publisher: T::AccountId,
		id: SnapshotId,
		value: BalanceOf<T>,
	) -> DispatchResult {
		ensure!(T::RewardsEnabled::get(), Error::<T>::RewardsDisabled);
		ensure!(!value.is_zero(), Error::<T>::Zero);
		let snapshot = Self::published_by(&publisher, &id)?;
		ensure!(snapshot.status == Status::Pending, Error::<T>::NotPending);
		T::Currency::hold(&HoldReason::AttesterReward.into(), &publisher, value)?;
		let reward = Rewards::<T>::get(id).checked_add(&value).ok_or(Error::<T>::Overflow)?;
		Rewards::<T>::insert(id, reward);
		Self::deposit_event(Event::Funded { id, reward });
		Ok(())
	}

	/// Pays what was promised to those who count, by stake. What doesn't divide goes back to the
	/// publisher.
	pub(crate) fn pay_reward(
		id: &SnapshotId,
		snapshot: &SnapshotOf<T>,
		counted: &[(T::AccountId, BalanceOf<T>)],
		stake: BalanceOf<T>,
	) -> DispatchResult {
		let reward = Rewards::<T>::get(id);
		if reward.is_zero() {
			return Ok(());
		}
		let mut left = reward;
		for (attester, part) in counted {
			let share = Perbill::from_rational(*part, stake).mul_floor(reward).min(left);
			if share.is_zero() {
				continue;
			}
			// Somebody who can't be paid must not keep the snapshot from being certified.
			let paid = if *attester == snapshot.publisher {
				T::Currency::release(
					&HoldReason::AttesterReward.into(),
					attester,
					share,
					Precision::Exact,
				)
			} else {
				T::Currency::transfer_on_hold(
					&HoldReason::AttesterReward.into(),
					&snapshot.publisher,
					attester,
					share,
					Precision::Exact,
					Restriction::Free,
					Fortitude::Polite,
				)
			};
			if let Ok(value) = paid {
				left = left.saturating_sub(value);
				let attester = attester.clone();
				Self::deposit_event(Event::AttesterPaid { id: *id, attester, value });
			}
		}
		Rewards::<T>::insert(id, left);
		Self::release_reward(id, snapshot)
	}
}
