//! Disputes, equivocations, and what they cost.

use alloc::vec::Vec;

use frame_support::{
	ensure,
	traits::{
		fungible::{Balanced, BalancedHold, MutateHold},
		Get, Imbalance, OnUnbalanced,
	},
};
use sp_core::H256;
use sp_runtime::{
	traits::{Saturating, Zero},
	DispatchError, DispatchResult,
};

use crate::{
	Attestations, Config, CreditOf, Dispute, DisputeOf, Disputes, Error, Event, HoldReason,
	Locations, Pallet, SnapshotId, SnapshotOf, Snapshots, Standing, Status, Verdict, Withdrawal,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_dispute(
		reporter: T::AccountId,
		id: SnapshotId,
		evidence: H256,
	) -> DispatchResult {
		let mut snapshot = Snapshots::<T>::get(id).ok_or(Error::<T>::UnknownSnapshot)?;
		ensure!(!snapshot.status.is_disputed(), Error::<T>::Disputed);
		let before = snapshot.status.standing().ok_or(Error::<T>::Ended)?;
		let deposit = T::DisputeDeposit::get();
		T::Currency::hold(&HoldReason::DisputeDeposit.into(), &reporter, deposit)?;

		let since = frame_system::Pallet::<T>::block_number();
		let lapses_at = since.saturating_add(T::ResolutionPeriod::get());
		Self::unlist(&id, &snapshot);
		snapshot.status = Status::Disputed { since, before };
		Snapshots::<T>::insert(id, snapshot);
		let dispute = Dispute { reporter: reporter.clone(), evidence, deposit, since, lapses_at };
		Disputes::<T>::insert(id, dispute);
		Self::deposit_event(Event::Disputed { id, reporter, evidence });
		Ok(())
	}

	/// Returns how many attesters were slashed.
	pub(crate) fn do_resolve(id: SnapshotId, verdict: Verdict) -> Result<u32, DispatchError> {
		let mut snapshot = Snapshots::<T>::get(id).ok_or(Error::<T>::UnknownSnapshot)?;
		let dispute = Disputes::<T>::take(id).ok_or(Error::<T>::NotDisputed)?;
		Self::deposit_event(Event::Resolved { id, verdict });
		match verdict {
			Verdict::Dismissed => {
				let reason = HoldReason::DisputeDeposit.into();
				let (credit, _) = T::Currency::slash(&reason, &dispute.reporter, dispute.deposit);
				Self::deposit_event(Event::Slashed {
					who: dispute.reporter.clone(),
					id,
					value: credit.peek(),
				});
				T::Slash::on_unbalanced(credit);
				Self::restore(&id, &mut snapshot, &dispute);
				Snapshots::<T>::insert(id, snapshot);
				Ok(0)
			},
			Verdict::Fraudulent => {
				Self::release_dispute_deposit(&dispute)?;
				Self::punish(&id, snapshot, &dispute.reporter)
			},
		}
	}

	/// Gives the deposit of an undecided dispute back, and ends the dispute.
	pub(crate) fn lapse(
		id: &SnapshotId,
		snapshot: &mut SnapshotOf<T>,
		dispute: &DisputeOf<T>,
	) -> DispatchResult {
		Disputes::<T>::remove(id);
		Self::release_dispute_deposit(dispute)?;
		Self::restore(id, snapshot, dispute);
		Self::deposit_event(Event::Lapsed { id: *id });
		Ok(())
	}

	pub(crate) fn do_report_equivocation(
		reporter: T::AccountId,
		attester: T::AccountId,
		id_a: SnapshotId,
		id_b: SnapshotId,
	) -> DispatchResult {
		let mut a = Snapshots::<T>::get(id_a).ok_or(Error::<T>::UnknownSnapshot)?;
		let mut b = Snapshots::<T>::get(id_b).ok_or(Error::<T>::UnknownSnapshot)?;
		ensure!(a.manifest.contradicts(&b.manifest), Error::<T>::NoEquivocation);
		let in_a = Attestations::<T>::get(id_a, &attester).ok_or(Error::<T>::NotAttested)?;
		let in_b = Attestations::<T>::get(id_b, &attester).ok_or(Error::<T>::NotAttested)?;

		Self::deposit_event(Event::Equivocated { attester: attester.clone(), id_a, id_b });
		// It is one bond that vouched twice: the larger of the two stakes is what was at risk.
		let at_risk = in_a.stake.max(in_b.stake);
		let credit = Self::slash_bond(&attester, T::SlashFraction::get().mul_ceil(at_risk));
		Self::deposit_event(Event::Slashed {
			who: attester.clone(),
			id: id_a,
			value: credit.peek(),
		});
		for (id, snapshot) in [(id_a, &mut a), (id_b, &mut b)] {
			Self::drop_attestation(&id, snapshot, attester.clone(), Withdrawal::Slashed);
			Self::decertify_without_quorum(&id, snapshot);
			Snapshots::<T>::insert(id, &*snapshot);
		}
		Self::distribute(credit, &reporter);
		Ok(())
	}

	/// Slashes everybody who stands behind a fraudulent snapshot, and leaves a record of it so
	/// that it can't be registered again soon.
	fn punish(
		id: &SnapshotId,
		mut snapshot: SnapshotOf<T>,
		reporter: &T::AccountId,
	) -> Result<u32, DispatchError> {
		let mut total = CreditOf::<T>::zero();
		let attestations: Vec<_> = Attestations::<T>::iter_prefix(id).collect();
		let slashed = snapshot.attesters;
		for (attester, attestation) in attestations {
			let value = T::SlashFraction::get().mul_ceil(attestation.stake);
			let credit = Self::slash_bond(&attester, value);
			Self::deposit_event(Event::Slashed {
				who: attester.clone(),
				id: *id,
				value: credit.peek(),
			});
			total = total.merge(credit);
			Self::drop_attestation(id, &mut snapshot, attester, Withdrawal::Slashed);
		}

		let publisher = snapshot.publisher.clone();
		let reason = HoldReason::SnapshotDeposit.into();
		let (credit, _) = T::Currency::slash(&reason, &publisher, snapshot.deposit);
		Self::deposit_event(Event::Slashed { who: publisher, id: *id, value: credit.peek() });
		total = total.merge(credit);
		Self::release_reward(id, &snapshot)?;

		let since = frame_system::Pallet::<T>::block_number();
		snapshot.status = Status::Fraudulent { since };
		snapshot.expires_at = since.saturating_add(T::Expiry::get());
		snapshot.deposit = Zero::zero();
		snapshot.quorum = Zero::zero();
		snapshot.bound_until = Zero::zero();
		Snapshots::<T>::insert(id, snapshot);
		Locations::<T>::remove(id);
		Self::distribute(total, reporter);
		Ok(slashed)
	}

	/// Gives the reporter its share of what was slashed, and the chain the rest.
	fn distribute(slashed: CreditOf<T>, reporter: &T::AccountId) {
		let share = T::ReporterShare::get().mul_floor(slashed.peek());
		let (share, mut rest) = slashed.split(share);
		let value = share.peek();
		match T::Currency::resolve(reporter, share) {
			Ok(()) if !value.is_zero() => {
				Self::deposit_event(Event::ReporterPaid { reporter: reporter.clone(), value })
			},
			Ok(()) => (),
			// An account that can't exist with so little gets nothing.
			Err(share) => rest = rest.merge(share),
		}
		T::Slash::on_unbalanced(rest);
	}

	/// Makes a snapshot again what it was before the dispute. The dispute window stood still in
	/// the meantime: nobody gets free by having a dispute drag on.
	fn restore(id: &SnapshotId, snapshot: &mut SnapshotOf<T>, dispute: &DisputeOf<T>) {
		let Some(standing) = snapshot.status.standing() else { return };
		let now = frame_system::Pallet::<T>::block_number();
		if snapshot.bound_until > dispute.since {
			let lasted = now.saturating_sub(dispute.since);
			snapshot.bound_until = snapshot.bound_until.saturating_add(lasted);
		}
		snapshot.status = standing.into();
		if snapshot.status.is_certified() {
			Self::list(id, snapshot);
		}
	}

	/// Takes the certificate from a snapshot within its dispute window when an attestation turned
	/// out void and the others are not enough.
	fn decertify_without_quorum(id: &SnapshotId, snapshot: &mut SnapshotOf<T>) {
		let now = frame_system::Pallet::<T>::block_number();
		let (pending, window_counts_at) = match snapshot.status {
			Status::Certified { .. } => (Status::Pending, now),
			Status::Disputed { since, before: Standing::Certified { .. } } => {
				(Status::Disputed { since, before: Standing::Pending }, since)
			},
			_ => return,
		};
		if window_counts_at >= snapshot.bound_until {
			return;
		}
		let (stake, attesters) = Self::standing_stake(id);
		if stake >= snapshot.quorum && attesters >= T::MinAttesters::get() {
			return;
		}
		Self::unlist(id, snapshot);
		snapshot.status = pending;
		snapshot.quorum = Zero::zero();
		snapshot.bound_until = Zero::zero();
		Self::deposit_event(Event::Decertified { id: *id });
	}

	fn release_dispute_deposit(dispute: &DisputeOf<T>) -> DispatchResult {
		Self::release(HoldReason::DisputeDeposit, &dispute.reporter, dispute.deposit)
	}
}
