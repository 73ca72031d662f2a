//! Every entry of every column: nothing may be there that has no place in an image.

use super::{add, note, visited::Visited, AuditError, EntryCounts, Faults, OnProgress, Progress};
use crate::{
	columns::{self, BlockKey},
	layered::{integrity, Lower, ScanDatabase, Violation},
	proof::SetHistory,
};
use sc_consensus_grandpa::BlockNumberOps;
use sp_database::ColumnId;
use sp_runtime::traits::{Block as BlockT, NumberFor};

/// A planted key may be of any length: so much of it tells which one is meant.
const SHOWN_BYTES: usize = 128;

pub(super) struct Entries<'a, Block: BlockT> {
	pub raw: &'a dyn ScanDatabase,
	pub lower: &'a Lower<Block>,
	pub history: &'a SetHistory,
	pub visited: &'a Visited,
	pub on_progress: OnProgress<'a>,
}

impl<Block: BlockT> Entries<'_, Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	pub fn check(&self, faults: &mut Faults) -> Result<EntryCounts, AuditError> {
		let mut counts = EntryCounts::default();
		self.raw.strange_columns().into_iter().for_each(|column| faults.add(column));
		let mut visited = self.visited.sorted();
		for column in 0..columns::SDK_COLUMNS {
			let mut failed = None;
			self.raw.scan(column, &mut |key, value| {
				counts.entries += 1;
				counts.bytes += (key.len() + value.len()) as u64;
				(self.on_progress)(Progress { step: "entries", done: counts.entries, total: None });
				let checked = match column {
					columns::STATE => {
						let known = visited.contains(key);
						known.map(|known| self.state(key, value, known, &mut counts))
					},
					columns::KEY_LOOKUP => self.lookup(key, value, faults),
					columns::HEADER | columns::BODY | columns::JUSTIFICATIONS => {
						self.of_block(column, key, value, &mut counts, faults)
					},
					_ => Ok(Err("nothing of this column has a place in an image".into())),
				};
				match checked {
					Ok(Ok(())) => {},
					Ok(Err(reason)) if key.len() > SHOWN_BYTES => {
						let shown = &key[..SHOWN_BYTES];
						faults.add(Violation::new(column, shown, reason).to_string())
					},
					Ok(Err(reason)) => {
						add(faults, self.lower, &Violation::new(column, key, reason))
					},
					Err(error) => failed = Some(error),
				}
				failed.is_none()
			})?;
			if let Some(error) = failed {
				return Err(error);
			}
		}
		Ok(counts)
	}

	fn state(
		&self,
		key: &[u8],
		value: &[u8],
		visited: bool,
		counts: &mut EntryCounts,
	) -> Result<(), String> {
		// What was visited was hashed.
		if visited {
			return Ok(());
		}
		if key.len() < 32 {
			return Err("no key of a trie node".into());
		}
		integrity::hashed::<Block>(columns::STATE, key, value.to_vec())
			.map_err(|violation| violation.reason)?;
		counts.unreached_nodes += 1;
		counts.unreached_bytes += (key.len() + value.len()) as u64;
		Ok(())
	}

	/// Numbers were checked by the walk; a hash must lead to a block that is there.
	fn lookup(
		&self,
		key: &[u8],
		value: &[u8],
		faults: &mut Faults,
	) -> Result<Result<(), String>, AuditError> {
		let Some(block) = BlockKey::parse(value) else { return Ok(Err("no block key".into())) };
		if block.number > self.lower.block().number {
			return Ok(Err(format!("block {} is above the snapshot's", block.number)));
		}
		match key.len() {
			// Whether it is the right one, the walk has found out.
			4 if key == block.number.to_be_bytes() => Ok(Ok(())),
			4 => Ok(Err("the key of a block of another height".into())),
			32 if key != block.hash => Ok(Err("the key of another block".into())),
			32 => {
				let is_known = self.is_canonical(&block, faults)?
					|| self.raw.get(columns::HEADER, value)?.is_some();
				Ok(is_known.then_some(()).ok_or_else(|| "a block that is not there".into()))
			},
			_ => Ok(Err("neither a number nor a hash".into())),
		}
	}

	fn of_block(
		&self,
		column: ColumnId,
		key: &[u8],
		value: &[u8],
		counts: &mut EntryCounts,
		faults: &mut Faults,
	) -> Result<Result<(), String>, AuditError> {
		let Some(block) = BlockKey::parse(key) else { return Ok(Err("no block key".into())) };
		if block.number > self.lower.block().number {
			return Ok(Err(format!("block {} is above the snapshot's", block.number)));
		}
		// The walk has checked these, but for genesis, which no node reads from an image.
		match (block.number, self.is_canonical(&block, faults)?) {
			(0, false) => return Ok(Err("the genesis block of another chain".into())),
			(0, true) | (_, false) => {},
			(_, true) => return Ok(Ok(())),
		}
		let reason = |violation: Violation| violation.reason;
		let checked = match column {
			columns::HEADER => {
				counts.fork_headers += u64::from(block.number > 0);
				integrity::header::<Block>(&block, value).map(|_| ()).map_err(reason)
			},
			columns::BODY => {
				let Some(header) = self.raw.get(columns::HEADER, key)? else {
					return Ok(Err("a body whose header is not there".into()));
				};
				integrity::header::<Block>(&block, &header)
					.and_then(|header| integrity::body::<Block>(&block, &header, value.to_vec()))
					.map(|_| ())
					.map_err(reason)
			},
			_ => match integrity::justifications::<Block>(&block, self.history, value) {
				Ok(_) => {
					Err("a justification of a block that is no ancestor of the snapshot's".into())
				},
				Err(violation) => Err(violation.reason),
			},
		};
		Ok(checked)
	}

	fn is_canonical(&self, block: &BlockKey, faults: &mut Faults) -> Result<bool, AuditError> {
		Ok(note(faults, self.lower, self.lower.canonical(block.number))?.flatten().as_ref()
			== Some(block))
	}
}
