//! `thin-mount status`

use super::{failure::Failure, output::Output};
use anyhow::Context;
use std::path::PathBuf;
use thin_mount::mount::{stats_at, MountStats};

const EXAMPLES: &str = "\
Examples:
  thin-mount status /mnt
  thin-mount status /mnt --json | jq .fetch.bytes_fetched
";

/// Say what a mount has done: bytes fetched, cache hits, health of the stores
///
/// How much of the image is in the cache, and how much was written over it, is counted at most every
/// ten seconds, and more seldom where counting takes long.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	/// Where the image is mounted
	mountpoint: PathBuf,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let stats = stats_at(&args.mountpoint)?;
	if output.is_json() {
		let value = serde_json::to_value(&stats).context("writing the figures as JSON")?;
		output.json(|| value)?;
		return Ok(());
	}
	for line in lines(&stats) {
		output.text(line)?;
	}
	Ok(())
}

fn lines(stats: &MountStats) -> Vec<String> {
	let fetch = &stats.fetch;
	let mut lines = vec![
		format!("image     {}", stats.image),
		format!("mounted   {} s ago, {} bytes of files", stats.age_seconds, stats.logical_bytes),
		format!(
			"reads     {} of {} bytes, {} failed",
			stats.reads, stats.bytes_read, stats.read_errors
		),
		format!(
			"fetched   {} chunks, {} bytes; {} retries, {} hedges, {} wrong",
			fetch.chunks_fetched,
			fetch.bytes_fetched,
			fetch.retries,
			fetch.hedges,
			fetch.verification_failures
		),
	];
	if let Some(cache) = &stats.cache {
		let full = if cache.full { ", full" } else { "" };
		let (hits, misses) = (cache.hits, cache.misses);
		let share = match hits + misses {
			0 => String::new(),
			all => format!(" ({:.1} % of what was asked for)", 100.0 * hits as f64 / all as f64),
		};
		lines.push(format!("cache     {hits} hits{share}, {misses} misses{full}"));
	}
	if let Some(local) = &stats.local {
		let percent = 100.0 * local.ratio();
		lines.push(format!("local     {} bytes, {percent:.1} % of the image", local.bytes));
	}
	if stats.prefetched > 0 {
		lines.push(format!(
			"ahead     {} chunks fetched before they were asked for",
			stats.prefetched
		));
	}
	if let Some(hydration) = &stats.hydration {
		let report = hydration.report;
		let state = match (hydration.done, report.full) {
			(_, true) => "ended, the cache is full",
			(true, false) => "done",
			(false, false) => "under way",
		};
		lines.push(format!(
			"hydration {state}: {} chunks, {} bytes; {} can't be had",
			report.chunks, report.bytes, report.failed
		));
	}
	if let Some(written) = stats.written {
		lines.push(format!("written   {written} bytes over the image"));
	}
	let passthrough = &stats.passthrough;
	if passthrough.available {
		let (files, opens) = (passthrough.files, passthrough.opens);
		lines.push(format!("kernel    reads {files} open files by itself; {opens} so far"));
	}
	lines.extend(passthrough.paths.iter().map(|path| format!("          {path}")));
	for store in &fetch.stores {
		let state = match (store.quarantined, store.state) {
			(true, _) => "has sent wrong bytes, asked last".to_owned(),
			(false, state) => format!("{state:?}").to_lowercase(),
		};
		lines.push(format!(
			"store     {}: {state}; {} requests, {} failed; {} µs median, {} µs for 95 of 100",
			store.name, store.requests, store.failures, store.latency_p50_us, store.latency_p95_us
		));
	}
	lines
}
