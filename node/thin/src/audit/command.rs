//! `snapshot audit`

use super::{
	chunks,
	folder::Folder,
	journal::{Journal, SAVE_EVERY},
	Audit, Checkpoints, DatabaseDone, Report,
};
use crate::{
	cli::{parse_id, Hydrate, ThinParams},
	create::snapshot_id,
	genesis::Genesis,
	mounted::{open_stores, MountedImage},
	proof::{Follower, Frames, Pages, ProvenBlock},
	records,
	start::check_chain,
	ticker::Line,
};
use clap::{Args, Parser};
use pallet_snapshots::{Manifest, SnapshotId};
use parking_lot::Mutex;
use sc_cli::{CliConfiguration, SharedParams};
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::Configuration;
use serde::Serialize;
use sp_core::traits::CodeExecutor;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{path::PathBuf, sync::Arc};
use thin_mount::{chunk::ChunkId, image::ImageId, progress::Progress, store::Store};

/// How much of an image is kept on disk at a time when nothing is said: 10 GB.
pub const CACHE_SIZE: u64 = 10_000_000_000;
/// How many faults a person is shown.
pub(super) const SHOWN: usize = 20;

/// What to audit, and where it may keep what it needs.
#[derive(Debug, Clone, Args)]
pub struct AuditParams {
	/// The snapshot: its id, 64 hexadecimal digits.
	#[arg(value_name = "SNAPSHOT ID")]
	pub id: String,

	/// A store to read it from. May be repeated.
	#[arg(long, required = true, value_name = "URL")]
	pub store: Vec<String>,

	/// The proof of its block. [default: from the stores]
	#[arg(long, value_name = "FILE")]
	pub thin_proof: Option<PathBuf>,

	/// Keep what is fetched, and how far it is, in a folder there, until the end. An audit of the
	/// same snapshot that was cut off goes on from there, for a week.
	/// [default: the system's folder for temporary files]
	#[arg(long, value_name = "DIR")]
	pub work: Option<PathBuf>,

	/// How much of the image is kept on disk at a time: 500M, 20G.
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse, default_value_t = CACHE_SIZE)]
	pub cache_size: u64,

	/// The most bytes that are fetched in a second: 500K, 50M. [default: as many as come]
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse)]
	pub rate: Option<u64>,

	/// Restore the image to a folder, for machines without FUSE.
	#[arg(long)]
	pub restore: bool,
}

/// `snapshot audit`.
#[derive(Debug, Clone, Parser)]
pub struct AuditCmd {
	/// What to audit.
	#[clap(flatten)]
	pub params: AuditParams,

	/// Print one JSON object.
	#[arg(long)]
	pub json: bool,

	/// Chain and base path.
	#[clap(flatten)]
	pub shared_params: SharedParams,
}

impl CliConfiguration for AuditCmd {
	fn shared_params(&self) -> &SharedParams {
		&self.shared_params
	}
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
	/// What was looked for is not there or not right: exit code 1.
	#[error("{0}")]
	Negative(String),
	/// It could not be found out: exit code 2.
	#[error("{0}")]
	Environment(String),
}

pub(super) fn negative(error: impl ToString) -> Failure {
	Failure::Negative(error.to_string())
}

pub(super) fn environment(error: impl ToString) -> Failure {
	Failure::Environment(error.to_string())
}

/// What was found of the chunks of an image.
#[derive(Debug, Default, Serialize)]
pub struct ChunkCounts {
	/// Files.
	pub files: u64,
	/// Chunks that are what their ids say.
	pub good_chunks: u64,
	/// The length of the files together.
	pub bytes: u64,
	/// Chunks that are missing or wrong.
	pub wrong_chunks: u64,
}

/// All that is printed.
#[derive(Debug, Serialize)]
pub struct Findings {
	/// Whether all of it is right.
	pub ok: bool,
	/// The snapshot, hex.
	pub snapshot_id: String,
	/// Its image, hex.
	pub image_id: String,
	/// The number of block N.
	pub block: u64,
	/// Its hash, hex.
	pub block_hash: String,
	/// Through how many authority sets the proof leads.
	pub authority_sets: u64,
	/// From which block on the image promises bodies.
	pub bodies_from: Option<u32>,
	/// The chunks.
	pub chunks: ChunkCounts,
	/// `null` when chunks are missing: then there is nothing to read.
	pub database: Option<Report>,
	/// How many faults there are.
	pub faults: u64,
	/// The first ones, in words.
	pub first_faults: Vec<String>,
}

impl AuditParams {
	/// Audits. What is wrong with the snapshot is in the findings; errors when there are none.
	pub fn audit<Block>(&self, genesis: &Genesis<Block>) -> Result<Findings, Failure>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
	{
		let id = parse_id(&self.id).map_err(environment)?;
		let stores = open_stores(&self.store).map_err(environment)?;
		chunks::some_store_answers(&stores)?;
		let (manifest, proven) = self.prove(id, genesis, &stores)?;
		let work = self.work.clone().unwrap_or_else(std::env::temp_dir);
		let folder = Folder::open(&work, id).map_err(|error| {
			environment(format!(
				"no folder can be made in {}: {error}. Name another with --work",
				work.display()
			))
		})?;
		let journal = Journal::open(folder.path(), id);
		let findings = self.findings(id, &manifest, &proven, stores, journal);
		// What could not be found out may be found out the next time, from there on.
		if !matches!(findings, Err(Failure::Environment(_))) {
			folder.remove();
		}
		findings
	}

	fn findings<Block>(
		&self,
		id: SnapshotId,
		manifest: &Manifest,
		proven: &ProvenBlock<Block>,
		stores: Vec<Arc<dyn Store>>,
		mut journal: Journal,
	) -> Result<Findings, Failure>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
	{
		let line = Line::new();
		let image = ImageId(ChunkId(manifest.image.0));
		let mut findings = Findings {
			ok: false,
			snapshot_id: format!("{id:?}"),
			image_id: format!("{:?}", manifest.image),
			block: manifest.block_number,
			block_hash: format!("{:?}", manifest.block_hash),
			authority_sets: proven.history().changes().len() as u64 + 1,
			bodies_from: None,
			chunks: ChunkCounts::default(),
			database: None,
			faults: 0,
			first_faults: Vec::new(),
		};
		let on_progress = |progress: Progress| {
			line.draw(|| format!("chunks: {} files, {} bytes", progress.files, progress.bytes));
		};
		chunks::check(image, &stores, self.rate, &mut journal, &mut findings, &on_progress)?;
		if findings.chunks.wrong_chunks == 0 {
			let report =
				self.check_database(manifest, proven, stores, journal, &line, &mut findings)?;
			findings.faults += report.faults.count;
			findings.first_faults.extend(report.faults.first.iter().cloned());
			findings.database = Some(report);
		}
		drop(line);
		findings.ok = findings.faults == 0;
		Ok(findings)
	}

	fn prove<Block>(
		&self,
		id: SnapshotId,
		genesis: &Genesis<Block>,
		stores: &[Arc<dyn Store>],
	) -> Result<(Manifest, ProvenBlock<Block>), Failure>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
	{
		let manifest =
			records::read_manifest(stores, id, snapshot_id::<Block>).map_err(negative)?;
		let chain = genesis.anchor().map_err(environment)?;
		check_chain(id, &manifest, chain.hash).map_err(environment)?;
		let check = |pages: &mut dyn Pages| -> Result<ProvenBlock<Block>, String> {
			let follower = Follower::<Block>::new(Some(id), &chain, &chain);
			let block = follower.follow_to_block(pages).map_err(|error| error.to_string())?;
			block.check_against(&manifest).map_err(|error| error.to_string())
		};
		let proven = match &self.thin_proof {
			Some(path) => {
				let mut pages = Frames::open(path).map_err(environment)?;
				let named = |error| negative(format!("{}: {error}", path.display()));
				check(&mut pages).map_err(named)?
			},
			None => records::read_block(stores, id, |pages| check(pages)).map_err(negative)?,
		};
		Ok((manifest, proven))
	}

	fn check_database<Block>(
		&self,
		manifest: &Manifest,
		proven: &ProvenBlock<Block>,
		stores: Vec<Arc<dyn Store>>,
		journal: Journal,
		line: &Line,
		findings: &mut Findings,
	) -> Result<Report, Failure>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
	{
		let params = ThinParams {
			thin_hydrate: if self.restore { Hydrate::Full } else { Hydrate::None },
			thin_cache_size: Some(self.cache_size),
			fetch_rate: self.rate,
			..Default::default()
		};
		let image = ImageId(ChunkId(manifest.image.0));
		let mounted =
			MountedImage::at(journal.folder(), image, &params, stores).map_err(environment)?;
		// Every chunk is right by now: what can't be read is no database of a node.
		let promise = mounted.promise().map_err(negative)?;
		findings.bodies_from = promise.map(|promise| promise.bodies_from);
		let raw = mounted.scan_database().map_err(negative)?;
		let visited = journal.folder().join("visited");
		let done = journal.done.database.clone();
		let journal = Mutex::new(journal);
		let save = |done: &DatabaseDone| {
			let mut journal = journal.lock();
			journal.done.database = done.clone();
			journal.save()
		};
		let audit = Audit {
			raw,
			proven,
			pruning: manifest.pruning,
			promise,
			folder: &visited,
			done,
			checkpoints: Checkpoints::new(SAVE_EVERY, &save),
			on_progress: &|progress| {
				line.draw(|| match progress.total {
					Some(total) => format!("{} {} of {total}", progress.step, progress.done),
					None => format!("{} {}", progress.step, progress.done),
				})
			},
		};
		audit.run().map_err(|error| match error {
			super::AuditError::Read(_) => negative(error),
			super::AuditError::Visited { .. } => environment(error),
		})
	}
}

impl AuditCmd {
	/// Audits, prints what was found, and ends the process: with 0 when all is right, 1 when
	/// something is wrong or not there, 2 when that could not be found out.
	pub fn run<Block, E>(&self, config: &Configuration, executor: &E) -> !
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + CodeExecutor,
	{
		let findings = Genesis::<Block>::of(&*config.chain_spec, executor)
			.map_err(environment)
			.and_then(|genesis| self.params.audit(&genesis));
		let code = match findings {
			Ok(findings) => {
				self.print(&findings);
				i32::from(!findings.ok)
			},
			Err(Failure::Negative(reason)) => {
				eprintln!("Error: {reason}");
				1
			},
			Err(Failure::Environment(reason)) => {
				eprintln!("Error: {reason}");
				2
			},
		};
		std::process::exit(code)
	}

	fn print(&self, findings: &Findings) {
		if self.json {
			match serde_json::to_string(findings) {
				Ok(line) => println!("{line}"),
				Err(error) => eprintln!("Error: {error}"),
			}
			return;
		}
		let Findings { chunks, .. } = findings;
		println!("snapshot       {}", findings.snapshot_id);
		println!("image          {}", findings.image_id);
		println!("block          {} {}", findings.block, findings.block_hash);
		println!("proof          from genesis, through {} authority sets", findings.authority_sets);
		println!(
			"chunks         {} right, {} missing or wrong; {} files of {} bytes",
			chunks.good_chunks, chunks.wrong_chunks, chunks.files, chunks.bytes
		);
		if let Some(report) = &findings.database {
			print_report(report, findings.bodies_from);
		}
		for fault in findings.first_faults.iter().take(SHOWN) {
			println!("fault          {fault}");
		}
		let shown = findings.first_faults.len().min(SHOWN) as u64;
		if findings.faults > shown {
			println!("               and {} more", findings.faults - shown);
		}
		println!("result         {}", if findings.ok { "all of it is right" } else { "wrong" });
	}
}

fn print_report(report: &Report, bodies_from: Option<u32>) {
	let Report { blocks, states, entries, .. } = report;
	println!(
		"headers        {} ({} bytes), down to block {}",
		blocks.headers, blocks.header_bytes, blocks.lowest
	);
	let promised = match bodies_from {
		Some(from) => format!("promised from block {from} on"),
		None => "none is promised".to_owned(),
	};
	println!(
		"bodies         {} ({} bytes), {} blocks without; {promised}",
		blocks.bodies, blocks.body_bytes, blocks.without_body
	);
	println!("justifications {} ({} bytes)", blocks.justifications, blocks.justification_bytes);
	println!(
		"states         {} whole, {} pruned: {} nodes ({} bytes), {} values beside them ({} bytes)",
		states.whole,
		states.pruned,
		states.nodes,
		states.node_bytes,
		states.values,
		states.value_bytes
	);
	println!(
		"entries        {} ({} bytes); of forks: {} headers; in no state: {} ({} bytes)",
		entries.entries,
		entries.bytes,
		entries.fork_headers,
		entries.unreached_nodes,
		entries.unreached_bytes
	);
}
