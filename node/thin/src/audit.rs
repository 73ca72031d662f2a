//! Everything at once over a whole image: what an attester runs.
//!
//! A node checks each value as it reads it. The audit reads all of them, and finds what no read
//! would: what is missing, and what has no place in an image.
//!
//! Memory stays bounded. Blocks are walked one by one. Which trie nodes have been visited is kept
//! in a database of its own, so that a node that many states share is read once; it takes some
//! sixty bytes of disk for each node. An audit that was cut off goes on where it was: chunks by
//! files, blocks one by one, and within a state by its nodes. The entries are read again.

mod blocks;
mod chunks;
pub mod command;
mod entries;
mod folder;
mod journal;
mod place;
mod report;
mod states;
#[cfg(test)]
mod tests;
mod visited;

pub use journal::{Checkpoints, ChunksDone, DatabaseDone, Done, Stage, StatesDone};
pub use place::{Place, Trie};
pub use report::{BlockCounts, EntryCounts, Faults, Report, StateCounts};

use crate::{
	layered::{Fault, Lower, ReadError, ScanDatabase, Violation},
	promise::Promise,
	proof::ProvenBlock,
};
use codec::Encode;
use pallet_snapshots::Pruning;
use sc_consensus_grandpa::BlockNumberOps;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{
	path::Path,
	sync::Arc,
	time::{SystemTime, UNIX_EPOCH},
};

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
	/// Blocks, states, trie nodes or entries.
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
	/// The folder for the list of visited nodes: what an audit has left that was cut off, or
	/// nothing.
	pub folder: &'a Path,
	/// How far that was.
	pub done: DatabaseDone,
	/// Where it is written down how far this is.
	pub checkpoints: Checkpoints<'a>,
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
		let mut done = self.done.clone();
		blocks::check(&lower, &mut done, &self.checkpoints, self.on_progress)?;
		let mut visited = self.visited(&mut done)?;
		// What this run leaves must not be taken for that of the next one.
		if !self.checkpoints.save(&done) {
			drop(visited);
			visited = self.begin_states(&mut done)?;
		}
		let states = states::States {
			raw: &*self.raw,
			lower: &lower,
			visited: &visited,
			pruning: self.pruning,
			lowest: done.blocks.lowest,
			on_progress: self.on_progress,
		};
		states.check(&mut done, &self.checkpoints)?;
		let mut faults = done.block_faults;
		faults.append(done.state_faults);
		let entries = entries::Entries {
			raw: &*self.raw,
			lower: &lower,
			history: self.proven.history(),
			visited: &visited,
			on_progress: self.on_progress,
		};
		let entries = entries.check(&mut faults)?;
		Ok(Report { blocks: done.blocks, states: done.states, entries, faults })
	}

	/// The list of visited nodes; if it is gone, no state is through.
	fn visited(&self, done: &mut DatabaseDone) -> Result<visited::Visited, AuditError> {
		if let Stage::States(at) = &mut done.stage {
			at.abandon();
			let resumed =
				visited::Visited::resume(self.folder, done.visited, at.abandoned.clone())?;
			if let Some(visited) = resumed {
				return Ok(visited);
			}
		}
		self.begin_states(done)
	}

	/// An empty list, which nothing that is written down so far goes with.
	fn begin_states(&self, done: &mut DatabaseDone) -> Result<visited::Visited, AuditError> {
		done.stage = Stage::States(StatesDone::default());
		(done.states, done.state_faults) = (StateCounts::default(), Faults::default());
		done.visited = new_name();
		visited::Visited::create(self.folder, done.visited)
	}
}

/// A name that no list of visited nodes has had.
fn new_name() -> [u8; 32] {
	let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	sp_crypto_hashing::blake2_256(&(now.as_nanos(), std::process::id()).encode())
}

/// Of how many wrong values is said where they lie: as many as a person is shown. It takes a moment
/// to find that out.
const PLACED: u64 = command::SHOWN as u64;

/// Notes what is wrong and goes on; what can't be read ends the audit.
fn note<Block: BlockT, T>(
	faults: &mut Faults,
	lower: &Lower<Block>,
	result: Result<T, Fault>,
) -> Result<Option<T>, AuditError>
where
	NumberFor<Block>: BlockNumberOps,
{
	match result {
		Ok(value) => Ok(Some(value)),
		Err(Fault::Read(error)) => Err(error.into()),
		Err(Fault::Violation(violation)) => {
			add(faults, lower, &violation);
			Ok(None)
		},
	}
}

/// Notes a value that is wrong, and where it lies, as a node would say it.
fn add<Block: BlockT>(faults: &mut Faults, lower: &Lower<Block>, violation: &Violation)
where
	NumberFor<Block>: BlockNumberOps,
{
	let place = (faults.count < PLACED).then(|| lower.place(violation)).flatten();
	faults.add(match place {
		// There is but one image here.
		Some(place) => format!("{violation}. {}", crate::layered::Place { origin: None, ..place }),
		None => violation.to_string(),
	});
}
