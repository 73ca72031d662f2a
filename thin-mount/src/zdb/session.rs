//! What a connection is: which namespace it is in, and what it may do.

use super::{
	command,
	connection::{Output, Shared},
	database::{DEFAULT, MAX_NAMESPACE},
	namespace::{Lock, Namespace},
	resp,
};
use bytes::Bytes;
use sha1::{Digest, Sha1};
use std::{io, sync::Arc};

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
	Continue,
	Close,
}

/// An answer: what was appended to the output, or an error in the words of 0-db.
pub(super) type Answer = Result<(), Refusal>;

/// Why a command was not executed.
#[derive(Debug)]
pub(super) enum Refusal {
	/// Said to the client.
	Words(&'static str),
	/// The client can't be answered any more.
	Broken(io::Error),
}

impl From<&'static str> for Refusal {
	fn from(words: &'static str) -> Self {
		Self::Words(words)
	}
}

impl From<io::Error> for Refusal {
	fn from(error: io::Error) -> Self {
		Self::Broken(error)
	}
}

/// One client.
pub(super) struct Session {
	pub shared: Arc<Shared>,
	pub namespace: Arc<Namespace>,
	pub writable: bool,
	pub admin: bool,
	challenge: Option<String>,
}

impl Session {
	pub(super) fn new(shared: Arc<Shared>) -> Self {
		let database = shared.database();
		Self {
			namespace: database.default_namespace(),
			writable: !shared.protect && !database.read_only(),
			admin: shared.admin.is_none(),
			challenge: None,
			shared,
		}
	}

	/// Whether the namespace is there no more, which is then answered.
	fn is_left_without_namespace(&self, out: &mut Vec<u8>) -> bool {
		let removed = self.namespace.is_removed();
		if removed {
			resp::error(out, "Your active namespace is not available anymore (probably removed).");
		}
		removed
	}

	/// Executes SETs that follow one another, and answers them.
	pub(super) async fn execute_sets(
		&mut self,
		requests: &[Vec<Bytes>],
		output: &mut Output<'_>,
	) -> io::Result<Flow> {
		if self.is_left_without_namespace(&mut output.buffer) {
			return Ok(Flow::Close);
		}
		self.shared.stats.executed.add(requests.len() as u64);
		let sets: Vec<&[Bytes]> = requests.iter().map(Vec::as_slice).collect();
		match self.set(&sets, &mut output.buffer).await {
			Ok(()) => {},
			Err(Refusal::Words(words)) => resp::error(&mut output.buffer, words),
			Err(Refusal::Broken(error)) => return Err(error),
		}
		for name in sets.iter().filter_map(|set| command::canonical(set.first()?)) {
			self.namespace.executed(name);
		}
		Ok(Flow::Continue)
	}

	/// Executes one command and answers it.
	pub(super) async fn execute(
		&mut self,
		request: &[Bytes],
		output: &mut Output<'_>,
	) -> io::Result<Flow> {
		if self.is_left_without_namespace(&mut output.buffer) {
			return Ok(Flow::Close);
		}
		let stats = &self.shared.stats;
		let Some(name) = request.first().and_then(|name| command::canonical(name)) else {
			stats.unknown.add(1);
			resp::error(&mut output.buffer, "Command not supported");
			return Ok(Flow::Continue);
		};
		stats.executed.add(1);
		match self.command(name, request, output).await {
			Ok(()) => {},
			Err(Refusal::Words(words)) => resp::error(&mut output.buffer, words),
			Err(Refusal::Broken(error)) => return Err(error),
		}
		self.namespace.executed(name);
		Ok(Flow::Continue)
	}

	/// Refuses all but administrators.
	pub(super) fn require_admin(&self) -> Answer {
		if self.admin {
			return Ok(());
		}
		self.shared.stats.unauthorized.add(1);
		Err("Permission denied".into())
	}

	/// Refuses while the namespace is frozen.
	pub(super) fn require_readable(&self) -> Answer {
		match self.namespace.lock() {
			Lock::Frozen => Err("Namespace is temporarily frozen (read-write disabled)".into()),
			Lock::Open | Lock::Locked => Ok(()),
		}
	}

	/// Refuses those who may not write, and everybody while the namespace is locked or frozen.
	pub(super) fn require_writable(&self) -> Answer {
		if !self.writable {
			return Err("Namespace is in read-only mode".into());
		}
		self.require_readable()?;
		match self.namespace.lock() {
			Lock::Open => Ok(()),
			_ => Err("Namespace is temporarily locked (read-only)".into()),
		}
	}

	/// `AUTH password`, `AUTH SECURE CHALLENGE`, `AUTH SECURE digest`.
	pub(super) fn auth(&mut self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		match request {
			[_, password] => {
				let admin = self.shared.admin.as_ref().ok_or("Authentication disabled")?;
				if password.is_empty() {
					return Err("Invalid argument".into());
				}
				if password.len() > 128 {
					return Err("Password too long".into());
				}
				if !same(password, admin.as_bytes()) {
					return Err("Access denied".into());
				}
				self.admin = true;
				resp::simple(out, "OK");
				Ok(())
			},
			[_, method, digest] => {
				if method.is_empty() || digest.is_empty() {
					return Err("Invalid argument".into());
				}
				if !method.eq_ignore_ascii_case(b"SECURE") {
					return Err("Only SECURE extra method supported".into());
				}
				if digest.eq_ignore_ascii_case(b"CHALLENGE") {
					let challenge = format!("{:016x}", rand::random::<u64>());
					resp::simple(out, &challenge);
					self.challenge = Some(challenge);
					return Ok(());
				}
				let admin = self.shared.admin.clone().ok_or("Authentication disabled")?;
				let granted = self.digest_matches(digest, admin.as_bytes())?;
				// One challenge, one attempt.
				self.challenge = None;
				if !granted {
					return Err("Access denied".into());
				}
				self.admin = true;
				resp::simple(out, "OK");
				Ok(())
			},
			_ => Err("Unexpected arguments".into()),
		}
	}

	/// Whether `digest` is the SHA-1 of the last challenge and this password, in hex.
	fn digest_matches(&self, digest: &[u8], password: &[u8]) -> Result<bool, Refusal> {
		let challenge = self
			.challenge
			.as_ref()
			.ok_or("No CHALLENGE requested, secure authentication not available")?;
		if digest.len() != 40 {
			return Err("Invalid hash length".into());
		}
		let mut hasher = Sha1::new();
		hasher.update(challenge);
		hasher.update(b":");
		hasher.update(password);
		Ok(same(digest, hex::encode(hasher.finalize()).as_bytes()))
	}

	/// `SELECT namespace [password | SECURE digest]`.
	pub(super) fn select(&mut self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		let name = request.get(1).ok_or("Invalid argument")?;
		if name.len() > MAX_NAMESPACE {
			return Err("Namespace too long".into());
		}
		let database = self.shared.database();
		let namespace = database.get(name).ok_or("Namespace not found")?;
		let descriptor = namespace.descriptor();
		let mut writable = true;
		if let Some(expected) = &descriptor.password {
			match &request[2..] {
				[] if descriptor.public => writable = false,
				[] => return Err("Namespace protected and private".into()),
				[password] => {
					if password.len() > 255 {
						return Err("Password too long".into());
					}
					if !same(password, expected) {
						return Err("Access denied".into());
					}
				},
				[method, digest] => {
					if !method.eq_ignore_ascii_case(b"SECURE") {
						return Err("Only SECURE extra method supported".into());
					}
					if !self.digest_matches(digest, expected)? {
						return Err("Access denied".into());
					}
				},
				_ => return Err("Too many arguments".into()),
			}
		}
		self.writable = writable && !database.read_only();
		self.namespace = namespace;
		resp::simple(out, "OK");
		Ok(())
	}

	/// A namespace named by an argument, which `default` is too.
	pub(super) fn named(&self, name: &[u8]) -> Result<Arc<Namespace>, Refusal> {
		if name.len() > MAX_NAMESPACE {
			return Err("Namespace too long".into());
		}
		self.shared.database().get(name).ok_or(Refusal::Words("Namespace not found"))
	}

	/// Refuses names too long for a namespace, and `default` with these words.
	pub(super) fn not_default(name: &[u8], words: &'static str) -> Answer {
		if name.len() > MAX_NAMESPACE {
			return Err("Namespace too long".into());
		}
		if name == DEFAULT {
			return Err(words.into());
		}
		Ok(())
	}
}

/// Whether two secrets are the same, in a time that depends on their lengths alone.
fn same(given: &[u8], expected: &[u8]) -> bool {
	given.len() == expected.len()
		&& given.iter().zip(expected).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}
