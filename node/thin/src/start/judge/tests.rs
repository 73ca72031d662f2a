use super::*;
use crate::{
	proof::Pages,
	source::SourceError,
	testing::{
		registry::{Layout, Proof, Registry},
		Block, Chain,
	},
};
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
	let mut pages = chain.block_pages(registry.id(), N).into_iter();
	records::write_block(&*stores[0], registry.id(), &registry.manifest, &mut pages).unwrap();
	(folder, stores, chain, registry)
}

fn store_proof(stores: &[Arc<dyn Store>], chain: &mut Chain, registry: &Registry) -> u32 {
	let f = chain.push_state(registry.entries());
	let pages = chain.snapshot_proof(registry.id(), N, f).pages();
	records::write_proof(&*stores[0], registry.id(), pages.into_iter()).unwrap()
}

fn registered(known: Known<Block>) -> Box<ProvenSnapshot<Block>> {
	match known {
		Known::Registered { proven, .. } => proven,
		Known::Unregistered { .. } => panic!("not registered"),
	}
}

#[test]
fn the_newest_proof_in_a_store_counts() {
	let (_folder, stores, mut chain, registry) = stored();
	assert_eq!(store_proof(&stores, &mut chain, &registry), 0);
	assert_eq!(store_proof(&stores, &mut chain, &registry), 1);
	let found = judge(&chain, Policy::default()).by_stores(&stores, registry.id()).unwrap();
	assert_eq!(registered(found).registration.at().number, 17);
}

#[test]
fn a_newer_proof_that_is_wrong_is_passed_over() {
	let (_folder, stores, mut chain, registry) = stored();
	store_proof(&stores, &mut chain, &registry);
	// Its first page, and no more of it, is the second one.
	let cut = chain.snapshot_proof(registry.id(), N, 16).registration_pages().remove(0);
	for rubbish in [b"rubbish".to_vec(), cut[..cut.len() - 1].to_vec()] {
		let pages = vec![rubbish].into_iter();
		records::write_proof(&*stores[0], registry.id(), pages).unwrap();
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

/// Attesters were slashed since. What shows how it was before passes for as long as it isn't too
/// old, and not beside one that is newer.
#[test]
fn an_old_proof_replayed_after_a_slash_is_refused_by_its_age() {
	const DAY: u64 = 24 * 60 * 60 * 1_000;
	let (folder, stores, mut chain, registry) = stored();
	let own = Which::Id(registry.id());
	let path = folder.path().join("proof");
	let mut replayed = |age| {
		let before = Registry { time: now() - age, ..registry.clone() };
		let f = chain.push_state(before.entries());
		std::fs::write(&path, chain.snapshot_proof(registry.id(), N, f).pages().concat()).unwrap();
		let modest = judge(&chain, Policy { min_stake: 300, ..Default::default() });
		modest.by_file(&path, own).map(registered)
	};
	let error = replayed(8 * DAY).err().unwrap().to_string();
	assert!(error.contains("--thin-max-age"), "{error}");
	// This is what --thin-max-age is for: a node that must know takes an hour.
	assert_eq!(replayed(DAY).unwrap().registration.registration().standing_stake, 300);

	store_proof(&stores, &mut chain, &registry);
	let slashed = vec![(1, 100, 0, 0), (2, 100, 100, 0), (3, 100, 100, 0)];
	store_proof(&stores, &mut chain, &Registry { attesters: slashed, ..registry.clone() });
	let modest = judge(&chain, Policy { min_stake: 300, ..Default::default() });
	let error = modest.by_stores(&stores, registry.id()).err().unwrap().to_string();
	assert!(error.contains("--thin-min-stake asks for 300"), "{error}");
}

#[test]
fn the_block_alone_is_enough_only_if_it_may_be_uncertified() {
	let (_folder, stores, chain, registry) = stored();
	let error = judge(&chain, Policy::default()).by_stores(&stores, registry.id()).err().unwrap();
	assert!(error.to_string().contains("no store has a proof of how snapshot"), "{error}");
	let uncertified = Policy { allow_uncertified: true, ..Default::default() };
	let found = judge(&chain, uncertified).by_stores(&stores, registry.id()).unwrap();
	let Known::Unregistered { id, block, fetched } = found else { panic!("registered") };
	// The way to it is followed once.
	assert_eq!((id, block.unwrap().key()), (registry.id(), chain.key(N)));
	assert!(fetched > 0);
}

#[test]
fn a_file_is_checked_like_anything_else() {
	let (folder, _stores, mut chain, registry) = stored();
	let f = chain.push_state(registry.entries());
	let path = folder.path().join("proof");
	let write = |bytes: Vec<u8>| std::fs::write(&path, bytes).unwrap();
	let proof = chain.snapshot_proof(registry.id(), N, f).pages().concat();
	write(proof.clone());
	let own = Which::Id(registry.id());
	let ours = judge(&chain, Policy::default());
	assert!(registered(ours.by_file(&path, own).unwrap()).block.is_some());
	assert!(ours.by_file(&path, Which::Latest).is_ok());
	let error = ours.by_file(&path, Which::Id(H256::repeat_byte(1))).err().unwrap();
	assert!(error.to_string().contains("was asked for"), "{error}");
	let theirs = judge(&Chain::of(2, 1, &[]), Policy::default());
	let error = theirs.by_file(&path, own).err().unwrap();
	assert!(error.to_string().contains("does not hold"), "{error}");

	for (spoiled, reason) in [
		([&proof[..], &[0]].concat(), "something follows its last page"),
		(proof[..proof.len() - 1].to_vec(), "it ends within a page"),
		(b"rubbish".to_vec(), "it ends within a page"),
		(Vec::new(), "there is nothing in it"),
	] {
		write(spoiled);
		let error = ours.by_file(&path, own).err().unwrap();
		assert!(error.to_string().contains(reason), "{error}");
	}

	write(chain.block_pages(registry.id(), N).concat());
	let error = ours.by_file(&path, own).err().unwrap();
	assert!(error.to_string().contains("says nothing of a registration"), "{error}");
	let uncertified = judge(&chain, Policy { allow_uncertified: true, ..Default::default() });
	let found = uncertified.by_file(&path, own).unwrap();
	assert!(matches!(found, Known::Unregistered { id, block: Some(_), .. } if id == registry.id()));
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
		let pages = chain.snapshot_proof(id, n, f).pages();
		Ok(modest.verify(Which::Id(id), &mut pages.into_iter()).unwrap())
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

/// That the block is final is stored once, and proofs of how the snapshot stands go on from it.
#[test]
fn proofs_in_a_store_go_on_from_the_block() {
	let (_folder, stores, mut chain, registry) = stored();
	let f = chain.push_state(registry.entries());
	let proof = || chain.snapshot_proof(registry.id(), N, f);
	for pages in [proof().pages(), proof().without_block(&chain, f).pages()] {
		records::write_proof(&*stores[0], registry.id(), pages.into_iter()).unwrap();
		let judge = judge(&chain, Policy::default());
		let found = registered(judge.by_stores(&stores, registry.id()).unwrap());
		assert_eq!(found.block.unwrap().key(), chain.key(N));
	}

	// Without that proof, only the one that begins at genesis holds; then the block isn't proven.
	let other = tempfile::tempdir().unwrap();
	let bare = vec![store::open(&format!("dir://{}", other.path().display())).unwrap()];
	records::write_proof(&*bare[0], registry.id(), proof().pages().into_iter()).unwrap();
	let ours = judge(&chain, Policy::default());
	let error = ours.by_stores(&bare, registry.id()).err().unwrap().to_string();
	assert!(error.contains("came where one that goes on from block 0 belongs"), "{error}");
	let whole = proof().without_block(&chain, f).pages();
	records::write_proof(&*bare[0], registry.id(), whole.into_iter()).unwrap();
	assert!(registered(ours.by_stores(&bare, registry.id()).unwrap()).block.is_none());
	// Any other store may have it.
	let both = [bare[0].clone(), stores[0].clone()];
	assert!(registered(ours.by_stores(&both, registry.id()).unwrap()).block.is_some());
}

/// In a store that overwrites nothing, what a run left that was cut off takes its number.
#[test]
fn a_proof_that_was_cut_off_while_it_was_stored_is_passed_over() {
	struct Dies(std::vec::IntoIter<Vec<u8>>);
	impl Pages for Dies {
		fn next(&mut self, _: u32) -> Result<Option<Vec<u8>>, FollowError> {
			let error = || SourceError::Kept("the machine died".into());
			Iterator::next(&mut self.0).map(Some).ok_or_else(|| error().into())
		}
	}
	let (_folder, stores, mut chain, registry) = stored();
	let f = chain.push_state(registry.entries());
	let id = registry.id();
	let pages = || Proof { most: 1, ..chain.snapshot_proof(id, 1, f) }.registration_pages();
	assert_eq!(pages().len(), 2);
	assert!(records::write_proof(&*stores[0], id, Dies(pages().into_iter())).is_err());
	let ours = judge(&chain, Policy::default());
	assert!(ours.by_stores(&stores, id).is_err());
	let whole = chain.snapshot_proof(id, N, f).pages();
	assert_eq!(records::write_proof(&*stores[0], id, whole.into_iter()).unwrap(), 1);
	assert!(ours.by_stores(&stores, id).is_ok());
}
