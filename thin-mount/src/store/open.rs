//! Opening stores by their URLs: one arm per kind.

use super::{
	address::redacted, dir::DirStore, RedisStore, ShardRange, ShardedStore, Store, StoreError,
	ZdbStore,
};
use std::sync::Arc;

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
/// a range, as in `00-7f=zdb://…`, are the shards of one more, and must hold every key once.
pub fn open_all<U: AsRef<str>>(urls: &[U]) -> Result<Vec<Arc<dyn Store>>, StoreError> {
	let (mut replicas, mut shards) = (Vec::new(), Vec::new());
	for url in urls {
		match ShardRange::split(url.as_ref())? {
			Some((range, url)) => shards.push((range, open(url)?)),
			None => replicas.push(open(url.as_ref())?),
		}
	}
	if !shards.is_empty() {
		replicas.push(Arc::new(ShardedStore::new(shards)?));
	}
	Ok(replicas)
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
}
