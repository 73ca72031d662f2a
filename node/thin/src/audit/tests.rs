use super::{journal::Journal, *};
use crate::{
	columns::{self, number_key, BlockKey},
	promise::Promise,
	testing::{Block, Chain, Memory, BIG},
};
use codec::Encode;
use parking_lot::Mutex;
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash as _, Header as _};
use std::{cell::Cell, time::Duration};

const N: u32 = 24;

struct Fixture {
	chain: Chain,
	image: Memory,
	pruning: Pruning,
	promise: Option<Promise>,
}

/// A right image of a chain that goes no further than N.
fn fixture() -> Fixture {
	let chain = Chain::new(N, &[5, 11]);
	Fixture {
		image: chain.database(),
		chain,
		pruning: Pruning::Archive,
		promise: Some(Promise::of_bodies_from(0)),
	}
}

impl Fixture {
	fn audit(&self) -> Report {
		let folder = tempfile::tempdir().unwrap();
		self.audit_from(folder.path(), DatabaseDone::default(), &|_| Ok(()))
	}

	/// Goes on from where another has been, and writes down how far it is after everything.
	fn audit_from(
		&self,
		folder: &Path,
		done: DatabaseDone,
		save: &dyn Fn(&DatabaseDone) -> std::io::Result<()>,
	) -> Report {
		let mut checkpoints = Checkpoints::new(Duration::ZERO, save);
		checkpoints.nodes = 5;
		let proof = self.chain.proof(N);
		let proven = proof.verify(&self.chain.genesis, &self.chain.manifest(N)).unwrap();
		let audit = Audit::<Block> {
			raw: Arc::new(self.image.clone()),
			proven: &proven,
			pruning: self.pruning,
			promise: self.promise,
			folder: &folder.join("visited"),
			done,
			checkpoints,
			on_progress: &|_| {},
		};
		audit.run().unwrap()
	}

	/// The one fault that the audit of this finds.
	fn fault(&self) -> String {
		let Faults { count, first } = self.audit().faults;
		assert_eq!(count, 1, "{first:#?}");
		first.into_iter().next().unwrap()
	}

	fn key(&self, number: u32) -> Vec<u8> {
		self.chain.key(number).bytes()
	}

	/// The database key of the value of [`BIG`] after a block.
	fn big(&self, number: u32) -> Vec<u8> {
		let value = crate::testing::storage(number).top[BIG].clone();
		[BIG, BlakeTwo256::hash(&value).as_bytes()].concat()
	}
}

#[test]
fn a_right_image_is_right() {
	let f = fixture();
	let report = f.audit();
	assert_eq!(report.faults, Faults::default());
	let n = u64::from(N);
	let BlockCounts { lowest, headers, bodies, without_body, justifications, .. } = report.blocks;
	assert_eq!((lowest, headers, bodies, without_body, justifications), (0, n, n, 0, n));
	assert_eq!(report.states.whole, n + 1);
	// Every node was visited once, and there are no others.
	assert_eq!(report.states.nodes + report.states.values, f.chain.nodes.len() as u64);
	assert_eq!(report.entries.unreached_nodes, 0);
	assert_eq!(report.entries.entries, f.image.0.lock().len() as u64);
	assert!(report.states.child_tries > 5, "{report:?}");
}

#[test]
fn a_missing_trie_node_or_value_is_found() {
	let f = fixture();
	let mut keys: Vec<Vec<u8>> = f.chain.nodes.keys().cloned().collect();
	keys.sort();
	// Each takes an audit: some of all kinds, roots, nodes, values, and those of the child trie.
	for key in keys.into_iter().step_by(11) {
		let value = f.image.0.lock().remove(&(columns::STATE, key.clone())).unwrap();
		let Faults { count, first } = f.audit().faults;
		assert_eq!(count, 1, "{first:#?}");
		assert!(first[0].contains(&format!("column STATE, key 0x{}", hex::encode(&key))));
		assert!(first[0].contains("is not there"), "{first:?}");
		f.image.set(columns::STATE, &key, value);
	}
}

#[test]
fn an_altered_trie_node_or_value_is_found() {
	let f = fixture();
	f.image.set(columns::STATE, &f.big(3), b"more coins".to_vec());
	let fault = f.fault();
	assert!(fault.contains("column STATE") && fault.contains("that hash to 0x"), "{fault}");
}

#[test]
fn a_missing_header_body_or_number_is_found() {
	let cases = [
		(columns::HEADER, "the header is not there"),
		(columns::BODY, "the body is not there, and the image says that it is"),
	];
	for (column, message) in cases {
		for number in [1, 7, N - 1] {
			let f = fixture();
			f.image.remove(column, &f.key(number));
			let first = f.audit().faults.first;
			assert!(first[0].contains(message), "{first:?}");
			assert!(first[0].contains(columns::title(column)), "{first:?}");
		}
	}
	let f = fixture();
	f.image.remove(columns::KEY_LOOKUP, &number_key(7));
	let report = f.audit();
	assert!(report.faults.first[0].contains("no block at this height"), "{report:?}");
	assert_eq!(report.blocks.lowest, 8);

	let f = fixture();
	f.image.remove(columns::KEY_LOOKUP, &f.chain.key(7).hash);
	assert!(f.fault().contains("block 7 can't be found by its hash"));
}

#[test]
fn a_body_that_nobody_promised_may_be_missing() {
	let mut f = fixture();
	f.image.remove(columns::BODY, &f.key(7));
	f.promise = Some(Promise::of_bodies_from(8));
	let report = f.audit();
	assert!(report.faults.is_empty(), "{report:?}");
	assert_eq!((report.blocks.bodies, report.blocks.without_body), (u64::from(N) - 1, 1));
	f.promise = None;
	assert!(f.audit().faults.is_empty());
}

#[test]
fn swapped_bodies_and_forged_justifications_are_found() {
	let f = fixture();
	f.image.set(columns::BODY, &f.key(6), f.chain.bodies[7].encode());
	assert!(f.fault().contains("extrinsics that are not those of the header"));

	let f = fixture();
	let other = f.image.0.lock()[&(columns::JUSTIFICATIONS, f.key(8))].clone();
	f.image.set(columns::JUSTIFICATIONS, &f.key(6), other);
	assert!(f.fault().contains("a justification of block 8"));
}

#[test]
fn a_number_that_leads_to_a_fork_is_found() {
	let f = fixture();
	let mut fork = f.chain.headers[7].clone();
	fork.set_state_root(H256::repeat_byte(9));
	let key = BlockKey::new(7, fork.hash().0);
	f.image.set(columns::HEADER, &key.bytes(), fork.encode());
	f.image.set(columns::KEY_LOOKUP, &number_key(7), key.bytes());
	let first = f.audit().faults.first;
	assert!(first[0].contains(&format!("block 7 is 0x{}", hex::encode(key.hash))), "{first:?}");
	assert!(first[0].contains(&hex::encode(f.chain.key(7).hash)), "{first:?}");
}

#[test]
fn a_fork_that_nobody_sees_is_counted() {
	let f = fixture();
	let mut fork = f.chain.headers[7].clone();
	fork.set_state_root(H256::repeat_byte(9));
	let key = BlockKey::new(7, fork.hash().0);
	f.image.set(columns::HEADER, &key.bytes(), fork.encode());
	f.image.set(columns::BODY, &key.bytes(), f.chain.bodies[7].encode());
	f.image.set(columns::KEY_LOOKUP, &key.hash, key.bytes());
	let report = f.audit();
	assert!(report.faults.is_empty(), "{report:?}");
	assert_eq!(report.entries.fork_headers, 1);

	f.image.set(columns::BODY, &key.bytes(), f.chain.bodies[6].encode());
	assert!(f.fault().contains("extrinsics that are not those of the header"));
	f.image.remove(columns::BODY, &key.bytes());
	f.image.set(columns::JUSTIFICATIONS, &key.bytes(), vec![0]);
	assert!(f.fault().contains("a justification of a block that is no ancestor"));
}

#[test]
fn what_has_no_place_in_an_image_is_found() {
	let stranger = "nothing of this column has a place in an image";
	for column in [columns::META, columns::STATE_META, 7, columns::AUX, columns::OFFCHAIN, 10] {
		let f = fixture();
		f.image.set(column, b"planted", b"value".to_vec());
		let fault = f.fault();
		assert!(fault.contains(stranger), "{fault}");
		assert!(fault.contains(&hex::encode("planted")), "{fault}");
	}
	for column in [columns::TRANSACTION, columns::BODY_INDEX] {
		let f = fixture();
		f.image.set(column, &BlakeTwo256::hash(b"value").0, b"value".to_vec());
		assert!(f.fault().contains(stranger));
	}
	let cases: [(u32, Vec<u8>, Vec<u8>, &str); 8] = [
		(columns::STATE, b"short".to_vec(), vec![1], "no key of a trie node"),
		(columns::STATE, vec![3; 40], vec![1], "that hash to 0x"),
		(columns::KEY_LOOKUP, b"odd".to_vec(), vec![1], "no block key"),
		(columns::HEADER, b"odd".to_vec(), vec![1], "no block key"),
		(columns::BODY, BlockKey::new(N + 1, [1; 32]).bytes(), vec![0], "above the snapshot's"),
		(columns::BODY, BlockKey::new(3, [1; 32]).bytes(), vec![0], "whose header is not there"),
		(
			columns::KEY_LOOKUP,
			vec![1; 32],
			BlockKey::new(3, [1; 32]).bytes(),
			"a block that is not there",
		),
		(
			columns::HEADER,
			BlockKey::new(0, [1; 32]).bytes(),
			vec![0],
			"the genesis block of another chain",
		),
	];
	for (column, key, value, message) in cases {
		let f = fixture();
		f.image.set(column, &key, value);
		let fault = f.fault();
		assert!(fault.contains(message), "{fault}");
	}
}

#[test]
fn a_node_that_belongs_to_no_state_is_counted() {
	let f = fixture();
	let node = b"of a fork".to_vec();
	f.image.set(columns::STATE, BlakeTwo256::hash(&node).as_bytes(), node.clone());
	let report = f.audit();
	assert!(report.faults.is_empty());
	assert_eq!(report.entries.unreached_nodes, 1);
	assert_eq!(report.entries.unreached_bytes, 32 + node.len() as u64);
}

#[test]
fn a_pruned_image_needs_its_last_states_only() {
	let mut f = fixture();
	f.pruning = Pruning::Keep(4);
	let kept: Vec<u32> = (N - 3..=N).collect();
	let needed: std::collections::HashSet<Vec<u8>> =
		kept.iter().flat_map(|number| Chain::nodes_of(*number)).map(|(key, _)| key).collect();
	f.image.0.lock().retain(|(column, key), _| *column != columns::STATE || needed.contains(key));
	let report = f.audit();
	assert!(report.faults.is_empty(), "{report:?}");
	assert_eq!((report.states.whole, report.states.pruned), (4, 1));

	// The state of N has to be there.
	f.image.remove(columns::STATE, f.chain.headers[N as usize].state_root().as_bytes());
	let fault = f.fault();
	assert!(
		fault.contains(&format!("a trie node of the state of block {N} is not there")),
		"{fault}"
	);

	// An archive has to have them all.
	f.pruning = Pruning::Archive;
	assert!(f.audit().faults.count > u64::from(N) - 4);
}

/// Runs an audit that writes down how far it is, in the folder that a test names, and dies when it
/// has done so as often as the test says.
#[test]
#[ignore = "the process that other tests kill"]
fn an_audit_that_dies() {
	let folder = std::env::var_os("THIN_TEST_AUDIT").expect("set by the test that starts this");
	let folder = Path::new(&folder);
	let left = Cell::new(std::env::var("THIN_TEST_SAVES").unwrap().parse::<u32>().unwrap());
	let journal = Mutex::new(Journal::open(folder, ID));
	let save = |done: &DatabaseDone| {
		let mut journal = journal.lock();
		journal.done.database = done.clone();
		journal.save().unwrap();
		left.set(left.get() - 1);
		if left.get() == 0 {
			// As kill -9 does: nothing is flushed, nothing is dropped.
			std::process::abort();
		}
		Ok(())
	};
	let done = journal.lock().done.database.clone();
	broken().audit_from(folder, done, &save);
}

const ID: H256 = H256([7; 32]);

/// An image with faults of several kinds.
fn broken() -> Fixture {
	let f = fixture();
	f.image.remove(columns::BODY, &f.key(20));
	f.image.remove(columns::BODY, &f.key(3));
	f.image.remove(columns::STATE, &f.big(7));
	f.image.set(columns::AUX, b"planted", vec![1]);
	f
}

/// Killed again and again, wherever it is, it finds what it finds in one go.
#[test]
fn an_audit_that_was_killed_goes_on() {
	let whole = broken().audit();
	assert!(whole.faults.count >= 4, "{:?}", whole.faults);
	for saves in [3, 5, 7, 30] {
		let folder = tempfile::tempdir().unwrap();
		let mut deaths = 0;
		loop {
			let before = Journal::open(folder.path(), ID).done;
			let child = std::process::Command::new(std::env::current_exe().unwrap())
				.args(["audit::tests::an_audit_that_dies", "--exact", "--ignored"])
				.env("THIN_TEST_AUDIT", folder.path())
				.env("THIN_TEST_SAVES", saves.to_string())
				.output()
				.unwrap();
			if child.status.success() {
				break;
			}
			deaths += 1;
			assert!(deaths < 200, "{}", String::from_utf8_lossy(&child.stderr));
			let after = Journal::open(folder.path(), ID).done;
			assert_ne!(before, after);
		}
		assert!(deaths > 0);
		let done = Journal::open(folder.path(), ID).done.database;
		let report = broken().audit_from(folder.path(), done, &|_| Ok(()));
		assert_eq!(report, whole, "with {saves} saves in each run");
	}
}

/// Without the list of visited nodes, the states are walked anew, and nothing is counted twice.
#[test]
fn a_lost_list_of_visited_nodes_begins_the_states_again() {
	let (f, folder) = (fixture(), tempfile::tempdir().unwrap());
	let saved = Mutex::new(Vec::new());
	let save = |done: &DatabaseDone| {
		saved.lock().push(done.clone());
		Ok(())
	};
	let whole = f.audit_from(folder.path(), DatabaseDone::default(), &save);
	assert!(whole.faults.is_empty());
	let is_half =
		|done: &&DatabaseDone| matches!(&done.stage, Stage::States(at) if at.through == 12);
	let half = saved.lock().iter().find(is_half).cloned().unwrap();
	let visited = folder.path().join("visited");
	std::fs::remove_dir_all(&visited).unwrap();
	assert_eq!(f.audit_from(folder.path(), half.clone(), &|_| Ok(())), whole);
	// Of another audit.
	assert_eq!(f.audit_from(folder.path(), half.clone(), &|_| Ok(())), whole);
	// Damaged.
	for file in std::fs::read_dir(&visited).unwrap() {
		std::fs::write(file.unwrap().path(), b"rubbish").unwrap();
	}
	assert_eq!(f.audit_from(folder.path(), half, &|_| Ok(())), whole);
}

/// From each place where it says how far it is, within a state too, an audit comes to the same end;
/// what it has visited since doesn't count, and none of it is left out.
#[test]
fn an_audit_goes_on_from_where_it_last_said_how_far_it_was() {
	let f = broken();
	// An audit whose journal can't be written from the save with this number on, and its last word.
	let cut_off = |folder: &Path, number: u32| {
		let (saves, last) = (Cell::new(0), Mutex::new(DatabaseDone::default()));
		let save = |done: &DatabaseDone| {
			saves.set(saves.get() + 1);
			if saves.get() >= number {
				return Err(std::io::Error::other("full"));
			}
			*last.lock() = done.clone();
			Ok(())
		};
		let report = f.audit_from(folder, DatabaseDone::default(), &save);
		(report, saves.get(), last.into_inner())
	};
	let folder = tempfile::tempdir().unwrap();
	let (whole, saves, _) = cut_off(folder.path(), u32::MAX);
	let mut within = 0;
	for number in (1..=saves).step_by(8) {
		let folder = tempfile::tempdir().unwrap();
		let (report, _, done) = cut_off(folder.path(), number);
		assert_eq!(report, whole);
		let at = format!("{:?}", done.stage);
		if matches!(&done.stage, Stage::States(at) if !at.waiting.is_empty()) {
			within += 1;
		}
		assert_eq!(f.audit_from(folder.path(), done, &|_| Ok(())), whole, "{at}");
	}
	assert!(within > 2, "of {saves} times, it stopped within a state {within} times");
}

/// What was visited in a part that was cut off counts as not visited.
#[test]
fn what_was_half_done_is_done_again() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("visited");
	let set = visited::Visited::create(&path, [1; 32]).unwrap();
	set.begin(0);
	assert!(set.insert(b"of the first", visited::What::Node).unwrap());
	assert!(!set.insert(b"of the first", visited::What::Node).unwrap());
	assert!(set.insert(b"of the first", visited::What::Value).unwrap());
	set.begin(1);
	assert!(set.insert(b"of the second", visited::What::Node).unwrap());
	set.flush().unwrap();
	drop(set);
	assert!(visited::Visited::resume(&path, [2; 32], vec![1]).unwrap().is_none());
	let set = visited::Visited::resume(&path, [1; 32], vec![1]).unwrap().unwrap();
	set.begin(2);
	assert!(!set.insert(b"of the first", visited::What::Node).unwrap());
	assert!(set.insert(b"of the second", visited::What::Node).unwrap());
	assert!(!set.insert(b"of the second", visited::What::Node).unwrap());
	set.flush().unwrap();
	drop(set);
	// The next run knows of both that were cut off, and takes what the second left for done.
	let set = visited::Visited::resume(&path, [1; 32], vec![1, 3]).unwrap().unwrap();
	set.begin(4);
	assert!(!set.insert(b"of the second", visited::What::Node).unwrap());
}
