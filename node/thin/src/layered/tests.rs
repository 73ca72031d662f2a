use super::*;
use crate::{
	columns::{number_key, BlockKey},
	testing::{Block, Chain, Memory},
};
use codec::Encode;
use parking_lot::Mutex as Lock;
use sp_database::MemDb;
use sp_runtime::traits::{BlakeTwo256, Hash, Header as _};

const N: u32 = 12;

struct Fixture {
	chain: Chain,
	image: Memory,
	upper: Arc<dyn Database<DbHash>>,
	lower: Arc<Lower<Block>>,
	database: LayeredDatabase<Block>,
	faults: Arc<Lock<Vec<Fault>>>,
}

/// A chain of 20 blocks, and a node that stands at block 12 of it.
fn fixture() -> Fixture {
	let chain = Chain::new(20, &[5]);
	let image = chain.database();
	let proven = chain.proof(N).verify(&chain.genesis, &chain.manifest(N)).unwrap();
	let lower = Arc::new(Lower::new(Box::new(image.clone()), &proven));
	let upper: Arc<dyn Database<DbHash>> = Arc::new(MemDb::new());
	let faults = Arc::new(Lock::new(Vec::new()));
	let log = faults.clone();
	let on_fault: FaultHandler = Arc::new(move |fault| log.lock().push(fault.clone()));
	let database = LayeredDatabase::new(upper.clone(), lower.clone(), on_fault);
	Fixture { chain, image, upper, lower, database, faults }
}

fn remove(database: &LayeredDatabase<Block>, column: ColumnId, key: &[u8]) {
	let mut transaction = Transaction::new();
	transaction.remove(column, key);
	database.commit(transaction).unwrap();
}

fn set(database: &LayeredDatabase<Block>, column: ColumnId, key: &[u8], value: &[u8]) {
	let mut transaction = Transaction::new();
	transaction.set(column, key, value);
	database.commit(transaction).unwrap();
}

#[test]
fn everything_up_to_n_reads_as_the_owner_has_it() {
	let f = fixture();
	for number in 1..=N {
		let key = f.chain.key(number);
		for column in [columns::HEADER, columns::BODY, columns::JUSTIFICATIONS] {
			let expected = f.image.get(column, &key.bytes()).unwrap();
			assert!(expected.is_some());
			assert_eq!(f.database.get(column, &key.bytes()), expected, "{column} of {number}");
		}
		assert_eq!(f.database.get(columns::KEY_LOOKUP, &number_key(number)), Some(key.bytes()));
		assert_eq!(f.database.get(columns::KEY_LOOKUP, &key.hash), Some(key.bytes()));
	}
	assert!(f.faults.lock().is_empty());
}

#[test]
fn nothing_above_n_is_there() {
	let f = fixture();
	for number in N + 1..=20 {
		let key = f.chain.key(number);
		for column in [columns::HEADER, columns::BODY, columns::JUSTIFICATIONS] {
			assert_eq!(f.database.get(column, &key.bytes()), None);
		}
		assert_eq!(f.database.get(columns::KEY_LOOKUP, &number_key(number)), None);
		assert_eq!(f.database.get(columns::KEY_LOOKUP, &key.hash), None);
	}
	assert!(f.faults.lock().is_empty());
}

#[test]
fn what_decides_belief_is_never_read_from_the_image() {
	let f = fixture();
	for column in [columns::META, columns::STATE_META, columns::AUX, columns::OFFCHAIN] {
		f.image.set(column, b"best", b"poison".to_vec());
		assert_eq!(f.database.get(column, b"best"), None);
	}
	assert!(f.faults.lock().is_empty());
}

#[test]
fn the_owners_forks_are_hidden() {
	let f = fixture();
	let mut fork = f.chain.headers[7].clone();
	fork.set_state_root(Default::default());
	let key = BlockKey::new(7, fork.hash().0);
	f.image.set(columns::KEY_LOOKUP, &key.hash, key.bytes());
	f.image.set(columns::HEADER, &key.bytes(), fork.encode());
	assert_eq!(f.database.get(columns::KEY_LOOKUP, &key.hash), None);
}

#[test]
fn every_changed_value_is_a_fault_and_no_answer() {
	for column in [columns::HEADER, columns::BODY, columns::JUSTIFICATIONS] {
		let f = fixture();
		let key = f.chain.key(7).bytes();
		let good = f.image.get(column, &key).unwrap().unwrap();
		for at in 0..good.len() {
			let mut bad = good.clone();
			bad[at] ^= 1;
			f.image.set(column, &key, bad);
			f.faults.lock().clear();
			assert_eq!(f.database.get(column, &key), None, "column {column}, byte {at}");
			// With another engine's name on it, it is a justification this node can't check, and
			// leaves out as it would a missing one.
			let engine = column == columns::JUSTIFICATIONS && (1..5).contains(&at);
			let expected = if engine { 0 } else { 1 };
			assert_eq!(f.faults.lock().len(), expected, "column {column}, byte {at}");
		}
		f.image.set(column, &key, [&good[..], b"x"].concat());
		f.faults.lock().clear();
		assert_eq!(f.database.get(column, &key), None);
		assert_eq!(f.faults.lock().len(), 1);
	}
}

#[test]
fn a_value_of_another_key_is_a_fault() {
	let f = fixture();
	let (seven, eight) = (f.chain.key(7), f.chain.key(8));
	for column in [columns::HEADER, columns::BODY, columns::JUSTIFICATIONS] {
		let other = f.image.get(column, &eight.bytes()).unwrap().unwrap();
		f.image.set(column, &seven.bytes(), other);
		assert_eq!(f.database.get(column, &seven.bytes()), None);
	}
	f.image.set(columns::KEY_LOOKUP, &number_key(9), eight.bytes());
	assert_eq!(f.database.get(columns::KEY_LOOKUP, &number_key(9)), None);
	assert_eq!(f.faults.lock().len(), 4);
}

#[test]
fn state_is_checked_by_the_hash_in_its_key() {
	let f = fixture();
	let node = b"a trie node".to_vec();
	let key = [b"prefix", BlakeTwo256::hash(&node).as_bytes()].concat();
	f.image.set(columns::STATE, &key, node.clone());
	assert_eq!(f.database.get(columns::STATE, &key), Some(node.clone()));
	f.image.set(columns::STATE, &key, b"another".to_vec());
	assert_eq!(f.database.get(columns::STATE, &key), None);
	assert_eq!(f.faults.lock().len(), 1);
}

#[test]
fn a_missing_height_or_header_is_a_fault() {
	let f = fixture();
	f.image.remove(columns::KEY_LOOKUP, &number_key(4));
	assert_eq!(f.database.get(columns::KEY_LOOKUP, &number_key(4)), None);
	let key = f.chain.key(6).bytes();
	f.image.remove(columns::HEADER, &key);
	assert_eq!(f.database.get(columns::HEADER, &key), None);
	assert_eq!(f.faults.lock().len(), 2);
}

#[test]
fn writes_go_above_and_win() {
	let f = fixture();
	let before = f.image.0.lock().clone();
	let key = f.chain.key(7).bytes();
	set(&f.database, columns::BODY, &key, b"mine");
	assert_eq!(f.database.get(columns::BODY, &key), Some(b"mine".to_vec()));
	assert_eq!(*f.image.0.lock(), before);
}

#[test]
fn what_is_deleted_stays_deleted() {
	let f = fixture();
	let key = f.chain.key(7).bytes();
	assert!(f.database.get(columns::BODY, &key).is_some());
	remove(&f.database, columns::BODY, &key);
	assert_eq!(f.database.get(columns::BODY, &key), None);

	// Also after a restart.
	let ignore: FaultHandler = Arc::new(|_| {});
	let again = LayeredDatabase::new(f.upper.clone(), f.lower.clone(), ignore);
	assert_eq!(again.get(columns::BODY, &key), None);
	assert!(again.get(columns::BODY, &f.chain.key(8).bytes()).is_some());

	set(&again, columns::BODY, &key, b"mine");
	assert_eq!(again.get(columns::BODY, &key), Some(b"mine".to_vec()));
	remove(&again, columns::BODY, &key);
	assert_eq!(again.get(columns::BODY, &key), None);
}

#[test]
fn only_state_and_n_are_there_while_the_local_database_is_made() {
	let f = fixture();
	f.lower.hide(true);
	let n = f.chain.key(N);
	assert_eq!(f.database.get(columns::KEY_LOOKUP, &n.hash), Some(n.bytes()));
	assert!(f.database.get(columns::HEADER, &n.bytes()).is_some());
	assert_eq!(f.database.get(columns::KEY_LOOKUP, &number_key(N)), None);
	for number in 1..N {
		let key = f.chain.key(number);
		assert_eq!(f.database.get(columns::KEY_LOOKUP, &key.hash), None);
		assert_eq!(f.database.get(columns::HEADER, &key.bytes()), None);
	}
	f.lower.hide(false);
	assert!(f.database.get(columns::HEADER, &f.chain.key(1).bytes()).is_some());
}
