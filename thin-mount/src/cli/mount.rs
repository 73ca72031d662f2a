//! `thin-mount mount`

use super::{failure::Failure, output::Output, reading::ImageArgs, service};
use anyhow::{anyhow, Context};
use clap::ValueEnum;
use serde_json::json;
use signal_hook::{
	consts::{SIGHUP, SIGINT, SIGTERM},
	iterator::Signals,
};
use std::{
	ffi::OsString,
	fs::File,
	io::{self, BufRead, BufReader, Write},
	os::{fd::AsRawFd, unix::process::CommandExt},
	path::{Path, PathBuf},
	process::{Command, Stdio},
	sync::mpsc::{channel, RecvTimeoutError},
	time::Duration,
};
use thin_mount::{
	cache::CacheOptions,
	metrics::{prometheus, MetricsServer},
	mount::{mount, Hydrate, Mount, MountOptions, WriteLayer},
	trace,
};

/// How often to look whether somebody else has unmounted.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  thin-mount mount 5f0c… /mnt --store zdb://host/images
  thin-mount mount 5f0c… /mnt --store zdb://host/images --cache /var/cache/thin --cache-size 20G
  thin-mount mount 5f0c… /mnt --store zdb://host/images --write overlay --upper /data/own
  thin-mount mount 5f0c… /mnt --store zdb://a/images zdb://b/images --background
  thin-mount mount 5f0c… /mnt --store zdb://host/images --cache /var/cache/thin \
      --hydrate background --hydrate-rate 50M
";

/// Mount an image
///
/// Fetches what is read, when it is read, and verifies every byte. Stays in the foreground until it
/// is unmounted or gets SIGINT or SIGTERM. A service manager is told when it is mounted (`Type=notify`).
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
	/// An empty directory
	mountpoint: PathBuf,
	/// Keep what was fetched in this folder, which any number of mounts may share
	#[arg(long, value_name = "DIR")]
	cache: Option<PathBuf>,
	/// The most bytes the cache may take, as in 20G; without it, as many as there are
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse, requires = "cache")]
	cache_size: Option<u64>,
	/// Where writes go
	#[arg(long, value_enum, value_name = "LAYER", default_value = "none")]
	write: Layer,
	/// The folder for what is written; what was written there before is seen again
	#[arg(long, value_name = "DIR", required_if_eq("write", "overlay"))]
	upper: Option<PathBuf>,
	/// How many seconds a read may wait for the stores
	#[arg(long, value_name = "SECONDS", default_value_t = 30,
		value_parser = clap::value_parser!(u64).range(1..=86_400))]
	timeout: u64,
	/// What is fetched that nobody has asked for; needs --cache
	#[arg(long, value_enum, value_name = "HOW", default_value = "none")]
	hydrate: Hydration,
	/// The most bytes that are fetched so in a second, as in 50M; without it, as many as come
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse)]
	hydrate_rate: Option<u64>,
	/// Write to this file which chunks are read first, in which order: for 'pack --trace'
	#[arg(long, value_name = "FILE")]
	record_trace: Option<PathBuf>,
	/// Fetch nothing ahead: not the trace of the image, nor what follows what is read
	#[arg(long)]
	no_prefetch: bool,
	/// Answer Prometheus at this address, under /metrics: docs/METRICS.md says with what
	#[arg(long, value_name = "HOST:PORT")]
	metrics: Option<String>,
	/// Don't let the kernel read cached files by itself
	#[arg(long)]
	no_passthrough: bool,
	/// Return once it is mounted, and go on in the background
	#[arg(long)]
	background: bool,
	/// With --background: append messages to this file, which are lost otherwise
	#[arg(long, value_name = "FILE", requires = "background")]
	log: Option<PathBuf>,
	/// Set by --background for the process that it starts
	#[arg(long, hide = true, value_enum)]
	detached: Option<Messages>,
}

/// Where messages go once the process that was asked for has returned.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Messages {
	/// Nowhere.
	Dropped,
	/// To standard error, which is a file.
	Kept,
}

/// What is fetched that nobody has asked for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Hydration {
	/// Nothing
	None,
	/// All of the image, whenever nobody reads
	Background,
}

/// Where writes go.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layer {
	/// Nowhere: read-only
	None,
	/// The kernel's overlayfs (root only; not for ParityDB)
	Overlay,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	if args.upper.is_some() && args.write == Layer::None {
		return Err(Failure::environment(anyhow!(
			"--upper has a meaning with --write overlay only"
		)));
	}
	if args.hydrate_rate.is_some() && args.hydrate == Hydration::None {
		return Err(Failure::environment(anyhow!(
			"--hydrate-rate has a meaning with --hydrate background only"
		)));
	}
	if args.background {
		return in_background(args.log.as_deref());
	}
	// Before anything is mounted: a signal that comes early takes it away again.
	let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
	let (ended, end) = channel();
	std::thread::Builder::new().name("signals".into()).spawn(move || {
		let _ = signals.forever().next();
		let _ = ended.send(());
	})?;
	let mount = mount(options(&args)?)?;
	let metrics = args.metrics.as_deref().map(|address| serve_metrics(&mount, address));
	let _metrics = metrics.transpose()?;
	let place = args.mountpoint.display().to_string();
	output.json(|| json!({ "event": "mounted", "mountpoint": place }))?;
	output.text(format_args!("mounted {place}"))?;
	output.flush()?;
	match args.detached {
		Some(messages) => let_go(messages)?,
		// Who starts it in the background is told by the command that returns.
		None => service::ready(&format!("mounted {place}")),
	}
	let mut recorded = 0;
	while end.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) && mount.is_mounted() {
		write_trace(&mount, args.record_trace.as_deref(), &mut recorded)?;
	}
	if args.detached.is_none() {
		service::stopping();
	}
	write_trace(&mount, args.record_trace.as_deref(), &mut recorded)?;
	finish(mount, output)
}

fn serve_metrics(mount: &Mount, address: &str) -> anyhow::Result<MetricsServer> {
	let figures = mount.figures();
	MetricsServer::start(address, move || prometheus(&figures()))
		.with_context(|| format!("answering Prometheus at {address}"))
}

/// Writes the trace when it has grown: whoever kills this process has most of it.
fn write_trace(mount: &Mount, path: Option<&Path>, recorded: &mut usize) -> Result<(), Failure> {
	let (Some(path), Some(trace)) = (path, mount.trace()) else { return Ok(()) };
	if trace.len() > *recorded {
		trace::write(path, mount.image(), &trace).map_err(Failure::environment)?;
		*recorded = trace.len();
	}
	Ok(())
}

fn finish(mount: Mount, output: &mut Output) -> Result<(), Failure> {
	let stats = mount.stats();
	mount.unmount()?;
	// Whoever started this may have stopped listening long ago.
	let _ = output.json(|| json!({ "event": "unmounted", "stats": stats }));
	let _ = output.flush();
	Ok(())
}

/// Nobody reads the pipes any more: writing there would be an error.
fn let_go(messages: Messages) -> io::Result<()> {
	let null = File::options().write(true).open("/dev/null")?;
	let mut streams = vec![libc::STDOUT_FILENO];
	if messages == Messages::Dropped {
		streams.push(libc::STDERR_FILENO);
	}
	for stream in streams {
		// SAFETY: both descriptors are open, and nothing in this process owns a standard stream.
		if unsafe { libc::dup2(null.as_raw_fd(), stream) } < 0 {
			return Err(io::Error::last_os_error());
		}
	}
	Ok(())
}

fn options(args: &Args) -> Result<MountOptions, Failure> {
	let stores = args.image.stores.open()?;
	let mut options = MountOptions::new(args.image.image, stores, &args.mountpoint);
	options.fetch.deadline = Duration::from_secs(args.timeout);
	options.cache = args
		.cache
		.as_ref()
		.map(|folder| CacheOptions { folder: folder.clone(), limit: args.cache_size });
	options.passthrough = !args.no_passthrough;
	options.prefetch = !args.no_prefetch;
	if args.hydrate == Hydration::Background {
		options.hydrate = Hydrate::Background { rate: args.hydrate_rate };
	}
	options.record_trace = args.record_trace.as_ref().map(|_| trace::RECORDED);
	if let Some(upper) = &args.upper {
		options.write = WriteLayer::Overlay { upper: upper.clone() };
	}
	Ok(options)
}

/// Starts this program once more, with the same arguments and in a session of its own, and waits
/// for its first line.
fn in_background(log: Option<&Path>) -> Result<(), Failure> {
	let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
	let background = arguments.iter().position(|argument| argument == "--background");
	let background = background.ok_or_else(|| anyhow!("--background must stand by itself"))?;
	arguments.remove(background);
	let options = arguments.iter().position(|argument| argument == "--");
	let after = arguments.split_off(options.unwrap_or(arguments.len()));
	if let Some(at) = arguments.iter().position(|argument| argument == "--log") {
		arguments.drain(at..(at + 2).min(arguments.len()));
	}
	arguments.retain(|argument| !argument.to_string_lossy().starts_with("--log="));
	let messages = if log.is_some() { "kept" } else { "dropped" };
	arguments.extend(["--detached", messages].map(OsString::from));
	let mut command = Command::new(std::env::current_exe().context("finding this program")?);
	command
		.args(arguments)
		.args(after)
		.stdin(Stdio::null())
		.stdout(Stdio::piped())
		.stderr(Stdio::piped());
	// SAFETY: what runs between fork and exec is one system call, which is safe there.
	unsafe {
		command.pre_exec(|| {
			rustix::process::setsid()?;
			Ok(())
		});
	}
	let log = log
		.map(|path| File::options().create(true).append(true).open(path))
		.transpose()
		.context("opening the log file")?;
	if let Some(log) = log {
		command.stderr(log);
	}
	let mut child = command.spawn().context("starting in the background")?;
	let messages = child.stderr.take().map(|stderr| {
		std::thread::spawn(move || io::copy(&mut BufReader::new(stderr), &mut io::stderr()))
	});
	let mut line = String::new();
	if let Some(stdout) = child.stdout.take() {
		BufReader::new(stdout).read_line(&mut line)?;
	}
	if line.starts_with("mounted ") || line.contains("\"event\":\"mounted\"") {
		let mut stdout = io::stdout();
		stdout.write_all(line.as_bytes())?;
		stdout.flush()?;
		return Ok(());
	}
	let status = child.wait()?;
	if let Some(messages) = messages {
		let _ = messages.join();
	}
	// It has said why, on the same standard error; under --json, also in the line.
	io::stdout().write_all(line.as_bytes())?;
	std::process::exit(status.code().unwrap_or(2));
}
