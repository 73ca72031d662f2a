//! Keys that may have voted before: a node that starts from a snapshot must not vote a second time.

use super::*;
use crate::votes::{note, voted_until};
use std::time::Duration;

/// GRANDPA's records, as they are once a block is final.
fn follow(node: &Node, chain: &Chain, number: u32) {
	let proven = chain.proof(number).verify(&chain.genesis, &chain.manifest(number)).unwrap();
	for (key, value) in grandpa::records(&proven).unwrap() {
		AuxStore::insert_aux(&*node.backend, &[(&key[..], &value[..])], &[]).unwrap();
	}
}

fn set(node: &Node) -> Option<u64> {
	grandpa::current_set_id::<Block>(&*node.backend)
}

fn may_vote(node: &Node) -> bool {
	voted_until::<Block>(&*node.backend).is_some()
}

#[test]
fn a_key_that_may_have_voted_votes_only_in_a_set_that_began_later() {
	let since = Duration::from_secs(1_000);
	let before = Duration::from_millis(999_999);
	// The set of N is the first one, a later one, one that ends right after N, and one that begins there.
	for (changes, of_n) in [
		([13, 14, 16, 18, 19], 0),
		([5, 9, 14, 16, 18], 2),
		([5, 13, 14, 16, 18], 1),
		([5, 12, 14, 16, 18], 2),
	] {
		let chain = Chain::new(20, &changes);
		let node = Node::start(&chain, &chain.database(), N, None, Prunes::Nothing).unwrap();
		assert_eq!(set(&node), Some(of_n));
		assert!(!may_vote(&node));
		// It follows the chain over several sets, in any of which the key may have voted.
		follow(&node, &chain, 15);
		let caught_up = set(&node).unwrap();
		assert!(caught_up > of_n, "{changes:?}");
		assert!(!may_vote(&node));
		// What is final by now was made before the node was started.
		assert_eq!(note::<Block>(&*node.backend, before, since), None);
		assert!(!may_vote(&node));
		assert_eq!(note::<Block>(&*node.backend, since, since), Some(caught_up));
		assert!(!may_vote(&node));
		// The same set, also after a restart.
		let node = node.restarted_with(columns::STATE_META, &[]);
		assert_eq!(set(&node), Some(caught_up));
		assert!(!may_vote(&node));
		// The next one.
		follow(&node, &chain, 17);
		assert_eq!(set(&node), Some(caught_up + 1));
		assert!(may_vote(&node));
		let node = node.restarted_with(columns::STATE_META, &[]);
		assert!(may_vote(&node));
	}
}

#[test]
fn who_knows_no_set_does_not_vote() {
	let (chain, image) = right();
	let node = start(&chain, &image);
	assert_eq!(note::<Block>(&*node.backend, Duration::MAX, Duration::ZERO), Some(2));
	follow(&node, &chain, 20);
	assert!(!may_vote(&node));
	AuxStore::insert_aux(&*node.backend, &[(&b"grandpa_voters"[..], &b"nonsense"[..])], &[])
		.unwrap();
	assert_eq!(set(&node), None);
	assert!(!may_vote(&node));
}
