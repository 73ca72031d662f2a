//! The command line.

mod examples;

use crate::{
	documents::{CompletionsCmd, ManCmd},
	make_chain::MakeChainCmd,
	measure_import::MeasureImportCmd,
};
use sc_cli::RunCmd;
use thin_client::{cli::ThinParams, duty::cli::DutyParams, snapshot_cmd::SnapshotCmd};

/// What was given on the command line.
#[derive(Debug, clap::Parser)]
#[command(before_help = examples::NODE, max_term_width = 100)]
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
	#[command(subcommand, before_help = examples::SNAPSHOT)]
	Snapshot(SnapshotCmd),

	/// Make and inspect keys.
	#[command(subcommand, before_help = examples::KEY)]
	Key(sc_cli::KeySubcommand),

	/// Print a chain spec, with this node as its boot node (`export-chain-spec` has none).
	#[command(before_help = examples::BUILD_SPEC)]
	BuildSpec(sc_cli::BuildSpecCmd),

	/// Write a chain spec to a file or to standard output.
	#[command(before_help = examples::EXPORT_CHAIN_SPEC)]
	ExportChainSpec(sc_cli::ExportChainSpecCmd),

	/// Execute a stored block again and check what comes out.
	#[command(before_help = examples::CHECK_BLOCK)]
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Write blocks to a file.
	#[command(before_help = examples::EXPORT_BLOCKS)]
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Write the state at a block as a chain spec.
	#[command(before_help = examples::EXPORT_STATE)]
	ExportState(sc_cli::ExportStateCmd),

	/// Import blocks from a file.
	#[command(before_help = examples::IMPORT_BLOCKS)]
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Remove the chain's database.
	#[command(before_help = examples::PURGE_CHAIN)]
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Take back the newest blocks that are not final.
	#[command(before_help = examples::REVERT)]
	Revert(sc_cli::RevertCmd),

	/// Print what the database says about itself.
	#[command(before_help = examples::CHAIN_INFO)]
	ChainInfo(sc_cli::ChainInfoCmd),

	/// Print the completions for a shell.
	#[command(before_help = examples::COMPLETIONS)]
	Completions(CompletionsCmd),

	/// Write the manual pages, one for each command.
	#[command(before_help = examples::MAN)]
	Man(ManCmd),

	/// Make a chain to measure with: blocks of the past, on a development chain.
	#[command(hide = true)]
	MakeChain(MakeChainCmd),

	/// Import blocks on a thin node and an ordinary one, in turn, and say how long it takes.
	#[command(hide = true)]
	MeasureImport(MeasureImportCmd),

	/// Measure the weights of the runtime, and this machine.
	#[cfg(feature = "runtime-benchmarks")]
	#[command(subcommand)]
	Benchmark(frame_benchmarking_cli::BenchmarkCmd),
}
