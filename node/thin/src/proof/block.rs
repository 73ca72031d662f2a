//! A block that is known to be final, and how that is handed on.

use super::{
	bytes32, compare,
	page::{Pager, MAX_PAGE_BYTES},
	pages::{FollowError, Pages},
	sets::{SetHistory, SetPeriod},
	spool::Spool,
	ProofError, SnapshotProofError,
};
use crate::{columns::BlockKey, genesis::Anchor};
use codec::{Decode, DecodeAll, Encode};
use pallet_snapshots::{Manifest, SnapshotId};
use sc_consensus_grandpa::{BlockNumberOps, GrandpaJustification};
use sp_runtime::traits::{Block as BlockT, Header as HeaderT, NumberFor};

/// A block that is known to be final. Only following a proof from genesis makes one, or reading
/// what the own database has of one.
#[derive(Clone, Debug)]
pub struct ProvenBlock<Block: BlockT> {
	header: Block::Header,
	key: BlockKey,
	genesis_hash: [u8; 32],
	history: SetHistory,
	justification: Vec<u8>,
	fragments: Spool,
}

/// What a node's own database remembers of its block.
#[derive(Encode, Decode)]
struct Record<Header> {
	genesis_hash: [u8; 32],
	header: Header,
	justification: Vec<u8>,
	history: SetHistory,
}

impl<Block: BlockT> ProvenBlock<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	pub(super) fn new(
		header: Block::Header,
		key: BlockKey,
		genesis_hash: [u8; 32],
		history: SetHistory,
		justification: Vec<u8>,
		fragments: Spool,
	) -> Self {
		Self { header, key, genesis_hash, history, justification, fragments }
	}

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

	/// Its justification, in SCALE.
	pub fn justification(&self) -> &[u8] {
		&self.justification
	}

	/// Every block the proof has a justification of, with it (SCALE), in order: one after the
	/// other, since they may be many. The last one is this block.
	///
	/// A block that the own database remembered has none: they are written into it once.
	pub fn justified(&self) -> impl Iterator<Item = Result<(BlockKey, Vec<u8>), ProofError>> + '_ {
		let mut offset = 0;
		std::iter::from_fn(move || {
			let found = self.fragments.at(offset).map_err(kept).transpose()?;
			Some(found.map(|(fragment, next)| {
				offset = next;
				(fragment.key, fragment.justification)
			}))
		})
	}

	/// The proof that this block was proven by, as the proof of a snapshot's block.
	pub fn pages(&self, snapshot: SnapshotId) -> BlockPages {
		self.pages_of(snapshot, MAX_PAGE_BYTES)
	}

	/// The same, in pages of at most so many bytes.
	pub(crate) fn pages_of(&self, snapshot: SnapshotId, most: usize) -> BlockPages {
		let fragments = self.fragments.clone();
		BlockPages { snapshot, fragments, most, offset: 0, after: 0, ended: false }
	}

	/// What [`Self::from_record`] reads.
	pub fn record(&self) -> Vec<u8> {
		Record {
			genesis_hash: self.genesis_hash,
			header: self.header.clone(),
			justification: self.justification.clone(),
			history: self.history.clone(),
		}
		.encode()
	}

	/// A block that was proven before, as the own database remembers it.
	///
	/// The way to it isn't followed again. Errors when it is of another chain, or when the set in
	/// charge of it, as remembered, did not sign it.
	pub fn from_record(
		bytes: &[u8],
		anchor: &Anchor,
		manifest: &Manifest,
	) -> Result<Self, ProofError> {
		compare("genesis", anchor.hash, manifest.genesis_hash.0)?;
		let malformed = |reason: &str| ProofError::Malformed(reason.to_owned());
		let Record { genesis_hash, header, justification, history } =
			Record::<Block::Header>::decode_all(&mut &bytes[..])
				.map_err(|error| malformed(&error.to_string()))?;
		compare("genesis", anchor.hash, genesis_hash)?;
		if history.first().is_none_or(|first| first.authorities != anchor.authorities) {
			return Err(malformed("its first authorities are not those of genesis"));
		}
		let signed = GrandpaJustification::<Block>::decode_all(&mut &justification[..])
			.map_err(|error| malformed(&error.to_string()))?;
		let key = BlockKey::new(
			u32::try_from(manifest.block_number).map_err(|_| malformed("no number"))?,
			bytes32(header.hash())?,
		);
		let SetPeriod { set_id, authorities, .. } =
			history.period_of(key.number).ok_or_else(|| malformed("it names no authority set"))?;
		let holds = signed.target() == (*header.number(), header.hash())
			&& signed.verify(set_id, &authorities).is_ok();
		if !holds {
			return Err(malformed("its block is not signed by the authorities of its set"));
		}
		Self::new(header, key, genesis_hash, history, justification, Spool::default())
			.check_against(manifest)
	}

	/// Holds the block against the manifest of a snapshot.
	pub(crate) fn check_against(self, manifest: &Manifest) -> Result<Self, ProofError> {
		compare("genesis", self.genesis_hash, manifest.genesis_hash.0)?;
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

fn kept(error: std::io::Error) -> ProofError {
	ProofError::Kept(error.to_string())
}

/// The pages of the proof of a block, made one by one.
pub struct BlockPages {
	snapshot: SnapshotId,
	fragments: Spool,
	most: usize,
	offset: u64,
	after: u32,
	ended: bool,
}

impl Pages for BlockPages {
	fn next(&mut self, _after: u32) -> Result<Option<Vec<u8>>, FollowError> {
		if self.ended {
			return Ok(None);
		}
		let failed = |error| FollowError::Proof(SnapshotProofError::Truth(kept(error)));
		let mut pager = Pager::new(self.snapshot, self.after, self.most);
		while let Some((fragment, next)) = self.fragments.at(self.offset).map_err(failed)? {
			let bytes = [fragment.header, fragment.justification].concat();
			if !pager.takes(bytes.len()) {
				break;
			}
			pager.add(&bytes)?;
			(self.offset, self.after) = (next, fragment.key.number);
		}
		if pager.is_empty() {
			return Ok(None);
		}
		self.ended = self.fragments.at(self.offset).map_err(failed)?.is_none();
		Ok(Some(pager.into_block_page(self.ended)))
	}
}
