//! An embedded 0-db: the same protocol, the same files.
//!
//! [`Server::start`] serves a data and an index folder as the server of 0-db does, for one
//! machine, for tests, and for a first hour without another program. What it does, it does as
//! 0-db 2.0.7: answers are the same byte for byte, and either program opens what the other wrote.
//! What it does not do (sequential mode, hooks, replication) it refuses.
//!
//! * **Durability**: what was answered is in the files and survives the end of the process,
//!   however it ends. With [`ServerOptions::sync`] it is on the disk before the answer and
//!   survives power loss as well.
//! * **Concurrency**: writes to one namespace are made one after another. Reads don't wait for
//!   them: they look up the location in memory and read the file, on whichever thread the
//!   connection runs.
//! * **Memory**: grows with the number of keys. Everything else is bounded by
//!   [`Limits`]: a client that sends or takes its bytes slowly waits, or is sent away.
//!
//! Read-only, several servers can serve one folder at the same time.

mod command;
mod connection;
mod database;
mod files;
mod format;
mod keymap;
mod mapped;
mod namespace;
mod recovery;
mod resp;
mod scan;
mod segment;
mod server;
mod session;
mod stats;
mod workers;

#[cfg(any(test, fuzzing))]
pub(crate) use resp::read_requests;

pub use recovery::LoadError;
#[doc(hidden)]
pub use resp::{parse_requests, RequestError};
pub use server::{Server, ServerHandle};

use std::{io, path::PathBuf, time::Duration};

/// The longest key, in bytes.
pub const MAX_KEY: usize = 255;
/// The longest value, in bytes.
pub const MAX_VALUE: usize = 8 * 1024 * 1024;
/// The port 0-db listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 9900;
/// The data file size at which a new pair of files is begun, in bytes.
pub const DEFAULT_DATA_SIZE: u64 = 256 * 1024 * 1024;
/// The smallest data file size that can be asked for, in bytes.
pub const MIN_DATA_SIZE: u64 = 512 * 1024;
/// The largest data file size that can be asked for, in bytes: offsets have 32 bits.
pub const MAX_DATA_SIZE: u64 = u32::MAX as u64 - 1;

/// Arguments of one command, its name included.
const MAX_ARGUMENTS: usize = 1024;
/// Bytes of one whole command.
const MAX_REQUEST: usize = MAX_VALUE + 512 * 1024;

/// What a server serves, and how.
#[derive(Debug, Clone)]
pub struct ServerOptions {
	/// The folder of the data files.
	pub data: PathBuf,
	/// The folder of the index files. Not the one of the data files.
	pub index: PathBuf,
	/// Where to listen: `host:port`, port 0 for any free one.
	pub listen: String,
	/// The administrator's password. Without one, every client is an administrator.
	pub admin: Option<String>,
	/// Whether writing to the namespace `default` takes the administrator's password.
	pub protect: bool,
	/// Whether nothing is ever written, so that others can serve the same folders.
	pub read_only: bool,
	/// The data file size at which a new pair of files is begun, in bytes.
	pub data_size: u64,
	/// Whether every write is on the disk before it is answered.
	pub sync: bool,
	/// How much clients may ask for.
	pub limits: Limits,
}

impl ServerOptions {
	/// Serves these folders on the loopback interface, on any free port.
	pub fn new(data: impl Into<PathBuf>, index: impl Into<PathBuf>) -> Self {
		Self {
			data: data.into(),
			index: index.into(),
			listen: "127.0.0.1:0".into(),
			admin: None,
			protect: false,
			read_only: false,
			data_size: DEFAULT_DATA_SIZE,
			sync: false,
			limits: Limits::default(),
		}
	}
}

/// How much clients may ask for. The memory that connections take is at most
/// `connections` times 1 MiB and `large_requests` times 17 MiB.
#[derive(Debug, Clone)]
pub struct Limits {
	/// Connections at the same time. Another one is told so and closed.
	pub connections: usize,
	/// Commands of more than 256 KiB that are received at the same time. Others wait.
	pub large_requests: usize,
	/// Namespaces beside `default`.
	pub namespaces: usize,
	/// How long a command may take to arrive, from its first byte to its last.
	pub request_time: Duration,
	/// How long a client may take none of the bytes it asked for.
	pub reply_time: Duration,
}

impl Default for Limits {
	fn default() -> Self {
		Self {
			connections: 1024,
			large_requests: 32,
			namespaces: 1024,
			request_time: Duration::from_secs(60),
			reply_time: Duration::from_secs(60),
		}
	}
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
	/// A folder can't be used.
	#[error("{path} can't be used: {error}. Name another folder, or mend its rights")]
	Folder {
		/// The folder or a file in it.
		path: PathBuf,
		/// The cause.
		error: io::Error,
	},
	/// Data and index files have the same names in all but a letter; 0-db keeps them apart.
	#[error("{0} can't hold both the data and the index files: name two folders")]
	SameFolder(PathBuf),
	/// Somebody else holds the folder.
	#[error(
		"{0} is in use by another server; stop it, or let both serve it read-only (--read-only)"
	)]
	InUse(PathBuf),
	/// `protect` asks for a password there is not.
	#[error("protecting the namespace default takes an administrator's password (--admin)")]
	ProtectWithoutAdmin,
	/// Not a size for data files.
	#[error("data files of {0} bytes: at least 524288 and at most 4294967294 are possible")]
	DataSize(u64),
	/// An administrator's password that no client could send.
	#[error("the administrator's password has to be 1 to 128 bytes long")]
	AdminPassword,
	/// The address can't be listened on.
	#[error("can't listen on {address}: {error}. Name another address with --listen")]
	Listen {
		/// The address asked for.
		address: String,
		/// The cause.
		error: io::Error,
	},
	/// The system gave no threads.
	#[error("can't start the server's threads: {0}")]
	Threads(io::Error),
	/// A namespace can't be opened.
	#[error(transparent)]
	Load(#[from] LoadError),
}
