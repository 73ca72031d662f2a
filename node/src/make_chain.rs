//! `make-chain`: a chain of any size for benchmarks, as fast as blocks can be made.
//!
//! Its blocks are what a validator would have made, in slots that are long past: any node accepts
//! them. Only the development chain can be made, whose keys everybody knows.

mod transfers;

use crate::service::{self, FullClient, GrandpaBlockImport, GrandpaLink};
use anyhow::{bail, ensure, Context};
use codec::Encode;
use finality_grandpa::SignedPrecommit;
use futures::executor::block_on;
use sc_block_builder::BlockBuilderBuilder;
use sc_cli::{CliConfiguration, ImportParams, SharedParams};
use sc_client_api::HeaderBackend;
use sc_consensus::{
	BlockImport, BlockImportParams, ForkChoiceStrategy, ImportResult, StateAction, StorageChanges,
};
use sc_service::Configuration;
use serde_json::json;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::{ApplyExtrinsicFailed, Error as BlockError};
use sp_consensus::BlockOrigin;
use sp_consensus_aura::{
	digests::CompatibleDigestItem, sr25519::AuthorityPair as AuraPair,
	sr25519::AuthoritySignature as AuraSignature, AuraApi, Slot,
};
use sp_consensus_grandpa::{
	localized_payload, AuthorityPair as GrandpaPair, Commit, GrandpaJustification, Message,
	Precommit, GRANDPA_ENGINE_ID,
};
use sp_core::Pair;
use sp_inherents::InherentData;
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT},
	Digest, DigestItem, OpaqueExtrinsic,
};
use std::{fs, path::Path, sync::Arc};
use thin_runtime::{
	opaque::{Block, Hash, Header},
	SLOT_DURATION,
};

/// The slot of block 1: the beginning of 2025. The same in each chain, so that two of one size
/// differ in their signatures alone.
const FIRST_SLOT: u64 = 1_735_689_600_000 / SLOT_DURATION;
/// One block in so many is justified, as by the nodes of this chain.
const JUSTIFIED: u32 = 32;
/// How often to look at how large the database is, in blocks.
const LOOK: u32 = 64;

/// `make-chain`.
#[derive(Debug, Clone, clap::Parser)]
pub struct MakeChainCmd {
	/// Make blocks until the database takes so many bytes: 100M, 1G.
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse)]
	pub size: Option<u64>,

	/// Make so many blocks, if the size is not reached before.
	#[arg(long, value_name = "NUMBER", required_unless_present = "size")]
	pub blocks: Option<u32>,

	/// How many transfers a block has. One in ten, the last of a session, has none.
	#[arg(long, value_name = "NUMBER", default_value_t = 60)]
	pub transfers: u32,

	/// Base path and chain.
	#[clap(flatten)]
	pub shared_params: SharedParams,

	/// Pruning, and how the runtime is run.
	#[clap(flatten)]
	pub import_params: ImportParams,
}

impl CliConfiguration for MakeChainCmd {
	fn shared_params(&self) -> &SharedParams {
		&self.shared_params
	}

	fn import_params(&self) -> Option<&ImportParams> {
		Some(&self.import_params)
	}
}

impl MakeChainCmd {
	/// Makes the blocks, on top of those that are there, and prints what there is then.
	pub fn run(&self, config: &Configuration) -> sc_cli::Result<()> {
		self.make(config).map_err(|error| sc_cli::Error::Application(error.into()))
	}

	fn make(&self, config: &Configuration) -> anyhow::Result<()> {
		let folder = config.database.path().context("a database that is no folder")?;
		let parts = service::new_partial(config, &Default::default())?;
		let (block_import, grandpa, _, _) = parts.other;
		let mut maker = Maker::new(parts.client, block_import, grandpa)?;
		let mut transfers = transfers::signed(&maker.client)?;
		let (first, mut waiting, mut made) = (maker.height() + 1, None, 0u64);
		for count in 0.. {
			let full = match self.size {
				Some(size) if count % LOOK == 0 => size_of(folder)? >= size,
				_ => false,
			};
			let last = full || self.blocks.is_some_and(|blocks| count + 1 >= blocks);
			let mut next = || waiting.take().or_else(|| transfers.next());
			let (block, left) = maker.block(self.transfers, &mut next)?;
			made += u64::from(block);
			waiting = left;
			maker.import(last)?;
			if last {
				break;
			}
		}
		let line = json!({
			"first": first,
			"height": maker.height(),
			"hash": format!("{:?}", maker.parent.hash()),
			"transfers": made,
		});
		println!("{line}");
		Ok(())
	}
}

/// A block that is made and not imported.
struct Made {
	header: Header,
	body: Vec<OpaqueExtrinsic>,
	changes: sp_api::StorageChanges<Block>,
}

/// Makes one block after the other.
struct Maker {
	client: Arc<FullClient>,
	block_import: GrandpaBlockImport,
	grandpa: GrandpaLink,
	aura_key: AuraPair,
	grandpa_key: GrandpaPair,
	/// The newest block.
	parent: Header,
	slot: u64,
	made: Option<Made>,
}

impl Maker {
	fn new(
		client: Arc<FullClient>,
		block_import: GrandpaBlockImport,
		grandpa: GrandpaLink,
	) -> anyhow::Result<Self> {
		let aura_key = AuraPair::from_string("//Alice", None).context("no key of Alice")?;
		let grandpa_key = GrandpaPair::from_string("//Alice", None).context("no key of Alice")?;
		let best = client.info().best_hash;
		let authorities = client.runtime_api().authorities(best)?;
		ensure!(
			authorities == [aura_key.public()],
			"only a chain whose sole authority is Alice can be made: give --chain dev, or its spec"
		);
		let parent = client.header(best)?.context("the best block has no header")?;
		let slot = parent.digest().logs().iter().find_map(slot_of).unwrap_or(FIRST_SLOT);
		Ok(Self { client, block_import, grandpa, aura_key, grandpa_key, parent, slot, made: None })
	}

	fn height(&self) -> u32 {
		*self.parent.number()
	}

	/// Makes a block of at most so many transactions. Returns how many it has, and the one that
	/// found no room in it.
	fn block(
		&mut self,
		most: u32,
		next: &mut dyn FnMut() -> Option<OpaqueExtrinsic>,
	) -> anyhow::Result<(u32, Option<OpaqueExtrinsic>)> {
		self.slot += 1;
		let slot = Slot::from(self.slot);
		let pre_digest = <DigestItem as CompatibleDigestItem<AuraSignature>>::aura_pre_digest(slot);
		let mut builder = BlockBuilderBuilder::new(&*self.client)
			.on_parent_block(self.parent.hash())
			.with_parent_block_number(self.height())
			.with_inherent_digests(Digest { logs: vec![pre_digest] })
			.build()?;
		let mut data = InherentData::new();
		let now = sp_timestamp::Timestamp::new(self.slot * SLOT_DURATION);
		data.put_data(sp_timestamp::INHERENT_IDENTIFIER, &now)?;
		for inherent in builder.create_inherents(data)? {
			builder.push(inherent)?;
		}
		let (mut count, mut left) = (0, None);
		while count < most {
			let Some(extrinsic) = next() else { bail!("there are no transfers left") };
			match builder.push(extrinsic.clone()) {
				Ok(()) => count += 1,
				Err(error) if is_full(&error) => {
					left = Some(extrinsic);
					break;
				},
				Err(error) => return Err(error.into()),
			}
		}
		let (block, changes) = builder.build()?.into_inner();
		let (header, body) = block.deconstruct();
		self.made = Some(Made { header, body, changes });
		Ok((count, left))
	}

	/// Imports the block that was made, with a justification where its number, its change of
	/// authorities or its place at the end asks for one.
	fn import(&mut self, last: bool) -> anyhow::Result<()> {
		let Made { header, body, changes } = self.made.take().context("no block is made")?;
		let seal = self.aura_key.sign(header.hash().as_ref());
		let seal = <DigestItem as CompatibleDigestItem<AuraSignature>>::aura_seal(seal);
		let mut sealed = header.clone();
		sealed.digest_mut().push(seal.clone());
		let changes_authorities =
			|log: &DigestItem| log.as_consensus().is_some_and(|(id, _)| id == GRANDPA_ENGINE_ID);
		let justify = last
			|| header.number() % JUSTIFIED == 0
			|| header.digest().logs().iter().any(changes_authorities);

		let mut params = BlockImportParams::new(BlockOrigin::Own, header);
		params.post_digests.push(seal);
		params.body = Some(body);
		params.state_action = StateAction::ApplyChanges(StorageChanges::Changes(changes));
		params.fork_choice = Some(ForkChoiceStrategy::LongestChain);
		params.post_hash = Some(sealed.hash());
		params.justifications =
			justify.then(|| (GRANDPA_ENGINE_ID, self.justification(&sealed).encode()).into());
		match block_on(self.block_import.import_block(params))? {
			ImportResult::Imported(aux) if !aux.bad_justification => {},
			other => bail!("block {} isn't imported: {other:?}", sealed.number()),
		}
		self.parent = sealed;
		Ok(())
	}

	fn justification(&self, header: &Header) -> GrandpaJustification<Header> {
		let set = self.grandpa.shared_authority_set().set_id();
		let (target_hash, target_number): (Hash, _) = (header.hash(), *header.number());
		let precommit = Precommit::<Header> { target_hash, target_number };
		let message = Message::<Header>::Precommit(precommit.clone());
		let signature = self.grandpa_key.sign(&localized_payload(1, set, &message));
		let signed = SignedPrecommit { precommit, signature, id: self.grandpa_key.public() };
		let commit = Commit::<Header> { target_hash, target_number, precommits: vec![signed] };
		GrandpaJustification { round: 1, commit, votes_ancestries: Vec::new() }
	}
}

fn slot_of(log: &DigestItem) -> Option<u64> {
	CompatibleDigestItem::<AuraSignature>::as_aura_pre_digest(log).map(Into::into)
}

/// Whether a block has no room for the transaction, and a later one may have.
fn is_full(error: &BlockError) -> bool {
	match error {
		BlockError::ApplyExtrinsicFailed(ApplyExtrinsicFailed::Validity(error)) => {
			error.exhausted_resources()
		},
		_ => false,
	}
}

/// The bytes of the files in a folder.
fn size_of(folder: &Path) -> anyhow::Result<u64> {
	let mut size = 0;
	for entry in fs::read_dir(folder)? {
		// Files of RocksDB go while we look.
		size += entry?.metadata().map_or(0, |metadata| metadata.len());
	}
	Ok(size)
}
