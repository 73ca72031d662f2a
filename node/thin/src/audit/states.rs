//! The state tries: of N, and of every block whose state the image is to have.

use super::{
	add,
	journal::{Checkpoints, DatabaseDone, Stage, StatesDone},
	note,
	place::{Place, Trie},
	visited::{Visited, What},
	AuditError, OnProgress, Progress,
};
use crate::{
	columns::{self, BlockKey},
	layered::{integrity, Lower, ScanDatabase, Violation},
	proof::bytes32,
};
use pallet_snapshots::Pruning;
use sc_consensus_grandpa::BlockNumberOps;
use sp_core::storage::{ChildType, PrefixedStorageKey};
use sp_runtime::traits::{Block as BlockT, HashingFor, Header as HeaderT, NumberFor};
use sp_trie::{NodeCodec, NodePlan, ValuePlan};
use std::{ops::Range, sync::Arc};
use trie_db::{node::NodeHandlePlan, NodeCodec as _};

const CHILD_STORAGE: &[u8] = b":child_storage:";
/// The longest way from a root, in nibbles. Storage keys are far shorter.
const MOST_NIBBLES: usize = 128 * 1024;

pub(super) struct States<'a, Block: BlockT> {
	pub raw: &'a dyn ScanDatabase,
	pub lower: &'a Lower<Block>,
	pub visited: &'a Visited,
	pub pruning: Pruning,
	/// The blocks down to here are known.
	pub lowest: u32,
	pub on_progress: OnProgress<'a>,
}

impl<Block: BlockT> States<'_, Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// The state of N first, then from the oldest to the newest, so that little is new in each.
	pub fn check(
		&self,
		done: &mut DatabaseDone,
		checkpoints: &Checkpoints<'_>,
	) -> Result<(), AuditError> {
		let n = self.lower.block().number;
		let first = match self.pruning {
			Pruning::Archive | Pruning::ArchiveCanonical => 0,
			Pruning::Keep(kept) => n.saturating_sub(kept),
		};
		let mut at = match &done.stage {
			Stage::States(at) => at.clone(),
			_ => StatesDone::default(),
		};
		self.visited.begin(at.part);
		let blocks = [n].into_iter().chain(first.max(self.lowest)..n);
		for number in blocks.skip(at.through as usize) {
			self.state_of(number, &mut at, done, checkpoints)?;
			at.through += 1;
			if checkpoints.are_due() {
				self.save(&mut at, done, checkpoints)?;
			}
			let total = Some(u64::from(n - first) + 1);
			(self.on_progress)(Progress { step: "states", done: at.through, total });
		}
		self.save(&mut at, done, checkpoints)
	}

	/// Writes down how far it is. What is visited from then on is another part.
	fn save(
		&self,
		at: &mut StatesDone,
		done: &mut DatabaseDone,
		checkpoints: &Checkpoints<'_>,
	) -> Result<(), AuditError> {
		self.visited.flush()?;
		let next = StatesDone { part: at.part + 1, ..at.clone() };
		done.stage = Stage::States(next.clone());
		// Otherwise the part goes on: what isn't written down doesn't count.
		if checkpoints.save(done) {
			*at = next;
			self.visited.begin(at.part);
		}
		Ok(())
	}

	fn state_of(
		&self,
		number: u32,
		at: &mut StatesDone,
		done: &mut DatabaseDone,
		checkpoints: &Checkpoints<'_>,
	) -> Result<(), AuditError> {
		let faults = &mut done.state_faults;
		let Some(Some(block)) = note(faults, self.lower, self.lower.canonical(number))? else {
			return Ok(());
		};
		let header =
			note(faults, self.lower, self.lower.get(columns::HEADER, &block.bytes()))?.flatten();
		// What is wrong with a header is known by now.
		let Some(header) = header.and_then(|h| integrity::header::<Block>(&block, &h).ok()) else {
			return Ok(());
		};
		let Ok(root) = bytes32(*header.state_root()) else { return Ok(()) };
		if self.is_pruned(&block, root)? {
			done.states.pruned += 1;
			return Ok(());
		}
		// Otherwise this one was begun already.
		if at.waiting.is_empty() {
			at.faults = done.state_faults.count;
			at.waiting.push(Place { trie: Trie::Top, path: Vec::new(), hash: root });
		}
		let mut walk = Walk { states: self, block: &block, done, at };
		walk.run(checkpoints)?;
		if done.state_faults.count == at.faults {
			done.states.whole += 1;
		}
		Ok(())
	}

	/// A database that prunes states has a few of the last ones. How many, depends on how far it
	/// was beyond N; those that it has are whole.
	fn is_pruned(&self, block: &BlockKey, root: [u8; 32]) -> Result<bool, AuditError> {
		let prunes = matches!(self.pruning, Pruning::Keep(_)) && block != self.lower.block();
		Ok(prunes && root != null_node::<Block>() && self.raw.get(columns::STATE, &root)?.is_none())
	}
}

fn null_node<Block: BlockT>() -> [u8; 32] {
	let mut hash = [0; 32];
	let null = NodeCodec::<HashingFor<Block>>::hashed_null_node();
	// Proofs exist only for chains whose hashes have 32 bytes.
	let length = null.as_ref().len().min(32);
	hash[..length].copy_from_slice(&null.as_ref()[..length]);
	hash
}

/// The walk over one state. What it holds in memory is the way down, and the siblings beside it.
struct Walk<'a, 'b, Block: BlockT> {
	states: &'a States<'b, Block>,
	block: &'a BlockKey,
	done: &'a mut DatabaseDone,
	at: &'a mut StatesDone,
}

impl<Block: BlockT> Walk<'_, '_, Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	fn run(&mut self, checkpoints: &Checkpoints<'_>) -> Result<(), AuditError> {
		let mut since_look = 0;
		while let Some(place) = self.at.waiting.pop() {
			self.visit(place)?;
			since_look += 1;
			if since_look >= checkpoints.nodes && !self.at.waiting.is_empty() {
				since_look = 0;
				let done = self.done.states.nodes;
				(self.states.on_progress)(Progress { step: "trie nodes", done, total: None });
				if checkpoints.are_due() {
					self.states.save(self.at, self.done, checkpoints)?;
				}
			}
		}
		Ok(())
	}

	fn visit(&mut self, place: Place) -> Result<(), AuditError> {
		let is_empty = place.path.is_empty() && place.hash == null_node::<Block>();
		let key = place.key();
		if is_empty || !self.states.visited.insert(&key, What::Node)? {
			return Ok(());
		}
		let Some(node) = self.load(&key, "trie node")? else { return Ok(()) };
		self.done.states.nodes += 1;
		self.done.states.node_bytes += node.len() as u64;
		if let Err(reason) = self.follow(&place.trie, place.path, &node)? {
			self.fault(&key, reason);
		}
		Ok(())
	}

	fn fault(&mut self, key: &[u8], reason: String) {
		let violation = Violation::new(columns::STATE, key, reason);
		add(&mut self.done.state_faults, self.states.lower, &violation);
	}

	/// The bytes under a key that ends with their hash. `None` when that is a fault, which is noted.
	fn load(&mut self, key: &[u8], what: &str) -> Result<Option<Vec<u8>>, AuditError> {
		let Some(bytes) = self.states.raw.get(columns::STATE, key)? else {
			let number = self.block.number;
			let reason = format!("a {what} of the state of block {number} is not there");
			self.fault(key, reason);
			return Ok(None);
		};
		let checked = integrity::hashed::<Block>(columns::STATE, key, bytes);
		note(&mut self.done.state_faults, self.states.lower, checked.map_err(Into::into))
	}

	/// Notes the children and checks the value of a node. The inner result is about the node.
	fn follow(
		&mut self,
		trie: &Trie,
		mut path: Vec<u8>,
		node: &[u8],
	) -> Result<Result<(), String>, AuditError> {
		let plan = match NodeCodec::<HashingFor<Block>>::decode_plan(node) {
			Ok(plan) => plan,
			Err(error) => return Ok(Err(format!("no trie node: {error:?}"))),
		};
		let (partial, value, children) = match &plan {
			NodePlan::Empty => return Ok(Ok(())),
			NodePlan::Leaf { partial, value } => (partial, Some(value), None),
			NodePlan::NibbledBranch { partial, value, children } => {
				(partial, value.as_ref(), Some(children))
			},
			NodePlan::Extension { .. } | NodePlan::Branch { .. } => {
				return Ok(Err("a trie node of a kind that this chain does not have".into()))
			},
		};
		let nibbles = partial.build(node);
		if path.len() + nibbles.len() > MOST_NIBBLES {
			return Ok(Err("a key that is too long".into()));
		}
		path.extend((0..nibbles.len()).map(|at| nibbles.at(at)));
		if let Some(value) = value {
			if let Err(reason) = self.value(trie, &path, node, value)? {
				return Ok(Err(reason));
			}
		}
		for (nibble, child) in children.into_iter().flatten().enumerate() {
			let mut path = path.clone();
			path.push(nibble as u8);
			match child {
				Some(NodeHandlePlan::Hash(range)) => {
					let Some(hash) = hash_in(node, range) else {
						return Ok(Err("a child without a hash".into()));
					};
					self.at.waiting.push(Place { trie: trie.clone(), path, hash });
				},
				Some(NodeHandlePlan::Inline(range)) => {
					// At most 31 bytes, so that this ends soon.
					let inline = &node[range.clone()];
					if let Err(reason) = self.follow(trie, path, inline)? {
						return Ok(Err(reason));
					}
				},
				None => {},
			}
		}
		Ok(Ok(()))
	}

	fn value(
		&mut self,
		trie: &Trie,
		path: &[u8],
		node: &[u8],
		value: &ValuePlan,
	) -> Result<Result<(), String>, AuditError> {
		if path.len() % 2 == 1 {
			return Ok(Err("a value under half a byte".into()));
		}
		let key: Vec<u8> = path.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
		let bytes = match value {
			ValuePlan::Inline(range) => node[range.clone()].to_vec(),
			ValuePlan::Node(range) => {
				let Some(hash) = hash_in(node, range) else {
					return Ok(Err("a value without a hash".into()));
				};
				let place = [trie.prefix(), &key, &hash].concat();
				if !self.states.visited.insert(&place, What::Value)? {
					return Ok(Ok(()));
				}
				let Some(bytes) = self.load(&place, "value")? else { return Ok(Ok(())) };
				self.done.states.values += 1;
				self.done.states.value_bytes += bytes.len() as u64;
				bytes
			},
		};
		if matches!(trie, Trie::Top) && key.starts_with(CHILD_STORAGE) {
			return Ok(self.child(key, &bytes));
		}
		Ok(Ok(()))
	}

	/// The value is the root of a child trie.
	fn child(&mut self, key: Vec<u8>, root: &[u8]) -> Result<(), String> {
		let key = PrefixedStorageKey::new(key);
		let Some((ChildType::ParentKeyId, name)) = ChildType::from_prefixed_key(&key) else {
			return Err("a child trie of an unknown kind".into());
		};
		let hash = root.try_into().map_err(|_| "the root of a child trie is no hash")?;
		self.done.states.child_tries += 1;
		self.at.waiting.push(Place {
			trie: Trie::Child(Arc::new(name.to_vec())),
			path: Vec::new(),
			hash,
		});
		Ok(())
	}
}

fn hash_in(node: &[u8], range: &Range<usize>) -> Option<[u8; 32]> {
	node.get(range.clone())?.try_into().ok()
}
