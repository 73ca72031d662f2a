//! `thin-mount hydrate`

use super::{failure::Failure, output::Output, progress::Bar, reading::ImageArgs};
use serde_json::json;
use std::path::PathBuf;
use thin_mount::restore::restore;

const EXAMPLES: &str = "\
Examples:
  thin-mount hydrate 5f0c… --to /data/copy --store dir:///backup/store
";

/// Restore an image to a plain directory
///
/// Every byte is verified. The directory gets its name when it is whole and on disk; what an
/// interrupted run leaves behind is removed by the next one.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
	/// The directory to make; it must be empty or not exist yet
	#[arg(long, value_name = "DIR")]
	to: PathBuf,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let image = args.image.open()?;
	let bar = Bar::new(output, "Restoring", image.superblock().totals.bytes);
	let report = restore(&image, &args.to, &|progress| bar.set(progress))?;
	drop(bar);
	output.json(|| {
		json!({
			"image": image.id().to_string(),
			"to": args.to.display().to_string(),
			"files": report.files,
			"bytes": report.bytes,
		})
	})?;
	output.text(format_args!(
		"restored {} files, {} bytes to {}",
		report.files,
		report.bytes,
		args.to.display()
	))?;
	Ok(())
}
