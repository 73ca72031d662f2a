//! The command line.

use crate::make_chain::MakeChainCmd;
use sc_cli::RunCmd;
use thin_client::{cli::ThinParams, duty::cli::DutyParams, snapshot_cmd::SnapshotCmd};

/// What was given on the command line.
#[derive(Debug, clap::Parser)]
pub struct Cli {
	/// A command; without one, the node runs.
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	/// How to run the node.
	#[command(flatten)]
	pub run: RunCmd,

	/// Where to start from.
	#[command(flatten)]
	pub thin: ThinParams,

	/// What to do for others.
	#[command(flatten)]
	pub duties: DutyParams,
}

/// What `thin-node` does besides running.
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it, for as long as the process")]
pub enum Subcommand {
	/// Make snapshots for others to start from, and prove them.
	#[command(subcommand)]
	Snapshot(SnapshotCmd),

	/// Make and inspect keys.
	#[command(subcommand)]
	Key(sc_cli::KeySubcommand),

	/// Print a chain spec, with this node as its boot node (`export-chain-spec` has none).
	BuildSpec(sc_cli::BuildSpecCmd),

	/// Write a chain spec to a file or to standard output.
	ExportChainSpec(sc_cli::ExportChainSpecCmd),

	/// Execute a stored block again and check what comes out.
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Write blocks to a file.
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Write the state at a block as a chain spec.
	ExportState(sc_cli::ExportStateCmd),

	/// Import blocks from a file.
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Remove the chain's database.
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Take back the newest blocks that are not final.
	Revert(sc_cli::RevertCmd),

	/// Print what the database says about itself.
	ChainInfo(sc_cli::ChainInfoCmd),

	/// Make a chain to measure with: blocks of the past, on a development chain.
	#[command(hide = true)]
	MakeChain(MakeChainCmd),

	/// Measure the weights of the runtime, and this machine.
	#[cfg(feature = "runtime-benchmarks")]
	#[command(subcommand)]
	Benchmark(frame_benchmarking_cli::BenchmarkCmd),
}
