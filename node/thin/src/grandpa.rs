//! GRANDPA's own records, as a node finds them after it has finalized block N.
//!
//! sc-consensus-grandpa writes them itself only by importing every block. Without them it would
//! start from the genesis authorities, and say nothing.

use crate::proof::{ProvenBlock, SetPeriod};
use codec::{DecodeAll, Encode};
use sc_consensus_grandpa::{AuthoritySet, BlockNumberOps};
use sp_consensus_grandpa::AuthorityId;
use sp_runtime::traits::{Block as BlockT, Header as HeaderT, NumberFor};
use std::collections::BTreeMap;

const VERSION: (&[u8], u32) = (b"grandpa_schema_version", 3);
const AUTHORITY_SET: &[u8] = b"grandpa_voters";
const VOTER_STATE: &[u8] = b"grandpa_completed_round";
const BEST_JUSTIFICATION: &[u8] = b"grandpa_best_justification";

/// A record in AUX.
pub type Record = (Vec<u8>, Vec<u8>);

/// The records of a node whose last finalized block is the proven one.
///
/// Errors when the authority set can't be written in a way that this version of the SDK reads.
pub fn records<Block: BlockT>(proven: &ProvenBlock<Block>) -> Result<Vec<Record>, String>
where
	NumberFor<Block>: BlockNumberOps,
{
	let SetPeriod { set_id, authorities, .. } =
		proven.history().current().ok_or("the proof names no authority set")?;
	let number = *proven.header().number();
	let block = (proven.header().hash(), number);

	// AuthoritySet: its fields are private, its encoding is what is on disk.
	let no_standard_changes = (Vec::<()>::new(), Some(number));
	let no_forced_changes = Vec::<()>::new();
	let changes: Vec<(u64, NumberFor<Block>)> =
		proven.history().changes().into_iter().map(|(id, last)| (id, last.into())).collect();
	let set = (&authorities, set_id, no_standard_changes, no_forced_changes, changes).encode();
	AuthoritySet::<Block::Hash, NumberFor<Block>>::decode_all(&mut &set[..]).map_err(|error| {
		format!("this version of the SDK keeps authority sets otherwise: {error}")
	})?;

	// VoterSetState::Live, with round 0 completed at N and no vote cast in round 1.
	let at_block = (Some(block), Some(block), Some(block), true);
	let no_votes = Vec::<()>::new();
	let round_zero = (0u64, at_block, block, no_votes);
	let voters: Vec<&AuthorityId> = authorities.iter().map(|(id, _)| id).collect();
	let completed = (vec![round_zero], set_id, voters);
	let not_voted = 0u8;
	let current = BTreeMap::from([(1u64, not_voted)]);
	let live = (0u8, completed, current).encode();

	Ok(vec![
		(VERSION.0.to_vec(), VERSION.1.encode()),
		(AUTHORITY_SET.to_vec(), set),
		(VOTER_STATE.to_vec(), live),
		(BEST_JUSTIFICATION.to_vec(), proven.justification().to_vec()),
	])
}

/// The set id that AUX names now. `None` when there is no such record or it can't be read.
pub fn current_set_id<Block: BlockT>(aux: &impl sc_client_api::AuxStore) -> Option<u64> {
	let bytes = aux.get_aux(AUTHORITY_SET).ok()??;
	let set = AuthoritySet::<Block::Hash, NumberFor<Block>>::decode_all(&mut &bytes[..]).ok()?;
	Some(sc_consensus_grandpa::SharedAuthoritySet::from(set).set_id())
}

/// The blocks at which the owner of a database saw the authorities change, in order.
pub fn recorded_changes<Block: BlockT>(
	authority_set: &[u8],
) -> Result<Vec<NumberFor<Block>>, String> {
	let set = AuthoritySet::<Block::Hash, NumberFor<Block>>::decode_all(&mut &authority_set[..])
		.map_err(|error| format!("GRANDPA's record can't be read: {error}"))?;
	let changes = sc_consensus_grandpa::SharedAuthoritySet::from(set).authority_set_changes();
	let from_genesis =
		changes.iter_from(0u32.into()).ok_or("GRANDPA's record does not reach back to genesis")?;
	Ok(from_genesis.map(|(_, last)| *last).collect())
}

/// Where the owner of a database keeps [`recorded_changes`] and the best justification.
pub const OWNERS_KEYS: (&[u8], &[u8]) = (AUTHORITY_SET, BEST_JUSTIFICATION);
