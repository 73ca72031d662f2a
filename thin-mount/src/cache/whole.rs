//! Which cached files are wholly there and right, so that the kernel may read them by itself.
//!
//! What the kernel reads passes nobody who could hash it. So before it is given a file, all of it
//! is hashed against the blob's tree, from the disk, between two looks at the file's identity.
//! As long as that is the same, nobody has written to the file.

use super::{Cache, CachedBlob, Presence};
use crate::{
	blob::{BlobError, BlobReader, BlobRef, Segment},
	chunk::CHUNK_SIZE,
	stop::Stop,
};
use rustix::fs::{seek, SeekFrom};
use std::{
	fs::File,
	io,
	num::NonZeroUsize,
	ops::ControlFlow,
	os::unix::fs::{FileExt, MetadataExt},
	time::{Duration, SystemTime},
};

/// How many blobs are remembered as verified. Forgetting one costs a second look at it.
pub(super) const REMEMBERED: NonZeroUsize =
	NonZeroUsize::new(65_536).expect("65,536 is not zero; qed");

/// More than the steps of a file system's clock.
const GRANULARITY: Duration = Duration::from_millis(50);

/// A file as it was when all of it was hashed. Whatever writes to it changes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
	file: (u64, u64),
	length: u64,
	modified: (i64, i64),
	changed: (i64, i64),
}

impl Identity {
	/// `None` when others than this user may write to the file.
	fn of(file: &File) -> io::Result<Option<Self>> {
		let data = file.metadata()?;
		let own = data.uid() == rustix::process::geteuid().as_raw() && data.mode() & 0o022 == 0;
		Ok(own.then(|| Self {
			file: (data.dev(), data.ino()),
			length: data.len(),
			modified: (data.mtime(), data.mtime_nsec()),
			changed: (data.ctime(), data.ctime_nsec()),
		}))
	}
}

impl Identity {
	/// Whether the last change is longer ago than the steps of the clock.
	fn is_old(&self) -> bool {
		let (seconds, nanos) = self.changed;
		let changed = u64::try_from(seconds).ok().zip(u32::try_from(nanos).ok());
		let changed =
			changed.and_then(|(s, n)| SystemTime::UNIX_EPOCH.checked_add(Duration::new(s, n)));
		// A clock that was set back makes it look young until it has caught up.
		changed
			.and_then(|changed| SystemTime::now().duration_since(changed).ok())
			.is_some_and(|age| age >= GRANULARITY / 2)
	}
}

/// What a look at a whole blob has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
	/// All of it is there and right.
	Verified,
	/// Something is not there yet, or was altered and counts as not there now.
	Incomplete,
	/// Others may write to it, or somebody did while it was hashed.
	Unsafe,
	/// The look was broken off.
	Stopped,
}

impl Cache {
	/// Whether all of this file was hashed by this process, and nobody has written to it since.
	pub(crate) fn is_whole(&self, cached: &CachedBlob) -> bool {
		let known = self.whole.lock().get(cached.blob()).copied();
		known.is_some() && Identity::of(cached.data()).is_ok_and(|now| now == known)
	}

	/// Hashes all of a blob, unless something of it is missing: that is looked for first, and
	/// costs little.
	pub(crate) fn verify_whole(
		&self,
		cached: &CachedBlob,
		blobs: &BlobReader,
		stop: &Stop,
	) -> Result<Whole, BlobError> {
		let blob = *cached.blob();
		let present = walk(blobs, &blob, stop, &mut |segment| match segment {
			Segment::Leaf(leaf) => cached.presence(leaf.index) != Presence::Absent,
			Segment::Hole { .. } => true,
		})?;
		if present != Whole::Verified {
			return Ok(present);
		}
		// Two writes that follow each other closely may leave the same time behind. So nothing is
		// begun before the last one is longer ago than that.
		if stop.wait(GRANULARITY) {
			return Ok(Whole::Stopped);
		}
		let Ok(Some(before)) = Identity::of(cached.data()) else { return Ok(Whole::Unsafe) };
		if !before.is_old() {
			return Ok(Whole::Unsafe);
		}
		let right = walk(blobs, &blob, stop, &mut |segment| match segment {
			Segment::Leaf(leaf) => cached.verify(&leaf),
			Segment::Hole { first, count } => {
				let offset = |leaf: u64| leaf.saturating_mul(CHUNK_SIZE as u64);
				let range = offset(first)..offset(first.saturating_add(count)).min(blob.length);
				cached.is_hole(range).unwrap_or(false)
			},
		})?;
		if right != Whole::Verified {
			return Ok(right);
		}
		match Identity::of(cached.data()) {
			Ok(Some(after)) if after == before && before.length == blob.length => {
				self.whole.lock().put(blob, before);
				Ok(Whole::Verified)
			},
			_ => Ok(Whole::Unsafe),
		}
	}
}

/// Asks `good` of every segment of a blob, until one is not.
fn walk(
	blobs: &BlobReader,
	blob: &BlobRef,
	stop: &Stop,
	good: &mut dyn FnMut(Segment) -> bool,
) -> Result<Whole, BlobError> {
	let mut whole = Whole::Verified;
	blobs.visit(blob, 0..u64::MAX, &mut |segment| {
		if stop.is_said() {
			whole = Whole::Stopped;
		} else if !good(segment) {
			whole = Whole::Incomplete;
		}
		match whole {
			Whole::Verified => ControlFlow::Continue(()),
			_ => ControlFlow::Break(()),
		}
	})?;
	Ok(whole)
}

impl CachedBlob {
	/// Whether the file has zeros there. Where somebody has put something else, it gets zeros, and
	/// the log says so.
	fn is_hole(&self, range: std::ops::Range<u64>) -> io::Result<bool> {
		let mut bytes = vec![0; CHUNK_SIZE];
		let mut at = range.start;
		let mut right = true;
		while at < range.end {
			// Only reads that name their place are made elsewhere, so the position is free.
			at = match seek(self.data(), SeekFrom::Data(at)) {
				Ok(data) if data < range.end => data,
				Ok(_) | Err(rustix::io::Errno::NXIO) => break,
				Err(error) => return Err(error.into()),
			};
			let most = (range.end - at).min(CHUNK_SIZE as u64) as usize;
			self.data().read_exact_at(&mut bytes[..most], at)?;
			if bytes[..most].iter().any(|byte| *byte != 0) {
				right = false;
				bytes[..most].fill(0);
				self.data().write_all_at(&bytes[..most], at)?;
				let file = self.path().display();
				tracing::warn!(%file, offset = at, "a cache file is altered: a hole was filled");
			}
			at += most as u64;
		}
		Ok(right)
	}
}
