//! Truth: that a block is final, from genesis alone.
//!
//! A proof is a list of fragments, each a header and a justification of it. All but the last hand
//! over to the next authority set; the last is the block of the snapshot. Whoever made the proof
//! need not be trusted: two thirds of every set signed it.

use crate::{columns::BlockKey, genesis::Genesis};
use codec::{Decode, DecodeAll, Encode};
use pallet_snapshots::Manifest;
use sc_consensus_grandpa::{
	find_forced_change, find_scheduled_change, warp_proof::WarpSyncFragment, BlockNumberOps,
	GrandpaJustification,
};
use sp_consensus_grandpa::{AuthorityList, SetId};
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT, NumberFor, Zero},
	SaturatedConversion,
};

/// The largest proof that is read: 8 MiB, what one value of a 0-db holds.
pub const MAX_PROOF_BYTES: usize = 8 * 1024 * 1024;

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
	/// The bytes are no proof.
	#[error("the proof can't be read: {0}")]
	Malformed(String),
	/// A step does not follow from the one before.
	#[error("the proof breaks at fragment {index}, block {number}: {reason}")]
	Broken {
		/// Which fragment, from 0.
		index: usize,
		/// The number its header claims.
		number: u64,
		/// What does not hold.
		reason: String,
	},
	/// A valid proof, of something else.
	#[error("the proof is of {what} {proven}, and the manifest says {claimed}")]
	OtherBlock {
		/// What differs.
		what: &'static str,
		/// As proven.
		proven: String,
		/// As the manifest has it.
		claimed: String,
	},
}

/// A proof as it travels: in a store beside the image, or in a file.
#[derive(Encode, Decode, Debug)]
pub struct FinalityProof<Block: BlockT> {
	/// From the first change of authorities to the block itself.
	pub fragments: Vec<WarpSyncFragment<Block>>,
}

/// The authorities of one set, and up to which block they were in charge.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SetPeriod {
	/// The set's id: 0 at genesis.
	pub set_id: SetId,
	/// Who they are, and their weights.
	pub authorities: AuthorityList,
	/// The last block of the set; `None` for the one in charge after N.
	pub last_block: Option<u32>,
}

/// Who was in charge when, from genesis to N.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SetHistory(Vec<SetPeriod>);

impl SetHistory {
	/// The set that a justification of this block is signed by.
	pub fn period_of(&self, number: u32) -> Option<&SetPeriod> {
		let before = |period: &SetPeriod| period.last_block.is_some_and(|last| last < number);
		self.0.get(self.0.partition_point(before))
	}

	/// The set in charge of the block after N.
	pub fn current(&self) -> Option<&SetPeriod> {
		self.0.last()
	}

	/// Id and last block of every set that was replaced, in order.
	pub fn changes(&self) -> Vec<(SetId, u32)> {
		self.0.iter().filter_map(|p| Some((p.set_id, p.last_block?))).collect()
	}
}

/// A block that is known to be final. Only [`FinalityProof::verify`] makes one.
#[derive(Clone, Debug)]
pub struct ProvenBlock<Block: BlockT> {
	header: Block::Header,
	key: BlockKey,
	genesis_hash: [u8; 32],
	history: SetHistory,
	fragments: Vec<(BlockKey, Vec<u8>)>,
}

impl<Block: BlockT> ProvenBlock<Block> {
	/// Its header.
	pub fn header(&self) -> &Block::Header {
		&self.header
	}

	/// Its number and hash.
	pub fn key(&self) -> BlockKey {
		self.key.clone()
	}

	/// The genesis it descends from.
	pub fn genesis_hash(&self) -> [u8; 32] {
		self.genesis_hash
	}

	#[cfg(test)]
	pub(crate) fn set_genesis_hash(&mut self, hash: [u8; 32]) {
		self.genesis_hash = hash;
	}

	/// The authority sets up to it.
	pub fn history(&self) -> &SetHistory {
		&self.history
	}

	/// Every block the proof has a justification of, with it (SCALE), in order. The last one is
	/// this block.
	pub fn justified(&self) -> &[(BlockKey, Vec<u8>)] {
		&self.fragments
	}
}

pub(crate) fn bytes32(hash: impl AsRef<[u8]>) -> Result<[u8; 32], ProofError> {
	hash.as_ref()
		.try_into()
		.map_err(|_| ProofError::Malformed("this chain's hashes are not of 32 bytes".into()))
}

impl<Block: BlockT> FinalityProof<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// Reads a proof. Errors when there is more or less of it than there should be.
	pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
		if bytes.len() > MAX_PROOF_BYTES {
			return Err(ProofError::Malformed(format!(
				"{} bytes, and the most is {MAX_PROOF_BYTES}",
				bytes.len()
			)));
		}
		Self::decode_all(&mut &bytes[..]).map_err(|e| ProofError::Malformed(e.to_string()))
	}

	/// Follows the authority sets from genesis to the block of the manifest.
	///
	/// Errors when a signature, a hand-over or the block itself is not right.
	pub fn verify(
		self,
		genesis: &Genesis<Block>,
		manifest: &Manifest,
	) -> Result<ProvenBlock<Block>, ProofError> {
		let genesis_hash = bytes32(genesis.hash())?;
		compare("genesis", genesis_hash, manifest.genesis_hash.0)?;

		let mut set_id: SetId = 0;
		let mut authorities = genesis.authorities.clone();
		let mut periods = Vec::new();
		let mut justified: Vec<(BlockKey, Vec<u8>)> = Vec::new();
		let count = self.fragments.len();
		let mut last = None;
		for (index, fragment) in self.fragments.into_iter().enumerate() {
			let WarpSyncFragment { header, justification } = fragment;
			let number = (*header.number()).saturated_into::<u64>();
			let broken = |reason: String| ProofError::Broken { index, number, reason };
			let key = BlockKey::new(
				u32::try_from(number).map_err(|_| broken("no number of this chain".into()))?,
				bytes32(header.hash())?,
			);
			if justified.last().is_some_and(|(before, _)| before.number >= key.number) {
				return Err(broken("it is not above the block before it".into()));
			}
			verify_fragment(&header, &justification, set_id, &authorities).map_err(broken)?;
			justified.push((key.clone(), justification.encode()));

			if find_forced_change::<Block>(&header).is_some() {
				return Err(broken("a forced change of authorities can't be followed".into()));
			}
			match find_scheduled_change::<Block>(&header) {
				Some(change) if change.delay.is_zero() => {
					let next = std::mem::replace(&mut authorities, change.next_authorities);
					periods.push(SetPeriod {
						set_id,
						authorities: next,
						last_block: Some(key.number),
					});
					set_id += 1;
				},
				Some(change) => {
					let reason = format!("a change of authorities delayed by {}", change.delay);
					return Err(broken(format!("{reason}: only immediate ones can be followed")));
				},
				None if index + 1 < count => {
					return Err(broken("it hands over to no other authority set".into()))
				},
				None => {},
			}
			last = Some((header, key));
		}
		periods.push(SetPeriod { set_id, authorities, last_block: None });

		let (header, key) =
			last.ok_or_else(|| ProofError::Malformed("there is nothing in it".into()))?;
		compare("block", key.hash, manifest.block_hash.0)?;
		compare("state root", bytes32(header.state_root())?, manifest.state_root.0)?;
		if u64::from(key.number) != manifest.block_number {
			return Err(ProofError::OtherBlock {
				what: "block number",
				proven: key.number.to_string(),
				claimed: manifest.block_number.to_string(),
			});
		}
		Ok(ProvenBlock {
			header,
			key,
			genesis_hash,
			history: SetHistory(periods),
			fragments: justified,
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

fn compare(what: &'static str, proven: [u8; 32], claimed: [u8; 32]) -> Result<(), ProofError> {
	if proven != claimed {
		let text = |hash| format!("0x{}", hex::encode(hash));
		return Err(ProofError::OtherBlock { what, proven: text(proven), claimed: text(claimed) });
	}
	Ok(())
}

#[cfg(test)]
mod tests;
