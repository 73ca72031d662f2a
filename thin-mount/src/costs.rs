//! What things cost, counted: values, requests and bytes for a fixed tree. The counts are held
//! against `costs/baseline.json`, so that a change that makes something dearer has to say so.
//!
//! `WRITE_COSTS=1 cargo test -p thin-mount costs` writes the file anew.

mod instructions;

use crate::{
	blob::BlobRef,
	cache::{cached_source, Cache, CacheOptions},
	chunk::CHUNK_SIZE,
	fetch::{FetchOptions, Fetcher},
	hydrate::{hydrate, HydrateOptions},
	image::{Image, ImageId},
	pack::{pack, PackOptions},
	testing::{noise, MemoryStore},
};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

/// How far a count may be from the baseline, in hundredths of it. What costs less has to be
/// written down as well, so that it stays so.
const TOLERANCE: u64 = 2;

const TABLE: usize = 6 * 1024 * 1024 + 1_000;

type Costs = BTreeMap<String, u64>;

/// Small files, three tables and a sparse file. The same bytes each time.
fn make_tree(root: &Path) {
	fs::create_dir_all(root.join("db")).unwrap();
	fs::create_dir_all(root.join("small")).unwrap();
	for index in 0..200u64 {
		let bytes = noise(index, 200 + index as usize * 7);
		fs::write(root.join(format!("small/{index}")), bytes).unwrap();
	}
	for index in 0..3u64 {
		let name = format!("db/00000{index}.sst");
		fs::write(root.join(name), noise(1_000 + index, TABLE)).unwrap();
	}
	let sparse = fs::File::create(root.join("sparse")).unwrap();
	sparse.set_len(1 << 30).unwrap();
	std::os::unix::fs::FileExt::write_all_at(&sparse, &noise(7, CHUNK_SIZE), 1 << 29).unwrap();
}

/// A reader who has nothing yet, over a store of its own.
fn reader(store: &Arc<MemoryStore>) -> Arc<Fetcher> {
	Arc::new(Fetcher::new(vec![store.clone()], FetchOptions::default()).unwrap())
}

/// What a reader has fetched. There is no other way to a chunk than to hash its bytes.
fn note(costs: &mut Costs, what: &str, fetcher: &Fetcher) {
	let stats = fetcher.stats();
	let mut set = |unit: &str, count| costs.insert(format!("{what}: {unit}"), count);
	set("chunks fetched and hashed", stats.chunks_fetched);
	set("bytes", stats.bytes_fetched);
	set("failures", stats.failures + stats.retries + stats.verification_failures);
}

/// How often it has asked for that: once for each round trip. Only of who reads in one thread: how
/// several share their work differs from time to time.
fn note_requests(costs: &mut Costs, what: &str, fetcher: &Fetcher) {
	let requests = fetcher.stats().stores.iter().map(|store| store.requests).sum();
	costs.insert(format!("{what}: requests"), requests);
}

fn blob_at(image: &Image, path: &str) -> BlobRef {
	let node = image.tree().find(path.as_bytes()).unwrap();
	image.tree().blob(node).unwrap()
}

fn packing(costs: &mut Costs, root: &Path, store: &Arc<MemoryStore>) -> ImageId {
	let mut round = |what: &str| {
		let before = store.writes();
		let report = pack(root, &**store, &PackOptions::default(), &|_| {}).unwrap();
		costs.insert(format!("{what}: values written"), (store.writes() - before) as u64);
		costs.insert(format!("{what}: bytes uploaded"), report.uploaded_bytes);
		report.image
	};
	let image = round("pack");
	assert_eq!(round("pack again"), image);
	// A second snapshot: a table more, one less, one file changed.
	fs::rename(root.join("db/000000.sst"), root.join("db/000009.sst")).unwrap();
	fs::write(root.join("db/000003.sst"), noise(1_003, TABLE)).unwrap();
	fs::write(root.join("small/3"), noise(2_000, 300)).unwrap();
	round("pack what has changed");
	image
}

fn reading(costs: &mut Costs, store: &Arc<MemoryStore>, id: ImageId) {
	let fetcher = reader(store);
	let image = Image::open(fetcher.clone(), id).unwrap();
	note(costs, "open an image", &fetcher);
	note_requests(costs, "open an image", &fetcher);

	let table = blob_at(&image, "db/000001.sst");
	for at in 0..40u64 {
		let offset = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (table.length - 16_384);
		assert_eq!(image.blobs().read_at(&table, offset, 16_384).unwrap().len(), 16_384);
	}
	note(costs, "open, and 40 random reads of a table", &fetcher);
	note_requests(costs, "open, and 40 random reads of a table", &fetcher);

	let fetcher = reader(store);
	let image = Image::open(fetcher.clone(), id).unwrap();
	for offset in (0..table.length).step_by(128 * 1024) {
		image.blobs().read_at(&table, offset, 128 * 1024).unwrap();
	}
	note(costs, "open, and a table from end to end", &fetcher);
	note_requests(costs, "open, and a table from end to end", &fetcher);
}

fn hydrating(costs: &mut Costs, store: &Arc<MemoryStore>, id: ImageId, folder: &Path) {
	let cache = Cache::open(CacheOptions { folder: folder.to_owned(), limit: None }).unwrap();
	for what in ["hydrate", "hydrate again"] {
		let fetcher = reader(store);
		let image = Image::open(cached_source(&cache, &fetcher), id).unwrap();
		let options = HydrateOptions::default();
		hydrate(&image, &cache, &fetcher, options, &|_| {}).unwrap();
		note(costs, what, &fetcher);
	}
}

/// What is not as it was: one line for each.
fn differences(baseline: &Costs, costs: &Costs) -> Vec<String> {
	let names: std::collections::BTreeSet<_> = baseline.keys().chain(costs.keys()).collect();
	let differs = |name: &&&String| match (baseline.get(**name), costs.get(**name)) {
		(Some(before), Some(now)) => before.abs_diff(*now) * 100 > before * TOLERANCE,
		_ => true,
	};
	let show = |count: Option<&u64>| count.map_or("nothing".into(), u64::to_string);
	names
		.iter()
		.filter(differs)
		.map(|name| {
			format!("{name}: {}, and was {}", show(costs.get(*name)), show(baseline.get(*name)))
		})
		.collect()
}

#[test]
fn nothing_costs_more_than_it_did() {
	let home = tempfile::tempdir().unwrap();
	let root = home.path().join("tree");
	make_tree(&root);
	let (mut costs, store) = (Costs::new(), MemoryStore::new());
	let image = packing(&mut costs, &root, &store);
	reading(&mut costs, &store, image);
	hydrating(&mut costs, &store, image, &home.path().join("cache"));

	let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/costs/baseline.json");
	if std::env::var_os("WRITE_COSTS").is_some() {
		fs::write(&path, serde_json::to_string_pretty(&costs).unwrap() + "\n").unwrap();
	}
	let baseline: Costs = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
	let found = differences(&baseline, &costs);
	assert!(
		found.is_empty(),
		"costs have changed; if they should, WRITE_COSTS=1 writes them down:\n{}",
		found.join("\n")
	);
}

#[test]
fn differences_are_named() {
	let costs = |count| Costs::from([("reads".to_owned(), count), ("same".to_owned(), 7)]);
	assert!(differences(&costs(100), &costs(102)).is_empty());
	assert_eq!(differences(&costs(100), &costs(103)), ["reads: 103, and was 100"]);
	assert_eq!(differences(&costs(100), &costs(97)), ["reads: 97, and was 100"]);
	assert_eq!(differences(&costs(0), &costs(1)), ["reads: 1, and was 0"]);
	assert_eq!(differences(&Costs::new(), &costs(1)).len(), 2);
}
