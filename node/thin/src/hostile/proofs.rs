//! Wrong proofs, made from right ones, and long ones.

use crate::{
	create::snapshot_id,
	proof::{Follower, ProofError, MAX_PAGE_BYTES},
	testing::{Block, Chain, Way},
};
use codec::Encode;
use sc_consensus_grandpa::warp_proof::WarpSyncFragment;
use sp_consensus_grandpa::{ConsensusLog, ScheduledChange, GRANDPA_ENGINE_ID};
use sp_core::H256;
use sp_runtime::{traits::Header as _, Digest, DigestItem};

const N: u32 = 12;

fn chain() -> Chain {
	Chain::new(20, &[3, 7])
}

/// What is wrong with a proof of block N, made of these fragments.
fn refused(chain: &Chain, fragments: Vec<WarpSyncFragment<Block>>) -> String {
	Way { fragments }.verify(&chain.genesis, &chain.manifest(N)).unwrap_err().to_string()
}

fn fragments(chain: &Chain) -> Vec<WarpSyncFragment<Block>> {
	chain.proof(N).fragments
}

/// Puts a log into a header, whose hash and descendants then are others.
fn announce(chain: &mut Chain, number: u32, log: ConsensusLog<u32>) {
	let mut digest = Digest::default();
	digest.push(DigestItem::Consensus(GRANDPA_ENGINE_ID, log.encode()));
	chain.headers[number as usize].digest = digest;
}

#[test]
fn each_fragment_is_needed_in_its_place() {
	let chain = chain();
	assert_eq!(fragments(&chain).len(), 3);
	let broken = "the proof breaks at fragment";

	let mut dropped = fragments(&chain);
	dropped.remove(1);
	let error = refused(&chain, dropped);
	assert!(error.starts_with(&format!("{broken} 1, block {N}: set 1: ")), "{error}");

	let mut cut = fragments(&chain);
	cut.pop();
	let error = refused(&chain, cut);
	assert!(error.starts_with("the proof is of block 0x"), "{error}");

	let mut reordered = fragments(&chain);
	reordered.swap(0, 1);
	let error = refused(&chain, reordered);
	assert!(error.starts_with(&format!("{broken} 0, block 7: set 0: ")), "{error}");

	let mut twice = fragments(&chain);
	twice.insert(1, chain.fragment(3));
	let error = refused(&chain, twice);
	assert_eq!(error, format!("{broken} 1, block 3: it is not above the block before it"));

	let mut more = fragments(&chain);
	more.insert(1, chain.fragment(5));
	let error = refused(&chain, more);
	assert_eq!(error, format!("{broken} 1, block 5: it hands over to no other authority set"));
}

#[test]
fn signatures_of_another_set_prove_nothing() {
	let chain = chain();
	for set in [0, 1, 3] {
		let mut fragments = fragments(&chain);
		fragments[2].justification = chain.justify(N, set).into();
		let error = refused(&chain, fragments);
		assert!(error.contains(&format!("fragment 2, block {N}: set 2: ")), "{set}: {error}");
	}
}

#[test]
fn too_few_votes_prove_nothing() {
	let chain = chain();
	for count in [0, 1, 2] {
		let mut justification = chain.justify(N, 2);
		justification.commit.precommits.truncate(count);
		let mut fragments = fragments(&chain);
		fragments[2].justification = justification.into();
		let error = refused(&chain, fragments);
		assert!(error.contains(&format!("fragment 2, block {N}: set 2: ")), "{count}: {error}");
	}
	// One vote three times is one vote.
	let mut justification = chain.justify(N, 2);
	let vote = justification.commit.precommits[0].clone();
	justification.commit.precommits = vec![vote; 3];
	let mut fragments = fragments(&chain);
	fragments[2].justification = justification.into();
	assert!(refused(&chain, fragments).contains("set 2: "));
}

#[test]
fn a_block_of_another_fork_is_not_this_one() {
	let chain = chain();
	let mut fork = Chain::new(20, &[3, 7]);
	fork.headers[N as usize].set_state_root(H256::repeat_byte(9));
	// With the signatures of the real block.
	let mut fragments = fragments(&chain);
	fragments[2].header = fork.headers[N as usize].clone();
	let error = refused(&chain, fragments);
	assert!(error.ends_with("its justification is of another block"), "{error}");
	// Signed by those who should not: it is proven, and is not what the manifest says.
	let error = refused(&chain, fork.proof(N).fragments);
	assert!(error.starts_with("the proof is of block 0x"), "{error}");
}

#[test]
fn only_immediate_changes_are_followed() {
	let authorities = chain().genesis.authorities.clone();
	let change = ScheduledChange { next_authorities: authorities, delay: 2 };

	let mut delayed = chain();
	announce(&mut delayed, 3, ConsensusLog::ScheduledChange(change.clone()));
	let error = refused(&delayed, fragments(&delayed));
	assert_eq!(
		error,
		"the proof breaks at fragment 0, block 3: a change of authorities delayed by 2: only \
		 immediate ones can be followed"
	);

	let mut forced = chain();
	announce(&mut forced, 3, ConsensusLog::ForcedChange(1, change));
	let error = refused(&forced, fragments(&forced));
	assert!(error.ends_with("a forced change of authorities can't be followed"), "{error}");
}

#[test]
fn a_hundred_changes_are_followed() {
	let changes: Vec<u32> = (1..=120).collect();
	let chain = Chain::with_authorities(130, &changes, 4);
	let manifest = chain.manifest(125);
	let proven = chain.proof(125).verify(&chain.genesis, &manifest).unwrap();
	let expected: Vec<(u64, u32)> = (0..120).zip(1..).collect();
	assert_eq!(proven.history().changes(), expected);
	for number in 1..=130u32 {
		let set = u64::from((number - 1).min(120));
		assert_eq!(proven.history().period_of(number).unwrap().set_id, set, "{number}");
	}
	// None of them can be left out.
	for index in 0..120 {
		let mut proof = chain.proof(125);
		proof.fragments.remove(index);
		let error = proof.verify(&chain.genesis, &manifest).unwrap_err();
		assert!(matches!(error, ProofError::Broken { index: at, .. } if at == index), "{error}");
	}
	let records = crate::grandpa::records(&proven).unwrap();
	let (set_key, _) = crate::grandpa::OWNERS_KEYS;
	let set = &records.iter().find(|(key, _)| key == set_key).unwrap().1;
	assert_eq!(crate::grandpa::recorded_changes::<Block>(set).unwrap(), changes);
}

/// Not a test: what `scripts/bench/proof.sh` prints. One JSON object a line.
#[test]
#[ignore = "a measurement"]
fn measure() {
	for (sets, authorities) in [(1, 4), (10, 4), (100, 4), (1000, 4), (100, 20), (10, 100)] {
		let changes: Vec<u32> = (1..=sets).collect();
		let chain = Chain::with_authorities(sets + 1, &changes, authorities);
		let manifest = chain.manifest(sets + 1);
		let anchor = chain.genesis.anchor().unwrap();
		let id = snapshot_id::<Block>(&manifest);
		let pages = chain.block_pages(id, sets + 1);
		let mut best = f64::MAX;
		for _ in 0..5 {
			let mut given = pages.clone().into_iter();
			let started = std::time::Instant::now();
			let follower = Follower::<Block>::new(Some(id), &anchor, &anchor);
			follower.follow_to_block(&mut given).unwrap().check_against(&manifest).unwrap();
			best = best.min(started.elapsed().as_secs_f64());
		}
		let fragment = chain.fragment(sets).encode().len();
		println!(
			"{{\"changes\":{sets},\"authorities\":{authorities},\"bytes\":{},\"milliseconds\":{:.2},\
			 \"changes_in_a_page\":{}}}",
			pages.iter().map(Vec::len).sum::<usize>(),
			best * 1000.0,
			MAX_PAGE_BYTES / fragment
		);
	}
}
