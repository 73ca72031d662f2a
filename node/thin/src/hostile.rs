//! Wrong snapshots, made from right ones: each is refused, or does no harm.
//!
//! The node here is the SDK's own database backend over an image in memory, bootstrapped as a
//! real one is. What would end the process is noted instead.

mod cost;
mod lookup;
mod node;
mod pages;
mod place;
mod proofs;
mod votes;

use crate::{
	columns::{self, number_key, BlockKey},
	error::StartError,
	grandpa,
	promise::Promise,
	proof::ProofError,
	records,
	testing::{storage, Block, Chain, Memory, BIG, IN_CHILD},
};
use codec::Encode;
use node::{Node, Prunes};
use sc_client_api::{AuxStore, Backend as _, HeaderBackend};
use sp_blockchain::Backend as _;
use sp_core::{offchain::OffchainStorage, H256};
use sp_runtime::traits::{BlakeTwo256, Hash as _, Header as _};
use std::sync::Arc;

const N: u32 = 12;

/// A right image, of a chain that went on to block 20 after the snapshot.
fn right() -> (Chain, Memory) {
	let chain = Chain::new(20, &[5, 9]);
	let image = chain.database();
	(chain, image)
}

/// A node over `image`, which is to be the image of a snapshot of `chain` at block N.
fn start(chain: &Chain, image: &Memory) -> Node {
	Node::start(chain, image, N, None, Prunes::Nothing).unwrap()
}

/// The key of the value of [`BIG`] after a block, which lies beside its trie node.
fn big_key(number: u32) -> Vec<u8> {
	[BIG, BlakeTwo256::hash(&storage(number).top[BIG]).as_bytes()].concat()
}

/// Everything a node is asked for, against what the chain has.
fn answers_are_the_chains(node: &Node, chain: &Chain) {
	let blockchain = node.backend.blockchain();
	let info = blockchain.info();
	let n = chain.headers[N as usize].hash();
	assert_eq!((info.best_number, info.best_hash), (N, n));
	assert_eq!((info.finalized_number, info.finalized_hash), (N, n));
	assert_eq!(info.genesis_hash, chain.genesis.hash());
	assert_eq!(blockchain.leaves().unwrap(), [n]);
	for number in 0..=N {
		let hash = chain.headers[number as usize].hash();
		assert_eq!(blockchain.hash(number).unwrap(), Some(hash));
		assert_eq!(blockchain.number(hash).unwrap(), Some(number));
		assert_eq!(
			blockchain.header(hash).unwrap().as_ref(),
			Some(&chain.headers[number as usize])
		);
		assert_eq!(blockchain.body(hash).unwrap().as_ref(), Some(&chain.bodies[number as usize]));
		let storage = storage(number);
		for (key, value) in &storage.top {
			assert_eq!(node.storage(hash, key).as_ref(), Ok(&Some(value.clone())));
		}
		let child = &storage.children_default[IN_CHILD.0];
		for (key, value) in &child.data {
			assert_eq!(node.child_storage(hash, &child.child_info, key), Ok(Some(value.clone())));
		}
	}
	for number in N + 1..=20 {
		let hash = chain.headers[number as usize].hash();
		assert_eq!(blockchain.hash(number).unwrap(), None);
		assert_eq!(blockchain.header(hash).unwrap(), None);
	}
	assert_eq!(node.faults(), Vec::<String>::new());
}

#[test]
fn a_right_image_answers_as_the_chain() {
	let (chain, image) = right();
	for prunes in [Prunes::Nothing, Prunes::States] {
		let node =
			Node::start(&chain, &image, N, Some(Promise::of_bodies_from(0)), prunes).unwrap();
		match prunes {
			Prunes::Nothing => answers_are_the_chains(&node, &chain),
			_ => {
				let hash = chain.headers[N as usize].hash();
				assert_eq!(node.storage(hash, BIG), Ok(Some(storage(N).top[BIG].clone())));
			},
		}
	}
}

#[test]
fn an_altered_state_value_is_no_answer() {
	let (chain, image) = right();
	image.set(columns::STATE, &big_key(N), [&N.to_le_bytes()[..], &[8; 60]].concat());
	let node = start(&chain, &image);
	let answer = node.storage(chain.headers[N as usize].hash(), BIG);
	assert!(!matches!(answer, Ok(Some(_))), "{answer:?}");
	let key = hex::encode(big_key(N));
	let faults = node.faults();
	let expected =
		format!("the image is corrupt: column STATE, key 0x{key}: 64 bytes that hash to");
	assert!(faults[0].starts_with(&expected), "{faults:?}");
}

#[test]
fn an_altered_trie_node_is_no_answer() {
	let (chain, image) = right();
	let hash = chain.headers[7].hash();
	let root = chain.headers[7].state_root();
	// The root of another state, with all its nodes: a whole state, and not that of block 7.
	let other = chain.nodes[chain.headers[8].state_root().as_bytes()].clone();
	image.set(columns::STATE, root.as_bytes(), other);
	let node = start(&chain, &image);
	assert!(node.storage(hash, BIG).is_err());
	let faults = node.faults();
	assert!(faults[0].contains(&format!("key 0x{}", hex::encode(root))), "{faults:?}");
	assert!(faults[0].contains("that hash to 0x"), "{faults:?}");
}

#[test]
fn a_missing_state_node_is_a_fault_at_any_block() {
	for number in [N, 7] {
		let (chain, image) = right();
		let hash = chain.headers[number as usize].hash();
		image.remove(columns::STATE, &big_key(number));
		let node = start(&chain, &image);
		// The rest of the state is there.
		assert_eq!(node.storage(hash, b"bigger"), Ok(Some(vec![1; 200])));
		assert_eq!(node.faults(), Vec::<String>::new());
		assert!(node.storage(hash, BIG).is_err());
		let key = hex::encode(big_key(number));
		assert_eq!(
			node.faults(),
			[format!(
				"the image is corrupt: column STATE, key 0x{key}: the trie node is neither there \
				 nor in the local database, and the root of its state is: the state is incomplete"
			)]
		);
	}
}

#[test]
fn a_state_that_is_not_there_at_all_is_a_fault_at_n_alone() {
	let (chain, image) = right();
	let root = |number: u32| *chain.headers[number as usize].state_root();
	for number in [N, 7] {
		image.remove(columns::STATE, root(number).as_bytes());
	}
	let node = start(&chain, &image);
	// Its owner may not have kept it.
	assert!(node.storage(chain.headers[7].hash(), BIG).is_err());
	assert_eq!(node.faults(), Vec::<String>::new());
	assert!(node.storage(chain.headers[N as usize].hash(), BIG).is_err());
	let faults = node.faults();
	let expected = format!(
		"the image is corrupt: column STATE, key {:?}: the root of the state at block N is not there",
		root(N)
	);
	assert!(faults[0].starts_with(&expected), "{faults:?}");
}

#[test]
fn meta_that_names_another_best_and_finalized_block_does_nothing() {
	let (chain, image) = right();
	for key in [columns::meta::BEST, columns::meta::FINALIZED, b"fstate", b"cstate"] {
		image.set(columns::META, key, chain.key(20).bytes());
	}
	image.set(columns::META, columns::meta::GENESIS, vec![9; 32]);
	image.set(columns::META, b"leaf", chain.key(20).bytes());
	let node = start(&chain, &image);
	answers_are_the_chains(&node, &chain);
}

#[test]
fn authorities_that_the_image_names_do_nothing() {
	let (chain, image) = right();
	let set = Chain::with_authorities(9, &[], 1);
	let forged = set.proof(9).verify(&set.genesis, &set.manifest(9)).unwrap();
	let records = grandpa::records(&forged).unwrap();
	for (key, value) in &records {
		image.set(columns::AUX, key, value.clone());
	}
	image.set(columns::AUX, b"planted", b"value".to_vec());
	let node = start(&chain, &image);
	assert_eq!(grandpa::current_set_id::<Block>(&*node.backend), Some(2));
	let (set_key, _) = grandpa::OWNERS_KEYS;
	let ours = AuxStore::get_aux(&*node.backend, set_key).unwrap().unwrap();
	assert_eq!(grandpa::recorded_changes::<Block>(&ours), Ok(vec![5, 9]));
	assert!(records.iter().all(|(_, value)| *value != ours));
	assert_eq!(AuxStore::get_aux(&*node.backend, b"planted").unwrap(), None);
	answers_are_the_chains(&node, &chain);
}

/// A journal of blocks that are not final yet, as sc-state-db keeps it: its trie nodes are used
/// before those of the database.
fn journal(chain: &Chain, key: Vec<u8>, value: Vec<u8>) -> [(Vec<u8>, Vec<u8>); 2] {
	let n = chain.headers[N as usize].hash();
	let block = (H256::repeat_byte(5), n, vec![(key, value)], Vec::<Vec<u8>>::new());
	let journal_key = [&(u64::from(N) + 1, 0u64).encode()[..], b"noncanonical_journal"].concat();
	let last = (n, u64::from(N));
	[(journal_key, block.encode()), (b"last_canonical".to_vec(), last.encode())]
}

#[test]
fn a_planted_journal_shadows_nothing() {
	let (chain, image) = right();
	let hash = chain.headers[N as usize].hash();
	let truth = storage(N).top[BIG].clone();
	let lie = b"a thousand coins".to_vec();
	for (key, value) in journal(&chain, big_key(N), lie.clone()) {
		image.set(columns::STATE_META, &key, value);
	}
	let node = Node::start(&chain, &image, N, None, Prunes::States).unwrap();
	assert_eq!(node.storage(hash, BIG), Ok(Some(truth)));
	assert!(node.faults().is_empty());

	// In the node's own STATE_META it would have shadowed the value.
	let node = node.restarted_with(columns::STATE_META, &journal(&chain, big_key(N), lie.clone()));
	assert_eq!(node.storage(hash, BIG), Ok(Some(lie)));
}

#[test]
fn a_header_under_the_hash_of_another_is_no_answer() {
	let (chain, image) = right();
	let hash = chain.headers[7].hash();
	image.set(columns::HEADER, &chain.key(7).bytes(), chain.headers[8].encode());
	let node = start(&chain, &image);
	assert!(!matches!(node.backend.blockchain().header(hash), Ok(Some(_))));
	let faults = node.faults();
	assert!(faults[0].contains("column HEADER"), "{faults:?}");
	assert!(faults[0].contains("a header with another hash"), "{faults:?}");
}

#[test]
fn swapped_bodies_are_no_answer() {
	let (chain, image) = right();
	let (six, seven) = (chain.key(6).bytes(), chain.key(7).bytes());
	image.set(columns::BODY, &six, chain.bodies[7].encode());
	image.set(columns::BODY, &seven, chain.bodies[6].encode());
	let node = start(&chain, &image);
	for number in [6, 7] {
		let hash = chain.headers[number].hash();
		assert!(!matches!(node.backend.blockchain().body(hash), Ok(Some(_))));
	}
	let faults = node.faults();
	assert_eq!(faults.len(), 2, "{faults:?}");
	assert!(faults.iter().all(|fault| fault.contains("column BODY")
		&& fault.contains("extrinsics that are not those of the header")));
}

#[test]
fn a_body_of_n_that_is_not_its_own_refuses_the_start() {
	let (chain, image) = right();
	image.set(columns::BODY, &chain.key(N).bytes(), chain.bodies[7].encode());
	let error = Node::start(&chain, &image, N, None, Prunes::Nothing).err().unwrap();
	assert!(matches!(error, StartError::Bootstrap(_)));
	let text = error.to_string();
	assert!(text.contains("extrinsics that are not those of the header"), "{text}");
}

#[test]
fn forged_blocks_above_n_are_not_there() {
	let (chain, image) = right();
	let mut forged = chain.headers[N as usize + 1].clone();
	forged.set_state_root(H256::repeat_byte(0xdd));
	let key = BlockKey::new(N + 1, forged.hash().0);
	image.set(columns::HEADER, &key.bytes(), forged.encode());
	image.set(columns::BODY, &key.bytes(), chain.bodies[N as usize + 1].encode());
	image.set(columns::KEY_LOOKUP, &key.hash, key.bytes());
	image.set(columns::KEY_LOOKUP, &number_key(N + 1), key.bytes());
	image.set(columns::META, columns::meta::BEST, key.bytes());
	let node = start(&chain, &image);
	assert_eq!(node.backend.blockchain().header(forged.hash()).unwrap(), None);
	assert_eq!(node.backend.blockchain().number(forged.hash()).unwrap(), None);
	answers_are_the_chains(&node, &chain);
}

#[test]
fn planted_off_chain_data_is_not_there() {
	let (chain, image) = right();
	image.set(columns::OFFCHAIN, b"prefixkey", b"planted".to_vec());
	let node = start(&chain, &image);
	assert_eq!(node.backend.offchain_storage().unwrap().get(b"prefix", b"key"), None);
	answers_are_the_chains(&node, &chain);
}

#[test]
fn the_database_of_another_chain_gives_no_answers() {
	let chain = Chain::new(20, &[5, 9]);
	let foreign = Chain::with_authorities(20, &[3], 4);
	assert_ne!(chain.key(7).hash, foreign.key(7).hash);
	let image = foreign.database();
	// N is proven and its header comes from the proof. There is no state of it.
	let node = start(&chain, &image);
	assert!(node.storage(chain.headers[N as usize].hash(), BIG).is_err());
	let faults = node.faults();
	assert!(faults[0].contains("the root of the state at block N is not there"), "{faults:?}");
	// What is asked for by a real hash is not there; what the image names instead, the walk finds.
	let hash = chain.headers[7].hash();
	assert_eq!(node.backend.blockchain().header(hash).unwrap(), None);
	let history = node.lower.check_ancestor(&chain.key(N - 1), crate::layered::Depth::Headers);
	let fault = history.unwrap_err().to_string();
	assert!(fault.contains(&hex::encode(foreign.key(N - 1).hash)), "{fault}");
	assert!(fault.contains(&hex::encode(chain.key(N - 1).hash)), "{fault}");
}

#[test]
fn the_proof_of_another_chain_is_refused() {
	let chain = Chain::new(20, &[5, 9]);
	let foreign = Chain::with_authorities(20, &[3], 4);
	let error = foreign.proof(N).verify(&chain.genesis, &foreign.manifest(N)).unwrap_err();
	assert!(error.to_string().starts_with("the proof is of genesis 0x"), "{error}");
	let error = foreign.proof(N).verify(&chain.genesis, &chain.manifest(N)).unwrap_err();
	assert!(matches!(error, ProofError::Broken { index: 0, number: 3, .. }), "{error}");
}

#[test]
fn a_manifest_that_names_another_image_is_another_snapshot() {
	let home = tempfile::tempdir().unwrap();
	let store = thin_mount::store::open(&format!("dir://{}", home.path().display())).unwrap();
	let chain = Chain::new(9, &[]);
	let manifest = chain.manifest(9);
	let id_of = crate::create::snapshot_id::<Block>;
	let mut lie = manifest.clone();
	lie.image = H256::repeat_byte(6);
	assert_ne!(id_of(&lie), id_of(&manifest));
	// Under the right id, in a store that lies.
	let id = id_of(&manifest);
	let mut pages = chain.block_pages(id, 9).into_iter();
	records::write_block(&*store, id, &lie, &mut pages).unwrap();
	let stores: Vec<Arc<dyn thin_mount::store::Store>> = vec![store];
	let error = records::read_manifest(&stores, id_of(&manifest), id_of).unwrap_err().to_string();
	assert!(error.contains("has the manifest of another snapshot"), "{error}");
}

#[test]
fn an_incomplete_image_stops_the_node_at_the_read() {
	let (chain, image) = right();
	let hash = chain.headers[7].hash();
	image.remove(columns::BODY, &chain.key(7).bytes());
	let silent = start(&chain, &image);
	assert_eq!(silent.backend.blockchain().body(hash).unwrap(), None);
	assert!(silent.faults().is_empty());

	let promise = Some(Promise::of_bodies_from(0));
	let node = Node::start(&chain, &image, N, promise, Prunes::Nothing).unwrap();
	let _ = node.backend.blockchain().body(hash);
	let faults = node.faults();
	assert!(
		faults[0].contains("the body is not there, and the image says that it is"),
		"{faults:?}"
	);

	let (chain, image) = right();
	image.remove(columns::HEADER, &chain.key(7).bytes());
	let node = start(&chain, &image);
	let _ = node.backend.blockchain().header(hash);
	assert!(node.faults()[0].contains("the header is not there"));
}

#[test]
fn bodies_that_this_node_prunes_are_gone_and_no_fault() {
	let chain = Chain::new(20, &[5, 9]);
	let image = chain.database();
	let promise = Some(Promise::of_bodies_from(0));
	let node = Node::start(&chain, &image, N, promise, Prunes::Bodies(4)).unwrap();
	for number in N + 1..=N + 3 {
		node.import(&chain, number);
	}
	let blockchain = node.backend.blockchain();
	let last = N + 3;
	let bodies: Vec<bool> = (1..=last)
		.map(|number| blockchain.body(chain.headers[number as usize].hash()).unwrap().is_some())
		.collect();
	// The last four are kept. Each import prunes one, so that those before the snapshot's window
	// are still the image's.
	let pruned: Vec<u32> = (1..=last).filter(|number| !bodies[*number as usize - 1]).collect();
	assert_eq!(pruned, [9, 10, 11]);
	// Its header and its number stay.
	assert!(blockchain.header(chain.headers[10].hash()).unwrap().is_some());
	assert_eq!(node.faults(), Vec::<String>::new());

	// Also after a restart.
	let node = node.restarted_with(columns::STATE_META, &[]);
	assert_eq!(node.backend.blockchain().body(chain.headers[10].hash()).unwrap(), None);
	assert!(node.faults().is_empty());
}

#[test]
fn a_node_that_prunes_states_misses_none_of_those_it_keeps() {
	const TIP: u32 = 40;
	let chain = Chain::new(TIP, &[5, 9]);
	let node = Node::start(&chain, &chain.database(), N, None, Prunes::States).unwrap();
	for number in N + 1..=TIP {
		node.import(&chain, number);
	}
	for number in 0..=TIP {
		let found = node.storage(chain.headers[number as usize].hash(), BIG);
		match number > TIP - 16 {
			true => assert_eq!(found, Ok(Some(storage(number).top[BIG].clone()))),
			false => assert!(found.is_err(), "{number}"),
		}
	}
	assert_eq!(node.faults(), Vec::<String>::new());
}

#[test]
fn the_local_database_alone_says_how_far_the_chain_is() {
	let (chain, image) = right();
	let node = start(&chain, &image);
	let (best, finalized) = node.heights_without_image();
	assert_eq!((best, finalized), (N, N));
}
