//! A thin node's own database over an image, in a folder that goes away: for those who want what a
//! first start makes, and no node.

use super::Bootstrap;
use crate::{
	genesis::Genesis,
	layered::{Fault, FaultHandler, ImageDatabase, Lower},
	local::{LocalPath, Marker},
	promise::Promise,
	proof::ProvenBlock,
};
use parking_lot::Mutex;
use sc_client_db::{BlocksPruning, DatabaseSettings, DatabaseSource, PruningMode};
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{path::Path, sync::Arc};

/// MiB. It serves one start.
const CACHE_MIB: usize = 16;

/// What such a database is made of.
pub(crate) struct Scratch<'a, Block: BlockT, E> {
	/// The files of the image.
	pub image: &'a Path,
	/// A folder of its own.
	pub folder: &'a Path,
	/// How it prunes.
	pub pruning: PruningMode,
	/// What the chain spec says.
	pub genesis: &'a Genesis<Block>,
	/// Block N.
	pub proven: &'a ProvenBlock<Block>,
	/// What the database will remember.
	pub marker: &'a Marker,
	/// Runs the genesis runtime.
	pub executor: &'a E,
}

/// A database that has been made.
pub(crate) struct Made<Block: BlockT> {
	/// Where it is.
	pub local: LocalPath,
	/// The image below it.
	pub lower: Arc<Lower<Block>>,
	/// Remembers the first fault.
	pub on_fault: FaultHandler,
	fault: Arc<Mutex<Option<String>>>,
	pruning: PruningMode,
}

impl<Block, E> Scratch<'_, Block, E>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + Clone,
{
	/// Makes it, when `check` finds nothing wrong with the image. Errors with a sentence.
	pub fn make(
		self,
		check: impl FnOnce(&ImageDatabase) -> Result<(), String>,
	) -> Result<Made<Block>, String> {
		let raw =
			ImageDatabase::open(self.image, self.folder).map_err(|error| error.to_string())?;
		check(&raw)?;
		let promise = Promise::read(self.image)?;
		let lower = Arc::new(Lower::new(Box::new(raw), self.proven).held_to(promise));
		let fault = Arc::new(Mutex::new(None));
		let seen = fault.clone();
		let of = lower.clone();
		let on_fault: FaultHandler = Arc::new(move |fault: &Fault| {
			seen.lock().get_or_insert_with(|| with_place(fault, &of));
		});
		let local = LocalPath { path: self.folder.join("database"), cache_size: CACHE_MIB };
		let made = Made { local, lower, on_fault, fault, pruning: self.pruning };
		Bootstrap {
			local: &made.local,
			settings: &|source| made.settings(source),
			lower: &made.lower,
			genesis: self.genesis,
			proven: self.proven,
			executor: self.executor.clone(),
			marker: self.marker,
			on_fault: made.on_fault.clone(),
		}
		.run()
		.map_err(|error| error.to_string())?;
		made.check()?;
		Ok(made)
	}
}

/// What is wrong, and in which file.
fn with_place<Block: BlockT>(fault: &Fault, lower: &Lower<Block>) -> String
where
	NumberFor<Block>: BlockNumberOps,
{
	lower.place_of(fault).map_or_else(|| fault.to_string(), |place| format!("{fault}. {place}"))
}

impl<Block: BlockT> Made<Block> {
	/// How it is opened.
	pub fn settings(&self, source: DatabaseSource) -> DatabaseSettings {
		DatabaseSettings {
			trie_cache_maximum_size: None,
			state_pruning: Some(self.pruning.clone()),
			source,
			blocks_pruning: BlocksPruning::KeepAll,
			pruning_filters: Vec::new(),
			metrics_registry: None,
		}
	}

	/// Errors with what has been found wrong in the image so far.
	pub fn check(&self) -> Result<(), String> {
		self.fault.lock().take().map_or(Ok(()), Err)
	}
}
