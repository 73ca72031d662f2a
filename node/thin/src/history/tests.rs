use super::*;
use crate::{
	columns::{self, number_key},
	promise::Promise,
	testing::{Chain, Memory},
};
use codec::Encode;
use parking_lot::Mutex as Lock;
use sp_core::H256;
use sp_database::{MemDb, Transaction};
use sp_runtime::traits::Header as _;

const N: u32 = 12;
const SNAPSHOT: H256 = H256::repeat_byte(3);

struct Fixture {
	chain: Chain,
	image: Memory,
	upper: Arc<dyn Database<DbHash>>,
	faults: Arc<Lock<Vec<String>>>,
}

fn fixture() -> Fixture {
	let chain = Chain::new(20, &[5]);
	Fixture {
		image: chain.database(),
		chain,
		upper: Arc::new(MemDb::new()),
		faults: Default::default(),
	}
}

impl Fixture {
	fn history(&self, mode: HistoryMode, snapshot: H256, promise: Option<Promise>) -> Arc<History> {
		let manifest = self.chain.manifest(N);
		let proven = self.chain.proof(N).verify(&self.chain.genesis, &manifest).unwrap();
		let lower = Lower::new(Box::new(self.image.clone()), &proven).held_to(promise);
		let log = self.faults.clone();
		let on_fault: FaultHandler = Arc::new(move |fault| log.lock().push(fault.to_string()));
		let options = HistoryOptions { mode, rate: NonZeroU32::new(1_000_000), snapshot, on_fault };
		History::new(options, Arc::new(lower), self.upper.clone())
	}

	/// Walks to the end, and tells what was wrong.
	fn walk(&self, mode: HistoryMode) -> (HistoryReport, Vec<String>) {
		let history = self.history(mode, SNAPSHOT, None);
		run(history.clone());
		(history.report(), std::mem::take(&mut *self.faults.lock()))
	}

	fn steps(&self, history: &History, count: u32) {
		let walk = history.walk.lock();
		let walk = walk.as_ref().unwrap();
		history.steps(walk, count).unwrap();
		history.save(walk);
	}

	/// A real block of the owner's, at its right height, that is not an ancestor of N.
	fn plant_fork(&self, number: u32) -> BlockKey {
		let mut header = self.chain.headers[number as usize].clone();
		header.set_state_root(H256::repeat_byte(0xee));
		let key = BlockKey::new(number, header.hash().0);
		self.image.set(columns::HEADER, &key.bytes(), header.encode());
		self.image.set(columns::KEY_LOOKUP, &number_key(number), key.bytes());
		self.image.set(columns::KEY_LOOKUP, &key.hash, key.bytes());
		key
	}
}

fn run(history: Arc<History>) {
	let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
	runtime.block_on(history.run(None).unwrap());
}

#[test]
fn a_right_image_is_walked_to_genesis() {
	let f = fixture();
	let before = f.history(HistoryMode::Full, SNAPSHOT, None).report();
	assert_eq!((before.checked_down_to, before.complete), (N, false));
	assert_eq!(before.unproven, Some((1, N - 1)));

	let (report, faults) = f.walk(HistoryMode::Full);
	assert!(faults.is_empty(), "{faults:?}");
	assert_eq!((report.checked_down_to, report.complete, report.unproven), (0, true, None));
	let counts = (report.headers, report.bodies, report.justifications);
	assert_eq!(counts, (N.into(), N.into(), N.into()));
}

#[test]
fn a_block_of_a_fork_at_its_right_height_is_found() {
	for number in 1..N {
		let f = fixture();
		let fork = f.plant_fork(number);
		let (report, faults) = f.walk(HistoryMode::Headers);
		let real = f.chain.key(number);
		assert_eq!(
			faults,
			[format!(
				"the image is corrupt: column KEY_LOOKUP, key 0x{}: block {number} is 0x{} there, \
				 and the parents of block {N} lead to 0x{}",
				hex::encode(number_key(number)),
				hex::encode(fork.hash),
				hex::encode(real.hash),
			)]
		);
		assert_eq!((report.checked_down_to, report.complete), (number + 1, false));
	}
}

#[test]
fn parents_that_lead_to_another_genesis_are_found() {
	let f = fixture();
	let mut proven = f.chain.proof(N).verify(&f.chain.genesis, &f.chain.manifest(N)).unwrap();
	proven.set_genesis_hash([7; 32]);
	let lower = Lower::new(Box::new(f.image.clone()), &proven);
	let fault = lower.check_ancestor(&f.chain.key(0), Depth::Headers).unwrap_err().to_string();
	assert!(fault.contains(&format!("block 0 is 0x{}", hex::encode([7; 32]))), "{fault}");
	assert!(fault.contains(&hex::encode(f.chain.key(0).hash)), "{fault}");
}

#[test]
fn a_missing_header_or_number_is_found() {
	let f = fixture();
	f.image.remove(columns::HEADER, &f.chain.key(4).bytes());
	let (report, faults) = f.walk(HistoryMode::Headers);
	assert!(faults[0].contains("column HEADER"), "{faults:?}");
	assert!(faults[0].contains("the header is not there"), "{faults:?}");
	assert_eq!(report.checked_down_to, 5);

	let f = fixture();
	f.image.remove(columns::KEY_LOOKUP, &number_key(4));
	let (_, faults) = f.walk(HistoryMode::Headers);
	assert!(faults[0].contains("no block at this height"), "{faults:?}");
}

#[test]
fn the_full_walk_finds_what_headers_do_not_say() {
	type Damage = (&'static str, fn(&Fixture));
	let damages: [Damage; 3] = [
		("can't be found by its hash", |f| {
			f.image.remove(columns::KEY_LOOKUP, &f.chain.key(6).hash)
		}),
		("extrinsics that are not those of the header", |f| {
			let other = f.chain.bodies[7].encode();
			f.image.set(columns::BODY, &f.chain.key(6).bytes(), other)
		}),
		("no justifications", |f| {
			f.image.set(columns::JUSTIFICATIONS, &f.chain.key(6).bytes(), vec![9])
		}),
	];
	for (message, damage) in damages {
		let f = fixture();
		damage(&f);
		assert!(f.walk(HistoryMode::Headers).1.is_empty(), "{message}");
		let (report, faults) = f.walk(HistoryMode::Full);
		assert!(faults[0].contains(message), "{faults:?}");
		assert_eq!(report.checked_down_to, 7, "{message}");
	}
}

#[test]
fn a_body_is_missed_only_where_the_image_promises_it() {
	let f = fixture();
	f.image.remove(columns::BODY, &f.chain.key(6).bytes());
	let (report, faults) = f.walk(HistoryMode::Full);
	assert!(faults.is_empty(), "{faults:?}");
	assert_eq!(report.bodies, u64::from(N) - 1);

	let f = fixture();
	f.image.remove(columns::BODY, &f.chain.key(6).bytes());
	for (from, missed) in [(7, false), (6, true), (0, true)] {
		let promise = Some(Promise::of_bodies_from(from));
		let fresh: Arc<dyn Database<DbHash>> = Arc::new(MemDb::new());
		let f = Fixture {
			upper: fresh,
			image: f.image.clone(),
			chain: Chain::new(20, &[5]),
			faults: Default::default(),
		};
		run(f.history(HistoryMode::Full, SNAPSHOT, promise));
		let faults = f.faults.lock();
		let found = faults.iter().any(|fault| {
			fault.contains("column BODY")
				&& fault.contains("the body is not there, and the image says that it is")
		});
		assert_eq!(found, missed, "promised from {from}: {faults:?}");
	}
}

#[test]
fn a_walk_goes_on_where_it_was() {
	let f = fixture();
	f.steps(&f.history(HistoryMode::Headers, SNAPSHOT, None), 5);
	// What was passed is not read again.
	f.plant_fork(N - 2);
	let again = f.history(HistoryMode::Headers, SNAPSHOT, None);
	assert_eq!(again.report().checked_down_to, N - 4);
	run(again.clone());
	assert!(f.faults.lock().is_empty());
	assert!(again.report().complete);
	assert!(f.history(HistoryMode::Off, SNAPSHOT, None).report().complete);
}

#[test]
fn a_place_in_another_snapshot_is_worth_nothing() {
	let f = fixture();
	run(f.history(HistoryMode::Full, SNAPSHOT, None));
	assert!(f.history(HistoryMode::Headers, SNAPSHOT, None).report().complete);
	let other = f.history(HistoryMode::Headers, H256::repeat_byte(4), None);
	assert_eq!(other.report().checked_down_to, N);
}

#[test]
fn headers_alone_do_not_count_for_a_full_walk() {
	let f = fixture();
	run(f.history(HistoryMode::Headers, SNAPSHOT, None));
	assert!(f.history(HistoryMode::Headers, SNAPSHOT, None).report().complete);
	assert_eq!(f.history(HistoryMode::Full, SNAPSHOT, None).report().checked_down_to, N);
}

#[test]
fn an_unreadable_place_is_the_beginning() {
	let f = fixture();
	for bytes in [&b"nonsense"[..], &[]] {
		let mut transaction = Transaction::new();
		transaction.set(columns::THIN, b"history", bytes);
		f.upper.commit(transaction).unwrap();
		let history = f.history(HistoryMode::Headers, SNAPSHOT, None);
		assert_eq!(history.report().checked_down_to, N);
	}
}

#[test]
fn nothing_is_walked_when_it_is_switched_off() {
	let f = fixture();
	let (report, faults) = f.walk(HistoryMode::Off);
	assert!(faults.is_empty());
	assert_eq!((report.mode, report.checked_down_to), ("off", N));
}

#[test]
fn the_metrics_say_how_far_it_is() {
	let f = fixture();
	let registry = Registry::new();
	let history = f.history(HistoryMode::Headers, SNAPSHOT, None);
	let task = history.run(Some(&registry)).unwrap();
	let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
	runtime.block_on(task);
	let value = |name: &str| {
		let families = registry.gather();
		let family = families.iter().find(|family| family.get_name() == name).unwrap();
		family.get_metric()[0].get_gauge().get_value() as u64
	};
	assert_eq!(value("thin_history_checked_height"), 0);
	assert_eq!(value("thin_history_complete"), 1);
}
