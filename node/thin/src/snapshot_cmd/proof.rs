//! `snapshot prove` and `snapshot check`: proofs as files, and beside the image.

use crate::{
	cli::parse_id,
	genesis::{Anchor, Genesis},
	mounted::open_stores,
	proof::{FollowError, Follower, Frames, ProvenBlock, ProvenSnapshot, Recorded, Recording},
	prover::Which,
	records,
	registration::{age_in_words, RegistryLayout},
	rpc::LATEST,
	source::Rpc,
};
use clap::Parser;
use pallet_snapshots::SnapshotId;
use sc_chain_spec::GenericChainSpec;
use sc_cli::Error;
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::ChainSpec;
use serde_json::{json, Value};
use sp_core::traits::CodeExecutor;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{
	fs,
	path::{Path, PathBuf},
	time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The chains that a proof is checked against.
#[derive(Debug, Clone, Parser)]
pub struct ChainParams {
	/// The chain that the snapshot is of: `local`, `dev` or the file of a chain spec.
	#[arg(long, value_name = "CHAIN SPEC", default_value = "local")]
	pub chain: String,

	/// The file of the chain spec of the chain that lists the snapshot. [default: the same chain]
	#[arg(long, value_name = "CHAIN SPEC")]
	pub registry: Option<PathBuf>,
}

/// `snapshot prove`.
#[derive(Debug, Clone, Parser)]
pub struct ProveCmd {
	/// The snapshot: 64 hexadecimal digits, or `latest`.
	#[arg(value_name = "SNAPSHOT ID | latest")]
	pub id: String,

	/// The RPC of a node of the chain that lists the snapshot. It is not believed.
	#[arg(long, value_name = "WS URL", default_value = "ws://127.0.0.1:9944")]
	pub rpc: String,

	/// Write the proof to this file.
	#[arg(long, short, value_name = "FILE", required_unless_present = "store")]
	pub out: Option<PathBuf>,

	/// Put the proof beside the image in this store, under the next free number. May be repeated.
	#[arg(long, value_name = "URL")]
	pub store: Vec<String>,

	/// Print one JSON object.
	#[arg(long)]
	pub json: bool,

	/// What to check the proof against.
	#[clap(flatten)]
	pub chains: ChainParams,
}

/// `snapshot check`.
#[derive(Debug, Clone, Parser)]
pub struct CheckCmd {
	/// The file of the proof.
	pub file: PathBuf,

	/// Print one JSON object.
	#[arg(long)]
	pub json: bool,

	/// What to check the proof against.
	#[clap(flatten)]
	pub chains: ChainParams,
}

fn application(error: impl std::fmt::Display) -> Error {
	Error::Application(error.to_string().into())
}

/// Genesis of the snapshot's chain and of the registry's.
struct Anchors {
	chain: Anchor,
	registry: Anchor,
}

impl ChainParams {
	fn anchors<Block, E>(&self, spec: &dyn ChainSpec, executor: &E) -> Result<Anchors, Error>
	where
		Block: BlockT,
		E: RuntimeVersionOf + CodeExecutor,
	{
		let anchor = |spec: &dyn ChainSpec| {
			let genesis = Genesis::<Block>::of(spec, executor).map_err(application)?;
			genesis.anchor().map_err(application)
		};
		let chain = anchor(spec)?;
		let registry = match &self.registry {
			None => chain.clone(),
			Some(path) => {
				let spec: GenericChainSpec = GenericChainSpec::from_json_file(path.clone())
					.map_err(|error| application(format!("--registry: {error}")))?;
				anchor(&spec)?
			},
		};
		Ok(Anchors { chain, registry })
	}
}

impl ProveCmd {
	/// Gets a proof, checks it, and writes it.
	pub fn run<Block, E, L>(&self, spec: &dyn ChainSpec, executor: &E) -> sc_cli::Result<()>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + CodeExecutor,
		L: RegistryLayout,
	{
		let which = match self.id.as_str() {
			LATEST => Which::Latest,
			id => Which::Id(parse_id(id).map_err(application)?),
		};
		let Anchors { chain, registry } = self.chains.anchors::<Block, E>(spec, executor)?;
		let rpc = Rpc::new(&self.rpc, registry.hash);
		let asked = match which {
			Which::Id(id) => Some(id),
			Which::Latest => None,
		};
		let mut recording = Recording::default();
		let mut pages = Recorded { pages: &mut rpc.prove(which), recording: &mut recording };
		let proven = Follower::<Block>::new(asked, &registry, &chain)
			.follow::<L>(&mut pages)
			.map_err(application)?
			.snapshot()
			.map_err(application)?;
		let id = proven.registration.id();
		let manifest = proven.registration.registration().manifest.clone();

		let stores = match self.store.is_empty() {
			true => Vec::new(),
			false => open_stores(&self.store).map_err(application)?,
		};
		if stores.len() < self.store.len() {
			return Err(application(
				"not every store can be opened, and each is to have the proof: the log above says \
				 which, and why",
			));
		}
		let stored = || {
			records::read_block(&stores, id, |pages| {
				let follower = Follower::<Block>::new(Some(id), &chain, &chain);
				let block = follower.follow_to_block(pages).map_err(|error| error.to_string())?;
				block.check_against(&manifest).map_err(|error| error.to_string())
			})
		};
		// The node may not have the justification of the block: then the store has it.
		let (block, mut whole) = match &proven.block {
			Some(block) => (Some(block.clone()), recording),
			None => with_block(stored().ok(), id, recording).map_err(application)?,
		};

		let mut numbers = Vec::new();
		for store in &stores {
			let failed = |error| application(format!("{}: {error}", store.name()));
			if let Some(block) = &block {
				records::write_block(&**store, id, &manifest, &mut block.pages(id))
					.map_err(failed)?;
			}
			let pages = whole.pages().map_err(application)?;
			let number = records::write_proof(&**store, id, pages).map_err(failed)?;
			numbers.push((store.name().to_owned(), number));
		}
		if let Some(out) = &self.out {
			whole
				.write(out)
				.map_err(|error| application(format!("can't write {}: {error}", out.display())))?;
		}
		self.print(&report(&proven, block.as_ref(), whole.length()), &numbers);
		Ok(())
	}

	fn print(&self, report: &Value, numbers: &[(String, u32)]) {
		if self.json {
			let stored: Vec<Value> = numbers
				.iter()
				.map(|(store, number)| json!({ "store": store, "number": number }))
				.collect();
			println!("{}", json!({ "proof": report, "file": self.out, "stored": stored }));
			return;
		}
		print_table(report);
		for (store, number) in numbers {
			println!("stored         {store}, as proof {number}");
		}
		if let Some(out) = &self.out {
			println!("written        {}", out.display());
		}
	}
}

impl CheckCmd {
	/// Checks a proof, with no network, and prints what it proves.
	pub fn run<Block, E, L>(&self, spec: &dyn ChainSpec, executor: &E) -> sc_cli::Result<()>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + CodeExecutor,
		L: RegistryLayout,
	{
		let checked = self.check::<Block, E, L>(&self.file, spec, executor);
		match &checked {
			Ok(report) if self.json => println!("{report}"),
			Ok(report) => print_table(report),
			Err(error) if self.json => {
				println!("{}", json!({ "holds": false, "reason": error.to_string() }));
			},
			Err(_) => {},
		}
		checked.map(drop)
	}

	fn check<Block, E, L>(
		&self,
		file: &Path,
		spec: &dyn ChainSpec,
		executor: &E,
	) -> Result<Value, Error>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + CodeExecutor,
		L: RegistryLayout,
	{
		let mut pages = Frames::open(file).map_err(application)?;
		let length = fs::metadata(file).map_or(0, |file| file.len());
		let Anchors { chain, registry } = self.chains.anchors::<Block, E>(spec, executor)?;
		let proven = Follower::<Block>::new(None, &registry, &chain)
			.follow::<L>(&mut pages)
			.map_err(application)?
			.snapshot()
			.map_err(application)?;
		pages.nothing_follows().map_err(application)?;
		Ok(report(&proven, proven.block.as_ref(), length))
	}
}

/// Puts the proof of the block, if there is one, before that of the registration.
fn with_block<Block: BlockT>(
	block: Option<ProvenBlock<Block>>,
	id: SnapshotId,
	mut registration: Recording,
) -> Result<(Option<ProvenBlock<Block>>, Recording), FollowError>
where
	NumberFor<Block>: BlockNumberOps,
{
	let mut whole = Recording::default();
	if let Some(block) = &block {
		whole.append(&mut block.pages(id))?;
	}
	whole.append(&mut registration.pages()?)?;
	Ok((block, whole))
}

/// What is proven, in words that stay the same.
fn report<Block: BlockT>(
	proven: &ProvenSnapshot<Block>,
	block: Option<&ProvenBlock<Block>>,
	bytes: u64,
) -> Value
where
	NumberFor<Block>: BlockNumberOps,
{
	let registration = proven.registration.registration();
	let at = proven.registration.at();
	let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	let age = now.saturating_sub(Duration::from_millis(registration.time));
	json!({
		"holds": true,
		"snapshot_id": format!("{:?}", proven.registration.id()),
		"block_proven": block.is_some(),
		"authority_set": block.and_then(|block| block.history().current()).map(|set| set.set_id),
		"manifest": registration.manifest,
		"checked_by_registry": registration.native,
		"status": registration.standing,
		"expired": proven.registration.is_expired(),
		"registered_at": registration.registered_at,
		"expires_at": registration.expires_at,
		"standing_stake": registration.standing_stake.to_string(),
		"standing_attesters": registration.standing_attesters,
		"attested": registration.attested.to_string(),
		"quorum": registration.quorum.to_string(),
		"mature_stake": registration.mature_stake.to_string(),
		"locations": registration.locations,
		"newer": proven.registration.newer().iter().map(|id| format!("{id:?}")).collect::<Vec<_>>(),
		"registry": format!("0x{}", hex::encode(proven.registration.registry())),
		"as_of_block": at.number,
		"as_of_hash": format!("0x{}", hex::encode(at.hash)),
		"as_of_time": registration.time,
		"age_seconds": age.as_secs(),
		"age": age_in_words(age),
		"authority_sets": proven.sets,
		"bytes": bytes,
	})
}

fn print_table(report: &Value) {
	let text = |value: &Value| match value {
		Value::String(text) => text.clone(),
		other => other.to_string(),
	};
	let manifest = &report["manifest"];
	let of = |name: &str| text(&report[name]);
	println!("snapshot id    {}", of("snapshot_id"));
	println!("genesis hash   {}", text(&manifest["genesis_hash"]));
	let how = match report["block_proven"].as_bool() {
		Some(true) => "proven final",
		_ => "final as the registry's chain has it; the proof of it lies beside the image",
	};
	let (number, hash) = (text(&manifest["block_number"]), text(&manifest["block_hash"]));
	println!("block          {number} {hash}, {how}");
	if !report["authority_set"].is_null() {
		println!("authority set  {}, in charge after it", of("authority_set"));
	}
	println!("state root     {}", text(&manifest["state_root"]));
	println!("image          {}", text(&manifest["image"]));
	let expired = if report["expired"] == true { ", its term is over" } else { "" };
	println!("status         {}{expired}", of("status"));
	println!(
		"stake          {} standing, of {} attesters; {} attested, quorum {}, all mature {}",
		of("standing_stake"),
		of("standing_attesters"),
		of("attested"),
		of("quorum"),
		of("mature_stake"),
	);
	println!("registered     at block {}, until block {}", of("registered_at"), of("expires_at"));
	for location in report["locations"].as_array().into_iter().flatten() {
		println!("location       {}", text(location));
	}
	for newer in report["newer"].as_array().into_iter().flatten() {
		println!("newer          {}", text(newer));
	}
	println!("registry       {}", of("registry"));
	println!("as of          block {} {}, {} ago", of("as_of_block"), of("as_of_hash"), of("age"));
	println!("proof          {} bytes, {} authority sets", of("bytes"), of("authority_sets"));
}
