//! Opening a store by its URL: one arm per kind.

use super::{dir::DirStore, Store, StoreError};
use std::sync::Arc;

/// Opens the store that this URL names.
///
/// `dir:///path` is a folder; it is made when something is first stored there.
pub fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
	let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
	match scheme {
		"dir" => Ok(Arc::new(DirStore::open(rest)?)),
		_ => Err(StoreError::Url {
			url: without_password(url),
			reason: "expected dir:///path".into(),
		}),
	}
}

/// The URL as it may be shown: what stands between `://` and `@` is left out.
fn without_password(url: &str) -> String {
	match url.split_once("://") {
		Some((scheme, rest)) => match rest.rsplit_once('@') {
			Some((_, host)) => format!("{scheme}://…@{host}"),
			None => url.to_owned(),
		},
		None => url.to_owned(),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn an_unknown_url_is_an_error_without_its_password() {
		let error = open("ftp://me:secret@host/x").err().unwrap().to_string();
		assert!(error.contains("ftp://…@host/x") && error.contains("dir:///path"), "{error}");
		assert!(!error.contains("secret"));
		assert!(open("plain/path").is_err());
		assert!(open("dir://").is_err());
	}
}
