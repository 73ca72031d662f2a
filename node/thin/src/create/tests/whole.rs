//! Whole snapshots, from a node's database to an image in a store.

use super::*;
use crate::testing::NoRuntime;
use sc_executor::{Externalities, RuntimeVersion};
use sp_core::traits::{CallContext, ReadRuntimeVersion, RuntimeCode};
use std::{collections::HashSet, sync::Mutex};
use thin_mount::{
	chunk::ChunkId,
	image::{Image, ImageId},
	source::plain::StoreSource,
	store::{open_all, Key},
};

/// Answers nothing, notes what it was asked, and reads a bit of the state.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl RuntimeVersionOf for Asked {
	fn runtime_version(
		&self,
		ext: &mut dyn Externalities,
		code: &RuntimeCode<'_>,
	) -> sc_executor::error::Result<RuntimeVersion> {
		NoRuntime.runtime_version(ext, code)
	}
}

impl ReadRuntimeVersion for Asked {
	fn read_runtime_version(&self, _: &[u8], _: &mut dyn Externalities) -> Result<Vec<u8>, String> {
		Err("there is none".into())
	}
}

impl CodeExecutor for Asked {
	type Error = String;

	fn call(
		&self,
		ext: &mut dyn Externalities,
		_: &RuntimeCode<'_>,
		method: &str,
		_: &[u8],
		_: CallContext,
	) -> (Result<Vec<u8>, String>, bool) {
		assert!(ext.storage(b"account 3").is_some());
		self.0.lock().unwrap().push(method.to_owned());
		(Ok(Vec::new()), false)
	}
}

struct Place {
	home: tempfile::TempDir,
	stores: Vec<Arc<dyn Store>>,
}

impl Place {
	fn new() -> Self {
		let home = tempfile::tempdir().unwrap();
		let url = format!("dir://{}", home.path().join("store").display());
		Self { stores: open_all(&[url]).unwrap(), home }
	}

	fn database(&self) -> PathBuf {
		self.home.path().join("db/full")
	}

	fn create(&self, chain: &Chain, trace_with: Option<&Asked>) -> Created<Block> {
		create(CreateOptions {
			database: &self.database(),
			genesis: &chain.genesis,
			stores: &self.stores,
			kept_states: 256,
			trace_with,
		})
		.unwrap()
	}

	fn image(&self, created: &Created<Block>) -> Image {
		let id = ImageId(ChunkId(created.manifest.image.0));
		Image::open(Arc::new(StoreSource::new(self.stores.clone())), id).unwrap()
	}
}

/// Root and length of each file.
fn files(image: &Image) -> Vec<([u8; 32], u64)> {
	let blobs = image.tree().entries().filter_map(|entry| entry.blob);
	blobs.map(|blob| (blob.root.0, blob.length)).collect()
}

/// Bytes that no compression makes fewer.
fn noise(seed: u64, length: usize) -> Vec<u8> {
	let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
	let mut next = || {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		state
	};
	(0..length / 8).flat_map(|_| next().to_le_bytes()).collect()
}

const VALUE: usize = 16 * 1024;

/// Adds so many values, with keys in ascending order.
fn grow(node: &kvdb_rocksdb::Database, values: std::ops::Range<u32>) {
	for number in values {
		let mut transaction = DBTransaction::new();
		let key = [&[0xff][..], &number.to_be_bytes()].concat();
		transaction.put(columns::TRANSACTION, &key, &noise(number.into(), VALUE));
		node.write(transaction).unwrap();
	}
}

#[test]
fn a_second_snapshot_uploads_what_changed() {
	let place = Place::new();
	fs::create_dir_all(place.database()).unwrap();
	let chain = Chain::new(20, &[5]);
	drop(node_database(&place.database(), &chain, 17));
	let mut config = kvdb_rocksdb::DatabaseConfig::with_columns(columns::SDK_COLUMNS);
	// So that tables are written as they are on a large database: often.
	config.memory_budget = [(columns::TRANSACTION, 4)].into_iter().collect();
	let node = kvdb_rocksdb::Database::open(&config, place.database()).unwrap();
	grow(&node, 0..4_000);
	let first = place.create(&chain, None);
	let before: HashSet<_> =
		files(&place.image(&first)).into_iter().map(|(root, _)| root).collect();
	assert!(first.uploaded_bytes > 4_000 * VALUE as u64, "{first:?}");

	let added = 500;
	grow(&node, 4_000..4_000 + added);
	let second = place.create(&chain, None);
	let after = files(&place.image(&second));
	let changed: u64 =
		after.iter().filter(|(root, _)| !before.contains(root)).map(|(_, length)| length).sum();
	let all: u64 = after.iter().map(|(_, length)| length).sum();
	let uploaded = second.uploaded_bytes;
	println!("{all} bytes, {changed} of them in files that changed; {uploaded} uploaded");
	assert!(changed >= u64::from(added) * VALUE as u64, "{changed}");
	assert!(uploaded * 10 <= changed * 11, "{uploaded} bytes for {changed} that changed");
	assert!(changed * 2 < all, "{changed} of {all}: nothing is shared");
}

#[test]
fn the_trace_of_a_first_start_is_in_the_image() {
	if !Path::new("/dev/fuse").exists() {
		println!("SKIPPED: there is no FUSE");
		return;
	}
	let place = Place::new();
	let chain = Chain::new(20, &[5]);
	fs::create_dir_all(place.database()).unwrap();
	let _node = node_database(&place.database(), &chain, 17);
	let asked = Asked::default();
	let created = place.create(&chain, Some(&asked));
	let image = place.image(&created);
	let trace = image.trace().unwrap();
	assert_eq!(created.trace_chunks, Some(trace.len()));
	assert!(!trace.is_empty());
	assert!(asked.0.lock().unwrap().iter().any(|method| method == "Core_version"));
	let keys: Vec<Key> = trace.iter().map(|id| Key::copy_from_slice(&id.0)).collect();
	assert!(place.stores[0].has_many(&keys).unwrap().into_iter().all(|has| has));
	// The manifest and the proof are of this image, and nothing is left beside the database.
	records::read_manifest(&place.stores, created.id, snapshot_id::<Block>).unwrap();
	let left = fs::read_dir(place.home.path().join("db")).unwrap().count();
	assert_eq!(left, 1, "the database alone");
}

#[test]
fn a_start_that_fails_is_no_reason_for_no_snapshot() {
	let place = Place::new();
	let chain = Chain::new(20, &[5]);
	fs::create_dir_all(place.database()).unwrap();
	let node = node_database(&place.database(), &chain, 17);
	let mut transaction = DBTransaction::new();
	for (key, _) in Chain::nodes_of(17) {
		transaction.delete(columns::STATE, &key);
	}
	node.write(transaction).unwrap();
	let created = place.create(&chain, Some(&Asked::default()));
	assert_eq!(created.trace_chunks, None);
	assert_eq!(place.image(&created).trace().unwrap(), []);
}
