//! `thin-mount measure-store`, for `scripts/bench`.

use super::{failure::Failure, output::Output, reading::ImageArgs};
use anyhow::anyhow;
use bytes::Bytes;
use serde_json::json;
use std::{
	collections::HashSet,
	thread::ScopedJoinHandle,
	time::{Duration, Instant},
};
use thin_mount::{chunk::ChunkId, store::Store, value};

/// Measure how fast a store gives the chunks of an image
///
/// Nothing is kept, and nothing verified where it is not asked for: this is what a mount of the
/// image is compared with.
#[derive(clap::Args)]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
	/// How many chunks are asked for at once; 64 go over one connection, 256 over four
	#[arg(long, value_name = "NUMBER", default_value_t = 64,
		value_parser = clap::value_parser!(u16).range(1..=256))]
	batch: u16,
	/// How many threads ask, each for its share
	#[arg(long, value_name = "NUMBER", default_value_t = 1,
		value_parser = clap::value_parser!(u8).range(1..=16))]
	threads: u8,
	/// Also unpack and hash what comes: the least that a reader does who believes nothing
	#[arg(long)]
	verify: bool,
	/// So many chunks, from anywhere in the image; without it, all of them, in its order
	#[arg(long, value_name = "NUMBER")]
	random: Option<usize>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
	let ids = chunks(args)?;
	let stores = args.image.stores.open()?;
	let store = stores.first().ok_or_else(|| Failure::environment(anyhow!("name a store")))?;
	let started = Instant::now();
	let share = ids.len().div_ceil(args.threads.into()).max(1);
	let shares: Vec<Result<Fetched, Failure>> = std::thread::scope(|scope| {
		let ask = |ids| scope.spawn(move || fetch(args, &**store, ids));
		let threads: Vec<_> = ids.chunks(share).map(ask).collect();
		let join = |thread: ScopedJoinHandle<'_, _>| match thread.join() {
			Ok(fetched) => fetched,
			Err(panic) => std::panic::resume_unwind(panic),
		};
		threads.into_iter().map(join).collect()
	});
	let (mut times, mut bytes) = (Vec::new(), 0);
	for fetched in shares {
		let fetched = fetched?;
		times.extend(fetched.times);
		bytes += fetched.bytes;
	}
	let seconds = started.elapsed().as_secs_f64();
	times.sort_unstable();
	let median = times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e6;
	output.json(
		|| json!({ "chunks": ids.len(), "bytes": bytes, "seconds": seconds, "median_us": median }),
	)?;
	output.text(format_args!(
		"{} chunks, {bytes} bytes in {seconds:.3} s; {median:.0} µs median for {} at once",
		ids.len(),
		args.batch
	))?;
	Ok(())
}

/// What one thread got.
#[derive(Default)]
struct Fetched {
	times: Vec<Duration>,
	bytes: u64,
}

fn fetch(args: &Args, store: &dyn Store, ids: &[ChunkId]) -> Result<Fetched, Failure> {
	let mut fetched = Fetched::default();
	for ids in ids.chunks(args.batch.into()) {
		let keys: Vec<Bytes> = ids.iter().map(|id| Bytes::copy_from_slice(&id.0)).collect();
		let asked = Instant::now();
		let values = store.get_many(&keys).map_err(Failure::environment)?;
		for (id, value) in ids.iter().zip(values) {
			let value = value
				.ok_or_else(|| Failure::negative(anyhow!("the store lacks chunks of the image")))?;
			fetched.bytes += value.len() as u64;
			if args.verify {
				value::decode(*id, value).map_err(Failure::negative)?;
			}
		}
		fetched.times.push(asked.elapsed());
	}
	Ok(fetched)
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
