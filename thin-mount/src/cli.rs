//! The command line: one file per command.

mod completions;
mod diff;
mod failure;
mod gc;
mod hydrate;
mod ls;
mod man;
mod measure_store;
mod mount;
mod output;
mod pack;
mod progress;
mod reading;
mod serve;
mod service;
mod show;
mod status;
mod unmount;
mod verify;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use failure::Failure;
use output::Output;
use std::{ffi::OsString, io::IsTerminal, process::ExitCode};

/// About first, then examples, then the details.
const TEMPLATE: &str =
	"{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

const EXAMPLES: &str = "\
Examples:
  thin-mount pack /data/db --store dir:///backup/store     prints the image id
  thin-mount ls 5f0c… --store dir:///backup/store
  thin-mount verify 5f0c… --store dir:///backup/store
  thin-mount hydrate 5f0c… --to /data/copy --store dir:///backup/store
  thin-mount mount 5f0c… /mnt --store zdb://host/images --cache /var/cache/thin
  thin-mount unmount /mnt
";

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  verification failed, or not found
  2  wrong usage, or something around it failed (a store, the disk)

Logs go to standard error; RUST_LOG=info or RUST_LOG=debug shows more of them.";

/// Verified, lazily fetched, read-only directory trees out of a key-value store
#[derive(Parser)]
#[command(
	name = "thin-mount",
	version,
	before_help = EXAMPLES,
	after_help = EXIT_CODES,
	max_term_width = 100,
	subcommand_required = true,
	arg_required_else_help = true
)]
struct Cli {
	/// Print JSON lines instead of text
	#[arg(long, global = true)]
	json: bool,
	#[command(subcommand)]
	command: Command,
}

// A new command: a line here, a line in `run`, a file beside the others.
#[derive(Subcommand)]
enum Command {
	Pack(pack::Args),
	Ls(ls::Args),
	Show(show::Args),
	Verify(verify::Args),
	Diff(diff::Args),
	Gc(gc::Args),
	Hydrate(hydrate::Args),
	Mount(mount::Args),
	Unmount(unmount::Args),
	Status(status::Args),
	Serve(serve::Args),
	Completions(completions::Args),
	Man(man::Args),
	#[command(hide = true)]
	MeasureStore(measure_store::Args),
}

fn run(command: Command, output: &mut Output) -> Result<(), Failure> {
	match command {
		Command::Pack(args) => pack::run(args, output),
		Command::Ls(args) => ls::run(args, output),
		Command::Show(args) => show::run(args, output),
		Command::Verify(args) => verify::run(args, output),
		Command::Diff(args) => diff::run(args, output),
		Command::Gc(args) => gc::run(args, output),
		Command::Hydrate(args) => hydrate::run(args, output),
		Command::Mount(args) => mount::run(args, output),
		Command::Unmount(args) => unmount::run(args, output),
		Command::Status(args) => status::run(args, output),
		Command::Serve(args) => serve::run(args, output),
		Command::Completions(args) => completions::run(args, output),
		Command::Man(args) => man::run(args),
		Command::MeasureStore(args) => measure_store::run(&args, output),
	}
}

/// All commands and options.
fn command() -> clap::Command {
	Cli::command()
		.help_template(TEMPLATE)
		.mut_subcommands(|command| command.help_template(TEMPLATE))
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
	// Set by hand, so NO_COLOR (https://no-color.org) has to be asked by hand too.
	let colours = std::io::stderr().is_terminal()
		&& std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
	tracing_subscriber::fmt()
		.with_env_filter(
			tracing_subscriber::EnvFilter::try_from_default_env()
				.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
		)
		.with_ansi(colours)
		.with_writer(std::io::stderr)
		.init();
	let matches = command().get_matches_from(spread_stores(std::env::args_os()));
	let cli = match Cli::from_arg_matches(&matches) {
		Ok(cli) => cli,
		Err(error) => error.exit(),
	};
	let mut output = Output::new(cli.json);
	let result = run(cli.command, &mut output).and_then(|()| output.flush().map_err(Failure::from));
	match result {
		Ok(()) => ExitCode::SUCCESS,
		Err(failure) => failure.report(&mut output),
	}
}

/// Writes `--store A B` as `--store A --store B`. An option that takes any number of values would
/// swallow the directory in `pack --store A DIR`; only URLs belong to `--store`.
fn spread_stores(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
	let mut spread: Vec<OsString> = Vec::new();
	// What came before: 0 anything, 1 `--store`, 2 a store.
	let (mut before, mut options) = (0, true);
	for arg in args {
		options &= arg != "--";
		let url = options && arg.to_str().is_some_and(|arg| arg.contains("://"));
		before = match (before, url) {
			(2, true) if !arg.to_string_lossy().starts_with('-') => {
				spread.push("--store".into());
				2
			},
			(1, _) => 2,
			_ if options && arg == "--store" => 1,
			_ if options && arg.to_string_lossy().starts_with("--store=") => 2,
			_ => 0,
		};
		spread.push(arg);
	}
	spread
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_command_line_is_well_formed() {
		Cli::command().debug_assert();
	}

	#[test]
	fn several_stores_may_follow_one_option() {
		let spread = |args: &str| {
			let spread = spread_stores(args.split(' ').map(OsString::from));
			spread.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
		};
		assert_eq!(spread("x --store a://1 b://2 c"), "x --store a://1 --store b://2 c");
		assert_eq!(
			spread("--store=a://1 b://2 b://3"),
			"--store=a://1 --store b://2 --store b://3"
		);
		assert_eq!(spread("--store a://1 -- b://2"), "--store a://1 -- b://2");
		assert_eq!(spread("--store a://1 --to b://2"), "--store a://1 --to b://2");
		assert_eq!(spread("pack a://1 b://2"), "pack a://1 b://2");
	}
}
