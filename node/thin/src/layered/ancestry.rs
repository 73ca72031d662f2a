//! What a walk over the parents finds out that no single read can: which block has which number.

use super::{
	integrity::{self, Violation},
	lower::{Fault, Lower},
};
use crate::{
	columns::{self, number_key, BlockKey},
	proof::bytes32,
};
use sc_consensus_grandpa::BlockNumberOps;
use sp_runtime::traits::{Block as BlockT, Header as HeaderT, NumberFor};

/// How much of each block is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
	/// Its number and its header.
	Headers,
	/// Also its hash, body and justifications.
	Full,
}

/// What was found of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
	/// The block before it; `None` for genesis.
	pub parent: Option<BlockKey>,
	/// The length of its header.
	pub header_bytes: u64,
	/// The length of its body, if there is one and it was asked for.
	pub body_bytes: Option<u64>,
	/// The length of its justifications, if there are any and they were asked for.
	pub justification_bytes: Option<u64>,
}

impl<Block: BlockT> Lower<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// Checks that the image has `block`, an ancestor of N or N itself, at its height, and names
	/// its parent.
	///
	/// Errors with both hashes when the image has another block there.
	pub fn check_ancestor(&self, block: &BlockKey, depth: Depth) -> Result<Checked, Fault> {
		let key = block.bytes();
		let named = self.canonical(block.number)?;
		if named.as_ref() != Some(block) {
			let named =
				named.map_or("no block".into(), |key| format!("0x{}", hex::encode(key.hash)));
			let reason = format!(
				"block {} is {named} there, and the parents of block {} lead to 0x{}",
				block.number,
				self.block().number,
				hex::encode(block.hash)
			);
			let number = number_key(block.number);
			return Err(Violation::new(columns::KEY_LOOKUP, &number, reason).into());
		}
		if block.number == 0 {
			// The local database has a genesis of its own making.
			return Ok(Checked {
				parent: None,
				header_bytes: 0,
				body_bytes: None,
				justification_bytes: None,
			});
		}
		let header = self
			.get(columns::HEADER, &key)?
			.ok_or_else(|| Violation::new(columns::HEADER, &key, "the header is not there"))?;
		let header_bytes = header.len() as u64;
		let header = integrity::header::<Block>(block, &header)?;
		let parent = bytes32(*header.parent_hash())
			.map_err(|error| Violation::new(columns::HEADER, &key, error.to_string()))?;
		let mut checked = Checked {
			parent: Some(BlockKey::new(block.number - 1, parent)),
			header_bytes,
			body_bytes: None,
			justification_bytes: None,
		};
		if depth == Depth::Full {
			if self.get(columns::KEY_LOOKUP, &block.hash)?.is_none() {
				let reason = format!("block {} can't be found by its hash", block.number);
				return Err(Violation::new(columns::KEY_LOOKUP, &block.hash, reason).into());
			}
			let length = |value: Option<Vec<u8>>| value.map(|bytes| bytes.len() as u64);
			checked.body_bytes = length(self.get(columns::BODY, &key)?);
			checked.justification_bytes = length(self.get(columns::JUSTIFICATIONS, &key)?);
		}
		Ok(checked)
	}
}
