//! The registry: how snapshots come, are kept current and end.

use alloc::vec::Vec;

use codec::Encode;
use frame_support::{
	ensure,
	traits::{fungible::MutateHold, tokens::Precision, Get},
	BoundedVec,
};
use frame_system::pallet_prelude::{BlockNumberFor, HeaderFor};
use sp_core::H256;
use sp_runtime::{
	traits::{Header, Saturating, UniqueSaturatedInto, Zero},
	DispatchResult,
};

use crate::{
	BalanceOf, Certified, Config, Error, Event, HoldReason, ImageInfo, Listed, Location,
	LocationError, Locations, Manifest, Origin, Pallet, Rewards, Snapshot, SnapshotId, SnapshotOf,
	Snapshots, Status,
};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_register(
		publisher: T::AccountId,
		header: &HeaderFor<T>,
		image: ImageInfo,
		locations: Vec<Location>,
	) -> DispatchResult {
		let number = *header.number();
		ensure!(number < frame_system::Pallet::<T>::block_number(), Error::<T>::HeaderNotPast);
		let known = frame_system::Pallet::<T>::block_hash(number);
		ensure!(known != T::Hash::default(), Error::<T>::HeaderTooOld);
		ensure!(header.hash() == known, Error::<T>::HeaderNotOnChain);

		let number: u64 = number.try_into().map_err(|_| Error::<T>::Overflow)?;
		let manifest =
			image.at(Self::genesis_hash(), number, known.into(), (*header.state_root()).into());
		Self::insert(publisher, manifest, Origin::Native, locations)
	}

	pub(crate) fn do_register_foreign(
		publisher: T::AccountId,
		manifest: Manifest,
		locations: Vec<Location>,
	) -> DispatchResult {
		ensure!(manifest.genesis_hash != Self::genesis_hash(), Error::<T>::NotForeign);
		Self::insert(publisher, manifest, Origin::Foreign, locations)
	}

	fn insert(
		publisher: T::AccountId,
		manifest: Manifest,
		origin: Origin,
		locations: Vec<Location>,
	) -> DispatchResult {
		ensure!(manifest.logical_size > 0, Error::<T>::EmptyImage);
		let id = manifest.id::<T::Hashing>();
		ensure!(!Snapshots::<T>::contains_key(id), Error::<T>::AlreadyRegistered);
		let locations = Self::check_locations(locations)?;

		let now = frame_system::Pallet::<T>::block_number();
		let (genesis_hash, block_number) = (manifest.genesis_hash, manifest.block_number);
		let deposit = Self::deposit_for(origin, &locations);
		T::Currency::hold(&HoldReason::SnapshotDeposit.into(), &publisher, deposit)?;
		let snapshot = Snapshot {
			manifest,
			publisher: publisher.clone(),
			origin,
			registered_at: now,
			expires_at: now.saturating_add(T::Expiry::get()),
			status: Status::Pending,
			deposit,
			attested: Zero::zero(),
			attesters: 0,
			quorum: Zero::zero(),
			bound_until: Zero::zero(),
		};
		Snapshots::<T>::insert(id, snapshot);
		Locations::<T>::insert(id, locations);
		Self::deposit_event(Event::Registered {
			id,
			publisher,
			genesis_hash,
			block_number,
			origin,
		});
		Ok(())
	}

	pub(crate) fn do_set_locations(
		publisher: T::AccountId,
		id: SnapshotId,
		locations: Vec<Location>,
	) -> DispatchResult {
		let mut snapshot = Self::published_by(&publisher, &id)?;
		let locations = Self::check_locations(locations)?;
		let deposit = Self::deposit_for(snapshot.origin, &locations);
		if deposit > snapshot.deposit {
			let more = deposit.saturating_sub(snapshot.deposit);
			T::Currency::hold(&HoldReason::SnapshotDeposit.into(), &publisher, more)?;
		} else {
			let less = snapshot.deposit.saturating_sub(deposit);
			Self::release(HoldReason::SnapshotDeposit, &publisher, less)?;
		}
		snapshot.deposit = deposit;
		let now = frame_system::Pallet::<T>::block_number();
		let expires_at = now.saturating_add(T::Expiry::get());
		snapshot.expires_at = expires_at;
		Snapshots::<T>::insert(id, snapshot);
		Locations::<T>::insert(id, locations);
		Self::deposit_event(Event::LocationsSet { id, expires_at });
		Ok(())
	}

	pub(crate) fn do_retire(publisher: T::AccountId, id: SnapshotId) -> DispatchResult {
		let mut snapshot = Self::published_by(&publisher, &id)?;
		let since = frame_system::Pallet::<T>::block_number();
		Self::unlist(&id, &snapshot);
		snapshot.status = Status::Retired { since };
		Self::deposit_event(Event::Retired { id });
		if snapshot.attesters == 0 {
			return Self::remove(&id, &snapshot);
		}
		Self::release_reward(&id, &snapshot)?;
		Snapshots::<T>::insert(id, snapshot);
		Ok(())
	}

	/// Forgets a snapshot that nobody vouches for, and gives the deposit back.
	pub(crate) fn remove(id: &SnapshotId, snapshot: &SnapshotOf<T>) -> DispatchResult {
		Self::release_reward(id, snapshot)?;
		Self::release(HoldReason::SnapshotDeposit, &snapshot.publisher, snapshot.deposit)?;
		Snapshots::<T>::remove(id);
		Locations::<T>::remove(id);
		Self::deposit_event(Event::Removed { id: *id });
		Ok(())
	}

	/// Gives the publisher back what was promised and not paid.
	pub(crate) fn release_reward(id: &SnapshotId, snapshot: &SnapshotOf<T>) -> DispatchResult {
		Self::release(HoldReason::AttesterReward, &snapshot.publisher, Rewards::<T>::take(id))
	}

	/// Takes funds off hold.
	pub(crate) fn release(
		reason: HoldReason,
		who: &T::AccountId,
		value: BalanceOf<T>,
	) -> DispatchResult {
		if !value.is_zero() {
			T::Currency::release(&reason.into(), who, value, Precision::Exact)?;
		}
		Ok(())
	}

	/// Puts a certified snapshot on the list of its chain. On a full list the oldest block makes
	/// room, which may be the new one.
	pub(crate) fn list(id: &SnapshotId, snapshot: &SnapshotOf<T>) {
		let block_number = snapshot.manifest.block_number;
		Certified::<T>::mutate(snapshot.manifest.genesis_hash, |list| {
			let place = list
				.iter()
				.position(|listed| listed.block_number <= block_number)
				.unwrap_or(list.len());
			// The error says that the new one is older than all on a full list.
			let _ = list.force_insert_keep_left(place, Listed { block_number, id: *id });
		});
	}

	/// Takes a snapshot off the list of its chain, if it is there.
	pub(crate) fn unlist(id: &SnapshotId, snapshot: &SnapshotOf<T>) {
		Certified::<T>::mutate_exists(snapshot.manifest.genesis_hash, |list| {
			if let Some(listed) = list {
				listed.retain(|listed| listed.id != *id);
				if listed.is_empty() {
					*list = None;
				}
			}
		});
	}

	/// The genesis hash of this chain, which `frame_system` never forgets.
	pub(crate) fn genesis_hash() -> H256 {
		frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero()).into()
	}

	/// The deposit for a snapshot with these locations.
	pub(crate) fn deposit_for(
		origin: Origin,
		locations: &BoundedVec<Location, T::MaxLocations>,
	) -> BalanceOf<T> {
		let base = match origin {
			Origin::Native => T::DepositBase::get(),
			Origin::Foreign => T::ForeignDepositBase::get(),
		};
		let record = <SnapshotOf<T> as codec::MaxEncodedLen>::max_encoded_len();
		let bytes = record.saturating_add(locations.encoded_size()) as u64;
		let bytes: BalanceOf<T> = bytes.unique_saturated_into();
		base.saturating_add(T::DepositPerByte::get().saturating_mul(bytes))
	}

	/// The snapshot, if `publisher` may change it now.
	pub(crate) fn published_by(
		publisher: &T::AccountId,
		id: &SnapshotId,
	) -> Result<SnapshotOf<T>, Error<T>> {
		let snapshot = Snapshots::<T>::get(id).ok_or(Error::<T>::UnknownSnapshot)?;
		ensure!(snapshot.publisher == *publisher, Error::<T>::NotPublisher);
		match snapshot.status {
			Status::Pending | Status::Certified { .. } => Ok(snapshot),
			Status::Disputed { .. } => Err(Error::<T>::Disputed),
			Status::Retired { .. } | Status::Fraudulent { .. } => Err(Error::<T>::Ended),
		}
	}

	fn check_locations(
		locations: Vec<Location>,
	) -> Result<BoundedVec<Location, T::MaxLocations>, Error<T>> {
		ensure!(!locations.is_empty(), Error::<T>::NoLocations);
		let locations: BoundedVec<_, _> =
			locations.try_into().map_err(|_| Error::<T>::TooManyLocations)?;
		for (index, location) in locations.iter().enumerate() {
			location.validate().map_err(|error| match error {
				LocationError::Address => Error::<T>::InvalidAddress,
				LocationError::DnsName => Error::<T>::InvalidDnsName,
				LocationError::Port => Error::<T>::InvalidPort,
				LocationError::Namespace => Error::<T>::InvalidNamespace,
			})?;
			ensure!(!locations[..index].contains(location), Error::<T>::DuplicateLocation);
		}
		Ok(locations)
	}
}
