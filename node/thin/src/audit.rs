//! Everything at once over a whole image: what an attester runs.
//!
//! A node checks each value as it reads it. The audit reads all of them, and finds what no read
//! would: what is missing, and what has no place in an image.
//!
//! Memory stays bounded. Blocks are walked one by one. Which trie nodes have been visited is kept
//! in a database of its own in a temporary folder, so that a node that many states share is read
//! once; it takes some fifty bytes of disk for each node.

mod blocks;
pub mod command;
mod entries;
mod report;
mod states;
#[cfg(test)]
mod tests;
mod visited;

pub use report::{BlockCounts, EntryCounts, Faults, Report, StateCounts};

use crate::{
	layered::{Fault, Lower, ReadError, ScanDatabase},
	promise::Promise,
	proof::ProvenBlock,
};
use pallet_snapshots::Pruning;
use sc_consensus_grandpa::BlockNumberOps;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{path::Path, sync::Arc};

/// Why an audit came to no result.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
	/// The image can't be read.
	#[error(transparent)]
	Read(#[from] ReadError),
	/// The list of visited nodes can't be kept.
	#[error("the list of visited nodes can't be kept in {}: {reason}. Name another folder with --work", path.display())]
	Visited {
		/// Its folder.
		path: std::path::PathBuf,
		/// The cause.
		reason: String,
	},
}

/// What is being done, and how much of it is done.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
	/// In a word or two.
	pub step: &'static str,
	/// Blocks, states or entries.
	pub done: u64,
	/// Of how many, where it is known.
	pub total: Option<u64>,
}

/// Is called with how far it is, often.
pub type OnProgress<'a> = &'a dyn Fn(Progress);

/// The database of an image, and what is known about it.
pub struct Audit<'a, Block: BlockT> {
	/// The database.
	pub raw: Arc<dyn ScanDatabase>,
	/// Block N.
	pub proven: &'a ProvenBlock<Block>,
	/// Which states the manifest says are there.
	pub pruning: Pruning,
	/// What the image says of its bodies.
	pub promise: Option<Promise>,
	/// An empty folder for the list of visited nodes.
	pub folder: &'a Path,
	/// Where to tell how far it is.
	pub on_progress: OnProgress<'a>,
}

impl<Block: BlockT> Audit<'_, Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// Checks everything in the database.
	///
	/// Errors when that can't be done. What is wrong with the image is in the report.
	pub fn run(self) -> Result<Report, AuditError> {
		let lower = Lower::new(Box::new(self.raw.clone()), self.proven).held_to(self.promise);
		let mut faults = Faults::default();
		let blocks = blocks::check(&lower, &mut faults, self.on_progress)?;
		let visited = visited::Visited::create(self.folder)?;
		let states = states::States {
			raw: &*self.raw,
			lower: &lower,
			visited: &visited,
			pruning: self.pruning,
			lowest: blocks.lowest,
			on_progress: self.on_progress,
		};
		let states = states.check(&mut faults)?;
		let entries = entries::Entries {
			raw: &*self.raw,
			lower: &lower,
			history: self.proven.history(),
			visited: &visited,
			on_progress: self.on_progress,
		};
		let entries = entries.check(&mut faults)?;
		Ok(Report { blocks, states, entries, faults })
	}
}

/// Notes what is wrong and goes on; what can't be read ends the audit.
fn note<T>(faults: &mut Faults, result: Result<T, Fault>) -> Result<Option<T>, AuditError> {
	match result {
		Ok(value) => Ok(Some(value)),
		Err(Fault::Read(error)) => Err(error.into()),
		Err(fault) => {
			faults.add(fault.to_string());
			Ok(None)
		},
	}
}
