//! Finds out what a snapshot is, how it stands, where it lies, and that its block is final.

use super::{
	judge::{refused, Judge, Known},
	Place, Resolved, Upper,
};
use crate::{
	create::snapshot_id,
	error::StartError,
	genesis::{Anchor, Genesis, GenesisError},
	local::{Marker, ProvenRecord},
	mounted::open_stores,
	proof::{Follower, ProvenBlock, ProvenSnapshot, SnapshotProofError},
	prover::Which,
	records,
	registration::{ProvenRegistration, RegistryLayout},
	source,
};
use pallet_snapshots::{Manifest, SnapshotId};
use sc_chain_spec::GenericChainSpec;
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sp_core::{traits::CodeExecutor, H256};
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{marker::PhantomData, path::Path, sync::Arc};
use thin_mount::store::Store;

/// What is known before the image is opened, but perhaps that its block is final.
struct LookedUp<Block: BlockT> {
	id: SnapshotId,
	/// `None` for a snapshot that nobody vouches for.
	registration: Option<ProvenRegistration>,
	manifest: Manifest,
	block: Option<ProvenBlock<Block>>,
	stores: Vec<Arc<dyn Store>>,
	/// Bytes of proofs that came from stores.
	fetched: u64,
}

impl Place<'_> {
	/// Finds out all there is to know before the image is opened.
	pub(super) fn resolve<Block, E, L>(&self, executor: &E) -> Result<Resolved<Block>, StartError>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + CodeExecutor,
		L: RegistryLayout,
	{
		let which = self
			.params
			.snapshot()
			.map_err(StartError::Usage)?
			.ok_or_else(|| StartError::Usage("no snapshot was named".into()))?;
		let genesis = Genesis::<Block>::of(&*self.config.chain_spec, executor)?;
		let chain = anchor(&genesis)?;
		let registry = match &self.params.thin_registry {
			None => chain.clone(),
			Some(path) => registry_anchor::<Block, E>(path, executor)?,
		};
		let policy = self.params.policy();
		let judge = Judge::<Block, L> { policy, registry, chain, _types: PhantomData };
		let LookedUp { id, registration, manifest, block, stores, mut fetched } =
			self.look_up(&judge, which)?;

		let proven = match block {
			Some(block) => block,
			None => {
				let (block, length) = records::read_block(&stores, id, |pages| {
					let block = Follower::new(Some(id), &judge.chain, &judge.chain)
						.follow_to_block(pages)
						.map_err(|error| error.to_string())?;
					let block = block.check_against(&manifest).map_err(|e| e.to_string())?;
					Ok((block, pages.fetched()))
				})?;
				fetched += length;
				block
			},
		};
		match &registration {
			Some(registration) => tell(registration),
			None => tracing::warn!(
				target: "thin",
				"No registration is proven: the block is, from genesis, but nobody vouches for \
				 the image to be complete."
			),
		}
		let stores_without_passwords = stores.iter().map(|store| store.name().to_owned()).collect();
		let block = proven.record();
		let marker = Marker { snapshot: id, manifest, stores: stores_without_passwords, block };
		let upper = Upper::New(Box::new(genesis));
		let registered =
			registration.map(|proven| ProvenRecord { time: proven.registration().time });
		Ok(Resolved { marker, proven, stores, upper, registered, fetched })
	}

	/// Asks whom the flags name, and opens the stores.
	fn look_up<Block, L>(
		&self,
		judge: &Judge<Block, L>,
		which: Which,
	) -> Result<LookedUp<Block>, StartError>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		L: RegistryLayout,
	{
		let given = &self.params.thin_store;
		let known =
			match (self.params.thin_proof.as_deref(), which) {
				(Some(url), _) if source::is_rpc(url) => judge.by_rpc(url, which)?,
				(Some(file), _) => judge.by_file(Path::new(file), which)?,
				(None, Which::Latest) => {
					return Err(StartError::Usage(
						"a store has no list of snapshots: to start from the latest one, give the \
					 RPC of a node of the chain with --thin-proof ws://…"
							.into(),
					))
				},
				(None, Which::Id(_)) if given.is_empty() => return Err(StartError::Usage(
					"say where a proof of the snapshot can be had: with --thin-proof ws://… (the \
					 RPC of a node of the chain) or FILE, or with --thin-store URL, where the \
					 image and its proof lie"
						.into(),
				)),
				(None, Which::Id(id)) => judge.by_stores(&open_stores(given)?, id)?,
			};
		match known {
			Known::Registered { proven, fetched } => {
				let ProvenSnapshot { registration, block, .. } = *proven;
				let found = registration.registration();
				let locations = found.locations.iter().map(ToString::to_string);
				let urls: Vec<String> = given.iter().cloned().chain(locations).collect();
				Ok(LookedUp {
					id: registration.id(),
					manifest: found.manifest.clone(),
					block,
					stores: open_stores(&urls)?,
					fetched,
					registration: Some(registration),
				})
			},
			Known::Unregistered { id, block, fetched } => {
				if given.is_empty() {
					return Err(StartError::Usage(
						"without a registration, say with --thin-store where the image lies".into(),
					));
				}
				let stores = open_stores(given)?;
				let manifest = records::read_manifest(&stores, id, snapshot_id::<Block>)?;
				check_chain(id, &manifest, judge.chain.hash)?;
				let block = match block.map(|block| block.check_against(&manifest)).transpose() {
					Ok(block) => block,
					// It is of the first store that has one, and another may have the right one.
					Err(_) if self.params.thin_proof.is_none() => None,
					Err(error) => {
						let error = SnapshotProofError::Truth(error).into();
						return Err(refused(which, "the file", error));
					},
				};
				Ok(LookedUp { id, registration: None, manifest, block, stores, fetched })
			},
		}
	}
}

fn anchor<Block: BlockT>(genesis: &Genesis<Block>) -> Result<Anchor, StartError> {
	genesis.anchor().map_err(|error| StartError::Usage(error.to_string()))
}

fn registry_anchor<Block, E>(path: &Path, executor: &E) -> Result<Anchor, StartError>
where
	Block: BlockT,
	E: RuntimeVersionOf + CodeExecutor,
{
	let spec: GenericChainSpec = GenericChainSpec::from_json_file(path.to_owned())
		.map_err(|error| StartError::Usage(format!("--thin-registry: {error}")))?;
	let genesis = Genesis::<Block>::of(&spec, executor)
		.map_err(|error: GenesisError| StartError::Usage(format!("--thin-registry: {error}")))?;
	anchor(&genesis)
}

/// What is behind the snapshot, for the log.
fn tell(proven: &ProvenRegistration) {
	let registration = proven.registration();
	tracing::info!(
		target: "thin",
		status = %registration.standing,
		stake = registration.standing_stake,
		mature_stake = registration.mature_stake,
		attesters = registration.standing_attesters,
		as_of = proven.at().number,
		"Registration proven from genesis",
	);
}

pub(crate) fn check_chain(
	id: SnapshotId,
	manifest: &Manifest,
	ours: [u8; 32],
) -> Result<(), StartError> {
	if manifest.genesis_hash != H256(ours) {
		return Err(StartError::OtherChain {
			id,
			theirs: format!("{:?}", manifest.genesis_hash),
			ours: format!("{:?}", H256(ours)),
		});
	}
	Ok(())
}
