use super::*;
use crate::duty::testing::{id, image, manifest, registered, Fake, Header};
use parking_lot::Mutex;

/// Makes a snapshot of whatever block it is told the chain is at.
#[derive(Clone, Default)]
struct Bench(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
	block: u32,
	fails: bool,
	justified: u32,
	proven: Vec<SnapshotId>,
	cleaned: Vec<Vec<H256>>,
}

impl Workshop<Header> for Bench {
	fn make(&mut self) -> Result<Made<Header>, DutyError> {
		let log = self.0.lock();
		if log.fails {
			return Err(DutyError::Make("no room".into()));
		}
		let (block, number) = (log.block, log.block as u8);
		Ok(Made { id: id(number), header: block, block, image: image(number), uploaded_bytes: 5 })
	}

	fn prove(&mut self, id: SnapshotId, certified_at: u32) -> Result<bool, DutyError> {
		let mut log = self.0.lock();
		let justified = log.justified >= certified_at;
		if justified {
			log.proven.push(id);
		}
		Ok(justified)
	}

	fn clean(&mut self, keep: &[H256]) -> Result<u64, DutyError> {
		let mut keep = keep.to_vec();
		keep.sort();
		keep.dedup();
		self.0.lock().cleaned.push(keep);
		Ok(7)
	}
}

struct House {
	home: tempfile::TempDir,
	registry: Fake,
	bench: Bench,
}

impl House {
	fn new() -> Self {
		let home = tempfile::tempdir().unwrap();
		Self { home, registry: Fake::default(), bench: Bench::default() }
	}

	fn publisher(&self) -> Publisher<Header> {
		let schedule = Schedule { every: 10, keep: Some(1), locations: Vec::new() };
		let (registry, bench) = (Arc::new(self.registry.clone()), Box::new(self.bench.clone()));
		Publisher::open(self.home.path(), schedule, registry, bench).unwrap()
	}

	fn register(&self, block: u8) {
		self.registry.add(registered(block, manifest(block.into(), block)));
	}

	/// Takes the snapshot of a block from nothing to proven, opening the publisher anew for each
	/// step, as if it were killed after every one.
	fn publish(&self, block: u8) {
		self.bench.0.lock().block = block.into();
		let at = u32::from(block) + 1;
		self.publisher().try_step(at).unwrap();
		assert!(matches!(
			&self.registry.taken()[..],
			[Call::Register { header, .. }] if *header == u32::from(block)
		));
		self.register(block);
		self.publisher().try_step(at + 1).unwrap();
		self.registry.stage(id(block), Stage::Certified);
		self.publisher().try_step(at + 2).unwrap();
		assert_eq!(self.bench.0.lock().proven.last(), Some(&id(block)));
	}
}

fn progress(publisher: &Publisher<Header>, block: u8) -> Option<Progress> {
	let published = publisher.ledger().published.iter().find(|p| p.id == id(block));
	published.map(|published| published.progress)
}

#[test]
fn a_snapshot_is_made_once_a_period() {
	let house = House::new();
	let mut publisher = house.publisher();
	house.bench.0.lock().block = 9;
	publisher.try_step(9).unwrap();
	assert!(publisher.ledger().published.is_empty());
	house.bench.0.lock().block = 12;
	publisher.try_step(12).unwrap();
	house.bench.0.lock().block = 19;
	publisher.try_step(19).unwrap();
	assert_eq!(publisher.ledger().published.len(), 1);
	assert_eq!(progress(&publisher, 12), Some(Progress::Stored));
}

#[test]
fn from_made_to_proven_through_any_number_of_restarts() {
	let house = House::new();
	house.publish(12);
	let mut publisher = house.publisher();
	assert_eq!(progress(&publisher, 12), Some(Progress::Proven));
	publisher.try_step(16).unwrap();
	assert!(house.registry.taken().is_empty());
	assert_eq!(house.bench.0.lock().proven, [id(12)]);
}

#[test]
fn a_registration_is_submitted_again_only_when_the_last_is_void() {
	let house = House::new();
	house.bench.0.lock().block = 12;
	house.publisher().try_step(13).unwrap();
	assert_eq!(house.registry.taken().len(), 1);
	// 20 is due as well, but nothing newer can be proven yet.
	house.publisher().try_step(13 + VALID_FOR - 1).unwrap();
	assert!(house.registry.taken().is_empty());
	house.publisher().try_step(13 + VALID_FOR).unwrap();
	assert_eq!(house.registry.taken().len(), 1);
}

#[test]
fn the_old_one_is_retired_when_the_new_one_is_proven() {
	let house = House::new();
	house.publish(12);
	house.publish(23);
	// The step that found the second proven has asked for the end of the first.
	assert_eq!(house.registry.taken(), [Call::Retire(id(12))]);
	house.publisher().try_step(27).unwrap();
	assert!(house.registry.taken().is_empty(), "asked once");

	house.registry.stage(id(12), Stage::Retired);
	let mut publisher = house.publisher();
	publisher.try_step(28).unwrap();
	assert_eq!(house.bench.0.lock().cleaned, [vec![H256::repeat_byte(23)]]);
	assert_eq!(progress(&publisher, 12), None);
	assert_eq!(progress(&publisher, 23), Some(Progress::Proven));
}

#[test]
fn cleaning_spares_what_others_have_registered() {
	let house = House::new();
	house.publish(12);
	house.register(99);
	house.registry.remove(id(12));
	house.publisher().try_step(16).unwrap();
	assert_eq!(house.bench.0.lock().cleaned, [vec![H256::repeat_byte(99)]]);
}

#[test]
fn what_was_never_registered_makes_room_for_the_next() {
	let house = House::new();
	house.bench.0.lock().block = 12;
	house.publisher().try_step(13).unwrap();
	house.bench.0.lock().block = 21;
	let mut publisher = house.publisher();
	publisher.try_step(22).unwrap();
	assert_eq!(progress(&publisher, 12), Some(Progress::Ended));
	assert_eq!(progress(&publisher, 21), Some(Progress::Stored));
}

#[test]
fn a_failure_is_waited_out() {
	let house = House::new();
	house.bench.0.lock().fails = true;
	house.bench.0.lock().block = 12;
	let mut publisher = house.publisher();
	publisher.step(13);
	assert!(publisher.ledger().published.is_empty());
	house.bench.0.lock().fails = false;
	// Too early; then the time has come.
	publisher.step(14);
	assert!(publisher.ledger().published.is_empty());
	publisher.not_before = Some(Instant::now());
	publisher.step(15);
	assert_eq!(progress(&publisher, 12), Some(Progress::Stored));
}

#[test]
fn a_rejected_registration_is_tried_again() {
	let house = House::new();
	house.bench.0.lock().block = 12;
	house.registry.0.lock().rejects = true;
	let mut publisher = house.publisher();
	let error = publisher.try_step(13).unwrap_err();
	assert!(matches!(error, DutyError::Submit(_)), "{error}");
	house.registry.0.lock().rejects = false;
	publisher.try_step(14).unwrap();
	assert_eq!(house.registry.taken().len(), 1);
}

#[test]
fn a_registry_that_is_away_changes_nothing() {
	let house = House::new();
	house.publish(12);
	house.registry.0.lock().unreachable = true;
	let mut publisher = house.publisher();
	assert!(publisher.try_step(16).is_err());
	assert_eq!(progress(&publisher, 12), Some(Progress::Proven));
}

#[test]
fn a_proof_waits_until_the_certification_can_be_proven() {
	let house = House::new();
	house.bench.0.lock().block = 12;
	house.publisher().try_step(13).unwrap();
	house.register(12);
	house.registry.0.lock().snapshots.get_mut(&id(12)).unwrap().certified_at = 15;
	house.registry.stage(id(12), Stage::Certified);
	let mut publisher = house.publisher();
	publisher.try_step(16).unwrap();
	assert_eq!(progress(&publisher, 12), Some(Progress::Certified));
	house.bench.0.lock().justified = 15;
	publisher.try_step(17).unwrap();
	assert_eq!(progress(&publisher, 12), Some(Progress::Proven));
}

#[test]
fn a_publisher_says_how_it_is_doing() {
	let house = House::new();
	let health = Health::default();
	let mut publisher = house.publisher().reporting_to(health.clone());
	let report = || health.report().publisher.unwrap();
	assert_eq!((report().every, report().keep), (10, Some(1)));

	house.bench.0.lock().fails = true;
	house.bench.0.lock().block = 12;
	publisher.step(13);
	let failed = report();
	assert_eq!((failed.pulse.phase, failed.pulse.failures), (Phase::Paused, 1));
	assert_eq!(failed.pulse.last_error.as_deref(), Some("no room"));
	assert_eq!(failed.pulse.last_success, None);

	house.bench.0.lock().fails = false;
	publisher.not_before = None;
	publisher.step(14);
	house.register(12);
	publisher.step(15);
	house.registry.stage(id(12), Stage::Certified);
	publisher.step(16);
	let done = report();
	assert_eq!((done.made, done.registered, done.certified, done.ended), (1, 1, 1, 0));
	assert_eq!((done.last_block, done.uploaded_bytes), (Some(12), 5));
	assert_eq!(done.pulse.phase, Phase::Waiting);
	assert!(done.pulse.last_success >= done.pulse.last_error_at);
	assert_eq!(done.pulse.failures, 1);
	assert_eq!(done.snapshots.len(), 1);
	assert_eq!(done.snapshots[0].progress, Progress::Proven);

	house.registry.remove(id(12));
	publisher.step(17);
	assert_eq!((report().ended, report().removed_bytes), (1, 7));
}
