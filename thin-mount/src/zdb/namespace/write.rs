//! Storing and deleting values.
//!
//! One client at a time writes to a namespace. What others ask for meanwhile is stored by the next
//! one together with its own, in one write, and with one flush to the disk where that is asked for.

use super::{now, Namespace};
use crate::zdb::{
	format::{DATA_ENTRY, INDEX_ENTRY},
	keymap::Location,
	segment::{NewEntry, Segment, WriteError, MOST_ENTRIES},
};
use bytes::Bytes;
use std::{collections::HashSet, io};
use tokio::sync::oneshot;

/// Payload bytes that are written at once, if it is more than one value.
const MOST_BYTES: usize = 1024 * 1024;

/// A value that is to be stored.
#[derive(Debug)]
pub(in crate::zdb) struct Put {
	pub key: Bytes,
	pub value: Bytes,
	/// The checksum of the value.
	pub crc: u32,
	/// `None` is now.
	pub time: Option<u32>,
}

/// What became of a value that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zdb) enum Stored {
	Yes,
	/// The stored value is the same; nothing was written.
	Identical,
	/// There is a value, and the namespace is write-once.
	Worm,
	/// The namespace's limit is reached.
	NoSpace,
	/// There is no key; that is noticed last.
	NoKey,
	/// It could not be written.
	Failed(Half),
}

/// The half of a pair of files that could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zdb) enum Half {
	Data,
	Index,
}

/// What became of a key that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zdb) enum Removed {
	Yes,
	NotFound,
	/// The namespace is write-once.
	Worm,
}

/// What one client asks for, and how it is told what became of it.
#[derive(Debug)]
pub(super) struct Job {
	puts: Vec<Put>,
	done: oneshot::Sender<Vec<Stored>>,
}

/// Values that are about to be written together: no key twice.
#[derive(Default)]
struct Batch<'a> {
	entries: Vec<NewEntry<'a>>,
	/// Which of all the values each one is.
	places: Vec<usize>,
	keys: HashSet<&'a [u8]>,
	bytes: usize,
	/// Payload bytes of the values that are replaced.
	freed: u64,
}

impl<'a> Batch<'a> {
	fn takes(&self, put: &Put) -> bool {
		self.entries.len() < MOST_ENTRIES
			&& (self.entries.is_empty() || self.bytes + put.value.len() <= MOST_BYTES)
			&& !self.keys.contains(&put.key[..])
	}

	fn push(&mut self, place: usize, entry: NewEntry<'a>) {
		self.keys.insert(entry.key);
		self.bytes += entry.payload.len();
		self.freed += entry.replaced.map_or(0, |replaced| u64::from(replaced.length));
		self.places.push(place);
		self.entries.push(entry);
	}
}

/// The segment, if there is one to write to.
pub(super) fn writable(segment: &mut Option<Segment>) -> Result<&mut Segment, WriteError> {
	segment.as_mut().ok_or_else(|| WriteError::Data(io::ErrorKind::ReadOnlyFilesystem.into()))
}

impl Namespace {
	/// Stores values, one after another, and answers what became of each. They are in the files
	/// when this returns, and on the disk when the storage syncs.
	pub(in crate::zdb) async fn set(&self, puts: Vec<Put>) -> Vec<Stored> {
		let count = puts.len();
		// Nobody drops a job without an answer but a server that ends.
		let lost = || vec![Stored::Failed(Half::Data); count];
		let (done, mut outcome) = oneshot::channel();
		self.queue.lock().push(Job { puts, done });
		let mut segment = tokio::select! {
			biased;
			outcome = &mut outcome => return outcome.unwrap_or_else(|_| lost()),
			segment = self.segment.lock() => segment,
		};
		// The one before may have done it just now. If not, it is in the queue still.
		if let Ok(outcome) = outcome.try_recv() {
			return outcome;
		}
		let jobs = std::mem::take(&mut *self.queue.lock());
		self.waiting_for_disk(|| self.store(segment.as_mut(), jobs));
		outcome.try_recv().unwrap_or_else(|_| lost())
	}

	/// Runs what writes. With a flush to the disk it certainly waits.
	fn waiting_for_disk<T>(&self, work: impl FnOnce() -> T) -> T {
		if self.storage.sync {
			tokio::task::block_in_place(work)
		} else {
			self.storage.workers.may_wait(work)
		}
	}

	/// Stores what these clients ask for, and tells them. Blocks.
	fn store(&self, segment: Option<&mut Segment>, jobs: Vec<Job>) {
		let puts: Vec<&Put> = jobs.iter().flat_map(|job| &job.puts).collect();
		let stored = match segment {
			Some(segment) => self.put_all(segment, &puts),
			None => vec![Stored::Failed(Half::Data); puts.len()],
		};
		let mut stored = stored.into_iter();
		for job in jobs {
			let outcome = stored.by_ref().take(job.puts.len()).collect();
			// Whoever is gone does not need to know.
			let _ = job.done.send(outcome);
		}
	}

	fn put_all(&self, segment: &mut Segment, puts: &[&Put]) -> Vec<Stored> {
		let (worm, limit) = {
			let descriptor = self.descriptor.read();
			(descriptor.worm, descriptor.max_size)
		};
		let now = now();
		let mut outcomes = vec![Stored::Yes; puts.len()];
		let mut batch = Batch::default();
		for (place, put) in puts.iter().enumerate() {
			if !batch.takes(put) {
				self.write(segment, std::mem::take(&mut batch), &mut outcomes);
			}
			match self.refusal(put, &batch, worm, limit) {
				Some(refusal) => outcomes[place] = refusal,
				None => {
					let entry = NewEntry {
						key: &put.key,
						payload: &put.value,
						crc: put.crc,
						time: put.time.unwrap_or(now),
						replaced: self.map.get(&put.key),
					};
					batch.push(place, entry);
				},
			}
		}
		self.write(segment, batch, &mut outcomes);
		*self.tail.lock() = segment.tail();
		outcomes
	}

	/// Why a value is not to be written, beside those of the batch.
	fn refusal(&self, put: &Put, batch: &Batch<'_>, worm: bool, limit: u64) -> Option<Stored> {
		let present = self.map.get(&put.key);
		if worm && present.is_some() {
			return Some(Stored::Worm);
		}
		let freed = batch.freed + present.map_or(0, |present| u64::from(present.length));
		let held = (self.map.payload() + batch.bytes as u64).saturating_sub(freed);
		if limit > 0 && held + put.value.len() as u64 > limit {
			return Some(Stored::NoSpace);
		}
		if put.key.is_empty() {
			return Some(Stored::NoKey);
		}
		let same = |present: &Location| {
			present.crc == put.crc && present.length as usize == put.value.len()
		};
		let present = present.filter(same)?;
		// A value that can't be read is replaced.
		let stored = self.value(&put.key, present).ok()?;
		(stored == put.value).then_some(Stored::Identical)
	}

	/// Writes a batch. When that fails, one value after the other: there may be room for some.
	fn write(&self, segment: &mut Segment, batch: Batch<'_>, outcomes: &mut [Stored]) {
		let entries = &batch.entries[..];
		let mut most = entries.len();
		let mut at = 0;
		while at < entries.len() {
			let part = &entries[at..entries.len().min(at + most)];
			match segment.append(part) {
				Ok(locations) => {
					for (entry, location) in part.iter().zip(&locations) {
						self.map.insert(entry.key, *location);
						self.count_written(entry);
					}
					at += locations.len();
				},
				Err(error) if part.len() > 1 => {
					tracing::debug!(%error, "writing values one by one");
					most = 1;
				},
				Err(error) => {
					self.failed(&error);
					outcomes[batch.places[at]] = Stored::Failed(match error {
						WriteError::Data(_) => Half::Data,
						WriteError::Index(_) => Half::Index,
					});
					at += 1;
				},
			}
		}
	}

	fn count_written(&self, entry: &NewEntry<'_>) {
		self.indexed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
		let stats = &self.storage.stats;
		stats.data.written.add((DATA_ENTRY + entry.key.len() + entry.payload.len()) as u64);
		stats.index.written.add((INDEX_ENTRY + entry.key.len()) as u64);
	}

	/// Deletes a key. `None` as time is now.
	pub(in crate::zdb) async fn delete(
		&self,
		key: &[u8],
		time: Option<u32>,
	) -> Result<Removed, WriteError> {
		let mut segment = self.segment.lock().await;
		let segment = writable(&mut segment)?;
		self.waiting_for_disk(|| {
			let Some(present) = self.map.get(key) else { return Ok(Removed::NotFound) };
			if self.descriptor.read().worm {
				return Ok(Removed::Worm);
			}
			segment
				.delete(key, time.unwrap_or_else(now), present)
				.inspect_err(|error| self.failed(error))?;
			self.storage.stats.data.written.add((DATA_ENTRY + key.len()) as u64);
			self.storage.stats.index.written.add(1);
			self.map.remove(key);
			*self.tail.lock() = segment.tail();
			Ok(Removed::Yes)
		})
	}

	fn failed(&self, error: &WriteError) {
		tracing::error!(folder = %self.folders.data.display(), %error, "a write failed");
		match error {
			WriteError::Data(_) => self.storage.stats.data.write_failed.add(1),
			WriteError::Index(_) => self.storage.stats.index.write_failed.add(1),
		}
	}
}
