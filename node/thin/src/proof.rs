//! Truth: that a block is final, from genesis alone.
//!
//! A proof is a list of fragments, each a header and a justification of it. All but the last hand
//! over to the next authority set; the last is the block of the snapshot. Whoever made the proof
//! need not be trusted: two thirds of every set signed it. It travels in pages, so that its length
//! asks for no memory.

mod block;
mod page;
mod pages;
mod sets;
mod snapshot;
mod spool;
mod walk;

pub use block::{BlockPages, ProvenBlock};
pub(crate) use page::{outline, snapshot_of, Outline, Pager};
pub use page::{MAX_NODES, MAX_PAGE_BYTES};
pub use pages::{FollowError, Frames, OnlyRegistration, Pages, Recorded, Recording};
pub use sets::{SetHistory, SetPeriod};
pub use snapshot::{Followed, Follower, ProvenSnapshot, SnapshotProofError, MAX_PAGES};
pub(crate) use walk::Walk;

#[cfg(any(test, fuzzing))]
pub(crate) use {page::Page, snapshot::read_state};

/// The most changes of authorities that are followed on one way: one in an hour for seven years.
pub const MAX_FRAGMENTS: u32 = 65_536;

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
	/// What was followed is to be kept, and can't be.
	#[error("what is proven can't be kept in the folder for temporary files: {0}")]
	Kept(String),
}

pub(crate) fn bytes32(hash: impl AsRef<[u8]>) -> Result<[u8; 32], ProofError> {
	hash.as_ref()
		.try_into()
		.map_err(|_| ProofError::Malformed("this chain's hashes are not of 32 bytes".into()))
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
