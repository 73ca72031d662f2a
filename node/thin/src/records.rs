//! What lies in a store beside the image: the manifest, the proof of the block, and proofs of how
//! the snapshot stands, under names that are found from the snapshot id.
//!
//! The names are printable and longer or shorter than the 32 bytes of a chunk id, so that they
//! can't be mistaken for one. That a block is final stays so, and is stored once. How a snapshot
//! stands is proven anew as the chain goes on, and a store may be of the kind that overwrites
//! nothing, so those proofs are numbered. A proof of several pages has its first page stored last:
//! one that is there is whole.

use crate::{
	error::StartError,
	proof::{FollowError, OnlyRegistration, Pages},
	source::SourceError,
};
use codec::{DecodeAll, Encode};
use pallet_snapshots::{Manifest, SnapshotId};
use std::sync::Arc;
use thin_mount::store::{Key, Store, StoreError};

/// How many proofs of one snapshot are looked for: ten years of weekly ones, and some.
const MOST_PROOFS: u32 = 1_024;
/// How many names are asked for at a time.
const AT_A_TIME: u32 = 64;
/// How many proofs of one store are read before it is given up.
const MOST_READ: u32 = 8;

/// Which proof of a snapshot.
#[derive(Clone, Copy, Debug)]
enum Name {
	/// That its block is final.
	Block,
	/// How it stands.
	Proof(u32),
}

impl Name {
	fn page(self, id: SnapshotId, page: u32) -> Key {
		let id = hex::encode(id);
		Key::from(match (self, page) {
			(Self::Block, page) => format!("thin/{id}/block/{page}"),
			(Self::Proof(number), 0) => format!("thin/{id}/proof/{number}"),
			(Self::Proof(number), page) => format!("thin/{id}/proof/{number}/{page}"),
		})
	}
}

fn manifest_key(id: SnapshotId) -> Key {
	Key::from(format!("thin/{}/manifest", hex::encode(id)))
}

fn store_error(store: &dyn Store) -> impl Fn(StoreError) -> FollowError + '_ {
	move |error| {
		SourceError::Store { store: store.name().to_owned(), reason: error.to_string() }.into()
	}
}

/// Stores the manifest and the proof of the block, where they are not there yet.
pub fn write_block(
	store: &dyn Store,
	id: SnapshotId,
	manifest: &Manifest,
	pages: &mut dyn Pages,
) -> Result<(), FollowError> {
	let failed = store_error(store);
	let keys = [manifest_key(id), Name::Block.page(id, 0)];
	let there = store.has_many(&keys).map_err(&failed)?;
	if there.get(1) != Some(&true) {
		write_pages(store, id, Name::Block, pages)?;
	}
	if there.first() != Some(&true) {
		store.put_many(&[(keys[0].clone(), manifest.encode().into())]).map_err(&failed)?;
	}
	store.flush().map_err(&failed)
}

/// Stores a proof of how the snapshot stands, as the next one, and gives its number. The way to
/// the block is left out.
pub fn write_proof(
	store: &dyn Store,
	id: SnapshotId,
	pages: impl Pages,
) -> Result<u32, FollowError> {
	let failed = store_error(store);
	let number = count_proofs(store, id).map_err(&failed)?;
	write_pages(store, id, Name::Proof(number), &mut OnlyRegistration(pages))?;
	store.flush().map_err(&failed)?;
	Ok(number)
}

fn write_pages(
	store: &dyn Store,
	id: SnapshotId,
	name: Name,
	pages: &mut dyn Pages,
) -> Result<(), FollowError> {
	let failed = store_error(store);
	let Some(first) = pages.next(0)? else { return Ok(()) };
	let mut number = 1;
	while let Some(page) = pages.next(0)? {
		let key = name.page(id, number);
		// Left by a run that was cut off: the pages of a block are the same in each.
		if store.has_many(std::slice::from_ref(&key)).map_err(&failed)? != [true] {
			store.put_many(&[(key, page.into())]).map_err(&failed)?;
		}
		number += 1;
	}
	store.put_many(&[(name.page(id, 0), first.into())]).map_err(&failed)
}

/// The number of the next proof. A number is taken if any page of it is there.
fn count_proofs(store: &dyn Store, id: SnapshotId) -> Result<u32, StoreError> {
	for start in (0..MOST_PROOFS).step_by(AT_A_TIME as usize) {
		let keys: Vec<Key> = (start..start + AT_A_TIME)
			.flat_map(|number| [0, 1].map(|page| Name::Proof(number).page(id, page)))
			.collect();
		let there = store.has_many(&keys)?;
		if let Some(missing) = there.chunks(2).position(|pages| !pages.contains(&true)) {
			return Ok(start + missing as u32);
		}
	}
	Ok(MOST_PROOFS)
}

/// The manifest of a snapshot, from the first store that has it. It is what its id says it is:
/// `hash` computes the id of a manifest on the chain that this node is of.
pub fn read_manifest(
	stores: &[Arc<dyn Store>],
	id: SnapshotId,
	hash: impl Fn(&Manifest) -> SnapshotId,
) -> Result<Manifest, StartError> {
	first(stores, "manifest", id, |store| {
		let value = store.get_many(&[manifest_key(id)]).map_err(|e| e.to_string())?;
		let Some(bytes) = value.into_iter().flatten().next() else { return Ok(None) };
		let manifest = Manifest::decode_all(&mut &bytes[..])
			.map_err(|error| format!("store {} has no manifest but {error}", store.name()))?;
		if hash(&manifest) != id {
			return Err(format!("store {} has the manifest of another snapshot", store.name()));
		}
		Ok(Some(manifest))
	})
}

/// The pages of a proof in a store.
pub struct StorePages<'a> {
	store: &'a dyn Store,
	id: SnapshotId,
	name: Name,
	page: u32,
	fetched: u64,
}

impl StorePages<'_> {
	/// The bytes that were read so far.
	pub fn fetched(&self) -> u64 {
		self.fetched
	}
}

impl Pages for StorePages<'_> {
	fn next(&mut self, _after: u32) -> Result<Option<Vec<u8>>, FollowError> {
		let key = self.name.page(self.id, self.page);
		let value = self.store.get_many(&[key]).map_err(store_error(self.store))?;
		let page = value.into_iter().flatten().next();
		self.page += 1;
		self.fetched += page.as_ref().map_or(0, |page| page.len() as u64);
		Ok(page.map(|page| page.to_vec()))
	}
}

/// What `accept` makes of the proof of a block, from the first store that has one it takes.
pub fn read_block<T>(
	stores: &[Arc<dyn Store>],
	id: SnapshotId,
	mut accept: impl FnMut(&mut StorePages<'_>) -> Result<T, String>,
) -> Result<T, StartError> {
	first(stores, "proof", id, |store| {
		let key = Name::Block.page(id, 0);
		if store.has_many(&[key]).map_err(|error| error.to_string())? != [true] {
			return Ok(None);
		}
		let mut pages = StorePages { store: &**store, id, name: Name::Block, page: 0, fetched: 0 };
		let says = |reason: String| format!("store {}: {reason}", store.name());
		accept(&mut pages).map(Some).map_err(says)
	})
}

/// What `accept` makes of the newest proof that it takes of how the snapshot stands, of every
/// store that has one, and why others have none.
pub fn read_proofs<T>(
	stores: &[Arc<dyn Store>],
	id: SnapshotId,
	mut accept: impl FnMut(&mut StorePages<'_>) -> Result<T, String>,
) -> (Vec<T>, Vec<String>) {
	let (mut found, mut reasons) = (Vec::new(), Vec::new());
	for store in stores {
		match newest(&**store, id, &mut accept) {
			Ok(Some(proof)) => found.push(proof),
			Ok(None) => reasons.push(format!("store {} has none", store.name())),
			Err(reason) => reasons.push(reason),
		}
	}
	(found, reasons)
}

/// Goes back from the newest proof of a store to one that is right. `None` if it has none at all.
fn newest<T>(
	store: &dyn Store,
	id: SnapshotId,
	accept: &mut impl FnMut(&mut StorePages<'_>) -> Result<T, String>,
) -> Result<Option<T>, String> {
	let says = |reason: String| format!("store {}: {reason}", store.name());
	let count = count_proofs(store, id).map_err(|error| error.to_string())?;
	let mut reason = None;
	for number in (0..count).rev().take(MOST_READ as usize) {
		let name = Name::Proof(number);
		let mut pages = StorePages { store, id, name, page: 0, fetched: 0 };
		match accept(&mut pages) {
			Ok(found) => return Ok(Some(found)),
			// Of several the newest is the one to complain about.
			Err(error) => reason = reason.or(Some(says(format!("proof {number}: {error}")))),
		}
	}
	reason.map_or(Ok(None), Err)
}

/// Asks each store in turn. A store that fails or lies is no reason not to ask the next.
fn first<T>(
	stores: &[Arc<dyn Store>],
	what: &str,
	id: SnapshotId,
	mut ask: impl FnMut(&Arc<dyn Store>) -> Result<Option<T>, String>,
) -> Result<T, StartError> {
	let mut reasons = Vec::new();
	for store in stores {
		match ask(store) {
			Ok(Some(found)) => return Ok(found),
			Ok(None) => reasons.push(format!("store {} has none", store.name())),
			Err(reason) => {
				tracing::warn!(target: "thin", %reason, "looking for the {what} elsewhere");
				reasons.push(reason);
			},
		}
	}
	Err(StartError::Stores(format!(
		"the {what} of snapshot {id:?} can't be had: {}. Give another store with --thin-store",
		reasons.join("; ")
	)))
}
