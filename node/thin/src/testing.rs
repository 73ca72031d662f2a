//! A chain for tests: real headers, bodies, states and GRANDPA signatures, and no runtime.

pub mod registry;

use crate::{
	columns::{self, number_key, BlockKey},
	genesis::Genesis,
	layered::{RawDatabase, ReadError},
	proof::FinalityProof,
};
use codec::Encode;
use finality_grandpa::{Commit, Message, Precommit, SignedPrecommit};
use pallet_snapshots::{Database, DatabaseKind, Manifest, Pruning};
use parking_lot::Mutex;
use sc_consensus_grandpa::warp_proof::WarpSyncFragment;
use sp_consensus_grandpa::{
	localized_payload, AuthorityList, ConsensusLog, GrandpaJustification, ScheduledChange,
	GRANDPA_ENGINE_ID,
};
use sp_core::{
	ed25519,
	storage::{StateVersion, Storage},
	Pair, H256,
};
use sp_database::ColumnId;
use sp_runtime::{
	generic,
	traits::{BlakeTwo256, Block as _, Hash as _, Header as _},
	Digest, DigestItem, Justifications, OpaqueExtrinsic,
};
use sp_state_machine::InMemoryBackend;
use std::{collections::HashMap, sync::Arc};

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
}

impl RawDatabase for Memory {
	fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		Ok(self.0.lock().get(&(column, key.to_vec())).cloned())
	}
}

/// Authorities of set `set`: three keys nobody else has.
pub fn keys(set: u64) -> Vec<ed25519::Pair> {
	let seed = |index| format!("//set {set}//authority {index}");
	(0..3).map(|index| ed25519::Pair::from_string(&seed(index), None).unwrap()).collect()
}

pub fn authorities(set: u64) -> AuthorityList {
	keys(set).into_iter().map(|pair| (pair.public().into(), 1)).collect()
}

/// A justification of a header, signed by the set `set`.
pub fn sign(header: &Header, set: u64) -> GrandpaJustification<Header> {
	let (target_hash, target_number) = (header.hash(), *header.number());
	let precommit = Precommit { target_hash, target_number };
	let payload = localized_payload(1, set, &Message::Precommit(precommit.clone()));
	let precommits = keys(set)
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

/// A state as a trie.
pub fn state_of(entries: &Entries) -> InMemoryBackend<BlakeTwo256> {
	let top = entries.iter().cloned().collect();
	let storage = Storage { top, children_default: Default::default() };
	InMemoryBackend::from((storage, StateVersion::V1))
}

/// Blocks 0 to some height, whose authorities change at some of them.
pub struct Chain {
	pub genesis: Genesis<Block>,
	pub headers: Vec<Header>,
	pub bodies: Vec<Vec<OpaqueExtrinsic>>,
	pub changes: Vec<u32>,
	/// The states that were given. Those of other blocks have a root and nothing else.
	pub states: HashMap<u32, Entries>,
}

impl Chain {
	pub fn new(height: u32, changes: &[u32]) -> Self {
		Self::of(1, height, changes)
	}

	/// Another chain for another `name`.
	pub fn of(name: u8, height: u32, changes: &[u32]) -> Self {
		let genesis = Genesis::<Block> {
			header: Header::new(
				0,
				BlakeTwo256::ordered_trie_root(Vec::new(), StateVersion::V1),
				H256::repeat_byte(name),
				H256::zero(),
				Digest::default(),
			),
			authorities: authorities(0),
			storage: Default::default(),
		};
		let mut chain = Self {
			headers: vec![genesis.header.clone()],
			bodies: vec![Vec::new()],
			genesis,
			changes: changes.to_vec(),
			states: HashMap::new(),
		};
		for number in 1..=height {
			chain.push(number, BlakeTwo256::hash(&number.to_le_bytes()));
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
			let change =
				ScheduledChange { next_authorities: authorities(position as u64 + 1), delay: 0u32 };
			let log = ConsensusLog::ScheduledChange(change).encode();
			digest.push(DigestItem::Consensus(GRANDPA_ENGINE_ID, log));
		}
		let parent = self.headers[number as usize - 1].hash();
		self.headers.push(Header::new(number, root, state, parent, digest));
		self.bodies.push(body);
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
		sign(&self.headers[number as usize], set)
	}

	pub fn fragment(&self, number: u32) -> WarpSyncFragment<Block> {
		WarpSyncFragment {
			header: self.headers[number as usize].clone(),
			justification: self.justify(number, self.set_of(number)).into(),
		}
	}

	pub fn proof(&self, number: u32) -> FinalityProof<Block> {
		FinalityProof { fragments: self.way_to(number) }
	}

	pub fn way_to(&self, number: u32) -> Vec<WarpSyncFragment<Block>> {
		let changes = self.changes.iter().filter(|change| **change < number);
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
