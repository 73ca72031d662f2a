use super::*;
use crate::{
	proof::SetPeriod,
	registration::Standing,
	testing::{
		keys,
		registry::{Layout, Registry},
		sign, Chain,
	},
};
use pallet_snapshots::{Listed, Maturing, Origin, Status};
use sc_consensus_grandpa::warp_proof::WarpSyncFragment;
use sp_consensus_grandpa::{ConsensusLog, ScheduledChange, GRANDPA_ENGINE_ID};
use sp_core::H256;
use sp_runtime::{Digest, DigestItem};

type Block = crate::testing::Block;
type Proof = SnapshotProof<Block>;
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
	let anchor = chain.genesis.anchor().unwrap();
	// As it travels.
	let bytes = proof.to_bytes().unwrap();
	Proof::from_bytes(&bytes).unwrap().verify::<Layout>(id, &anchor, &anchor)
}

fn refused(chain: &Chain, id: SnapshotId, proof: Proof, reason: &str) {
	let error = check(chain, id, proof).err().unwrap();
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
	assert_eq!(block.proof(), chain.proof(N).encode());
}

#[test]
fn a_snapshot_at_a_change_is_proven() {
	let mut chain = Chain::new(F - 1, &[3, N, 12]);
	let registry = Registry::of(chain.manifest(N), 1);
	chain.push_state(registry.entries());
	let proof = chain.snapshot_proof(registry.id(), N, F);
	let block = check(&chain, registry.id(), proof).unwrap().block.unwrap();
	assert_eq!(block.history().changes(), [(0, 3), (1, N)]);
	assert_eq!(block.proof(), chain.proof(N).encode());
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
	let nodes: Vec<Vec<u8>> = chain.read_proof(F, chain.keys_of(id, F)).into_iter_nodes().collect();
	assert!(nodes.len() > 10);
	for missing in 0..nodes.len() {
		let mut nodes = nodes.clone();
		nodes.remove(missing);
		let proof = Proof::new(id, chain.way_to(F), StorageProof::new(nodes), Truth::Elsewhere);
		refused(&chain, id, proof, &format!("the state of block {F}"));
	}
}

#[test]
fn no_node_can_be_altered() {
	let (chain, registry) = registered();
	let id = registry.id();
	let nodes: Vec<Vec<u8>> = chain.read_proof(F, chain.keys_of(id, F)).into_iter_nodes().collect();
	for altered in 0..nodes.len() {
		for byte in [0, nodes[altered].len() / 2, nodes[altered].len() - 1] {
			let mut nodes = nodes.clone();
			nodes[altered][byte] ^= 1;
			let proof = Proof::new(id, chain.way_to(F), StorageProof::new(nodes), Truth::Elsewhere);
			refused(&chain, id, proof, &format!("the state of block {F}"));
		}
	}
}

#[test]
fn a_read_proof_of_other_keys_is_refused() {
	let (chain, registry) = registered();
	let id = registry.id();
	let other = vec![crate::testing::registry::key("System", "Account", &[1])];
	let nodes = chain.read_proof(F, other);
	let proof = Proof::new(id, chain.way_to(F), nodes, Truth::Elsewhere);
	refused(&chain, id, proof, "the record of the snapshot: ");

	let keys = chain.keys_of(id, F);
	let without_time = keys.into_iter().filter(|key| *key != time_key()).collect();
	let nodes = chain.read_proof(F, without_time);
	let proof = Proof::new(id, chain.way_to(F), nodes, Truth::Elsewhere);
	refused(&chain, id, proof, "the time: ");
}

fn time_key() -> Vec<u8> {
	crate::testing::registry::key("Timestamp", "Now", &[])
}

#[test]
fn a_read_proof_of_another_block_is_refused() {
	let (mut chain, registry) = registered();
	let id = registry.id();
	let before = chain.read_proof(F, chain.keys_of(id, F));
	let slashed = Registry { attesters: vec![(1, 100, 0, 0)], ..registry };
	let later = chain.push_state(slashed.entries());
	let proof = Proof::new(id, chain.way_to(later), before, Truth::Branch(chain.fragment(N)));
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
	let nodes = chain.read_proof(F, chain.keys_of(registry.id(), F));
	let proof = Proof::new(asked, chain.way_to(F), nodes, Truth::Branch(chain.fragment(N)));
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
	let nodes = chain.read_proof(F, vec![chain.states[&F][0].0.clone()]);
	let proof = Proof::new(registry.id(), chain.way_to(F), nodes, Truth::Elsewhere);
	refused(&chain, registry.id(), proof, "another version of the registry");
}

// The way to F and to N.

#[test]
fn the_way_cannot_be_cut_or_reordered() {
	let (chain, registry) = registered();
	let id = registry.id();
	let proof = |change: &dyn Fn(&mut Vec<WarpSyncFragment<Block>>)| {
		let mut proof = chain.snapshot_proof(id, N, F);
		change(&mut proof.fragments);
		proof
	};
	for dropped in 0..4 {
		let cut = proof(&|way| drop(way.remove(dropped)));
		refused(
			&chain,
			id,
			cut,
			&format!("the registry's chain: the proof breaks at fragment {dropped}"),
		);
	}
	refused(&chain, id, proof(&|way| way.truncate(4)), "the read proof is of another state");
	refused(&chain, id, proof(&|way| way.clear()), "there is nothing in it");
	refused(&chain, id, proof(&|way| way.swap(1, 2)), "breaks at fragment 1");
	let doubled = proof(&|way| way.insert(1, chain.fragment(3)));
	refused(&chain, id, doubled, "it is not above the block before it");
	let beyond = proof(&|way| way.insert(4, chain.fragment(18)));
	refused(&chain, id, beyond, "it hands over to no other authority set");
}

#[test]
fn signatures_must_be_of_the_set_in_charge() {
	let (chain, registry) = registered();
	let id = registry.id();
	for set in [0, 3, 5] {
		let mut proof = chain.snapshot_proof(id, N, F);
		proof.fragments[4].justification = chain.justify(F, set).into();
		refused(&chain, id, proof, "fragment 4, block 21: set 4");
	}
	let mut proof = chain.snapshot_proof(id, N, F);
	let mut few = chain.justify(F, 4);
	few.commit.precommits.truncate(2);
	proof.fragments[4].justification = few.into();
	refused(&chain, id, proof, "fragment 4, block 21: set 4");
}

#[test]
fn a_block_of_a_fork_is_refused() {
	let (chain, registry) = registered();
	let id = registry.id();
	let mut proof = chain.snapshot_proof(id, N, F);
	proof.fragments[4].header.extrinsics_root = H256::repeat_byte(6);
	refused(&chain, id, proof, "its justification is of another block");

	// A fork that its own authorities have signed, from the change at 12 on.
	let mut fork = Chain::of(2, F - 1, &[3, 7, 12, 15]);
	fork.push_state(registry.entries());
	let mut proof = fork.snapshot_proof(id, N, F);
	proof.fragments.swap_with_slice(&mut chain.way_to(F));
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
		let header = &mut proof.fragments[2].header;
		header.digest =
			Digest { logs: vec![DigestItem::Consensus(GRANDPA_ENGINE_ID, log.encode())] };
		proof.fragments[2].justification = sign(header, 2, keys(2, 3)).into();
		refused(&chain, id, proof, reason);
	}
}

#[test]
fn the_way_to_n_is_checked_as_well() {
	let (chain, registry) = registered();
	let id = registry.id();
	let with = |fragment| {
		let mut proof = chain.snapshot_proof(id, N, F);
		proof.truth = Truth::Branch(fragment);
		proof
	};
	refused(&chain, id, with(chain.fragment(8)), "the snapshot's block: the proof is of block");
	let other_set =
		WarpSyncFragment { justification: chain.justify(N, 1).into(), ..chain.fragment(N) };
	refused(&chain, id, with(other_set), "the snapshot's block: the proof breaks at fragment 2");
	let mut whole = chain.snapshot_proof(id, N, F).with_truth(chain.proof(N));
	assert!(check(&chain, id, whole).unwrap().block.is_some());
	whole = chain.snapshot_proof(id, N, F).with_truth(chain.proof(10));
	refused(&chain, id, whole, "the snapshot's block: the proof is of block");
	whole = chain.snapshot_proof(id, N, F);
	whole.truth = Truth::Elsewhere;
	assert!(check(&chain, id, whole).unwrap().block.is_none());
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

fn check_foreign(registry: &Chain, chain: &Chain, id: SnapshotId, proof: Proof) -> Verified {
	let (registry, chain) = (registry.genesis.anchor().unwrap(), chain.genesis.anchor().unwrap());
	proof.verify::<Layout>(id, &registry, &chain)
}

fn foreign_proof(lister: &Chain, id: SnapshotId, truth: Truth<Block>) -> Proof {
	Proof::new(id, lister.way_to(F), lister.read_proof(F, lister.keys_of(id, F)), truth)
}

#[test]
fn a_foreign_snapshot_is_proven_from_both_geneses() {
	let (chain, lister, registry) = foreign();
	let id = registry.id();
	let proof = foreign_proof(&lister, id, Truth::Whole(chain.proof(N)));
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
		let proof = foreign_proof(&lister, id, Truth::Whole(chain.proof(N)));
		let error = check_foreign(listed_by, of, id, proof).err().unwrap();
		assert!(error.to_string().contains(reason), "{error}");
	}
}

#[test]
fn a_registry_with_other_authorities_is_refused() {
	let (chain, lister, registry) = foreign();
	let id = registry.id();
	let proof = foreign_proof(&lister, id, Truth::Whole(chain.proof(N)));
	let mut other = lister.genesis.anchor().unwrap();
	other.authorities = crate::testing::authorities(9, 3);
	let chain = chain.genesis.anchor().unwrap();
	let error = proof.verify::<Layout>(id, &other, &chain).err().unwrap();
	assert!(error.to_string().starts_with("the registry's chain: the proof breaks at fragment 0"));
}

#[test]
fn the_way_to_a_foreign_block_is_not_the_registrys() {
	let (chain, lister, registry) = foreign();
	let id = registry.id();
	let proof = foreign_proof(&lister, id, Truth::Branch(chain.fragment(N)));
	let error = check_foreign(&lister, &chain, id, proof).err().unwrap();
	assert!(error.to_string().contains("can't be the registry's"), "{error}");
}

#[test]
fn a_native_record_of_a_foreign_block_is_refused() {
	let (chain, mut registry) = registered();
	registry.origin = Origin::Native;
	let mut lister = Chain::of(2, F - 1, &[5]);
	lister.push_state(registry.entries());
	let proof = foreign_proof(&lister, registry.id(), Truth::Whole(chain.proof(N)));
	let error = check_foreign(&lister, &chain, registry.id(), proof).err().unwrap();
	assert!(error.to_string().contains("contradicts itself"), "{error}");
}

// Bytes.

#[test]
fn bytes_go_there_and_back() {
	let (chain, registry) = registered();
	let bytes = chain.snapshot_proof(registry.id(), N, F).to_bytes().unwrap();
	assert_eq!(Proof::from_bytes(&bytes).unwrap().to_bytes().unwrap(), bytes);
	for cut in 0..bytes.len() {
		assert!(Proof::from_bytes(&bytes[..cut]).is_err(), "{cut}");
	}
	let longer = [&bytes[..], &[0]].concat();
	assert!(Proof::from_bytes(&longer).is_err());
	let mut newer = bytes.clone();
	newer[8] = 2;
	let error = Proof::from_bytes(&newer).unwrap_err();
	assert!(error.to_string().contains("it has version 2, and this node knows 1"), "{error}");
	let error = Proof::from_bytes(&vec![0; MAX_PROOF_BYTES + 1]).unwrap_err();
	assert!(error.to_string().contains("the most is"), "{error}");
}

#[test]
fn the_proof_of_a_block_alone_is_told_from_rubbish() {
	let chain = Chain::new(N, &[3]);
	let bytes = chain.proof(N).encode();
	assert_eq!(Proof::from_bytes(&bytes).unwrap_err(), SnapshotProofError::TruthOnly);
	let error = Proof::from_bytes(b"anything else").unwrap_err();
	assert!(error.to_string().contains("does not begin as one"), "{error}");
}

#[test]
fn a_claim_of_many_nodes_takes_no_memory() {
	let claim = [&Compact(MAX_NODES + 1).encode()[..], &[0; 100]].concat();
	assert!(Nodes::decode(&mut &claim[..]).is_err());
	let claim = Compact(MAX_NODES).encode();
	assert!(Nodes::decode(&mut &claim[..]).is_err());
	let empty = [&Compact(3u32).encode()[..], &[0; 3]].concat();
	assert_eq!(Nodes::decode(&mut &empty[..]).unwrap().0.len(), 3);
}

#[test]
fn truth_is_found_in_either_kind() {
	let (chain, registry) = registered();
	let anchor = chain.genesis.anchor().unwrap();
	let truth = |bytes: &[u8]| truth_of::<Block>(bytes, &anchor, &registry.manifest);
	let proof = || chain.snapshot_proof(registry.id(), N, F);
	let of_both = [
		chain.proof(N).encode(),
		proof().to_bytes().unwrap(),
		proof().with_truth(chain.proof(N)).to_bytes().unwrap(),
	];
	for bytes in of_both {
		assert_eq!(truth(&bytes).unwrap().proof(), chain.proof(N).encode());
	}
	assert!(truth(&chain.proof(10).encode()).is_err());
	let mut without = proof();
	without.truth = Truth::Elsewhere;
	let error = truth(&without.to_bytes().unwrap()).unwrap_err();
	assert_eq!(error, SnapshotProofError::NoTruth);
}
