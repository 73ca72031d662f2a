use super::*;
use crate::{
	store::Key,
	testing::{noise, MemoryStore},
	value,
};
use bytes::Bytes;
use std::{
	sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
	time::Instant,
};

mod asking;

/// What a store does instead of answering.
type Fault =
	Box<dyn Fn(usize, &[Key]) -> Option<Result<Vec<Option<Bytes>>, StoreError>> + Send + Sync>;

struct FaultyStore {
	name: &'static str,
	inner: Arc<MemoryStore>,
	calls: AtomicUsize,
	fault: Fault,
}

impl Store for FaultyStore {
	fn name(&self) -> &str {
		self.name
	}
	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
		let call = self.calls.fetch_add(1, SeqCst);
		(self.fault)(call, keys).unwrap_or_else(|| self.inner.get_many(keys))
	}
	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		self.inner.has_many(keys)
	}
	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		self.inner.put_many(records)
	}
}

fn faulty(
	name: &'static str,
	chunks: &[Chunk],
	fault: impl Fn(usize, &[Key]) -> Option<Result<Vec<Option<Bytes>>, StoreError>>
		+ Send
		+ Sync
		+ 'static,
) -> Arc<FaultyStore> {
	let inner = MemoryStore::with_chunks(chunks.iter());
	Arc::new(FaultyStore { name, inner, calls: AtomicUsize::new(0), fault: Box::new(fault) })
}

fn unreachable() -> Option<Result<Vec<Option<Bytes>>, StoreError>> {
	Some(Err(StoreError::Unreachable { store: "bad".into(), reason: "a fault".into() }))
}

/// One of seven things that a store may do.
fn fault(kind: u8, all: &[Chunk], keys: &[Key]) -> Option<Result<Vec<Option<Bytes>>, StoreError>> {
	let others = || all.iter().cycle().take(keys.len()).map(|c| Some(value::encode(c)));
	match kind {
		0 => unreachable(),
		1 => Some(Ok(keys.iter().map(|_| None).collect())),
		2 => Some(Ok(others().collect())),
		3 => Some(Ok(vec![Some(Bytes::from_static(b"\0")); keys.len()])),
		4 => Some(Ok(vec![])),
		5 => Some(Err(StoreError::Refused { store: "odd".into(), reason: "no".into() })),
		_ => None,
	}
}

fn chunks(count: u64) -> Vec<Chunk> {
	(0..count).map(|seed| Chunk::new(noise(seed, 3_000).into()).unwrap()).collect()
}

fn ids(chunks: &[Chunk]) -> Vec<ChunkId> {
	chunks.iter().map(Chunk::id).collect()
}

fn fetcher(stores: Vec<Arc<dyn Store>>, deadline: Duration) -> Fetcher {
	Fetcher::new(stores, FetchOptions { deadline, recent: 16, rate: None }).unwrap()
}

const SOON: Duration = Duration::from_millis(300);
const LATE: Duration = Duration::from_secs(60);

fn until(what: &str, reached: impl Fn() -> bool) {
	let end = Instant::now() + LATE;
	while !reached() {
		assert!(Instant::now() < end, "never: {what}");
		std::thread::sleep(Duration::from_millis(1));
	}
}

#[test]
fn chunks_come_in_the_order_they_were_asked_for() {
	let chunks = chunks(1_000);
	let fetcher = fetcher(vec![MemoryStore::with_chunks(chunks.iter())], LATE);
	let mut wanted = chunks.clone();
	wanted.reverse();
	wanted.push(chunks[7].clone());
	assert_eq!(fetcher.chunks(&ids(&wanted)).unwrap(), wanted);
	assert_eq!(fetcher.chunks(&[]).unwrap(), []);
	let stats = fetcher.stats();
	assert_eq!((stats.chunks_fetched, stats.failures, stats.stores[0].values), (1_000, 0, 1_000));
	assert!(stats.bytes_fetched >= 3_000_000);
}

#[test]
fn a_chunk_is_fetched_once_however_many_ask_for_it() {
	let chunks = chunks(40);
	let gate = Arc::new(AtomicBool::new(false));
	let waiting = gate.clone();
	let store = faulty("slow", &chunks, move |_, _| {
		while !waiting.load(SeqCst) {
			std::thread::sleep(Duration::from_millis(1));
		}
		None
	});
	let fetcher = fetcher(vec![store.clone()], LATE);
	std::thread::scope(|scope| {
		for _ in 0..16 {
			scope.spawn(|| assert_eq!(fetcher.chunks(&ids(&chunks)).unwrap(), chunks));
		}
		while fetcher.stats().joined < 15 * 40 {
			std::thread::sleep(Duration::from_millis(1));
		}
		gate.store(true, SeqCst);
	});
	assert_eq!(store.inner.reads(), 40);
}

#[test]
fn requests_that_wait_are_sent_together() {
	let chunks = chunks(200);
	let gate = Arc::new(AtomicBool::new(false));
	let waiting = gate.clone();
	let store = faulty("slow", &chunks, move |_, _| {
		while !waiting.load(SeqCst) {
			std::thread::sleep(Duration::from_millis(1));
		}
		None
	});
	let fetcher = fetcher(vec![store.clone()], LATE);
	std::thread::scope(|scope| {
		for chunk in &chunks {
			let fetcher = &fetcher;
			scope.spawn(move || assert_eq!(&fetcher.chunk(chunk.id()).unwrap(), chunk));
		}
		while fetcher.table.lock().flights.len() < chunks.len() {
			std::thread::sleep(Duration::from_millis(1));
		}
		gate.store(true, SeqCst);
	});
	// A few may have come to the queue too late.
	assert!(store.calls.load(SeqCst) < 100, "{}", store.calls.load(SeqCst));
}

#[test]
fn wrong_bytes_are_never_given_out_and_the_store_is_asked_last() {
	let chunks = chunks(30);
	let other = value::encode(&Chunk::new(noise(999, 3_000).into()).unwrap());
	for wrong in [other, Bytes::new(), Bytes::from_static(b"\x07"), Bytes::from(vec![1; 99_999])] {
		let lies = wrong.clone();
		let liar = faulty("liar", &chunks, move |_, keys| {
			Some(Ok(keys.iter().map(|_| Some(lies.clone())).collect()))
		});
		// On a machine that has other things to do it may be asked before the liar has answered.
		let first = liar.clone();
		let honest = faulty("honest", &chunks, move |_, _| {
			while first.calls.load(SeqCst) == 0 {
				std::thread::sleep(Duration::from_millis(1));
			}
			None
		});
		let both = fetcher(vec![liar.clone(), honest], LATE);
		assert_eq!(both.chunk(chunks[0].id()).unwrap(), chunks[0]);
		until("it is found out", || both.stats().stores[0].quarantined);
		assert_eq!(liar.calls.load(SeqCst), 1);
		assert_eq!(both.chunks(&ids(&chunks)).unwrap(), chunks);
		assert_eq!(liar.calls.load(SeqCst), 1, "it is not asked first again");
		let stats = both.stats();
		assert!(stats.stores[0].quarantined && !stats.stores[1].quarantined);
		assert_eq!(stats.verification_failures, 1);

		let alone = fetcher(vec![liar], LATE);
		let error = alone.chunks(&ids(&chunks)).unwrap_err();
		assert!(
			matches!(error, FetchError::Corrupt { .. } | FetchError::Undecodable { .. }),
			"{error}"
		);
		assert!(error.to_string().contains("liar"), "{error}");
	}
}

#[test]
fn a_chunk_that_no_store_has_is_missing_and_the_others_are_not() {
	let chunks = chunks(3);
	let absent = ChunkId::of(b"absent");
	let half = MemoryStore::with_chunks(chunks[..1].iter());
	let rest = MemoryStore::with_chunks(chunks[1..].iter());
	let fetcher = fetcher(vec![half, rest], LATE);
	assert_eq!(fetcher.chunks(&ids(&chunks)).unwrap(), chunks);
	match fetcher.chunk(absent) {
		Err(FetchError::Missing { id, .. }) => assert_eq!(id, absent),
		other => panic!("{other:?}"),
	}
}

#[test]
fn a_store_that_hangs_costs_no_more_than_the_deadline() {
	let chunks = chunks(2);
	let hang = |_: usize, _: &[Key]| loop {
		std::thread::sleep(Duration::from_secs(3600));
	};
	let alone = fetcher(vec![faulty("hung", &chunks, hang)], SOON);
	let begun = Instant::now();
	let error = alone.chunks(&ids(&chunks)).unwrap_err();
	assert!(matches!(error, FetchError::Store(StoreError::Unreachable { .. })), "{error}");
	assert!(error.to_string().contains("hung") && error.to_string().contains("0.3 s"), "{error}");
	assert!(begun.elapsed() >= SOON);

	let honest = MemoryStore::with_chunks(chunks.iter());
	let both = fetcher(vec![faulty("hung", &chunks, hang), honest], LATE);
	assert_eq!(both.chunks(&ids(&chunks)).unwrap(), chunks);
	assert_eq!(both.stats().hedges, 1);
}

#[test]
fn a_store_that_comes_back_within_the_deadline_is_no_error() {
	let chunks = chunks(5);
	let store = faulty("weak", &chunks, |call, _| if call < 4 { unreachable() } else { None });
	let fetcher = fetcher(vec![store], LATE);
	assert_eq!(fetcher.chunks(&ids(&chunks)).unwrap(), chunks);
	let stats = fetcher.stats();
	assert_eq!((stats.stores[0].failures, stats.stores[0].state), (4, StoreState::Closed));
	assert!(stats.retries >= 4);
}

#[test]
fn a_store_that_stays_away_is_an_error_at_the_deadline_and_left_alone() {
	let chunks = chunks(1);
	let store = faulty("gone", &chunks, |_, _| unreachable());
	// Once every 50 ms would be 40 times; it is left alone after the third.
	let alone = fetcher(vec![store.clone()], Duration::from_secs(2));
	assert!(alone.chunk(chunks[0].id()).is_err());
	let calls = store.calls.load(SeqCst);
	assert!((1..12).contains(&calls), "{calls}");

	let honest = MemoryStore::with_chunks(chunks.iter());
	let both = fetcher(vec![store, honest], LATE);
	assert_eq!(both.chunk(chunks[0].id()).unwrap(), chunks[0]);
}

#[test]
fn a_store_that_refuses_is_not_asked_again() {
	let chunks = chunks(1);
	let store = faulty("strict", &chunks, |_, _| {
		Some(Err(StoreError::Refused { store: "strict".into(), reason: "no".into() }))
	});
	let fetcher = fetcher(vec![store.clone()], LATE);
	let error = fetcher.chunk(chunks[0].id()).unwrap_err();
	assert!(matches!(error, FetchError::Store(StoreError::Refused { .. })), "{error}");
	assert_eq!(store.calls.load(SeqCst), 1);
}

#[test]
fn answers_of_another_length_are_no_answers() {
	let chunks = chunks(4);
	let short = faulty("short", &chunks, |_, _| Some(Ok(vec![])));
	let honest = MemoryStore::with_chunks(chunks.iter());
	let fetcher = fetcher(vec![short, honest], LATE);
	assert_eq!(fetcher.chunks(&ids(&chunks)).unwrap(), chunks);
}

#[test]
fn a_store_that_panics_is_an_error() {
	let chunks = chunks(1);
	let store = faulty("mad", &chunks, |_, _| panic!("on purpose"));
	let fetcher = fetcher(vec![store], SOON);
	assert!(fetcher.chunk(chunks[0].id()).is_err());
}

#[test]
fn no_store_is_an_error() {
	assert!(Fetcher::new(vec![], FetchOptions::default()).is_err());
}

#[test]
fn no_more_than_the_rate_is_fetched() {
	let chunks = chunks(4);
	// A chunk in a tenth of a second.
	let options = FetchOptions { rate: Some(30_000), ..Default::default() };
	let fetcher = Fetcher::new(vec![MemoryStore::with_chunks(chunks.iter())], options).unwrap();
	let started = Instant::now();
	for chunk in &chunks {
		assert_eq!(fetcher.chunks(&[chunk.id()]).unwrap(), std::slice::from_ref(chunk));
	}
	// What came before the last one is paid for by now. On a busy machine it only takes longer.
	assert!(started.elapsed() >= Duration::from_millis(300));
}

/// Reads chunks from stores that do what the plan says, one after the other: of each, `store` makes the
/// one that is asked.
fn never_wrong(
	plan: Vec<Vec<u8>>,
	asked: &[usize],
	store: impl Fn(Arc<FaultyStore>) -> Arc<dyn Store>,
) -> Result<(), proptest::test_runner::TestCaseError> {
	let chunks = chunks(20);
	let stores = plan.into_iter().map(|plan| {
		let all = chunks.clone();
		store(faulty("odd", &chunks, move |call, keys| fault(plan[call % plan.len()], &all, keys)))
	});
	let fetcher = fetcher(stores.collect(), Duration::from_millis(100));
	for &at in asked {
		if let Ok(got) = fetcher.chunks(&[chunks[at].id(), chunks[(at + 1) % 20].id()]) {
			proptest::prop_assert_eq!(&got[0], &chunks[at]);
			proptest::prop_assert_eq!(&got[1], &chunks[(at + 1) % 20]);
		}
	}
	Ok(())
}

proptest::proptest! {
	#![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
	/// Whatever stores do, every chunk that is given out is right.
	#[test]
	fn faults_never_give_wrong_bytes(
		plan in proptest::collection::vec(proptest::collection::vec(0u8..7, 1..12), 1..4),
		asked in proptest::collection::vec(0usize..20, 1..12),
	) {
		never_wrong(plan, &asked, |store| store)?;
	}
}
