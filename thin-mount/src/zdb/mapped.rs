//! Data files as the kernel has them in memory: values are sent from there, without a copy in
//! between.
//!
//! Nobody here looks at that memory. Its addresses are handed to the kernel, which copies from them
//! to the socket: so a page that can't be had any more is an error of that one call, and not the
//! signal that would end a process which looks for itself.

use rustix::io::Errno;
use std::{
	fs::File,
	io,
	ops::Range,
	os::fd::{AsFd, AsRawFd},
	ptr,
	sync::Arc,
};

/// The most bytes of one [`Piece`].
pub(super) const MOST: usize = 256 * 1024;
/// Pages that a piece may touch, of the smallest size that processors have.
const PAGES: usize = MOST / 4096 + 1;
/// Parts of one call to the kernel. It takes 1,024.
const PARTS: usize = 64;

/// Addresses for the bytes of a file. There may be more addresses than bytes.
#[derive(Debug)]
pub(super) struct Mapped {
	start: *mut libc::c_void,
	length: usize,
}

// SAFETY: it is never looked at what lies at these addresses, by no thread.
unsafe impl Send for Mapped {}
// SAFETY: the same.
unsafe impl Sync for Mapped {}

impl Mapped {
	/// `None` where the system gives no addresses: files are read then.
	pub(super) fn new(file: &File, length: u64) -> Option<Self> {
		let length = usize::try_from(length).ok().filter(|length| *length > 0)?;
		// SAFETY: any free addresses, of which nothing is known before this.
		let start = unsafe {
			let (protection, flags) = (libc::PROT_READ, libc::MAP_SHARED | libc::MAP_NORESERVE);
			libc::mmap(ptr::null_mut(), length, protection, flags, file.as_raw_fd(), 0)
		};
		(start != libc::MAP_FAILED).then_some(Self { start, length })
	}

	/// These bytes of the file, if all of them are in memory: nobody has to wait for them then.
	pub(super) fn piece(self: &Arc<Self>, range: Range<u64>) -> Option<Piece> {
		let offset = usize::try_from(range.start).ok()?;
		let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
		if length > MOST || offset.checked_add(length)? > self.length {
			return None;
		}
		let page = page_size()?;
		let skipped = offset % page;
		let mut pages = [0; PAGES];
		let count = (skipped + length).div_ceil(page);
		let pages = pages.get_mut(..count)?;
		// SAFETY: the range begins at a page of the mapping and ends within its last page; there is
		// one byte for each page of it.
		let asked = unsafe {
			let first = self.start.byte_add(offset - skipped);
			libc::mincore(first, skipped + length, pages.as_mut_ptr())
		};
		let present = asked == 0 && pages.iter().all(|page| page & 1 == 1);
		present.then(|| Piece { mapped: self.clone(), offset, length })
	}
}

impl Drop for Mapped {
	fn drop(&mut self) {
		// SAFETY: the addresses are those of this mapping, and nobody has them any more.
		unsafe {
			libc::munmap(self.start, self.length);
		}
	}
}

fn page_size() -> Option<usize> {
	// SAFETY: it only asks.
	let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
	usize::try_from(size).ok().filter(|size| *size >= 4096)
}

/// Bytes of a file, where they were in memory a moment ago.
#[derive(Debug)]
pub(super) struct Piece {
	mapped: Arc<Mapped>,
	offset: usize,
	length: usize,
}

impl Piece {
	pub(super) fn len(&self) -> usize {
		self.length
	}
}

/// Something to send.
pub(super) enum Part<'a> {
	Bytes(&'a [u8]),
	Piece(&'a Piece),
}

/// Sends as much as the socket takes at once of these parts, without their first `skip` bytes.
pub(super) fn send<'a>(
	socket: impl AsFd,
	parts: impl Iterator<Item = Part<'a>>,
	mut skip: usize,
) -> io::Result<usize> {
	let mut vectors = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; PARTS];
	let mut count = 0;
	for part in parts {
		let (start, length) = match part {
			Part::Bytes(bytes) => (bytes.as_ptr().cast_mut().cast(), bytes.len()),
			// SAFETY: a piece lies within its mapping.
			Part::Piece(piece) => {
				(unsafe { piece.mapped.start.byte_add(piece.offset) }, piece.length)
			},
		};
		if skip >= length {
			skip -= length;
			continue;
		}
		let Some(vector) = vectors.get_mut(count) else { break };
		// SAFETY: less than its length is skipped.
		let iov_base = unsafe { start.byte_add(skip) };
		*vector = libc::iovec { iov_base, iov_len: length - skip };
		skip = 0;
		count += 1;
	}
	// SAFETY: all zeros is a message without parts, name and control data.
	let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
	message.msg_iov = vectors.as_mut_ptr();
	message.msg_iovlen = count as _;
	let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
	// SAFETY: every vector is bytes that are borrowed until this returns, or lies in a mapping that
	// its piece holds; the kernel only reads, and checks what it reads.
	let sent = unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), &message, flags) };
	match usize::try_from(sent) {
		Ok(sent) => Ok(sent),
		Err(_) => match io::Error::last_os_error() {
			error if Errno::from_io_error(&error) == Some(Errno::FAULT) => {
				Err(io::Error::other("a value can't be read any more"))
			},
			error => Err(error),
		},
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{
		io::{Read, Seek, Write},
		os::unix::net::UnixStream,
	};

	#[test]
	fn what_is_in_memory_is_sent_from_there() {
		let mut file = tempfile::tempfile().unwrap();
		let bytes: Vec<u8> = (0..500_000u32).map(|at| (at * 7 / 3) as u8).collect();
		file.write_all(&bytes).unwrap();
		let mapped = Arc::new(Mapped::new(&file, 1 << 28).unwrap());
		let (mut here, there) = UnixStream::pair().unwrap();
		for (start, length) in [(0, 1), (0, 65_536), (4_095, 2), (123_457, 100_001)] {
			let piece = mapped.piece(start..start + length).unwrap();
			let parts = || [Part::Bytes(b"before"), Part::Piece(&piece), Part::Bytes(b"after")];
			let right = [b"before", &bytes[start as usize..][..length as usize], b"after"].concat();
			let mut got = Vec::new();
			while got.len() < right.len() {
				let sent = send(&there, parts().into_iter(), got.len()).unwrap();
				let mut buffer = vec![0; sent];
				here.read_exact(&mut buffer).unwrap();
				got.extend(buffer);
			}
			assert!(got == right, "{length} at {start}");
		}
		// What was never written is in no memory; what the file has grown by is.
		assert!(mapped.piece(499_000..510_000).is_none());
		assert!(mapped.piece((1 << 28) - 1..(1 << 28) + 1).is_none());
		assert!(mapped.piece(0..1 + MOST as u64).is_none());
		file.seek(io::SeekFrom::Start(500_000)).unwrap();
		file.write_all(&bytes).unwrap();
		assert!(mapped.piece(499_000..510_000).is_some());
	}

	#[test]
	fn what_is_gone_is_an_error_and_not_the_end() {
		let mut file = tempfile::tempfile().unwrap();
		file.write_all(&[7; 100_000]).unwrap();
		let mapped = Arc::new(Mapped::new(&file, 100_000).unwrap());
		let piece = mapped.piece(0..100_000).unwrap();
		file.set_len(0).unwrap();
		let (_here, there) = UnixStream::pair().unwrap();
		let error = send(&there, [Part::Piece(&piece)].into_iter(), 0).unwrap_err();
		assert_eq!(error.to_string(), "a value can't be read any more");
		assert!(mapped.piece(0..100_000).is_none());
	}
}
