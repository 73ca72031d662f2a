//! The proof of a snapshot: truth and standing in one file.
//!
//! Truth is that block N is final. Standing is what the state of a later finalized block F, of
//! the registry's chain, says of the snapshot. If both are on one chain, one way from genesis to F
//! shows both; the way to N leaves it at the last change of authorities below N.

use super::{compare, walk::Walk, FinalityProof, ProofError, ProvenBlock, MAX_PROOF_BYTES};
use crate::{
	create::snapshot_id,
	genesis::Anchor,
	registration::{self, ProvenRegistration, RegistryLayout, State, StateError},
};
use codec::{Compact, Decode, DecodeAll, Encode, Input};
use pallet_snapshots::{Manifest, SnapshotId};
use sc_consensus_grandpa::{warp_proof::WarpSyncFragment, BlockNumberOps};
use sp_core::Hasher;
use sp_runtime::traits::{Block as BlockT, HashingFor, Header as HeaderT, NumberFor};
use sp_state_machine::{
	backend::IterArgs, create_proof_check_backend, Backend, MemoryDB, StorageProof, TrieBackend,
};

const MAGIC: &[u8; 8] = b"THINSPF\0";
const VERSION: u16 = 1;
/// The most trie nodes in a proof: many times what a snapshot with thousands of attesters takes.
pub const MAX_NODES: u32 = 65_536;

/// Why a proof of a snapshot proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotProofError {
	/// The bytes are no proof.
	#[error("the proof of the snapshot can't be read: {0}")]
	Malformed(String),
	/// The bytes are the proof of a block alone: no registration is in them.
	#[error(
		"it proves a block, and says nothing of a registration: renew it with thin-node snapshot \
		 prove"
	)]
	TruthOnly,
	/// The proof has the registration alone.
	#[error("it has no proof of the snapshot's block")]
	NoTruth,
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

/// What a proof says about the finality of block N.
#[derive(Encode, Decode, Debug)]
pub enum Truth<Block: BlockT> {
	/// Nothing: it lies beside the image, as a [`FinalityProof`] or in another proof.
	#[codec(index = 0)]
	Elsewhere,
	/// N is of the registry's chain. The way is the same up to the last change below N.
	#[codec(index = 1)]
	Branch(WarpSyncFragment<Block>),
	/// The whole way to N, from genesis of its chain: always so when that is another chain.
	#[codec(index = 2)]
	Whole(FinalityProof<Block>),
}

/// Trie nodes, in no order.
#[derive(Debug)]
struct Nodes(Vec<Vec<u8>>);

impl Encode for Nodes {
	fn encode_to<T: codec::Output + ?Sized>(&self, output: &mut T) {
		self.0.encode_to(output);
	}
}

impl Decode for Nodes {
	fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
		let Compact(count) = Compact::<u32>::decode(input)?;
		// An empty node takes one byte here, and more in memory.
		if count > MAX_NODES {
			return Err("more trie nodes than a proof has".into());
		}
		(0..count).map(|_| Vec::decode(input)).collect::<Result<_, _>>().map(Self)
	}
}

/// A proof as it travels. `docs/FORMAT.md` has it byte by byte.
#[derive(Encode, Decode, Debug)]
pub struct SnapshotProof<Block: BlockT> {
	/// What it is a proof of.
	snapshot: SnapshotId,
	/// From genesis of the registry's chain to F.
	fragments: Vec<WarpSyncFragment<Block>>,
	/// The part of the state of F that speaks of the snapshot.
	nodes: Nodes,
	/// That N is final.
	truth: Truth<Block>,
}

/// What a proof proves.
pub struct ProvenSnapshot<Block: BlockT> {
	/// How the snapshot stands.
	pub registration: ProvenRegistration,
	/// Its block, if the proof has the truth about it.
	pub block: Option<ProvenBlock<Block>>,
	/// The sets of authorities that were followed to F.
	pub sets: u64,
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

impl<Block: BlockT> SnapshotProof<Block>
where
	NumberFor<Block>: BlockNumberOps,
{
	/// A proof of these parts, as it is made. `nodes` is the read proof in the state of the last
	/// fragment.
	pub fn new(
		snapshot: SnapshotId,
		fragments: Vec<WarpSyncFragment<Block>>,
		nodes: StorageProof,
		truth: Truth<Block>,
	) -> Self {
		let nodes = Nodes(nodes.into_iter_nodes().collect());
		Self { snapshot, fragments, nodes, truth }
	}

	/// The number of block F, as it is claimed.
	pub fn as_of(&self) -> Option<NumberFor<Block>> {
		self.fragments.last().map(|fragment| *fragment.header.number())
	}

	/// Reads a proof. Errors when there is more or less of it than there should be.
	pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotProofError> {
		let malformed = |reason: String| SnapshotProofError::Malformed(reason);
		if bytes.len() > MAX_PROOF_BYTES {
			let length = bytes.len();
			return Err(malformed(format!("{length} bytes, and the most is {MAX_PROOF_BYTES}")));
		}
		let Some(rest) = bytes.strip_prefix(MAGIC) else {
			return Err(match FinalityProof::<Block>::from_bytes(bytes) {
				Ok(_) => SnapshotProofError::TruthOnly,
				Err(_) => malformed("it does not begin as one".into()),
			});
		};
		let Some((version, rest)) = rest.split_first_chunk() else {
			return Err(malformed("it ends before its version".into()));
		};
		match u16::from_le_bytes(*version) {
			VERSION => Self::decode_all(&mut &rest[..]).map_err(|e| malformed(e.to_string())),
			other => {
				Err(malformed(format!("it has version {other}, and this node knows {VERSION}")))
			},
		}
	}

	/// The bytes that [`Self::from_bytes`] reads. Errors when they are too many.
	pub fn to_bytes(&self) -> Result<Vec<u8>, SnapshotProofError> {
		let bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &self.encode()].concat();
		match bytes.len() <= MAX_PROOF_BYTES {
			true => Ok(bytes),
			false => Err(SnapshotProofError::Malformed(format!(
				"{} bytes, and the most is {MAX_PROOF_BYTES}: the authorities changed too often",
				bytes.len()
			))),
		}
	}

	/// Which snapshot it claims to prove.
	pub fn snapshot(&self) -> SnapshotId {
		self.snapshot
	}

	/// Whether it has the truth about N.
	pub fn has_truth(&self) -> bool {
		!matches!(self.truth, Truth::Elsewhere)
	}

	/// Adds the truth about N that another proof has.
	pub fn with_truth(mut self, truth: FinalityProof<Block>) -> Self {
		self.truth = Truth::Whole(truth);
		self
	}

	/// Follows the registry's chain from its genesis to F, reads the registration in the state of
	/// F, and follows the snapshot's own chain to N.
	///
	/// `chain` is the genesis of the chain that the snapshot is to be of, and `registry` that of
	/// the chain that lists it: the same, unless the snapshot is a foreign one.
	pub fn verify<L: RegistryLayout>(
		self,
		id: SnapshotId,
		registry: &Anchor,
		chain: &Anchor,
	) -> Result<ProvenSnapshot<Block>, SnapshotProofError> {
		let Self { snapshot, fragments, nodes, truth } = self;
		if snapshot != id {
			return Err(SnapshotProofError::OtherSnapshot { found: snapshot, wanted: id });
		}
		let fork_at = match &truth {
			Truth::Branch(fragment) => Some(*fragment.header.number()),
			_ => None,
		};
		let mut walk = Walk::from(registry);
		let mut fork = fork_at.map(|_| walk.clone());
		for fragment in fragments {
			let number = *fragment.header.number();
			walk.step(fragment).map_err(SnapshotProofError::Registry)?;
			if fork_at.is_some_and(|at| number < at) {
				fork = Some(walk.clone());
			}
		}
		let f = walk.end().map_err(SnapshotProofError::Registry)?;
		let registration = read_registration::<Block, L>(id, &f, nodes)?;
		let manifest = &registration.registration().manifest;
		if registration.registration().native != (manifest.genesis_hash.0 == registry.hash) {
			return Err(SnapshotProofError::Contradiction(
				"the record says of a block of the registry's own chain that it is foreign, or \
				 the other way round"
					.into(),
			));
		}

		let truth_error = SnapshotProofError::Truth;
		compare("genesis", chain.hash, manifest.genesis_hash.0).map_err(truth_error)?;
		let block = match (truth, fork) {
			(Truth::Elsewhere, _) => None,
			(Truth::Whole(proof), _) => {
				Some(proof.verify_from(chain, manifest).map_err(truth_error)?)
			},
			(Truth::Branch(fragment), Some(mut walk)) if chain == registry => {
				walk.step(fragment).map_err(truth_error)?;
				Some(walk.end().and_then(|n| n.check_against(manifest)).map_err(truth_error)?)
			},
			(Truth::Branch(_), _) => {
				return Err(SnapshotProofError::Contradiction(
					"the way to a foreign block can't be the registry's".into(),
				))
			},
		};
		let sets = f.history().current().map_or(0, |period| period.set_id) + 1;
		Ok(ProvenSnapshot { registration, block, sets })
	}
}

/// The truth about block N in the bytes of a proof, whichever of the two kinds it is. What it says
/// of the registration is left aside.
pub fn truth_of<Block: BlockT>(
	bytes: &[u8],
	chain: &Anchor,
	manifest: &Manifest,
) -> Result<ProvenBlock<Block>, SnapshotProofError>
where
	NumberFor<Block>: BlockNumberOps,
{
	let SnapshotProof { fragments, truth, .. } = match SnapshotProof::<Block>::from_bytes(bytes) {
		Ok(proof) => proof,
		Err(SnapshotProofError::TruthOnly) => {
			return FinalityProof::from_bytes(bytes)
				.and_then(|proof| proof.verify_from(chain, manifest))
				.map_err(SnapshotProofError::Truth)
		},
		Err(error) => return Err(error),
	};
	let proof = match truth {
		Truth::Elsewhere => return Err(SnapshotProofError::NoTruth),
		Truth::Whole(proof) => proof,
		Truth::Branch(n) => {
			let number = *n.header.number();
			let below = fragments.into_iter().filter(|fragment| *fragment.header.number() < number);
			FinalityProof { fragments: below.chain([n]).collect() }
		},
	};
	proof.verify_from(chain, manifest).map_err(SnapshotProofError::Truth)
}

fn read_registration<Block: BlockT, L: RegistryLayout>(
	id: SnapshotId,
	f: &ProvenBlock<Block>,
	nodes: Nodes,
) -> Result<ProvenRegistration, SnapshotProofError> {
	let block = f.key().number;
	let failed = |error| SnapshotProofError::State { block, error };
	let root = *f.header().state_root();
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
	Ok(ProvenRegistration::new(id, registration, f.key(), f.genesis_hash()))
}

#[cfg(test)]
mod tests;
