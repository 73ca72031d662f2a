//! What the runtime API and the view functions answer.

use alloc::vec::Vec;

use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::H256;
use sp_runtime::traits::{Saturating, Zero};

use crate::{
	Attestations, AttesterInfo, Attesters, BalanceOf, Certified, Config, Details, DetailsOf,
	Disputes, Entry, EntryOf, Locations, Page, PageOf, Pallet, Rewards, SnapshotId, SnapshotOf,
	Snapshots, Status, MAX_PAGE,
};

/// The most records that are looked at for one answer.
const MAX_SCAN: u32 = 4_096;

impl<T: Config> Pallet<T> {
	pub(crate) fn certified_of_chain(genesis_hash: H256, limit: u32) -> Vec<EntryOf<T>> {
		let now = frame_system::Pallet::<T>::block_number();
		Certified::<T>::get(genesis_hash)
			.into_iter()
			.filter_map(|listed| Some((listed.id, Snapshots::<T>::get(listed.id)?)))
			.filter(|(_, snapshot)| !snapshot.is_expired(now))
			.take(limit.min(MAX_PAGE) as usize)
			.map(|(id, snapshot)| Self::entry(id, snapshot))
			.collect()
	}

	pub(crate) fn pending_after(after: Option<SnapshotId>, limit: u32) -> PageOf<T> {
		let now = frame_system::Pallet::<T>::block_number();
		let records = match after {
			Some(id) => Snapshots::<T>::iter_from(Snapshots::<T>::hashed_key_for(id)),
			None => Snapshots::<T>::iter(),
		};
		let limit = limit.min(MAX_PAGE) as usize;
		let mut page = Page { entries: Vec::new(), next: after };
		let mut scanned = 0u32;
		for (id, snapshot) in records {
			// There is more: the answer says after which id.
			if page.entries.len() >= limit || scanned >= MAX_SCAN {
				return page;
			}
			scanned = scanned.saturating_add(1);
			page.next = Some(id);
			if snapshot.status == Status::Pending && !snapshot.is_expired(now) {
				page.entries.push(Self::entry(id, snapshot));
			}
		}
		page.next = None;
		page
	}

	pub(crate) fn details(id: SnapshotId) -> Option<DetailsOf<T>> {
		let snapshot = Snapshots::<T>::get(id)?;
		let (standing_stake, _) = Self::standing_stake(&id);
		let now = frame_system::Pallet::<T>::block_number();
		Some(Details {
			id,
			locations: Locations::<T>::get(id).into_inner(),
			attestations: Attestations::<T>::iter_prefix(id).collect(),
			standing_stake,
			required_stake: Self::required_stake(snapshot.origin),
			dispute: Disputes::<T>::get(id),
			reward: Rewards::<T>::get(id),
			expired: snapshot.is_expired(now),
			snapshot,
		})
	}

	pub(crate) fn attester_info(
		who: &T::AccountId,
	) -> Option<AttesterInfo<BalanceOf<T>, BlockNumberFor<T>>> {
		let bond = Attesters::<T>::get(who)?;
		let now = frame_system::Pallet::<T>::block_number();
		let withdrawable = bond
			.unlocking
			.iter()
			.filter(|part| bond.may_leave(part, now))
			.fold(BalanceOf::<T>::zero(), |sum, part| sum.saturating_add(part.value));
		Some(AttesterInfo {
			bonded: bond.bonded,
			matured: bond.matured(now),
			maturing: bond.maturing.iter().filter(|part| part.at > now).copied().collect(),
			unlocking: bond.unlocking.into_inner(),
			withdrawable,
			vouches: bond.vouches.into_inner(),
		})
	}

	fn entry(id: SnapshotId, snapshot: SnapshotOf<T>) -> EntryOf<T> {
		Entry { id, snapshot, locations: Locations::<T>::get(id).into_inner() }
	}
}
