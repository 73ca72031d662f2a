//! The way from genesis through the authority sets, one justified block at a time.

use super::{bytes32, ProofError, ProvenBlock, SetHistory, SetPeriod};
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

/// How far a proof has been followed. Two ways that begin alike share their beginning: clone it.
#[derive(Clone)]
pub(super) struct Walk<Block: BlockT> {
	genesis_hash: [u8; 32],
	set_id: SetId,
	authorities: AuthorityList,
	periods: Vec<SetPeriod>,
	headers: Vec<Block::Header>,
	justified: Vec<(BlockKey, Vec<u8>)>,
	/// Whether the last block hands over to another set. Only then is there a next one.
	hands_over: bool,
}

impl<Block: BlockT> Walk<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// Stands at genesis.
	pub fn from(anchor: &Anchor) -> Self {
		Self {
			genesis_hash: anchor.hash,
			set_id: 0,
			authorities: anchor.authorities.clone(),
			periods: Vec::new(),
			headers: Vec::new(),
			justified: Vec::new(),
			hands_over: true,
		}
	}

	/// Goes on to the block of a fragment.
	///
	/// Errors when it isn't above the last one, when the set in charge did not sign it, or when
	/// nothing may come after the last one.
	pub fn step(&mut self, fragment: WarpSyncFragment<Block>) -> Result<(), ProofError> {
		let WarpSyncFragment { header, justification } = fragment;
		let index = self.justified.len();
		let number = (*header.number()).saturated_into::<u64>();
		if let (false, Some((last, _))) = (self.hands_over, self.justified.last()) {
			return Err(ProofError::Broken {
				index: index - 1,
				number: last.number.into(),
				reason: "it hands over to no other authority set".into(),
			});
		}
		let broken = |reason: String| ProofError::Broken { index, number, reason };
		let key = BlockKey::new(
			u32::try_from(number).map_err(|_| broken("no number of this chain".into()))?,
			bytes32(header.hash())?,
		);
		if self.justified.last().is_some_and(|(before, _)| before.number >= key.number) {
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
				self.periods.push(SetPeriod {
					set_id: self.set_id,
					authorities: before,
					last_block: Some(key.number),
				});
				self.set_id += 1;
			},
			Some(change) => {
				let reason = format!("a change of authorities delayed by {}", change.delay);
				return Err(broken(format!("{reason}: only immediate ones can be followed")));
			},
			None => self.hands_over = false,
		}
		self.justified.push((key, justification.encode()));
		self.headers.push(header);
		Ok(())
	}

	/// The block that was reached. Errors at genesis: a proof of nothing proves nothing.
	pub fn end(mut self) -> Result<ProvenBlock<Block>, ProofError> {
		let (Some(header), Some((key, _))) = (self.headers.last(), self.justified.last()) else {
			return Err(ProofError::Malformed("there is nothing in it".into()));
		};
		let (header, key) = (header.clone(), key.clone());
		self.periods.push(SetPeriod {
			set_id: self.set_id,
			authorities: self.authorities,
			last_block: None,
		});
		Ok(ProvenBlock {
			header,
			key,
			genesis_hash: self.genesis_hash,
			history: SetHistory(self.periods),
			headers: self.headers,
			fragments: self.justified,
		})
	}
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
