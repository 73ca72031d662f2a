//! Judges the proofs that a start is given: from genesis, and by the policy of this node.

use crate::{
	error::StartError,
	genesis::Anchor,
	proof::{
		FollowError, Followed, Follower, Frames, Pages, ProvenBlock, ProvenSnapshot,
		SnapshotProofError,
	},
	prover::Which,
	records,
	registration::{Policy, ProvenRegistration, RegistryLayout},
	source::{self, Rpc},
};
use pallet_snapshots::SnapshotId;
use sc_consensus_grandpa::BlockNumberOps;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{marker::PhantomData, path::Path, sync::Arc};
use thin_mount::store::Store;

/// How many of the newest snapshots are looked at for one that passes.
const MOST_CANDIDATES: usize = 16;

/// Checks proofs from genesis, and what they prove by the policy of this node.
pub(super) struct Judge<Block, L> {
	pub policy: Policy,
	/// Genesis of the chain that lists the snapshot.
	pub registry: Anchor,
	/// Genesis of the chain that the snapshot is of: this node's.
	pub chain: Anchor,
	pub _types: PhantomData<fn() -> (Block, L)>,
}

/// What is known of the snapshot before its stores are asked for the rest.
pub(super) enum Known<Block: BlockT> {
	/// The registration is proven, and perhaps the block; so much of it came from a store.
	Registered {
		/// What is proven.
		proven: Box<ProvenSnapshot<Block>>,
		/// Bytes.
		fetched: u64,
	},
	/// Nobody vouches for it. Its block may be proven, and has still to be held against the
	/// manifest.
	Unregistered {
		/// The snapshot.
		id: SnapshotId,
		/// What is proven of its block.
		block: Option<Box<ProvenBlock<Block>>>,
		/// Bytes.
		fetched: u64,
	},
}

impl<Block, L> Judge<Block, L>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	L: RegistryLayout,
{
	fn follower(&self, which: Which) -> Follower<'_, Block> {
		let id = match which {
			Which::Id(id) => Some(id),
			Which::Latest => None,
		};
		Follower::new(id, &self.registry, &self.chain)
	}

	fn verify(
		&self,
		which: Which,
		pages: &mut dyn Pages,
	) -> Result<Box<ProvenSnapshot<Block>>, FollowError> {
		Ok(self.follower(which).follow::<L>(pages)?.snapshot()?)
	}

	/// From the RPC of a node.
	pub fn by_rpc(&self, url: &str, which: Which) -> Result<Known<Block>, StartError> {
		let rpc = Rpc::new(url, self.registry.hash);
		let ask = |which| {
			self.verify(which, &mut rpc.prove(which)).map_err(|error| refused(which, url, error))
		};
		let first = ask(which)?;
		if which != Which::Latest {
			self.policy.check(&first.registration)?;
			return Ok(Known::Registered { proven: first, fetched: 0 });
		}
		self.newest_that_passes(first, |id| ask(Which::Id(id)))
	}

	/// Goes through the list that the first proof proves, newest block first.
	fn newest_that_passes(
		&self,
		first: Box<ProvenSnapshot<Block>>,
		ask: impl Fn(SnapshotId) -> Result<Box<ProvenSnapshot<Block>>, StartError>,
	) -> Result<Known<Block>, StartError> {
		let listed: Vec<SnapshotId> =
			first.registration.registration().listed.iter().map(|listed| listed.id).collect();
		let own = first.registration.id();
		let mut first = Some(first);
		let mut refusal = None;
		for id in listed.into_iter().take(MOST_CANDIDATES) {
			let given = if id == own { first.take() } else { None };
			let judged = given.map_or_else(|| ask(id), Ok).and_then(|proven| {
				self.policy.check(&proven.registration)?;
				Ok(proven)
			});
			match judged {
				Ok(proven) => {
					tracing::info!(target: "thin", id = ?proven.registration.id(), "The newest snapshot that passes");
					return Ok(Known::Registered { proven, fetched: 0 });
				},
				Err(error) => {
					tracing::warn!(target: "thin", ?id, %error, "not this one");
					refusal = refusal.or(Some(error));
				},
			}
		}
		Err(refusal.unwrap_or_else(|| {
			StartError::Usage(
				"no snapshot of this chain is certified and listed: name one by its id".into(),
			)
		}))
	}

	/// From a file.
	pub fn by_file(&self, path: &Path, which: Which) -> Result<Known<Block>, StartError> {
		let refused = |error| refused(which, &path.display().to_string(), error);
		let mut pages = Frames::open(path)?;
		let found = self.follower(which).follow::<L>(&mut pages).map_err(refused)?;
		pages.nothing_follows().map_err(refused)?;
		match found {
			Followed::Snapshot(proven) => {
				if which == Which::Latest {
					warn_of_newer(&proven.registration);
				}
				self.policy.check(&proven.registration)?;
				Ok(Known::Registered { proven, fetched: 0 })
			},
			Followed::Block(id, block)
				if self.policy.allow_uncertified && which == Which::Id(id) =>
			{
				Ok(Known::Unregistered { id, block: Some(Box::new(block)), fetched: 0 })
			},
			Followed::Block(..) => Err(refused(SnapshotProofError::TruthOnly.into())),
		}
	}

	/// The proof of the newest block that any of the stores has.
	pub fn by_stores(
		&self,
		stores: &[Arc<dyn Store>],
		id: SnapshotId,
	) -> Result<Known<Block>, StartError> {
		let follower = || self.follower(Which::Id(id));
		let block = records::read_block(stores, id, |pages| {
			let block = follower().follow_to_block(pages).map_err(|error| error.to_string())?;
			Ok((block, pages.fetched()))
		});
		let (block, mut fetched, mut no_block) = match block {
			Ok((block, fetched)) => (Some(block), fetched, None),
			Err(error) => (None, 0, Some(error.to_string())),
		};
		let (proven, mut reasons) = records::read_proofs(stores, id, |pages| {
			let found = follower().knowing(block.clone()).follow::<L>(pages);
			let proven = found.map_err(|error| error.to_string())?;
			Ok((proven.snapshot().map_err(|error| error.to_string())?, pages.fetched()))
		});
		fetched += proven.iter().map(|(_, fetched)| fetched).sum::<u64>();
		let newest = proven.into_iter().max_by_key(|(proven, _)| proven.registration.at().number);
		if let Some((proven, _)) = newest {
			self.policy.check(&proven.registration)?;
			return Ok(Known::Registered { proven, fetched });
		}
		if self.policy.allow_uncertified {
			tracing::warn!(target: "thin", ?reasons, "no store has a proof of the registration");
			return Ok(Known::Unregistered { id, block: block.map(Box::new), fetched });
		}
		reasons.extend(no_block.take());
		Err(StartError::Stores(format!(
			"no store has a proof of how snapshot {id:?} stands: {}. Give the RPC of a node with \
			 --thin-proof ws://…, store a proof with thin-node snapshot prove, or start without \
			 with --thin-allow-uncertified",
			reasons.join("; ")
		)))
	}
}

pub(super) fn refused(which: Which, source_name: &str, error: FollowError) -> StartError {
	match error {
		FollowError::Source(error) => error.into(),
		FollowError::Proof(error) => {
			let source_name = source_name.to_owned();
			StartError::Registration { id: source::name_of(which), source_name, error }
		},
	}
}

fn warn_of_newer(registration: &ProvenRegistration) {
	let newer = registration.newer();
	if !newer.is_empty() {
		tracing::warn!(
			target: "thin",
			?newer,
			"The file is of a snapshot that was not the newest one when the proof was made"
		);
	}
}

#[cfg(test)]
mod tests;
