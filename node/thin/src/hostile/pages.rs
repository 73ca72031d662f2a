//! Proofs of many pages: dropped, doubled, out of order, of other chains, cut, endless.

use crate::{
	genesis::Anchor,
	proof::{FollowError, Followed, Follower, Frames, Pages, ProvenSnapshot, MAX_PAGES},
	testing::{
		authorities, keys,
		registry::{Layout, Proof, Registry},
		sign, Block, Chain, Header,
	},
};
use codec::Encode;
use pallet_snapshots::SnapshotId;
use sc_consensus_grandpa::warp_proof::WarpSyncFragment;
use sp_consensus_grandpa::{ConsensusLog, ScheduledChange, GRANDPA_ENGINE_ID};
use sp_core::H256;
use sp_runtime::{Digest, DigestItem};

const N: u32 = 31;
const F: u32 = 61;

/// Authorities that change in every second block, and a snapshot of N registered.
fn chain_of(name: u8) -> (Chain, Registry) {
	let changes: Vec<u32> = (1..30).map(|change| change * 2).collect();
	let mut chain = Chain::of(name, F - 1, &changes);
	let registry = Registry::of(chain.manifest(N), 1_000_000);
	assert_eq!(chain.push_state(registry.entries()), F);
	(chain, registry)
}

/// A fragment in each page.
fn pages(chain: &Chain, id: SnapshotId) -> Vec<Vec<u8>> {
	Proof { most: 1, ..chain.snapshot_proof(id, N, F) }.pages()
}

fn follow(
	chain: &Chain,
	id: Option<SnapshotId>,
	pages: &mut dyn Pages,
) -> Result<Box<ProvenSnapshot<Block>>, FollowError> {
	let anchor = chain.genesis.anchor().unwrap();
	let found = Follower::<Block>::new(id, &anchor, &anchor).follow::<Layout>(pages)?;
	Ok(found.snapshot()?)
}

fn refused(chain: &Chain, id: SnapshotId, pages: Vec<Vec<u8>>) -> String {
	follow(chain, Some(id), &mut pages.into_iter()).err().unwrap().to_string()
}

#[test]
fn many_pages_prove_what_one_does() {
	let (chain, registry) = chain_of(1);
	let id = registry.id();
	let pages = pages(&chain, id);
	// 15 changes below N, N, 14 changes above it, F.
	assert_eq!(pages.len(), 31);
	for asked in [Some(id), None] {
		let proven = follow(&chain, asked, &mut pages.clone().into_iter()).unwrap();
		assert_eq!(proven.registration.at(), chain.key(F));
		assert_eq!(proven.sets, 30);
		let block = proven.block.unwrap();
		assert_eq!(block.key(), chain.key(N));
		assert_eq!(block.history().current().unwrap().set_id, 15);
		assert_eq!(block.justified().count(), 16);
		// Handed on, in pages of any size.
		let mut handed_on = block.pages_of(id, 1);
		let all: Vec<_> = std::iter::from_fn(|| handed_on.next(0).unwrap()).collect();
		assert_eq!(all, pages[..16]);
		let mut handed_on = block.pages(id);
		let all: Vec<_> = std::iter::from_fn(|| handed_on.next(0).unwrap()).collect();
		assert_eq!(all, chain.block_pages(id, N));
	}
	let file = pages.concat();
	let mut frames = Frames::new(&file[..], "file".into());
	assert!(follow(&chain, Some(id), &mut frames).is_ok());
	assert!(frames.nothing_follows().is_ok());
}

#[test]
fn each_page_is_needed_in_its_place() {
	let (chain, registry) = chain_of(1);
	let id = registry.id();
	let right = pages(&chain, id);
	let place = "pages of the proof are missing, doubled, or out of order";
	for index in 0..right.len() {
		let last = index + 1 == right.len();
		let mut dropped = right.clone();
		dropped.remove(index);
		let error = refused(&chain, id, dropped);
		match (index, last) {
			// The way to N has no end, or the proof has none.
			(15, _) => assert!(error.starts_with("the proof ends at block 30"), "{error}"),
			(_, true) => assert!(error.starts_with("the proof ends at block 58"), "{error}"),
			_ => assert!(error.contains(place), "{index}: {error}"),
		}

		let mut doubled = right.clone();
		doubled.insert(index, right[index].clone());
		// What comes after the end is looked at by those who read files.
		match last {
			true => assert!(follow(&chain, Some(id), &mut doubled.into_iter()).is_ok()),
			false => assert!(refused(&chain, id, doubled).contains(place), "{index}"),
		}

		if !last {
			let mut swapped = right.clone();
			swapped.swap(index, index + 1);
			let error = refused(&chain, id, swapped);
			let cut = error.starts_with("the proof ends at block 30");
			assert!(error.contains(place) || cut, "{index}: {error}");
		}

		let cut = [&right[..index], &[right[index][..right[index].len() - 1].to_vec()]].concat();
		let error = refused(&chain, id, cut);
		assert!(error.contains("the proof of the snapshot can't be read: a page of"), "{error}");

		let error = refused(&chain, id, right[..index].to_vec());
		let ends = match index {
			0 => "there is nothing in it".to_owned(),
			// Whole, as far as it goes: the proof of a block.
			16 => "says nothing of a registration".to_owned(),
			1..16 => format!("the proof ends at block {}", index * 2),
			_ => format!("the proof ends at block {}", index * 2 - 2),
		};
		assert!(error.contains(&ends), "{index}: {error}");
	}
}

#[test]
fn pages_of_another_chain_or_snapshot_are_refused() {
	let (chain, registry) = chain_of(1);
	let (other, others) = chain_of(2);
	let id = registry.id();
	let (right, wrong) = (pages(&chain, id), pages(&other, others.id()));
	for index in 0..right.len() {
		let mut mixed = right.clone();
		mixed[index] = wrong[index].clone();
		let error = refused(&chain, id, mixed);
		assert!(error.contains("the proof is of snapshot"), "{error}");
		// Under the right name.
		let mut named = right.clone();
		named[index] = wrong[index].clone();
		named[index][14..46].copy_from_slice(&id.0);
		// The authorities of all chains here are the same, so that a block of the other is as
		// good as a block of this one until the manifest says which it must be.
		let error = follow(&chain, Some(id), &mut named.into_iter()).err().map(|e| e.to_string());
		match index {
			15 => assert!(error.unwrap().contains("the proof is of block"), "{index}"),
			30 => assert!(error.unwrap().contains("is registered as of block 61"), "{index}"),
			_ => assert_eq!(error, None, "{index}"),
		}
	}
	// With authorities of their own, no page of the other is taken.
	let strange = Chain::with_authorities(F, &chain.changes, 4);
	let theirs = Proof {
		most: 1,
		snapshot: id,
		to_block: strange.way_to(N),
		after: N,
		to_registration: strange.way(N, F),
		nodes: Vec::new(),
	}
	.pages();
	for index in 0..right.len() {
		let mut mixed = right.clone();
		mixed[index] = theirs[index].clone();
		let error = refused(&chain, id, mixed);
		assert!(error.contains("the proof breaks at fragment"), "{index}: {error}");
	}
}

#[test]
fn a_way_that_comes_twice_is_refused() {
	let (chain, registry) = chain_of(1);
	let id = registry.id();
	let proof = chain.snapshot_proof(id, N, F);
	let to_block = chain.block_pages(id, N);
	let twice = [&to_block[..], &to_block, &proof.registration_pages()].concat();
	assert!(refused(&chain, id, twice).contains("came where one that goes on from block 31"));
	// After the way to the registration has begun.
	let small = Proof { most: 1, ..proof }.registration_pages();
	let late = [&to_block[..], &small[..3], &to_block].concat();
	assert!(refused(&chain, id, late).contains("came where one that goes on from block 36"));
}

/// Makes pages for ever, of blocks whose authorities change in each, and remembers none.
struct Endless {
	id: SnapshotId,
	fragments_in_a_page: u32,
	given: u32,
}

fn change_at(number: u32) -> WarpSyncFragment<Block> {
	let set = u64::from(number);
	let change = ScheduledChange { next_authorities: authorities(set, 1), delay: 0u32 };
	let log = ConsensusLog::ScheduledChange(change).encode();
	let digest = Digest { logs: vec![DigestItem::Consensus(GRANDPA_ENGINE_ID, log)] };
	let header = Header { number, digest, ..header() };
	let justification = sign(&header, set - 1, keys(set - 1, 1)).into();
	WarpSyncFragment { header, justification }
}

fn header() -> Header {
	let root = H256::repeat_byte(3);
	Header {
		parent_hash: root,
		number: 0,
		state_root: root,
		extrinsics_root: root,
		digest: Digest::default(),
	}
}

impl Pages for Endless {
	fn next(&mut self, after: u32) -> Result<Option<Vec<u8>>, FollowError> {
		self.given += 1;
		let mut pager = crate::proof::Pager::new(self.id, after, usize::MAX);
		for number in after + 1..=after + self.fragments_in_a_page {
			pager.add(&change_at(number).encode())?;
		}
		Ok(Some(pager.into_block_page(false)))
	}
}

fn endless(fragments_in_a_page: u32) -> (Anchor, Endless) {
	let anchor = Anchor { hash: [1; 32], authorities: authorities(0, 1) };
	(anchor, Endless { id: SnapshotId::repeat_byte(5), fragments_in_a_page, given: 0 })
}

#[test]
fn a_proof_without_end_is_given_up() {
	let (anchor, mut pages) = endless(1);
	let follower = Follower::<Block>::new(None, &anchor, &anchor);
	let error = follower.follow_to_block(&mut pages).unwrap_err().to_string();
	assert!(error.contains("has more than 1024 pages, and is not followed further"), "{error}");
	assert_eq!(pages.given, MAX_PAGES + 1);

	// The same page for ever.
	struct Again(Vec<u8>, u32);
	impl Pages for Again {
		fn next(&mut self, _: u32) -> Result<Option<Vec<u8>>, FollowError> {
			self.1 += 1;
			Ok(Some(self.0.clone()))
		}
	}
	let (anchor, mut pages) = endless(3);
	let mut again = Again(pages.next(0).unwrap().unwrap(), 0);
	let follower = Follower::<Block>::new(None, &anchor, &anchor);
	let error = follower.follow::<Layout>(&mut again).err().unwrap().to_string();
	assert!(error.contains("goes on from block 0 came where one that goes on from block 3"));
	assert_eq!(again.1, 2);
}

/// Many times what one page holds.
#[test]
fn twenty_thousand_changes_are_followed() {
	const CHANGES: u32 = 20_000;
	struct Some20k(Endless);
	impl Pages for Some20k {
		fn next(&mut self, after: u32) -> Result<Option<Vec<u8>>, FollowError> {
			if after < CHANGES {
				return self.0.next(after);
			}
			let header = Header { number: CHANGES + 1, ..header() };
			let set = u64::from(CHANGES);
			let justification = sign(&header, set, keys(set, 1)).into();
			let fragment = WarpSyncFragment::<Block> { header, justification };
			let mut pager = crate::proof::Pager::new(self.0.id, after, usize::MAX);
			pager.add(&fragment.encode())?;
			Ok(Some(pager.into_block_page(true)))
		}
	}
	let (anchor, pages) = endless(1_000);
	let follower = Follower::<Block>::new(None, &anchor, &anchor);
	let block = follower.follow_to_block(&mut Some20k(pages)).unwrap();
	assert_eq!(block.key().number, CHANGES + 1);
	let current = block.history().current().unwrap();
	assert_eq!((current.set_id, current.authorities), (20_000, authorities(20_000, 1)));
	assert_eq!(block.history().period_of(777).unwrap().set_id, 776);
	let records = crate::grandpa::records(&block).unwrap();
	let (set_key, _) = crate::grandpa::OWNERS_KEYS;
	let set = &records.iter().find(|(key, _)| key == set_key).unwrap().1;
	assert_eq!(crate::grandpa::recorded_changes::<Block>(set).unwrap().len(), 20_000);

	// What was kept of the way makes the same proof.
	let id = SnapshotId::repeat_byte(5);
	let follower = Follower::<Block>::new(Some(id), &anchor, &anchor);
	let again = follower.follow::<Layout>(&mut block.pages(id)).unwrap();
	assert!(matches!(again, Followed::Block(_, again) if again.history() == block.history()));
}
