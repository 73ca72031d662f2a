//! A chain for tests: real headers, bodies, states and GRANDPA signatures, and no runtime.

pub mod registry;

use crate::{
	columns::{self, number_key, BlockKey},
	genesis::Genesis,
	layered::{OnEntry, RawDatabase, ReadError, ScanDatabase},
	proof::{compare, ProofError, ProvenBlock, Walk},
};
use codec::Encode;
use finality_grandpa::{Commit, Message, Precommit, SignedPrecommit};
use kvdb::DBTransaction;
use pallet_snapshots::{Database, DatabaseKind, Manifest, Pruning};
use parking_lot::Mutex;
use sc_consensus_grandpa::warp_proof::WarpSyncFragment;
use sc_executor::{Externalities, RuntimeVersion, RuntimeVersionOf};
use sp_consensus_grandpa::{
	localized_payload, AuthorityList, ConsensusLog, GrandpaJustification, ScheduledChange,
	GRANDPA_ENGINE_ID,
};
use sp_core::{
	ed25519,
	storage::{ChildInfo, StateVersion, Storage, StorageChild},
	traits::RuntimeCode,
	Pair, H256,
};
use sp_database::ColumnId;
use sp_runtime::{
	generic,
	traits::{BlakeTwo256, Block as _, Hash as _, Header as _},
	Digest, DigestItem, Justifications, OpaqueExtrinsic,
};
use sp_state_machine::InMemoryBackend;
use sp_trie::{KeySpacedDBMut, PrefixedMemoryDB, TrieDBMutBuilder, TrieMut};
use std::{collections::HashMap, path::Path, sync::Arc};

pub type Header = generic::Header<u32, BlakeTwo256>;
pub type Block = generic::Block<Header, OpaqueExtrinsic>;

/// Values by column and key.
pub type Values = HashMap<(ColumnId, Vec<u8>), Vec<u8>>;

/// A state, by key.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// A database in memory that can be damaged.
#[derive(Clone, Default)]
pub struct Memory(pub Arc<Mutex<Values>>);

impl Memory {
	pub fn set(&self, column: ColumnId, key: &[u8], value: Vec<u8>) {
		self.0.lock().insert((column, key.to_vec()), value);
	}

	pub fn remove(&self, column: ColumnId, key: &[u8]) {
		self.0.lock().remove(&(column, key.to_vec()));
	}

	/// Writes it down as a node has it: a RocksDB in a folder, all of it in tables.
	pub fn write_to(&self, path: &Path) {
		let config = kvdb_rocksdb::DatabaseConfig::with_columns(columns::SDK_COLUMNS);
		let database = kvdb_rocksdb::Database::open(&config, path).unwrap();
		let mut transaction = DBTransaction::new();
		for ((column, key), value) in self.0.lock().iter() {
			transaction.put(*column, key, value);
		}
		database.write(transaction).unwrap();
		for column in 0..columns::SDK_COLUMNS {
			database.force_compact(column).unwrap();
		}
	}
}

impl RawDatabase for Memory {
	fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		Ok(self.0.lock().get(&(column, key.to_vec())).cloned())
	}
}

impl ScanDatabase for Memory {
	fn scan(&self, column: ColumnId, each: OnEntry<'_>) -> Result<(), ReadError> {
		let values = self.0.lock().clone();
		let mut entries: Vec<_> = values.iter().filter(|((c, _), _)| *c == column).collect();
		entries.sort();
		for ((_, key), value) in entries {
			if !each(key, value) {
				break;
			}
		}
		Ok(())
	}

	fn strange_columns(&self) -> Vec<String> {
		Vec::new()
	}
}

/// What runs no runtime, and says which version it has.
#[derive(Clone)]
pub struct NoRuntime;

impl RuntimeVersionOf for NoRuntime {
	fn runtime_version(
		&self,
		_: &mut dyn Externalities,
		_: &RuntimeCode<'_>,
	) -> sc_executor::error::Result<RuntimeVersion> {
		Ok(RuntimeVersion { system_version: 1, ..Default::default() })
	}
}

/// A storage key whose value is new in every block, and kept beside its trie node.
pub const BIG: &[u8] = b"big";
/// A storage key of a child trie, whose value is new in every third block.
pub const IN_CHILD: (&[u8], &[u8]) = (b"vault", b"coins");

/// The storage after a block: some of it is new, most of it is not.
pub fn storage(number: u32) -> Storage {
	storage_of(number, 3, 1)
}

/// The same for a chain of so many authorities, or of another name: another chain.
fn storage_of(number: u32, authorities: usize, name: u8) -> Storage {
	let mut storage = Storage::default();
	let mut set = |key: Vec<u8>, value: Vec<u8>| storage.top.insert(key, value);
	set(b":code".to_vec(), vec![7; 100]);
	set(b"authorities".to_vec(), vec![authorities as u8, name]);
	set(BIG.to_vec(), [&number.to_le_bytes()[..], &[9; 60]].concat());
	set(b"bigger".to_vec(), vec![1; 200]);
	for index in 0..12u32 {
		let changed = number - number.saturating_sub(index) % 12;
		set(format!("account {index}").into_bytes(), changed.to_le_bytes().repeat(9));
	}
	let child = StorageChild {
		data: (0..6)
			.map(|index| (vec![index; 5], vec![index; 40]))
			.chain([(IN_CHILD.1.to_vec(), (number / 3).to_le_bytes().repeat(12))])
			.collect(),
		child_info: ChildInfo::new_default(IN_CHILD.0),
	};
	storage.children_default.insert(IN_CHILD.0.to_vec(), child);
	storage
}

/// Trie nodes, by the keys of the database.
pub type Nodes = Vec<(Vec<u8>, Vec<u8>)>;

/// The trie of a storage: its root, and its nodes by the keys of the database.
fn trie_of(storage: &Storage) -> (H256, Nodes) {
	type Layout = sp_trie::LayoutV1<BlakeTwo256>;
	let mut nodes = PrefixedMemoryDB::<BlakeTwo256>::default();
	let mut top = storage.top.clone();
	for child in storage.children_default.values() {
		let mut root = H256::default();
		let keyspace = child.child_info.keyspace();
		let mut spaced = KeySpacedDBMut::new(&mut nodes, keyspace);
		let mut trie = TrieDBMutBuilder::<Layout>::new(&mut spaced, &mut root).build();
		for (key, value) in &child.data {
			trie.insert(key, value).unwrap();
		}
		drop(trie);
		top.insert(child.child_info.prefixed_storage_key().into_inner(), root.encode());
	}
	let mut root = H256::default();
	let mut trie = TrieDBMutBuilder::<Layout>::new(&mut nodes, &mut root).build();
	for (key, value) in &top {
		trie.insert(key, value).unwrap();
	}
	drop(trie);
	let nodes = nodes.drain().into_iter().filter(|(_, (_, count))| *count > 0);
	(root, nodes.map(|(key, (value, _))| (key, value)).collect())
}

/// Authorities of set `set`: keys nobody else has.
pub fn keys(set: u64, count: usize) -> Vec<ed25519::Pair> {
	let key = |index: usize| BlakeTwo256::hash_of(&(set, index as u64, count as u64));
	(0..count).map(|index| ed25519::Pair::from_seed(&key(index).0)).collect()
}

pub fn authorities(set: u64, count: usize) -> AuthorityList {
	keys(set, count).into_iter().map(|pair| (pair.public().into(), 1)).collect()
}

/// A justification of a header, signed by these keys as the set `set`.
pub fn sign(header: &Header, set: u64, keys: Vec<ed25519::Pair>) -> GrandpaJustification<Header> {
	let (target_hash, target_number) = (header.hash(), *header.number());
	let precommit = Precommit { target_hash, target_number };
	let payload = localized_payload(1, set, &Message::Precommit(precommit.clone()));
	let precommits = keys
		.into_iter()
		.map(|pair| SignedPrecommit {
			precommit: precommit.clone(),
			signature: pair.sign(&payload).into(),
			id: pair.public().into(),
		})
		.collect();
	let commit = Commit { target_hash, target_number, precommits };
	GrandpaJustification { round: 1, commit, votes_ancestries: Vec::new() }
}

/// A state as a trie that reads can be proven in.
pub fn state_of(entries: &Entries) -> InMemoryBackend<BlakeTwo256> {
	let top = entries.iter().cloned().collect();
	let storage = Storage { top, children_default: Default::default() };
	InMemoryBackend::from((storage, StateVersion::V1))
}

/// A way from genesis, for tests to spoil.
pub struct Way {
	pub fragments: Vec<WarpSyncFragment<Block>>,
}

impl Way {
	pub fn verify(
		self,
		genesis: &Genesis<Block>,
		manifest: &Manifest,
	) -> Result<ProvenBlock<Block>, ProofError> {
		let anchor = genesis.anchor()?;
		compare("genesis", anchor.hash, manifest.genesis_hash.0)?;
		let mut walk = Walk::to_block(&anchor);
		for fragment in self.fragments {
			walk.step(fragment)?;
		}
		walk.end()?.check_against(manifest)
	}
}

/// Blocks 0 to some height, whose authorities change at some of them.
pub struct Chain {
	pub genesis: Genesis<Block>,
	pub headers: Vec<Header>,
	pub bodies: Vec<Vec<OpaqueExtrinsic>>,
	pub changes: Vec<u32>,
	/// The trie nodes of all states.
	pub nodes: HashMap<Vec<u8>, Vec<u8>>,
	/// How many authorities each set has.
	pub authorities: usize,
	/// What was pushed with a state of its own.
	pub states: HashMap<u32, Entries>,
}

impl Chain {
	pub fn new(height: u32, changes: &[u32]) -> Self {
		Self::made(height, changes, 3, 1)
	}

	/// Sets of so many authorities.
	pub fn with_authorities(height: u32, changes: &[u32], count: usize) -> Self {
		Self::made(height, changes, count, 1)
	}

	/// Another chain for another `name`; [`Self::new`] makes the one of 1.
	pub fn of(name: u8, height: u32, changes: &[u32]) -> Self {
		Self::made(height, changes, 3, name)
	}

	fn made(height: u32, changes: &[u32], count: usize, name: u8) -> Self {
		let (root, nodes) = trie_of(&storage_of(0, count, name));
		let genesis = Genesis::<Block> {
			header: Header::new(
				0,
				BlakeTwo256::ordered_trie_root(Vec::new(), StateVersion::V1),
				root,
				H256::zero(),
				Digest::default(),
			),
			authorities: authorities(0, count),
			storage: storage_of(0, count, name),
		};
		let mut chain = Self {
			headers: vec![genesis.header.clone()],
			bodies: vec![Vec::new()],
			genesis,
			changes: changes.to_vec(),
			nodes: nodes.into_iter().collect(),
			authorities: count,
			states: HashMap::new(),
		};
		for number in 1..=height {
			let (state, nodes) = trie_of(&storage_of(number, count, name));
			chain.nodes.extend(nodes);
			chain.push(number, state);
		}
		chain
	}

	/// One more block, with this state.
	pub fn push_state(&mut self, entries: Entries) -> u32 {
		let number = self.headers.len() as u32;
		self.push(number, *state_of(&entries).root());
		self.states.insert(number, entries);
		number
	}

	/// One more block, with this storage, whose trie nodes a node has.
	pub fn push_storage(&mut self, storage: &Storage) -> u32 {
		let number = self.headers.len() as u32;
		let (root, nodes) = trie_of(storage);
		self.nodes.extend(nodes);
		self.push(number, root);
		number
	}

	fn push(&mut self, number: u32, state: H256) {
		let body: Vec<OpaqueExtrinsic> = (0..number % 4)
			.map(|index| OpaqueExtrinsic::from_blob(vec![number as u8, index as u8]))
			.collect();
		let root = BlakeTwo256::ordered_trie_root(
			body.iter().map(Encode::encode).collect(),
			StateVersion::V1,
		);
		let mut digest = Digest::default();
		if let Some(position) = self.changes.iter().position(|change| *change == number) {
			let change = ScheduledChange {
				next_authorities: authorities(position as u64 + 1, self.authorities),
				delay: 0u32,
			};
			let log = ConsensusLog::ScheduledChange(change).encode();
			digest.push(DigestItem::Consensus(GRANDPA_ENGINE_ID, log));
		}
		let parent = self.headers[number as usize - 1].hash();
		self.headers.push(Header::new(number, root, state, parent, digest));
		self.bodies.push(body);
	}

	/// The trie nodes of the state after a block.
	pub fn nodes_of(number: u32) -> Nodes {
		trie_of(&storage(number)).1
	}

	/// The set that finalizes a block.
	pub fn set_of(&self, number: u32) -> u64 {
		self.changes.iter().filter(|change| **change < number).count() as u64
	}

	pub fn key(&self, number: u32) -> BlockKey {
		BlockKey::new(number, self.headers[number as usize].hash().0)
	}

	/// A justification of a block, signed by the set `set`.
	pub fn justify(&self, number: u32, set: u64) -> GrandpaJustification<Header> {
		sign(&self.headers[number as usize], set, keys(set, self.authorities))
	}

	pub fn fragment(&self, number: u32) -> WarpSyncFragment<Block> {
		WarpSyncFragment {
			header: self.headers[number as usize].clone(),
			justification: self.justify(number, self.set_of(number)).into(),
		}
	}

	pub fn proof(&self, number: u32) -> Way {
		Way { fragments: self.way_to(number) }
	}

	pub fn way_to(&self, number: u32) -> Vec<WarpSyncFragment<Block>> {
		self.way(0, number)
	}

	/// The changes between two blocks, and the second.
	pub fn way(&self, after: u32, number: u32) -> Vec<WarpSyncFragment<Block>> {
		let between = |change: &&u32| **change > after && **change < number;
		let changes = self.changes.iter().filter(between);
		changes.chain([&number]).map(|number| self.fragment(*number)).collect()
	}

	pub fn manifest(&self, number: u32) -> Manifest {
		let header = &self.headers[number as usize];
		Manifest {
			genesis_hash: self.genesis.hash(),
			block_number: number.into(),
			block_hash: header.hash(),
			state_root: *header.state_root(),
			image: H256::zero(),
			logical_size: 0,
			database: Database { kind: DatabaseKind::RocksDb, version: 4 },
			pruning: Pruning::Archive,
		}
	}

	/// The chain as a node has it in its database.
	pub fn database(&self) -> Memory {
		let memory = Memory::default();
		for (key, value) in &self.nodes {
			memory.set(columns::STATE, key, value.clone());
		}
		for (number, header) in self.headers.iter().enumerate() {
			let key = self.key(number as u32);
			memory.set(columns::KEY_LOOKUP, &number_key(key.number), key.bytes());
			memory.set(columns::KEY_LOOKUP, &key.hash, key.bytes());
			memory.set(columns::HEADER, &key.bytes(), header.encode());
			memory.set(columns::BODY, &key.bytes(), self.bodies[number].encode());
			if number > 0 {
				let justification = self.justify(key.number, self.set_of(key.number)).encode();
				let all = Justifications::from((GRANDPA_ENGINE_ID, justification));
				memory.set(columns::JUSTIFICATIONS, &key.bytes(), all.encode());
			}
		}
		memory
	}
}

// Kept honest by the compiler: the block type is one the SDK takes.
const _: fn(Block) -> <Block as sp_runtime::traits::Block>::Header = |block| block.deconstruct().0;
