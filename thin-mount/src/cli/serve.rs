//! `thin-mount serve`: an embedded 0-db.

use signal_hook::{
	consts::{SIGINT, SIGTERM},
	iterator::Signals,
};
use std::{
	io::Write,
	path::PathBuf,
	process::ExitCode,
};
use thin_mount::zdb::{Server, ServerOptions, DEFAULT_DATA_SIZE};

/// Serve a folder as 0-db does.
///
/// Speaks the protocol of 0-db and keeps its files: either program opens what the other wrote.
/// What was answered is in the files, whenever this process ends; with --sync it is on the disk.
#[derive(Debug, clap::Args)]
pub struct Args {
	/// Folder of the data files; made when it is not there.
	#[arg(long, value_name = "DIR")]
	data: PathBuf,

	/// Folder of the index files; made when it is not there. Not the one of the data files.
	#[arg(long, value_name = "DIR")]
	index: PathBuf,

	/// Address and port to listen on; port 0 takes any free one.
	///
	/// The default is reached from this machine only. Set --admin before you listen on another.
	#[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9900")]
	listen: String,

	/// The administrator's password. Without one every client is an administrator.
	#[arg(long, value_name = "PASSWORD", env = "THIN_MOUNT_ADMIN", hide_env_values = true)]
	admin: Option<String>,

	/// Ask for the administrator's password before anybody writes to the namespace default.
	#[arg(long, requires = "admin")]
	protect: bool,

	/// Never write, so that several servers can serve the same folders at the same time.
	#[arg(long)]
	read_only: bool,

	/// Size in bytes at which a new pair of files is begun.
	#[arg(long, value_name = "BYTES", default_value_t = DEFAULT_DATA_SIZE)]
	datasize: u64,

	/// Answer a write only when it is on the disk, so that it survives power loss.
	#[arg(long)]
	sync: bool,
}

impl Args {
	/// Serves until SIGINT or SIGTERM.
	pub fn run(self, json: bool) -> anyhow::Result<ExitCode> {
		// Before the server starts: a signal that comes early stops it too.
		let mut signals = Signals::new([SIGINT, SIGTERM])?;
		let mut options = ServerOptions::new(self.data, self.index);
		options.listen = self.listen;
		options.admin = self.admin;
		options.protect = self.protect;
		options.read_only = self.read_only;
		options.data_size = self.datasize;
		options.sync = self.sync;
		let server = Server::start(options)?;
		let address = server.address();
		let mut stdout = std::io::stdout().lock();
		if json {
			let line = serde_json::json!({ "event": "listening", "address": address.to_string() });
			writeln!(stdout, "{line}")?;
		} else {
			writeln!(stdout, "listening on {address}")?;
		}
		stdout.flush()?;
		drop(stdout);
		signals.forever().next();
		server.stop();
		Ok(ExitCode::SUCCESS)
	}
}
