mod whole;

use super::*;
use crate::{
	columns::{self, number_key, BlockKey},
	grandpa,
	layered::{Fault, FaultHandler, ImageDatabase, LayeredDatabase, Lower},
	testing::{Block, Chain},
};
use kvdb::DBTransaction;
use sp_database::{Database as _, MemDb};
use std::sync::atomic::{AtomicBool, Ordering};

const SECRET: &[u8] = b"what an off-chain worker keeps to itself";

/// A node's database with a chain in it, as kvdb-rocksdb has it, 3 blocks beyond the finalized one.
fn node_database(path: &Path, chain: &Chain, finalized: u32) -> kvdb_rocksdb::Database {
	let config = kvdb_rocksdb::DatabaseConfig::with_columns(columns::SDK_COLUMNS);
	let database = kvdb_rocksdb::Database::open(&config, path).unwrap();
	let mut transaction = DBTransaction::new();
	for ((column, key), value) in chain.database().0.lock().iter() {
		transaction.put(*column, key, value);
	}
	let proof = chain.proof(finalized);
	let proven = proof.verify(&chain.genesis, &chain.manifest(finalized)).unwrap();
	for (key, value) in grandpa::records(&proven).unwrap() {
		transaction.put(columns::AUX, &key, &value);
	}
	let best = chain.key(chain.headers.len() as u32 - 1).bytes();
	transaction.put(columns::META, columns::meta::BEST, &best);
	transaction.put(columns::META, columns::meta::FINALIZED, &chain.key(finalized).bytes());
	transaction.put(columns::META, columns::meta::TYPE, b"full");
	transaction.put(columns::STATE_META, b"mode", b"archive");
	transaction.put(columns::OFFCHAIN, b"secret", SECRET);
	database.write(transaction).unwrap();
	database
}

fn bytes_of(folder: &Path) -> Vec<u8> {
	let files = fs::read_dir(folder).unwrap();
	files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
	haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_copy_is_rewound_and_holds_nothing_private() {
	let home = tempfile::tempdir().unwrap();
	let (from, to) = (home.path().join("full"), home.path().join("copy"));
	let chain = Chain::new(20, &[5]);
	let node = node_database(&from, &chain, 17);
	assert!(contains(&bytes_of(&from), SECRET));

	copy::copy_database(&from, &to).unwrap();
	let owners = OwnersDatabase::open(&to).unwrap();
	assert_eq!(owners.pruning(256).unwrap(), pallet_snapshots::Pruning::Archive);
	let anchor = chain.genesis.anchor().unwrap();
	let proven = owners.candidate::<Block>(&anchor).unwrap();
	let key = proven.key();
	assert_eq!(key, chain.key(17));
	let proven = proven.check_against(&chain.manifest(17)).unwrap();
	owners.rewind(&key).unwrap();
	assert!(!contains(&bytes_of(&to), SECRET));

	// The node's own database is as it was.
	assert_eq!(node.get(columns::OFFCHAIN, b"secret").unwrap().as_deref(), Some(SECRET));
	assert_eq!(
		node.get(columns::KEY_LOOKUP, &number_key(20)).unwrap(),
		Some(chain.key(20).bytes())
	);

	// What is left is what a thin node reads, all of it and no more.
	let raw = ImageDatabase::open(&to, home.path()).unwrap();
	for number in 18..=20 {
		let key: BlockKey = chain.key(number);
		for column in [columns::HEADER, columns::BODY, columns::JUSTIFICATIONS] {
			assert_eq!(raw_get(&raw, column, &key.bytes()), None);
		}
		assert_eq!(raw_get(&raw, columns::KEY_LOOKUP, &number_key(number)), None);
		assert_eq!(raw_get(&raw, columns::KEY_LOOKUP, &key.hash), None);
	}
	for column in [columns::META, columns::STATE_META, columns::AUX] {
		for key in [&b"best"[..], b"final", b"mode", b"grandpa_voters"] {
			assert_eq!(raw_get(&raw, column, key), None);
		}
	}
	let lower = Arc::new(Lower::<Block>::new(Box::new(raw), &proven));
	let faulty = Arc::new(AtomicBool::new(false));
	let seen = faulty.clone();
	let on_fault: FaultHandler = Arc::new(move |_: &Fault| seen.store(true, Ordering::SeqCst));
	let layered = LayeredDatabase::new(Arc::new(MemDb::new()), lower, on_fault);
	for number in 1..=17 {
		let key = chain.key(number);
		for column in [columns::HEADER, columns::BODY, columns::JUSTIFICATIONS] {
			assert!(layered.get(column, &key.bytes()).is_some(), "{column} of {number}");
		}
		assert_eq!(layered.get(columns::KEY_LOOKUP, &key.hash), Some(key.bytes()));
	}
	assert!(!faulty.load(Ordering::SeqCst));
}

fn raw_get(raw: &ImageDatabase, column: u32, key: &[u8]) -> Option<Vec<u8>> {
	crate::layered::RawDatabase::get(raw, column, key).unwrap()
}

struct SaysStop<'a>(&'a AtomicBool);

impl Drop for SaysStop<'_> {
	fn drop(&mut self) {
		self.0.store(true, Ordering::SeqCst);
	}
}

#[test]
fn every_copy_of_a_busy_database_is_whole() {
	// Each write holds the same number in two columns: a copy that has the one has the other,
	// and a later copy has no smaller number.
	let home = tempfile::tempdir().unwrap();
	let from = home.path().join("full");
	let chain = Chain::new(3, &[]);
	let node = node_database(&from, &chain, 3);
	let stop = AtomicBool::new(false);
	std::thread::scope(|scope| {
		// Also when a copy fails: the scope waits for the thread.
		let _stop = SaysStop(&stop);
		scope.spawn(|| {
			let filler = vec![7; 16 * 1024];
			for number in 0u32.. {
				if stop.load(Ordering::SeqCst) {
					break;
				}
				let mut transaction = DBTransaction::new();
				let key = number.to_be_bytes();
				transaction.put(columns::STATE, &[&b"filler"[..], &key].concat(), &filler);
				transaction.put(columns::STATE, b"counter", &key);
				transaction.put(columns::TRANSACTION, b"counter", &key);
				node.write(transaction).unwrap();
				// Busy, not flooded: some megabytes a second.
				std::thread::sleep(std::time::Duration::from_millis(2));
			}
		});
		let mut before = None;
		for attempt in 0..5 {
			let to = home.path().join(format!("copy-{attempt}"));
			copy::copy_database(&from, &to).unwrap();
			let copied = ImageDatabase::open(&to, home.path()).unwrap();
			let one = raw_get(&copied, columns::STATE, b"counter");
			assert_eq!(one, raw_get(&copied, columns::TRANSACTION, b"counter"));
			assert!(one >= before, "a copy went back in time");
			before = one;
		}
		assert!(before.is_some());
	});
}

#[test]
fn what_is_no_database_is_refused() {
	let home = tempfile::tempdir().unwrap();
	let error = copy::copy_database(home.path(), &home.path().join("copy")).unwrap_err();
	assert!(matches!(error, CreateError::NoDatabase { .. }), "{error}");
	assert!(!home.path().join("copy").exists());
}

#[test]
fn a_chain_without_finality_is_refused() {
	let home = tempfile::tempdir().unwrap();
	let from = home.path().join("full");
	let chain = Chain::new(3, &[]);
	let node = node_database(&from, &chain, 3);
	let mut transaction = DBTransaction::new();
	transaction.delete(columns::AUX, grandpa::OWNERS_KEYS.0);
	node.write(transaction).unwrap();
	drop(node);
	let owners = OwnersDatabase::open(&from).unwrap();
	let anchor = chain.genesis.anchor().unwrap();
	assert!(matches!(owners.candidate::<Block>(&anchor), Err(CreateError::Unsuitable(_))));
}

#[test]
fn what_a_killed_run_left_is_removed() {
	let home = tempfile::tempdir().unwrap();
	let database = home.path().join("full");
	// No process has this number: the kernel's limit is lower.
	let left = home.path().join("snapshot-4294967295");
	fs::create_dir_all(&left).unwrap();
	fs::write(left.join("CURRENT"), "x").unwrap();
	let other = home.path().join("snapshot-of-mine");
	fs::create_dir_all(&other).unwrap();
	let staging = staging_beside(&database).unwrap();
	assert!(!left.exists());
	assert!(other.exists());
	assert_eq!(staging.0.parent(), database.parent());
}
