//! What is said of a wrong value before a node ends: where it lies, and whose fault it is.

use super::*;
use crate::{
	cli::{Hydrate, ThinParams},
	layered::{Fault, Lower},
	mounted::MountedImage,
	start::last_words,
};
use std::fs;
use thin_mount::{
	image::Image,
	pack::{pack_to_all, PackOptions},
	source::plain::StoreSource,
	store::{self, Store},
};

/// No compression takes it apart, so that it can be found in a file.
fn lie() -> Vec<u8> {
	(0..4u32).flat_map(|part| BlakeTwo256::hash_of(&part).0).collect()
}

/// The last words of a node that has read the altered value from an image in a store, and what they
/// have to be. `chunk`: whether the chunk can be named.
fn said_and_due(hydrate: Hydrate, chunk: bool) -> (String, String) {
	let (chain, image) = right();
	image.set(columns::STATE, &big_key(N), lie());
	let home = tempfile::tempdir().unwrap();
	let folder = home.path().join("full");
	image.write_to(&folder);
	let store = store::open(&format!("dir://{}", home.path().join("store").display())).unwrap();
	let exclude = |path: &[u8]| path.starts_with(b"LO");
	let options = PackOptions { exclude: Some(Box::new(exclude)), ..Default::default() };
	let packed = pack_to_all(&folder, &[&*store], &options, &|_| {}).unwrap();

	let params = ThinParams { thin_hydrate: hydrate, ..Default::default() };
	let stores: Vec<Arc<dyn Store>> = vec![store.clone()];
	let mounted =
		MountedImage::at(&home.path().join("thin"), packed.image, &params, stores.clone()).unwrap();
	let proven = chain.proof(N).verify(&chain.genesis, &chain.manifest(N)).unwrap();
	let lower = Lower::<Block>::new(mounted.database().unwrap(), &proven);
	let fault = lower.get(columns::STATE, &big_key(N)).unwrap_err();
	let Fault::Violation(violation) = &fault else { panic!("{fault}") };
	let said = last_words(&fault, lower.place(violation).as_ref());

	// The one file that has it.
	let has_it = |path: &std::path::Path| {
		fs::read(path).unwrap().windows(lie().len()).any(|window| window == lie())
	};
	let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
	let files: Vec<_> = files.filter(|path| has_it(path)).collect();
	let [file] = &files[..] else { panic!("{files:?}") };
	let name = file.file_name().unwrap().to_str().unwrap();
	let opened = Image::open(Arc::new(StoreSource::new(stores)), packed.image).unwrap();
	let node = opened.tree().find(name.as_bytes()).unwrap();
	let chunk = match chunk {
		true => format!(", chunk {}", opened.tree().blob(node).unwrap().root),
		false => String::new(),
	};
	let due = format!(
		"{fault}. Its place is file {name} (level LEVEL{chunk}), of image {}, which comes from {}. \
		 Every chunk is hashed as it comes, so that no store can be at fault: the image is wrong as \
		 it was published. Start the node again from another snapshot; nothing wrong was taken over.",
		packed.image,
		store.name()
	);
	(said, due)
}

#[test]
fn a_violation_names_column_key_file_chunk_and_store() {
	for (hydrate, chunk) in [(Hydrate::None, true), (Hydrate::Full, false)] {
		let (said, due) = said_and_due(hydrate, chunk);
		let key = hex::encode(big_key(N));
		let begin =
			format!("the image is corrupt: column STATE, key 0x{key}: 128 bytes that hash to 0x");
		assert!(said.starts_with(&begin), "{said}");
		// RocksDB puts it where it likes.
		let level = said.split("(level ").nth(1).and_then(|rest| rest.chars().next()).unwrap();
		assert!(level.is_ascii_digit());
		assert_eq!(said, due.replace("LEVEL", &level.to_string()));
	}
}
