//! What the duties of a node tell Prometheus.

use super::health::{DutiesReport, Health, Phase, Pulse};
use substrate_prometheus_endpoint::{
	register, MetricSource, Opts, PrometheusError, Registry, SourcedCounter, SourcedGauge,
};

/// Reads a figure of a report. `None` when it is not known yet.
type Read = fn(&DutiesReport) -> Option<u64>;

/// A figure that is read when it is asked for. What is not known yet is left out.
#[derive(Clone)]
struct Figure(Health, Read);

impl MetricSource for Figure {
	type N = u64;

	fn collect(&self, mut set: impl FnMut(&[&str], u64)) {
		if let Some(value) = self.1(&self.0.report()) {
			set(&[], value);
		}
	}
}

/// What a duty is about: 1 for that, and 0 for all else.
#[derive(Clone)]
struct Phases(Health, fn(&DutiesReport) -> Option<&Pulse>);

impl MetricSource for Phases {
	type N = u64;

	fn collect(&self, mut set: impl FnMut(&[&str], u64)) {
		let report = self.0.report();
		if let Some(pulse) = self.1(&report) {
			for phase in Phase::ALL {
				set(&[phase.name()], u64::from(phase == pulse.phase));
			}
		}
	}
}

struct Figures<'a> {
	health: &'a Health,
	registry: &'a Registry,
}

impl Figures<'_> {
	fn gauge(&self, name: &str, help: &str, read: Read) -> Result<(), PrometheusError> {
		let source = Figure(self.health.clone(), read);
		register(SourcedGauge::new(&Opts::new(name, help), source)?, self.registry).map(drop)
	}

	fn counter(&self, name: &str, help: &str, read: Read) -> Result<(), PrometheusError> {
		let source = Figure(self.health.clone(), read);
		register(SourcedCounter::new(&Opts::new(name, help), source)?, self.registry).map(drop)
	}

	fn phase(
		&self,
		name: &str,
		pulse: fn(&DutiesReport) -> Option<&Pulse>,
	) -> Result<(), PrometheusError> {
		let mut opts = Opts::new(name, "What the duty is about: 1 for that, 0 for all else");
		opts.variable_labels = vec!["phase".into()];
		let source = Phases(self.health.clone(), pulse);
		register(SourcedGauge::new(&opts, source)?, self.registry).map(drop)
	}
}

const FAILURES: &str = "Steps that failed since the start";
const SUCCESS: &str = "When a step last came to its end without a failure, in seconds since 1970";

/// Registers the metrics of the duties that the report has.
///
/// Errors when they are registered already.
pub fn register_all(health: &Health, registry: &Registry) -> Result<(), PrometheusError> {
	let figures = Figures { health, registry };
	let report = health.report();
	if report.publisher.is_some() {
		publisher(&figures)?;
	}
	if report.attester.is_some() {
		attester(&figures)?;
	}
	Ok(())
}

fn publisher(figures: &Figures<'_>) -> Result<(), PrometheusError> {
	macro_rules! of {
		($report:ident, $value:expr) => {
			|all| {
				let $report = all.publisher.as_ref()?;
				$value
			}
		};
	}
	figures.phase("thin_publish_phase", |all| Some(&all.publisher.as_ref()?.pulse))?;
	figures.counter("thin_publish_failures_total", FAILURES, of!(of, Some(of.pulse.failures)))?;
	figures.gauge("thin_publish_last_success_seconds", SUCCESS, of!(of, of.pulse.last_success))?;
	figures.gauge(
		"thin_publish_every_blocks",
		"A snapshot is due at every multiple of this block number",
		of!(of, Some(of.every.into())),
	)?;
	figures.gauge(
		"thin_publish_last_block",
		"The block of the newest snapshot",
		of!(of, of.last_block.map(u64::from)),
	)?;
	figures.gauge(
		"thin_publish_snapshots",
		"Snapshots that are looked after",
		of!(of, Some(of.snapshots.len() as u64)),
	)?;
	figures.counter(
		"thin_publish_made_total",
		"Snapshots that were made since the start",
		of!(of, Some(of.made)),
	)?;
	figures.counter(
		"thin_publish_registered_total",
		"Snapshots that came into the registry since the start",
		of!(of, Some(of.registered)),
	)?;
	figures.counter(
		"thin_publish_certified_total",
		"Snapshots that were certified since the start",
		of!(of, Some(of.certified)),
	)?;
	figures.counter(
		"thin_publish_ended_total",
		"Snapshots that were retired, expired, given up or found wrong since the start",
		of!(of, Some(of.ended)),
	)?;
	figures.counter(
		"thin_publish_uploaded_bytes_total",
		"Bytes uploaded to the stores since the start",
		of!(of, Some(of.uploaded_bytes)),
	)?;
	figures.counter(
		"thin_publish_removed_bytes_total",
		"Bytes removed from the stores since the start",
		of!(of, Some(of.removed_bytes)),
	)
}

fn attester(figures: &Figures<'_>) -> Result<(), PrometheusError> {
	macro_rules! of {
		($report:ident, $value:expr) => {
			|all| {
				let $report = all.attester.as_ref()?;
				$value
			}
		};
	}
	figures.phase("thin_attest_phase", |all| Some(&all.attester.as_ref()?.pulse))?;
	figures.counter("thin_attest_failures_total", FAILURES, of!(of, Some(of.pulse.failures)))?;
	figures.gauge("thin_attest_last_success_seconds", SUCCESS, of!(of, of.pulse.last_success))?;
	figures.gauge(
		"thin_attest_last_block",
		"The block of the last snapshot that was audited",
		of!(of, of.last_block),
	)?;
	figures.counter(
		"thin_attest_audits_total",
		"Audits that came to their end since the start",
		of!(of, Some(of.audits)),
	)?;
	figures.counter(
		"thin_attest_audits_failed_total",
		"Audits that came to no end since the start: a store was away, or two audits disagreed",
		of!(of, Some(of.audits_failed)),
	)?;
	figures.gauge(
		"thin_attest_vouched_for",
		"Snapshots that this node vouches for or has vouched for",
		of!(of, Some(of.vouched_for)),
	)?;
	figures.gauge(
		"thin_attest_disputed",
		"Snapshots that this node has disputed",
		of!(of, Some(of.disputed)),
	)?;
	figures.gauge(
		"thin_attest_undecided",
		"Snapshots that were audited, and the registry doesn't show the outcome yet",
		of!(of, Some(of.undecided)),
	)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn only_the_duties_of_the_node_have_metrics() {
		let names = |health: &Health| -> Vec<String> {
			let registry = Registry::new_custom(None, None).unwrap();
			register_all(health, &registry).unwrap();
			registry.gather().iter().map(|family| family.get_name().to_owned()).collect()
		};
		let health = Health::default();
		assert!(names(&health).is_empty());
		health.publisher(|report| report.every = 7);
		let publisher = names(&health);
		assert!(publisher.iter().all(|name| name.starts_with("thin_publish_")));
		assert!(publisher.iter().any(|name| name == "thin_publish_phase"));
		// Nothing was made yet.
		assert!(!publisher.iter().any(|name| name == "thin_publish_last_block"));
		health.publisher(|report| report.last_block = Some(9));
		assert!(names(&health).iter().any(|name| name == "thin_publish_last_block"));
		health.attester(|report| report.audits = 1);
		assert!(names(&health).iter().any(|name| name == "thin_attest_audits_total"));
	}
}
