//! A node for tests: the SDK's backend over two layers, without network or runtime.

use crate::{
	bootstrap::Bootstrap,
	error::StartError,
	layered::{FaultHandler, LayeredDatabase, Lower},
	local::{LocalPath, Marker},
	promise::Promise,
	testing::{Block, Chain, Memory, NoRuntime},
};
use parking_lot::Mutex;
use sc_client_api::{
	Backend as _, BlockImportOperation, HeaderBackend, NewBlockState, TrieCacheContext,
};
use sc_client_db::{Backend, BlocksPruning, DatabaseSettings, DatabaseSource, DbHash, PruningMode};
use sp_core::{storage::ChildInfo, H256};
use sp_database::{ColumnId, Database, Transaction};
use sp_runtime::traits::Header as _;
use sp_state_machine::Backend as _;
use std::sync::Arc;
use tempfile::TempDir;

/// What the node does not keep.
#[derive(Clone, Copy)]
pub enum Prunes {
	Nothing,
	/// All states but the last 16.
	States,
	/// All bodies but the last so many.
	Bodies(u32),
}

pub struct Node {
	pub backend: Arc<Backend<Block>>,
	pub lower: Arc<Lower<Block>>,
	pub upper: Arc<dyn Database<DbHash>>,
	pub on_fault: FaultHandler,
	faults: Arc<Mutex<Vec<String>>>,
	local: LocalPath,
	prunes: Prunes,
	home: TempDir,
}

pub fn settings(source: DatabaseSource, prunes: Prunes) -> DatabaseSettings {
	DatabaseSettings {
		trie_cache_maximum_size: None,
		state_pruning: Some(match prunes {
			Prunes::States => PruningMode::blocks_pruning(16),
			_ => PruningMode::ArchiveAll,
		}),
		source,
		blocks_pruning: match prunes {
			Prunes::Bodies(kept) => BlocksPruning::Some(kept),
			_ => BlocksPruning::KeepAll,
		},
		pruning_filters: Vec::new(),
		metrics_registry: None,
	}
}

impl Node {
	pub fn start(
		chain: &Chain,
		image: &Memory,
		number: u32,
		promise: Option<Promise>,
		prunes: Prunes,
	) -> Result<Self, StartError> {
		let home = tempfile::tempdir().unwrap();
		let local = LocalPath { path: home.path().join("db/full"), cache_size: 16 };
		let manifest = chain.manifest(number);
		let proof = chain.proof(number);
		let proven = proof.verify(&chain.genesis, &manifest).unwrap();
		let marker = Marker {
			snapshot: H256::zero(),
			manifest: manifest.clone(),
			stores: Vec::new(),
			block: proven.record(),
		};
		let lower = Arc::new(Lower::new(Box::new(image.clone()), &proven).held_to(promise));
		let faults = Arc::new(Mutex::new(Vec::new()));
		let log = faults.clone();
		let on_fault: FaultHandler = Arc::new(move |fault| log.lock().push(fault.to_string()));
		Bootstrap {
			local: &local,
			settings: &|source| settings(source, prunes),
			lower: &lower,
			genesis: &chain.genesis,
			proven: &proven,
			executor: NoRuntime,
			marker: &marker,
			on_fault: on_fault.clone(),
		}
		.run()?;
		Ok(Self::open(home, local, prunes, lower, on_fault, faults))
	}

	fn open(
		home: TempDir,
		local: LocalPath,
		prunes: Prunes,
		lower: Arc<Lower<Block>>,
		on_fault: FaultHandler,
		faults: Arc<Mutex<Vec<String>>>,
	) -> Self {
		let upper = local.open(false).unwrap();
		let layered = LayeredDatabase::new(upper.clone(), lower.clone(), on_fault.clone());
		let source = DatabaseSource::Custom { db: Arc::new(layered), require_create_flag: false };
		let backend = sc_service::new_db_backend(settings(source, prunes)).unwrap();
		Self { backend, lower, upper, on_fault, faults, local, prunes, home }
	}

	/// Writes into the node's own database, and starts it again.
	pub fn restarted_with(self, column: ColumnId, entries: &[(Vec<u8>, Vec<u8>)]) -> Self {
		let mut transaction = Transaction::new();
		for (key, value) in entries {
			transaction.set(column, key, value);
		}
		self.upper.commit(transaction).unwrap();
		let Self { backend, lower, upper, on_fault, faults, local, prunes, home } = self;
		drop((backend, upper));
		Self::open(home, local, prunes, lower, on_fault, faults)
	}

	/// Best and finalized block, as the local database has them without the image.
	pub fn heights_without_image(self) -> (u32, u32) {
		let Self { backend, upper, local, prunes, home, .. } = self;
		drop((backend, upper));
		let db = local.open(false).unwrap();
		let source = DatabaseSource::Custom { db, require_create_flag: false };
		let backend: Arc<Backend<Block>> =
			sc_service::new_db_backend(settings(source, prunes)).unwrap();
		let info = backend.blockchain().info();
		drop((backend, home));
		(info.best_number, info.finalized_number)
	}

	/// What was wrong since the last time it was asked.
	pub fn faults(&self) -> Vec<String> {
		std::mem::take(&mut *self.faults.lock())
	}

	pub fn storage(&self, block: H256, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
		let state = self
			.backend
			.state_at(block, TrieCacheContext::Untrusted)
			.map_err(|error| error.to_string())?;
		state.storage(key).map_err(|error| error.to_string())
	}

	pub fn child_storage(
		&self,
		block: H256,
		child: &ChildInfo,
		key: &[u8],
	) -> Result<Option<Vec<u8>>, String> {
		let state = self
			.backend
			.state_at(block, TrieCacheContext::Untrusted)
			.map_err(|error| error.to_string())?;
		state.child_storage(child, key).map_err(|error| error.to_string())
	}

	/// Imports a block after N as final.
	pub fn import(&self, chain: &Chain, number: u32) {
		let header = chain.headers[number as usize].clone();
		let body = chain.bodies[number as usize].clone();
		let mut operation = self.backend.begin_operation().unwrap();
		self.backend.begin_state_operation(&mut operation, *header.parent_hash()).unwrap();
		let nodes = Chain::nodes_of(number);
		let mut changes = sp_trie::PrefixedMemoryDB::default();
		for (key, value) in nodes {
			let (prefix, _) = key.split_at(key.len() - 32);
			sp_trie::HashDBT::insert(&mut changes, (prefix, None), &value);
		}
		operation.update_db_storage(changes).unwrap();
		operation
			.set_block_data(header, Some(body), None, None, NewBlockState::Final, true)
			.unwrap();
		self.backend.commit_operation(operation).unwrap();
	}
}
