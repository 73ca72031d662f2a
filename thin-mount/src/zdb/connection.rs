//! Bytes in, bytes out: one task per connection.

mod output;

pub(super) use output::Output;

use super::{
	command,
	database::Database,
	resp::{self, RequestParser},
	session::{Flow, Session},
	stats::Stats,
	Limits, ServerOptions,
};
use bytes::{Bytes, BytesMut};
use std::{
	io,
	sync::Arc,
	time::{Duration, Instant, SystemTime},
};
use tokio::{
	io::AsyncReadExt,
	net::{tcp::ReadHalf, TcpStream},
	sync::{watch, OwnedSemaphorePermit, Semaphore},
	time::{timeout, timeout_at},
};

/// Bytes a connection may have received and not executed, unless one command is larger.
const RECEIVE: usize = 256 * 1024;
/// SETs that are executed together.
const TOGETHER: usize = 256;
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
		output: Output::new(write, &shared),
		shared: &shared,
		session: Session::new(shared.clone()),
		input: BytesMut::new(),
		parser: RequestParser::default(),
		sets: Vec::new(),
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
	/// SETs that wait for those that follow them.
	sets: Vec<Vec<Bytes>>,
	/// Held while more than [`RECEIVE`] bytes may be received.
	large: Option<OwnedSemaphorePermit>,
}

impl Connection<'_> {
	async fn run(&mut self) -> io::Result<()> {
		let mut stopping = self.shared.stopping();
		let mut deadline = None;
		loop {
			let mut next = self.parser.next(&mut self.input);
			let mut gathered = false;
			if matches!(&next, Ok(Some(request)) if command::is_set(request)) {
				self.sets.extend(std::mem::replace(&mut next, Ok(None)).ok().flatten());
				gathered = true;
				if self.sets.len() < TOGETHER {
					continue;
				}
			}
			if !self.sets.is_empty() {
				deadline = None;
				let flow = self.session.execute_sets(&self.sets, &mut self.output).await?;
				self.sets.clear();
				if matches!(flow, Flow::Close) {
					return self.close().await;
				}
				self.shrink();
				self.output.relieve().await?;
			}
			if gathered {
				// There may be more of them.
				continue;
			}
			match next {
				Ok(Some(request)) => {
					deadline = None;
					let flow = self.session.execute(&request, &mut self.output).await?;
					drop(request);
					if matches!(flow, Flow::Close) {
						return self.close().await;
					}
					self.shrink();
					self.output.relieve().await?;
					continue;
				},
				Ok(None) => {},
				Err(error) => {
					resp::error(&mut self.output.buffer, &error.to_string());
					return self.close().await;
				},
			}
			self.output.flush().await?;
			self.output.shrink();
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
		self.input.reserve(self.parser.room(&self.input));
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
		self.output.finish().await?;
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
