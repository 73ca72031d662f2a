//! Keys that sign for a duty or for a command, where the keystore of the node is not asked.

use super::KEY_TYPE;
use clap::Args;
use sc_service::{config::KeystoreConfig, KeystoreContainer};
use sp_keystore::KeystorePtr;
use std::{
	fs,
	path::{Path, PathBuf},
};

/// The longest file that is read for a secret: phrases are shorter.
const MOST_BYTES: u64 = 4096;

/// Whose key signs: one of these.
#[derive(Debug, Clone, Default, Args)]
#[group(id = "key", required = true, multiple = false)]
pub struct KeyParams {
	/// Sign with the secret in this file: a phrase, 0x and 64 hexadecimal digits, or a derivation.
	#[arg(long, value_name = "FILE")]
	pub key_file: Option<PathBuf>,

	/// Sign with this secret, as `//Alice`. Everybody on the machine can read it: for test chains.
	#[arg(long, value_name = "SECRET")]
	pub suri: Option<String>,

	/// Sign with the key of type `thin` in this keystore of a node
	/// (BASE-PATH/chains/CHAIN/keystore).
	#[arg(long, value_name = "DIR")]
	pub keystore: Option<PathBuf>,
}

impl KeyParams {
	/// A keystore whose first key of type `thin` is the one to sign with. Errors with a sentence.
	pub fn open(&self) -> Result<KeystorePtr, String> {
		let config = match &self.keystore {
			Some(path) if !path.is_dir() => {
				return Err(format!("--keystore: {} is no folder", path.display()))
			},
			Some(path) => KeystoreConfig::Path { path: path.clone(), password: None },
			None => KeystoreConfig::InMemory,
		};
		let keystore =
			KeystoreContainer::new(&config).map_err(|error| error.to_string())?.keystore();
		if let Some(path) = &self.key_file {
			add(&keystore, &from_file(path)?)?;
		} else if let Some(secret) = &self.suri {
			add(&keystore, secret)?;
		}
		Ok(keystore)
	}
}

/// The secret in a file. Errors with a sentence.
pub fn from_file(path: &Path) -> Result<String, String> {
	let failed = |error: std::io::Error| format!("the key file {}: {error}", path.display());
	let length = fs::metadata(path).map_err(failed)?.len();
	if length > MOST_BYTES {
		return Err(format!("the key file {}: {length} bytes are no secret", path.display()));
	}
	Ok(fs::read_to_string(path).map_err(failed)?.trim().to_owned())
}

/// Adds the key of a secret for as long as the process runs. It is found before those on disk.
pub fn add(keystore: &KeystorePtr, secret: &str) -> Result<(), String> {
	// The secret itself stays out of the message, which may end up in a log.
	let wrong = || {
		"the secret is neither a phrase, nor 0x and 64 hexadecimal digits, nor a derivation such \
		 as //Alice"
			.to_owned()
	};
	if secret.is_empty() {
		return Err(wrong());
	}
	keystore.sr25519_generate_new(KEY_TYPE, Some(secret)).map(drop).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn keys(params: &KeyParams) -> Result<usize, String> {
		Ok(params.open()?.sr25519_public_keys(KEY_TYPE).len())
	}

	#[test]
	fn a_secret_comes_from_a_file_or_the_command_line() {
		let home = tempfile::tempdir().unwrap();
		let path = home.path().join("key");
		fs::write(&path, "//Dave\n").unwrap();
		let file = KeyParams { key_file: Some(path.clone()), ..Default::default() };
		let line = KeyParams { suri: Some("//Dave".into()), ..Default::default() };
		let of = |params: &KeyParams| params.open().unwrap().sr25519_public_keys(KEY_TYPE);
		assert_eq!(of(&file), of(&line));
		assert_eq!(of(&file).len(), 1);
		// Nothing of it is written.
		assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);

		fs::write(&path, "no secret at all").unwrap();
		let error = keys(&file).unwrap_err();
		assert!(error.contains("neither a phrase") && !error.contains("at all"), "{error}");
		fs::write(&path, "").unwrap();
		assert!(keys(&file).is_err());
		fs::write(&path, vec![b'a'; 5_000]).unwrap();
		assert!(keys(&file).unwrap_err().contains("no secret"));
	}

	#[test]
	fn a_keystore_that_is_not_there_is_no_empty_one() {
		let keystore = Some(PathBuf::from("/nowhere/keystore"));
		let params = KeyParams { keystore, ..Default::default() };
		assert!(keys(&params).unwrap_err().contains("is no folder"));
	}
}
