//! Redis and Valkey: `redis://[user[:password]@]host[:6379]/db`.

use super::{
	address::Address,
	batch,
	pool::{GreetingError, Pool},
	wire::{Connection, WireError},
	Key, Store, StoreError,
};
use bytes::Bytes;

/// One database of a Redis.
pub struct RedisStore {
	pool: Pool,
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
		Ok(Self { pool: Pool::new(address, greeting) })
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

impl Store for RedisStore {
	fn name(&self) -> &str {
		self.pool.name()
	}

	fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>, StoreError> {
		batch::get_many(&self.pool, keys)
	}

	fn has_many(&self, keys: &[Key]) -> Result<Vec<bool>, StoreError> {
		batch::has_many(&self.pool, keys)
	}

	fn put_many(&self, records: &[(Key, Bytes)]) -> Result<(), StoreError> {
		batch::set_many(&self.pool, records, &["NX"], |_, words| Err(self.pool.said(words)))
	}
}
