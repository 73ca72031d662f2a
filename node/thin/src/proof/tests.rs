use super::*;
use crate::testing::{keys, Block, Chain, Way};
use codec::Encode;
use pallet_snapshots::Manifest;
use sp_core::H256;

fn verify(chain: &Chain, number: u32) -> Result<ProvenBlock<Block>, ProofError> {
	chain.proof(number).verify(&chain.genesis, &chain.manifest(number))
}

#[test]
fn a_block_of_the_first_set_is_proven() {
	let chain = Chain::new(9, &[]);
	let proven = verify(&chain, 9).unwrap();
	assert_eq!(proven.key(), chain.key(9));
	assert_eq!(proven.history().changes(), []);
	assert_eq!(proven.history().current().unwrap().set_id, 0);
}

#[test]
fn hand_overs_are_followed() {
	let chain = Chain::new(20, &[3, 7, 8]);
	let proven = verify(&chain, 15).unwrap();
	assert_eq!(proven.history().changes(), [(0, 3), (1, 7), (2, 8)]);
	let sets: Vec<u64> = [1, 3, 4, 7, 8, 9, 15]
		.map(|number| proven.history().period_of(number).unwrap().set_id)
		.to_vec();
	assert_eq!(sets, [0, 0, 1, 1, 2, 3, 3]);
	assert_eq!(proven.justified().count(), 4);
}

#[test]
fn a_snapshot_at_a_hand_over_leaves_the_next_set_in_charge() {
	let chain = Chain::new(9, &[3, 7]);
	let proven = verify(&chain, 7).unwrap();
	assert_eq!(proven.history().current().unwrap().set_id, 2);
	assert_eq!(proven.history().period_of(7).unwrap().set_id, 1);
	assert_eq!(proven.history().changes(), [(0, 3), (1, 7)]);
}

#[test]
fn a_skipped_hand_over_is_noticed() {
	let chain = Chain::new(9, &[3, 7]);
	let mut proof = chain.proof(9);
	proof.fragments.remove(0);
	let error = proof.verify(&chain.genesis, &chain.manifest(9)).unwrap_err();
	assert!(matches!(error, ProofError::Broken { index: 0, number: 7, .. }), "{error}");
}

#[test]
fn signatures_of_another_set_are_refused() {
	let chain = Chain::new(9, &[3]);
	let mut proof = chain.proof(9);
	proof.fragments[1].justification = chain.justify(9, 0).into();
	let error = proof.verify(&chain.genesis, &chain.manifest(9)).unwrap_err();
	assert!(matches!(error, ProofError::Broken { index: 1, number: 9, .. }), "{error}");
}

#[test]
fn one_signature_of_three_is_not_enough() {
	let chain = Chain::new(9, &[]);
	let mut justification = chain.justify(9, 0);
	justification.commit.precommits.truncate(1);
	assert_eq!(keys(0, 3).len(), 3);
	let mut proof = chain.proof(9);
	proof.fragments[0].justification = justification.into();
	assert!(proof.verify(&chain.genesis, &chain.manifest(9)).is_err());
}

#[test]
fn a_justification_of_another_block_is_refused() {
	let chain = Chain::new(9, &[]);
	let mut proof = chain.proof(9);
	proof.fragments[0].justification = chain.justify(8, 0).into();
	let error = proof.verify(&chain.genesis, &chain.manifest(9)).unwrap_err();
	assert!(error.to_string().contains("another block"), "{error}");
}

#[test]
fn a_manifest_that_says_otherwise_is_refused() {
	let chain = Chain::new(9, &[]);
	let honest = chain.manifest(9);
	let other = H256::repeat_byte(9);
	let lies = [
		Manifest { block_hash: other, ..honest.clone() },
		Manifest { state_root: other, ..honest.clone() },
		Manifest { genesis_hash: other, ..honest.clone() },
		Manifest { block_number: 8, ..honest.clone() },
	];
	for lie in lies {
		let error = chain.proof(9).verify(&chain.genesis, &lie).unwrap_err();
		assert!(matches!(error, ProofError::OtherBlock { .. }), "{error}");
	}
	assert!(chain.proof(9).verify(&chain.genesis, &honest).is_ok());
}

#[test]
fn an_empty_proof_proves_nothing() {
	let chain = Chain::new(1, &[]);
	let proof = Way { fragments: Vec::new() };
	assert!(proof.verify(&chain.genesis, &chain.manifest(0)).is_err());
}

/// A node remembers what was proven, and doesn't follow the way again.
#[test]
fn what_is_remembered_is_held_against_chain_and_manifest() {
	let chain = Chain::new(9, &[3, 7]);
	let anchor = chain.genesis.anchor().unwrap();
	let read = |bytes: &[u8], chain: &Chain, number| {
		let anchor = chain.genesis.anchor().unwrap();
		ProvenBlock::<Block>::from_record(bytes, &anchor, &chain.manifest(number))
	};
	for number in [2, 3, 7, 9] {
		let proven = verify(&chain, number).unwrap();
		let record = proven.record();
		let again = read(&record, &chain, number).unwrap();
		assert_eq!(again.history(), proven.history());
		assert_eq!((again.key(), again.justification()), (proven.key(), proven.justification()));
		assert!(read(&record, &chain, 8).is_err());
		let error = read(&record, &Chain::of(2, 9, &[3, 7]), number).unwrap_err().to_string();
		assert!(error.starts_with("the proof is of genesis 0x"), "{error}");
		for cut in 0..record.len() {
			assert!(read(&record[..cut], &chain, number).is_err());
		}
	}
	// A block that its set did not sign, and a history that begins with others.
	let real = verify(&chain, 9).unwrap().record();
	let signature = chain.justify(9, 2).encode();
	let place = real.windows(signature.len()).position(|part| part == signature).unwrap();
	let mut forged = real.clone();
	forged[place..place + signature.len()].copy_from_slice(&chain.justify(8, 2).encode());
	let error = read(&forged, &chain, 9).unwrap_err().to_string();
	assert!(error.contains("is not signed by the authorities of its set"), "{error}");
	let mut other = anchor;
	other.authorities = crate::testing::authorities(5, 3);
	let error = ProvenBlock::<Block>::from_record(&real, &other, &chain.manifest(9)).unwrap_err();
	assert!(error.to_string().contains("first authorities"), "{error}");
}

#[test]
fn no_way_is_followed_without_end() {
	let chain = Chain::new(9, &[3, 7]);
	let mut walk = Walk::to_block(&chain.genesis.anchor().unwrap());
	walk.step(chain.fragment(3)).unwrap();
	walk.set_steps(MAX_FRAGMENTS);
	let error = walk.step(chain.fragment(7)).unwrap_err().to_string();
	assert!(error.contains("more often than the 65536 times that are followed"), "{error}");
}

#[test]
fn grandpa_finds_its_records() {
	let chain = Chain::new(9, &[3, 7]);
	let proven = verify(&chain, 9).unwrap();
	let records: std::collections::HashMap<_, _> =
		crate::grandpa::records(&proven).unwrap().into_iter().collect();
	let (set_key, best_key) = crate::grandpa::OWNERS_KEYS;
	let changes = crate::grandpa::recorded_changes::<Block>(&records[set_key]).unwrap();
	assert_eq!(changes, [3, 7]);
	assert_eq!(records[best_key], proven.justification());
	assert_eq!(records[best_key], proven.justified().last().unwrap().unwrap().1);
}
