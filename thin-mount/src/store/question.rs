//! A question on its way to a server, that can be left to another thread when the answer takes long.

use super::{
	batch,
	pool::{Held, Pool},
	wire::{Values, WireError},
	Key, Question, StoreError,
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};

/// Values of chunks, asked for on a connection that was there.
pub(super) struct Asked {
	pool: Arc<Pool>,
	keys: Vec<Key>,
	/// `None` when the connection turned out to be of no use. It may have been for long.
	sent: Option<(Held, Values)>,
}

/// Asks at once, or not at all: `None` when there is no connection to ask on, or when it is no
/// question of this kind.
pub(super) fn ask(pool: &Arc<Pool>, keys: &[Key]) -> Option<Box<dyn Question>> {
	let values = batch::values_of(keys)?;
	let mut held = pool.idle()?;
	let sent = match held.connection.send_as_patient(&batch::mget(keys)) {
		Ok(()) => Some((held, values)),
		Err(error) => {
			pool.is_stale(&error.to_string());
			None
		},
	};
	Some(Box::new(Asked { pool: pool.clone(), keys: keys.to_vec(), sent }))
}

impl Asked {
	/// `None` when not all has come in this time, or when it has to be asked anew.
	fn read(&mut self, limit: Duration) -> Option<Result<Vec<Option<Bytes>>, StoreError>> {
		let (mut held, mut values) = self.sent.take()?;
		match held.connection.wait_for(&mut values, limit) {
			Ok(true) => {
				held.give_back();
				Some(Ok(values.into_vec()))
			},
			Ok(false) => {
				self.sent = Some((held, values));
				None
			},
			Err(WireError::Server(words)) => {
				held.give_back();
				Some(Err(self.pool.said(words)))
			},
			Err(WireError::Broken(reason)) => {
				self.pool.is_stale(&reason);
				None
			},
		}
	}
}

impl Question for Asked {
	fn wait(&mut self, limit: Duration) -> Option<Result<Vec<Option<Bytes>>, StoreError>> {
		self.read(limit)
	}

	fn finish(mut self: Box<Self>) -> Result<Vec<Option<Bytes>>, StoreError> {
		// As long as any answer may take. Then, or when that has broken, on a new connection.
		match self.read(Duration::MAX) {
			Some(answer) => answer,
			None => {
				drop(self.sent.take());
				batch::get_many(&self.pool, &self.keys)
			},
		}
	}
}

#[cfg(test)]
mod tests {
	use crate::{
		chunk::ChunkId,
		store::{Key, Store, StoreError, ZdbStore},
	};
	use bytes::Bytes;
	use std::{
		io::{Read, Write},
		net::{TcpListener, TcpStream},
		sync::mpsc::{channel, Receiver, Sender},
		time::Duration,
	};

	const SOON: Duration = Duration::from_millis(30);
	const LATE: Duration = Duration::from_secs(60);

	/// What the server does after it was asked for something.
	enum Act {
		Say(&'static [u8]),
		/// Waits for the next command.
		Hear,
		Close,
	}

	/// A server that does as it is told, and its store, with one connection that is idle.
	fn told() -> (ZdbStore, Sender<Act>) {
		let listener = TcpListener::bind("127.0.0.1:0").unwrap();
		let store = ZdbStore::new(&format!("zdb://{}/ns", listener.local_addr().unwrap())).unwrap();
		let (acts, told) = channel();
		std::thread::spawn(move || while let Ok(()) = serve(&listener, &told) {});
		acts.send(Act::Say(b"*1\r\n$-1\r\n")).unwrap();
		assert!(store.ask(&[key()]).is_none(), "a connection has to be made first");
		assert_eq!(store.get_many(&[key()]).unwrap(), [None]);
		(store, acts)
	}

	/// One connection. An error when there is nothing more to do.
	fn serve(listener: &TcpListener, told: &Receiver<Act>) -> Result<(), ()> {
		let mut stream = listener.accept().map_err(drop)?.0;
		hear(&mut stream);
		stream.write_all(b"+OK\r\n").unwrap();
		hear(&mut stream);
		loop {
			match told.recv().map_err(drop)? {
				Act::Say(words) => stream.write_all(words).unwrap(),
				Act::Hear => hear(&mut stream),
				Act::Close => return Ok(()),
			}
		}
	}

	/// A command, which comes in one piece.
	fn hear(stream: &mut TcpStream) {
		let _ = stream.read(&mut [0; 4_096]).unwrap();
	}

	fn key() -> Key {
		Bytes::copy_from_slice(&ChunkId::of(b"key").0)
	}

	#[test]
	fn an_answer_is_waited_for_in_as_many_goes_as_it_takes() {
		let (store, acts) = told();
		acts.send(Act::Hear).unwrap();
		let mut question = store.ask(&[key(), key()]).unwrap();
		assert!(store.ask(&[key()]).is_none(), "no second connection is made for it");
		assert!(question.wait(SOON).is_none());
		for piece in [&b"*"[..], b"2\r\n$5\r", b"\nab", b"cde", b"\r", b"\n$-", b"1\r\n"] {
			assert!(question.wait(Duration::ZERO).is_none());
			acts.send(Act::Say(piece)).unwrap();
		}
		let values = question.wait(LATE).unwrap().unwrap();
		assert_eq!(values, [Some(Bytes::from_static(b"abcde")), None]);
		// The connection is of use again, and so is the usual way.
		acts.send(Act::Hear).unwrap();
		acts.send(Act::Say(b"*1\r\n$1\r\nx\r\n")).unwrap();
		let question = store.ask(&[key()]).unwrap();
		assert_eq!(question.finish().unwrap(), [Some(Bytes::from_static(b"x"))]);
		acts.send(Act::Hear).unwrap();
		acts.send(Act::Say(b"*1\r\n$-1\r\n")).unwrap();
		assert_eq!(store.get_many(&[key()]).unwrap(), [None]);
	}

	#[test]
	fn what_the_server_says_no_to_is_an_error() {
		let (store, acts) = told();
		acts.send(Act::Hear).unwrap();
		acts.send(Act::Say(b"-No\r\n")).unwrap();
		let answer = store.ask(&[key()]).unwrap().wait(LATE).unwrap();
		assert!(matches!(answer, Err(StoreError::Refused { .. })), "{answer:?}");
		assert!(store.ask(&[key()]).is_some(), "the connection lives on");
	}

	#[test]
	fn a_connection_that_has_broken_is_made_again_by_who_can_wait() {
		for broken in [&b""[..], b"*1\r\n$3\r\nab", b"*1\r\n$99999999\r\n", b"*2\r\n", b"+OK\r\n"] {
			let (store, acts) = told();
			acts.send(Act::Hear).unwrap();
			acts.send(Act::Say(broken)).unwrap();
			acts.send(Act::Close).unwrap();
			let mut question = store.ask(&[key()]).unwrap();
			assert!(question.wait(LATE).is_none(), "{broken:?}");
			acts.send(Act::Say(b"*1\r\n$1\r\nx\r\n")).unwrap();
			assert_eq!(question.finish().unwrap(), [Some(Bytes::from_static(b"x"))]);
		}
	}

	#[test]
	fn only_chunks_are_asked_for_this_way_and_not_too_many() {
		let (store, _acts) = told();
		assert!(store.ask(&[]).is_none());
		assert!(store.ask(&[Bytes::from_static(b"a name")]).is_none());
		assert!(store.ask(&vec![key(); 65]).is_none());
		assert!(store.ask(&vec![key(); 64]).is_some());
	}
}
