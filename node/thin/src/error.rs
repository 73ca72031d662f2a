//! Why a thin start, or the making of a snapshot, does not go on.

use crate::{
	genesis::GenesisError,
	layered::ReadError,
	proof::{ProofError, SnapshotProofError},
	registration::PolicyError,
	source::SourceError,
};
use pallet_snapshots::SnapshotId;
use std::path::PathBuf;

/// Why a node can't be started from a snapshot. Each says what, why and what to do next; nothing
/// that was there before is changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
	/// The base path is taken.
	#[error(
		"{} holds another database. A snapshot needs an empty base path: choose one with \
		 --base-path, or remove the old database with purge-chain",
		.0.display()
	)]
	OtherDatabase(PathBuf),
	/// The base path is taken by another snapshot.
	#[error(
		"this base path was started from snapshot {found:?}, not {asked:?}. Leave out --thin-from \
		 to go on with it, or choose another --base-path"
	)]
	OtherSnapshot {
		/// What is there.
		found: SnapshotId,
		/// What was asked for.
		asked: SnapshotId,
	},
	/// Flags that don't go together.
	#[error("{0}")]
	Usage(String),
	/// The database of the node is of a kind that can't be thin.
	#[error(
		"a thin node keeps its own blocks in RocksDB: leave out --database, or say \
		 --database rocksdb"
	)]
	NotRocksDb,
	/// The local database can't be used.
	#[error(
		"the local database {} can't be opened: {reason}. If no other node uses it, look after its \
		 disk, or remove it with purge-chain and start again with --thin-from",
		path.display()
	)]
	Local {
		/// Its folder.
		path: PathBuf,
		/// The cause.
		reason: String,
	},
	/// Another process has the local database.
	#[error(
		"the local database {} is still open in another process after {seconds} seconds: stop \
		 the other node, or choose another --base-path",
		path.display()
	)]
	InUse {
		/// Its folder.
		path: PathBuf,
		/// How long it was waited for.
		seconds: u64,
	},
	/// The local database is thin and broken.
	#[error(
		"the thin database {} can't be used: {reason}. Remove it with purge-chain and start \
		 again with --thin-from",
		path.display()
	)]
	Marker {
		/// Its folder.
		path: PathBuf,
		/// The cause.
		reason: String,
	},
	/// No genesis to trust.
	#[error(transparent)]
	Genesis(#[from] GenesisError),
	/// The proof can't be had.
	#[error(transparent)]
	Source(#[from] SourceError),
	/// The registration is not proven.
	#[error(
		"the proof of snapshot {id} from {source_name} does not hold: {error}. Nothing of it was \
		 taken over: give another source with --thin-proof, or none, to look in the stores"
	)]
	Registration {
		/// The snapshot, or `latest`.
		id: String,
		/// Who gave it.
		source_name: String,
		/// What does not hold.
		error: SnapshotProofError,
	},
	/// The registration is proven, and is not as it should be.
	#[error(transparent)]
	Policy(#[from] PolicyError),
	/// The snapshot is of another chain.
	#[error(
		"snapshot {id:?} is of the chain with genesis {theirs}, and this node's chain spec has \
		 genesis {ours}: start with the right --chain"
	)]
	OtherChain {
		/// The snapshot.
		id: SnapshotId,
		/// Its genesis hash.
		theirs: String,
		/// Ours.
		ours: String,
	},
	/// The block is not proven.
	#[error(
		"snapshot {id:?} is not proven: {error}. Give another store with --thin-store, or start \
		 from another snapshot"
	)]
	Proof {
		/// The snapshot.
		id: SnapshotId,
		/// What does not hold.
		error: ProofError,
	},
	/// Neither proof nor image can be had.
	#[error("{0}")]
	Stores(String),
	/// The image can't be mounted or restored.
	#[error("the image of the snapshot can't be mounted: {0}")]
	Mount(String),
	/// The image can't be read as a database.
	#[error("{0}. Check the stores of the snapshot, or start from another one")]
	Image(#[from] ReadError),
	/// The SDK refused what was proven.
	#[error(
		"the local database can't be made: {0}. Nothing of it was kept: look after the disk and \
		 start again; if it stays so, start from another snapshot"
	)]
	Bootstrap(String),
}

/// Why no snapshot was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
	/// There is no database to make one of.
	#[error("{} holds no RocksDB database of a node: {reason}", path.display())]
	NoDatabase {
		/// Where it was looked for.
		path: PathBuf,
		/// What is missing.
		reason: String,
	},
	/// A file could not be linked, copied, read or written.
	#[error(
		"{} can't be linked, copied or written: {error}. It takes the rights of the node's user, \
		 and room on that disk",
		path.display()
	)]
	File {
		/// The file.
		path: PathBuf,
		/// The system's word.
		error: std::io::Error,
	},
	/// The node changed its files faster than they could be linked.
	#[error(
		"the node compacts its database faster than it can be copied: no consistent copy in \
		 {attempts} attempts. Try again when it has less to do"
	)]
	Busy {
		/// How often it was tried.
		attempts: u32,
	},
	/// RocksDB refused the copy.
	#[error(
		"the copy of the database can't be used: {0}. The database itself was not touched: try \
		 again, with the node stopped if it stays so"
	)]
	Copy(String),
	/// The database says nothing that a snapshot could be made of.
	#[error("this database can't be made a snapshot: {0}")]
	Unsuitable(String),
	/// The chain of finality is not whole.
	#[error(
		"the finality of block {number} can't be proven from this database: {error}. Make the \
		 snapshot of a node that has synced from genesis"
	)]
	Proof {
		/// The block.
		number: u64,
		/// What does not hold.
		error: ProofError,
	},
	/// The image could not be packed or stored.
	#[error("{0}")]
	Pack(String),
	/// No genesis to hold the database against.
	#[error(transparent)]
	Genesis(#[from] GenesisError),
}
