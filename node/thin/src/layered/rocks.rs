//! RocksDB as an image: opened read-only, and touching as little as it can.

use super::{OnEntry, Place, RawDatabase, ReadError, ScanDatabase, Table};
use crate::columns;
use rocksdb::{
	BlockBasedOptions, Cache, ColumnFamilyDescriptor, IteratorMode, LiveFile, Options, ReadOptions,
	DB,
};
use sp_database::ColumnId;
use std::{
	path::{Path, PathBuf},
	time::Duration,
};

/// The blocks of the image that are kept uncompressed in memory.
const BLOCK_CACHE_BYTES: usize = 128 * 1024 * 1024;
/// RocksDB keeps index and filter of each open table in memory.
const MAX_OPEN_FILES: i32 = 512;
/// A store may be away for a moment: a read is tried this often before the node gives up.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);

/// The RocksDB of a Substrate node, mounted or in a folder.
pub struct ImageDatabase {
	db: DB,
	path: PathBuf,
}

impl ImageDatabase {
	/// Opens the folder read-only. RocksDB's own log goes to `log_dir`, which must exist.
	///
	/// Errors when there is no RocksDB with the SDK's columns.
	pub fn open(path: &Path, log_dir: &Path) -> Result<Self, ReadError> {
		let mut options = Options::default();
		options.set_max_open_files(MAX_OPEN_FILES);
		// It would read every table of the image before the first answer.
		options.set_skip_stats_update_on_db_open(true);
		options.set_db_log_dir(log_dir);
		options.set_keep_log_file_num(1);

		let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
		let mut blocks = BlockBasedOptions::default();
		blocks.set_block_cache(&cache);
		blocks.set_cache_index_and_filter_blocks(true);
		blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
		// Makes the whole-key filters the SDK wrote usable.
		blocks.set_bloom_filter(10.0, true);
		let mut column_options = Options::default();
		column_options.set_block_based_table_factory(&blocks);

		let columns = (0..columns::SDK_COLUMNS).map(|column| {
			ColumnFamilyDescriptor::new(columns::rocksdb_name(column), column_options.clone())
		});
		let names: Vec<_> = columns.collect();
		let db = DB::open_cf_descriptors_read_only(&options, path, names, false)
			.map_err(|error| ReadError(error.to_string()))?;
		Ok(Self { db, path: path.to_owned() })
	}
}

impl RawDatabase for ImageDatabase {
	fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		let name = columns::rocksdb_name(column);
		let family = self
			.db
			.cf_handle(&name)
			.ok_or_else(|| ReadError(format!("there is no column {name}")))?;
		let mut attempt = 1;
		loop {
			match self.db.get_cf(family, key) {
				Ok(value) => return Ok(value),
				Err(error) if attempt < ATTEMPTS => {
					tracing::warn!(target: "thin", %error, attempt, "the image can't be read, trying again");
					attempt += 1;
					std::thread::sleep(PAUSE);
				},
				Err(error) => return Err(ReadError(error.to_string())),
			}
		}
	}

	fn place(&self, column: ColumnId, key: &[u8]) -> Option<Place> {
		let column = columns::rocksdb_name(column);
		let files = self.db.live_files().ok()?;
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
		let name = columns::rocksdb_name(column);
		let family = self
			.db
			.cf_handle(&name)
			.ok_or_else(|| ReadError(format!("there is no column {name}")))?;
		let mut options = ReadOptions::default();
		options.set_readahead_size(READ_AHEAD_BYTES);
		options.fill_cache(false);
		for entry in self.db.iterator_cf_opt(family, options, IteratorMode::Start) {
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
		if let Some(family) = self.db.cf_handle(DEFAULT) {
			if self.db.iterator_cf(family, IteratorMode::Start).next().is_some() {
				strange.push(format!("column {DEFAULT} has no place in an image, and isn't empty"));
			}
		}
		strange
	}
}
