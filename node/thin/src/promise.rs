//! What an image says of its own completeness.
//!
//! Nothing in a header tells whether a node keeps a block's body, so that a body that an image
//! leaves out looks like one that its owner has pruned. An image can say which bodies it has: it
//! is then held to its word. What it doesn't promise reads as not kept.

use serde::{Deserialize, Serialize};
use std::{
	fs::{self, File},
	io::{ErrorKind, Read},
	path::Path,
};

/// The file's name, beside the tables of the database.
pub const FILE: &str = "thin.json";
/// The only version of the file so far.
const VERSION: u32 = 1;
/// The file has some ten bytes. Nobody makes this node read more than this.
const MOST_BYTES: u64 = 4096;

/// Which bodies an image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
	version: u32,
	/// The body of every block from this height to N is there.
	pub bodies_from: u32,
}

impl Promise {
	/// All bodies from this height on.
	pub fn of_bodies_from(bodies_from: u32) -> Self {
		Self { version: VERSION, bodies_from }
	}

	/// Reads the promise of the image in a folder. `None` when it makes none, or one of a version
	/// that this program does not know.
	pub fn read(folder: &Path) -> Result<Option<Self>, String> {
		let path = folder.join(FILE);
		let failed = |error: String| format!("{}: {error}", path.display());
		let file = match File::open(&path) {
			Ok(file) => file,
			Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
			Err(error) => return Err(failed(error.to_string())),
		};
		let mut bytes = Vec::new();
		file.take(MOST_BYTES + 1)
			.read_to_end(&mut bytes)
			.map_err(|error| failed(error.to_string()))?;
		if bytes.len() as u64 > MOST_BYTES {
			return Err(failed(format!("more than {MOST_BYTES} bytes")));
		}
		Self::parse(&bytes).map_err(failed)
	}

	pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, String> {
		#[derive(Deserialize)]
		struct Versioned {
			version: u32,
		}
		let Versioned { version } =
			serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
		if version != VERSION {
			tracing::warn!(
				target: "thin",
				version,
				"the image says more about itself than this program understands: no body is held \
				 to be promised"
			);
			return Ok(None);
		}
		serde_json::from_slice(bytes).map(Some).map_err(|error| error.to_string())
	}

	/// Writes it into the folder of a database that is to become an image.
	pub fn write(&self, folder: &Path) -> Result<(), std::io::Error> {
		fs::write(folder.join(FILE), serde_json::to_vec(self)?)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_promise_comes_back() {
		let home = tempfile::tempdir().unwrap();
		assert_eq!(Promise::read(home.path()), Ok(None));
		let promise = Promise::of_bodies_from(7);
		promise.write(home.path()).unwrap();
		assert_eq!(Promise::read(home.path()), Ok(Some(promise)));
		let text = fs::read_to_string(home.path().join(FILE)).unwrap();
		assert_eq!(text, r#"{"version":1,"bodies_from":7}"#);
	}

	#[test]
	fn what_is_no_promise_is_refused() {
		for text in ["", "{}", r#"{"version":1}"#, r#"{"version":1,"bodies_from":-1}"#] {
			assert!(Promise::parse(text.as_bytes()).is_err(), "{text}");
		}
		let more = r#"{"version":1,"bodies_from":1,"also":2}"#;
		assert!(Promise::parse(more.as_bytes()).is_err());
		assert_eq!(Promise::parse(br#"{"version":2,"also":2}"#), Ok(None));

		let home = tempfile::tempdir().unwrap();
		fs::write(home.path().join(FILE), vec![b' '; 5000]).unwrap();
		assert!(Promise::read(home.path()).unwrap_err().contains("more than 4096 bytes"));
	}
}
