//! What lies in a store beside the image: the manifest and the proof, under names that are found
//! from the snapshot id.
//!
//! The names are printable and longer or shorter than the 32 bytes of a chunk id, so that they
//! can't be mistaken for one. A proof is renewed as the chain goes on, and a store may be of the
//! kind that overwrites nothing, so proofs are numbered.

use crate::{error::StartError, proof::MAX_PROOF_BYTES};
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

fn manifest_key(id: SnapshotId) -> Key {
	Key::from(format!("thin/{}/manifest", hex::encode(id)))
}

fn proof_key(id: SnapshotId, number: u32) -> Key {
	Key::from(format!("thin/{}/proof/{number}", hex::encode(id)))
}

/// Stores the manifest and, as the first or the next one, the proof. Gives the proof's number.
pub fn write(
	store: &dyn Store,
	id: SnapshotId,
	manifest: &Manifest,
	proof: Vec<u8>,
) -> Result<u32, StoreError> {
	let number = count_proofs(store, id)?;
	let records =
		[(manifest_key(id), manifest.encode().into()), (proof_key(id, number), proof.into())];
	let keys: Vec<Key> = records.iter().map(|(key, _)| key.clone()).collect();
	let there = store.has_many(&keys)?;
	let missing: Vec<_> =
		records.into_iter().zip(there).filter(|(_, has)| !has).map(|(record, _)| record).collect();
	store.put_many(&missing)?;
	store.flush()?;
	Ok(number)
}

fn count_proofs(store: &dyn Store, id: SnapshotId) -> Result<u32, StoreError> {
	for start in (0..MOST_PROOFS).step_by(AT_A_TIME as usize) {
		let keys: Vec<Key> =
			(start..start + AT_A_TIME).map(|number| proof_key(id, number)).collect();
		let there = store.has_many(&keys)?;
		if let Some(missing) = there.into_iter().position(|has| !has) {
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

/// The newest proof of a snapshot that `accept` takes, from the first store that has one.
pub fn read_proof<T>(
	stores: &[Arc<dyn Store>],
	id: SnapshotId,
	accept: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<T, StartError> {
	first(stores, "proof", id, |store| newest(&**store, id, &accept))
}

/// The newest proof that `accept` takes, of every store that has one, and why others have none.
pub fn read_proofs<T>(
	stores: &[Arc<dyn Store>],
	id: SnapshotId,
	accept: impl Fn(&[u8]) -> Result<T, String>,
) -> (Vec<T>, Vec<String>) {
	let (mut found, mut reasons) = (Vec::new(), Vec::new());
	for store in stores {
		match newest(&**store, id, &accept) {
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
	accept: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<Option<T>, String> {
	let says = |reason: String| format!("store {}: {reason}", store.name());
	let count = count_proofs(store, id).map_err(|error| error.to_string())?;
	let mut reason = None;
	for number in (0..count).rev().take(MOST_READ as usize) {
		let value = store.get_many(&[proof_key(id, number)]).map_err(|e| e.to_string())?;
		let Some(bytes) = value.into_iter().flatten().next() else { continue };
		let accepted = match bytes.len() {
			length if length > MAX_PROOF_BYTES => Err(format!("a proof of {length} bytes")),
			_ => accept(&bytes),
		};
		match accepted {
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
	ask: impl Fn(&Arc<dyn Store>) -> Result<Option<T>, String>,
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
