//! A database in two layers: an image below, read-only and checked value by value, and a local
//! one above, which takes every write.
//!
//! META, STATE_META, AUX and the off-chain storage exist above only: what they say decides what
//! the node believes, so the node writes them itself. Nothing below takes part in compaction, so
//! that a thin node stays thin.

mod ancestry;
pub(crate) mod integrity;
mod lower;
mod place;
mod rocks;
#[cfg(test)]
mod tests;

pub use ancestry::{Checked, Depth};
pub use integrity::Violation;
pub use lower::{Fault, Lower, OnEntry, RawDatabase, ReadError, ScanDatabase};
pub use place::{Content, Origin, Place, Table};
pub use rocks::ImageDatabase;

use crate::columns;
use parking_lot::Mutex;
use sc_client_db::DbHash;
use sc_consensus_grandpa::BlockNumberOps;
use sp_database::{error::Result, Change, ColumnId, Database, Transaction};
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::sync::{
	atomic::{AtomicBool, Ordering},
	Arc,
};

/// What is done about a value that can't be had or is wrong. In a node it must not return: an
/// answer of "nothing there" would be a wrong answer.
pub type FaultHandler = Arc<dyn Fn(&Fault) + Send + Sync>;

/// The key of the root of a state is its hash, and whether a state is there is found out by looking
/// for its root. All other nodes have the path to them before the hash.
const ROOT_KEY_BYTES: usize = 32;

const TOMBSTONE: u8 = b't';
const HAS_TOMBSTONES: &[u8] = b"has tombstones";

/// The two layers, as the SDK's backend takes them.
pub struct LayeredDatabase<Block: BlockT> {
	upper: Arc<dyn Database<DbHash>>,
	lower: Arc<Lower<Block>>,
	on_fault: FaultHandler,
	/// Deletions below N are rare (pruning of bodies). Until the first, no read looks for one.
	has_tombstones: AtomicBool,
	commit: Mutex<()>,
}

impl<Block: BlockT> LayeredDatabase<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// Puts `upper`, a database of 14 columns, over `lower`.
	pub fn new(
		upper: Arc<dyn Database<DbHash>>,
		lower: Arc<Lower<Block>>,
		on_fault: FaultHandler,
	) -> Self {
		let has_tombstones = upper.contains(columns::THIN, HAS_TOMBSTONES).into();
		Self { upper, lower, on_fault, has_tombstones, commit: Mutex::new(()) }
	}

	fn is_deleted(&self, column: ColumnId, key: &[u8]) -> bool {
		self.has_tombstones.load(Ordering::SeqCst)
			&& self.upper.contains(columns::THIN, &tombstone(column, key))
	}
}

fn tombstone(column: ColumnId, key: &[u8]) -> Vec<u8> {
	[&[TOMBSTONE], &column.to_be_bytes()[..], key].concat()
}

impl<Block: BlockT> Database<DbHash> for LayeredDatabase<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	fn commit(&self, mut transaction: Transaction<DbHash>) -> Result<()> {
		let _one_at_a_time = self.commit.lock();
		// Trie nodes and transactions need no tombstones: they are named by what they are, and
		// whoever still asks for one may have it. A tombstone is never taken back: a later value
		// of the same key lies above, and is found first.
		let deleted: Vec<Vec<u8>> = transaction
			.0
			.iter()
			.filter_map(|change| match change {
				Change::Remove(column, key)
					if Lower::<Block>::serves(*column) && *column != columns::STATE =>
				{
					let below = self.lower.get(*column, key);
					matches!(below, Ok(Some(_)) | Err(_)).then(|| tombstone(*column, key))
				},
				_ => None,
			})
			.collect();
		let any = !deleted.is_empty();
		for key in deleted {
			transaction.set(columns::THIN, &key, &[]);
		}
		if any && !self.has_tombstones.load(Ordering::SeqCst) {
			transaction.set(columns::THIN, HAS_TOMBSTONES, &[]);
		}
		self.upper.commit(transaction)?;
		if any {
			self.has_tombstones.store(true, Ordering::SeqCst);
		}
		Ok(())
	}

	fn get(&self, column: ColumnId, key: &[u8]) -> Option<Vec<u8>> {
		if let Some(value) = self.upper.get(column, key) {
			return Some(value);
		}
		if !Lower::<Block>::serves(column) || self.is_deleted(column, key) {
			return None;
		}
		let fault = match self.lower.get(column, key) {
			Ok(None) if column == columns::STATE && key.len() > ROOT_KEY_BYTES => {
				Lower::<Block>::missing_node(key)
			},
			Ok(value) => return value,
			Err(fault) => fault,
		};
		(self.on_fault)(&fault);
		None
	}

	fn optimize_db_col(&self, column: ColumnId) -> Result<()> {
		self.upper.optimize_db_col(column)
	}
}
