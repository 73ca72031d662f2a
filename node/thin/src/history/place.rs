//! Where a walk stands, as the local database keeps it.

use crate::{
	columns::{self, BlockKey},
	layered::Checked,
};
use codec::{DecodeAll, Encode};
use pallet_snapshots::SnapshotId;
use sc_client_db::DbHash;
use sp_database::{Database, Transaction};

const KEY: &[u8] = b"history";
const VERSION: u8 = 1;

/// How far a walk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
	/// The snapshot that is walked. A place in another one says nothing about this one.
	snapshot: SnapshotId,
	/// Whether bodies and justifications were looked at, too.
	full: bool,
	/// What comes next; `None` when genesis was reached.
	pub next: Option<BlockKey>,
	pub headers: u64,
	pub bodies: u64,
	pub justifications: u64,
}

/// As it is written: version, snapshot, full, next, counts.
type Record = (u8, SnapshotId, bool, Option<(u32, [u8; 32])>, (u64, u64, u64));

impl Place {
	/// The beginning of a walk over a snapshot that stands at `start`.
	pub fn new(snapshot: SnapshotId, start: &BlockKey, full: bool) -> Self {
		Self { snapshot, full, next: Some(start.clone()), headers: 0, bodies: 0, justifications: 0 }
	}

	/// The place that was left, or the beginning: if there is none, if it is one in another
	/// snapshot, or if less was looked at than is to be now.
	pub fn read(
		database: &dyn Database<DbHash>,
		snapshot: SnapshotId,
		start: &BlockKey,
		full: bool,
	) -> Self {
		database
			.get(columns::THIN, KEY)
			.and_then(|bytes| Self::parse(&bytes))
			.filter(|place| {
				let inside = place.next.as_ref().is_none_or(|next| next.number <= start.number);
				place.snapshot == snapshot && inside && (place.full || !full)
			})
			.unwrap_or_else(|| Self::new(snapshot, start, full))
	}

	pub fn parse(bytes: &[u8]) -> Option<Self> {
		let (version, snapshot, full, next, (headers, bodies, justifications)) =
			Record::decode_all(&mut &bytes[..]).ok()?;
		let next = next.map(|(number, hash)| BlockKey::new(number, hash));
		let place = Self { snapshot, full, next, headers, bodies, justifications };
		(version == VERSION).then_some(place)
	}

	/// Writes it down.
	pub fn write(&self, database: &dyn Database<DbHash>) -> Result<(), String> {
		let mut transaction = Transaction::new();
		transaction.set_from_vec(columns::THIN, KEY, self.bytes());
		database.commit(transaction).map_err(|error| error.to_string())
	}

	pub fn bytes(&self) -> Vec<u8> {
		let next = self.next.as_ref().map(|block| (block.number, block.hash));
		let counts = (self.headers, self.bodies, self.justifications);
		let record: Record = (VERSION, self.snapshot, self.full, next, counts);
		record.encode()
	}

	/// Goes on from a block that was found right.
	pub fn passed(&mut self, checked: Checked) {
		// Genesis is no business of the image.
		self.headers += u64::from(checked.parent.is_some());
		self.bodies += u64::from(checked.body_bytes.is_some());
		self.justifications += u64::from(checked.justification_bytes.is_some());
		self.next = checked.parent;
	}

	/// The lowest height whose block is known. Of N itself the proof says so.
	pub fn lowest(&self, start: &BlockKey) -> u32 {
		match &self.next {
			None => 0,
			Some(next) if next == start => start.number,
			Some(next) => next.number + 1,
		}
	}
}
