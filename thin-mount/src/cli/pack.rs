//! `thin-mount pack`

use super::{failure::Failure, output::Output, progress::Bar, reading::StoreArgs};
use serde_json::json;
use std::path::PathBuf;
use thin_mount::{
	pack::{measure, pack_to_all, Exclude, PackOptions, PackedToAll},
	store::Store,
	trace,
};

const EXAMPLES: &str = "\
Examples:
  thin-mount pack /data/db --store dir:///backup/store
  thin-mount pack /data/db --store zdb://a/images zdb://b/images
  thin-mount pack /data/db --exclude LOCK --exclude LOG --store dir:///backup/store
";

/// Pack a directory into an image and print its id
///
/// Several stores get all of it each; the directory is read once. The first that fails ends
/// everything, and then none has the image.
///
/// Only what a store does not have is uploaded, so a second pack costs what changed, and an
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
	let stores = args.stores.open_all()?;
	let total = match Bar::wanted(output) {
		true => measure(&args.dir, &options).map_err(Failure::environment)?.bytes,
		false => 0,
	};
	let bar = Bar::new(output, "Packing", total);
	let targets: Vec<&dyn Store> = stores.iter().map(|store| &**store).collect();
	let packed = pack_to_all(&args.dir, &targets, &options, &|progress| bar.set(progress))
		.map_err(Failure::environment)?;
	drop(bar);
	let PackedToAll { image, totals, uploads } = packed;
	for (store, uploaded) in stores.iter().zip(uploads) {
		tracing::info!(store = store.name(), ?uploaded, "packed");
		output.json(|| {
			json!({
				"image": image.to_string(),
				"store": store.name(),
				"files": totals.files,
				"directories": totals.directories,
				"symlinks": totals.symlinks,
				"hard_links": totals.hard_links,
				"bytes": totals.bytes,
				"chunks": totals.chunks,
				"new_chunks": uploaded.new_chunks,
				"uploaded_bytes": uploaded.bytes,
			})
		})?;
	}
	output.text(image)?;
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
