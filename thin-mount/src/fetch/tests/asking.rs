//! Stores that are asked by who wants the chunks.

use super::*;
use crate::store::Question;
use crossbeam_channel::{bounded, Receiver};

type Values = Result<Vec<Option<Bytes>>, StoreError>;

/// A store that can be asked, and answers in its own time.
struct Asking {
	inner: Arc<FaultyStore>,
	asked: AtomicUsize,
	/// Whether a question was left to another thread.
	left: Arc<AtomicBool>,
}

struct Asked {
	answer: Receiver<Values>,
	left: Arc<AtomicBool>,
}

impl Question for Asked {
	fn wait(&mut self, limit: Duration) -> Option<Values> {
		self.answer.recv_timeout(limit).ok()
	}

	fn finish(self: Box<Self>) -> Values {
		self.left.store(true, SeqCst);
		let gone = || unreachable().unwrap().unwrap_err();
		self.answer.recv().map_err(|_| gone())?
	}
}

impl Store for Asking {
	fn name(&self) -> &str {
		self.inner.name()
	}

	fn get_many(&self, keys: &[Key]) -> Values {
		self.inner.get_many(keys)
	}

	fn ask(&self, keys: &[Key]) -> Option<Box<dyn Question>> {
		self.asked.fetch_add(1, SeqCst);
		let (answers, answer) = bounded(1);
		let (inner, keys) = (self.inner.clone(), keys.to_vec());
		std::thread::spawn(move || answers.send(inner.get_many(&keys)));
		Some(Box::new(Asked { answer, left: self.left.clone() }))
	}

	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		self.inner.has_many(keys)
	}

	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		self.inner.put_many(records)
	}
}

fn asking(inner: Arc<FaultyStore>) -> Arc<Asking> {
	Arc::new(Asking { inner, asked: AtomicUsize::new(0), left: Arc::default() })
}

fn hang(_: usize, _: &[Key]) -> Option<Values> {
	loop {
		std::thread::sleep(Duration::from_secs(3600));
	}
}

#[test]
fn whoever_wants_a_chunk_asks_by_itself() {
	let chunks = chunks(200);
	let store = asking(faulty("quick", &chunks, |_, _| None));
	let fetcher = fetcher(vec![store.clone()], LATE);
	assert_eq!(fetcher.chunk(chunks[0].id()).unwrap(), chunks[0]);
	assert_eq!(fetcher.chunks(&ids(&chunks)).unwrap(), chunks);
	let stats = &fetcher.stats().stores[0];
	assert_eq!((stats.values, stats.missing, stats.failures), (200, 0, 0));
	assert_eq!(store.asked.load(SeqCst), store.inner.calls.load(SeqCst));
	assert_eq!(stats.requests, store.inner.calls.load(SeqCst) as u64);
	assert_eq!(stats.latency_buckets.iter().sum::<u64>(), stats.requests);
	assert_eq!(store.inner.inner.reads(), 200, "each of them once");
}

#[test]
fn a_late_answer_is_left_to_another_thread_and_not_asked_for_again() {
	let chunks = chunks(3);
	let left = Arc::new(AtomicBool::new(false));
	let waiting = left.clone();
	let inner = faulty("late", &chunks, move |_, _| {
		while !waiting.load(SeqCst) {
			std::thread::sleep(Duration::from_millis(1));
		}
		None
	});
	let store = Arc::new(Asking { inner, asked: AtomicUsize::new(0), left });
	let fetcher = fetcher(vec![store.clone()], LATE);
	assert_eq!(fetcher.chunks(&ids(&chunks)).unwrap(), chunks);
	let stats = fetcher.stats();
	assert_eq!((stats.hedges, stats.retries, stats.stores[0].requests), (0, 0, 1));
	assert_eq!(store.inner.calls.load(SeqCst), 1);
}

#[test]
fn a_store_that_hangs_holds_nobody_up_who_could_ask_another_one() {
	let chunks = chunks(2);
	let hung = asking(faulty("hung", &chunks, hang));
	let alone = fetcher(vec![hung.clone()], SOON);
	let begun = Instant::now();
	let error = alone.chunks(&ids(&chunks)).unwrap_err();
	assert!(error.to_string().contains("hung") && error.to_string().contains("0.3 s"), "{error}");
	assert!(begun.elapsed() >= SOON);

	let honest = asking(faulty("honest", &chunks, |_, _| None));
	let both = fetcher(vec![hung, honest.clone()], LATE);
	assert_eq!(both.chunks(&ids(&chunks)).unwrap(), chunks);
	assert_eq!((both.stats().hedges, both.stats().stores[0].requests), (1, 1));
	assert_eq!(honest.asked.load(SeqCst), 0, "two at once are waited for in another way");
}

#[test]
fn wrong_bytes_failures_and_refusals_are_what_they_are_in_a_queue() {
	let chunks = chunks(30);
	let other = value::encode(&Chunk::new(noise(999, 3_000).into()).unwrap());
	let liar = asking(faulty("liar", &chunks, move |_, keys| {
		Some(Ok(keys.iter().map(|_| Some(other.clone())).collect()))
	}));
	let honest = asking(faulty("honest", &chunks, |_, _| None));
	let both = fetcher(vec![liar.clone(), honest], LATE);
	assert_eq!(both.chunks(&ids(&chunks)).unwrap(), chunks);
	assert!(both.stats().stores[0].quarantined);
	assert_eq!(both.stats().stores[0].verification_failures, 30);
	let alone = fetcher(vec![liar], LATE);
	assert!(matches!(alone.chunk(chunks[0].id()), Err(FetchError::Corrupt { .. })));

	let weak =
		asking(faulty("weak", &chunks, |call, _| if call < 4 { unreachable() } else { None }));
	let alone = fetcher(vec![weak], LATE);
	assert_eq!(alone.chunks(&ids(&chunks)).unwrap(), chunks);
	let stats = &alone.stats().stores[0];
	assert_eq!((stats.failures, stats.state), (4, StoreState::Closed));

	let short = asking(faulty("short", &chunks, |_, _| Some(Ok(vec![]))));
	let mad = asking(faulty("mad", &chunks, |_, _| panic!("on purpose")));
	for store in [short, mad] {
		assert!(fetcher(vec![store], SOON).chunk(chunks[0].id()).is_err());
	}
}

proptest::proptest! {
	#![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

	/// Whatever stores do that are asked, every chunk that is given out is right.
	#[test]
	fn faults_never_give_wrong_bytes(
		plan in proptest::collection::vec(proptest::collection::vec(0u8..7, 1..12), 1..4),
		asked in proptest::collection::vec(0usize..20, 1..12),
	) {
		never_wrong(plan, &asked, |store| asking(store))?;
	}
}
