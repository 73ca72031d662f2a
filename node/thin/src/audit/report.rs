//! What an audit found: how much of what was checked, and what is wrong.

use codec::{Decode, Encode};
use serde::Serialize;

/// How many faults are kept in words. There may be millions, and all of one cause.
const KEPT: usize = 100;

/// What is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct Faults {
	/// How many there are.
	pub count: u64,
	/// The first hundred, in words.
	pub first: Vec<String>,
}

impl Faults {
	/// One more.
	pub fn add(&mut self, fault: String) {
		self.count += 1;
		if self.first.len() < KEPT {
			self.first.push(fault);
		}
	}

	/// Those and these.
	pub fn append(&mut self, others: Self) {
		self.count += others.count;
		let room = KEPT.saturating_sub(self.first.len());
		self.first.extend(others.first.into_iter().take(room));
	}

	/// Whether nothing is wrong.
	pub fn is_empty(&self) -> bool {
		self.count == 0
	}
}

/// The blocks from N to genesis, by their parents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct BlockCounts {
	/// Every height from this one to N was checked: 0 when all were.
	pub lowest: u32,
	/// Headers.
	pub headers: u64,
	/// Their bytes.
	pub header_bytes: u64,
	/// Bodies.
	pub bodies: u64,
	/// Their bytes.
	pub body_bytes: u64,
	/// Blocks without a body, where the image promises none.
	pub without_body: u64,
	/// Justifications.
	pub justifications: u64,
	/// Their bytes.
	pub justification_bytes: u64,
}

/// The states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Encode, Decode)]
pub struct StateCounts {
	/// States that are there and whole.
	pub whole: u64,
	/// States that a database that prunes them no longer has.
	pub pruned: u64,
	/// Trie nodes, those that several states share counted once.
	pub nodes: u64,
	/// Their bytes.
	pub node_bytes: u64,
	/// Values kept beside their nodes.
	pub values: u64,
	/// Their bytes.
	pub value_bytes: u64,
	/// Child tries, as often as one was changed.
	pub child_tries: u64,
}

/// All entries of all columns, one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EntryCounts {
	/// Entries.
	pub entries: u64,
	/// Bytes of their keys and values.
	pub bytes: u64,
	/// Headers of the owner's forks. No node shows them.
	pub fork_headers: u64,
	/// Trie nodes and values that are what their keys say and belong to no state that the image
	/// is to have: of forks, or of blocks after N. No harm, but dead weight.
	pub unreached_nodes: u64,
	/// Their bytes.
	pub unreached_bytes: u64,
}

/// What was found in the database of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
	/// The blocks.
	pub blocks: BlockCounts,
	/// The states.
	pub states: StateCounts,
	/// The entries.
	pub entries: EntryCounts,
	/// What is wrong.
	pub faults: Faults,
}
