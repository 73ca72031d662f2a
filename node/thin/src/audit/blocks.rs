//! Every block from N to genesis, by the parents.

use super::{note, AuditError, BlockCounts, Faults, OnProgress, Progress};
use crate::{
	columns::{self, BlockKey},
	layered::{Depth, Lower, Violation},
};
use sc_consensus_grandpa::BlockNumberOps;
use sp_runtime::traits::{Block as BlockT, NumberFor};

/// Walks down. A header that is missing or wrong is the end of it: nothing says what lies below.
pub(super) fn check<Block: BlockT>(
	lower: &Lower<Block>,
	faults: &mut Faults,
	on_progress: OnProgress<'_>,
) -> Result<BlockCounts, AuditError>
where
	NumberFor<Block>: BlockNumberOps,
{
	let mut counts = BlockCounts { lowest: lower.block().number, ..Default::default() };
	let total = Some(u64::from(lower.block().number));
	let mut next = Some(lower.block().clone());
	while let Some(block) = next {
		let Some(checked) = note(faults, lower.check_ancestor(&block, Depth::Headers))? else {
			faults.add(format!("the blocks below {} can't be checked", counts.lowest));
			break;
		};
		counts.lowest = block.number;
		next = checked.parent;
		if next.is_none() {
			break;
		}
		counts.headers += 1;
		counts.header_bytes += checked.header_bytes;
		contents(lower, &block, &mut counts, faults)?;
		let done = u64::from(lower.block().number - block.number);
		on_progress(Progress { step: "blocks", done, total });
	}
	Ok(counts)
}

fn contents<Block: BlockT>(
	lower: &Lower<Block>,
	block: &BlockKey,
	counts: &mut BlockCounts,
	faults: &mut Faults,
) -> Result<(), AuditError>
where
	NumberFor<Block>: BlockNumberOps,
{
	let key = block.bytes();
	if note(faults, lower.get(columns::KEY_LOOKUP, &block.hash))?.flatten().is_none() {
		let reason = format!("block {} can't be found by its hash", block.number);
		faults.add(Violation::new(columns::KEY_LOOKUP, &block.hash, reason).to_string());
	}
	match note(faults, lower.get(columns::BODY, &key))? {
		Some(Some(body)) => {
			counts.bodies += 1;
			counts.body_bytes += body.len() as u64;
		},
		Some(None) => counts.without_body += 1,
		None => {},
	}
	if let Some(Some(justification)) = note(faults, lower.get(columns::JUSTIFICATIONS, &key))? {
		counts.justifications += 1;
		counts.justification_bytes += justification.len() as u64;
	}
	Ok(())
}
