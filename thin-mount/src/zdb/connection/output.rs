//! Answers on their way out.

use super::Shared;
use crate::zdb::{
	files::Kind,
	format::DATA_ENTRY,
	keymap::Location,
	mapped::{self, Part, Piece},
	namespace::Namespace,
	resp,
};
use std::{
	io::{self, IoSliceMut},
	os::unix::fs::FileExt,
};
use tokio::{
	io::{AsyncWriteExt, Interest},
	net::{tcp::WriteHalf, TcpStream},
	task::coop::consume_budget,
	time::timeout,
};

/// Bytes of answers that are held back so that they leave in one write.
const REPLY: usize = mapped::MOST;
/// Values of fewer bytes are copied: that takes less than to send them from where they are.
const LONG: usize = 16 * 1024;

/// Answers that are on their way to a client.
pub(in crate::zdb) struct Output<'a> {
	stream: WriteHalf<'a>,
	shared: &'a Shared,
	/// What is not sent yet, but for the pieces.
	pub buffer: Vec<u8>,
	/// Values, and before how much of the buffer each of them goes.
	pieces: Vec<(usize, Piece)>,
	/// The bytes of all pieces.
	pieced: usize,
}

impl<'a> Output<'a> {
	pub(super) fn new(stream: WriteHalf<'a>, shared: &'a Shared) -> Self {
		Self { stream, shared, buffer: Vec::new(), pieces: Vec::new(), pieced: 0 }
	}

	/// Sends everything.
	pub(in crate::zdb) async fn flush(&mut self) -> io::Result<()> {
		let (all, mut sent) = (self.waiting(), 0);
		while sent < all {
			match self.send(sent) {
				Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
				Ok(more) => {
					sent += more;
					// A client that takes everything at once is not the only one.
					consume_budget().await;
				},
				Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
					match timeout(self.shared.limits.reply_time, self.stream.writable()).await {
						Ok(writable) => writable?,
						Err(_) => return Err(io::ErrorKind::TimedOut.into()),
					}
				},
				Err(error) if error.kind() == io::ErrorKind::Interrupted => {},
				Err(error) => return Err(error),
			}
		}
		self.shared.stats.sent.add(sent as u64);
		self.buffer.clear();
		self.pieces.clear();
		self.pieced = 0;
		Ok(())
	}

	/// Sends as much as the socket takes at once, without the first `skip` bytes.
	fn send(&self, skip: usize) -> io::Result<usize> {
		let stream: &TcpStream = self.stream.as_ref();
		stream.try_io(Interest::WRITABLE, || {
			let starts = std::iter::once(0).chain(self.pieces.iter().map(|(at, _)| *at));
			let ends = self.pieces.iter().map(|(at, piece)| (*at, Some(piece)));
			let ends = ends.chain(std::iter::once((self.buffer.len(), None)));
			let parts = starts.zip(ends).flat_map(|(start, (end, piece))| {
				let bytes = self.buffer.get(start..end).map(Part::Bytes);
				[bytes, piece.map(Part::Piece)].into_iter().flatten()
			});
			mapped::send(stream, parts, skip)
		})
	}

	/// Bytes that are not sent yet.
	fn waiting(&self) -> usize {
		self.buffer.len() + self.pieced
	}

	/// Sends what there is if it is much.
	pub(in crate::zdb) async fn relieve(&mut self) -> io::Result<()> {
		if self.waiting() >= REPLY {
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
		if self.pieces.capacity() > REPLY / LONG {
			self.pieces = Vec::new();
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
		let open = namespace.open_file(Kind::Data, file).map_err(Unsent::Unreadable)?;
		let all = offset..offset.saturating_add(length as u64);
		let mapped = if length >= LONG { open.mapped(all) } else { None };
		let mut done = 0;
		while done < length {
			let size = (length - done).min(REPLY);
			let from = offset + done as u64;
			match mapped.and_then(|mapped| mapped.piece(from..from + size as u64)) {
				Some(piece) => {
					self.pieced += piece.len();
					self.pieces.push((self.buffer.len(), piece));
				},
				None => {
					let start = self.buffer.len();
					self.buffer.resize(start + size, 0);
					let read = read_at(&open.file, &mut self.buffer[start..], from);
					// Once the client was promised more bytes, there is no way to say it any more.
					read.map_err(if done == 0 { Unsent::Unreadable } else { Unsent::Broken })?;
				},
			}
			done += size;
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
