//! Not a test: what it costs that every value is verified. `scripts/bench/layered.sh` runs it.
//!
//! Two backends of the SDK over one local database and one image, a RocksDB in a folder: one
//! verifies what it reads from the image, one believes it. Both are asked the same, in turn.

use super::node::{settings, Node, Prunes};
use crate::{
	layered::{FaultHandler, ImageDatabase, LayeredDatabase, Lower, RawDatabase},
	testing::{storage, Block, Chain},
};
use sc_client_api::{Backend as _, HeaderBackend, TrieCacheContext};
use sc_client_db::{Backend, DatabaseSource, DbHash};
use sp_blockchain::Backend as _;
use sp_core::{storage::StateVersion, H256};
use sp_database::{error::Result, ColumnId, Database, Transaction};
use sp_runtime::traits::{BlakeTwo256, Hash as _};
use sp_state_machine::Backend as _;
use std::{sync::Arc, time::Instant};

const BLOCKS: u32 = 500;
const ACCOUNTS: u32 = 20_000;
/// How many accounts a block changes.
const CHANGED: u32 = 200;
const ROUNDS: usize = 7;

/// The two layers of a thin node, and no check of what the lower one says.
struct Believing {
	upper: Arc<dyn Database<DbHash>>,
	raw: ImageDatabase,
}

impl Database<DbHash> for Believing {
	fn commit(&self, transaction: Transaction<DbHash>) -> Result<()> {
		self.upper.commit(transaction)
	}

	fn get(&self, column: ColumnId, key: &[u8]) -> Option<Vec<u8>> {
		let below = || match Lower::<Block>::serves(column) {
			true => self.raw.get(column, key).unwrap(),
			false => None,
		};
		self.upper.get(column, key).or_else(below)
	}
}

fn account(index: u32) -> Vec<u8> {
	[b"account ", &BlakeTwo256::hash_of(&index).0[..]].concat()
}

/// A chain whose last block has many accounts.
fn chain() -> (Chain, u32) {
	let mut chain = Chain::new(BLOCKS, &[5, 9]);
	let mut accounts = storage(BLOCKS);
	accounts.top.extend((0..ACCOUNTS).map(|index| (account(index), vec![index as u8; 80])));
	let n = chain.push_storage(&accounts);
	(chain, n)
}

/// Something that a node is asked, and how often in a round.
struct Question<'a> {
	what: &'a str,
	times: u32,
	ask: &'a dyn Fn(&Backend<Block>, u32),
}

#[test]
#[ignore = "a measurement"]
fn measure() {
	let (chain, n) = chain();
	let home = tempfile::tempdir().unwrap();
	let image = home.path().join("image");
	// So that reads come from tables, as they do from an image.
	chain.database().write_to(&image);
	let node = Node::start(&chain, &chain.database(), n, None, Prunes::Nothing).unwrap();
	let proven = chain.proof(n).verify(&chain.genesis, &chain.manifest(n)).unwrap();
	let open = || ImageDatabase::open(&image, home.path()).unwrap();
	let backend = |db: Arc<dyn Database<DbHash>>| -> Arc<Backend<Block>> {
		let source = DatabaseSource::Custom { db, require_create_flag: false };
		sc_service::new_db_backend(settings(source, Prunes::Nothing)).unwrap()
	};
	let lower = Arc::new(Lower::new(Box::new(open()), &proven));
	let on_fault: FaultHandler = Arc::new(|fault| panic!("{fault}"));
	let layered = LayeredDatabase::new(node.upper.clone(), lower, on_fault);
	let verifying = backend(Arc::new(layered));
	let believing = backend(Arc::new(Believing { upper: node.upper.clone(), raw: open() }));

	let hash = |number: u32| chain.headers[number as usize].hash();
	let at = hash(n);
	// Spread over the chain, so that the caches of the SDK are of little use.
	let spread = |index: u32, most: u32| 1 + index.wrapping_mul(2_654_435_761) % most;
	let value = |backend: &Backend<Block>, index: u32| {
		let state = backend.state_at(at, TrieCacheContext::Untrusted).unwrap();
		let key = account(spread(index, ACCOUNTS) - 1);
		assert_eq!(state.storage(&key).unwrap().unwrap().len(), 80);
	};
	let header = |backend: &Backend<Block>, index: u32| {
		assert!(backend.blockchain().header(hash(spread(index, BLOCKS))).unwrap().is_some());
	};
	let body = |backend: &Backend<Block>, index: u32| {
		assert!(backend.blockchain().body(hash(spread(index, BLOCKS))).unwrap().is_some());
	};
	let justification = |backend: &Backend<Block>, index: u32| {
		let found = backend.blockchain().justifications(hash(spread(index, BLOCKS)));
		assert!(found.unwrap().is_some());
	};
	let root = |backend: &Backend<Block>, index: u32| {
		let state = backend.state_at(at, TrieCacheContext::Untrusted).unwrap();
		let changed = (0..CHANGED).map(|change| {
			let account = account(spread(index * CHANGED + change, ACCOUNTS) - 1);
			(account, vec![index as u8; 80])
		});
		let changed: Vec<(Vec<u8>, Vec<u8>)> = changed.collect();
		let delta = changed.iter().map(|(key, value)| (&key[..], Some(&value[..])));
		let (root, _) = state.storage_root(delta, StateVersion::V1);
		assert_ne!(root, H256::zero());
	};
	let questions = [
		Question { what: "a value of the state", times: 4_000, ask: &value },
		Question { what: "a header", times: 4_000, ask: &header },
		Question { what: "a body", times: 4_000, ask: &body },
		Question { what: "a justification", times: 400, ask: &justification },
		Question {
			what: "the state root of a block that changes 200 accounts",
			times: 40,
			ask: &root,
		},
	];
	for Question { what, times, ask } in questions {
		let mut best = [f64::MAX; 2];
		for round in 0..ROUNDS {
			for (place, backend) in [&verifying, &believing].into_iter().enumerate() {
				let started = Instant::now();
				for index in 0..times {
					ask(backend, index + round as u32 * times);
				}
				let each = started.elapsed().as_secs_f64() * 1e6 / f64::from(times);
				best[place] = best[place].min(each);
			}
		}
		let [with, without] = best;
		println!(
			"{{\"what\":\"{what}\",\"verified_us\":{with:.2},\"believed_us\":{without:.2},\
			 \"ratio\":{:.2}}}",
			with / without
		);
	}
}
