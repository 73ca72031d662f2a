//! The way from genesis through the authority sets, one justified block at a time.
//!
//! What is carried on from block to block is the set in charge and, on the way to block N, what a
//! node must keep of the blocks before: the list of sets, and the fragments, which go to disk.

use super::{
	block::ProvenBlock,
	bytes32,
	sets::Sets,
	spool::{Kept, Spool},
	ProofError, MAX_FRAGMENTS,
};
use crate::{columns::BlockKey, genesis::Anchor};
use codec::Encode;
use sc_consensus_grandpa::{
	find_forced_change, find_scheduled_change, warp_proof::WarpSyncFragment, BlockNumberOps,
	GrandpaJustification,
};
use sp_consensus_grandpa::{AuthorityList, SetId};
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT, NumberFor, Zero},
	SaturatedConversion,
};

/// How far a way has been followed.
pub(crate) struct Walk<Block: BlockT> {
	genesis_hash: [u8; 32],
	set_id: SetId,
	authorities: AuthorityList,
	/// The number of the last block: 0 at genesis.
	number: u32,
	last: Option<Last<Block>>,
	steps: u32,
	/// Whether the last block hands over to another set. Only then is there a next one.
	hands_over: bool,
	/// On the way to N.
	keeps: Option<Keeps>,
}

struct Last<Block: BlockT> {
	header: Block::Header,
	key: BlockKey,
}

#[derive(Default)]
struct Keeps {
	sets: Sets,
	justification: Vec<u8>,
	fragments: Spool,
}

/// The end of a way of which nothing but the end matters.
pub(super) struct Reached<Block: BlockT> {
	pub header: Block::Header,
	pub key: BlockKey,
	pub genesis_hash: [u8; 32],
	/// The set in charge after it.
	pub set_id: SetId,
}

impl<Block: BlockT> Walk<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// Stands at genesis, and keeps nothing of the way.
	pub fn from(anchor: &Anchor) -> Self {
		Self {
			genesis_hash: anchor.hash,
			set_id: 0,
			authorities: anchor.authorities.clone(),
			number: 0,
			last: None,
			steps: 0,
			hands_over: true,
			keeps: None,
		}
	}

	/// Stands at genesis, on the way to a block that a node is to start from.
	pub fn to_block(anchor: &Anchor) -> Self {
		Self { keeps: Some(Keeps::default()), ..Self::from(anchor) }
	}

	/// Stands at a proven block, and keeps nothing of the way.
	pub(super) fn after(block: &ProvenBlock<Block>) -> Result<Self, ProofError> {
		let current = block.history().current();
		let current = current.ok_or(ProofError::Malformed("no set is in charge".into()))?;
		Ok(Self {
			genesis_hash: block.genesis_hash(),
			set_id: current.set_id,
			authorities: current.authorities,
			number: block.key().number,
			last: None,
			steps: 0,
			hands_over: true,
			keeps: None,
		})
	}

	/// The number of the block it stands at.
	pub fn number(&self) -> u32 {
		self.number
	}

	/// Goes on to the block of a fragment.
	///
	/// Errors when it isn't above the last one, when the set in charge did not sign it, or when
	/// nothing may come after the last one.
	pub fn step(&mut self, fragment: WarpSyncFragment<Block>) -> Result<(), ProofError> {
		let WarpSyncFragment { header, justification } = fragment;
		let index = self.steps as usize;
		let number = (*header.number()).saturated_into::<u64>();
		if !self.hands_over {
			return Err(ProofError::Broken {
				index: index.saturating_sub(1),
				number: self.number.into(),
				reason: "it hands over to no other authority set".into(),
			});
		}
		let broken = |reason: String| ProofError::Broken { index, number, reason };
		if self.steps >= MAX_FRAGMENTS {
			return Err(broken(format!(
				"the authorities changed more often than the {MAX_FRAGMENTS} times that are \
				 followed"
			)));
		}
		let key = BlockKey::new(
			u32::try_from(number).map_err(|_| broken("no number of this chain".into()))?,
			bytes32(header.hash())?,
		);
		if key.number <= self.number {
			return Err(broken("it is not above the block before it".into()));
		}
		verify_fragment::<Block>(&header, &justification, self.set_id, &self.authorities)
			.map_err(broken)?;
		if find_forced_change::<Block>(&header).is_some() {
			return Err(broken("a forced change of authorities can't be followed".into()));
		}
		match find_scheduled_change::<Block>(&header) {
			Some(change) if change.delay.is_zero() => {
				let before = std::mem::replace(&mut self.authorities, change.next_authorities);
				if let Some(keeps) = &mut self.keeps {
					keeps.sets.push(before, Some(key.number));
				}
				self.set_id += 1;
			},
			Some(change) => {
				let reason = format!("a change of authorities delayed by {}", change.delay);
				return Err(broken(format!("{reason}: only immediate ones can be followed")));
			},
			None => self.hands_over = false,
		}
		if let Some(keeps) = &mut self.keeps {
			let justification = justification.encode();
			let kept = Kept {
				key: key.clone(),
				header: header.encode(),
				justification: justification.clone(),
			};
			keeps.fragments.push(&kept).map_err(|error| ProofError::Kept(error.to_string()))?;
			keeps.justification = justification;
		}
		self.number = key.number;
		self.last = Some(Last { header, key });
		self.steps += 1;
		Ok(())
	}

	#[cfg(test)]
	pub(super) fn set_steps(&mut self, steps: u32) {
		self.steps = steps;
	}

	/// The block that was reached, and the way to it. Errors at genesis: a proof of nothing proves
	/// nothing.
	pub fn end(self) -> Result<ProvenBlock<Block>, ProofError> {
		let (Some(Last { header, key }), Some(keeps)) = (self.last, self.keeps) else {
			return Err(nothing());
		};
		let Keeps { sets, justification, fragments } = keeps;
		let history = sets.end(self.authorities);
		Ok(ProvenBlock::new(header, key, self.genesis_hash, history, justification, fragments))
	}

	/// The block that was reached.
	pub(super) fn reached(self) -> Result<Reached<Block>, ProofError> {
		let Last { header, key } = self.last.ok_or_else(nothing)?;
		Ok(Reached { header, key, genesis_hash: self.genesis_hash, set_id: self.set_id })
	}
}

fn nothing() -> ProofError {
	ProofError::Malformed("there is nothing in it".into())
}

fn verify_fragment<Block: BlockT>(
	header: &Block::Header,
	justification: &GrandpaJustification<Block>,
	set_id: SetId,
	authorities: &AuthorityList,
) -> Result<(), String>
where
	NumberFor<Block>: BlockNumberOps,
{
	if justification.target() != (*header.number(), header.hash()) {
		return Err("its justification is of another block".into());
	}
	justification.verify(set_id, authorities).map_err(|error| format!("set {set_id}: {error}"))
}
