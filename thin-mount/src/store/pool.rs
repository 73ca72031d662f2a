//! A bounded set of connections to one server, each of them greeted before its first use.

use super::{
	wire::{Connection, WireError},
	Address, StoreError,
};
use parking_lot::{Condvar, Mutex};
use std::{ops::Deref, sync::Arc, time::Duration};

/// How many connections one store uses at most.
pub(super) const CONNECTIONS: usize = 8;
/// How long a caller waits for a connection that others use.
const WAIT: Duration = Duration::from_secs(30);

/// What is said on a new connection: credentials, and which namespace to use. It is said again on
/// every connection, since a server puts a reconnected client where clients start.
pub(super) type Greeting = Box<dyn Fn(&mut Connection) -> Result<(), GreetingError> + Send + Sync>;

/// Why a connection is of no use.
pub(super) enum GreetingError {
	Wire(WireError),
	/// The server refuses; the text says what to do.
	Refused(String),
}

impl From<WireError> for GreetingError {
	fn from(error: WireError) -> Self {
		Self::Wire(error)
	}
}

pub(super) struct Pool {
	name: String,
	address: Address,
	greeting: Greeting,
	state: Mutex<State>,
	returned: Condvar,
}

#[derive(Default)]
struct State {
	idle: Vec<Connection>,
	in_use: usize,
}

/// Gives the place in the pool back, whatever happened in between.
struct Place<P: Deref<Target = Pool>>(P);

impl<P: Deref<Target = Pool>> Drop for Place<P> {
	fn drop(&mut self) {
		self.0.state.lock().in_use -= 1;
		self.0.returned.notify_one();
	}
}

/// A connection that is used across calls, and its place in the pool. One that is not given back
/// is closed.
pub(super) struct Held {
	pub(super) connection: Connection,
	place: Place<Arc<Pool>>,
}

impl Held {
	/// For the next who needs one.
	pub(super) fn give_back(self) {
		let Self { connection, place } = self;
		place.0.state.lock().idle.push(connection);
	}
}

impl Pool {
	pub(super) fn new(address: Address, greeting: Greeting) -> Self {
		Self {
			name: address.to_string(),
			address,
			greeting,
			state: Mutex::default(),
			returned: Condvar::new(),
		}
	}

	pub(super) fn name(&self) -> &str {
		&self.name
	}

	/// Does `work` on a connection. When a connection that was idle turns out to be broken, the
	/// work is done again on a new one, so it must be of a kind that can be done twice.
	pub(super) fn with<T>(
		&self,
		work: impl Fn(&mut Connection) -> Result<T, WireError>,
	) -> Result<T, StoreError> {
		let (place, idle) = self.place()?;
		if let Some(mut connection) = idle {
			match work(&mut connection) {
				Err(WireError::Broken(reason)) => self.is_stale(&reason),
				result => return self.finish(place, connection, result),
			}
		}
		let mut connection = self.connect()?;
		let result = work(&mut connection);
		self.finish(place, connection, result)
	}

	/// A connection that is there and not used. `None` when there is none: nobody is waited for.
	pub(super) fn idle(self: &Arc<Self>) -> Option<Held> {
		let mut state = self.state.lock();
		if state.in_use >= CONNECTIONS {
			return None;
		}
		let connection = state.idle.pop()?;
		state.in_use += 1;
		Some(Held { connection, place: Place(self.clone()) })
	}

	/// A connection that was idle is of no use.
	pub(super) fn is_stale(&self, reason: &str) {
		// The server may have gone and come back: the others are as old.
		self.state.lock().idle.clear();
		tracing::debug!(store = self.name, reason, "connecting again");
	}

	fn finish<T>(
		&self,
		place: Place<&Pool>,
		connection: Connection,
		result: Result<T, WireError>,
	) -> Result<T, StoreError> {
		if !matches!(result, Err(WireError::Broken(_))) {
			self.state.lock().idle.push(connection);
		}
		drop(place);
		result.map_err(|error| match error {
			WireError::Broken(reason) => self.unreachable(reason),
			WireError::Server(words) => self.said(words),
		})
	}

	fn place(&self) -> Result<(Place<&Pool>, Option<Connection>), StoreError> {
		let mut state = self.state.lock();
		while state.in_use >= CONNECTIONS {
			if self.returned.wait_for(&mut state, WAIT).timed_out() && state.in_use >= CONNECTIONS {
				return Err(self.unreachable(format!("all {CONNECTIONS} connections are busy")));
			}
		}
		state.in_use += 1;
		let idle = state.idle.pop();
		Ok((Place(self), idle))
	}

	fn connect(&self) -> Result<Connection, StoreError> {
		let mut connection = Connection::open(&self.address.host, self.address.port)
			.map_err(|error| self.unreachable(error.to_string()))?;
		(self.greeting)(&mut connection).map_err(|error| match error {
			GreetingError::Wire(WireError::Broken(reason)) => self.unreachable(reason),
			GreetingError::Wire(WireError::Server(words)) => self.said(words),
			GreetingError::Refused(reason) => {
				StoreError::Refused { store: self.name.clone(), reason }
			},
		})?;
		Ok(connection)
	}

	pub(super) fn unreachable(&self, reason: String) -> StoreError {
		StoreError::Unreachable { store: self.name.clone(), reason }
	}

	pub(super) fn refused(&self, reason: String) -> StoreError {
		StoreError::Refused { store: self.name.clone(), reason }
	}

	/// What an error that a server reports means.
	pub(super) fn said(&self, words: String) -> StoreError {
		let store = self.name.clone();
		let temporary = ["LOADING", "BUSY", "TRYAGAIN", "MASTERDOWN"];
		if words.starts_with("No space left") || words.starts_with("OOM ") {
			StoreError::Full { store, reason: words }
		} else if temporary.iter().any(|code| words.starts_with(code)) {
			StoreError::Unreachable { store, reason: words }
		} else if words.contains("read-only") || words.starts_with("READONLY") {
			let advice = "give the password of the namespace in the URL, as in zdb://:PASSWORD@…";
			StoreError::Refused { store, reason: format!("{words}: to write, {advice}") }
		} else {
			StoreError::Refused { store, reason: words }
		}
	}
}
