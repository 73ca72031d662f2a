//! `thin-mount completions`

use super::{failure::Failure, output::Output};
use clap_complete::{generate, Shell};

const EXAMPLES: &str = "\
Examples:
  thin-mount completions bash >~/.local/share/bash-completion/completions/thin-mount
  thin-mount completions fish >~/.config/fish/completions/thin-mount.fish
  thin-mount completions zsh >~/.zfunc/_thin-mount      with ~/.zfunc in fpath
";

/// Print the completions for a shell
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	/// The shell
	#[arg(value_parser = ["bash", "zsh", "fish"])]
	shell: String,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let shell = match args.shell.as_str() {
		"zsh" => Shell::Zsh,
		"fish" => Shell::Fish,
		_ => Shell::Bash,
	};
	let mut script = Vec::new();
	generate(shell, &mut super::command(), "thin-mount", &mut script);
	output.raw(&script)?;
	Ok(())
}
