//! What a mount has done, for Prometheus. `docs/METRICS.md` says what each name means.

mod server;

pub use server::MetricsServer;

use crate::{
	fetch::{StoreState, StoreStats, LATENCY_BOUNDS_US},
	mount::MountStats,
};
use std::fmt::Write;

/// The text format, version 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes figures as Prometheus reads them.
pub fn prometheus(stats: &MountStats) -> String {
	let mut page = Page::default();
	let fetch = &stats.fetch;
	page.gauge("info", "The image that is mounted.", [(&[("image", &*stats.image)][..], 1.0)]);
	page.gauge("age_seconds", "How long it is mounted.", one(stats.age_seconds));
	page.counter("reads_total", "Reads that the kernel asked for.", one(stats.reads));
	page.counter("read_bytes_total", "Bytes of these reads.", one(stats.bytes_read));
	page.counter("read_errors_total", "Reads that failed.", one(stats.read_errors));
	page.gauge("logical_bytes", "Bytes of all files.", one(stats.logical_bytes));
	if let Some(local) = stats.local {
		page.gauge("local_bytes", "Bytes of files that are in the cache.", one(local.bytes));
		let ratio = [(&[][..], local.ratio())];
		page.gauge("local_ratio", "The share of the image that is in the cache.", ratio);
	}
	if let Some(cache) = &stats.cache {
		page.counter("cache_hits_total", "Chunks that were in the cache.", one(cache.hits));
		page.counter("cache_misses_total", "Chunks that were not.", one(cache.misses));
		let asked = cache.hits.saturating_add(cache.misses);
		let ratio = if asked == 0 { 0.0 } else { cache.hits as f64 / asked as f64 };
		page.gauge("cache_hit_ratio", "Hits of hits and misses.", [(&[][..], ratio)]);
		page.gauge("cache_full", "Whether it takes no more.", one(u64::from(cache.full)));
	}
	page.counter("fetched_chunks_total", "Chunks fetched and verified.", one(fetch.chunks_fetched));
	page.counter("fetched_bytes_total", "Bytes that stores sent.", one(fetch.bytes_fetched));
	page.counter("fetch_failures_total", "Chunks that could not be had.", one(fetch.failures));
	page.counter("fetch_hedges_total", "Requests to a second store.", one(fetch.hedges));
	page.counter("fetch_retries_total", "Requests sent again.", one(fetch.retries));
	page.counter("prefetched_chunks_total", "Chunks fetched ahead.", one(stats.prefetched));
	if let Some(hydration) = stats.hydration {
		let report = hydration.report;
		page.gauge("hydration_done", "Whether it is through.", one(u64::from(hydration.done)));
		page.counter("hydrated_bytes_total", "Bytes it has fetched.", one(report.bytes));
		page.counter("hydration_failures_total", "Chunks it can't have.", one(report.failed));
	}
	if let Some(written) = stats.written {
		page.gauge("written_bytes", "Bytes written over the image.", one(written));
	}
	let passthrough = &stats.passthrough;
	let files = "Open files that the kernel reads by itself.";
	page.gauge("passthrough_files", files, one(passthrough.files));
	page.counter("passthrough_opens_total", "How often one was opened.", one(passthrough.opens));
	stores(&mut page, &fetch.stores);
	page.text
}

fn stores(page: &mut Page, stores: &[StoreStats]) {
	let each = |value: fn(&StoreStats) -> u64| {
		let value = move |store: &StoreStats| {
			(vec![("store".to_owned(), store.name.clone())], value(store) as f64)
		};
		stores.iter().map(value).collect::<Vec<_>>()
	};
	page.counters("store_requests_total", "Requests.", each(|store| store.requests));
	page.counters("store_failures_total", "Requests that failed.", each(|store| store.failures));
	page.counters("store_missing_total", "Chunks it lacks.", each(|store| store.missing));
	page.counters(
		"verification_failures_total",
		"Values that were not what they should be.",
		each(|store| store.verification_failures),
	);
	page.family("store_quarantined", "gauge", "Whether it has sent wrong bytes.");
	for (labels, value) in each(|store| u64::from(store.quarantined)) {
		page.sample("store_quarantined", &labels, value);
	}
	page.family("store_state", "gauge", "1 for the state of its circuit breaker.");
	for store in stores {
		let states = [
			(StoreState::Closed, "closed"),
			(StoreState::HalfOpen, "half-open"),
			(StoreState::Open, "open"),
		];
		for (state, name) in states {
			let labels = [("store".into(), store.name.clone()), ("state".into(), name.into())];
			page.sample("store_state", &labels, f64::from(u8::from(store.state == state)));
		}
	}
	page.family("fetch_seconds", "histogram", "How long requests took that were answered.");
	for store in stores {
		let label = || ("store".to_owned(), store.name.clone());
		let mut sum = 0;
		for (at, count) in store.latency_buckets.iter().enumerate() {
			sum += count;
			let bound = LATENCY_BOUNDS_US.get(at).map(|micros| *micros as f64 / 1e6);
			let bound = bound.map_or("+Inf".to_owned(), |seconds| seconds.to_string());
			page.sample("fetch_seconds_bucket", &[label(), ("le".into(), bound)], sum as f64);
		}
		let seconds = store.latency_total_us as f64 / 1e6;
		page.sample("fetch_seconds_sum", &[label()], seconds);
		page.sample("fetch_seconds_count", &[label()], sum as f64);
	}
}

type Labels<'a> = &'a [(&'a str, &'a str)];

fn one(value: u64) -> [(Labels<'static>, f64); 1] {
	[(&[], value as f64)]
}

#[derive(Default)]
struct Page {
	text: String,
}

impl Page {
	fn family(&mut self, name: &str, kind: &str, help: &str) {
		// Writing to a string can't fail.
		let _ = writeln!(self.text, "# HELP thin_mount_{name} {help}");
		let _ = writeln!(self.text, "# TYPE thin_mount_{name} {kind}");
	}

	fn sample(&mut self, name: &str, labels: &[(String, String)], value: f64) {
		let labels: Vec<_> = labels
			.iter()
			.map(|(name, value)| {
				let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
				format!("{name}=\"{value}\"")
			})
			.collect();
		let labels = match labels.is_empty() {
			true => String::new(),
			false => format!("{{{}}}", labels.join(",")),
		};
		let _ = writeln!(self.text, "thin_mount_{name}{labels} {value}");
	}

	fn samples(&mut self, name: &str, samples: &[(Labels<'_>, f64)]) {
		for (labels, value) in samples {
			let owned: Vec<_> =
				labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
			self.sample(name, &owned, *value);
		}
	}

	fn gauge(&mut self, name: &str, help: &str, samples: [(Labels<'_>, f64); 1]) {
		self.family(name, "gauge", help);
		self.samples(name, &samples);
	}

	fn counter(&mut self, name: &str, help: &str, samples: [(Labels<'_>, f64); 1]) {
		self.family(name, "counter", help);
		self.samples(name, &samples);
	}

	fn counters(&mut self, name: &str, help: &str, samples: Vec<(Vec<(String, String)>, f64)>) {
		self.family(name, "counter", help);
		for (labels, value) in samples {
			self.sample(name, &labels, value);
		}
	}
}
