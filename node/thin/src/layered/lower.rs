//! The lower layer: somebody else's database, read-only, of which nothing is believed.

use super::{
	integrity::{self, Violation},
	place::Place,
};
use crate::{
	columns::{self, number_key, BlockKey},
	promise::Promise,
	proof::{ProvenBlock, SetHistory},
};
use codec::Encode;
use sc_consensus_grandpa::BlockNumberOps;
use sp_database::ColumnId;
use sp_runtime::traits::{Block as BlockT, Header as HeaderT, NumberFor};
use std::sync::atomic::{AtomicBool, Ordering};

/// The image could not be read. Trying again may help: a store may have been away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image can't be read: {0}")]
pub struct ReadError(pub String);

/// A database that can be read: the one port to an image.
pub trait RawDatabase: Send + Sync {
	/// The value of a key, or `None`.
	fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;

	/// Where the value of a key lies, or would, for people. `None` when that can't be told.
	fn place(&self, _column: ColumnId, _key: &[u8]) -> Option<Place> {
		None
	}
}

/// A database that can be read from end to end.
pub trait ScanDatabase: RawDatabase {
	/// Calls `each` with every key and value of a column, in the order of the keys. It ends when
	/// `each` says so.
	fn scan(&self, column: ColumnId, each: OnEntry<'_>) -> Result<(), ReadError>;

	/// Columns that a node has no use for, in words.
	fn strange_columns(&self) -> Vec<String>;
}

/// Is called with a key and its value; `false` ends the scan.
pub type OnEntry<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> bool;

impl<T: RawDatabase + ?Sized> RawDatabase for std::sync::Arc<T> {
	fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		(**self).get(column, key)
	}

	fn place(&self, column: ColumnId, key: &[u8]) -> Option<Place> {
		(**self).place(column, key)
	}
}

/// Why the lower layer has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
	/// It could not be read.
	#[error(transparent)]
	Read(#[from] ReadError),
	/// It was read, and is wrong.
	#[error(transparent)]
	Violation(#[from] Violation),
}

/// A database as of block N, whose every value is checked as it is read.
pub struct Lower<Block: BlockT> {
	raw: Box<dyn RawDatabase>,
	block: BlockKey,
	header: Vec<u8>,
	state_root: Vec<u8>,
	genesis: [u8; 32],
	history: SetHistory,
	/// While the local database is being made, the SDK must not see that the blocks before N are
	/// there: it would walk all of them to set the head.
	hidden: AtomicBool,
	promise: Option<Promise>,
	_block: std::marker::PhantomData<Block>,
}

impl<Block: BlockT> Lower<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// A view of `raw` that ends at the proven block.
	pub fn new(raw: Box<dyn RawDatabase>, proven: &ProvenBlock<Block>) -> Self {
		Self {
			raw,
			block: proven.key(),
			header: proven.header().encode(),
			state_root: proven.header().state_root().as_ref().to_vec(),
			genesis: proven.genesis_hash(),
			history: proven.history().clone(),
			hidden: AtomicBool::new(false),
			promise: None,
			_block: Default::default(),
		}
	}

	/// Holds the image to what it says of itself.
	pub fn held_to(mut self, promise: Option<Promise>) -> Self {
		self.promise = promise;
		self
	}

	/// The fault of an image that lacks a node of a trie whose upper part is there.
	///
	/// Whoever asks for a node has been led to it by the one above, all the way from a root. A node
	/// that prunes its states takes the root of a state with the first of its nodes, and none while
	/// somebody reads in it. So a root that is there promises all that is below it.
	pub(crate) fn missing_node(key: &[u8]) -> Fault {
		let reason = "the trie node is neither there nor in the local database, and the root of \
		              its state is: the state is incomplete";
		Violation::new(columns::STATE, key, reason).into()
	}

	/// Where the value of a violation lies in the image, for people.
	pub fn place(&self, violation: &Violation) -> Option<Place> {
		self.raw.place(violation.column, &violation.key)
	}

	/// The same of any fault: what couldn't be read is not at fault itself.
	pub(crate) fn place_of(&self, fault: &Fault) -> Option<Place> {
		match fault {
			Fault::Read(_) => None,
			Fault::Violation(violation) => self.place(violation),
		}
	}

	/// Block N.
	pub fn block(&self) -> &BlockKey {
		&self.block
	}

	/// Shows only the state and block N itself, or everything.
	pub fn hide(&self, hidden: bool) {
		self.hidden.store(hidden, Ordering::SeqCst);
	}

	/// Whether a column is ever read from an image.
	pub fn serves(column: ColumnId) -> bool {
		matches!(
			column,
			columns::STATE
				| columns::KEY_LOOKUP
				| columns::HEADER
				| columns::BODY
				| columns::JUSTIFICATIONS
				| columns::TRANSACTION
		)
	}

	/// The checked value of a key. `None` for what is not there, lies above N, or belongs to a
	/// fork of the owner's.
	pub fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
		let hidden = self.hidden.load(Ordering::SeqCst);
		match column {
			columns::STATE if key.len() >= 32 => {
				let node = self.hashed(column, key)?;
				// Whatever its owner prunes, an image has the state of N.
				if node.is_none() && key == self.state_root {
					let reason = "the root of the state at block N is not there: the image has \
					              no such state";
					return Err(Violation::new(column, key, reason).into());
				}
				Ok(node)
			},
			columns::TRANSACTION if key.len() == 32 && !hidden => self.hashed(column, key),
			columns::KEY_LOOKUP => match key.len() {
				4 if !hidden => {
					let mut number = [0; 4];
					number.copy_from_slice(key);
					let found = self.canonical(u32::from_be_bytes(number))?;
					Ok(found.map(|key| key.bytes()))
				},
				32 => self.by_hash(key, hidden),
				_ => Ok(None),
			},
			columns::HEADER | columns::BODY | columns::JUSTIFICATIONS => {
				let Some(block) = BlockKey::parse(key) else { return Ok(None) };
				if block == self.block && column == columns::HEADER {
					return Ok(Some(self.header.clone()));
				}
				if hidden || block.number > self.block.number {
					return Ok(None);
				}
				self.of_block(column, &block)
			},
			_ => Ok(None),
		}
	}

	fn hashed(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
		match self.raw.get(column, key)? {
			Some(value) => Ok(Some(integrity::hashed::<Block>(column, key, value)?)),
			None => Ok(None),
		}
	}

	/// The block that the image says is canonical at a height. Proven at both ends; between
	/// them it is a claim that only a walk of the parents can check.
	pub(crate) fn canonical(&self, number: u32) -> Result<Option<BlockKey>, Fault> {
		if number > self.block.number {
			return Ok(None);
		}
		if number == self.block.number {
			return Ok(Some(self.block.clone()));
		}
		if number == 0 {
			return Ok(Some(BlockKey::new(0, self.genesis)));
		}
		let key = number_key(number);
		let wrong = |reason: &str| Violation::new(columns::KEY_LOOKUP, &key, reason);
		// Headers are never pruned: a height without one is a hole somebody made.
		let value = self
			.raw
			.get(columns::KEY_LOOKUP, &key)?
			.ok_or_else(|| wrong("no block at this height"))?;
		let block = BlockKey::parse(&value).ok_or_else(|| wrong("no block key"))?;
		if block.number != number {
			return Err(wrong("the key of a block of another height").into());
		}
		Ok(Some(block))
	}

	fn by_hash(&self, hash: &[u8], hidden: bool) -> Result<Option<Vec<u8>>, Fault> {
		if hash == self.block.hash {
			return Ok(Some(self.block.bytes()));
		}
		if hidden {
			return Ok(None);
		}
		if hash == self.genesis {
			return Ok(Some(BlockKey::new(0, self.genesis).bytes()));
		}
		let Some(value) = self.raw.get(columns::KEY_LOOKUP, hash)? else { return Ok(None) };
		let wrong = |reason: &str| Violation::new(columns::KEY_LOOKUP, hash, reason);
		let block = BlockKey::parse(&value).ok_or_else(|| wrong("no block key"))?;
		if block.hash != hash {
			return Err(wrong("the key of another block").into());
		}
		// Hides what came after N, and the owner's forks.
		if self.canonical(block.number)?.as_ref() != Some(&block) {
			return Ok(None);
		}
		// The number is the header's: an image could give a block any height, and name it there.
		let header = self.get(columns::HEADER, &value)?;
		Ok(Some(value).filter(|_| header.is_some()))
	}

	fn of_block(&self, column: ColumnId, key: &BlockKey) -> Result<Option<Vec<u8>>, Fault> {
		let bytes = key.bytes();
		let Some(value) = self.raw.get(column, &bytes)? else {
			let promised = self.promise.is_some_and(|promise| key.number >= promise.bodies_from);
			let reason = match column {
				columns::HEADER => "the header is not there",
				columns::BODY if promised => {
					"the body is not there, and the image says that it is: it is incomplete"
				},
				_ => return Ok(None),
			};
			return match self.canonical(key.number)?.as_ref() == Some(key) {
				true => Err(Violation::new(column, &bytes, reason).into()),
				false => Ok(None),
			};
		};
		match column {
			columns::HEADER => {
				integrity::header::<Block>(key, &value)?;
				Ok(Some(value))
			},
			columns::BODY => {
				let header = self.get(columns::HEADER, &bytes)?.ok_or_else(|| {
					Violation::new(column, &bytes, "a body whose header is not there")
				})?;
				let header = integrity::header::<Block>(key, &header)?;
				Ok(Some(integrity::body::<Block>(key, &header, value)?))
			},
			_ => Ok(integrity::justifications::<Block>(key, &self.history, &value)?),
		}
	}
}
