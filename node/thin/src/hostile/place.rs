//! What is said of a wrong value before a node ends: where it lies, and whose fault it is.

use super::*;
use crate::{
	audit::{Audit, Checkpoints},
	cli::{Hydrate, ThinParams},
	layered::{Fault, Lower},
	mounted::MountedImage,
	start::{end_the_process, last_words, EXIT_FAULT},
};
use rocksdb::{Options, DB};
use std::{
	fs,
	path::{Path, PathBuf},
	process::Command,
	time::Duration,
};
use thin_mount::{
	chunk::{ChunkId, CHUNK_SIZE},
	image::{Image, ImageId},
	pack::{pack_to_all, PackOptions},
	source::plain::StoreSource,
	store::{self, Store},
};

/// Where the test is that ends as a node does.
const HOME: &str = "THIN_TEST_PLACE";

/// So many other values that their table has more than ten chunks.
const OTHERS: u32 = 10_000;
/// One of them that is far from the altered value.
const FIRST: u32 = 1;

/// No compression takes it apart, so that it can be found in a file.
fn lie() -> Vec<u8> {
	(0..4).flat_map(|part| noise(u32::MAX - part)).collect()
}

fn noise(number: u32) -> Vec<u8> {
	BlakeTwo256::hash_of(&number).0.to_vec()
}

/// A wrong snapshot in a store, and the database that it was packed from.
struct Wrong {
	home: PathBuf,
	chain: Chain,
	image: ImageId,
	store: Arc<dyn Store>,
}

impl Wrong {
	/// With one value altered, among so many others.
	fn make(home: &Path, others: u32) -> Self {
		let (chain, image) = right();
		image.set(columns::STATE, &big_key(N), lie());
		for number in 1..=others {
			image.set(columns::STATE, &noise(number), noise(number + OTHERS));
		}
		let (home, folder) = (home.to_owned(), home.join("full"));
		image.write_to(&folder);
		let store = store::open(&format!("dir://{}", home.join("store").display())).unwrap();
		let exclude = |path: &[u8]| path.starts_with(b"LO");
		let options = PackOptions { exclude: Some(Box::new(exclude)), ..Default::default() };
		let image = pack_to_all(&folder, &[&*store], &options, &|_| {}).unwrap().image;
		fs::write(home.join("image"), image.to_string()).unwrap();
		Self { home, chain, image, store }
	}

	fn mounted(&self, hydrate: Hydrate) -> MountedImage {
		let params = ThinParams { thin_hydrate: hydrate, ..Default::default() };
		let place = self.home.join("thin");
		MountedImage::at(&place, self.image, &params, vec![self.store.clone()]).unwrap()
	}

	fn lower(&self, mounted: &MountedImage) -> Lower<Block> {
		let proven = self.chain.proof(N).verify(&self.chain.genesis, &self.chain.manifest(N));
		Lower::new(mounted.database().unwrap(), &proven.unwrap())
	}

	/// The one file that has the altered value.
	fn file(&self) -> PathBuf {
		let lie = lie();
		let has_it =
			|path: &Path| fs::read(path).unwrap().windows(lie.len()).any(|window| window == lie);
		let files = fs::read_dir(self.home.join("full")).unwrap().map(|file| file.unwrap().path());
		let files: Vec<_> = files.filter(|path| has_it(path)).collect();
		let [file] = &files[..] else { panic!("{files:?}") };
		file.clone()
	}

	/// For each of these keys, the chunks of that file without which its value can't be read. Those without
	/// which none of them can are left out: they lead to the values.
	fn needed(&self, keys: &[Vec<u8>]) -> Vec<Vec<ChunkId>> {
		let (file, full) = (self.file(), self.home.join("full"));
		let damaged = self.home.join("damaged");
		let names: Vec<_> = (0..columns::SDK_COLUMNS).map(columns::rocksdb_name).collect();
		let bytes = fs::read(&file).unwrap();
		let mut needed = vec![Vec::new(); keys.len()];
		for (index, chunk) in bytes.chunks(CHUNK_SIZE).enumerate() {
			fs::create_dir(&damaged).unwrap();
			for entry in fs::read_dir(&full).unwrap() {
				let entry = entry.unwrap();
				fs::copy(entry.path(), damaged.join(entry.file_name())).unwrap();
			}
			let mut bytes = bytes.clone();
			let range = index * CHUNK_SIZE..index * CHUNK_SIZE + chunk.len();
			bytes[range].iter_mut().for_each(|byte| *byte = !*byte);
			fs::write(damaged.join(file.file_name().unwrap()), bytes).unwrap();
			let db = DB::open_cf_for_read_only(&Options::default(), &damaged, &names, false);
			let is_lost = |key: &Vec<u8>| {
				let Ok(db) = &db else { return true };
				let family = db.cf_handle(&names[columns::STATE as usize]).unwrap();
				!matches!(db.get_cf(family, key), Ok(Some(_)))
			};
			let lost: Vec<bool> = keys.iter().map(is_lost).collect();
			if lost.contains(&false) {
				let of_key = needed.iter_mut().zip(lost).filter(|(_, lost)| *lost);
				of_key.for_each(|(needed, _)| needed.push(ChunkId::of(chunk)));
			}
			drop(db);
			fs::remove_dir_all(&damaged).unwrap();
		}
		needed
	}

	/// The chunk that has the altered value.
	fn chunk(&self) -> ChunkId {
		let [needed, _] = &self.needed(&[big_key(N), noise(FIRST)])[..] else { panic!() };
		let [chunk] = needed[..] else { panic!("{needed:?}: it goes over an edge") };
		chunk
	}

	/// What a node has to say, when it can say so much of the chunk.
	fn due(&self, fault: &Fault, chunk: &str) -> String {
		format!(
			"{fault}. Its place is file {} (level LEVEL{chunk}), of image {}, which comes from {}. \
			 Every chunk is hashed as it comes, so that no store can be at fault: the image is \
			 wrong as it was published. Start the node again from another snapshot; nothing wrong \
			 was taken over.",
			self.file().file_name().unwrap().to_str().unwrap(),
			self.image,
			self.store.name()
		)
	}

	/// The last words of a node that has read the altered value, and the fault.
	fn said(&self, hydrate: Hydrate) -> (String, Fault) {
		let mounted = self.mounted(hydrate);
		let lower = self.lower(&mounted);
		let fault = lower.get(columns::STATE, &big_key(N)).unwrap_err();
		let Fault::Violation(violation) = &fault else { panic!("{fault}") };
		(last_words(&fault, lower.place(violation).as_ref()), fault)
	}
}

/// RocksDB puts a table on the level it likes.
fn without_level(said: &str) -> String {
	let (before, after) = said.split_once("(level ").unwrap();
	assert!(after.starts_with(|level: char| level.is_ascii_digit()), "{said}");
	format!("{before}(level LEVEL{}", &after[1..])
}

#[test]
fn a_violation_names_column_key_file_chunk_and_store() {
	for (hydrate, named) in [(Hydrate::None, true), (Hydrate::Full, false)] {
		let home = tempfile::tempdir().unwrap();
		let wrong = Wrong::make(home.path(), 0);
		let (said, fault) = wrong.said(hydrate);
		let key = hex::encode(big_key(N));
		let begin =
			format!("the image is corrupt: column STATE, key 0x{key}: 128 bytes that hash to 0x");
		assert!(said.starts_with(&begin), "{said}");
		let opened =
			Image::open(Arc::new(StoreSource::new(vec![wrong.store.clone()])), wrong.image);
		let tree = opened.unwrap();
		let name = wrong.file().file_name().unwrap().to_owned();
		let node = tree.tree().find(name.as_encoded_bytes()).unwrap();
		let chunk = format!(", chunk {}", tree.tree().blob(node).unwrap().root);
		let due = wrong.due(&fault, if named { &chunk } else { "" });
		assert_eq!(without_level(&said), due);
	}
}

#[test]
fn of_a_table_of_many_chunks_the_one_is_named_that_has_the_value() {
	let home = tempfile::tempdir().unwrap();
	let wrong = Wrong::make(home.path(), OTHERS);
	assert!(fs::metadata(wrong.file()).unwrap().len() > 10 * CHUNK_SIZE as u64);
	let (said, fault) = wrong.said(Hydrate::None);
	let due = wrong.due(&fault, &format!(", chunk {}", wrong.chunk()));
	assert_eq!(without_level(&said), due);

	// Of other values as well, but for those beside the index, at the end of the file.
	let keys = (1..=OTHERS).map(noise).filter(|key| key[0] < 0xd0);
	let keys: Vec<_> = keys.step_by(400).collect();
	let needed = wrong.needed(&keys);
	let mounted = wrong.mounted(Hydrate::None);
	let database = mounted.scan_database().unwrap();
	let named = |key: &Vec<u8>| {
		let place = database.place(columns::STATE, key).unwrap();
		place.tables[0].content.clone().unwrap().of_value
	};
	for (key, needed) in keys.iter().zip(&needed) {
		assert_eq!(named(key), *needed, "{}", hex::encode(key));
	}
	let over_an_edge = needed.iter().filter(|chunks| chunks.len() == 2).count();
	assert!((1..keys.len() / 2).contains(&over_an_edge), "{over_an_edge}");
	// What isn't there is in no chunk.
	assert_eq!(named(&noise(OTHERS + 1)), []);
}

#[test]
fn an_audit_names_the_chunk_as_well() {
	let home = tempfile::tempdir().unwrap();
	let wrong = Wrong::make(home.path(), OTHERS);
	let mounted = wrong.mounted(Hydrate::None);
	let proven = wrong.chain.proof(N).verify(&wrong.chain.genesis, &wrong.chain.manifest(N));
	let audit = Audit {
		raw: mounted.scan_database().unwrap(),
		proven: &proven.unwrap(),
		pruning: wrong.chain.manifest(N).pruning,
		promise: None,
		folder: &home.path().join("visited"),
		done: Default::default(),
		checkpoints: Checkpoints::new(Duration::MAX, &|_| Ok(())),
		on_progress: &|_| {},
	};
	let faults = audit.run().unwrap().faults.first;
	let key = hex::encode(big_key(N));
	let said: Vec<_> = faults.iter().filter(|fault| fault.contains(&key)).collect();
	assert!(!said.is_empty(), "{faults:?}");
	let place = format!(
		". Its place is file {} (level LEVEL, chunk {})",
		wrong.file().file_name().unwrap().to_str().unwrap(),
		wrong.chunk()
	);
	for said in said {
		assert!(without_level(said).ends_with(&place), "{said}");
	}
}

#[test]
fn a_node_that_ends_says_so_and_leaves_one_mount_less() {
	let home = tempfile::tempdir().unwrap();
	let wrong = Wrong::make(home.path(), OTHERS);
	let child = Command::new(std::env::current_exe().unwrap())
		.args(["hostile::place::a_node_that_reads_it", "--exact", "--ignored", "--nocapture"])
		.env(HOME, home.path())
		.output()
		.unwrap();
	// The image itself is left mounted where a node has no mount namespace of its own.
	let mount = home.path().join("thin/mount");
	let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
	let mounts: Vec<_> =
		mounts.lines().filter(|line| line.contains(path_of(home.path()))).collect();
	let only = mounts.iter().all(|line| line.contains(&format!(" {} ", path_of(&mount))));
	let cleared = thin_mount::mount::clear_stale(&mount);
	assert!(only, "{mounts:?}");
	cleared.unwrap();

	let said = String::from_utf8(child.stderr).unwrap();
	assert_eq!(child.status.code(), Some(EXIT_FAULT), "{said}");
	let said: Vec<_> = said.lines().filter(|line| line.starts_with("Error: ")).collect();
	// Three have read it, and one says so.
	let [said] = said[..] else { panic!("{said:?}") };
	assert!(said.contains(&format!(", chunk {})", wrong.chunk())), "{said}");
	for left in fs::read_dir(home.path().join("thin")).unwrap() {
		let name = left.unwrap().file_name().into_string().unwrap();
		assert!(!name.starts_with('.'), "{name}");
	}
}

fn path_of(path: &Path) -> &str {
	path.to_str().unwrap()
}

#[test]
#[ignore = "it ends its process: another test starts it"]
fn a_node_that_reads_it() {
	let Ok(home) = std::env::var(HOME) else { return };
	let home = PathBuf::from(home);
	let (chain, store) = (right().0, format!("dir://{}", home.join("store").display()));
	let image = fs::read_to_string(home.join("image")).unwrap().parse().unwrap();
	let wrong = Wrong { home, chain, image, store: store::open(&store).unwrap() };
	let mounted = wrong.mounted(Hydrate::None);
	let lower = Arc::new(wrong.lower(&mounted));
	let end = end_the_process(lower.clone());
	std::thread::scope(|scope| {
		for _ in 0..3 {
			scope.spawn(|| end(&lower.get(columns::STATE, &big_key(N)).unwrap_err()));
		}
	});
}
