//! The proof of a snapshot: truth and standing.
//!
//! Truth is that block N is final. Standing is what the state of a later finalized block F, of
//! the registry's chain, says of the snapshot. If both are on one chain, the way to F goes on from
//! N. Pages are followed as they come; between two of them, what is carried on is the set in charge
//! and what must be kept of the way to N.

use super::{
	compare,
	page::{Nodes, Page, Way},
	pages::{FollowError, Pages},
	walk::{Reached, Walk},
	ProofError, ProvenBlock,
};
use crate::{
	create::snapshot_id,
	genesis::Anchor,
	registration::{self, ProvenRegistration, RegistryLayout, State, StateError},
};
use pallet_snapshots::SnapshotId;
use sc_consensus_grandpa::{warp_proof::WarpSyncFragment, BlockNumberOps};
use sp_core::Hasher;
use sp_runtime::traits::{Block as BlockT, HashingFor, Header as HeaderT, NumberFor};
use sp_state_machine::{
	backend::IterArgs, create_proof_check_backend, Backend, MemoryDB, StorageProof, TrieBackend,
};

/// The most pages that are read of one proof: 4 GiB.
pub const MAX_PAGES: u32 = 1_024;

/// Why a proof of a snapshot proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotProofError {
	/// The bytes are no proof.
	#[error("the proof of the snapshot can't be read: {0}")]
	Malformed(String),
	/// It is the proof of a block alone: no registration is in it.
	#[error(
		"it proves a block, and says nothing of a registration: renew it with thin-node snapshot \
		 prove"
	)]
	TruthOnly,
	/// The proof has the registration alone.
	#[error("it has no proof of the snapshot's block")]
	NoTruth,
	/// A page is not the one that has to come next.
	#[error(
		"a page that goes on from block {found} came where one that goes on from block {wanted} \
		 belongs: pages of the proof are missing, doubled, or out of order"
	)]
	OutOfOrder {
		/// Where the page goes on from.
		found: u32,
		/// The block that was reached.
		wanted: u32,
	},
	/// No more pages come.
	#[error(
		"the proof ends at block {0}, before it has proven anything: its last pages are missing"
	)]
	CutOff(u32),
	/// A page that leads nowhere.
	#[error("a page of the proof that goes on from block {0} has nothing in it")]
	EmptyPage(u32),
	/// There is no end to it.
	#[error("the proof has more than {MAX_PAGES} pages, and is not followed further")]
	TooManyPages,
	/// The way to F breaks.
	#[error("the registry's chain: {0}")]
	Registry(ProofError),
	/// The way to N breaks, or leads elsewhere.
	#[error("the snapshot's block: {0}")]
	Truth(ProofError),
	/// The read proof breaks.
	#[error("the state of block {block}: {error}")]
	State {
		/// The number of F.
		block: u32,
		/// What does not hold.
		error: StateError,
	},
	/// The state has no such snapshot.
	#[error(
		"no snapshot {id:?} is registered as of block {block}: check the id, or wait until the \
		 registration is final"
	)]
	Unknown {
		/// What was asked for.
		id: SnapshotId,
		/// The number of F.
		block: u32,
	},
	/// What is proven does not fit together.
	#[error("the proof contradicts itself: {0}")]
	Contradiction(String),
	/// It is the proof of another snapshot.
	#[error("the proof is of snapshot {found:?}, and {wanted:?} was asked for")]
	OtherSnapshot {
		/// What it is of.
		found: SnapshotId,
		/// What was asked for.
		wanted: SnapshotId,
	},
}

/// What a proof proves.
pub struct ProvenSnapshot<Block: BlockT> {
	/// How the snapshot stands.
	pub registration: ProvenRegistration,
	/// Its block, if the proof has the truth about it.
	pub block: Option<ProvenBlock<Block>>,
	/// The sets of authorities from genesis to F.
	pub sets: u64,
}

/// What came out of following a proof to its end.
pub enum Followed<Block: BlockT> {
	/// A block is proven, and nothing is said of a registration. It has still to be held against
	/// the manifest.
	Block(SnapshotId, ProvenBlock<Block>),
	/// All of it is proven.
	Snapshot(Box<ProvenSnapshot<Block>>),
}

impl<Block: BlockT> Followed<Block> {
	/// The snapshot. Errors when nothing is said of its registration.
	pub fn snapshot(self) -> Result<Box<ProvenSnapshot<Block>>, SnapshotProofError> {
		match self {
			Self::Snapshot(proven) => Ok(proven),
			Self::Block(..) => Err(SnapshotProofError::TruthOnly),
		}
	}
}

/// Follows a proof, page by page.
pub struct Follower<'a, Block: BlockT> {
	/// Genesis of the chain that lists the snapshot.
	registry: &'a Anchor,
	/// Genesis of the chain that the snapshot is of.
	chain: &'a Anchor,
	/// Which snapshot: the one that was asked for, or the one of the first page.
	snapshot: Option<SnapshotId>,
	to_block: Option<Walk<Block>>,
	block: Option<ProvenBlock<Block>>,
	to_registration: Option<Walk<Block>>,
	pages: u32,
}

/// What a page has led to.
enum Step<Block: BlockT> {
	/// Another must come.
	On,
	/// The snapshot's block.
	Block,
	/// Block F, and a part of its state.
	Registration(Reached<Block>, Nodes),
}

impl<'a, Block: BlockT> Follower<'a, Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// Begins at genesis. `chain` is the genesis of the chain that the snapshot is to be of, and
	/// `registry` that of the chain that lists it: the same, unless the snapshot is a foreign one.
	/// Without a `snapshot`, the proof may be of any.
	pub fn new(snapshot: Option<SnapshotId>, registry: &'a Anchor, chain: &'a Anchor) -> Self {
		let (to_block, block, to_registration) = (None, None, None);
		Self { registry, chain, snapshot, to_block, block, to_registration, pages: 0 }
	}

	/// Begins with what another proof has proven of the snapshot's block.
	pub fn knowing(mut self, block: Option<ProvenBlock<Block>>) -> Self {
		self.block = block;
		self
	}

	/// Follows all pages: to N, if the proof has that, and to F, and reads the registration in
	/// the state of F.
	pub fn follow<L: RegistryLayout>(
		mut self,
		pages: &mut dyn Pages,
	) -> Result<Followed<Block>, FollowError> {
		loop {
			let Some(page) = pages.next(self.position())? else {
				return match (self.snapshot, self.block, self.to_block, self.to_registration) {
					(Some(id), Some(block), None, None) if self.pages > 0 => {
						Ok(Followed::Block(id, block))
					},
					(_, _, Some(walk), _) | (_, _, _, Some(walk)) => {
						Err(SnapshotProofError::CutOff(walk.number()).into())
					},
					_ => Err(nothing().into()),
				};
			};
			match self.page(&page)? {
				Step::On | Step::Block => {},
				Step::Registration(f, nodes) => {
					let proven = self.end::<L>(f, nodes)?;
					return Ok(Followed::Snapshot(Box::new(proven)));
				},
			}
		}
	}

	/// Follows the pages to N, and leaves the rest. What is reached has still to be held against
	/// the manifest.
	pub fn follow_to_block(
		mut self,
		pages: &mut dyn Pages,
	) -> Result<ProvenBlock<Block>, FollowError> {
		loop {
			let Some(page) = pages.next(self.position())? else {
				return Err(match self.to_block {
					Some(walk) => SnapshotProofError::CutOff(walk.number()),
					None => nothing(),
				}
				.into());
			};
			if !super::page::is_to_block(&page) {
				// Rubbish gets the error of rubbish.
				Page::<Block>::from_bytes(&page)?;
				return Err(SnapshotProofError::NoTruth.into());
			}
			if let (Step::Block, Some(block)) = (self.page(&page)?, self.block.take()) {
				return Ok(block);
			}
		}
	}

	/// The block that the next page has to go on from.
	fn position(&self) -> u32 {
		match (&self.to_registration, &self.to_block, &self.block) {
			(Some(walk), ..) | (None, Some(walk), _) => walk.number(),
			(None, None, Some(block)) => block.key().number,
			(None, None, None) => 0,
		}
	}

	fn page(&mut self, bytes: &[u8]) -> Result<Step<Block>, SnapshotProofError> {
		self.pages += 1;
		if self.pages > MAX_PAGES {
			return Err(SnapshotProofError::TooManyPages);
		}
		let Page { snapshot, after, way } = Page::<Block>::from_bytes(bytes)?;
		let wanted = *self.snapshot.get_or_insert(snapshot);
		if snapshot != wanted {
			return Err(SnapshotProofError::OtherSnapshot { found: snapshot, wanted });
		}
		match way {
			Way::Block { fragments, last } => {
				if self.block.is_some() || self.to_registration.is_some() {
					let wanted = self.position();
					return Err(SnapshotProofError::OutOfOrder { found: after, wanted });
				}
				let walk = self.to_block.take().unwrap_or_else(|| Walk::to_block(self.chain));
				let walk = advance(walk, after, fragments, SnapshotProofError::Truth)?;
				if !last {
					self.to_block = Some(walk);
					return Ok(Step::On);
				}
				self.block = Some(walk.end().map_err(SnapshotProofError::Truth)?);
				Ok(Step::Block)
			},
			Way::Registration { fragments, state } => {
				let walk = self.way_to_registration(after)?;
				let walk = advance(walk, after, fragments, SnapshotProofError::Registry)?;
				match state {
					None => self.to_registration = Some(walk),
					Some(nodes) => {
						let f = walk.reached().map_err(SnapshotProofError::Registry)?;
						return Ok(Step::Registration(f, nodes));
					},
				}
				Ok(Step::On)
			},
		}
	}

	/// The way that a page of the registration goes on with.
	fn way_to_registration(&mut self, after: u32) -> Result<Walk<Block>, SnapshotProofError> {
		if let Some(walk) = self.to_registration.take() {
			return Ok(walk);
		}
		if let Some(walk) = &self.to_block {
			// The way to the block isn't at its end.
			return Err(SnapshotProofError::CutOff(walk.number()));
		}
		match &self.block {
			_ if after == 0 => Ok(Walk::from(self.registry)),
			Some(_) if self.chain != self.registry => Err(SnapshotProofError::Contradiction(
				"the way to a foreign block can't be the registry's".into(),
			)),
			Some(block) => Walk::after(block).map_err(SnapshotProofError::Truth),
			None => Err(SnapshotProofError::OutOfOrder { found: after, wanted: 0 }),
		}
	}

	fn end<L: RegistryLayout>(
		self,
		f: Reached<Block>,
		nodes: Nodes,
	) -> Result<ProvenSnapshot<Block>, SnapshotProofError> {
		let id = self.snapshot.ok_or_else(nothing)?;
		let sets = f.set_id + 1;
		let registration = read_registration::<Block, L>(id, f, nodes)?;
		let manifest = &registration.registration().manifest;
		if registration.registration().native != (manifest.genesis_hash.0 == self.registry.hash) {
			return Err(SnapshotProofError::Contradiction(
				"the record says of a block of the registry's own chain that it is foreign, or \
				 the other way round"
					.into(),
			));
		}
		let truth_error = SnapshotProofError::Truth;
		compare("genesis", self.chain.hash, manifest.genesis_hash.0).map_err(truth_error)?;
		let block = self.block.map(|block| block.check_against(manifest));
		let block = block.transpose().map_err(truth_error)?;
		Ok(ProvenSnapshot { registration, block, sets })
	}
}

fn nothing() -> SnapshotProofError {
	SnapshotProofError::Malformed("there is nothing in it".into())
}

/// Follows the fragments of one page.
fn advance<Block: BlockT>(
	mut walk: Walk<Block>,
	after: u32,
	fragments: Vec<WarpSyncFragment<Block>>,
	broken: impl Fn(ProofError) -> SnapshotProofError,
) -> Result<Walk<Block>, SnapshotProofError>
where
	NumberFor<Block>: BlockNumberOps,
{
	if after != walk.number() {
		return Err(SnapshotProofError::OutOfOrder { found: after, wanted: walk.number() });
	}
	if fragments.is_empty() {
		return Err(SnapshotProofError::EmptyPage(after));
	}
	for fragment in fragments {
		walk.step(fragment).map_err(&broken)?;
	}
	Ok(walk)
}

/// The state of F, as far as a proof has it.
struct ProvenState<H: Hasher>(TrieBackend<MemoryDB<H>, H>);

impl<H> State for ProvenState<H>
where
	H: Hasher,
	H::Out: Ord + codec::Codec,
{
	fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
		self.0.storage(key)
	}

	fn keys(&self, prefix: &[u8], most: usize) -> Result<Vec<Vec<u8>>, String> {
		let mut args = IterArgs::default();
		args.prefix = Some(prefix);
		let keys = self.0.keys(args)?.take(most.saturating_add(1));
		let keys = keys.collect::<Result<Vec<_>, _>>()?;
		if keys.len() > most {
			return Err(format!("more than {most} entries"));
		}
		Ok(keys)
	}
}

fn read_registration<Block: BlockT, L: RegistryLayout>(
	id: SnapshotId,
	f: Reached<Block>,
	nodes: Nodes,
) -> Result<ProvenRegistration, SnapshotProofError> {
	let block = f.key.number;
	let failed = |error| SnapshotProofError::State { block, error };
	let root = *f.header.state_root();
	let backend = create_proof_check_backend::<HashingFor<Block>>(root, StorageProof::new(nodes.0))
		.map_err(|_| {
			failed(StateError::Unreadable {
				what: "its root",
				reason: "the read proof is of another state".into(),
			})
		})?;
	let found = registration::read::<L>(&ProvenState(backend), id, block).map_err(failed)?;
	let registration = found.ok_or(SnapshotProofError::Unknown { id, block })?;
	if snapshot_id::<Block>(&registration.manifest) != id {
		return Err(SnapshotProofError::Contradiction(format!(
			"the record of {id:?} has the manifest of another snapshot"
		)));
	}
	Ok(ProvenRegistration::new(id, registration, f.key, f.genesis_hash))
}

/// What the nodes of a proof, in SCALE, say of a snapshot in the state with this root.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_state<Block: BlockT, L: RegistryLayout>(
	root: Block::Hash,
	id: SnapshotId,
	nodes: &[u8],
) -> Result<Option<registration::Registration>, String> {
	use codec::DecodeAll;
	let Nodes(nodes) = Nodes::decode_all(&mut &nodes[..]).map_err(|error| error.to_string())?;
	let backend = create_proof_check_backend::<HashingFor<Block>>(root, StorageProof::new(nodes))
		.map_err(|error| error.to_string())?;
	registration::read::<L>(&ProvenState(backend), id, 0).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
