//! `thin-mount serve`

use super::{failure::Failure, output::Output, service};
use rustix::process::{getrlimit, setrlimit, Resource};
use serde_json::json;
use signal_hook::{
	consts::{SIGINT, SIGTERM},
	iterator::Signals,
};
use std::path::PathBuf;
use thin_mount::zdb::{Server, ServerOptions, DEFAULT_DATA_SIZE};

const EXAMPLES: &str = "\
Examples:
  thin-mount serve --data /srv/zdb/data --index /srv/zdb/index
  thin-mount serve --data d --index i --listen '[::]:9900' --admin SECRET --protect
  thin-mount serve --data d --index i --listen 127.0.0.1:0 --read-only
";

/// Open descriptors asked of the system: connections, files, and some.
const DESCRIPTORS: u64 = 8192;

/// Serve a folder as 0-db does
///
/// Speaks the protocol of 0-db and keeps its files: either program opens what the other wrote.
/// What was answered is in the files whenever this process ends; with --sync it is on the disk.
/// Stops on SIGINT and SIGTERM. A service manager is told when it listens (`Type=notify`).
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	/// Folder of the data files; made if need be
	#[arg(long, value_name = "DIR")]
	data: PathBuf,

	/// Folder of the index files; made if need be; not the one of the data files
	#[arg(long, value_name = "DIR")]
	index: PathBuf,

	/// Address and port to listen on; port 0 takes any free one
	///
	/// The default is reached from this machine only. Without --admin, whoever reaches the server
	/// may do everything.
	#[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9900")]
	listen: String,

	/// The administrator's password; without one every client is an administrator
	///
	/// Taken from the environment variable THIN_MOUNT_ADMIN when it is not given here, where
	/// everybody on this machine can see it.
	#[arg(long, value_name = "PASSWORD")]
	admin: Option<String>,

	/// Ask for the administrator's password before anybody writes to the namespace default
	#[arg(long)]
	protect: bool,

	/// Never write, so that several servers can serve the same folders at the same time
	#[arg(long)]
	read_only: bool,

	/// Size at which new files are begun, in bytes
	#[arg(long, value_name = "BYTES", default_value_t = DEFAULT_DATA_SIZE)]
	datasize: u64,

	/// Answer a write when it is on the disk, so that it survives power loss
	#[arg(long)]
	sync: bool,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	// Before the server starts: a signal that comes early stops it too.
	let mut signals = Signals::new([SIGINT, SIGTERM])?;
	raise_descriptor_limit();
	let mut options = ServerOptions::new(args.data, args.index);
	options.listen = args.listen;
	options.admin = args.admin.or_else(|| std::env::var("THIN_MOUNT_ADMIN").ok());
	options.protect = args.protect;
	options.read_only = args.read_only;
	options.data_size = args.datasize;
	options.sync = args.sync;
	let server = Server::start(options).map_err(Failure::environment)?;
	let address = server.address().to_string();
	output.json(|| json!({ "event": "listening", "address": address }))?;
	output.text(format_args!("listening on {address}"))?;
	output.flush()?;
	service::ready(&format!("listening on {address}"));
	signals.forever().next();
	service::stopping();
	server.stop();
	Ok(())
}

/// Asks for as many descriptors as the limits of the server need, where the usual limit of a
/// shell is lower. Without them, connections wait.
fn raise_descriptor_limit() {
	let mut limit = getrlimit(Resource::Nofile);
	let wanted = limit.maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS));
	if limit.current.is_some_and(|current| current < wanted) {
		limit.current = Some(wanted);
		if let Err(error) = setrlimit(Resource::Nofile, limit) {
			tracing::warn!(%error, "could not raise the limit of open files");
		}
	}
}
