//! The manifest: what a snapshot is, in the same words for every chain.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;
use sp_runtime::traits::Hash;

use super::SnapshotId;

/// A database snapshot, described completely.
///
/// It holds no runtime types: hashes are 32 bytes, numbers are 64 bits, whatever the chain uses.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Manifest {
	/// The hash of block 0 of the chain whose database this is.
	pub genesis_hash: H256,
	/// The number of the block at which the database stands.
	pub block_number: u64,
	/// The hash of that block.
	pub block_hash: H256,
	/// The state root in the header of that block.
	pub state_root: H256,
	/// The image id: the hash of the image's superblock.
	pub image: H256,
	/// The length of all files of the image together, in bytes.
	pub logical_size: u64,
	/// What wrote the database.
	pub database: Database,
	/// Which old states and blocks the database keeps.
	pub pruning: Pruning,
}

impl Manifest {
	/// The snapshot id: the hash of the SCALE encoding of the manifest.
	///
	/// `H` is the hash function of the chain that registers the snapshot
	/// (`frame_system::Config::Hashing`), which is not always the chain the snapshot is of.
	pub fn id<H>(&self) -> SnapshotId
	where
		H: Hash,
		H::Output: Into<H256>,
	{
		H::hash_of(self).into()
	}

	/// Whether nobody can honestly vouch for both manifests.
	///
	/// They contradict each other when they name different blocks at one height of one chain, or
	/// different state roots of one block, or different images of the same database (kind, version
	/// and pruning) at one block. An image is canonical: those who vouch agree on one of them.
	pub fn contradicts(&self, other: &Self) -> bool {
		if self.genesis_hash != other.genesis_hash || self.block_number != other.block_number {
			return false;
		}
		if self.block_hash != other.block_hash || self.state_root != other.state_root {
			return true;
		}
		self.database == other.database
			&& self.pruning == other.pruning
			&& (self.image != other.image || self.logical_size != other.logical_size)
	}
}

/// What wrote a database, and in which version of its column layout.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Database {
	/// The storage engine.
	pub kind: DatabaseKind,
	/// The version of the layout: the number in the `db_version` file of the SDK.
	pub version: u32,
}

/// The storage engines that nodes of the SDK know.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "std", serde(rename_all = "lowercase"))]
pub enum DatabaseKind {
	/// RocksDB.
	#[codec(index = 0)]
	RocksDb,
	/// ParityDB.
	#[codec(index = 1)]
	ParityDb,
}

/// Which old states and blocks a database keeps.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	Debug,
	Encode,
	Decode,
	DecodeWithMemTracking,
	TypeInfo,
	MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "std", serde(rename_all = "kebab-case"))]
pub enum Pruning {
	/// The state of every block.
	#[codec(index = 0)]
	Archive,
	/// The state of every block of the canonical chain.
	#[codec(index = 1)]
	ArchiveCanonical,
	/// The state of this many blocks behind the newest finalized one.
	#[codec(index = 2)]
	Keep(u32),
}

/// The part of a manifest that the chain can't know: what the publisher packed.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct ImageInfo {
	/// The image id: the hash of the image's superblock.
	pub image: H256,
	/// The length of all files of the image together, in bytes.
	pub logical_size: u64,
	/// What wrote the database.
	pub database: Database,
	/// Which old states and blocks the database keeps.
	pub pruning: Pruning,
}

impl ImageInfo {
	/// The manifest of this image at a block.
	pub fn at(
		self,
		genesis_hash: H256,
		block_number: u64,
		block_hash: H256,
		state_root: H256,
	) -> Manifest {
		let Self { image, logical_size, database, pruning } = self;
		Manifest {
			genesis_hash,
			block_number,
			block_hash,
			state_root,
			image,
			logical_size,
			database,
			pruning,
		}
	}
}
