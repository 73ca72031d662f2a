//! Judges the proofs that a start is given: from genesis, and by the policy of this node.

use crate::{
	error::StartError,
	genesis::Anchor,
	proof::{ProvenSnapshot, SnapshotProof, SnapshotProofError},
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
	/// Nobody vouches for it. If there are bytes, they may prove the block.
	Unregistered(SnapshotId, Option<Vec<u8>>),
}

impl<Block, L> Judge<Block, L>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	L: RegistryLayout,
{
	fn verify(
		&self,
		which: Which,
		bytes: &[u8],
	) -> Result<Box<ProvenSnapshot<Block>>, SnapshotProofError> {
		let proof = SnapshotProof::<Block>::from_bytes(bytes)?;
		let id = match which {
			Which::Id(id) => id,
			Which::Latest => proof.snapshot(),
		};
		proof.verify::<L>(id, &self.registry, &self.chain).map(Box::new)
	}

	/// From the RPC of a node.
	pub fn by_rpc(&self, url: &str, which: Which) -> Result<Known<Block>, StartError> {
		let rpc = Rpc::new(url, self.registry.hash);
		let ask = |which| {
			let bytes = rpc.prove(which)?;
			self.verify(which, &bytes).map_err(|error| does_not_hold(which, url, error))
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
		let bytes = source::from_file(path)?;
		match (self.verify(which, &bytes), which) {
			(Ok(proven), _) => {
				if which == Which::Latest {
					warn_of_newer(&proven.registration);
				}
				self.policy.check(&proven.registration)?;
				Ok(Known::Registered { proven, fetched: 0 })
			},
			(Err(SnapshotProofError::TruthOnly), Which::Id(id))
				if self.policy.allow_uncertified =>
			{
				Ok(Known::Unregistered(id, Some(bytes)))
			},
			(Err(error), _) => Err(does_not_hold(which, &path.display().to_string(), error)),
		}
	}

	/// The proof of the newest block that any of the stores has.
	pub fn by_stores(
		&self,
		stores: &[Arc<dyn Store>],
		id: SnapshotId,
	) -> Result<Known<Block>, StartError> {
		let (proven, reasons) = records::read_proofs(stores, id, |bytes| {
			let proven = self.verify(Which::Id(id), bytes).map_err(|error| error.to_string())?;
			Ok((proven, bytes.len() as u64))
		});
		let fetched = proven.iter().map(|(_, length)| length).sum();
		let newest = proven.into_iter().max_by_key(|(proven, _)| proven.registration.at().number);
		if let Some((proven, _)) = newest {
			self.policy.check(&proven.registration)?;
			return Ok(Known::Registered { proven, fetched });
		}
		if self.policy.allow_uncertified {
			tracing::warn!(target: "thin", ?reasons, "no store has a proof of the registration");
			return Ok(Known::Unregistered(id, None));
		}
		Err(StartError::Stores(format!(
			"no store has a proof of how snapshot {id:?} stands: {}. Give the RPC of a node with \
			 --thin-proof ws://…, store a proof with thin-node snapshot prove, or start without \
			 with --thin-allow-uncertified",
			reasons.join("; ")
		)))
	}
}

pub(super) fn does_not_hold(
	which: Which,
	source_name: &str,
	error: SnapshotProofError,
) -> StartError {
	let source_name = source_name.to_owned();
	StartError::Registration { id: source::name_of(which), source_name, error }
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
