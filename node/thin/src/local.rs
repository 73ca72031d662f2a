//! The upper layer: the local database of a thin node, and the marker that tells it from others.

use crate::{
	columns::{self, rocksdb_name},
	error::StartError,
	genesis::Anchor,
};
use codec::{Decode, DecodeAll, Encode};
use pallet_snapshots::{Manifest, SnapshotId};
use sc_client_db::{DatabaseSource, DbHash};
use sc_service::Configuration;
use sp_database::{Database, Transaction};
use std::{
	path::{Path, PathBuf},
	sync::Arc,
	time::{Duration, Instant},
};

const MARKER: &[u8] = b"marker";
const GENESIS: &[u8] = b"genesis";
const PROVEN: &[u8] = b"proven";
/// Of the cache, as the SDK divides it: what the state does not get is shared by the rest.
const STATE_SHARE: f64 = 0.9;

/// How long a start waits for a process that has the local database, and how often it looks.
const LOCK_WAIT: Duration = Duration::from_secs(20);
const LOCK_PAUSE: Duration = Duration::from_millis(200);

/// Whether RocksDB says that somebody else has the database: another process, or this one.
fn is_locked(reason: &str) -> bool {
	reason.contains("/LOCK") && (reason.contains("lock file") || reason.contains("lock hold"))
}

/// What a thin database remembers of its snapshot.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Marker {
	/// The id the snapshot was asked for by.
	pub snapshot: SnapshotId,
	/// What the snapshot is.
	pub manifest: Manifest,
	/// Where the image was read from, as store URLs without passwords.
	pub stores: Vec<String>,
	/// What was proven of block N: [`ProvenBlock::record`](crate::proof::ProvenBlock::record).
	pub block: Vec<u8>,
}

/// What lies where the node's database belongs.
#[derive(Debug)]
pub enum Found {
	/// Nothing.
	Nothing,
	/// A thin database.
	Thin,
	/// A database that is not thin, or something that can't be told.
	Other(PathBuf),
}

/// Where a node keeps its RocksDB, and how much memory it may use for it.
#[derive(Clone, Debug)]
pub struct LocalPath {
	/// The folder of the database.
	pub path: PathBuf,
	/// MiB.
	pub cache_size: usize,
}

impl LocalPath {
	/// The place that the node's configuration names. `None` for ParityDB and custom databases.
	pub fn of(source: &DatabaseSource) -> Option<Self> {
		match source {
			DatabaseSource::RocksDb { path, cache_size }
			| DatabaseSource::Auto { rocksdb_path: path, cache_size, .. } => {
				Some(Self { path: path.clone(), cache_size: *cache_size })
			},
			_ => None,
		}
	}

	/// The blocks that RocksDB keeps in memory of it: the share that kvdb gives them.
	pub fn block_cache_bytes(&self) -> usize {
		self.cache_size.saturating_mul(1024 * 1024) / 3
	}

	/// Where a database is made before it is whole. It takes its name when it is.
	pub fn incomplete(&self) -> Self {
		Self { path: self.path.with_extension("incomplete"), cache_size: self.cache_size }
	}

	/// Looks at what is there, without opening it.
	pub fn find(&self) -> Found {
		// ParityDB lives beside, in a folder of its own.
		let parity = self.path.ancestors().nth(2).map(|base| base.join("paritydb"));
		if let Some(parity) = parity.filter(|path| has_entries(path)) {
			return Found::Other(parity);
		}
		if !has_entries(&self.path) {
			return Found::Nothing;
		}
		let ours = rocksdb_name(columns::THIN);
		match rocksdb::DB::list_cf(&rocksdb::Options::default(), &self.path) {
			Ok(names) if names.contains(&ours) => Found::Thin,
			_ => Found::Other(self.path.clone()),
		}
	}

	/// Opens the local database, or makes it when `create` says so.
	///
	/// Waits for a while when another process has it: a node that was killed may still be dying.
	pub fn open(&self, create: bool) -> Result<Arc<dyn Database<DbHash>>, StartError> {
		self.open_within(create, LOCK_WAIT)
	}

	fn open_within(
		&self,
		create: bool,
		wait: Duration,
	) -> Result<Arc<dyn Database<DbHash>>, StartError> {
		let count = columns::SDK_COLUMNS + 1;
		let mut config = kvdb_rocksdb::DatabaseConfig::with_columns(count);
		config.create_if_missing = create;
		let state = (self.cache_size as f64 * STATE_SHARE) as usize;
		let rest = (self.cache_size - state) / (count as usize - 1);
		config.memory_budget = (0..count)
			.map(|column| (column, if column == columns::STATE { state } else { rest }))
			.collect();
		let deadline = Instant::now() + wait;
		let mut told = false;
		loop {
			let made = if create { make(&self.path, count) } else { Ok(()) };
			let opened = made.and_then(|()| {
				kvdb_rocksdb::Database::open(&config, &self.path).map_err(|error| error.to_string())
			});
			let reason = match opened {
				Ok(database) => return Ok(sp_database::as_database(database)),
				Err(reason) => reason,
			};
			let path = self.path.clone();
			if !is_locked(&reason) {
				return Err(StartError::Local { path, reason });
			}
			if Instant::now() >= deadline {
				return Err(StartError::InUse { path, seconds: wait.as_secs() });
			}
			if !told {
				tracing::info!(
					target: "thin",
					path = %path.display(),
					"Another process has the local database open, waiting for it to end"
				);
				told = true;
			}
			std::thread::sleep(LOCK_PAUSE);
		}
	}
}

/// Makes a database with all its columns at once. Whoever leaves that to kvdb gets one after the other,
/// each with files of its own that are written through to the disk.
fn make(path: &Path, columns: u32) -> Result<(), String> {
	let mut options = rocksdb::Options::default();
	options.create_if_missing(true);
	options.create_missing_column_families(true);
	rocksdb::DB::open_cf(&options, path, (0..columns).map(rocksdb_name))
		.map(drop)
		.map_err(|error| error.to_string())
}

/// Points the configuration of a thin node at its local database alone: for commands that ask for
/// nothing of the image. The configuration of another node is left as it is.
pub fn without_image(config: &mut Configuration) -> Result<(), StartError> {
	let Some(local) = LocalPath::of(&config.database) else { return Ok(()) };
	if let Found::Thin = local.find() {
		let db = local.open(false)?;
		config.database = DatabaseSource::Custom { db, require_create_flag: false };
	}
	Ok(())
}

fn has_entries(path: &Path) -> bool {
	std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}

impl Marker {
	/// Reads the marker of an open thin database.
	pub fn read(upper: &dyn Database<DbHash>) -> Result<Self, String> {
		let bytes = upper.get(columns::THIN, MARKER).ok_or("it has no marker")?;
		Self::decode_all(&mut &bytes[..]).map_err(|error| format!("unreadable marker: {error}"))
	}

	/// Writes it.
	pub fn write(&self, upper: &dyn Database<DbHash>) -> Result<(), String> {
		let mut transaction = Transaction::new();
		transaction.set_from_vec(columns::THIN, MARKER, self.encode());
		upper.commit(transaction).map_err(|error| error.to_string())
	}
}

/// What a thin database remembers of genesis, so that its runtime need not be asked again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct GenesisRecord {
	/// [`crate::genesis::fingerprint`] of the chain spec that it was computed from.
	pub fingerprint: Option<[u8; 32]>,
	/// What came out.
	pub anchor: Anchor,
}

impl GenesisRecord {
	/// Reads the record of an open thin database. `None` when there is none that can be read.
	pub fn read(upper: &dyn Database<DbHash>) -> Option<Self> {
		let bytes = upper.get(columns::THIN, GENESIS)?;
		Self::decode_all(&mut &bytes[..]).ok()
	}

	/// Writes it.
	pub fn write(&self, upper: &dyn Database<DbHash>) -> Result<(), String> {
		let mut transaction = Transaction::new();
		transaction.set_from_vec(columns::THIN, GENESIS, self.encode());
		upper.commit(transaction).map_err(|error| error.to_string())
	}
}

/// As of when the registration of the snapshot was proven, at the first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ProvenRecord {
	/// The time of that block, in milliseconds since 1970.
	pub time: u64,
}

impl ProvenRecord {
	/// Reads the record of an open thin database. `None` for a snapshot without a registration.
	pub fn read(upper: &dyn Database<DbHash>) -> Option<Self> {
		let bytes = upper.get(columns::THIN, PROVEN)?;
		Self::decode_all(&mut &bytes[..]).ok()
	}

	/// Writes it.
	pub fn write(&self, upper: &dyn Database<DbHash>) -> Result<(), String> {
		let mut transaction = Transaction::new();
		transaction.set_from_vec(columns::THIN, PROVEN, self.encode());
		upper.commit(transaction).map_err(|error| error.to_string())
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_start_waits_for_who_has_the_database() {
		let home = tempfile::tempdir().unwrap();
		let local = LocalPath { path: home.path().join("db"), cache_size: 16 };
		let held = local.open(true).unwrap();
		let error = local.open_within(false, Duration::ZERO).err().unwrap().to_string();
		assert!(error.contains("is still open in another process after 0 seconds"), "{error}");
		std::thread::scope(|scope| {
			let waits = scope.spawn(|| local.open(false).is_ok());
			// It can't get it before; whether it has begun to wait makes no difference.
			std::thread::sleep(LOCK_PAUSE);
			assert!(!waits.is_finished());
			drop(held);
			assert!(waits.join().unwrap());
		});
	}

	#[test]
	fn other_errors_are_told_at_once() {
		let home = tempfile::tempdir().unwrap();
		let local = LocalPath { path: home.path().join("none"), cache_size: 16 };
		assert!(matches!(local.open(false), Err(StartError::Local { .. })));
	}
}
