//! `thin-mount measure-store`, for `scripts/bench`.

use super::{failure::Failure, output::Output, reading::ImageArgs};
use anyhow::anyhow;
use bytes::Bytes;
use serde_json::json;
use std::{
	collections::HashSet,
	time::{Duration, Instant},
};
use thin_mount::chunk::ChunkId;

/// Measure how fast a store gives the chunks of an image
///
/// Nothing is verified and nothing kept: this is what a mount of the image is compared with.
#[derive(clap::Args)]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
	/// How many chunks are asked for at once; 64 go over one connection, 256 over four
	#[arg(long, value_name = "NUMBER", default_value_t = 64,
		value_parser = clap::value_parser!(u16).range(1..=256))]
	batch: u16,
	/// So many chunks, from anywhere in the image; without it, all of them, in its order
	#[arg(long, value_name = "NUMBER")]
	random: Option<usize>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
	let ids = chunks(args)?;
	let stores = args.image.stores.open()?;
	let store = stores.first().ok_or_else(|| Failure::environment(anyhow!("name a store")))?;
	let keys: Vec<Bytes> = ids.iter().map(|id| Bytes::copy_from_slice(&id.0)).collect();
	let (started, mut bytes) = (Instant::now(), 0);
	let mut times: Vec<Duration> = Vec::new();
	for batch in keys.chunks(args.batch.into()) {
		let asked = Instant::now();
		let values = store.get_many(batch).map_err(Failure::environment)?;
		times.push(asked.elapsed());
		for value in values {
			let value = value
				.ok_or_else(|| Failure::negative(anyhow!("the store lacks chunks of the image")))?;
			bytes += value.len() as u64;
		}
	}
	let seconds = started.elapsed().as_secs_f64();
	times.sort_unstable();
	let median = times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e6;
	output.json(
		|| json!({ "chunks": keys.len(), "bytes": bytes, "seconds": seconds, "median_us": median }),
	)?;
	output.text(format_args!(
		"{} chunks, {bytes} bytes in {seconds:.3} s; {median:.0} µs median for {} at once",
		keys.len(),
		args.batch
	))?;
	Ok(())
}

/// What to ask for, each once.
fn chunks(args: &Args) -> Result<Vec<ChunkId>, Failure> {
	let image = args.image.open()?;
	let (mut ids, mut seen, mut walked) = (Vec::new(), HashSet::new(), HashSet::new());
	for blob in image.tree().entries().filter_map(|entry| entry.blob) {
		let mut add = |id: ChunkId, _: usize| {
			if seen.insert(id) {
				ids.push(id);
			}
		};
		image.blobs().chunks(&blob, &mut walked, &mut add).map_err(Failure::negative)?;
	}
	if let Some(count) = args.random {
		// Ids are hashes: in their order, places in the image are random.
		ids.sort_unstable_by_key(|id| id.0);
		ids.truncate(count);
	}
	Ok(ids)
}
