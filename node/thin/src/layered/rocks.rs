//! RocksDB as an image: opened read-only, and touching as little as it can.

use super::{OnEntry, Place, RawDatabase, ReadError, ScanDatabase, Table};
use crate::columns;
use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
use rocksdb::{
	BlockBasedOptions, Cache, ColumnFamilyDescriptor, IteratorMode, LiveFile, Options, ReadOptions,
	DB,
};
use sp_database::ColumnId;
use std::{
	path::{Path, PathBuf},
	time::Duration,
};

/// The blocks of the image that are kept uncompressed in memory, when nobody says how much.
const BLOCK_CACHE_BYTES: usize = 128 * 1024 * 1024;
/// RocksDB keeps index and filter of each open table in memory.
const MAX_OPEN_FILES: i32 = 512;
/// A store may be away for a moment: a read is tried this often before the node gives up.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);
/// How long readers may be kept waiting, at most, for one who wants all files closed.
const MOMENT: Duration = Duration::from_millis(50);

/// The RocksDB of a Substrate node, mounted or in a folder.
pub struct ImageDatabase {
	/// `None` when it was closed and could not be opened again: the next read tries once more.
	db: RwLock<Option<DB>>,
	/// Outlives a database that is closed: blocks are known by the table they come from. `None` when none is
	/// kept.
	cache: Option<Cache>,
	path: PathBuf,
	log_dir: PathBuf,
}

impl ImageDatabase {
	/// Opens the folder read-only. RocksDB's own log goes to `log_dir`, which must exist.
	///
	/// Errors when there is no RocksDB with the SDK's columns.
	pub fn open(path: &Path, log_dir: &Path) -> Result<Self, ReadError> {
		Self::with_cache(path, log_dir, BLOCK_CACHE_BYTES)
	}

	/// The same, with so many bytes of blocks kept in memory.
	pub fn with_cache(path: &Path, log_dir: &Path, bytes: usize) -> Result<Self, ReadError> {
		Self::new(path, log_dir, Some(Cache::new_lru_cache(bytes)))
	}

	/// The same, with no block kept in memory but those that lead to the values: every read of a value
	/// reads a file, and what it reads last is the block with the value.
	pub fn without_cache(path: &Path, log_dir: &Path) -> Result<Self, ReadError> {
		Self::new(path, log_dir, None)
	}

	fn new(path: &Path, log_dir: &Path, cache: Option<Cache>) -> Result<Self, ReadError> {
		let database = Self {
			db: RwLock::new(None),
			cache,
			path: path.to_owned(),
			log_dir: log_dir.to_owned(),
		};
		*database.db.write() = Some(database.open_files()?);
		Ok(database)
	}

	fn open_files(&self) -> Result<DB, ReadError> {
		let mut options = Options::default();
		options.set_max_open_files(MAX_OPEN_FILES);
		// It would read every table of the image before the first answer.
		options.set_skip_stats_update_on_db_open(true);
		options.set_db_log_dir(&self.log_dir);
		options.set_keep_log_file_num(1);

		let mut blocks = BlockBasedOptions::default();
		match &self.cache {
			Some(cache) => {
				blocks.set_block_cache(cache);
				blocks.set_cache_index_and_filter_blocks(true);
				blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
			},
			// Each open table then keeps its own index and filter.
			None => blocks.disable_cache(),
		}
		// Makes the whole-key filters the SDK wrote usable.
		blocks.set_bloom_filter(10.0, true);
		let mut column_options = Options::default();
		column_options.set_block_based_table_factory(&blocks);

		let columns = (0..columns::SDK_COLUMNS).map(|column| {
			ColumnFamilyDescriptor::new(columns::rocksdb_name(column), column_options.clone())
		});
		let names: Vec<_> = columns.collect();
		DB::open_cf_descriptors_read_only(&options, &self.path, names, false)
			.map_err(|error| ReadError(error.to_string()))
	}

	/// The database, opened if it is not.
	fn opened(&self) -> Result<MappedRwLockReadGuard<'_, DB>, ReadError> {
		loop {
			if let Ok(db) = RwLockReadGuard::try_map(self.db.read(), Option::as_ref) {
				return Ok(db);
			}
			let mut db = self.db.write();
			if db.is_none() {
				*db = Some(self.open_files()?);
			}
		}
	}

	/// Closes all files, calls `closed`, and opens them anew. `false` when readers have left no moment for
	/// that, and all is as it was.
	///
	/// Errors when it can't be opened any more. Then every read tries to, and says so.
	pub fn reopen(&self, closed: impl FnOnce()) -> Result<bool, ReadError> {
		let Some(mut db) = self.db.try_write_for(MOMENT) else { return Ok(false) };
		*db = None;
		closed();
		*db = Some(self.open_files()?);
		Ok(true)
	}

	fn read(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		let db = self.opened()?;
		let name = columns::rocksdb_name(column);
		let family =
			db.cf_handle(&name).ok_or_else(|| ReadError(format!("there is no column {name}")))?;
		db.get_cf(family, key).map_err(|error| ReadError(error.to_string()))
	}
}

impl RawDatabase for ImageDatabase {
	fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		let mut attempt = 1;
		loop {
			match self.read(column, key) {
				Err(error) if attempt < ATTEMPTS => {
					tracing::warn!(target: "thin", %error, attempt, "the image can't be read, trying again");
					attempt += 1;
					std::thread::sleep(PAUSE);
				},
				read => return read,
			}
		}
	}

	fn place(&self, column: ColumnId, key: &[u8]) -> Option<Place> {
		let column = columns::rocksdb_name(column);
		let files = self.opened().ok()?.live_files().ok()?;
		let mut tables: Vec<Table> = files
			.into_iter()
			.filter(|file| file.column_family_name == column && may_hold(file, key))
			.map(|file| Table {
				name: file.name.trim_start_matches('/').to_owned(),
				level: file.level,
				content: None,
			})
			.collect();
		// As RocksDB looks: tables of level 0 overlap, and the last one written counts.
		// Names are numbers, longer ones with more digits.
		let age = |table: &Table| (table.name.len(), table.name.clone());
		tables.sort_by(|a, b| a.level.cmp(&b.level).then_with(|| age(b).cmp(&age(a))));
		Some(Place { tables, origin: None })
	}
}

fn may_hold(file: &LiveFile, key: &[u8]) -> bool {
	file.start_key.as_deref().is_some_and(|start| start <= key)
		&& file.end_key.as_deref().is_some_and(|end| key <= end)
}

/// What RocksDB always has, and the SDK keeps nothing in.
const DEFAULT: &str = "default";
/// How far a scan reads ahead.
const READ_AHEAD_BYTES: usize = 1024 * 1024;

impl ScanDatabase for ImageDatabase {
	fn scan(&self, column: ColumnId, each: OnEntry<'_>) -> Result<(), ReadError> {
		let db = self.opened()?;
		let name = columns::rocksdb_name(column);
		let family =
			db.cf_handle(&name).ok_or_else(|| ReadError(format!("there is no column {name}")))?;
		let mut options = ReadOptions::default();
		options.set_readahead_size(READ_AHEAD_BYTES);
		options.fill_cache(false);
		for entry in db.iterator_cf_opt(family, options, IteratorMode::Start) {
			let (key, value) = entry.map_err(|error| ReadError(error.to_string()))?;
			if !each(&key, &value) {
				break;
			}
		}
		Ok(())
	}

	fn strange_columns(&self) -> Vec<String> {
		let names = match DB::list_cf(&Options::default(), &self.path) {
			Ok(names) => names,
			Err(error) => return vec![format!("the columns can't be listed: {error}")],
		};
		let known = |name: &String| {
			name == DEFAULT
				|| (0..columns::SDK_COLUMNS).any(|column| *name == columns::rocksdb_name(column))
		};
		let strangers = names.into_iter().filter(|name| !known(name));
		let mut strange: Vec<_> =
			strangers.map(|name| format!("column {name} has no place in an image")).collect();
		let db = match self.opened() {
			Ok(db) => db,
			Err(error) => return vec![error.to_string()],
		};
		if let Some(family) = db.cf_handle(DEFAULT) {
			if db.iterator_cf(family, IteratorMode::Start).next().is_some() {
				strange.push(format!("column {DEFAULT} has no place in an image, and isn't empty"));
			}
		}
		strange
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::testing::Chain;
	use std::fs;

	#[test]
	fn a_database_is_opened_anew_between_two_reads() {
		let home = tempfile::tempdir().unwrap();
		let (folder, away) = (home.path().join("full"), home.path().join("away"));
		let chain = Chain::new(9, &[]);
		chain.database().write_to(&folder);
		let image = ImageDatabase::open(&folder, home.path()).unwrap();
		let key = chain.key(7).bytes();
		let header = || image.get(columns::HEADER, &key);
		let before = header().unwrap();
		assert!(before.is_some());
		let is_open = || {
			let links = fs::read_dir("/proc/self/fd").unwrap();
			let mut files = links.filter_map(|link| fs::read_link(link.unwrap().path()).ok());
			files.any(|file| file.starts_with(&folder))
		};
		assert!(is_open());
		let mut was_open = None;
		assert_eq!(image.reopen(|| was_open = Some(is_open())), Ok(true));
		assert_eq!(was_open, Some(false));
		assert_eq!(header().unwrap(), before);

		// Nobody takes the files from one who reads.
		let reader = image.opened().unwrap();
		assert_eq!(image.reopen(|| panic!("it is being read")), Ok(false));
		drop(reader);
		assert_eq!(header().unwrap(), before);

		// What can't be opened just now is tried again by the next read.
		image.reopen(|| fs::rename(&folder, &away).unwrap()).unwrap_err();
		fs::rename(&away, &folder).unwrap();
		assert_eq!(header().unwrap(), before);
	}
}
