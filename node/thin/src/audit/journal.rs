//! What an audit has checked so far, so that one that is cut off goes on where it was.
//!
//! The journal lies in a folder that nobody but the owner of the process can write to, and counts
//! only for the same snapshot, the same version of the program, and a week. One that is damaged
//! counts for nothing: the audit then begins again.

use super::{place::Place, BlockCounts, Faults, StateCounts};
use crate::columns::BlockKey;
use codec::{Decode, DecodeAll, Encode};
use pallet_snapshots::SnapshotId;
use sp_crypto_hashing::blake2_256;
use std::{
	cell::Cell,
	fs::{self, File},
	io::{self, Write},
	path::{Path, PathBuf},
	time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const VERSION: &str = concat!("thin audit journal 2 of ", env!("CARGO_PKG_VERSION"));
const FILE: &str = "journal";
/// Stores lose things: what was there longer ago than this is looked for again.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How often it is written down how far an audit is.
pub(super) const SAVE_EVERY: Duration = Duration::from_secs(10);
const NODES: u64 = 1_024;

/// What is known of the chunks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct ChunksDone {
	/// The place in the listing of the image from which on files were not looked at.
	pub next: u64,
	/// Files that were.
	pub files: u64,
	/// Chunks that are right.
	pub good: u64,
	/// Those that are not.
	pub faults: Faults,
}

/// Where an audit of the database stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub enum Stage {
	/// It has not begun.
	#[default]
	Start,
	/// This block comes next, on the way down.
	Block(u32, [u8; 32]),
	/// The blocks are through.
	States(StatesDone),
}

/// How far the states are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct StatesDone {
	/// So many are through.
	pub through: u64,
	/// Of the next one, the nodes that are to be visited, with all below them. None when it has
	/// not been begun.
	pub waiting: Vec<Place>,
	/// How many faults were known when it was begun.
	pub faults: u64,
	/// The part of the walk that comes next: each ends where it is written down how far it is.
	pub part: u64,
	/// Parts that were cut off, in ascending order: the nodes visited in them don't count.
	pub abandoned: Vec<u64>,
}

impl StatesDone {
	/// Begins a run: what the one before has visited since it last said how far it was is visited
	/// again.
	pub(super) fn abandon(&mut self) {
		self.abandoned.push(self.part);
		self.part += 1;
	}
}

/// What is known of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct DatabaseDone {
	/// Where it stands.
	pub stage: Stage,
	/// Of the blocks.
	pub blocks: BlockCounts,
	/// What is wrong with them.
	pub block_faults: Faults,
	/// Of the states.
	pub states: StateCounts,
	/// What is wrong with these.
	pub state_faults: Faults,
	/// Tells the list of visited nodes from another one.
	pub visited: [u8; 32],
}

impl DatabaseDone {
	/// Goes on with this block.
	pub(super) fn at_block(&mut self, next: &BlockKey) {
		self.stage = Stage::Block(next.number, next.hash);
	}
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Done {
	/// The chunks, all of which come first.
	pub chunks: ChunksDone,
	/// The database.
	pub database: DatabaseDone,
}

/// Where an audit writes down how far it is.
pub struct Checkpoints<'a> {
	every: Duration,
	/// So many nodes are visited between two looks at the clock.
	pub(super) nodes: u64,
	save: &'a dyn Fn(&DatabaseDone) -> io::Result<()>,
	last: Cell<Instant>,
}

impl<'a> Checkpoints<'a> {
	/// Calls `save` this often.
	pub fn new(every: Duration, save: &'a dyn Fn(&DatabaseDone) -> io::Result<()>) -> Self {
		Self { every, nodes: NODES, save, last: Cell::new(Instant::now()) }
	}

	/// Whether it is time.
	pub(super) fn are_due(&self) -> bool {
		self.last.get().elapsed() >= self.every
	}

	/// Writes down; whether it could. That this fails is no fault of the snapshot, and ends no audit.
	pub(super) fn save(&self, done: &DatabaseDone) -> bool {
		self.last.set(Instant::now());
		let saved = (self.save)(done);
		if let Err(error) = &saved {
			tracing::warn!(target: "thin", %error, "how far the audit is can't be written down");
		}
		saved.is_ok()
	}
}

/// The file.
pub(super) struct Journal {
	folder: PathBuf,
	snapshot: SnapshotId,
	begun: u64,
	/// What it says.
	pub done: Done,
}

fn now() -> u64 {
	SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Journal {
	/// Reads what an audit of this snapshot has left in a folder, or begins.
	pub fn open(folder: &Path, snapshot: SnapshotId) -> Self {
		let path = folder.join(FILE);
		let known = fs::read(&path).ok().and_then(|bytes| read(&bytes, snapshot, now()));
		if known.is_some() {
			tracing::info!(target: "thin", path = %path.display(), "Going on with an audit");
		}
		let (begun, done) = known.unwrap_or_else(|| (now(), Done::default()));
		Self { folder: folder.to_owned(), snapshot, begun, done }
	}

	/// Where it lies, with all that the audit keeps.
	pub fn folder(&self) -> &Path {
		&self.folder
	}

	/// Writes it down, so that a power failure leaves this or what was there before.
	pub fn save(&self) -> io::Result<()> {
		let path = self.folder.join(FILE);
		let new = path.with_extension("new");
		let mut file = File::create(&new)?;
		file.write_all(&write(self.snapshot, self.begun, &self.done))?;
		file.sync_all()?;
		fs::rename(&new, &path)
	}
}

fn hash(snapshot: SnapshotId, body: &[u8]) -> [u8; 32] {
	blake2_256(&[VERSION.as_bytes(), &snapshot.0, body].concat())
}

fn write(snapshot: SnapshotId, begun: u64, done: &Done) -> Vec<u8> {
	let body = (begun, done).encode();
	[&hash(snapshot, &body)[..], &body].concat()
}

fn read(bytes: &[u8], snapshot: SnapshotId, now: u64) -> Option<(u64, Done)> {
	let (bound, body) = bytes.split_first_chunk::<32>()?;
	if *bound != hash(snapshot, body) {
		return None;
	}
	let (begun, done) = <(u64, Done)>::decode_all(&mut &body[..]).ok()?;
	let age = now.checked_sub(begun)?;
	(age <= MAX_AGE.as_secs()).then_some((begun, done))
}

#[cfg(test)]
mod tests {
	use super::*;

	const ID: SnapshotId = sp_core::H256([7; 32]);

	fn done() -> Done {
		let mut done = Done::default();
		done.chunks.good = 9;
		done.database.stage = Stage::Block(7, [3; 32]);
		done.database.block_faults.add("something".into());
		done
	}

	#[test]
	fn a_journal_counts_for_its_snapshot_and_a_week() {
		let bytes = write(ID, 1_000, &done());
		assert_eq!(read(&bytes, ID, 1_000), Some((1_000, done())));
		assert_eq!(read(&bytes, ID, 1_000 + MAX_AGE.as_secs()), Some((1_000, done())));
		assert_eq!(read(&bytes, ID, 1_001 + MAX_AGE.as_secs()), None);
		// Of the future.
		assert_eq!(read(&bytes, ID, 999), None);
		assert_eq!(read(&bytes, SnapshotId::zero(), 1_000), None);
	}

	#[test]
	fn a_damaged_journal_counts_for_nothing() {
		let bytes = write(ID, 1_000, &done());
		for at in 0..bytes.len() {
			let mut damaged = bytes.clone();
			damaged[at] ^= 1;
			assert_eq!(read(&damaged, ID, 1_000), None, "{at}");
			assert_eq!(read(&bytes[..at], ID, 1_000), None, "{at}");
		}
		// Right, but of another version of this program.
		let body = &bytes[32..];
		let other = blake2_256(&[&b"thin audit journal 0"[..], &ID.0, body].concat());
		assert_eq!(read(&[&other[..], body].concat(), ID, 1_000), None);
	}

	#[test]
	fn what_is_saved_is_read_again() {
		let folder = tempfile::tempdir().unwrap();
		let mut journal = Journal::open(folder.path(), ID);
		assert_eq!(journal.done, Done::default());
		journal.done = done();
		journal.save().unwrap();
		assert_eq!(Journal::open(folder.path(), ID).done, done());
		assert_eq!(Journal::open(folder.path(), SnapshotId::zero()).done, Done::default());
	}
}
