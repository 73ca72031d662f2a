use super::*;
use proptest::prelude::*;
use std::{
	collections::{BTreeSet, HashMap},
	path::{Path, PathBuf},
};

fn folder() -> PathBuf {
	Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// Made once.
fn seeds() -> &'static HashMap<&'static str, Vec<Vec<u8>>> {
	static SEEDS: OnceLock<HashMap<&'static str, Vec<Vec<u8>>>> = OnceLock::new();
	SEEDS.get_or_init(|| TARGETS.map(|(name, _)| (name, seeds::of(name))).into())
}

/// `WRITE_SEEDS=1` makes the files anew.
#[test]
fn the_seeds_are_those_that_are_made_here() {
	for (target, run) in TARGETS {
		let folder = folder().join("seeds").join(target);
		for (number, seed) in seeds()[target].iter().enumerate() {
			let path = folder.join(number.to_string());
			if std::env::var_os("WRITE_SEEDS").is_some() {
				fs::create_dir_all(&folder).unwrap();
				fs::write(&path, seed).unwrap();
			}
			assert_eq!(fs::read(&path).unwrap(), *seed, "{}", path.display());
			run(seed);
		}
		assert_eq!(fs::read_dir(&folder).unwrap().count(), seeds()[target].len());
	}
}

#[test]
fn every_target_has_its_file() {
	let names = |folder: &Path| -> BTreeSet<String> {
		let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
		files.filter_map(|f| Some(f.to_str()?.strip_suffix(".rs")?.to_owned())).collect()
	};
	let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
	assert_eq!(names(&folder().join("fuzz_targets")), targets);
	let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
	for name in &targets {
		assert!(manifest.contains(&format!("name = \"{name}\"")));
		// They are not compiled here: a nightly compiler does so.
		let call = format!("|bytes: &[u8]| thin_client::fuzzing::{name}(bytes)");
		let target = folder().join("fuzz_targets").join(format!("{name}.rs"));
		assert!(fs::read_to_string(target).unwrap().contains(&call), "{name}");
	}
}

/// What the seeds are there for: each gets to the end of what it tests.
#[test]
fn seeds_are_well_formed() {
	let (chain, registry) = seeds::chain();
	assert_eq!(anchor(), chain.genesis.anchor().unwrap());
	assert_eq!(seed_block().unwrap().key(), chain.key(9));
	assert_eq!(*seed_block().unwrap().header(), chain.headers[9]);
	let anchor = anchor();
	for seed in &seeds()["snapshot_proof"] {
		let follower = Follower::<Block>::new(None, &anchor, &anchor);
		follower.follow::<Layout>(&mut Frames::new(&seed[..], "seed".into())).unwrap();
	}
	for seed in &seeds()["proof_page"] {
		Page::<Block>::from_bytes(seed).unwrap();
	}
	let seed = &seeds()["read_proof"][0];
	let (root, rest) = seed.split_at(32);
	let id = H256::from_slice(&rest[..32]);
	assert_eq!(id, registry.id());
	let found = read_state::<Block, Layout>(H256::from_slice(root), id, &rest[32..]);
	assert_eq!(found.unwrap().unwrap().manifest, registry.manifest);
	let values = Vec::<(u8, Vec<u8>)>::decode(&mut &seeds()["registration"][0][..]).unwrap();
	let items: BTreeSet<u8> = values.iter().map(|(item, _)| *item).collect();
	assert_eq!(items, BTreeSet::from([0, 1, 2, 3, 5, 9, 10, 11, 13, 14, 15]));
	assert!(serde_json::from_slice::<Bytes>(&seeds()["rpc_answer"][0]).is_ok());
	assert!(history::reread_place(&seeds()["own_words"][2]).is_some());
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(300))]

	#[test]
	fn any_bytes_are_fine(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
		for (_, run) in TARGETS {
			run(&bytes);
		}
	}

	/// Bytes of a seed changed, taken out and put in.
	#[test]
	fn changed_seeds_are_fine(
		target in 0..TARGETS.len(),
		seed in any::<prop::sample::Index>(),
		edits in proptest::collection::vec((0u8..4, any::<prop::sample::Index>(), any::<u8>()), 1..6),
	) {
		let (name, run) = TARGETS[target];
		let mut bytes = seed.get(&seeds()[name]).clone();
		for (edit, at, byte) in edits {
			let at = at.index(bytes.len() + 1);
			match edit {
				0 => bytes.insert(at, byte),
				1 if byte < 32 => bytes.truncate(at),
				2 if at < bytes.len() => drop(bytes.remove(at)),
				_ if at < bytes.len() => bytes[at] = byte,
				_ => {},
			}
		}
		run(&bytes);
	}
}
