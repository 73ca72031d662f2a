use super::*;
use crate::duty::testing::{id, manifest, registered, Fake, Header};
use parking_lot::Mutex;

/// Finds what it is told to find, and notes what it was asked for.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
	findings: HashMap<SnapshotId, Finding>,
	asked: Vec<SnapshotId>,
}

impl Auditor for Told {
	fn audit(&mut self, snapshot: &Registered) -> Result<Finding, DutyError> {
		let mut log = self.0.lock();
		log.asked.push(snapshot.id);
		let finding = log.findings.get(&snapshot.id).cloned();
		finding.ok_or_else(|| DutyError::Audit("the store is away".into()))
	}
}

struct House {
	home: tempfile::TempDir,
	registry: Fake,
	auditor: Told,
	rules: Rules,
}

const EVIDENCE: H256 = H256::repeat_byte(0xee);

impl House {
	fn new() -> Self {
		Self {
			home: tempfile::tempdir().unwrap(),
			registry: Fake::default(),
			auditor: Told::default(),
			rules: Rules { max_size: Some(1_000), rate: None, dry_run: false },
		}
	}

	fn attester(&self) -> Attester<Header> {
		let (registry, auditor) = (Arc::new(self.registry.clone()), Box::new(self.auditor.clone()));
		Attester::open(self.home.path(), self.rules.clone(), registry, auditor).unwrap()
	}

	fn right(&self, number: u8) {
		self.auditor.0.lock().findings.insert(id(number), Finding::Right);
	}

	fn wrong(&self, number: u8) {
		let finding = Finding::Wrong { reason: "a hole".into(), evidence: EVIDENCE };
		self.auditor.0.lock().findings.insert(id(number), finding);
	}

	fn asked(&self) -> Vec<SnapshotId> {
		std::mem::take(&mut self.auditor.0.lock().asked)
	}
}

#[test]
fn what_is_right_is_vouched_for_once() {
	let house = House::new();
	house.registry.add(registered(1, manifest(10, 1)));
	house.right(1);
	house.attester().try_step(20).unwrap();
	assert_eq!(house.registry.taken(), [Call::Attest(id(1))]);
	// Killed, and started again before the call took effect, and after.
	house.attester().try_step(21).unwrap();
	house.registry.0.lock().snapshots.get_mut(&id(1)).unwrap().attested = true;
	house.attester().try_step(22).unwrap();
	house.attester().try_step(22 + VALID_FOR).unwrap();
	assert!(house.registry.taken().is_empty());
	assert_eq!(house.asked(), [id(1)]);
}

#[test]
fn a_call_that_got_lost_is_made_again() {
	let house = House::new();
	house.registry.add(registered(1, manifest(10, 1)));
	house.right(1);
	house.attester().try_step(20).unwrap();
	house.registry.taken();
	house.attester().try_step(20 + VALID_FOR).unwrap();
	assert_eq!(house.registry.taken(), [Call::Attest(id(1))]);
}

#[test]
fn what_is_wrong_is_disputed() {
	let house = House::new();
	house.registry.add(registered(1, manifest(10, 1)));
	house.wrong(1);
	house.attester().try_step(20).unwrap();
	let call = Call::Dispute { id: id(1), evidence: EVIDENCE };
	assert_eq!(house.registry.taken(), [call]);
	house.registry.stage(id(1), Stage::Disputed);
	house.attester().try_step(20 + VALID_FOR).unwrap();
	assert!(house.registry.taken().is_empty());
}

#[test]
fn an_audit_without_an_end_is_no_finding() {
	let house = House::new();
	house.registry.add(registered(1, manifest(10, 1)));
	let mut attester = house.attester();
	assert!(attester.try_step(20).is_err());
	assert!(house.registry.taken().is_empty());
	// It is left alone for a while, and tried again then.
	attester.try_step(21).unwrap();
	assert_eq!(house.asked(), [id(1)]);
	attester.paused.get_mut(&id(1)).unwrap().0 = Instant::now();
	house.right(1);
	attester.try_step(22).unwrap();
	assert_eq!(house.registry.taken(), [Call::Attest(id(1))]);
}

#[test]
fn two_images_of_one_block_are_not_both_vouched_for() {
	let house = House::new();
	house.registry.add(registered(1, manifest(10, 1)));
	house.right(1);
	house.right(2);
	house.attester().try_step(20).unwrap();
	house.registry.taken();
	house.registry.add(registered(2, manifest(10, 2)));
	house.attester().try_step(21).unwrap();
	house.attester().try_step(22).unwrap();
	assert!(house.registry.taken().is_empty());
	assert_eq!(house.asked(), [id(1), id(2)]);
	assert_eq!(house.attester().ledger().audited[&id(2)].opinion, Opinion::Twin);
	// Not after the first has left the registry either.
	house.registry.remove(id(1));
	house.attester().try_step(23).unwrap();
	assert!(house.registry.taken().is_empty());
	assert!(house.asked().is_empty());
}

#[test]
fn a_wrong_image_is_disputed_beside_a_right_one_of_its_block() {
	let house = House::new();
	let health = Health::default();
	house.registry.add(registered(1, manifest(10, 1)));
	house.registry.add(registered(2, manifest(10, 2)));
	house.right(1);
	house.wrong(2);
	let mut attester = house.attester().reporting_to(health.clone());
	attester.step(20);
	attester.step(21);
	let mut taken = house.registry.taken();
	taken.sort_by_key(|call| matches!(call, Call::Dispute { .. }));
	assert_eq!(taken, [Call::Attest(id(1)), Call::Dispute { id: id(2), evidence: EVIDENCE }]);
	house.registry.0.lock().snapshots.get_mut(&id(1)).unwrap().attested = true;
	house.registry.stage(id(2), Stage::Disputed);
	attester.step(22);
	let report = health.report().attester.unwrap();
	assert_eq!((report.vouched_for, report.disputed, report.undecided), (1, 1, 0));
}

#[test]
fn at_most_one_audit_is_under_way_and_too_large_ones_wait_for_nobody() {
	let house = House::new();
	for number in 1..=3 {
		let mut manifest = manifest(10 * u64::from(number), number);
		manifest.logical_size = if number == 3 { 1_001 } else { 1_000 };
		house.registry.add(registered(number, manifest));
		house.right(number);
	}
	// One whose audit comes to no end is left alone for a while, and the others get their turn.
	house.auditor.0.lock().findings.remove(&id(2));
	let mut attester = house.attester();
	assert!(attester.try_step(40).is_err());
	assert_eq!(house.asked(), [id(2)]);
	attester.try_step(41).unwrap();
	assert_eq!(house.asked(), [id(1)]);
	attester.try_step(42).unwrap();
	assert!(house.asked().is_empty());
	assert_eq!(house.registry.taken(), [Call::Attest(id(1))]);
}

#[test]
fn the_newest_comes_first_and_one_at_a_time() {
	let house = House::new();
	house.registry.add(registered(1, manifest(10, 1)));
	house.registry.add(registered(2, manifest(20, 2)));
	house.right(1);
	house.right(2);
	let mut attester = house.attester();
	attester.try_step(30).unwrap();
	assert_eq!(house.asked(), [id(2)]);
	attester.try_step(31).unwrap();
	assert_eq!(house.asked(), [id(1)]);
}

#[test]
fn what_is_too_large_or_can_not_be_attested_is_not_audited() {
	let mut house = House::new();
	house.registry.add(registered(1, manifest(10, 1)));
	house.right(1);
	house.registry.0.lock().obstacle = Some("no bond".into());
	house.attester().try_step(20).unwrap();
	assert!(house.asked().is_empty());
	house.registry.0.lock().obstacle = None;
	house.rules.max_size = Some(999);
	house.attester().try_step(21).unwrap();
	assert!(house.asked().is_empty());
}

#[test]
fn a_dry_run_calls_nothing_and_remembers_nothing() {
	let mut house = House::new();
	house.rules.dry_run = true;
	house.registry.add(registered(1, manifest(10, 1)));
	house.right(1);
	let mut attester = house.attester();
	attester.try_step(20).unwrap();
	attester.try_step(21).unwrap();
	assert_eq!(house.asked(), [id(1)]);
	assert!(house.registry.taken().is_empty());
	assert!(attester.ledger().audited.is_empty());
}

#[test]
fn an_attester_says_how_it_is_doing() {
	let house = House::new();
	let health = Health::default();
	let mut attester = house.attester().reporting_to(health.clone());
	let report = || health.report().attester.unwrap();
	house.registry.add(registered(1, manifest(10, 1)));
	attester.step(20);
	assert_eq!((report().audits, report().audits_failed), (0, 1));
	assert_eq!(report().pulse.phase, Phase::Paused);
	assert!(report().pulse.last_error.unwrap().contains("away"));

	house.right(1);
	attester.paused.clear();
	attester.step(21);
	let sent = report();
	assert_eq!((sent.audits, sent.vouched_for, sent.undecided), (1, 0, 1));
	assert_eq!((sent.last_block, sent.auditing), (Some(10), None));
	assert_eq!(sent.pulse.phase, Phase::Waiting);

	house.registry.0.lock().snapshots.get_mut(&id(1)).unwrap().attested = true;
	house.registry.add(registered(2, manifest(20, 2)));
	house.wrong(2);
	attester.step(22);
	house.registry.stage(id(2), Stage::Disputed);
	attester.step(23);
	let disputed = report();
	assert_eq!((disputed.audits, disputed.vouched_for, disputed.disputed), (2, 1, 1));
	assert_eq!(disputed.undecided, 0);
}

#[test]
fn what_is_over_before_the_call_took_effect_is_settled() {
	let house = House::new();
	house.registry.add(registered(1, manifest(10, 1)));
	house.right(1);
	let mut attester = house.attester();
	attester.try_step(20).unwrap();
	house.registry.stage(id(1), Stage::Retired);
	attester.try_step(21).unwrap();
	assert!(attester.ledger().audited[&id(1)].void);
	house.registry.taken();
	house.attester().try_step(21 + VALID_FOR).unwrap();
	assert!(house.registry.taken().is_empty());
}
