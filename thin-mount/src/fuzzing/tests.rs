use super::*;
use proptest::prelude::*;
use std::{collections::BTreeSet, fs, path::Path};

fn folder() -> std::path::PathBuf {
	Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// `WRITE_SEEDS=1` makes the files anew.
#[test]
fn the_seeds_are_those_that_are_made_here() {
	for (target, run) in TARGETS {
		let seeds = folder().join("seeds").join(target);
		for (number, seed) in seeds::of(target).iter().enumerate() {
			run(seed);
			let path = seeds.join(number.to_string());
			if std::env::var_os("WRITE_SEEDS").is_some() {
				fs::create_dir_all(&seeds).unwrap();
				fs::write(&path, seed).unwrap();
			}
			assert_eq!(fs::read(&path).unwrap(), *seed, "{}", path.display());
		}
		assert_eq!(fs::read_dir(&seeds).unwrap().count(), seeds::of(target).len());
	}
}

#[test]
fn every_target_has_its_file() {
	let names = |extension: &str, folder: &Path| -> BTreeSet<String> {
		let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
		files.filter_map(|f| Some(f.to_str()?.strip_suffix(extension)?.to_owned())).collect()
	};
	let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
	assert_eq!(names(".rs", &folder().join("fuzz_targets")), targets);
	let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
	assert!(targets.iter().all(|name| manifest.contains(&format!("name = \"{name}\""))));
}

/// What seeds accept is what they are there for.
#[test]
fn seeds_are_well_formed() {
	assert!(seeds::of("superblock").iter().all(|seed| image::parse_superblock(seed).is_ok()));
	assert!(seeds::of("listing").iter().all(|seed| image::parse_listing(seed).is_ok()));
	assert!(seeds::of("resp_answer").iter().all(|seed| store::read_answer(seed, 1000).is_some()));
	let values = |seed: &Vec<u8>| {
		let (&[wanted, low, high, _], answer) = seed.split_first_chunk().unwrap();
		let limit = u16::from_le_bytes([low, high]);
		store::read_values(answer, answer.len(), (wanted.into(), limit.into())).is_some()
	};
	let understood: Vec<_> = seeds::of("resp_values").iter().map(values).collect();
	assert_eq!(understood, [true, true, true, true, true, false, false, false, false]);
	let requests = |seed: &Vec<u8>| zdb::read_requests(seed, 100).0.len();
	assert_eq!(seeds::of("resp_request").iter().map(requests).collect::<Vec<_>>(), [2, 1]);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(400))]

	#[test]
	fn any_bytes_are_fine(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
		for (_, run) in TARGETS {
			run(&bytes);
		}
	}

	/// Bytes of a seed changed, taken out and put in.
	#[test]
	fn changed_seeds_are_fine(
		target in 0..TARGETS.len(),
		seed in any::<prop::sample::Index>(),
		edits in proptest::collection::vec((0u8..4, any::<prop::sample::Index>(), any::<u8>()), 1..8),
	) {
		let (name, run) = TARGETS[target];
		let mut bytes = seed.get(&seeds::of(name)).clone();
		for (edit, at, byte) in edits {
			let at = at.index(bytes.len() + 1);
			match edit {
				0 => bytes.insert(at, byte),
				1 => bytes.truncate(at),
				2 if at < bytes.len() => drop(bytes.remove(at)),
				_ if at < bytes.len() => bytes[at] = byte,
				_ => {},
			}
		}
		run(&bytes);
	}
}
