//! `completions` and `man`: what shells and `man` want to know of the command line.

use crate::cli::Cli;
use clap::{Command, CommandFactory};
use clap_complete::{generate, Shell};
use clap_mangen::Man;
use sc_cli::{Error, SubstrateCli};
use std::{
	fs, io,
	path::{Path, PathBuf},
};

/// `thin-node completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsCmd {
	/// The shell.
	#[arg(value_enum)]
	shell: Shell,
}

/// `thin-node man`.
#[derive(Debug, clap::Args)]
pub struct ManCmd {
	/// Where they go; made when it does not exist.
	#[arg(value_name = "DIR")]
	folder: PathBuf,
}

/// All commands and options, as the node itself reads them. Its version ends with a line break, which a
/// manual page has no place for.
fn command() -> Command {
	Cli::setup_command(Cli::command()).name(NAME).version(Cli::impl_version())
}

const NAME: &str = "thin-node";

impl CompletionsCmd {
	/// Prints the script.
	pub fn run(&self) -> sc_cli::Result<()> {
		generate(self.shell, &mut command(), NAME, &mut io::stdout());
		Ok(())
	}
}

impl ManCmd {
	/// Writes the pages.
	pub fn run(&self) -> sc_cli::Result<()> {
		let mut command = command();
		command.build();
		fs::create_dir_all(&self.folder)
			.and_then(|()| write_pages(&command, NAME, &self.folder))
			.map_err(|error| {
				let folder = self.folder.display();
				let text = format!(
					"the manual pages can't be written to {folder}: {error}. Name a folder that \
					 you may write to"
				);
				Error::Application(text.into())
			})
	}
}

/// A page for a command, and one for each of its subcommands.
fn write_pages(command: &Command, name: &str, folder: &Path) -> io::Result<()> {
	for inner in command.get_subcommands() {
		if inner.get_name() != "help" && !inner.is_hide_set() {
			write_pages(inner, &format!("{name}-{}", inner.get_name()), folder)?;
		}
	}
	fs::write(folder.join(format!("{name}.1")), page(command, name)?)
}

/// Examples have a section of their own, before the options.
fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
	let examples = command.get_before_help().map(ToString::to_string).unwrap_or_default();
	let man = Man::new(command.clone()).title(name.to_uppercase());
	let mut page = Vec::new();
	man.render_title(&mut page)?;
	man.render_name_section(&mut page)?;
	man.render_synopsis_section(&mut page)?;
	man.render_description_section(&mut page)?;
	if let Some((_, lines)) = examples.split_once('\n') {
		page.extend_from_slice(b".SH EXAMPLES\n.nf\n");
		for line in lines.lines() {
			// A dot or a quote at the beginning of a line would be a request to roff.
			page.extend_from_slice(format!("\\&{}\n", line.replace('\\', "\\e")).as_bytes());
		}
		page.extend_from_slice(b".fi\n");
	}
	man.render_options_section(&mut page)?;
	if command.has_subcommands() {
		man.render_subcommands_section(&mut page)?;
	}
	if command.get_after_help().is_some() {
		man.render_extra_section(&mut page)?;
	}
	Ok(page)
}
