//! Getting one batch of chunks: which store to ask, whom next, and when to give up.

use super::{
	lane::{Answer, Lane, Outcome},
	Counters,
};
use crate::{
	chunk::{Chunk, ChunkId},
	source::FetchError,
	store::StoreError,
};
use crossbeam_channel::{Receiver, Sender};
use rand::Rng;
use std::{
	collections::HashMap,
	sync::{
		atomic::{AtomicBool, Ordering::Relaxed},
		Arc,
	},
	time::{Duration, Instant},
};

/// The least time before a store that failed is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
	/// Not asked yet, or to be asked again.
	Open,
	/// Asked; the answer is due.
	Asked,
	/// It has said what it can say.
	Done,
	/// No answer could be had. It may be asked again from then on.
	Failed(Instant),
}

pub(super) struct Round<'a> {
	lanes: &'a [Lane],
	counters: &'a Counters,
	deadline: Instant,
	limit: Duration,
	standing: Vec<Standing>,
	/// `None` while a chunk is not there. What went wrong with it is in `wrong`.
	chunks: HashMap<ChunkId, Option<Chunk>>,
	wrong: HashMap<ChunkId, FetchError>,
	/// What the stores that gave no answer said last.
	trouble: Option<StoreError>,
	abandoned: Arc<AtomicBool>,
	answers: (Sender<Answer>, Receiver<Answer>),
}

impl Drop for Round<'_> {
	fn drop(&mut self) {
		self.abandoned.store(true, Relaxed);
	}
}

impl<'a> Round<'a> {
	pub(super) fn new(
		lanes: &'a [Lane],
		counters: &'a Counters,
		limit: Duration,
		ids: &[ChunkId],
	) -> Self {
		Self {
			lanes,
			counters,
			deadline: Instant::now() + limit,
			limit,
			standing: vec![Standing::Open; lanes.len()],
			chunks: ids.iter().map(|id| (*id, None)).collect(),
			wrong: HashMap::new(),
			trouble: None,
			abandoned: Arc::default(),
			answers: crossbeam_channel::unbounded(),
		}
	}

	/// Every chunk, or why it can't be had.
	pub(super) fn run(mut self) -> Vec<(ChunkId, Result<Chunk, FetchError>)> {
		let mut wait_until = self.ask_next();
		while self.chunks.values().any(Option::is_none) {
			let now = Instant::now();
			if now >= self.deadline {
				self.note_silence();
				break;
			}
			let until = wait_until.unwrap_or(self.deadline).min(self.deadline);
			match self.answers.1.recv_timeout(until.saturating_duration_since(now)) {
				Ok(answer) => {
					let lane = answer.lane;
					self.take(answer);
					let asked = self.standing.contains(&Standing::Asked);
					if !asked || self.standing[lane] == Standing::Done {
						wait_until = self.ask_next();
					}
					if self.is_hopeless() {
						break;
					}
				},
				Err(_) => wait_until = self.ask_next(),
			}
		}
		self.finish()
	}

	/// Asks the best store that has not been asked for what is still missing. When to come back
	/// if no answer has come by then.
	fn ask_next(&mut self) -> Option<Instant> {
		let now = Instant::now();
		for standing in &mut self.standing {
			if matches!(standing, Standing::Failed(until) if *until <= now) {
				*standing = Standing::Open;
				self.counters.retries.fetch_add(1, Relaxed);
			}
		}
		let ids: Vec<_> =
			self.chunks.iter().filter(|(_, c)| c.is_none()).map(|(id, _)| *id).collect();
		if ids.is_empty() {
			return None;
		}
		let mut open: Vec<usize> =
			(0..self.lanes.len()).filter(|at| self.standing[*at] == Standing::Open).collect();
		open.sort_by_key(|at| self.lanes[*at].is_quarantined());
		for (place, at) in open.iter().enumerate() {
			let lane = &self.lanes[*at];
			if lane.with_health(|health| health.admits(now)) {
				let patience = lane.with_health(|health| health.hedge_after());
				let hedge = now + patience;
				let alone = !self.standing.contains(&Standing::Asked);
				if !alone {
					self.counters.hedges.fetch_add(1, Relaxed);
				}
				// Where nobody else has been asked there is nothing else to wait for until then.
				let patience = alone
					.then(|| patience.min(self.deadline.saturating_duration_since(now)))
					.filter(|patience| !patience.is_zero());
				lane.send(ids, patience, self.abandoned.clone(), self.answers.0.clone());
				self.standing[*at] = Standing::Asked;
				let others = place + 1 < open.len();
				return [others.then_some(hedge), self.next_retry()].into_iter().flatten().min();
			}
			let retry = lane.with_health(|health| health.retry_at()).unwrap_or(now);
			self.standing[*at] = Standing::Failed(retry.max(now + RETRY_PAUSE));
			self.trouble.get_or_insert_with(|| StoreError::Unreachable {
				store: lane.name().to_owned(),
				reason: "it failed several times in a row".into(),
			});
		}
		self.next_retry()
	}

	fn next_retry(&self) -> Option<Instant> {
		let times = self.standing.iter().filter_map(|standing| match standing {
			Standing::Failed(until) => Some(*until),
			_ => None,
		});
		times.min()
	}

	fn take(&mut self, answer: Answer) {
		let lane = &self.lanes[answer.lane];
		match answer.result {
			Ok(outcomes) => {
				self.standing[answer.lane] = Standing::Done;
				for (id, outcome) in outcomes {
					match outcome {
						Outcome::Found(chunk) => {
							self.chunks.insert(id, Some(chunk));
						},
						Outcome::Missing => {},
						Outcome::Wrong(error) => {
							self.wrong.insert(id, error);
						},
					}
				}
			},
			Err(error @ StoreError::Unreachable { .. }) => {
				let now = Instant::now();
				let pause = RETRY_PAUSE.mul_f64(rand::thread_rng().gen_range(0.5..2.0));
				let retry = lane.with_health(|health| health.retry_at()).unwrap_or(now);
				self.standing[answer.lane] = Standing::Failed(retry.max(now + pause));
				self.trouble = Some(error);
			},
			Err(error) => {
				self.standing[answer.lane] = Standing::Done;
				self.trouble = Some(error);
			},
		}
	}

	/// Whether every store has said all it can say.
	fn is_hopeless(&self) -> bool {
		self.standing.iter().all(|standing| *standing == Standing::Done)
	}

	/// Makes the silence of stores at the deadline the error, and counts against them.
	fn note_silence(&mut self) {
		for (at, lane) in self.lanes.iter().enumerate() {
			if self.standing[at] == Standing::Asked {
				lane.with_health(|health| health.failed(Instant::now()));
				self.trouble = Some(StoreError::Unreachable {
					store: lane.name().to_owned(),
					reason: format!("no answer within {:.1} s", self.limit.as_secs_f64()),
				});
			}
		}
	}

	fn finish(mut self) -> Vec<(ChunkId, Result<Chunk, FetchError>)> {
		let names: Vec<_> = self.lanes.iter().map(Lane::name).collect();
		let stores = names.join(", ");
		std::mem::take(&mut self.chunks)
			.into_iter()
			.map(|(id, chunk)| {
				let result = match (chunk, self.wrong.remove(&id), &self.trouble) {
					(Some(chunk), ..) => Ok(chunk),
					(None, Some(wrong), _) => Err(wrong),
					(None, None, Some(trouble)) => Err(trouble.clone().into()),
					(None, None, None) => Err(FetchError::Missing { id, stores: stores.clone() }),
				};
				(id, result)
			})
			.collect()
	}
}
