//! Makes proofs of snapshots: what a node that links this crate answers to `thin_proveSnapshot`.

use crate::{
	proof::{SnapshotProof, SnapshotProofError, Truth, MAX_PROOF_BYTES},
	registration::{self, Registration, RegistryLayout, State, StateError},
};
use codec::{DecodeAll, Encode};
use pallet_snapshots::SnapshotId;
use parking_lot::Mutex;
use sc_client_api::{Backend, ProofProvider, StorageKey, StorageProvider};
use sc_consensus_grandpa::{
	best_justification, warp_proof::WarpSyncFragment, BlockNumberOps, GrandpaJustification,
	SharedAuthoritySet,
};
use sp_blockchain::{Backend as BlockchainBackend, HeaderBackend};
use sp_consensus_grandpa::GRANDPA_ENGINE_ID;
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT, NumberFor},
	SaturatedConversion,
};
use std::{cell::RefCell, marker::PhantomData, sync::Arc};

/// Which snapshot to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
	/// This one.
	Id(SnapshotId),
	/// The certified one of this chain at the newest block.
	Latest,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
	/// The node has not seen finality yet.
	#[error("this node has no justification of a finalized block yet: wait until it has synced")]
	NothingFinal,
	/// The registry has none.
	#[error("no snapshot {0:?} is registered as of finalized block {1}")]
	Unknown(SnapshotId, u32),
	/// The list is empty.
	#[error("no snapshot of this chain is certified as of finalized block {0}")]
	NoneCertified(u32),
	/// Something that is needed isn't in the database.
	#[error("this node can't prove it: {0}")]
	Missing(String),
	/// The state can't be read as a registry.
	#[error(transparent)]
	State(#[from] StateError),
	/// The proof is too long.
	#[error(transparent)]
	Proof(#[from] SnapshotProofError),
	/// The database failed.
	#[error(transparent)]
	Client(#[from] sp_blockchain::Error),
}

/// Whatever can prove snapshots.
pub trait ProveSnapshot: Send + Sync {
	/// The proof, in bytes.
	fn prove(&self, which: Which) -> Result<Vec<u8>, ProveError>;
}

/// The last proof that was made: of which snapshot, as of which block.
type Made<Block> = (SnapshotId, <Block as BlockT>::Hash, Vec<u8>);

/// Makes proofs from the database of a node.
pub struct SnapshotProver<Block: BlockT, C, B, L> {
	client: Arc<C>,
	backend: Arc<B>,
	authority_set: SharedAuthoritySet<Block::Hash, NumberFor<Block>>,
	/// Also what keeps the work at one proof at a time.
	made: Mutex<Option<Made<Block>>>,
	_layout: PhantomData<fn() -> L>,
}

impl<Block: BlockT, C, B, L> SnapshotProver<Block, C, B, L> {
	/// `authority_set` is GRANDPA's, of the same node.
	pub fn new(
		client: Arc<C>,
		backend: Arc<B>,
		authority_set: SharedAuthoritySet<Block::Hash, NumberFor<Block>>,
	) -> Self {
		Self { client, backend, authority_set, made: Mutex::new(None), _layout: PhantomData }
	}
}

/// The state of one block in the database, and every key that was asked for.
struct Recorded<'a, C, B, Block: BlockT> {
	client: &'a C,
	at: Block::Hash,
	keys: RefCell<Vec<Vec<u8>>>,
	_backend: PhantomData<fn() -> B>,
}

impl<C, B, Block> State for Recorded<'_, C, B, Block>
where
	Block: BlockT,
	B: Backend<Block>,
	C: StorageProvider<Block, B>,
{
	fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
		self.keys.borrow_mut().push(key.to_vec());
		let value = self.client.storage(self.at, &StorageKey(key.to_vec()));
		value.map(|value| value.map(|value| value.0)).map_err(|error| error.to_string())
	}

	fn keys(&self, prefix: &[u8], most: usize) -> Result<Vec<Vec<u8>>, String> {
		// With none below it, the prefix itself shows so.
		self.keys.borrow_mut().push(prefix.to_vec());
		let keys = self
			.client
			.storage_keys(self.at, Some(&StorageKey(prefix.to_vec())), None)
			.map_err(|error| error.to_string())?;
		let keys: Vec<Vec<u8>> = keys.take(most.saturating_add(1)).map(|key| key.0).collect();
		if keys.len() > most {
			return Err(format!("more than {most} entries"));
		}
		Ok(keys)
	}
}

impl<Block, C, B, L> SnapshotProver<Block, C, B, L>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	B: Backend<Block>,
	C: StorageProvider<Block, B> + ProofProvider<Block>,
	L: RegistryLayout,
{
	/// The last fragment of every way: the newest block that is known to be justified.
	fn head(&self) -> Result<WarpSyncFragment<Block>, ProveError> {
		let justification =
			best_justification::<_, Block>(&*self.backend)?.ok_or(ProveError::NothingFinal)?;
		let header = self.header(justification.target().1)?;
		Ok(WarpSyncFragment { header, justification })
	}

	fn header(&self, hash: Block::Hash) -> Result<Block::Header, ProveError> {
		let header = self.backend.blockchain().header(hash)?;
		header.ok_or_else(|| ProveError::Missing(format!("the header of {hash:?} isn't here")))
	}

	/// The stored justification of a block of the canonical chain, if there is one.
	fn stored(
		&self,
		number: NumberFor<Block>,
	) -> Result<Option<WarpSyncFragment<Block>>, ProveError> {
		let blockchain = self.backend.blockchain();
		let Some(hash) = blockchain.hash(number)? else { return Ok(None) };
		let justifications = blockchain.justifications(hash)?;
		let Some(encoded) =
			justifications.and_then(|all| all.into_justification(GRANDPA_ENGINE_ID))
		else {
			return Ok(None);
		};
		let justification = GrandpaJustification::decode_all(&mut &encoded[..])
			.map_err(|error| ProveError::Missing(format!("justification of {number}: {error}")))?;
		Ok(Some(WarpSyncFragment { header: self.header(hash)?, justification }))
	}

	/// Every change of authorities below F, and F.
	fn way_to(
		&self,
		head: WarpSyncFragment<Block>,
	) -> Result<Vec<WarpSyncFragment<Block>>, ProveError> {
		let changes = self.authority_set.authority_set_changes();
		let changes = changes.iter_from(0u32.into()).ok_or_else(|| {
			ProveError::Missing("its record of authority sets doesn't go back to genesis".into())
		})?;
		let (mut fragments, mut length) = (Vec::new(), 0usize);
		for (_, number) in changes.filter(|(_, last)| last < head.header.number()) {
			let fragment = self.stored(*number)?.ok_or_else(|| {
				ProveError::Missing(format!(
					"the justification of block {number}, where the authorities changed, isn't here"
				))
			})?;
			length = length.saturating_add(fragment.encoded_size());
			if length > MAX_PROOF_BYTES {
				return Err(ProveError::Missing(format!(
					"the authorities changed so often that the way is longer than \
					 {MAX_PROOF_BYTES} bytes"
				)));
			}
			fragments.push(fragment);
		}
		fragments.push(head);
		Ok(fragments)
	}

	fn read(
		&self,
		id: SnapshotId,
		at: Block::Hash,
		number: u32,
	) -> Result<(Option<Registration>, Vec<Vec<u8>>), ProveError> {
		let state = Recorded::<C, B, Block> {
			client: &self.client,
			at,
			keys: Default::default(),
			_backend: PhantomData,
		};
		let found = registration::read::<L>(&state, id, number)?;
		Ok((found, state.keys.into_inner()))
	}

	fn latest(&self, at: Block::Hash, number: u32) -> Result<SnapshotId, ProveError> {
		let state = Recorded::<C, B, Block> {
			client: &self.client,
			at,
			keys: Default::default(),
			_backend: PhantomData,
		};
		let genesis = crate::proof::bytes32(self.backend.blockchain().info().genesis_hash)
			.map_err(SnapshotProofError::Registry)?;
		let listed = registration::listed::<L>(&state, genesis.into())?;
		listed.first().map(|first| first.id).ok_or(ProveError::NoneCertified(number))
	}
}

impl<Block, C, B, L> ProveSnapshot for SnapshotProver<Block, C, B, L>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	B: Backend<Block>,
	C: StorageProvider<Block, B> + ProofProvider<Block> + Send + Sync,
	L: RegistryLayout,
{
	fn prove(&self, which: Which) -> Result<Vec<u8>, ProveError> {
		let mut made = self.made.lock();
		let head = self.head()?;
		let (at, number) = (head.header.hash(), (*head.header.number()).saturated_into::<u32>());
		let id = match which {
			Which::Id(id) => id,
			Which::Latest => self.latest(at, number)?,
		};
		if let Some((_, _, bytes)) = made.as_ref().filter(|made| (made.0, made.1) == (id, at)) {
			return Ok(bytes.clone());
		}
		let (found, keys) = self.read(id, at, number)?;
		let manifest = found.ok_or(ProveError::Unknown(id, number))?.manifest;
		let nodes = self.client.read_proof(at, &mut keys.iter().map(Vec::as_slice))?;

		// Another node may not have kept the justification of N: then the store has it.
		let n: NumberFor<Block> = manifest.block_number.saturated_into::<u32>().into();
		let truth = match self.stored(n)? {
			Some(fragment) if fragment.header.hash().as_ref() == manifest.block_hash.as_bytes() => {
				Truth::Branch(fragment)
			},
			_ => Truth::Elsewhere,
		};
		let bytes = SnapshotProof::new(id, self.way_to(head)?, nodes, truth).to_bytes()?;
		*made = Some((id, at, bytes.clone()));
		Ok(bytes)
	}
}
