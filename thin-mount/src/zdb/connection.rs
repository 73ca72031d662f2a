//! Bytes in, bytes out: one task per connection.

use super::{
	database::Database,
	files::Kind,
	format::DATA_ENTRY,
	keymap::Location,
	namespace::Namespace,
	resp::{self, RequestParser},
	session::{Flow, Session},
	stats::Stats,
	Limits, ServerOptions,
};
use bytes::BytesMut;
use std::{
	io::{self, IoSliceMut},
	os::unix::fs::FileExt,
	sync::Arc,
	time::{Duration, Instant, SystemTime},
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::{
		tcp::{ReadHalf, WriteHalf},
		TcpStream,
	},
	sync::{watch, OwnedSemaphorePermit, Semaphore},
	time::{timeout, timeout_at},
};

/// Bytes a connection may have received and not executed, unless one command is larger.
const RECEIVE: usize = 256 * 1024;
/// Bytes asked of the socket at once, at least.
const RECEIVE_STEP: usize = 64 * 1024;
/// Bytes of answers that are held back so that they leave in one write.
const REPLY: usize = 256 * 1024;
/// Bytes of a refused client that are read and thrown away, so that it can read why.
const DRAIN: usize = 32 * 1024 * 1024;

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct Shared {
	database: Database,
	pub admin: Option<String>,
	pub protect: bool,
	pub instance: u32,
	pub started: Instant,
	pub boot: SystemTime,
	pub stats: Arc<Stats>,
	limits: Limits,
	large: Arc<Semaphore>,
	stopping: watch::Receiver<bool>,
}

impl Shared {
	pub(super) fn new(
		database: Database,
		options: &ServerOptions,
		stopping: watch::Receiver<bool>,
	) -> Self {
		Self {
			admin: options.admin.clone(),
			protect: options.protect,
			instance: rand::random::<u32>() >> 2 | 1,
			started: Instant::now(),
			boot: SystemTime::now(),
			stats: database.stats(),
			database,
			limits: options.limits.clone(),
			large: Arc::new(Semaphore::new(options.limits.large_requests.max(1))),
			stopping,
		}
	}

	pub(super) fn database(&self) -> &Database {
		&self.database
	}

	pub(super) fn stopping(&self) -> watch::Receiver<bool> {
		self.stopping.clone()
	}
}

/// Answers that are on their way to a client.
pub(super) struct Output<'a> {
	stream: WriteHalf<'a>,
	shared: &'a Shared,
	/// What is not sent yet.
	pub buffer: Vec<u8>,
}

impl Output<'_> {
	/// Sends everything.
	pub(super) async fn flush(&mut self) -> io::Result<()> {
		let mut sent = 0;
		while sent < self.buffer.len() {
			let write = self.stream.write(&self.buffer[sent..]);
			match timeout(self.shared.limits.reply_time, write).await {
				Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
				Ok(Ok(written)) => sent += written,
				Ok(Err(error)) => return Err(error),
				Err(_) => return Err(io::ErrorKind::TimedOut.into()),
			}
		}
		self.shared.stats.sent.add(sent as u64);
		self.buffer.clear();
		Ok(())
	}

	/// Sends what there is if it is much.
	pub(super) async fn relieve(&mut self) -> io::Result<()> {
		if self.buffer.len() >= REPLY {
			self.flush().await?;
		}
		Ok(())
	}

	/// Answers a stored value. An error means that the client can't be answered any more.
	pub(super) async fn value(
		&mut self,
		namespace: &Namespace,
		key: &[u8],
		location: Location,
	) -> io::Result<()> {
		let stats = &self.shared.stats;
		let begin = self.buffer.len();
		let length = location.length as usize;
		let mut offset = u64::from(location.offset) + (DATA_ENTRY + key.len()) as u64;
		resp::bulk_header(&mut self.buffer, length);
		let mut left = length;
		while left > 0 {
			let piece = left.min(REPLY);
			let start = self.buffer.len();
			self.buffer.resize(start + piece, 0);
			let read = namespace
				.file(Kind::Data, location.file)
				.and_then(|file| read_at(&file, &mut self.buffer[start..], offset));
			if let Err(error) = read {
				stats.data.read_failed.add(1);
				tracing::error!(
					data = %namespace.folders.data_file(location.file).display(),
					offset,
					%error,
					"can't read a value"
				);
				if left < length {
					// The client was promised more bytes: there is no way to say it any more.
					return Err(error);
				}
				self.buffer.truncate(begin);
				resp::error(&mut self.buffer, "Internal Error");
				return Ok(());
			}
			offset += piece as u64;
			left -= piece;
			if left > 0 {
				self.relieve().await?;
			}
		}
		self.buffer.extend_from_slice(b"\r\n");
		stats.data.read.add(length as u64);
		Ok(())
	}
}

/// Fills the buffer from the file. What is in memory is read right here; for the rest this thread
/// hands its other work to another one.
fn read_at(file: &std::fs::File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
	let at_once = rustix::io::preadv2(
		file,
		&mut [IoSliceMut::new(buffer)],
		offset,
		rustix::io::ReadWriteFlags::NOWAIT,
	);
	// Errors too: they show again if they are more than "not in memory" or "not supported".
	let read = at_once.unwrap_or(0);
	if read == buffer.len() {
		return Ok(());
	}
	tokio::task::block_in_place(|| file.read_exact_at(&mut buffer[read..], offset + read as u64))
}

/// Tells a client that there is no room for it.
pub(super) fn refuse(stream: TcpStream) {
	// A new socket has room for this, and if not, closing says the same.
	let _ = stream.try_write(b"-Too many connections, try again later\r\n");
}

/// Serves one client until it leaves, misbehaves, or the server stops.
pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
	shared.stats.clients.add(1);
	if let Err(error) = stream.set_nodelay(true) {
		tracing::debug!(%error, "could not set TCP_NODELAY");
	}
	let keepalive = rustix::net::sockopt::set_socket_keepalive(&stream, true);
	if let Err(error) = keepalive {
		tracing::debug!(%error, "could not set SO_KEEPALIVE");
	}
	let (read, write) = stream.split();
	let mut connection = Connection {
		read,
		output: Output { stream: write, shared: &shared, buffer: Vec::new() },
		shared: &shared,
		session: Session::new(shared.clone()),
		input: BytesMut::new(),
		parser: RequestParser::default(),
		large: None,
	};
	if let Err(error) = connection.run().await {
		tracing::debug!(%error, "a connection ended");
	}
}

struct Connection<'a> {
	read: ReadHalf<'a>,
	output: Output<'a>,
	shared: &'a Shared,
	session: Session,
	input: BytesMut,
	parser: RequestParser,
	/// Held while more than [`RECEIVE`] bytes may be received.
	large: Option<OwnedSemaphorePermit>,
}

impl Connection<'_> {
	async fn run(&mut self) -> io::Result<()> {
		let mut stopping = self.shared.stopping();
		let mut deadline = None;
		loop {
			match self.parser.next(&mut self.input) {
				Ok(Some(request)) => {
					deadline = None;
					let flow = self.session.execute(&request, &mut self.output).await?;
					drop(request);
					if matches!(flow, Flow::Close) {
						return self.close().await;
					}
					self.output.relieve().await?;
					self.shrink();
					continue;
				},
				Ok(None) => {},
				Err(error) => {
					resp::error(&mut self.output.buffer, &error.to_string());
					return self.close().await;
				},
			}
			self.output.flush().await?;
			if self.output.buffer.capacity() > 2 * REPLY {
				self.output.buffer = Vec::new();
			}
			let until = *deadline.get_or_insert_with(|| {
				tokio::time::Instant::now() + self.shared.limits.request_time
			});
			let midway = self.parser.is_midway(&self.input);
			let received = tokio::select! {
				received = self.receive(until, midway) => received?,
				_ = stopping.wait_for(|stop| *stop) => 0,
			};
			if received == 0 {
				return Ok(());
			}
			if !midway {
				deadline = None;
			}
		}
	}

	/// Receives more bytes; 0 when there are no more.
	async fn receive(&mut self, until: tokio::time::Instant, midway: bool) -> io::Result<usize> {
		let missing = self.parser.missing(&self.input);
		if self.large.is_none() && self.input.len() + missing > RECEIVE {
			let permit = timeout_at(until, self.shared.large.clone().acquire_owned()).await;
			self.large = permit.map_err(|_| io::ErrorKind::TimedOut)?.ok();
		}
		// As much again as there is already: memory follows what was sent, not what was announced.
		let room = missing.clamp(RECEIVE_STEP, RECEIVE_STEP.max(self.input.len()));
		self.input.reserve(room);
		let read = self.read.read_buf(&mut self.input);
		let received = if midway {
			timeout_at(until, read).await.map_err(|_| io::ErrorKind::TimedOut)??
		} else {
			read.await?
		};
		self.shared.stats.received.add(received as u64);
		Ok(received)
	}

	/// Gives memory back that only a large request needed.
	fn shrink(&mut self) {
		if self.large.is_some() || (self.input.is_empty() && self.input.capacity() > 2 * RECEIVE) {
			self.input = BytesMut::from(&self.input[..]);
			self.large = None;
		}
	}

	/// Sends what is left to say and closes. The client may still be sending; what it sends is
	/// taken for a moment, because closing on it would destroy the answer.
	async fn close(&mut self) -> io::Result<()> {
		self.output.flush().await?;
		self.output.stream.shutdown().await?;
		self.input = BytesMut::new();
		let drain = async {
			let mut left = DRAIN;
			let mut discarded = vec![0; 16 * 1024];
			while left > 0 {
				match self.read.read(&mut discarded).await {
					Ok(0) | Err(_) => break,
					Ok(read) => left = left.saturating_sub(read),
				}
			}
		};
		// Whether it took everything in time makes no difference.
		let _ = timeout(Duration::from_secs(2), drain).await;
		Ok(())
	}
}
