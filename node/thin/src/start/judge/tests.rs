use super::*;
use crate::{
	proof::{truth_of, Truth},
	testing::{
		registry::{Layout, Registry},
		Block, Chain,
	},
};
use codec::Encode;
use pallet_snapshots::{Listed, Status};
use sp_core::H256;
use std::time::{SystemTime, UNIX_EPOCH};
use thin_mount::store;

const N: u32 = 9;

fn now() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn judge(chain: &Chain, policy: Policy) -> Judge<Block, Layout> {
	let anchor = chain.genesis.anchor().unwrap();
	Judge { policy, registry: anchor.clone(), chain: anchor, _types: PhantomData }
}

/// A chain of 15 blocks, a registry for the next state, and a store with one record.
fn stored() -> (tempfile::TempDir, Vec<Arc<dyn Store>>, Chain, Registry) {
	let folder = tempfile::tempdir().unwrap();
	let stores = vec![store::open(&format!("dir://{}", folder.path().display())).unwrap()];
	let chain = Chain::new(15, &[3]);
	let registry = Registry::of(chain.manifest(N), now());
	records::write(&*stores[0], registry.id(), &registry.manifest, chain.proof(N).encode())
		.unwrap();
	(folder, stores, chain, registry)
}

fn store_proof(stores: &[Arc<dyn Store>], chain: &mut Chain, registry: &Registry) -> u32 {
	let f = chain.push_state(registry.entries());
	let proof = chain.snapshot_proof(registry.id(), N, f).to_bytes().unwrap();
	records::write(&*stores[0], registry.id(), &registry.manifest, proof).unwrap()
}

fn registered(known: Known<Block>) -> Box<ProvenSnapshot<Block>> {
	match known {
		Known::Registered { proven, .. } => proven,
		Known::Unregistered(..) => panic!("not registered"),
	}
}

#[test]
fn the_newest_proof_in_a_store_counts() {
	let (_folder, stores, mut chain, registry) = stored();
	assert_eq!(store_proof(&stores, &mut chain, &registry), 1);
	assert_eq!(store_proof(&stores, &mut chain, &registry), 2);
	let found = judge(&chain, Policy::default()).by_stores(&stores, registry.id()).unwrap();
	assert_eq!(registered(found).registration.at().number, 17);
}

#[test]
fn a_newer_proof_that_is_wrong_is_passed_over() {
	let (_folder, stores, mut chain, registry) = stored();
	store_proof(&stores, &mut chain, &registry);
	for rubbish in [b"rubbish".to_vec(), chain.proof(N).encode()] {
		records::write(&*stores[0], registry.id(), &registry.manifest, rubbish).unwrap();
	}
	let found = judge(&chain, Policy::default()).by_stores(&stores, registry.id()).unwrap();
	assert_eq!(registered(found).registration.at().number, 16);
}

#[test]
fn an_older_proof_does_not_hide_a_dispute() {
	let (_folder, stores, mut chain, registry) = stored();
	store_proof(&stores, &mut chain, &registry);
	let before = pallet_snapshots::types::Standing::Certified { at: 10 };
	let status = Status::Disputed { since: 16, before };
	store_proof(&stores, &mut chain, &Registry { status, ..registry.clone() });
	let judge = judge(&chain, Policy { allow_uncertified: true, ..Default::default() });
	let error = judge.by_stores(&stores, registry.id()).err().unwrap();
	assert!(error.to_string().contains("is disputed (as of block 17"), "{error}");
}

#[test]
fn the_block_alone_is_enough_only_if_it_may_be_uncertified() {
	let (_folder, stores, chain, registry) = stored();
	let error = judge(&chain, Policy::default()).by_stores(&stores, registry.id()).err().unwrap();
	assert!(error.to_string().contains("no store has a proof of how snapshot"), "{error}");
	let uncertified = Policy { allow_uncertified: true, ..Default::default() };
	let found = judge(&chain, uncertified).by_stores(&stores, registry.id()).unwrap();
	assert!(matches!(found, Known::Unregistered(id, None) if id == registry.id()));
}

#[test]
fn a_file_is_checked_like_anything_else() {
	let (folder, _stores, mut chain, registry) = stored();
	let f = chain.push_state(registry.entries());
	let path = folder.path().join("proof");
	let write = |bytes: Vec<u8>| std::fs::write(&path, bytes).unwrap();
	write(chain.snapshot_proof(registry.id(), N, f).to_bytes().unwrap());
	let own = Which::Id(registry.id());
	let ours = judge(&chain, Policy::default());
	assert!(registered(ours.by_file(&path, own).unwrap()).block.is_some());
	assert!(ours.by_file(&path, Which::Latest).is_ok());
	let error = ours.by_file(&path, Which::Id(H256::repeat_byte(1))).err().unwrap();
	assert!(error.to_string().contains("was asked for"), "{error}");
	let theirs = judge(&Chain::of(2, 1, &[]), Policy::default());
	let error = theirs.by_file(&path, own).err().unwrap();
	assert!(error.to_string().contains("does not hold"), "{error}");

	write(chain.proof(N).encode());
	let error = ours.by_file(&path, own).err().unwrap();
	assert!(error.to_string().contains("says nothing of a registration"), "{error}");
	let uncertified = judge(&chain, Policy { allow_uncertified: true, ..Default::default() });
	let found = uncertified.by_file(&path, own).unwrap();
	assert!(matches!(found, Known::Unregistered(id, Some(_)) if id == registry.id()));
	let error = ours.by_file(&folder.path().join("none"), own).err().unwrap();
	assert!(error.to_string().contains("No such file"), "{error}");
}

/// Three snapshots are listed; the newest has too little stake. Whatever is said to be the latest,
/// the newest that passes is taken.
#[test]
fn latest_is_the_newest_that_passes() {
	let mut chain = Chain::new(15, &[3]);
	let own = |n| Registry::of(chain.manifest(n), now());
	let (oldest, middle, newest) = (own(7), own(N), own(11));
	let poor = Registry { attesters: vec![(1, 100, 1, 0)], ..newest.clone() };
	let listed: Vec<Listed> = [&newest, &middle, &oldest].map(|r| r.listed[0]).to_vec();
	let list = |registry: &Registry| Registry { listed: listed.clone(), ..registry.clone() };
	let mut proofs = std::collections::HashMap::new();
	for (registry, n) in [(&oldest, 7), (&middle, N), (&poor, 11)] {
		let f = chain.push_state(list(registry).entries());
		proofs.insert(registry.id(), (n, f));
	}
	let modest = judge(&chain, Policy { min_stake: 100, ..Default::default() });
	let ask = |id: SnapshotId| {
		let (n, f) = proofs[&id];
		let bytes = chain.snapshot_proof(id, n, f).to_bytes().unwrap();
		Ok(modest.verify(Which::Id(id), &bytes).unwrap())
	};
	for said in [&oldest, &middle, &newest] {
		let first = ask(said.id()).unwrap();
		let found = registered(modest.newest_that_passes(first, ask).unwrap());
		assert_eq!(found.registration.id(), middle.id());
	}
	let strict = judge(&chain, Policy { min_stake: 301, ..Default::default() });
	let error = strict.newest_that_passes(ask(middle.id()).unwrap(), ask).err().unwrap();
	assert!(error.to_string().contains("--thin-min-stake asks for 301"), "{error}");
}

#[test]
fn a_proof_without_truth_leaves_it_to_the_store() {
	let (_folder, stores, mut chain, registry) = stored();
	let f = chain.push_state(registry.entries());
	let nodes = chain.read_proof(f, chain.keys_of(registry.id(), f));
	let proof = SnapshotProof::new(registry.id(), chain.way_to(f), nodes, Truth::Elsewhere);
	records::write(&*stores[0], registry.id(), &registry.manifest, proof.to_bytes().unwrap())
		.unwrap();
	let anchor = chain.genesis.anchor().unwrap();
	let block = records::read_proof(&stores, registry.id(), |bytes| {
		truth_of::<Block>(bytes, &anchor, &registry.manifest).map_err(|error| error.to_string())
	});
	assert_eq!(block.unwrap().key(), chain.key(N));
}
