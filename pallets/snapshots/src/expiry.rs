//! How what has ended leaves the storage: by a call that anybody may make, and by a hook that
//! looks at one snapshot in a block.

use alloc::vec::Vec;

use frame_support::{ensure, storage::with_storage_layer, traits::Get, weights::Weight};
use sp_runtime::{
	traits::{SaturatedConversion, Zero},
	DispatchError,
};

use crate::{
	Attestations, CleanUpCursor, Config, Disputes, Error, Pallet, SnapshotId, SnapshotOf,
	Snapshots, Status, WeightInfo, Withdrawal,
};

impl<T: Config> Pallet<T> {
	/// Returns how many attestations were looked at.
	pub(crate) fn do_clean_up(id: SnapshotId, limit: u32) -> Result<u32, DispatchError> {
		let mut snapshot = Snapshots::<T>::get(id).ok_or(Error::<T>::UnknownSnapshot)?;
		let now = frame_system::Pallet::<T>::block_number();
		if let Some(dispute) = Disputes::<T>::get(id) {
			ensure!(now >= dispute.lapses_at, Error::<T>::Disputed);
			Self::lapse(&id, &mut snapshot, &dispute)?;
			Snapshots::<T>::insert(id, snapshot);
			return Ok(0);
		}
		ensure!(Self::has_ended(&snapshot), Error::<T>::NothingToCleanUp);

		let page: Vec<_> =
			Attestations::<T>::iter_prefix(id).take(limit.saturated_into()).collect();
		let looked_at = page.len().saturated_into();
		let mut removed = false;
		for (attester, attestation) in page {
			let free_at = snapshot.free_at(&attestation, T::DisputeWindow::get());
			if free_at.is_some_and(|free_at| free_at <= now) {
				Self::drop_attestation(&id, &mut snapshot, attester, Withdrawal::CleanedUp);
				removed = true;
			}
		}
		if snapshot.attesters.is_zero() {
			Self::unlist(&id, &snapshot);
			Self::remove(&id, &snapshot)?;
			return Ok(looked_at);
		}
		ensure!(removed, Error::<T>::StillBound);
		Snapshots::<T>::insert(id, snapshot);
		Ok(looked_at)
	}

	/// Cleans up one snapshot, if it is time for it, and goes on to the next one.
	pub(crate) fn clean_up_next(remaining: Weight) -> Weight {
		let look = T::WeightInfo::on_idle_look();
		let full = look.saturating_add(T::WeightInfo::clean_up(T::MaxAttesters::get()));
		if !full.all_lte(remaining) {
			return Weight::zero();
		}
		let next = match CleanUpCursor::<T>::get() {
			Some(cursor) => {
				Snapshots::<T>::iter_from(Snapshots::<T>::hashed_key_for(cursor)).next()
			},
			None => Snapshots::<T>::iter().next(),
		};
		let Some((id, snapshot)) = next else {
			CleanUpCursor::<T>::kill();
			return look;
		};
		CleanUpCursor::<T>::put(id);
		let now = frame_system::Pallet::<T>::block_number();
		let lapsed = snapshot.status.is_disputed()
			&& Disputes::<T>::get(id).is_some_and(|dispute| now >= dispute.lapses_at);
		if !lapsed && !Self::has_ended(&snapshot) {
			return look;
		}
		// An error is that somebody is still bound: its turn comes again.
		match with_storage_layer(|| Self::do_clean_up(id, T::MaxAttesters::get())) {
			Ok(looked_at) => look.saturating_add(T::WeightInfo::clean_up(looked_at)),
			Err(_) => full,
		}
	}

	/// Whether nothing new can happen to a snapshot but its removal.
	fn has_ended(snapshot: &SnapshotOf<T>) -> bool {
		let now = frame_system::Pallet::<T>::block_number();
		match snapshot.status {
			Status::Retired { .. } => true,
			Status::Disputed { .. } => false,
			Status::Pending | Status::Certified { .. } | Status::Fraudulent { .. } => {
				snapshot.is_expired(now)
			},
		}
	}
}
