//! Commands on keys and values.

use super::exactly;
use crate::zdb::{
	connection::Output,
	files::Kind,
	format,
	keymap::Location,
	namespace::{Half, Put, Removed, Stored},
	resp,
	segment::{is_sound, WriteError},
	session::{Answer, Refusal, Session},
	MAX_KEY,
};
use bytes::Bytes;
use std::io;

impl Session {
	/// The key of a command that takes nothing else.
	fn only_key<'a>(&self, request: &'a [Bytes]) -> Result<&'a [u8], Refusal> {
		let [_, key] = exactly::<2>(request)?;
		if key.len() > MAX_KEY {
			return Err("Invalid key".into());
		}
		self.require_readable()?;
		Ok(key)
	}

	/// Where the value of such a key lies.
	fn only_location(&self, request: &[Bytes]) -> Result<Option<Location>, Refusal> {
		Ok(self.namespace.map().get(self.only_key(request)?))
	}

	pub(super) async fn get(&self, request: &[Bytes], output: &mut Output<'_>) -> Answer {
		let key = self.only_key(request)?;
		Ok(self.answer_value(key, output).await?)
	}

	async fn answer_value(&self, key: &[u8], output: &mut Output<'_>) -> io::Result<()> {
		match self.namespace.map().get(key) {
			Some(location) => output.value(&self.namespace, key, location).await,
			None => {
				resp::nil(&mut output.buffer);
				Ok(())
			},
		}
	}

	pub(super) async fn mget(&self, request: &[Bytes], output: &mut Output<'_>) -> Answer {
		let keys = &request[1..];
		if keys.is_empty() {
			return Err("Invalid arguments".into());
		}
		if keys.iter().any(|key| key.len() > MAX_KEY) {
			return Err("Invalid key".into());
		}
		self.require_readable()?;
		resp::array(&mut output.buffer, keys.len());
		for key in keys {
			self.answer_value(key, output).await?;
			output.relieve().await?;
		}
		Ok(())
	}

	/// The time in a command that sets it, which administrators may.
	fn given_time(time: &[u8]) -> Result<u32, Refusal> {
		let time = std::str::from_utf8(time).ok().and_then(|time| time.parse().ok());
		time.ok_or(Refusal::Words("Invalid argument"))
	}

	/// What a SET asks for.
	fn put(&self, request: &[Bytes]) -> Result<Put, Refusal> {
		let (key, value, time) = match request {
			[_, key, value] => (key, value, None),
			[_, key, value, time] => {
				self.require_admin()?;
				(key, value, Some(time))
			},
			_ => return Err("Unexpected arguments".into()),
		};
		if key.len() > MAX_KEY {
			return Err("Key too large".into());
		}
		self.require_writable()?;
		let time = time.map(|time| Self::given_time(time)).transpose()?;
		let crc = format::checksum(value);
		Ok(Put { key: key.clone(), value: value.clone(), crc, time })
	}

	/// SETs that follow one another: stored together, answered one by one.
	pub(in crate::zdb) async fn set(&self, requests: &[&[Bytes]], out: &mut Vec<u8>) -> Answer {
		let mut puts = Vec::with_capacity(requests.len());
		let mut refused = Vec::with_capacity(requests.len());
		for request in requests {
			match self.put(request) {
				Ok(put) => {
					puts.push(put);
					refused.push(None);
				},
				Err(refusal) => refused.push(Some(refusal)),
			}
		}
		let mut stored = match puts.is_empty() {
			true => Vec::new(),
			false => self.namespace.set(puts).await,
		}
		.into_iter();
		for (request, refused) in requests.iter().zip(refused) {
			let answered = match refused {
				Some(refusal) => Err(refusal),
				None => answer_stored(request, stored.next(), out),
			};
			match answered {
				Ok(()) => {},
				Err(Refusal::Words(words)) => resp::error(out, words),
				Err(broken) => return Err(broken),
			}
		}
		Ok(())
	}

	pub(super) async fn del(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		let (key, time) = match request {
			[_, key, time] => {
				self.require_admin()?;
				(key, Some(Self::given_time(time)?))
			},
			_ => (&exactly::<2>(request)?[1], None),
		};
		if key.len() > MAX_KEY {
			return Err("Invalid key".into());
		}
		self.require_writable()?;
		match self.namespace.delete(key, time).await {
			Ok(Removed::Yes) => {
				resp::simple(out, "OK");
				Ok(())
			},
			Ok(Removed::NotFound) => Err("Key not found".into()),
			Ok(Removed::Worm) => Err("Cannot delete a key when namespace is in worm mode".into()),
			Err(error) => Err(match error {
				WriteError::Data(_) => "Cannot delete key (data)",
				WriteError::Index(_) => "Cannot delete key (index)",
			}
			.into()),
		}
	}

	pub(super) fn exists(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		let present = self.only_location(request)?.is_some();
		resp::integer(out, u64::from(present));
		Ok(())
	}

	pub(super) fn length(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		match self.only_location(request)? {
			Some(location) => resp::integer(out, u64::from(location.length)),
			None => resp::nil(out),
		}
		Ok(())
	}

	pub(super) fn keytime(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		match self.only_location(request)? {
			Some(location) => resp::integer(out, u64::from(location.time)),
			None => resp::nil(out),
		}
		Ok(())
	}

	/// `CHECK key`: reads the value and tests its checksum, and that it is this key's.
	pub(super) fn check(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		let key = self.only_key(request)?;
		let Some(location) = self.namespace.map().get(key) else {
			resp::nil(out);
			return Ok(());
		};
		let checked = tokio::task::block_in_place(|| {
			let file = self.namespace.file(Kind::Data, location.file)?;
			self.shared.stats.data.read.add(u64::from(location.length));
			is_sound(&file, key, location)
		});
		match checked {
			Ok(sound) => resp::integer(out, u64::from(sound)),
			// What 0-db says of a value it can't read.
			Err(error) => {
				let folder = self.namespace.folders.data.display();
				tracing::error!(%folder, file = location.file, %error, "can't read a value");
				out.extend_from_slice(b":-1\r\n");
			},
		}
		Ok(())
	}
}

/// Answers a SET that was tried.
fn answer_stored(request: &[Bytes], stored: Option<Stored>, out: &mut Vec<u8>) -> Answer {
	let words = match stored {
		Some(Stored::Yes) => {
			resp::bulk(out, request.get(1).map_or(&[][..], |key| key));
			return Ok(());
		},
		Some(Stored::Identical) => {
			resp::nil(out);
			return Ok(());
		},
		Some(Stored::Worm) => "Namespace is protected by worm mode",
		Some(Stored::NoKey) => "Invalid argument, key needed",
		Some(Stored::NoSpace) => "No space left on this namespace",
		Some(Stored::Failed(Half::Index)) => "Cannot write index right now",
		Some(Stored::Failed(Half::Data)) | None => "Cannot write data right now",
	};
	Err(words.into())
}
