//! The columns and keys of a Substrate database, as sc-client-db lays them out.
//!
//! The SDK keeps these numbers to itself; they are part of its on-disk format and have been
//! stable for years. `tests::the_sdk_agrees` holds them against a database the SDK wrote.

use sp_database::ColumnId;

/// Best and finalized block, genesis hash, leaves. Never read from an image.
pub const META: ColumnId = 0;
/// Trie nodes, by prefix and hash.
pub const STATE: ColumnId = 1;
/// Pruning mode and journals. Never read from an image.
pub const STATE_META: ColumnId = 2;
/// Number to block key, and hash to block key.
pub const KEY_LOOKUP: ColumnId = 3;
/// Headers, by block key.
pub const HEADER: ColumnId = 4;
/// Bodies, by block key.
pub const BODY: ColumnId = 5;
/// Justifications, by block key.
pub const JUSTIFICATIONS: ColumnId = 6;
/// What consensus engines keep. Never read from an image.
pub const AUX: ColumnId = 8;
/// Off-chain workers' storage. Never in an image.
pub const OFFCHAIN: ColumnId = 9;
/// Indexed transactions, by hash.
pub const TRANSACTION: ColumnId = 11;
/// Bodies that point into [`TRANSACTION`], by block key.
pub const BODY_INDEX: ColumnId = 12;

/// How many columns the SDK has.
pub const SDK_COLUMNS: u32 = 13;
/// Our own column in the local database of a thin node: tombstones and the marker.
pub const THIN: ColumnId = 13;

/// Keys in [`META`].
pub mod meta {
	/// The kind of database: `full`.
	pub const TYPE: &[u8] = b"type";
	/// Block key of the best block.
	pub const BEST: &[u8] = b"best";
	/// Block key of the last finalized block.
	pub const FINALIZED: &[u8] = b"final";
	/// The genesis hash.
	pub const GENESIS: &[u8] = b"gen";
}

/// The name RocksDB knows a column by.
pub fn rocksdb_name(column: ColumnId) -> String {
	format!("col{column}")
}

/// What a person calls a column.
pub fn title(column: ColumnId) -> &'static str {
	match column {
		META => "META",
		STATE => "STATE",
		STATE_META => "STATE_META",
		KEY_LOOKUP => "KEY_LOOKUP",
		HEADER => "HEADER",
		BODY => "BODY",
		JUSTIFICATIONS => "JUSTIFICATIONS",
		AUX => "AUX",
		OFFCHAIN => "OFFCHAIN",
		TRANSACTION => "TRANSACTION",
		BODY_INDEX => "BODY_INDEX",
		THIN => "THIN",
		_ => "unused",
	}
}

/// The key of a block in every column but the state's: its number, big-endian, and its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockKey {
	/// The block's number.
	pub number: u32,
	/// The block's hash: 32 bytes.
	pub hash: [u8; 32],
}

impl BlockKey {
	/// The key of this block.
	pub fn new(number: u32, hash: [u8; 32]) -> Self {
		Self { number, hash }
	}

	/// Reads 36 bytes; `None` when there are more or fewer.
	pub fn parse(bytes: &[u8]) -> Option<Self> {
		let (number, hash) = bytes.split_first_chunk::<4>()?;
		Some(Self { number: u32::from_be_bytes(*number), hash: hash.try_into().ok()? })
	}

	/// The 36 bytes.
	pub fn bytes(&self) -> Vec<u8> {
		[&number_key(self.number)[..], &self.hash].concat()
	}
}

/// The key of a number in [`KEY_LOOKUP`].
pub fn number_key(number: u32) -> [u8; 4] {
	number.to_be_bytes()
}
