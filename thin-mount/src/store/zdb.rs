//! 0-db: `zdb://[user[:password]@]host[:9900]/namespace`.

use super::{
	address::Address,
	batch,
	pool::{GreetingError, Pool},
	question, records_of,
	wire::{Connection, WireError},
	Key, Listed, OnPage, Question, Store, StoreError,
};
use crate::{chunk::ChunkId, value};
use bytes::Bytes;
use redis::Value;
use sha1::{Digest, Sha1};
use std::{
	collections::HashSet,
	sync::Arc,
	time::{Duration, UNIX_EPOCH},
};

const MAX_NAMESPACE: usize = 128;

/// One namespace of a 0-db.
pub struct ZdbStore {
	pool: Arc<Pool>,
}

impl ZdbStore {
	/// Reads the URL. No connection is made before the first call that needs one.
	pub fn new(url: &str) -> Result<Self, StoreError> {
		let address = Address::parse(url, "zdb", 9900)?;
		let refuse = |reason: String| StoreError::Url { url: address.to_string(), reason };
		let namespace = address.path.clone();
		if namespace.is_empty() {
			return Err(refuse("the namespace is missing: zdb://host[:9900]/namespace".into()));
		}
		if namespace.len() > MAX_NAMESPACE || namespace.contains('/') {
			let reason = format!("a namespace has at most {MAX_NAMESPACE} bytes and no slash");
			return Err(refuse(reason));
		}
		let password = address.password.clone();
		let greeting = Box::new(move |connection: &mut Connection| {
			select(connection, &namespace, password.as_deref())
		});
		Ok(Self { pool: Pool::new(address, greeting).into() })
	}

	/// A namespace in worm mode refuses every second `SET`, also one that changes nothing: that
	/// happens when two processes store the same chunk at once. They may have compressed it in
	/// different ways.
	fn settle(&self, (key, value): &(Key, Bytes), words: String) -> Result<(), StoreError> {
		if !words.contains("worm mode") {
			return Err(self.pool.said(words));
		}
		match batch::get_many(&self.pool, std::slice::from_ref(key))?.pop().flatten() {
			Some(stored) if stored == value => Ok(()),
			Some(stored) if is_chunk(key, &stored) => Ok(()),
			_ => {
				let key = hex::encode(key);
				Err(self.pool.refused(format!("{words}, and key {key} holds other bytes")))
			},
		}
	}
}

fn is_chunk(key: &Key, value: &Bytes) -> bool {
	let id = <[u8; 32]>::try_from(key.as_ref()).map(ChunkId);
	id.is_ok_and(|id| value::decode(id, value.clone()).is_ok())
}

fn select(
	connection: &mut Connection,
	namespace: &str,
	password: Option<&str>,
) -> Result<(), GreetingError> {
	let mut select = redis::cmd("SELECT");
	select.arg(namespace);
	if let Some(password) = password {
		let mut ask = redis::cmd("AUTH");
		ask.arg("SECURE").arg("CHALLENGE");
		let challenge = match connection.ask(&ask, 64)? {
			Value::SimpleString(text) => text,
			Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
			_ => return Err(WireError::Broken("AUTH gave no challenge".into()).into()),
		};
		let digest = Sha1::digest(format!("{challenge}:{password}"));
		select.arg("SECURE").arg(hex::encode(digest));
	}
	match connection.ask(&select, 64) {
		Ok(_) => Ok(()),
		Err(WireError::Server(words)) if words == "Namespace not found" => {
			let advice = "an administrator of the 0-db makes one with NSNEW";
			Err(GreetingError::Refused(format!("there is no namespace '{namespace}': {advice}")))
		},
		Err(WireError::Server(words)) if words == "Access denied" => {
			let reason = format!("the password of namespace '{namespace}' is another one");
			Err(GreetingError::Refused(reason))
		},
		Err(WireError::Server(words)) if words.contains("protected and private") => {
			let advice = "give its password in the URL, as in zdb://:PASSWORD@host/namespace";
			Err(GreetingError::Refused(format!("namespace '{namespace}' is private: {advice}")))
		},
		Err(error) => Err(error.into()),
	}
}

/// Values, and the cursor behind them.
type Page = (Vec<u8>, Vec<Listed>);

/// A page of values. `None` at the end.
fn page_from(
	connection: &mut Connection,
	cursor: Option<&[u8]>,
) -> Result<Option<Page>, WireError> {
	/// The most values that a 0-db lists at once.
	const PAGE: usize = 1_024;
	let mut scan = redis::cmd("SCANX");
	if let Some(cursor) = cursor {
		scan.arg(cursor);
	}
	let answer = match connection.ask(&scan, (PAGE + 1) * batch::MAX_KEY) {
		Err(WireError::Server(words)) if words == "No more data" => return Ok(None),
		answer => answer?,
	};
	let Value::Array(parts) = &answer else { return Err(batch::unexpected("SCANX", &answer)) };
	let [Value::BulkString(next), Value::Array(entries)] = &parts[..] else {
		return Err(batch::unexpected("SCANX", &answer));
	};
	let listed = entries.iter().map(|entry| match entry {
		Value::Array(fields) => match &fields[..] {
			[Value::BulkString(key), Value::Int(size), Value::Int(time)] => Ok(Listed {
				key: Key::copy_from_slice(key),
				size: u64::try_from(*size).unwrap_or(0),
				stored: u64::try_from(*time)
					.ok()
					.and_then(|time| UNIX_EPOCH.checked_add(Duration::from_secs(time))),
			}),
			_ => Err(batch::unexpected("SCANX", entry)),
		},
		_ => Err(batch::unexpected("SCANX", entry)),
	});
	Ok(Some((next.clone(), listed.collect::<Result<_, _>>()?)))
}

impl Store for ZdbStore {
	fn name(&self) -> &str {
		self.pool.name()
	}

	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
		batch::get_many(&self.pool, keys)
	}

	fn ask(&self, keys: &[Key]) -> Option<Box<dyn Question>> {
		question::ask(&self.pool, keys)
	}

	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		batch::has_many(&self.pool, keys)
	}

	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		let keys: Vec<Key> = records.iter().map(|(key, _)| key.clone()).collect();
		let present = self.has_many(&keys)?;
		let mut seen = HashSet::new();
		let absent: Vec<_> = records
			.iter()
			.zip(present)
			.filter(|((key, _), present)| !present && seen.insert(key.clone()))
			.map(|(record, _)| record.clone())
			.collect();
		batch::set_many(&self.pool, &absent, &[], |record, words| self.settle(record, words))
	}

	/// Without another `EXISTS`: a `SET` of a chunk that has come meanwhile is answered with nil, or
	/// makes another encoding of it the newest, or is refused in worm mode, which is settled.
	fn put_chunks(&self, chunks: &[(ChunkId, Bytes)]) -> Result<(), StoreError> {
		let settle = |record: &_, words| self.settle(record, words);
		batch::set_many(&self.pool, &records_of(chunks), &[], settle)
	}

	fn scan(&self, page: OnPage<'_>) -> Result<(), StoreError> {
		let mut cursor: Option<Vec<u8>> = None;
		while let Some((next, listed)) =
			self.pool.with(|connection| page_from(connection, cursor.as_deref()))?
		{
			page(listed)?;
			if cursor.as_ref() == Some(&next) {
				return Err(self.pool.unreachable("its scan does not get on".into()));
			}
			cursor = Some(next);
		}
		Ok(())
	}

	fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
		batch::delete_many(&self.pool, keys, |words| match words.as_str() {
			"Key not found" => Ok(()),
			worm if worm.contains("worm mode") => Err(self.pool.refused(format!(
				"{words}: it keeps everything; what shall stay can be packed into a new namespace"
			))),
			_ => Err(self.pool.said(words)),
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn urls_are_checked_before_anything_is_connected() {
		assert_eq!(ZdbStore::new("zdb://u:pw@h/ns").unwrap().name(), "zdb://h:9900/ns");
		for bad in ["zdb://h", "zdb://h/", "zdb://h/a/b", "redis://h/0", "zdb:///ns", "x"] {
			assert!(matches!(ZdbStore::new(bad), Err(StoreError::Url { .. })), "{bad}");
		}
		let long = format!("zdb://h/{}", "n".repeat(129));
		assert!(ZdbStore::new(&long).is_err());
	}
}
