//! `thin-mount pack`

use super::{failure::Failure, output::Output, progress::Bar, reading::StoreArgs};
use anyhow::anyhow;
use serde_json::json;
use std::path::PathBuf;
use thin_mount::{
	image::ImageId,
	pack::{measure, pack, Exclude, PackOptions},
	trace,
};

const EXAMPLES: &str = "\
Examples:
  thin-mount pack /data/db --store dir:///backup/store
  thin-mount pack /data/db --exclude LOCK --exclude LOG --store dir:///backup/store
";

/// Pack a directory into an image and print its id
///
/// Only what the store does not have is uploaded, so a second pack costs what changed, and an
/// interrupted one goes on where it was. Names, permission bits, hard links, symbolic links and
/// holes are kept; times and owners are not, so that the same tree has the same id everywhere.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	/// The directory
	dir: PathBuf,
	#[command(flatten)]
	stores: StoreArgs,
	/// Leave out what has exactly this name, wherever it is; with a slash in it, what is at this
	/// path below DIR. May be given several times
	#[arg(long, value_name = "NAME")]
	exclude: Vec<std::ffi::OsString>,
	/// Put this trace into the image, which 'mount --record-trace' has made: whoever mounts it has
	/// these chunks fetched ahead. It is part of the image, which has another id with it
	#[arg(long, value_name = "FILE")]
	trace: Option<PathBuf>,
	/// How many threads read and hash, and how many compress and upload [default: one for each
	/// processor]
	#[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
	threads: usize,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let trace = args.trace.as_deref().map(trace::read).transpose();
	let options = PackOptions {
		trace: trace.map_err(Failure::environment)?.unwrap_or_default(),
		threads: args.threads.min(256),
		exclude: exclude(&args.exclude),
	};
	let mut packed: Option<ImageId> = None;
	for store in args.stores.open_all()? {
		let total = match Bar::wanted(output) {
			true => measure(&args.dir, &options).map_err(Failure::environment)?.bytes,
			false => 0,
		};
		let bar = Bar::new(output, "Packing", total);
		let report = pack(&args.dir, &*store, &options, &|progress| bar.set(progress))
			.map_err(Failure::environment)?;
		drop(bar);
		tracing::info!(store = store.name(), ?report, "packed");
		if packed.is_some_and(|image| image != report.image) {
			return Err(Failure::environment(anyhow!(
				"{} changed between packing it into one store and the next: pack a copy",
				args.dir.display()
			)));
		}
		if packed.is_none() {
			output.text(report.image)?;
		}
		packed = Some(report.image);
		let totals = report.totals;
		output.json(|| {
			json!({
				"image": report.image.to_string(),
				"store": store.name(),
				"files": totals.files,
				"directories": totals.directories,
				"symlinks": totals.symlinks,
				"hard_links": totals.hard_links,
				"bytes": totals.bytes,
				"chunks": totals.chunks,
				"new_chunks": report.new_chunks,
				"uploaded_bytes": report.uploaded_bytes,
			})
		})?;
	}
	Ok(())
}

fn exclude(names: &[std::ffi::OsString]) -> Option<Exclude> {
	use std::os::unix::ffi::OsStrExt;
	if names.is_empty() {
		return None;
	}
	let names: Vec<Vec<u8>> = names.iter().map(|name| name.as_bytes().to_vec()).collect();
	Some(Box::new(move |path| {
		let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
		names.iter().any(|name| match name.contains(&b'/') {
			true => name.strip_prefix(b"/").unwrap_or(name) == path,
			false => name == last,
		})
	}))
}
