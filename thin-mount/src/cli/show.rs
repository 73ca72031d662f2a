//! `thin-mount show`

use super::{failure::Failure, output::Output, reading::ImageArgs};
use serde_json::json;
use thin_mount::image::{Superblock, FORMAT_VERSION};

const EXAMPLES: &str = "\
Examples:
  thin-mount show 5f0c… --store dir:///backup/store
  thin-mount show 5f0c… --json --store dir:///backup/store
";

/// Show what an image is: its size, its counts, its listing
///
/// Needs one chunk, the superblock.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let id = args.image.image;
	let superblock = Superblock::fetch(&*args.image.stores.source()?, id)?;
	let Superblock { listing, root_mode, totals, trace } = superblock;
	let trace_chunks = trace.map_or(0, |trace| trace.length / 32);
	output.json(|| {
		json!({
			"image": id.to_string(),
			"format_version": FORMAT_VERSION,
			"files": totals.files,
			"directories": totals.directories,
			"symlinks": totals.symlinks,
			"hard_links": totals.hard_links,
			"bytes": totals.bytes,
			"chunks": totals.chunks,
			"root_mode": format!("{root_mode:04o}"),
			"listing_root": listing.root.to_string(),
			"listing_bytes": listing.length,
			"trace_chunks": trace_chunks,
		})
	})?;
	let lines = [
		("image", id.to_string()),
		("format version", FORMAT_VERSION.to_string()),
		("files", totals.files.to_string()),
		("directories", totals.directories.to_string()),
		("symbolic links", totals.symlinks.to_string()),
		("hard links", totals.hard_links.to_string()),
		("bytes", totals.bytes.to_string()),
		("chunks", totals.chunks.to_string()),
		("mode of the root", format!("{root_mode:04o}")),
		("listing", format!("{} bytes, root {}", listing.length, listing.root)),
		("prefetch trace", format!("{trace_chunks} chunks")),
	];
	for (name, value) in lines {
		output.text(format_args!("{name:<17} {value}"))?;
	}
	Ok(())
}
