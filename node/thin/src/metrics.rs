//! What a thin node tells Prometheus about its image. The walk to genesis and the duties have
//! metrics of their own. `docs/METRICS.md` says what each name means.

use crate::status::{Counters, Fetched, Figures, ThinStatus};
use substrate_prometheus_endpoint::{
	register, Gauge, MetricSource, Opts, PrometheusError, Registry, SourcedCounter, SourcedGauge,
	U64,
};
use thin_mount::{
	fetch::{StoreState, StoreStats},
	mount::MountStats,
};

/// A counter that is read when it is asked for.
#[derive(Clone)]
struct Source(Counters, fn(Fetched) -> u64);

impl MetricSource for Source {
	type N = u64;

	fn collect(&self, mut set: impl FnMut(&[&str], u64)) {
		set(&[], self.1((self.0)()));
	}
}

/// A figure of the mount, where there is a mount.
#[derive(Clone)]
struct OfMount(Figures, fn(&MountStats) -> Option<f64>);

impl MetricSource for OfMount {
	type N = f64;

	fn collect(&self, mut set: impl FnMut(&[&str], f64)) {
		if let Some(value) = (self.0)().and_then(|stats| self.1(&stats)) {
			set(&[], value);
		}
	}
}

/// A figure of each store.
#[derive(Clone)]
struct OfStores(Figures, fn(&StoreStats) -> u64);

impl MetricSource for OfStores {
	type N = u64;

	fn collect(&self, mut set: impl FnMut(&[&str], u64)) {
		for store in (self.0)().into_iter().flat_map(|stats| stats.fetch.stores) {
			set(&[&store.name], self.1(&store));
		}
	}
}

/// Registers the metrics of a node that was started from a snapshot.
///
/// Errors when they are registered already.
pub fn register_all(status: &ThinStatus, registry: &Registry) -> Result<(), PrometheusError> {
	let counter = |name: &str, help: &str, read| {
		let opts = Opts::new(name, help);
		register(SourcedCounter::new(&opts, Source(status.counters.clone(), read))?, registry)
	};
	counter(
		"thin_fetched_bytes_total",
		"Bytes fetched from the stores of the image since the start",
		|fetched| fetched.bytes,
	)?;
	counter(
		"thin_fetched_chunks_total",
		"Chunks fetched from the stores of the image since the start",
		|fetched| fetched.chunks,
	)?;
	let gauge = |name: &str, help: &str, value| {
		let gauge = register(Gauge::<U64>::new(name, help)?, registry)?;
		gauge.set(value);
		Ok::<(), PrometheusError>(())
	};
	let manifest = &status.manifest;
	gauge("thin_snapshot_block", "The block of the snapshot", manifest.block_number)?;
	gauge(
		"thin_image_bytes",
		"The length of the files of the image together",
		manifest.logical_size,
	)?;
	if let Some(time) = status.proof_time {
		let help = "As of when the registration of the snapshot was proven, in seconds since 1970";
		gauge("thin_proof_time_seconds", help, time / 1_000)?;
	}
	of_mount(&status.figures, registry)?;
	of_stores(&status.figures, registry)
}

fn of_mount(figures: &Figures, registry: &Registry) -> Result<(), PrometheusError> {
	let source = |read| OfMount(figures.clone(), read);
	let counter = |name: &str, help: &str, read| {
		register(SourcedCounter::new(&Opts::new(name, help), source(read))?, registry)
	};
	counter("thin_cache_hits_total", "Chunks that were read and in the cache", |stats| {
		stats.cache.as_ref().map(|cache| cache.hits as f64)
	})?;
	counter("thin_cache_misses_total", "Chunks that were read and not in the cache", |stats| {
		stats.cache.as_ref().map(|cache| cache.misses as f64)
	})?;
	let help =
		"Open files of the image that are wholly in the cache, and that the kernel reads by itself";
	let passed = source(|stats| Some(stats.passthrough.files as f64));
	register(SourcedGauge::new(&Opts::new("thin_passthrough_files", help), passed)?, registry)?;
	let opts = Opts::new("thin_local_ratio", "The share of the image that is in the cache, 0 to 1");
	let local = source(|stats| stats.local.map(|local| local.ratio()));
	register(SourcedGauge::new(&opts, local)?, registry)?;
	Ok(())
}

fn of_stores(figures: &Figures, registry: &Registry) -> Result<(), PrometheusError> {
	let opts = |name: &str, help: &str| Opts::new(name, help).variable_label("store");
	let source = |read| OfStores(figures.clone(), read);
	let counter = |name: &str, help: &str, read| {
		register(SourcedCounter::new(&opts(name, help), source(read))?, registry)
	};
	counter("thin_store_requests_total", "Requests to the store", |store| store.requests)?;
	counter("thin_store_failures_total", "Requests that failed", |store| store.failures)?;
	counter(
		"thin_verification_failures_total",
		"Values of the store that were not what they should be",
		|store| store.verification_failures,
	)?;
	let help = "1 when the store is asked; 0 when it failed several times, or has sent wrong bytes";
	let healthy =
		|store: &StoreStats| u64::from(store.state == StoreState::Closed && !store.quarantined);
	register(SourcedGauge::new(&opts("thin_store_healthy", help), source(healthy))?, registry)?;
	Ok(())
}
