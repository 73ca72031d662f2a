//! Answers on their way out.

use super::Shared;
use crate::zdb::{files::Kind, format::DATA_ENTRY, keymap::Location, namespace::Namespace, resp};
use std::{
	io::{self, IoSliceMut},
	os::unix::fs::FileExt,
};
use tokio::{
	io::AsyncWriteExt,
	net::{tcp::WriteHalf, TcpStream},
	time::timeout,
};

/// Bytes of answers that are held back so that they leave in one write.
const REPLY: usize = 256 * 1024;

/// Answers that are on their way to a client.
pub(in crate::zdb) struct Output<'a> {
	stream: WriteHalf<'a>,
	shared: &'a Shared,
	/// What is not sent yet.
	pub buffer: Vec<u8>,
}

impl<'a> Output<'a> {
	pub(super) fn new(stream: WriteHalf<'a>, shared: &'a Shared) -> Self {
		Self { stream, shared, buffer: Vec::new() }
	}

	/// Sends everything.
	pub(in crate::zdb) async fn flush(&mut self) -> io::Result<()> {
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
	pub(in crate::zdb) async fn relieve(&mut self) -> io::Result<()> {
		if self.buffer.len() >= REPLY {
			self.flush().await?;
		}
		Ok(())
	}

	/// Sends everything and says that there is no more.
	pub(super) async fn finish(&mut self) -> io::Result<()> {
		self.flush().await?;
		self.stream.shutdown().await
	}

	/// Gives memory back that only large answers needed.
	pub(super) fn shrink(&mut self) {
		if self.buffer.capacity() > 2 * REPLY {
			self.buffer = Vec::new();
		}
	}

	/// Returns when the client has closed its side and everything it sent was read.
	pub(in crate::zdb) async fn client_left(&self) {
		let stream: &TcpStream = self.stream.as_ref();
		if !matches!(stream.peek(&mut [0]).await, Ok(0) | Err(_)) {
			// It goes on talking. Whether it leaves after that shows when that is read.
			std::future::pending::<()>().await;
		}
	}

	/// Answers a stored value. An error means that the client can't be answered any more.
	pub(in crate::zdb) async fn value(
		&mut self,
		namespace: &Namespace,
		key: &[u8],
		location: Location,
	) -> io::Result<()> {
		let begin = self.buffer.len();
		let length = location.length as usize;
		let offset = u64::from(location.offset) + (DATA_ENTRY + key.len()) as u64;
		resp::bulk_header(&mut self.buffer, length);
		match self.value_bytes(namespace, location.file, offset, length).await {
			Ok(()) => {},
			Err(Unsent::Unreadable(error)) => {
				self.shared.stats.data.read_failed.add(1);
				tracing::error!(
					data = %namespace.folders.data_file(location.file).display(),
					offset,
					%error,
					"can't read a value"
				);
				self.buffer.truncate(begin);
				resp::error(&mut self.buffer, "Internal Error");
				return Ok(());
			},
			Err(Unsent::Broken(error)) => return Err(error),
		}
		self.buffer.extend_from_slice(b"\r\n");
		self.shared.stats.data.read.add(length as u64);
		Ok(())
	}

	async fn value_bytes(
		&mut self,
		namespace: &Namespace,
		file: u32,
		offset: u64,
		length: usize,
	) -> Result<(), Unsent> {
		let file = namespace.file(Kind::Data, file).map_err(Unsent::Unreadable)?;
		let mut done = 0;
		while done < length {
			let piece = (length - done).min(REPLY);
			let start = self.buffer.len();
			self.buffer.resize(start + piece, 0);
			let read = read_at(&file, &mut self.buffer[start..], offset + done as u64);
			// Once the client was promised more bytes, there is no way to say it any more.
			read.map_err(if done == 0 { Unsent::Unreadable } else { Unsent::Broken })?;
			done += piece;
			if done < length {
				self.relieve().await.map_err(Unsent::Broken)?;
			}
		}
		Ok(())
	}
}

/// Why a value was not answered.
enum Unsent {
	/// Nothing of it was sent.
	Unreadable(io::Error),
	/// The client can't be answered any more.
	Broken(io::Error),
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
