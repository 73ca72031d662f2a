//! `thin-mount unmount`

use super::{failure::Failure, output::Output};
use serde_json::json;
use std::path::PathBuf;
use thin_mount::mount::unmount_at;

const EXAMPLES: &str = "\
Examples:
  thin-mount unmount /mnt
";

/// Unmount an image
///
/// Waits until it is gone, with the overlay over it if there is one. Also takes away what a killed
/// process has left. Files that stay open for some seconds keep working for those who have them.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	/// Where it is mounted
	mountpoint: PathBuf,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	unmount_at(&args.mountpoint)?;
	let place = args.mountpoint.display().to_string();
	output.json(|| json!({ "event": "unmounted", "mountpoint": place }))?;
	output.text(format_args!("unmounted {place}"))?;
	Ok(())
}
