//! Turns the copy of a node's database into one that ends at block N and holds nothing private.

use crate::{
	columns::{self, number_key, rocksdb_name, BlockKey},
	error::CreateError,
	genesis::Anchor,
	grandpa,
	proof::{bytes32, ProvenBlock, Walk},
};
use codec::{Decode, DecodeAll};
use pallet_snapshots::Pruning;
use rocksdb::{ColumnFamilyDescriptor, Direction, IteratorMode, Options, DB};
use sc_consensus_grandpa::{warp_proof::WarpSyncFragment, BlockNumberOps, GrandpaJustification};
use sp_consensus_grandpa::GRANDPA_ENGINE_ID;
use sp_database::ColumnId;
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT, NumberFor},
	Justifications, SaturatedConversion,
};
use std::path::Path;

/// Columns whose content is the owner's business. They are emptied.
const PRIVATE: [ColumnId; 6] =
	[columns::META, columns::STATE_META, 7, columns::AUX, columns::OFFCHAIN, 10];

/// The copy of a database, open for changes.
pub struct OwnersDatabase {
	db: DB,
}

fn copy_error(error: rocksdb::Error) -> CreateError {
	CreateError::Copy(error.to_string())
}

fn unsuitable(reason: impl Into<String>) -> CreateError {
	CreateError::Unsuitable(reason.into())
}

impl OwnersDatabase {
	/// Opens the copy, which replays the owner's write-ahead log.
	pub fn open(path: &Path) -> Result<Self, CreateError> {
		let mut options = Options::default();
		options.set_keep_log_file_num(1);
		// What is linked stays as it is: nothing may be rewritten for its own sake.
		options.set_disable_auto_compactions(true);
		let names = DB::list_cf(&options, path).map_err(copy_error)?;
		if names.contains(&rocksdb_name(columns::THIN)) {
			return Err(unsuitable(
				"it is thin itself, and holds only what came after its own snapshot: take a full \
				 node's",
			));
		}
		let families = names.into_iter().map(|name| {
			let mut options = Options::default();
			options.set_disable_auto_compactions(true);
			ColumnFamilyDescriptor::new(name, options)
		});
		let db = DB::open_cf_descriptors(&options, path, families).map_err(copy_error)?;
		Ok(Self { db })
	}

	fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, CreateError> {
		let name = rocksdb_name(column);
		let family = self.db.cf_handle(&name).ok_or_else(|| {
			unsuitable(format!("it has no column {name}: it is of another version of the SDK"))
		})?;
		self.db.get_cf(family, key).map_err(copy_error)
	}

	/// The block at a height of the canonical chain.
	pub fn canonical(&self, number: u32) -> Result<Option<BlockKey>, CreateError> {
		let value = self.get(columns::KEY_LOOKUP, &number_key(number))?;
		Ok(value.as_deref().and_then(BlockKey::parse))
	}

	fn header<Block: BlockT>(&self, key: &BlockKey) -> Result<Block::Header, CreateError> {
		let bytes = self.get(columns::HEADER, &key.bytes())?.ok_or_else(|| {
			unsuitable(format!(
				"the header of block {} is missing: sync this node anew",
				key.number
			))
		})?;
		Block::Header::decode_all(&mut &bytes[..])
			.map_err(|error| unsuitable(format!("header of block {}: {error}", key.number)))
	}

	/// How old states are kept. How many, a pruned database does not say: `kept` does.
	pub fn pruning(&self, kept: u32) -> Result<Pruning, CreateError> {
		let bytes = self.get(columns::STATE_META, b"mode")?.ok_or_else(|| {
			unsuitable("it does not say how it prunes the state: start its node once")
		})?;
		match bytes.as_slice() {
			b"archive" => Ok(Pruning::Archive),
			b"archive_canonical" => Ok(Pruning::ArchiveCanonical),
			b"constrained" => Ok(Pruning::Keep(kept)),
			_ => Err(unsuitable(
				"it prunes the state in a way this version does not know: use a newer one",
			)),
		}
	}

	/// The newest finalized block with a justification in the database, proven from genesis.
	///
	/// Errors when GRANDPA's records don't reach from genesis to there, or don't hold.
	pub fn candidate<Block: BlockT>(
		&self,
		anchor: &Anchor,
	) -> Result<ProvenBlock<Block>, CreateError>
	where
		NumberFor<Block>: BlockNumberOps,
	{
		let finalized = self
			.get(columns::META, columns::meta::FINALIZED)?
			.and_then(|bytes| BlockKey::parse(&bytes))
			.ok_or_else(|| {
				unsuitable("it has no finalized block: wait until its node has synced")
			})?;
		let (set_key, best_key) = grandpa::OWNERS_KEYS;
		let set = self
			.get(columns::AUX, set_key)?
			.ok_or_else(|| unsuitable("GRANDPA has left no record in it: start its node once"))?;
		let changes: Vec<u32> = grandpa::recorded_changes::<Block>(&set)
			.map_err(unsuitable)?
			.into_iter()
			.map(|number| number.saturated_into::<u64>() as u32)
			.collect();

		let (key, justification) = self.newest_justified::<Block>(&finalized, best_key)?;
		let broken = |error| CreateError::Proof { number: key.number.into(), error };
		let mut walk = Walk::to_block(anchor);
		for number in changes.into_iter().filter(|number| *number < key.number) {
			let change = self.canonical(number)?.ok_or_else(|| {
				unsuitable(format!("block {number} is missing: sync this node anew"))
			})?;
			let justification = self.justification::<Block>(&change)?.ok_or_else(|| {
				unsuitable(format!(
					"the justification of block {number}, where the authorities changed, is missing: \
					 take a node that has synced from genesis"
				))
			})?;
			let header = self.header::<Block>(&change)?;
			walk.step(WarpSyncFragment { header, justification }).map_err(broken)?;
		}
		let header = self.header::<Block>(&key)?;
		walk.step(WarpSyncFragment { header, justification }).map_err(broken)?;
		walk.end().map_err(broken)
	}

	fn newest_justified<Block: BlockT>(
		&self,
		finalized: &BlockKey,
		best_key: &[u8],
	) -> Result<(BlockKey, GrandpaJustification<Block>), CreateError> {
		if let Some(bytes) = self.get(columns::AUX, best_key)? {
			let best = GrandpaJustification::<Block>::decode_all(&mut &bytes[..])
				.map_err(|error| unsuitable(format!("GRANDPA's best justification: {error}")))?;
			let number = best.target().0.saturated_into::<u64>() as u32;
			if let Some(key) = self.canonical(number)?.filter(|key| {
				number > 0 && number <= finalized.number && key.hash == best.target().1.as_ref()
			}) {
				return Ok((key, best));
			}
		}
		let mut number = finalized.number;
		while number > 0 {
			if let Some(key) = self.canonical(number)? {
				if let Some(justification) = self.justification::<Block>(&key)? {
					return Ok((key, justification));
				}
			}
			number -= 1;
		}
		Err(unsuitable(
			"no finalized block has a justification yet: wait until the node has imported one \
			 (a chain of this template makes one every 32 blocks)",
		))
	}

	fn justification<Block: BlockT>(
		&self,
		key: &BlockKey,
	) -> Result<Option<GrandpaJustification<Block>>, CreateError> {
		let Some(bytes) = self.get(columns::JUSTIFICATIONS, &key.bytes())? else {
			return Ok(None);
		};
		let wrong =
			|error: codec::Error| unsuitable(format!("justification of {}: {error}", key.number));
		let all = Justifications::decode(&mut &bytes[..]).map_err(wrong)?;
		all.into_justification(GRANDPA_ENGINE_ID)
			.map(|encoded| GrandpaJustification::decode_all(&mut &encoded[..]).map_err(wrong))
			.transpose()
	}

	/// The lowest height from which to N no body is missing: N + 1 when N's own is.
	///
	/// Follows the parents from N to genesis on the way. Errors when a header is missing or a
	/// number leads to another block: a node that starts from this would stop there.
	pub fn bodies_from<Block: BlockT>(&self, n: &BlockKey) -> Result<u32, CreateError> {
		let mut block = n.clone();
		let mut bodies_from = block.number.saturating_add(1);
		loop {
			if self.canonical(block.number)?.as_ref() != Some(&block) {
				return Err(unsuitable(format!(
					"its block {} is not the one that the parents of block {} lead to: sync this \
					 node anew",
					block.number, n.number
				)));
			}
			let unbroken = bodies_from == block.number.saturating_add(1);
			if unbroken && self.has(columns::BODY, &block.bytes())? {
				bodies_from = block.number;
			}
			let header = self.header::<Block>(&block)?;
			let Some(number) = block.number.checked_sub(1) else { return Ok(bodies_from) };
			let parent = bytes32(*header.parent_hash())
				.map_err(|error| CreateError::Proof { number: block.number.into(), error })?;
			block = BlockKey::new(number, parent);
		}
	}

	fn has(&self, column: ColumnId, key: &[u8]) -> Result<bool, CreateError> {
		let name = rocksdb_name(column);
		let Some(family) = self.db.cf_handle(&name) else { return Ok(false) };
		self.db.get_pinned_cf(family, key).map(|value| value.is_some()).map_err(copy_error)
	}

	/// Removes every block above N, empties the private columns, and closes the database.
	///
	/// Errors when bodies are kept as indexed transactions: nothing in a header says which.
	pub fn rewind(mut self, n: &BlockKey) -> Result<(), CreateError> {
		if self.first(columns::BODY_INDEX)?.is_some() {
			return Err(unsuitable("chains that index transactions are not supported"));
		}
		self.remove_above(n.number)?;
		for column in PRIVATE {
			let name = rocksdb_name(column);
			if self.db.cf_handle(&name).is_some() {
				self.db.drop_cf(&name).map_err(copy_error)?;
				self.db.create_cf(&name, &Options::default()).map_err(copy_error)?;
			}
		}
		for column in 0..columns::SDK_COLUMNS {
			if let Some(family) = self.db.cf_handle(&rocksdb_name(column)) {
				self.db.flush_cf(family).map_err(copy_error)?;
			}
		}
		self.db.flush_wal(true).map_err(copy_error)?;
		self.db.cancel_all_background_work(true);
		Ok(())
	}

	fn first(&self, column: ColumnId) -> Result<Option<Box<[u8]>>, CreateError> {
		let name = rocksdb_name(column);
		let Some(family) = self.db.cf_handle(&name) else { return Ok(None) };
		match self.db.iterator_cf(family, IteratorMode::Start).next() {
			Some(entry) => Ok(Some(entry.map_err(copy_error)?.0)),
			None => Ok(None),
		}
	}

	/// Removes the blocks above a height, forks included. Their keys begin with the number, so
	/// that nothing below is read.
	fn remove_above(&self, number: u32) -> Result<(), CreateError> {
		let Some(first) = number.checked_add(1) else { return Ok(()) };
		let first = number_key(first);
		let mut above = Vec::new();
		for column in [columns::HEADER, columns::BODY, columns::JUSTIFICATIONS] {
			let name = rocksdb_name(column);
			let Some(family) = self.db.cf_handle(&name) else { continue };
			let start = IteratorMode::From(&first, Direction::Forward);
			for entry in self.db.iterator_cf(family, start) {
				let (key, _) = entry.map_err(copy_error)?;
				self.db.delete_cf(family, &key).map_err(copy_error)?;
				above.extend(BlockKey::parse(&key));
			}
		}
		let name = rocksdb_name(columns::KEY_LOOKUP);
		let Some(family) = self.db.cf_handle(&name) else { return Ok(()) };
		for key in above {
			self.db.delete_cf(family, key.hash).map_err(copy_error)?;
			self.db.delete_cf(family, number_key(key.number)).map_err(copy_error)?;
		}
		Ok(())
	}
}
