//! Hydrating a mounted image in the background, until all of it is there.

use super::content::Content;
use crate::{
	cache::Cache,
	fetch::Fetcher,
	hydrate::{HydrateOptions, HydrateReport, Hydrator},
	stop::Stop,
};
use serde::{Deserialize, Serialize};
use std::{
	sync::{
		atomic::{AtomicBool, Ordering::Relaxed},
		Arc,
	},
	time::Duration,
};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is fetched of an image that nobody has asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Hydrate {
	/// Nothing.
	#[default]
	None,
	/// All of it, after whoever reads, and after the trace. Needs a cache.
	Background {
		/// The most bytes in a second, as they are in files.
		rate: Option<u64>,
	},
}

/// How far the hydration of a mount is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HydrateStats {
	/// Whether it is through: all is there, but for what failed, or the cache is full.
	pub done: bool,
	/// What it has done.
	#[serde(flatten)]
	pub report: HydrateReport,
}

pub(super) struct Hydration {
	hydrator: Arc<Hydrator>,
	done: Arc<AtomicBool>,
	stop: Arc<Stop>,
}

impl Hydration {
	/// `None` when no thread can be started.
	pub(super) fn start(
		content: &Arc<Content>,
		cache: Arc<Cache>,
		fetcher: Arc<Fetcher>,
		rate: Option<u64>,
	) -> Option<Self> {
		let (stop, done) = (Arc::<Stop>::default(), Arc::<AtomicBool>::default());
		let options = HydrateOptions { rate, check: false };
		let hydrator = Arc::new(Hydrator::new(cache, fetcher, options, stop.clone()));
		let hydration = Self { hydrator: hydrator.clone(), done: done.clone(), stop: stop.clone() };
		let content = content.clone();
		let work = move || {
			let mut pause = FIRST_PAUSE;
			while !stop.is_said() {
				let before = hydrator.report();
				let run = hydrator.run(content.image(), &|_| {}, &|blob| content.check(blob));
				match run {
					// A pass that had nothing to do: all is there.
					Ok(()) if hydrator.report().chunks == before.chunks => {
						done.store(!stop.is_said(), Relaxed);
						return;
					},
					Ok(()) => pause = FIRST_PAUSE,
					Err(error) => {
						tracing::debug!(%error, "hydration pauses");
						stop.wait(pause);
						pause = (pause * 2).min(LONGEST_PAUSE);
					},
				}
			}
		};
		match std::thread::Builder::new().name("thin-hydrate".into()).spawn(work) {
			Ok(_) => Some(hydration),
			Err(error) => {
				tracing::warn!(%error, "no thread for hydration can be started");
				None
			},
		}
	}

	/// Its thread has the content it hydrates, so nobody else ends it.
	pub(super) fn stop(&self) {
		self.stop.say();
	}

	pub(super) fn is_done(&self) -> bool {
		self.done.load(Relaxed)
	}

	pub(super) fn stats(&self) -> HydrateStats {
		HydrateStats { done: self.done.load(Relaxed), report: self.hydrator.report() }
	}
}
