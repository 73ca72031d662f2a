//! Truth: that a block is final, from genesis alone.
//!
//! A proof is a list of fragments, each a header and a justification of it. All but the last hand
//! over to the next authority set; the last is the block of the snapshot. Whoever made the proof
//! need not be trusted: two thirds of every set signed it.

mod snapshot;
mod walk;

pub use snapshot::{truth_of, ProvenSnapshot, SnapshotProof, SnapshotProofError, Truth, MAX_NODES};

use crate::{
	columns::BlockKey,
	genesis::{Anchor, Genesis},
};
use codec::{Compact, Decode, DecodeAll, Encode};
use pallet_snapshots::Manifest;
use sc_consensus_grandpa::{warp_proof::WarpSyncFragment, BlockNumberOps};
use sp_consensus_grandpa::{AuthorityList, SetId};
use sp_runtime::traits::{Block as BlockT, Header as HeaderT, NumberFor};
use walk::Walk;

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

/// A block that is known to be final. Only following a proof from genesis makes one.
#[derive(Clone, Debug)]
pub struct ProvenBlock<Block: BlockT> {
	header: Block::Header,
	key: BlockKey,
	genesis_hash: [u8; 32],
	history: SetHistory,
	headers: Vec<Block::Header>,
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

	/// The proof that this block was proven by, in SCALE: a [`FinalityProof`].
	pub fn proof(&self) -> Vec<u8> {
		let mut bytes = Compact(self.headers.len() as u32).encode();
		for (header, (_, justification)) in self.headers.iter().zip(&self.fragments) {
			header.encode_to(&mut bytes);
			bytes.extend_from_slice(justification);
		}
		bytes
	}

	/// Holds the block against the manifest of a snapshot.
	pub(crate) fn check_against(self, manifest: &Manifest) -> Result<Self, ProofError> {
		compare("block", self.key.hash, manifest.block_hash.0)?;
		compare("state root", bytes32(self.header.state_root())?, manifest.state_root.0)?;
		if u64::from(self.key.number) != manifest.block_number {
			return Err(ProofError::OtherBlock {
				what: "block number",
				proven: self.key.number.to_string(),
				claimed: manifest.block_number.to_string(),
			});
		}
		Ok(self)
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
		self.verify_from(&genesis.anchor()?, manifest)
	}

	/// The same, from what is known of genesis.
	pub fn verify_from(
		self,
		anchor: &Anchor,
		manifest: &Manifest,
	) -> Result<ProvenBlock<Block>, ProofError> {
		compare("genesis", anchor.hash, manifest.genesis_hash.0)?;
		let mut walk = Walk::from(anchor);
		for fragment in self.fragments {
			walk.step(fragment)?;
		}
		walk.end()?.check_against(manifest)
	}
}

pub(crate) fn compare(
	what: &'static str,
	proven: [u8; 32],
	claimed: [u8; 32],
) -> Result<(), ProofError> {
	if proven != claimed {
		let text = |hash| format!("0x{}", hex::encode(hash));
		return Err(ProofError::OtherBlock { what, proven: text(proven), claimed: text(claimed) });
	}
	Ok(())
}

#[cfg(test)]
mod tests;
