//! What a benchmark starts from: accounts, full bonds, snapshots in each state.

use alloc::{vec, vec::Vec};

use frame_benchmarking::v2::*;
use frame_support::{
	traits::{
		fungible::{Balanced, MutateHold},
		Get,
	},
	BoundedVec,
};
use frame_system::pallet_prelude::{BlockNumberFor, HeaderFor};
use sp_core::H256;
use sp_runtime::traits::{Header, One, Saturating, Zero};

use crate::*;

/// How much more the one bond that decides has than every other one.
pub const DECIDING: u32 = 100_000;

/// An account that can pay for everything here.
pub fn account_with_funds<T: Config>(name: &'static str, index: u32) -> T::AccountId {
	let who: T::AccountId = account(name, index, 0);
	fund::<T>(&who);
	who
}

pub fn caller_with_funds<T: Config>() -> T::AccountId {
	let who: T::AccountId = whitelisted_caller();
	fund::<T>(&who);
	who
}

pub fn fund<T: Config>(who: &T::AccountId) {
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
pub fn forget_stake<T: Config>() {
	TotalBonded::<T>::kill();
	TotalMaturing::<T>::kill();
}

pub fn now<T: Config>() -> BlockNumberFor<T> {
	frame_system::Pallet::<T>::block_number()
}

/// Bonds, and goes on to the block in which the bond counts.
pub fn bonded<T: Config>(who: &T::AccountId, times: u32) {
	all_bonded::<T>(core::slice::from_ref(who), times);
}

/// Bonds for all at once, so that nothing registered before expires on the way.
pub fn all_bonded<T: Config>(all: &[T::AccountId], times: u32) {
	let value = T::MinBond::get().saturating_mul(times.into());
	for who in all {
		Pallet::<T>::do_bond(who.clone(), value).expect("the account has funds; qed");
	}
	frame_system::Pallet::<T>::set_block_number(Pallet::<T>::maturity_date());
}

/// Fills the lists of a bond as far as they go, with parts of one unit, but for `free` places.
pub fn fill_lists<T: Config>(who: &T::AccountId, free: u32) {
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
pub fn fill_vouches<T: Config>(who: &T::AccountId, free: u32) {
	Attesters::<T>::mutate(who, |bond| {
		let bond = bond.as_mut().expect("it was bonded; qed");
		let mut index = 0u64;
		while (bond.vouches.len() as u32).saturating_add(free) < T::MaxVouches::get() {
			let snapshot = numbered(index);
			bond.vouches.try_push(Vouch { snapshot, at: now::<T>() }).expect("bounded; qed");
			index = index.saturating_add(1);
		}
	});
}

/// The longest locations there are, all different.
pub fn locations(count: u32) -> Vec<Location> {
	let name = [vec![b'a'; 63], vec![b'b'; 63], vec![b'c'; 63], vec![b'd'; 61]].join(&b'.');
	(0..count)
		.map(|index| Location {
			address: Address::Dns(name.clone().try_into().expect("253 bytes; qed")),
			port: 1u16.saturating_add(index as u16),
			namespace: vec![b'n'; 128].try_into().expect("128 bytes; qed"),
		})
		.collect()
}

pub fn image(n: u8) -> ImageInfo {
	ImageInfo {
		image: H256::repeat_byte(n),
		logical_size: 1,
		database: Database { kind: DatabaseKind::RocksDb, version: 4 },
		pruning: Pruning::Keep(256),
	}
}

/// A header that this chain knows, of the block before this one.
pub fn known_header<T: Config>() -> HeaderFor<T> {
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
pub fn registered<T: Config>(
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

pub fn rewarded<T: Config>(publisher: &T::AccountId, id: SnapshotId) -> Result<(), BenchmarkError> {
	if T::RewardsEnabled::get() {
		let reward = T::MinBond::get().saturating_mul(1_000u32.into());
		Pallet::<T>::do_fund(publisher.clone(), id, reward)?;
	}
	Ok(())
}

/// Lets `count` new attesters with full lists vouch for a snapshot.
pub fn attested<T: Config>(
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
pub fn certified<T: Config>(id: SnapshotId) {
	Snapshots::<T>::mutate(id, |snapshot| {
		let snapshot = snapshot.as_mut().expect("it was registered; qed");
		let at = now::<T>();
		snapshot.status = Status::Certified { at };
		snapshot.quorum = snapshot.attested;
		snapshot.bound_until = at.saturating_add(T::DisputeWindow::get());
		Pallet::<T>::unlist(&id, snapshot);
		let newer: Vec<_> = (1..T::MaxListed::get())
			.map(|index| Listed { block_number: u64::MAX, id: numbered(index.into()) })
			.collect();
		Certified::<T>::insert(snapshot.manifest.genesis_hash, BoundedVec::truncate_from(newer));
		Pallet::<T>::list(&id, snapshot);
	});
}

/// A hash for each number. (The function of that kind which `H256` has takes `std`.)
fn numbered(index: u64) -> H256 {
	let mut bytes = [0; 32];
	bytes[24..].copy_from_slice(&index.to_be_bytes());
	H256(bytes)
}
