//! Leaves a new base path as it was when a start is refused.
//!
//! The SDK writes a network key before it asks anybody for a database. A start that is refused
//! should change nothing, so that the key goes again where it is all there is.

use std::{
	fs,
	path::{Path, PathBuf},
};

/// A base path in which there was nothing.
#[derive(Debug)]
pub struct Pristine {
	path: PathBuf,
	existed: bool,
}

impl Pristine {
	/// `None` when there is something in `path` already.
	pub fn new(path: &Path) -> Option<Self> {
		let existed = path.exists();
		let empty = !existed || is_empty(path);
		empty.then(|| Self { path: path.to_owned(), existed })
	}

	/// Removes the network key and the folders around it, if that is all there is now.
	pub fn restore(self) {
		let Ok(chains) = fs::read_dir(self.path.join("chains")) else { return };
		for chain in chains.flatten() {
			let network = chain.path().join("network");
			let key = network.join("secret_ed25519");
			if names(&chain.path()) == ["network"] && names(&network) == ["secret_ed25519"] {
				let _ = fs::remove_file(key);
				let _ = fs::remove_dir(network);
				let _ = fs::remove_dir(chain.path());
			}
		}
		// These fail where something is left, which then stays.
		let _ = fs::remove_dir(self.path.join("chains"));
		if !self.existed {
			let _ = fs::remove_dir(&self.path);
		}
	}
}

fn names(path: &Path) -> Vec<String> {
	let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
	entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn is_empty(path: &Path) -> bool {
	fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn key_in(base: &Path) -> PathBuf {
		let network = base.join("chains/local/network");
		fs::create_dir_all(&network).unwrap();
		fs::write(network.join("secret_ed25519"), [1; 32]).unwrap();
		network
	}

	#[test]
	fn a_key_alone_goes_with_its_folders() {
		let home = tempfile::tempdir().unwrap();
		let new = home.path().join("new");
		let pristine = Pristine::new(&new).unwrap();
		key_in(&new);
		pristine.restore();
		assert!(!new.exists());

		let pristine = Pristine::new(home.path()).unwrap();
		key_in(home.path());
		pristine.restore();
		assert!(is_empty(home.path()));
	}

	#[test]
	fn a_key_beside_a_database_stays() {
		let home = tempfile::tempdir().unwrap();
		let pristine = Pristine::new(home.path()).unwrap();
		let network = key_in(home.path());
		fs::create_dir_all(home.path().join("chains/local/db/full")).unwrap();
		pristine.restore();
		assert!(network.join("secret_ed25519").exists());
	}

	#[test]
	fn a_used_base_path_is_not_touched() {
		let home = tempfile::tempdir().unwrap();
		key_in(home.path());
		assert!(Pristine::new(home.path()).is_none());
	}
}
