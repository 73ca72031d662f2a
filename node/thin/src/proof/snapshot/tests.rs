use super::*;
use crate::{
	proof::SetPeriod,
	registration::Standing,
	testing::{
		keys,
		registry::{Layout, Proof, Registry},
		sign, Chain,
	},
};
use codec::Encode;
use pallet_snapshots::{Listed, Maturing, Origin, Status};
use sc_consensus_grandpa::warp_proof::WarpSyncFragment;
use sp_consensus_grandpa::{ConsensusLog, ScheduledChange, GRANDPA_ENGINE_ID};
use sp_core::H256;
use sp_runtime::{Digest, DigestItem};

type Block = crate::testing::Block;
type Verified = Result<ProvenSnapshot<Block>, SnapshotProofError>;

const N: u32 = 9;
const F: u32 = 21;

/// A chain whose authorities changed before, between and after, with a snapshot of N registered.
fn registered() -> (Chain, Registry) {
	registered_as(|registry| registry)
}

fn registered_as(change: impl Fn(Registry) -> Registry) -> (Chain, Registry) {
	let mut chain = Chain::new(F - 1, &[3, 7, 12, 15]);
	let registry = change(Registry::of(chain.manifest(N), 1_000_000));
	assert_eq!(chain.push_state(registry.entries()), F);
	(chain, registry)
}

fn check(chain: &Chain, id: SnapshotId, proof: Proof) -> Verified {
	check_foreign(chain, chain, id, proof)
}

fn check_foreign(registry: &Chain, chain: &Chain, id: SnapshotId, proof: Proof) -> Verified {
	let (registry, chain) = (registry.genesis.anchor().unwrap(), chain.genesis.anchor().unwrap());
	let follower = Follower::<Block>::new(Some(id), &registry, &chain);
	match follower.follow::<Layout>(&mut proof.pages().into_iter()) {
		Ok(followed) => followed.snapshot().map(|proven| *proven),
		Err(FollowError::Proof(error)) => Err(error),
		Err(error) => panic!("{error}"),
	}
}

/// The pages that a proven block is handed on in.
fn pages_of(block: &ProvenBlock<Block>, id: SnapshotId) -> Vec<Vec<u8>> {
	let mut pages = block.pages(id);
	std::iter::from_fn(|| pages.next(0).unwrap()).collect()
}

fn refused(chain: &Chain, id: SnapshotId, proof: Proof, reason: &str) {
	refused_from(chain, chain, id, proof, reason);
}

fn refused_from(registry: &Chain, chain: &Chain, id: SnapshotId, proof: Proof, reason: &str) {
	let error = check_foreign(registry, chain, id, proof).err().unwrap();
	assert!(error.to_string().contains(reason), "'{error}' is not about '{reason}'");
}

#[test]
fn truth_and_standing_come_from_genesis() {
	let (chain, registry) = registered();
	let proven = check(&chain, registry.id(), chain.snapshot_proof(registry.id(), N, F)).unwrap();
	assert_eq!(proven.sets, 5);
	assert_eq!(proven.registration.at(), chain.key(F));
	assert_eq!(proven.registration.registry(), chain.genesis.anchor().unwrap().hash);
	let found = proven.registration.registration();
	assert_eq!(found.manifest, registry.manifest);
	assert_eq!(found.locations, registry.locations);
	assert_eq!(found.standing, Standing::Certified);
	assert_eq!((found.standing_stake, found.standing_attesters), (300, 3));
	assert_eq!((found.attested, found.quorum, found.mature_stake), (300, 250, 500));
	assert_eq!((found.time, found.native), (1_000_000, true));
	assert!(!proven.registration.is_expired());

	let block = proven.block.unwrap();
	assert_eq!(block.key(), chain.key(N));
	assert_eq!(block.history().changes(), [(0, 3), (1, 7)]);
	assert!(matches!(block.history().current(), Some(SetPeriod { set_id: 2, .. })));
	assert_eq!(pages_of(&block, registry.id()), chain.block_pages(registry.id(), N));
}

#[test]
fn a_snapshot_at_a_change_is_proven() {
	let mut chain = Chain::new(F - 1, &[3, N, 12]);
	let registry = Registry::of(chain.manifest(N), 1);
	chain.push_state(registry.entries());
	let proof = chain.snapshot_proof(registry.id(), N, F);
	let block = check(&chain, registry.id(), proof).unwrap().block.unwrap();
	assert_eq!(block.history().changes(), [(0, 3), (1, N)]);
	assert_eq!(pages_of(&block, registry.id()), chain.block_pages(registry.id(), N));
}

#[test]
fn stake_stands_as_far_as_it_is_on_hold() {
	let (chain, registry) = registered_as(|registry| Registry {
		// The second was slashed for something else, the third has nothing left, of the fourth a
		// part is unlocking, and the fifth has bonded more since.
		attesters: vec![
			(1, 100, 100, 0),
			(2, 100, 30, 0),
			(3, 100, 0, 0),
			(4, 100, 10, 50),
			(5, 100, 900, 0),
		],
		total: 1_000,
		maturing: vec![Maturing { at: F, value: 200 }, Maturing { at: F + 1, value: 300 }],
		..registry
	});
	let proven = check(&chain, registry.id(), chain.snapshot_proof(registry.id(), N, F)).unwrap();
	let found = proven.registration.registration();
	assert_eq!((found.attested, found.standing_stake), (500, 100 + 30 + 60 + 100));
	assert_eq!(found.standing_attesters, 4);
	assert_eq!(found.mature_stake, 700);
}

#[test]
fn a_snapshot_without_attesters_is_proven_to_have_none() {
	let (chain, registry) = registered_as(|registry| Registry {
		attesters: Vec::new(),
		status: Status::Pending,
		..registry
	});
	let proven = check(&chain, registry.id(), chain.snapshot_proof(registry.id(), N, F)).unwrap();
	let found = proven.registration.registration();
	assert_eq!((found.standing, found.standing_attesters), (Standing::Pending, 0));
}

#[test]
fn newer_snapshots_are_seen() {
	let (newer, older) = (H256::repeat_byte(7), H256::repeat_byte(8));
	let (chain, registry) = registered_as(|registry| {
		let mut listed = registry.listed.clone();
		listed.insert(0, Listed { block_number: u64::from(N) + 1, id: newer });
		listed.push(Listed { block_number: u64::from(N) - 1, id: older });
		Registry { listed, ..registry }
	});
	let proven = check(&chain, registry.id(), chain.snapshot_proof(registry.id(), N, F)).unwrap();
	assert_eq!(proven.registration.newer(), [newer]);
}

// The read proof.

#[test]
fn no_node_can_be_left_out() {
	let (chain, registry) = registered();
	let id = registry.id();
	let nodes = chain.snapshot_proof(id, N, F).nodes;
	assert!(nodes.len() > 10);
	for missing in 0..nodes.len() {
		let mut nodes = nodes.clone();
		nodes.remove(missing);
		let proof = Proof { nodes, ..chain.snapshot_proof(id, N, F) };
		refused(&chain, id, proof, &format!("the state of block {F}"));
	}
}

#[test]
fn no_node_can_be_altered() {
	let (chain, registry) = registered();
	let id = registry.id();
	let nodes = chain.snapshot_proof(id, N, F).nodes;
	for altered in 0..nodes.len() {
		for byte in [0, nodes[altered].len() / 2, nodes[altered].len() - 1] {
			let mut nodes = nodes.clone();
			nodes[altered][byte] ^= 1;
			let proof = Proof { nodes, ..chain.snapshot_proof(id, N, F) };
			refused(&chain, id, proof, &format!("the state of block {F}"));
		}
	}
}

#[test]
fn a_read_proof_of_other_keys_is_refused() {
	let (chain, registry) = registered();
	let id = registry.id();
	let other = vec![crate::testing::registry::key("System", "Account", &[1])];
	let nodes = chain.read_proof(F, other).into_iter_nodes().collect();
	let proof = Proof { nodes, ..chain.snapshot_proof(id, N, F) };
	refused(&chain, id, proof, "the record of the snapshot: ");

	let keys = chain.keys_of(id, F);
	let without_time = keys.into_iter().filter(|key| *key != time_key()).collect();
	let nodes = chain.read_proof(F, without_time).into_iter_nodes().collect();
	let proof = Proof { nodes, ..chain.snapshot_proof(id, N, F) };
	refused(&chain, id, proof, "the time: ");
}

fn time_key() -> Vec<u8> {
	crate::testing::registry::key("Timestamp", "Now", &[])
}

#[test]
fn a_read_proof_of_another_block_is_refused() {
	let (mut chain, registry) = registered();
	let id = registry.id();
	let nodes = chain.snapshot_proof(id, N, F).nodes;
	let slashed = Registry { attesters: vec![(1, 100, 0, 0)], ..registry };
	let later = chain.push_state(slashed.entries());
	let proof = Proof { nodes, ..chain.snapshot_proof(id, N, later) };
	refused(&chain, id, proof, "the read proof is of another state");
}

#[test]
fn an_unregistered_snapshot_is_told_from_a_missing_node() {
	let (chain, _) = registered();
	let id = H256::repeat_byte(5);
	let proof = chain.snapshot_proof(id, N, F);
	let error = check(&chain, id, proof).err().unwrap();
	assert_eq!(error, SnapshotProofError::Unknown { id, block: F });
}

#[test]
fn a_proof_of_another_snapshot_is_refused() {
	let (chain, registry) = registered();
	let asked = H256::repeat_byte(5);
	let proof = chain.snapshot_proof(registry.id(), N, F);
	refused(&chain, asked, proof, "was asked for");
	// One that claims to be what was asked for: its nodes show that nothing of that id is there.
	let proof = Proof { snapshot: asked, ..chain.snapshot_proof(registry.id(), N, F) };
	refused(&chain, asked, proof, "is registered as of block 21");
}

#[test]
fn a_record_under_another_id_is_refused() {
	let mut chain = Chain::new(F - 1, &[3]);
	let registry = Registry::of(chain.manifest(N), 1);
	let id = H256::repeat_byte(5);
	chain.push_state(registry.entries_at(id));
	refused(&chain, id, chain.snapshot_proof(id, N, F), "has the manifest of another snapshot");
}

#[test]
fn a_record_of_another_shape_is_refused() {
	let mut chain = Chain::new(F - 1, &[3]);
	let registry = Registry::of(chain.manifest(N), 1);
	let mut entries = registry.entries();
	entries[0].1.push(0);
	chain.push_state(entries);
	let read = chain.read_proof(F, vec![chain.states[&F][0].0.clone()]);
	let proof = Proof {
		snapshot: registry.id(),
		to_block: chain.way_to(N),
		after: N,
		to_registration: chain.way(N, F),
		nodes: read.into_iter_nodes().collect(),
		most: crate::proof::MAX_PAGE_BYTES,
	};
	refused(&chain, registry.id(), proof, "another version of the registry");
}

// The way to F and to N.

#[test]
fn the_way_cannot_be_cut_or_reordered() {
	let (chain, registry) = registered();
	let id = registry.id();
	let to_block = |change: &dyn Fn(&mut Vec<WarpSyncFragment<Block>>)| {
		let mut proof = chain.snapshot_proof(id, N, F);
		change(&mut proof.to_block);
		proof
	};
	let to_registration = |change: &dyn Fn(&mut Vec<WarpSyncFragment<Block>>)| {
		let mut proof = chain.snapshot_proof(id, N, F);
		change(&mut proof.to_registration);
		proof
	};
	for dropped in 0..2 {
		let breaks = |way: &str| format!("{way}: the proof breaks at fragment {dropped}");
		let cut = to_block(&|way| drop(way.remove(dropped)));
		refused(&chain, id, cut, &breaks("the snapshot's block"));
		let cut = to_registration(&|way| drop(way.remove(dropped)));
		refused(&chain, id, cut, &breaks("the registry's chain"));
	}
	// It ends at a change below N.
	let cut = to_block(&|way| way.truncate(2));
	refused(&chain, id, cut, "goes on from block 9 came where one that goes on from block 7");
	let cut = to_registration(&|way| way.truncate(2));
	refused(&chain, id, cut, "the read proof is of another state");
	let none = to_registration(&|way| way.clear());
	refused(&chain, id, none, "goes on from block 9 has nothing in it");
	refused(&chain, id, to_block(&|way| way.swap(0, 1)), "the proof breaks at fragment 0");
	refused(&chain, id, to_registration(&|way| way.swap(0, 1)), "breaks at fragment 0");
	let doubled = to_block(&|way| way.insert(1, chain.fragment(3)));
	refused(&chain, id, doubled, "it is not above the block before it");
	let before = to_registration(&|way| way.insert(0, chain.fragment(7)));
	refused(&chain, id, before, "it is not above the block before it");
	let beyond = to_registration(&|way| way.insert(2, chain.fragment(18)));
	refused(&chain, id, beyond, "it hands over to no other authority set");
}

#[test]
fn signatures_must_be_of_the_set_in_charge() {
	let (chain, registry) = registered();
	let id = registry.id();
	for set in [0, 3, 5] {
		let mut proof = chain.snapshot_proof(id, N, F);
		proof.to_registration[2].justification = chain.justify(F, set).into();
		refused(&chain, id, proof, "fragment 2, block 21: set 4");
	}
	let mut proof = chain.snapshot_proof(id, N, F);
	let mut few = chain.justify(F, 4);
	few.commit.precommits.truncate(2);
	proof.to_registration[2].justification = few.into();
	refused(&chain, id, proof, "fragment 2, block 21: set 4");
}

#[test]
fn a_block_of_a_fork_is_refused() {
	let (chain, registry) = registered();
	let id = registry.id();
	let mut proof = chain.snapshot_proof(id, N, F);
	proof.to_registration[2].header.extrinsics_root = H256::repeat_byte(6);
	refused(&chain, id, proof, "its justification is of another block");

	// N of a fork that its own authorities have signed, and a registration of the real one.
	let mut fork = Chain::new(F - 1, &[3, 7, 12, 15]);
	fork.headers[N as usize].extrinsics_root = H256::repeat_byte(6);
	let proof = Proof { to_block: fork.way_to(N), ..chain.snapshot_proof(id, N, F) };
	refused(&chain, id, proof, "the snapshot's block: the proof is of block");
}

#[test]
fn delayed_and_forced_changes_are_refused() {
	let (chain, registry) = registered();
	let id = registry.id();
	let change = || ScheduledChange::<u32> { next_authorities: Vec::new(), delay: 2 };
	for (log, reason) in [
		(ConsensusLog::ScheduledChange(change()), "a change of authorities delayed by 2"),
		(ConsensusLog::ForcedChange(1, change()), "a forced change of authorities"),
	] {
		let mut proof = chain.snapshot_proof(id, N, F);
		let header = &mut proof.to_registration[0].header;
		header.digest =
			Digest { logs: vec![DigestItem::Consensus(GRANDPA_ENGINE_ID, log.encode())] };
		proof.to_registration[0].justification = sign(header, 2, keys(2, 3)).into();
		refused(&chain, id, proof, reason);
	}
}

#[test]
fn the_way_to_n_is_checked_as_well() {
	let (chain, registry) = registered();
	let id = registry.id();
	// To another block, which is final too. The way to F may well go on from there.
	let mut other = chain.snapshot_proof(id, N, F);
	(other.to_block, other.after) = (chain.way_to(8), 8);
	refused(&chain, id, other, "the snapshot's block: the proof is of block");
	let mut other_set = chain.snapshot_proof(id, N, F);
	other_set.to_block[2].justification = chain.justify(N, 1).into();
	refused(&chain, id, other_set, "the snapshot's block: the proof breaks at fragment 2");
	// The way to F may begin at genesis all the same.
	let mut both = chain.snapshot_proof(id, N, F);
	(both.to_registration, both.after) = (chain.way_to(F), 0);
	assert!(check(&chain, id, both).unwrap().block.is_some());
	let without = chain.snapshot_proof(id, N, F).without_block(&chain, F);
	let proven = check(&chain, id, without).unwrap();
	assert!(proven.block.is_none());
	assert_eq!(proven.sets, 5);
	// But not at N, if nobody has proven N.
	let mut without = chain.snapshot_proof(id, N, F);
	without.to_block.clear();
	refused(&chain, id, without, "came where one that goes on from block 0 belongs");
}

#[test]
fn a_known_block_is_gone_on_from() {
	let (chain, registry) = registered();
	let (id, anchor) = (registry.id(), chain.genesis.anchor().unwrap());
	let pages = chain.snapshot_proof(id, N, F).registration_pages();
	let follow = |block| {
		let follower = Follower::<Block>::new(Some(id), &anchor, &anchor).knowing(block);
		follower.follow::<Layout>(&mut pages.clone().into_iter())
	};
	let known = |number| {
		Follower::<Block>::new(Some(id), &anchor, &anchor)
			.follow_to_block(&mut chain.block_pages(id, number).into_iter())
			.unwrap()
	};
	let proven = follow(Some(known(N))).unwrap().snapshot().unwrap();
	assert_eq!(proven.block.unwrap().key(), chain.key(N));
	assert!(follow(None).is_err());
	let error = follow(Some(known(8))).err().unwrap().to_string();
	assert!(error.contains("came where one that goes on from block 8 belongs"), "{error}");
}

// Foreign snapshots.

/// Chain 2 lists a snapshot of chain 1.
fn foreign() -> (Chain, Chain, Registry) {
	let (chain, mut registry) = registered();
	registry.origin = Origin::Foreign;
	let mut lister = Chain::of(2, F - 1, &[5]);
	lister.push_state(registry.entries());
	(chain, lister, registry)
}

/// With the way to N of this chain, if it is one.
fn foreign_proof(lister: &Chain, id: SnapshotId, of: Option<&Chain>) -> Proof {
	let mut proof = lister.snapshot_proof(id, N, F).without_block(lister, F);
	proof.to_block = of.map(|chain| chain.way_to(N)).unwrap_or_default();
	proof
}

#[test]
fn a_foreign_snapshot_is_proven_from_both_geneses() {
	let (chain, lister, registry) = foreign();
	let id = registry.id();
	let proof = foreign_proof(&lister, id, Some(&chain));
	let proven = check_foreign(&lister, &chain, id, proof).unwrap();
	assert_eq!(proven.block.unwrap().key(), chain.key(N));
	assert!(!proven.registration.registration().native);

	let other = Chain::of(3, 1, &[]);
	for (listed_by, of, reason) in [
		// All test chains have the same authorities, and other genesis blocks.
		(&lister, &lister, "the snapshot's block: the proof is of genesis"),
		(&lister, &other, "the snapshot's block: the proof is of genesis"),
		(&chain, &chain, "foreign"),
	] {
		let proof = foreign_proof(&lister, id, Some(&chain));
		let error = check_foreign(listed_by, of, id, proof).err().unwrap();
		assert!(error.to_string().contains(reason), "{error}");
	}
}

#[test]
fn a_registry_with_other_authorities_is_refused() {
	let (chain, lister, registry) = foreign();
	let id = registry.id();
	let proof = foreign_proof(&lister, id, Some(&chain));
	let mut other = Chain::of(2, 1, &[]);
	other.genesis.authorities = crate::testing::authorities(9, 3);
	refused_from(&other, &chain, id, proof, "the registry's chain: the proof breaks at fragment 0");
}

#[test]
fn the_way_to_a_foreign_block_is_not_the_registrys() {
	let (chain, lister, registry) = foreign();
	let id = registry.id();
	let mut proof = foreign_proof(&lister, id, Some(&chain));
	(proof.to_registration, proof.after) = (lister.way(N, F), N);
	refused_from(&lister, &chain, id, proof, "can't be the registry's");
}

#[test]
fn a_native_record_of_a_foreign_block_is_refused() {
	let (chain, mut registry) = registered();
	registry.origin = Origin::Native;
	let mut lister = Chain::of(2, F - 1, &[5]);
	lister.push_state(registry.entries());
	let proof = foreign_proof(&lister, registry.id(), Some(&chain));
	let error = check_foreign(&lister, &chain, registry.id(), proof).err().unwrap();
	assert!(error.to_string().contains("contradicts itself"), "{error}");
}

#[test]
fn the_proof_of_a_block_says_nothing_of_a_registration() {
	let (chain, registry) = registered();
	let (id, anchor) = (registry.id(), chain.genesis.anchor().unwrap());
	let pages = || chain.block_pages(id, N).into_iter();
	let follower = || Follower::<Block>::new(Some(id), &anchor, &anchor);
	let found = follower().follow::<Layout>(&mut pages()).unwrap();
	assert!(matches!(&found, Followed::Block(of, block)
		if *of == id && block.key() == chain.key(N)));
	assert_eq!(found.snapshot().err(), Some(SnapshotProofError::TruthOnly));
	assert_eq!(follower().follow_to_block(&mut pages()).unwrap().key(), chain.key(N));
	let registration = chain.snapshot_proof(id, N, F).registration_pages();
	let error = follower().follow_to_block(&mut registration.into_iter()).unwrap_err();
	assert_eq!(error.to_string(), SnapshotProofError::NoTruth.to_string());
}
