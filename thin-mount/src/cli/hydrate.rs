//! `thin-mount hydrate`

use super::{failure::Failure, output::Output, progress::Bar, reading::ImageArgs};
use anyhow::anyhow;
use serde_json::json;
use std::{
	path::{Path, PathBuf},
	sync::Arc,
};
use thin_mount::{
	cache::{cached_source, Cache, CacheOptions},
	fetch::{FetchOptions, Fetcher},
	hydrate::{hydrate, HydrateOptions},
	image::Image,
	restore::restore,
};

const EXAMPLES: &str = "\
Examples:
  thin-mount hydrate 5f0c… --to /data/copy --store dir:///backup/store
  thin-mount hydrate 5f0c… --cache /var/cache/thin --store zdb://host/images
";

/// Fetch a whole image: to a plain directory, or into a cache for mounts
///
/// Every byte is verified. With --to, the directory gets its name when it is whole and on disk;
/// what an interrupted run leaves behind is removed by the next one. With --cache, what is there
/// already is verified too, and what is wrong is fetched anew; the mounts that share the folder may
/// go on meanwhile.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
#[command(group(clap::ArgGroup::new("target").required(true).args(["to", "cache"])))]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
	/// The directory to make; it must be empty or not exist yet
	#[arg(long, value_name = "DIR")]
	to: Option<PathBuf>,
	/// The folder of a cache, as for 'mount --cache'
	#[arg(long, value_name = "DIR")]
	cache: Option<PathBuf>,
	/// The most bytes the cache may take, as in 20G: it is filled to nine tenths of that
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse, requires = "cache")]
	cache_size: Option<u64>,
	/// The most bytes that are fetched into it in a second, as in 50M
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse, requires = "cache")]
	rate: Option<u64>,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	match (&args.to, &args.cache) {
		(Some(to), _) => to_directory(&args, to, output),
		(None, Some(cache)) => into_cache(&args, cache, output),
		(None, None) => {
			Err(Failure::environment(anyhow!("name a target: --to DIR or --cache DIR")))
		},
	}
}

fn into_cache(args: &Args, folder: &Path, output: &mut Output) -> Result<(), Failure> {
	let limit = args.cache_size;
	let cache = Cache::open(CacheOptions { folder: folder.to_owned(), limit })
		.map_err(Failure::environment)?;
	let fetcher = Fetcher::new(args.image.stores.open()?, FetchOptions::default())
		.map_err(Failure::environment)?;
	let fetcher = Arc::new(fetcher);
	let image = Image::open(cached_source(&cache, &fetcher), args.image.image)?;
	let bar = Bar::new(output, "Hydrating", image.superblock().totals.bytes);
	let options = HydrateOptions { rate: args.rate, check: true };
	let report = hydrate(&image, &cache, &fetcher, options, &|progress| bar.set(progress))
		.map_err(Failure::environment)?;
	drop(bar);
	output.json(|| {
		json!({
			"image": image.id().to_string(),
			"cache": folder.display().to_string(),
			"chunks": report.chunks,
			"bytes": report.bytes,
			"failed": report.failed,
			"full": report.full,
		})
	})?;
	output.text(format_args!(
		"fetched {} chunks, {} bytes into {}",
		report.chunks,
		report.bytes,
		folder.display()
	))?;
	output.flush()?;
	match (report.failed, report.full) {
		(0, false) => Ok(()),
		(0, true) => Err(Failure::environment(anyhow!(
			"the cache has no room for the rest: give it more with --cache-size, or a larger disk"
		))),
		(failed, _) => Err(Failure::negative(anyhow!(
			"{failed} chunks are in no store, or not as they should be"
		))),
	}
}

fn to_directory(args: &Args, to: &Path, output: &mut Output) -> Result<(), Failure> {
	let image = args.image.open()?;
	let bar = Bar::new(output, "Restoring", image.superblock().totals.bytes);
	let report = restore(&image, to, &|progress| bar.set(progress))?;
	drop(bar);
	output.json(|| {
		json!({
			"image": image.id().to_string(),
			"to": to.display().to_string(),
			"files": report.files,
			"bytes": report.bytes,
		})
	})?;
	output.text(format_args!(
		"restored {} files, {} bytes to {}",
		report.files,
		report.bytes,
		to.display()
	))?;
	Ok(())
}
