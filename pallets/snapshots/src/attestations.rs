//! Attestations: who vouches for what, and when that is enough.

use alloc::vec::Vec;

use frame_support::{ensure, traits::Get};
use sp_runtime::{
	traits::{CheckedAdd, One, Saturating, Zero},
	DispatchError, DispatchResult,
};

use crate::{
	Attestation, Attestations, Attesters, BalanceOf, Config, Error, Event, Origin, Pallet,
	SnapshotId, SnapshotOf, Snapshots, Status, Vouch, Withdrawal,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_attest(attester: T::AccountId, id: SnapshotId) -> DispatchResult {
		let mut snapshot = Snapshots::<T>::get(id).ok_or(Error::<T>::UnknownSnapshot)?;
		Self::ensure_open(&snapshot)?;
		let now = frame_system::Pallet::<T>::block_number();
		let mut bond = Attesters::<T>::get(&attester).ok_or(Error::<T>::NotBonded)?;
		ensure!(!bond.vouches_for(&id), Error::<T>::AlreadyAttested);
		let stake = bond.matured(now);
		ensure!(!stake.is_zero() && stake >= T::MinBond::get(), Error::<T>::BondNotMature);
		bond.vouches
			.try_push(Vouch { snapshot: id, at: now })
			.map_err(|_| Error::<T>::TooManyVouches)?;
		if snapshot.attesters >= T::MaxAttesters::get() {
			Self::displace(&id, &mut snapshot, stake)?;
		}

		snapshot.attested = snapshot.attested.checked_add(&stake).ok_or(Error::<T>::Overflow)?;
		snapshot.attesters = snapshot.attesters.saturating_add(1);
		Attesters::<T>::insert(&attester, bond);
		Attestations::<T>::insert(id, &attester, Attestation { stake, at: now });
		Self::deposit_event(Event::Attested { id, attester, stake });
		if snapshot.status == Status::Pending {
			Self::certify_if_quorum(&id, &mut snapshot)?;
		}
		Snapshots::<T>::insert(id, snapshot);
		Ok(())
	}

	pub(crate) fn do_withdraw_attestation(
		attester: T::AccountId,
		id: SnapshotId,
	) -> DispatchResult {
		let mut snapshot = Snapshots::<T>::get(id).ok_or(Error::<T>::UnknownSnapshot)?;
		let attestation = Attestations::<T>::get(id, &attester).ok_or(Error::<T>::NotAttested)?;
		let free_at =
			snapshot.free_at(&attestation, T::DisputeWindow::get()).ok_or(Error::<T>::Disputed)?;
		let now = frame_system::Pallet::<T>::block_number();
		ensure!(now >= free_at, Error::<T>::StillBound);
		Self::drop_attestation(&id, &mut snapshot, attester, Withdrawal::ByAttester);
		Snapshots::<T>::insert(id, snapshot);
		Ok(())
	}

	pub(crate) fn do_certify(id: SnapshotId) -> DispatchResult {
		let mut snapshot = Snapshots::<T>::get(id).ok_or(Error::<T>::UnknownSnapshot)?;
		Self::ensure_open(&snapshot)?;
		ensure!(snapshot.status == Status::Pending, Error::<T>::NotPending);
		ensure!(Self::certify_if_quorum(&id, &mut snapshot)?, Error::<T>::NoQuorum);
		Snapshots::<T>::insert(id, snapshot);
		Ok(())
	}

	/// The stake that has to vouch for a snapshot now.
	pub fn required_stake(origin: Origin) -> BalanceOf<T> {
		let quorum = match origin {
			Origin::Native => T::Quorum::get(),
			Origin::Foreign => T::ForeignQuorum::get(),
		};
		// Without any stake there is nothing that could vouch.
		quorum.mul_ceil(Self::total_matured()).max(One::one())
	}

	/// Who vouches for a snapshot and counts now, each with the stake that counts.
	///
	/// An attestation counts for no more than what its attester still has bonded and mature: stake
	/// that has been slashed elsewhere, or is on its way out, certifies nothing any more.
	pub(crate) fn counted(id: &SnapshotId) -> Vec<(T::AccountId, BalanceOf<T>)> {
		let now = frame_system::Pallet::<T>::block_number();
		let least = T::MinBond::get().max(One::one());
		Attestations::<T>::iter_prefix(id)
			.filter_map(|(attester, attestation)| {
				let matured = Attesters::<T>::get(&attester)?.matured(now);
				Some((attester, attestation.stake.min(matured)))
			})
			.filter(|(_, stake)| *stake >= least)
			.collect()
	}

	/// The stake that can still be slashed for a snapshot, and of how many attesters.
	pub fn standing_stake(id: &SnapshotId) -> (BalanceOf<T>, u32) {
		Attestations::<T>::iter_prefix(id)
			.filter_map(|(attester, attestation)| {
				Some(attestation.stake.min(Attesters::<T>::get(&attester)?.held()))
			})
			.filter(|stake| !stake.is_zero())
			.fold((Zero::zero(), 0), |(sum, count): (BalanceOf<T>, u32), stake| {
				(sum.saturating_add(stake), count.saturating_add(1))
			})
	}

	/// Certifies a pending snapshot when the quorum vouches for it, and says whether it did.
	fn certify_if_quorum(
		id: &SnapshotId,
		snapshot: &mut SnapshotOf<T>,
	) -> Result<bool, DispatchError> {
		let quorum = Self::required_stake(snapshot.origin);
		let least = T::MinAttesters::get();
		// The sums of the record are never less than what counts: most calls end here.
		if snapshot.attested < quorum || snapshot.attesters < least {
			return Ok(false);
		}
		let counted = Self::counted(id);
		let stake = counted
			.iter()
			.fold(BalanceOf::<T>::zero(), |sum, (_, stake)| sum.saturating_add(*stake));
		if stake < quorum || counted.len() < least as usize {
			return Ok(false);
		}
		let now = frame_system::Pallet::<T>::block_number();
		snapshot.status = Status::Certified { at: now };
		snapshot.quorum = quorum;
		snapshot.bound_until = now.saturating_add(T::DisputeWindow::get());
		Self::list(id, snapshot);
		Self::deposit_event(Event::Certified { id: *id, stake, quorum });
		Self::pay_reward(id, snapshot, &counted, stake)?;
		Ok(true)
	}

	/// Makes room on a full pending snapshot for an attester with `stake`, so that many small
	/// bonds can't keep the large ones out.
	fn displace(
		id: &SnapshotId,
		snapshot: &mut SnapshotOf<T>,
		stake: BalanceOf<T>,
	) -> DispatchResult {
		ensure!(snapshot.status == Status::Pending, Error::<T>::TooManyAttesters);
		let (smallest, _) = Attestations::<T>::iter_prefix(id)
			.min_by_key(|(_, attestation)| attestation.stake)
			.filter(|(_, attestation)| attestation.stake < stake)
			.ok_or(Error::<T>::TooManyAttesters)?;
		Self::drop_attestation(id, snapshot, smallest, Withdrawal::Displaced);
		Ok(())
	}

	/// Takes an attestation out of all records.
	pub(crate) fn drop_attestation(
		id: &SnapshotId,
		snapshot: &mut SnapshotOf<T>,
		attester: T::AccountId,
		reason: Withdrawal,
	) {
		let Some(attestation) = Attestations::<T>::take(id, &attester) else { return };
		snapshot.attested = snapshot.attested.saturating_sub(attestation.stake);
		snapshot.attesters = snapshot.attesters.saturating_sub(1);
		if let Some(mut bond) = Attesters::<T>::get(&attester) {
			bond.vouches.retain(|vouch| vouch.snapshot != *id);
			Self::put_bond(&attester, bond);
		}
		Self::deposit_event(Event::AttestationWithdrawn { id: *id, attester, reason });
	}

	/// Whether a snapshot can be vouched for and certified.
	fn ensure_open(snapshot: &SnapshotOf<T>) -> Result<(), Error<T>> {
		match snapshot.status {
			Status::Pending | Status::Certified { .. } => (),
			Status::Disputed { .. } => return Err(Error::<T>::Disputed),
			Status::Retired { .. } | Status::Fraudulent { .. } => return Err(Error::<T>::Ended),
		}
		let now = frame_system::Pallet::<T>::block_number();
		ensure!(!snapshot.is_expired(now), Error::<T>::Expired);
		Ok(())
	}
}
