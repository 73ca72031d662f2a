//! Every block from N to genesis, by the parents.

use super::{
	add,
	journal::{Checkpoints, DatabaseDone, Stage, StatesDone},
	note, AuditError, BlockCounts, Faults, OnProgress, Progress,
};
use crate::{
	columns::{self, BlockKey},
	layered::{Depth, Lower, Violation},
};
use sc_consensus_grandpa::BlockNumberOps;
use sp_runtime::traits::{Block as BlockT, NumberFor};

/// Walks down. A header that is missing or wrong is the end of it: nothing says what lies below.
pub(super) fn check<Block: BlockT>(
	lower: &Lower<Block>,
	done: &mut DatabaseDone,
	checkpoints: &Checkpoints<'_>,
	on_progress: OnProgress<'_>,
) -> Result<(), AuditError>
where
	NumberFor<Block>: BlockNumberOps,
{
	let n = lower.block();
	let mut next = match done.stage {
		Stage::Start => {
			done.blocks.lowest = n.number;
			Some(n.clone())
		},
		Stage::Block(number, hash) => Some(BlockKey::new(number, hash)),
		Stage::States(_) => return Ok(()),
	};
	let total = Some(u64::from(n.number));
	while let Some(block) = next {
		let faults = &mut done.block_faults;
		let Some(checked) = note(faults, lower, lower.check_ancestor(&block, Depth::Headers))?
		else {
			faults.add(format!("the blocks below {} can't be checked", done.blocks.lowest));
			break;
		};
		done.blocks.lowest = block.number;
		next = checked.parent;
		let Some(parent) = &next else { break };
		done.blocks.headers += 1;
		done.blocks.header_bytes += checked.header_bytes;
		contents(lower, &block, &mut done.blocks, faults)?;
		done.at_block(parent);
		if checkpoints.are_due() {
			checkpoints.save(done);
		}
		on_progress(Progress { step: "blocks", done: u64::from(n.number - block.number), total });
	}
	done.stage = Stage::States(StatesDone::default());
	Ok(())
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
	if note(faults, lower, lower.get(columns::KEY_LOOKUP, &block.hash))?.flatten().is_none() {
		let reason = format!("block {} can't be found by its hash", block.number);
		add(faults, lower, &Violation::new(columns::KEY_LOOKUP, &block.hash, reason));
	}
	match note(faults, lower, lower.get(columns::BODY, &key))? {
		Some(Some(body)) => {
			counts.bodies += 1;
			counts.body_bytes += body.len() as u64;
		},
		Some(None) => counts.without_body += 1,
		None => {},
	}
	if let Some(Some(justification)) =
		note(faults, lower, lower.get(columns::JUSTIFICATIONS, &key))?
	{
		counts.justifications += 1;
		counts.justification_bytes += justification.len() as u64;
	}
	Ok(())
}
