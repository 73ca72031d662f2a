//! One store as the fetcher uses it: a queue, threads that take requests off it, and what is known
//! about the store. A store that hangs holds these threads up, and never who waits for a chunk.

use super::{
	health::Health,
	stats::{StoreStats, LATENCY_BOUNDS_US},
};
use crate::{
	chunk::{Chunk, ChunkId},
	source::FetchError,
	store::{Key, Store, StoreError},
	value::{self, ValueError},
};
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use std::{
	panic::{catch_unwind, AssertUnwindSafe},
	sync::{
		atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
		Arc,
	},
	time::{Duration, Instant},
};

/// How many requests are sent to one store at once.
const THREADS: usize = 8;
/// How many requests may wait.
const QUEUE: usize = 1_024;
/// How many chunks one request asks for at most.
pub(super) const BATCH: usize = 64;

/// What a store has to say about one chunk.
pub(super) enum Outcome {
	Found(Chunk),
	Missing,
	Wrong(FetchError),
}

/// What a store has to say about a request.
pub(super) struct Answer {
	/// The number of the lane.
	pub(super) lane: usize,
	pub(super) result: Result<Vec<(ChunkId, Outcome)>, StoreError>,
}

/// A request. It is always answered: also when it is dropped.
pub(super) struct Job {
	lane: usize,
	store: Arc<dyn Store>,
	pub(super) ids: Vec<ChunkId>,
	/// Whether nobody waits for the answer any more.
	abandoned: Arc<AtomicBool>,
	answers: Option<Sender<Answer>>,
}

impl Job {
	fn answer(mut self, result: Result<Vec<(ChunkId, Outcome)>, StoreError>) {
		if let Some(answers) = self.answers.take() {
			let _ = answers.send(Answer { lane: self.lane, result });
		}
	}
}

impl Drop for Job {
	fn drop(&mut self) {
		if let Some(answers) = self.answers.take() {
			let store = self.store.name().to_owned();
			let reason = "too many requests wait for it".into();
			let result = Err(StoreError::Unreachable { store, reason });
			let _ = answers.send(Answer { lane: self.lane, result });
		}
	}
}

pub(super) struct Lane {
	shared: Arc<Shared>,
	jobs: Sender<Job>,
}

struct Shared {
	number: usize,
	store: Arc<dyn Store>,
	queue: Receiver<Job>,
	health: Mutex<Health>,
	quarantined: AtomicBool,
	threads: AtomicUsize,
	busy: AtomicUsize,
	counters: Counters,
}

#[derive(Default)]
struct Counters {
	requests: AtomicU64,
	failures: AtomicU64,
	values: AtomicU64,
	bytes: AtomicU64,
	missing: AtomicU64,
	verification_failures: AtomicU64,
	latencies: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
	latency_total: AtomicU64,
}

impl Counters {
	fn took(&self, time: Duration) {
		let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
		let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < micros);
		self.latencies[bucket].fetch_add(1, Relaxed);
		self.latency_total.fetch_add(micros, Relaxed);
	}
}

impl Lane {
	pub(super) fn new(number: usize, store: Arc<dyn Store>) -> Self {
		let (jobs, queue) = crossbeam_channel::bounded(QUEUE);
		let shared = Shared {
			number,
			store,
			queue,
			health: Mutex::default(),
			quarantined: AtomicBool::new(false),
			threads: AtomicUsize::new(0),
			busy: AtomicUsize::new(0),
			counters: Counters::default(),
		};
		Self { shared: Arc::new(shared), jobs }
	}

	pub(super) fn name(&self) -> &str {
		self.shared.store.name()
	}

	pub(super) fn is_quarantined(&self) -> bool {
		self.shared.quarantined.load(Relaxed)
	}

	pub(super) fn with_health<T>(&self, f: impl FnOnce(&mut Health) -> T) -> T {
		f(&mut self.shared.health.lock())
	}

	/// Asks for these chunks. Where the store can be asked at once, the caller's own thread does so,
	/// which spares two handings-over, and waits for the answer no longer than `patience`: then
	/// another thread does. Otherwise the request goes into the queue.
	pub(super) fn send(
		&self,
		ids: Vec<ChunkId>,
		patience: Option<Duration>,
		abandoned: Arc<AtomicBool>,
		answers: Sender<Answer>,
	) {
		let shared = &self.shared;
		let (lane, store) = (shared.number, shared.store.clone());
		let job = Job { lane, store, ids, abandoned, answers: Some(answers) };
		let job = match patience.filter(|_| job.ids.len() <= BATCH) {
			// A job that is dropped is answered, here as in the threads below.
			Some(patience) => match catch_unwind(AssertUnwindSafe(|| shared.ask(job, patience))) {
				Ok(Some(job)) => job,
				Ok(None) => return,
				Err(_) => return tracing::error!(store = self.name(), "asking has failed: a bug"),
			},
			None => job,
		};
		// When the queue is full the job comes back, is dropped, and thereby answered.
		if self.jobs.try_send(job).is_ok() {
			self.add_thread();
		}
	}

	/// One more thread when all there are have something to do.
	fn add_thread(&self) {
		let threads = self.shared.threads.load(Relaxed);
		if threads >= THREADS || self.shared.busy.load(Relaxed) + self.jobs.len() <= threads {
			return;
		}
		if self.shared.threads.compare_exchange(threads, threads + 1, Relaxed, Relaxed).is_err() {
			return;
		}
		let shared = self.shared.clone();
		let name = format!("thin-fetch-{}", shared.number);
		let spawned = std::thread::Builder::new().name(name).spawn(move || {
			while let Ok(job) = shared.queue.recv() {
				shared.busy.fetch_add(1, Relaxed);
				// A job that is dropped is answered, so nobody waits for a thread that failed.
				let served = catch_unwind(AssertUnwindSafe(|| shared.serve(job)));
				if served.is_err() {
					tracing::error!(store = shared.store.name(), "fetching has failed: a bug");
				}
				shared.busy.fetch_sub(1, Relaxed);
			}
		});
		if let Err(error) = spawned {
			self.shared.threads.fetch_sub(1, Relaxed);
			tracing::warn!(%error, "no thread for fetching can be started");
			if threads == 0 {
				// Nobody would serve the queue.
				while let Ok(job) = self.shared.queue.try_recv() {
					drop(job);
				}
			}
		}
	}

	pub(super) fn stats(&self) -> StoreStats {
		let counters = &self.shared.counters;
		let health = self.shared.health.lock();
		let micros = |percent| {
			let latency = health.percentile(percent).unwrap_or_default();
			u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
		};
		StoreStats {
			name: self.name().to_owned(),
			state: health.state(),
			quarantined: self.is_quarantined(),
			requests: counters.requests.load(Relaxed),
			failures: counters.failures.load(Relaxed),
			values: counters.values.load(Relaxed),
			bytes: counters.bytes.load(Relaxed),
			missing: counters.missing.load(Relaxed),
			verification_failures: counters.verification_failures.load(Relaxed),
			latency_p50_us: micros(50),
			latency_p95_us: micros(95),
			latency_buckets: counters.latencies.iter().map(|count| count.load(Relaxed)).collect(),
			latency_total_us: counters.latency_total.load(Relaxed),
		}
	}
}

fn keys(jobs: &[Job]) -> Vec<Key> {
	jobs.iter().flat_map(|job| &job.ids).map(|id| Bytes::copy_from_slice(&id.0)).collect()
}

impl Shared {
	/// Asks the store, for this job and for others that wait: many small requests of many readers
	/// become a few large ones.
	fn serve(&self, job: Job) {
		let mut total = job.ids.len();
		let mut jobs = vec![job];
		while total < BATCH {
			let Ok(job) = self.queue.try_recv() else { break };
			total += job.ids.len();
			jobs.push(job);
		}
		jobs.retain(|job| !job.abandoned.load(Relaxed));
		if jobs.is_empty() {
			return;
		}
		let keys = keys(&jobs);
		self.counters.requests.fetch_add(1, Relaxed);
		let begun = Instant::now();
		let result = self.store.get_many(&keys);
		self.take(jobs, begun, result);
	}

	/// Asks the store in this thread. The job comes back when the store can't be asked at once.
	fn ask(self: &Arc<Self>, job: Job, patience: Duration) -> Option<Job> {
		let begun = Instant::now();
		let Some(mut question) = self.store.ask(&keys(std::slice::from_ref(&job))) else {
			return Some(job);
		};
		self.counters.requests.fetch_add(1, Relaxed);
		if let Some(result) = question.wait(patience) {
			self.take(vec![job], begun, result);
			return None;
		}
		// As many such threads as the store has connections: each holds one.
		let shared = self.clone();
		let name = format!("thin-wait-{}", self.number);
		let spawned = std::thread::Builder::new().name(name).spawn(move || {
			let result = question.finish();
			shared.take(vec![job], begun, result);
		});
		if let Err(error) = spawned {
			// The job is dropped, and thereby answered.
			tracing::warn!(%error, "no thread to wait for a store can be started");
		}
		None
	}

	/// Tells those who have asked what the store has said.
	fn take(&self, jobs: Vec<Job>, begun: Instant, result: Result<Vec<Option<Bytes>>, StoreError>) {
		let asked: usize = jobs.iter().map(|job| job.ids.len()).sum();
		let values = match result {
			Ok(values) if values.len() == asked => values,
			Ok(_) => {
				let store = self.store.name().to_owned();
				let reason = "it gave another number of answers than questions".into();
				return self.fail(jobs, StoreError::Unreachable { store, reason });
			},
			Err(error) => return self.fail(jobs, error),
		};
		let took = begun.elapsed();
		self.counters.took(took);
		if self.health.lock().succeeded(took) {
			tracing::info!(store = self.store.name(), "store answers again");
		}
		let mut values = values.into_iter();
		for job in jobs {
			let outcomes = job.ids.iter().zip(values.by_ref());
			let outcomes = outcomes.map(|(id, value)| (*id, self.judge(*id, value))).collect();
			job.answer(Ok(outcomes));
		}
	}

	fn judge(&self, id: ChunkId, value: Option<Bytes>) -> Outcome {
		let Some(value) = value else {
			self.counters.missing.fetch_add(1, Relaxed);
			return Outcome::Missing;
		};
		self.counters.values.fetch_add(1, Relaxed);
		self.counters.bytes.fetch_add(value.len() as u64, Relaxed);
		let error = match value::decode(id, value) {
			Ok(chunk) => return Outcome::Found(chunk),
			Err(error) => error,
		};
		self.counters.verification_failures.fetch_add(1, Relaxed);
		let store = self.store.name().to_owned();
		let first = !self.quarantined.swap(true, Relaxed);
		let next = if first { "; it is asked last from now on" } else { "" };
		tracing::error!(store, chunk = %id, %error, "store sent wrong bytes{next}");
		Outcome::Wrong(match error {
			ValueError::Chunk(error) => FetchError::Corrupt { store, error },
			ValueError::Undecodable(reason) => FetchError::Undecodable { store, id, reason },
		})
	}

	fn fail(&self, jobs: Vec<Job>, error: StoreError) {
		self.counters.failures.fetch_add(1, Relaxed);
		if self.health.lock().failed(Instant::now()) {
			let store = self.store.name();
			tracing::warn!(store, %error, "store is left alone for a while");
		}
		for job in jobs {
			job.answer(Err(error.clone()));
		}
	}
}
