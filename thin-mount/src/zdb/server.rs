//! Starting and stopping.

use super::{
	connection::{self, Shared},
	database::Database,
	ServeError, ServerOptions, MAX_DATA_SIZE, MIN_DATA_SIZE,
};
use std::{
	net::{SocketAddr, TcpListener},
	sync::Arc,
	thread::JoinHandle,
	time::Duration,
};
use tokio::sync::{watch, Semaphore};

/// Threads beside the workers that may wait for the disk at the same time.
const BLOCKING: usize = 512;

/// An embedded 0-db.
#[derive(Debug)]
pub struct Server;

impl Server {
	/// Opens the folders, listens, and serves in threads of its own until the handle is stopped or
	/// dropped.
	pub fn start(options: ServerOptions) -> Result<ServerHandle, ServeError> {
		if !(MIN_DATA_SIZE..=MAX_DATA_SIZE).contains(&options.data_size) {
			return Err(ServeError::DataSize(options.data_size));
		}
		if options.admin.as_ref().is_some_and(|password| !(1..=128).contains(&password.len())) {
			return Err(ServeError::AdminPassword);
		}
		if options.protect && options.admin.is_none() {
			return Err(ServeError::ProtectWithoutAdmin);
		}
		let failed = |error| ServeError::Listen { address: options.listen.clone(), error };
		let database = Database::open(&options)?;
		let listener = TcpListener::bind(&options.listen).map_err(failed)?;
		listener.set_nonblocking(true).map_err(failed)?;
		let address = listener.local_addr().map_err(failed)?;

		let runtime = tokio::runtime::Builder::new_multi_thread()
			.worker_threads(database.worker_count())
			.max_blocking_threads(BLOCKING)
			.thread_name("zdb")
			.enable_all()
			.build()
			.map_err(ServeError::Threads)?;
		let (stop, stopping) = watch::channel(false);
		let shared = Arc::new(Shared::new(database, &options, stopping));
		let connections = options.limits.connections;
		let thread = std::thread::Builder::new()
			.name("zdb-server".into())
			.spawn(move || {
				runtime.block_on(accept(listener, shared.clone(), connections));
				// Ends the connections: what they wait for is dropped, what they write is
				// finished.
				runtime.shutdown_timeout(Duration::from_secs(10));
				drop(shared);
			})
			.map_err(ServeError::Threads)?;
		Ok(ServerHandle { address, stop, thread: Some(thread) })
	}
}

/// A server that runs. Dropping it stops the server.
#[derive(Debug)]
pub struct ServerHandle {
	address: SocketAddr,
	stop: watch::Sender<bool>,
	thread: Option<JoinHandle<()>>,
}

impl ServerHandle {
	/// Where the server listens.
	pub fn address(&self) -> SocketAddr {
		self.address
	}

	/// Stops the server: finishes what is being written, flushes it to the disk, closes the
	/// connections and lets go of the folders.
	pub fn stop(mut self) {
		self.end();
	}

	fn end(&mut self) {
		if let Some(thread) = self.thread.take() {
			self.stop.send_replace(true);
			if thread.join().is_err() {
				tracing::error!("the thread of a 0-db server panicked");
			}
		}
	}
}

impl Drop for ServerHandle {
	fn drop(&mut self) {
		self.end();
	}
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, connections: usize) {
	let mut stopping = shared.stopping();
	let listener = match tokio::net::TcpListener::from_std(listener) {
		Ok(listener) => listener,
		Err(error) => {
			tracing::error!(%error, "can't serve the listening socket");
			return;
		},
	};
	let slots = Arc::new(Semaphore::new(connections));
	loop {
		let accepted = tokio::select! {
			accepted = listener.accept() => accepted,
			_ = stopping.wait_for(|stop| *stop) => break,
		};
		match accepted {
			Ok((stream, _)) => {
				let shared = shared.clone();
				match slots.clone().try_acquire_owned() {
					Ok(slot) => {
						tokio::spawn(async move {
							connection::serve(stream, shared).await;
							drop(slot);
						});
					},
					Err(_) => connection::refuse(stream),
				}
			},
			Err(error) => {
				// Out of descriptors, most likely: those who are connected may leave.
				tracing::warn!(%error, "could not accept a connection");
				tokio::time::sleep(Duration::from_millis(100)).await;
			},
		}
	}
	// Connections see that the server stops; those that wait for a client are left behind.
	let all = u32::try_from(connections).unwrap_or(u32::MAX);
	if tokio::time::timeout(Duration::from_secs(5), slots.acquire_many(all)).await.is_err() {
		tracing::debug!("some connections did not end in time");
	}
	shared.database().sync().await;
}
