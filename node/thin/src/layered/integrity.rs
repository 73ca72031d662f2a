//! What every value of an image must satisfy before the node sees it.
//!
//! Nearly everything in a chain's database certifies itself against a header that is proven
//! already: trie nodes and transactions are keyed by their own hash, headers by theirs, bodies by
//! the extrinsics root in their header, justifications by the signatures in them.

use crate::{
	columns::{self, BlockKey},
	proof::SetHistory,
};
use codec::{DecodeAll, Encode};
use sc_consensus_grandpa::{BlockNumberOps, GrandpaJustification};
use sp_core::storage::StateVersion;
use sp_database::ColumnId;
use sp_runtime::{
	traits::{Block as BlockT, Hash as HashT, HashingFor, Header as HeaderT, NumberFor},
	Justifications, SaturatedConversion,
};

/// A value of the image that is not what the chain says it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the image is corrupt: column {}, key 0x{}: {reason}", columns::title(*column), hex::encode(key))]
pub struct Violation {
	/// The column that was read.
	pub column: ColumnId,
	/// The key that was read.
	pub key: Vec<u8>,
	/// What does not hold.
	pub reason: String,
}

impl Violation {
	pub(crate) fn new(column: ColumnId, key: &[u8], reason: impl Into<String>) -> Self {
		Self { column, key: key.to_vec(), reason: reason.into() }
	}
}

/// A value keyed by its own hash: a trie node or an indexed transaction.
///
/// Trie nodes have the path to them before the hash, so that only the last 32 bytes count.
pub(crate) fn hashed<Block: BlockT>(
	column: ColumnId,
	key: &[u8],
	value: Vec<u8>,
) -> Result<Vec<u8>, Violation> {
	let expected = &key[key.len().saturating_sub(32)..];
	let actual = HashingFor::<Block>::hash(&value);
	if actual.as_ref() != expected {
		return Err(Violation::new(
			column,
			key,
			format!("{} bytes that hash to 0x{}", value.len(), hex::encode(actual)),
		));
	}
	Ok(value)
}

/// A header, keyed by its number and hash.
pub(crate) fn header<Block: BlockT>(
	key: &BlockKey,
	value: &[u8],
) -> Result<Block::Header, Violation> {
	let wrong = |reason: String| Violation::new(columns::HEADER, &key.bytes(), reason);
	if HashingFor::<Block>::hash(value).as_ref() != key.hash {
		return Err(wrong("a header with another hash".into()));
	}
	let header = Block::Header::decode_all(&mut &value[..])
		.map_err(|error| wrong(format!("no header: {error}")))?;
	if (*header.number()).saturated_into::<u64>() != u64::from(key.number) {
		return Err(wrong(format!("a header with the number {}", header.number())));
	}
	Ok(header)
}

/// A body: the extrinsics whose trie root its header has.
pub(crate) fn body<Block: BlockT>(
	key: &BlockKey,
	header: &Block::Header,
	value: Vec<u8>,
) -> Result<Vec<u8>, Violation> {
	let wrong = |reason: String| Violation::new(columns::BODY, &key.bytes(), reason);
	let extrinsics = Vec::<Block::Extrinsic>::decode_all(&mut &value[..])
		.map_err(|error| wrong(format!("no list of extrinsics: {error}")))?;
	let encoded: Vec<Vec<u8>> = extrinsics.iter().map(Encode::encode).collect();
	// The header does not say which state version its runtime had.
	let holds = [StateVersion::V0, StateVersion::V1].into_iter().any(|version| {
		HashingFor::<Block>::ordered_trie_root(encoded.clone(), version)
			== *header.extrinsics_root()
	});
	if !holds {
		return Err(wrong("extrinsics that are not those of the header".into()));
	}
	Ok(value)
}

/// Justifications: GRANDPA's, signed by the set of its block. Those of other engines can't be
/// checked here, and are left out.
pub(crate) fn justifications<Block: BlockT>(
	key: &BlockKey,
	history: &SetHistory,
	value: &[u8],
) -> Result<Option<Vec<u8>>, Violation>
where
	NumberFor<Block>: BlockNumberOps,
{
	let wrong = |reason: String| Violation::new(columns::JUSTIFICATIONS, &key.bytes(), reason);
	let all = Justifications::decode_all(&mut &value[..])
		.map_err(|error| wrong(format!("no justifications: {error}")))?;
	let engine = sp_consensus_grandpa::GRANDPA_ENGINE_ID;
	let Some(encoded) = all.into_justification(engine) else { return Ok(None) };
	let justification = GrandpaJustification::<Block>::decode_all(&mut &encoded[..])
		.map_err(|error| wrong(format!("no GRANDPA justification: {error}")))?;
	let (number, hash) = justification.target();
	if hash.as_ref() != key.hash || number.saturated_into::<u64>() != u64::from(key.number) {
		return Err(wrong(format!("a justification of block {number}, {hash:?}")));
	}
	let period = history
		.period_of(key.number)
		.ok_or_else(|| wrong("the authority set of that block is not known".into()))?;
	justification
		.verify(period.set_id, &period.authorities)
		.map_err(|error| wrong(error.to_string()))?;
	Ok(Some(Justifications::from((engine, encoded)).encode()))
}
