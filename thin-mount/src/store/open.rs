//! Opening stores by their URLs: one arm per kind.

use super::{
	address::redacted, dir::DirStore, RedisStore, ShardRange, ShardedStore, Store, StoreError,
	ZdbStore,
};
use std::{collections::HashSet, sync::Arc};

/// Opens the store that this URL names. No connection is made before it is needed, and a folder
/// is made when something is first stored there.
///
/// - `zdb://[user[:password]@]host[:9900]/namespace`: a namespace of a 0-db
/// - `redis://[user[:password]@]host[:6379]/database`: a Redis or Valkey
/// - `dir:///path`: a folder
pub fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
	let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
	match scheme {
		"dir" => Ok(Arc::new(DirStore::open(rest)?)),
		"redis" => Ok(Arc::new(RedisStore::new(url)?)),
		"zdb" => Ok(Arc::new(ZdbStore::new(url)?)),
		_ if ShardRange::split(url)?.is_some() => Err(StoreError::Url {
			url: redacted(url),
			reason: "it is one shard, and one store is expected here".into(),
		}),
		_ => Err(StoreError::Url {
			url: redacted(url),
			reason: "expected zdb://host[:9900]/namespace, redis://host[:6379]/db or dir:///path"
				.into(),
		}),
	}
}

/// Opens several stores of the same images. Each plain URL is a replica; the URLs that begin with
/// a range, as in `00-7f=zdb://…`, are the shards of one more, and must hold every key once. A store
/// that is named twice is opened once. The name of a store that is made of shards, which is their URLs
/// by commas, is a replica too.
///
/// Errors when one of them can't be opened: for writing, where each is to have everything.
pub fn open_all<U: AsRef<str>>(urls: &[U]) -> Result<Vec<Arc<dyn Store>>, StoreError> {
	let Opened { stores, mut failed } = open_each(urls)?;
	match failed.is_empty() {
		true => Ok(stores),
		false => Err(failed.swap_remove(0)),
	}
}

/// The same for reading, where any of the replicas will do: goes on without those that can't be
/// opened, and names them in the log.
///
/// Errors when a URL is none, and when all that were named can't be opened. No URL, no store.
pub fn open_replicas<U: AsRef<str>>(urls: &[U]) -> Result<Vec<Arc<dyn Store>>, StoreError> {
	let Opened { stores, mut failed } = open_each(urls)?;
	if stores.is_empty() && !failed.is_empty() {
		return Err(failed.swap_remove(0));
	}
	for error in failed {
		tracing::warn!(%error, "going on without this store");
	}
	Ok(stores)
}

struct Opened {
	stores: Vec<Arc<dyn Store>>,
	/// Why the others can't be opened.
	failed: Vec<StoreError>,
}

/// A URL that is none, and shards that don't fit together, are errors: somebody has mistyped.
fn open_each<U: AsRef<str>>(urls: &[U]) -> Result<Opened, StoreError> {
	let (mut stores, mut loose, mut failed) = (Vec::new(), Vec::new(), Vec::new());
	for url in urls {
		let url = url.as_ref();
		match (ShardRange::split(url)?, &*joined(url)) {
			(None, _) => match open(url) {
				Ok(store) => stores.push(store),
				Err(error @ StoreError::Url { .. }) => return Err(error),
				Err(error) => failed.push(error),
			},
			(Some(_), [shard]) => loose.push(*shard),
			(Some(_), shards) => stores.extend(open_shards(shards, &mut failed)?),
		}
	}
	if !loose.is_empty() {
		stores.extend(open_shards(&loose, &mut failed)?);
	}
	let mut names = HashSet::new();
	stores.retain(|store| names.insert(store.name().to_owned()));
	Ok(Opened { stores, failed })
}

/// The parts of `00-7f=zdb://…,80-ff=zdb://…`.
fn joined(url: &str) -> Vec<&str> {
	let mut parts = Vec::new();
	let mut rest = url;
	let begins = |text: &str| matches!(ShardRange::split(text), Ok(Some(_)));
	while let Some((comma, _)) = rest.match_indices(',').find(|(at, _)| begins(&rest[at + 1..])) {
		parts.push(&rest[..comma]);
		rest = &rest[comma + 1..];
	}
	parts.push(rest);
	parts
}

/// One store of several shards. `None` when one of them can't be opened: then the others are of no
/// use.
fn open_shards(
	urls: &[&str],
	failed: &mut Vec<StoreError>,
) -> Result<Option<Arc<dyn Store>>, StoreError> {
	let (mut shards, mut seen, mut whole) = (Vec::new(), HashSet::new(), true);
	for url in urls {
		let Some((range, url)) = ShardRange::split(url)? else { continue };
		match open(url) {
			Ok(store) if seen.insert((range, store.name().to_owned())) => {
				shards.push((range, store))
			},
			Ok(_) => {},
			Err(error @ StoreError::Url { .. }) => return Err(error),
			Err(error) => {
				failed.push(error);
				whole = false;
			},
		}
	}
	Ok(match whole {
		true => Some(Arc::new(ShardedStore::new(shards)?)),
		false => None,
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn an_unknown_url_is_an_error_without_its_password() {
		let error = open("ftp://me:secret@host/x").err().unwrap().to_string();
		assert!(error.contains("ftp://***@host/x") && error.contains("dir:///path"), "{error}");
		assert!(!error.contains("secret"));
		assert!(open("plain/path").is_err());
		assert!(open("dir://").is_err());
		assert!(open("00-ff=dir:///tmp/x").is_err());
	}

	#[test]
	fn replicas_and_shards_are_told_apart() {
		let names = |urls: &[&str]| {
			let stores = open_all(urls)?;
			Ok::<_, StoreError>(stores.iter().map(|s| s.name().to_owned()).collect::<Vec<_>>())
		};
		let urls = ["80-ff=zdb://b/n", "redis://:pw@c/1", "00-7f=zdb://:pw@a/n", "zdb://d/n"];
		assert_eq!(
			names(&urls).unwrap(),
			["redis://c:6379/1", "zdb://d:9900/n", "80-ff=zdb://b:9900/n,00-7f=zdb://a:9900/n"]
		);
		assert!(names(&urls[..2]).is_err());
	}

	#[test]
	fn readers_go_on_without_what_can_not_be_opened_and_writers_do_not() {
		let folder = tempfile::tempdir().unwrap();
		let file = folder.path().join("file");
		std::fs::write(&file, b"no folder").unwrap();
		let broken = format!("dir://{}", file.display());
		if open(&broken).is_ok() {
			panic!("a file is opened as a folder");
		}
		let (good, half) = ("zdb://a/n".to_owned(), format!("00-7f={broken}"));
		let readers = |urls: &[&str]| open_replicas(urls).map(|stores| stores.len());
		assert_eq!(readers(&[&broken, &good]).unwrap(), 1);
		assert_eq!(readers(&[&good, &good, "zdb://a:9900/n"]).unwrap(), 1);
		assert_eq!(readers(&[&good, &half, "80-ff=zdb://b/n"]).unwrap(), 1);
		assert_eq!(readers(&[]).unwrap(), 0);
		assert!(readers(&[&broken]).is_err() && readers(&[&half]).is_err());
		assert!(matches!(readers(&[&good, "x"]), Err(StoreError::Url { .. })));
		assert!(matches!(readers(&[&good, "00-7f=zdb://b/n"]), Err(StoreError::Url { .. })));
		// A node remembers its stores by their names, and is started with the same options again.
		let shards = ["00-7f=zdb://:pw@b/n", "80-ff=zdb://c/n,d"];
		let name = open_all(&shards).unwrap()[0].name().to_owned();
		assert_eq!(name, "00-7f=zdb://b:9900/n,80-ff=zdb://c:9900/n,d");
		assert_eq!(readers(&[&name]).unwrap(), 1);
		assert_eq!(readers(&[shards[0], shards[1], &name]).unwrap(), 1);
		assert_eq!(readers(&[shards[0], shards[1], shards[0], &good]).unwrap(), 2);
		assert!(open_all(&[&broken, &good]).is_err());
		assert_eq!(open_all(&[&good, &good]).unwrap().len(), 1);
	}
}
