//! Makes proofs of snapshots: what a node that links this crate answers to `thin_proveSnapshot`.
//!
//! A page at a time, and nothing is remembered between two of them: the next one goes on from the
//! block that the one before has led to.

use crate::{
	proof::{bytes32, outline, Outline, Pager, Recording, SnapshotProofError, MAX_PAGE_BYTES},
	registration::{self, Registration, RegistryLayout, State, StateError},
};
use codec::{DecodeAll, Encode};
use pallet_snapshots::{Manifest, SnapshotId};
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
	/// A page was asked for that can't be there yet.
	#[error(
		"the newest block that this node can prove is {newest}, and nothing goes on from {after}"
	)]
	NothingAfter {
		/// What was asked for.
		after: u32,
		/// What there is.
		newest: u32,
	},
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
	/// The page of the proof that goes on from the block with this number: 0 for the first page.
	fn prove(&self, which: Which, after: u32) -> Result<Vec<u8>, ProveError>;
}

/// The proof of how a snapshot of block `n` stands, as far as it is renewed: it goes on from
/// there. Also the number of the block that it is as of.
pub fn renewed<Block: BlockT>(
	prover: &dyn ProveSnapshot,
	id: SnapshotId,
	n: u32,
) -> Result<(Recording, u32), ProveError> {
	let mut recording = Recording::default();
	let mut after = n;
	loop {
		let page = prover.prove(Which::Id(id), after)?;
		recording.push(&page).map_err(|error| ProveError::Missing(error.to_string()))?;
		match outline::<Block>(&page)? {
			Outline { last, ends: true } => return Ok((recording, last)),
			Outline { last, ends: false } if last > after => after = last,
			_ => return Err(ProveError::Missing(format!("no page goes on from block {after}"))),
		}
	}
}

/// The last page that was made: of which snapshot, as of which block, going on from where.
struct Made<Block: BlockT> {
	of: (SnapshotId, Block::Hash, u32),
	page: Vec<u8>,
}

/// Makes proofs from the database of a node.
pub struct SnapshotProver<Block: BlockT, C, B, L> {
	client: Arc<C>,
	backend: Arc<B>,
	authority_set: SharedAuthoritySet<Block::Hash, NumberFor<Block>>,
	/// Also what keeps the work at one page at a time.
	made: Mutex<Option<Made<Block>>>,
	/// The most bytes of a page.
	most: usize,
	_layout: PhantomData<fn() -> L>,
}

impl<Block: BlockT, C, B, L> SnapshotProver<Block, C, B, L> {
	/// `authority_set` is GRANDPA's, of the same node.
	pub fn new(
		client: Arc<C>,
		backend: Arc<B>,
		authority_set: SharedAuthoritySet<Block::Hash, NumberFor<Block>>,
	) -> Self {
		let (made, most) = (Mutex::new(None), MAX_PAGE_BYTES);
		Self { client, backend, authority_set, made, most, _layout: PhantomData }
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

	/// Adds the changes of authorities above `after` and below `end`, as far as there is room.
	/// Says whether there was enough.
	fn add_changes(
		&self,
		pager: &mut Pager,
		after: u32,
		end: NumberFor<Block>,
	) -> Result<bool, ProveError> {
		let changes = self.authority_set.authority_set_changes();
		let changes = changes.iter_from(0u32.into()).ok_or_else(|| {
			ProveError::Missing("its record of authority sets doesn't go back to genesis".into())
		})?;
		let after: NumberFor<Block> = after.into();
		for (_, number) in changes.filter(|(_, last)| *last > after && *last < end) {
			let fragment = self.stored(*number)?.ok_or_else(|| {
				ProveError::Missing(format!(
					"the justification of block {number}, where the authorities changed, isn't here"
				))
			})?;
			if !self.add(pager, &fragment)? {
				return Ok(false);
			}
		}
		Ok(true)
	}

	fn add(
		&self,
		pager: &mut Pager,
		fragment: &WarpSyncFragment<Block>,
	) -> Result<bool, ProveError> {
		let bytes = fragment.encode();
		let takes = pager.takes(bytes.len());
		if takes {
			pager.add(&bytes)?;
		}
		Ok(takes)
	}

	/// The justification of the snapshot's block, if it is of this chain and this node has kept
	/// it. If not, the store has it.
	fn justified(
		&self,
		manifest: &Manifest,
	) -> Result<Option<WarpSyncFragment<Block>>, ProveError> {
		let number: NumberFor<Block> = manifest.block_number.saturated_into::<u32>().into();
		let found = self.stored(number)?;
		Ok(found.filter(|n| n.header.hash().as_ref() == manifest.block_hash.as_bytes()))
	}

	/// A page of the way to the snapshot's block.
	fn to_block(
		&self,
		id: SnapshotId,
		after: u32,
		n: &WarpSyncFragment<Block>,
	) -> Result<Vec<u8>, ProveError> {
		let mut pager = Pager::new(id, after, self.most);
		let last =
			self.add_changes(&mut pager, after, *n.header.number())? && self.add(&mut pager, n)?;
		Ok(pager.into_block_page(last))
	}

	/// A page of the way to F, with a part of the state of F in the last one.
	fn to_registration(
		&self,
		id: SnapshotId,
		after: u32,
		f: &WarpSyncFragment<Block>,
		nodes: Vec<Vec<u8>>,
	) -> Result<Vec<u8>, ProveError> {
		let mut pager = Pager::new(id, after, self.most);
		let state: usize = nodes.iter().map(|node| node.len() + 4).sum();
		let end = f.encode();
		if !self.add_changes(&mut pager, after, *f.header.number())?
			|| !pager.takes(end.len() + state)
		{
			return Ok(pager.into_registration_page());
		}
		pager.add(&end)?;
		Ok(pager.with_state(nodes)?)
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
		let genesis = bytes32(self.backend.blockchain().info().genesis_hash)
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
	fn prove(&self, which: Which, after: u32) -> Result<Vec<u8>, ProveError> {
		let mut made = self.made.lock();
		let head = self.head()?;
		let (at, number) = (head.header.hash(), (*head.header.number()).saturated_into::<u32>());
		let id = match which {
			Which::Id(id) => id,
			Which::Latest => self.latest(at, number)?,
		};
		if let Some(made) = made.as_ref().filter(|made| made.of == (id, at, after)) {
			return Ok(made.page.clone());
		}
		if after >= number {
			return Err(ProveError::NothingAfter { after, newest: number });
		}
		let (found, keys) = self.read(id, at, number)?;
		let manifest = found.ok_or(ProveError::Unknown(id, number))?.manifest;
		let n = match u64::from(after) < manifest.block_number {
			true => self.justified(&manifest)?,
			false => None,
		};
		let page = match n {
			Some(n) => self.to_block(id, after, &n)?,
			None => {
				let nodes = self.client.read_proof(at, &mut keys.iter().map(Vec::as_slice))?;
				self.to_registration(id, after, &head, nodes.into_iter_nodes().collect())?
			},
		};
		*made = Some(Made { of: (id, at, after), page: page.clone() });
		Ok(page)
	}
}
