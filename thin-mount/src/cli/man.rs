//! `thin-mount man`

use super::failure::Failure;
use anyhow::Context;
use clap_mangen::Man;
use std::{fs, io, path::PathBuf};

const EXAMPLES: &str = "\
Examples:
  thin-mount man /usr/local/share/man/man1
  thin-mount man /tmp/pages && man /tmp/pages/thin-mount-pack.1
";

/// Write the manual pages, one for each command
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	/// Where they go. The directory is made when it does not exist
	dir: PathBuf,
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
	let write = |command: &clap::Command, name: String| {
		let path = args.dir.join(format!("{name}.1"));
		fs::write(&path, page(command, name)?)
			.with_context(|| format!("can't write {}", path.display()))
	};
	fs::create_dir_all(&args.dir)
		.with_context(|| format!("can't make the directory {}", args.dir.display()))?;
	let mut command = super::command();
	command.build();
	let shown = |inner: &&clap::Command| inner.get_name() != "help" && !inner.is_hide_set();
	for inner in command.get_subcommands().filter(shown) {
		write(inner, format!("thin-mount-{}", inner.get_name()))?;
	}
	write(&command, "thin-mount".into())?;
	Ok(())
}

/// The page of one command. Examples have a section of their own.
fn page(command: &clap::Command, name: String) -> io::Result<Vec<u8>> {
	let examples = command.get_before_help().map(ToString::to_string).unwrap_or_default();
	let (man, mut page) = (Man::new(command.clone()).title(name.to_uppercase()), Vec::new());
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
	man.render_extra_section(&mut page)?;
	if command.get_version().is_some() {
		man.render_version_section(&mut page)?;
	}
	Ok(page)
}
