//! Redis and Valkey: `redis://[user[:password]@]host[:6379]/db`.

use super::{
	address::Address,
	batch,
	pool::{GreetingError, Pool},
	question,
	wire::{Connection, WireError},
	Key, Listed, OnPage, Question, Store, StoreError,
};
use bytes::Bytes;
use redis::Value;
use std::sync::Arc;

/// One database of a Redis.
pub struct RedisStore {
	pool: Arc<Pool>,
}

impl RedisStore {
	/// Reads the URL. No connection is made before the first call that needs one.
	pub fn new(url: &str) -> Result<Self, StoreError> {
		let address = Address::parse(url, "redis", 6379)?;
		let database: u32 = match address.path.as_str() {
			"" => 0,
			digits => digits.parse().map_err(|_| StoreError::Url {
				url: address.to_string(),
				reason: "a database is a number: redis://host[:6379]/0".into(),
			})?,
		};
		let (user, password) = (address.user.clone(), address.password.clone());
		let greeting = Box::new(move |connection: &mut Connection| {
			greet(connection, database, user.as_deref(), password.as_deref())
		});
		Ok(Self { pool: Pool::new(address, greeting).into() })
	}
}

fn greet(
	connection: &mut Connection,
	database: u32,
	user: Option<&str>,
	password: Option<&str>,
) -> Result<(), GreetingError> {
	if let Some(password) = password {
		let mut auth = redis::cmd("AUTH");
		if let Some(user) = user {
			auth.arg(user);
		}
		auth.arg(password);
		match connection.ask(&auth, 64) {
			Ok(_) => {},
			Err(WireError::Server(words)) => {
				return Err(GreetingError::Refused(format!("the password is no good: {words}")))
			},
			Err(error) => return Err(error.into()),
		}
	}
	connection.ask(redis::cmd("SELECT").arg(database), 64)?;
	Ok(())
}

/// A page of keys, and where the next one begins.
fn keys_from(connection: &mut Connection, cursor: &[u8]) -> Result<(Vec<u8>, Vec<Key>), WireError> {
	let mut scan = redis::cmd("SCAN");
	scan.arg(cursor).arg("COUNT").arg(256);
	let answer = connection.ask(&scan, batch::MAX_VALUE)?;
	let Value::Array(parts) = &answer else { return Err(batch::unexpected("SCAN", &answer)) };
	let [Value::BulkString(next), Value::Array(keys)] = &parts[..] else {
		return Err(batch::unexpected("SCAN", &answer));
	};
	let keys = keys.iter().filter_map(|key| match key {
		Value::BulkString(key) if (1..=batch::MAX_KEY).contains(&key.len()) => {
			Some(Key::copy_from_slice(key))
		},
		_ => None,
	});
	Ok((next.clone(), keys.collect()))
}

impl Store for RedisStore {
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
		batch::set_many(&self.pool, records, &["NX"], |_, words| Err(self.pool.said(words)))
	}

	fn scan(&self, page: OnPage<'_>) -> Result<(), StoreError> {
		let mut cursor = b"0".to_vec();
		loop {
			let (next, keys) = self.pool.with(|connection| keys_from(connection, &cursor))?;
			// What is no string is none of ours, and neither is a key that no store could have.
			let lengths = batch::ask_each(&self.pool, "STRLEN", &keys)?;
			let listed = keys.iter().zip(lengths).filter_map(|(key, length)| match length {
				Ok(Value::Int(length)) => {
					let size = u64::try_from(length).unwrap_or(0);
					Some(Listed { key: key.clone(), size, stored: None })
				},
				_ => None,
			});
			page(listed.collect())?;
			if next == b"0" {
				return Ok(());
			}
			cursor = next;
		}
	}

	fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
		batch::delete_many(&self.pool, keys, |words| Err(self.pool.said(words)))
	}
}
