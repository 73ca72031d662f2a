//! What a thin node tells Prometheus about its image. The walk to genesis and the duties have
//! metrics of their own.

use crate::status::{Counters, Fetched, ThinStatus};
use substrate_prometheus_endpoint::{
	register, Gauge, MetricSource, Opts, PrometheusError, Registry, SourcedCounter, U64,
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
	)
}
