//! The commands `mount` and `unmount` as scripts use them, and what `kill -9` leaves.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/servers.rs"]
mod servers;
#[path = "common/service.rs"]
mod service;
#[path = "common/trees.rs"]
mod trees;

use rand::{rngs::StdRng, Rng, SeedableRng};
use std::{
	fs,
	io::{BufRead, BufReader, Read, Write},
	path::PathBuf,
	process::{Child, Command, Output, Stdio},
	time::{Duration, Instant},
};
use trees::{fuse, noise};

fn program(arguments: &[&str]) -> Command {
	let mut command = Command::new(env!("CARGO_BIN_EXE_thin-mount"));
	command.args(arguments).env_remove("RUST_LOG");
	command
}

fn run(arguments: &[&str]) -> Output {
	program(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
	String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a store, an image of a few files in it, and a mountpoint.
struct Place {
	folder: tempfile::TempDir,
	store: String,
	image: String,
}

impl Place {
	fn new() -> Self {
		let folder = tempfile::tempdir().unwrap();
		for name in ["source", "store", "mnt"] {
			fs::create_dir(folder.path().join(name)).unwrap();
		}
		let store = format!("dir://{}", folder.path().join("store").display());
		Self::with_store(folder, store)
	}

	fn with_store(folder: tempfile::TempDir, store: String) -> Self {
		for number in 0..5 {
			let path = folder.path().join("source").join(number.to_string());
			fs::write(path, noise(number, 400_000)).unwrap();
		}
		let source = folder.path().join("source");
		let packed = run(&["pack", &source.display().to_string(), "--store", &store]);
		assert!(packed.status.success(), "{}", text(&packed.stderr));
		let image = text(&packed.stdout).trim().to_owned();
		assert_eq!(image.len(), 64);
		Self { folder, store, image }
	}

	fn path(&self, name: &str) -> PathBuf {
		self.folder.path().join(name)
	}

	fn mnt(&self) -> String {
		self.path("mnt").display().to_string()
	}

	fn mount(&self, more: &[&str]) -> Command {
		let mut command = program(&["mount", &self.image, &self.mnt(), "--store", &self.store]);
		command.args(more);
		command
	}

	/// Mounts in the foreground, and waits until it is said to be there.
	fn foreground(&self, more: &[&str]) -> Child {
		let mut child =
			self.mount(more).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
		let mut line = String::new();
		BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
		assert_eq!(line, format!("mounted {}\n", self.mnt()));
		child
	}

	fn check(&self) {
		for number in 0..5 {
			let bytes = fs::read(self.path("mnt").join(number.to_string())).unwrap();
			assert!(bytes == noise(number, 400_000));
		}
	}

	fn is_empty(&self) -> bool {
		fs::read_dir(self.path("mnt")).unwrap().next().is_none()
	}
}

impl Drop for Place {
	fn drop(&mut self) {
		let _ = run(&["unmount", &self.mnt()]);
	}
}

fn signal(child: &Child, signal: rustix::process::Signal) {
	let process = rustix::process::Pid::from_child(child);
	rustix::process::kill_process(process, signal).unwrap();
}

#[test]
fn a_foreground_mount_ends_with_a_signal_and_leaves_nothing() {
	if !fuse() {
		return;
	}
	let place = Place::new();
	for end in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
		let mut child = place.foreground(&[]);
		place.check();
		signal(&child, end);
		assert_eq!(child.wait().unwrap().code(), Some(0));
		assert!(place.is_empty());
	}
}

#[test]
fn a_foreground_mount_ends_when_it_is_unmounted() {
	if !fuse() {
		return;
	}
	let place = Place::new();
	let mut child = place.foreground(&[]);
	let done = run(&["unmount", &place.mnt()]);
	assert_eq!(
		(done.status.code(), text(&done.stdout)),
		(Some(0), format!("unmounted {}\n", place.mnt()))
	);
	assert!(place.is_empty());
	assert_eq!(child.wait().unwrap().code(), Some(0));
	assert_eq!(run(&["unmount", &place.mnt()]).status.code(), Some(1));
}

#[test]
fn a_background_mount_is_there_when_the_command_returns() {
	if !fuse() {
		return;
	}
	let place = Place::new();
	let upper = place.path("upper").display().to_string();
	for more in [&["--json"][..], &["--write", "overlay", "--upper", &upper, "--json"]] {
		// `output` returns when nobody holds the pipes any more: so the command lets go of them.
		let done = place.mount(more).arg("--background").output().unwrap();
		assert!(done.status.success(), "{}", text(&done.stderr));
		let line: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
		assert_eq!(line["event"], "mounted");
		assert_eq!(line["mountpoint"], *place.mnt());
		place.check();
		assert!(run(&["unmount", &place.mnt()]).status.success());
		assert!(place.is_empty());
	}
	assert!(!fs::exists(place.path("upper/lower/0")).unwrap());
}

#[test]
fn a_service_manager_is_told_of_mounts_in_the_foreground() {
	if !fuse() {
		return;
	}
	let place = Place::new();
	let manager = service::ServiceManager::new(place.folder.path());
	let mut command = place.mount(&[]);
	manager.watch(&mut command);
	let mut child = command.stdout(Stdio::null()).spawn().unwrap();
	assert_eq!(manager.told(), format!("READY=1\nSTATUS=mounted {}\n", place.mnt()));
	place.check();
	signal(&child, rustix::process::Signal::TERM);
	assert_eq!(child.wait().unwrap().code(), Some(0));
	assert_eq!(manager.told(), "STOPPING=1\n");
	// A command that is part of some other service's start does not make that one ready.
	let mut command = place.mount(&["--background"]);
	manager.watch(&mut command);
	assert!(command.output().unwrap().status.success());
	place.check();
	assert!(run(&["unmount", &place.mnt()]).status.success());
	assert!(!manager.has_more());
}

#[test]
fn what_can_not_be_mounted_is_one_sentence_and_an_exit_code() {
	if !fuse() {
		return;
	}
	let place = Place::new();
	let absent = "ab".repeat(32);
	let nowhere = place.path("nowhere").display().to_string();
	let (mnt, store, image) = (place.mnt(), &place.store, &place.image);
	for (arguments, code, words) in [
		(vec!["mount", &absent, &mnt, "--store", store], 1, "in none of the stores"),
		(vec!["mount", image, &nowhere, "--store", store], 2, "does not exist"),
		(
			vec!["mount", image, &mnt, "--store", "zdb://:hunter2@127.0.0.1:1/x"],
			2,
			"can't be reached",
		),
		(vec!["mount", image, &mnt, "--store", "ftp://x"], 2, "is no store"),
		(vec!["mount", image, &mnt, "--store", store, "--write", "overlay"], 2, "--upper"),
		(vec!["mount", image, &mnt, "--store", store, "--upper", "/x"], 2, "--write overlay"),
		(vec!["mount", "xyz", &mnt, "--store", store], 2, "no"),
	] {
		for background in [false, true] {
			let mut command = program(&arguments);
			if background {
				command.arg("--background");
			}
			let done = command.output().unwrap();
			let message = text(&done.stderr);
			assert_eq!(done.status.code(), Some(code), "{arguments:?}: {message}");
			assert!(message.contains(words) && !message.contains("hunter2"), "{message}");
			assert!(!message.contains("panicked"), "{message}");
		}
	}
	assert!(place.is_empty());
}

#[test]
fn a_mount_records_what_is_read_and_answers_prometheus() {
	if !fuse() {
		return;
	}
	let place = Place::new();
	let path = |name: &str| place.path(name).display().to_string();
	let (trace, cache) = (path("trace"), path("cache"));
	let address = servers::own_address().to_string();
	let listener = std::net::TcpListener::bind(&address).unwrap();
	let taken = place.mount(&["--metrics", &address]).output().unwrap();
	let message = text(&taken.stderr);
	assert!(taken.status.code() == Some(2) && message.contains(&address), "{message}");
	assert!(place.is_empty());
	drop(listener);
	let mut child = place.foreground(&["--metrics", &address, "--record-trace", &trace]);
	fs::read(place.path("mnt/3")).unwrap();
	let mut connection = std::net::TcpStream::connect(&address).unwrap();
	connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
	let mut page = String::new();
	connection.read_to_string(&mut page).unwrap();
	assert!(page.contains(&format!("thin_mount_info{{image=\"{}\"}} 1\n", place.image)), "{page}");
	assert!(page.contains("thin_mount_read_bytes_total 400000\n"), "{page}");
	signal(&child, rustix::process::Signal::TERM);
	assert_eq!(child.wait().unwrap().code(), Some(0));
	// The inner node and seven leaves of one file.
	let lines = fs::read_to_string(&trace).unwrap();
	assert_eq!(lines.lines().filter(|line| !line.starts_with('#')).count(), 8);

	let source = path("source");
	let packed = run(&["pack", &source, "--trace", &trace, "--store", &place.store]);
	let image = text(&packed.stdout).trim().to_owned();
	let mut command = program(&["mount", &image, &place.mnt(), "--store", &place.store]);
	command.args(["--cache", &cache, "--hydrate", "background", "--background"]);
	assert!(command.output().unwrap().status.success());
	let end = Instant::now() + Duration::from_secs(60);
	loop {
		let status = text(&run(&["status", &place.mnt()]).stdout);
		if status.contains("hydration done: 28 chunks")
			&& status.contains("ahead     8 chunks")
			&& status.contains("100.0 % of the image")
		{
			break;
		}
		assert!(Instant::now() < end, "{status}");
		std::thread::sleep(Duration::from_millis(50));
	}
	place.check();
}

#[test]
fn a_killed_mount_is_taken_away_by_the_next_and_its_cache_is_right() {
	if !fuse() {
		return;
	}
	let place = Place::new();
	let cache = place.path("cache").display().to_string();
	for turn in 0..15u64 {
		let mut child = place.foreground(&["--cache", &cache]);
		let path = place.path("mnt");
		let reader = std::thread::spawn(move || {
			for number in [turn % 5, (turn + 1) % 5] {
				if let Ok(bytes) = fs::read(path.join(number.to_string())) {
					assert!(bytes == noise(number, 400_000));
				}
			}
		});
		std::thread::sleep(Duration::from_millis(turn * 3));
		child.kill().unwrap();
		child.wait().unwrap();
		reader.join().unwrap();
	}
	let mut child = place.foreground(&["--cache", &cache]);
	place.check();
	child.kill().unwrap();
	child.wait().unwrap();
	assert_eq!(fs::read_dir(place.path("mnt")).unwrap_err().raw_os_error(), Some(libc::ENOTCONN));
	assert!(run(&["unmount", &place.mnt()]).status.success());
	assert!(place.is_empty());
}

#[test]
fn a_killed_overlay_is_taken_away_by_the_next() {
	if !fuse() {
		return;
	}
	let place = Place::new();
	let upper = place.path("upper").display().to_string();
	let overlay = ["--write", "overlay", "--upper", &upper];
	let mut child = place.foreground(&overlay);
	fs::write(place.path("mnt/own"), b"kept").unwrap();
	child.kill().unwrap();
	child.wait().unwrap();
	let mut child = place.foreground(&overlay);
	place.check();
	assert_eq!(fs::read(place.path("mnt/own")).unwrap(), b"kept");
	child.kill().unwrap();
	child.wait().unwrap();
	assert!(run(&["unmount", &place.mnt()]).status.success());
	assert!(place.is_empty());
}

#[test]
fn a_server_that_is_killed_and_comes_back_is_a_pause_for_readers() {
	if !fuse() {
		return;
	}
	for mut server in servers::zdbs() {
		let folder = tempfile::tempdir().unwrap();
		for name in ["source", "mnt"] {
			fs::create_dir(folder.path().join(name)).unwrap();
		}
		let made = server.ask(&[&["AUTH", "secret"]], &["NSNEW", "images"]);
		assert!(!matches!(made, Ok(redis::Value::ServerError(_))), "{made:?}");
		let place = Place::with_store(folder, format!("zdb://{}/images", server.address));
		let child = place.foreground(&[]);
		let end = Instant::now() + Duration::from_secs(3);
		let path = place.path("mnt");
		let reader = std::thread::spawn(move || {
			let mut reads = 0;
			while Instant::now() < end || reads < 20 {
				let number = reads % 5;
				let file = fs::File::open(path.join(number.to_string())).unwrap();
				rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
				drop(file);
				let bytes = fs::read(path.join(number.to_string())).unwrap();
				assert!(bytes == noise(number, 400_000));
				reads += 1;
			}
		});
		for _ in 0..4 {
			std::thread::sleep(Duration::from_millis(300));
			server.kill();
			std::thread::sleep(Duration::from_millis(200));
			server.restart();
		}
		reader.join().unwrap();
		signal(&child, rustix::process::Signal::TERM);
		let mut child = child;
		assert_eq!(child.wait().unwrap().code(), Some(0));
	}
}

/// Mounts that share a cache, and their store, are killed at random points while they are read. What
/// can be read is right, always, and in the end all of it can be. `THIN_CRASH_ROUNDS=500` for more.
#[test]
fn mounts_and_stores_killed_at_random_points_serve_nothing_wrong() {
	if !fuse() {
		return;
	}
	let rounds = std::env::var("THIN_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
	let rounds: u64 = rounds.unwrap_or(12);
	let seed: u64 = rand::random();
	println!("seed {seed}, {rounds} rounds");
	let mut random = StdRng::seed_from_u64(seed);
	let mut server = servers::zdbs().remove(0);
	let folder = tempfile::tempdir().unwrap();
	for name in ["source", "mnt", "other"] {
		fs::create_dir(folder.path().join(name)).unwrap();
	}
	server.ask(&[&["AUTH", "secret"]], &["NSNEW", "images"]).unwrap();
	let place = Place::with_store(folder, format!("zdb://{}/images", server.address));
	let path = |name: &str| place.path(name).display().to_string();
	let (cache, other, store) = (path("cache"), path("other"), place.store.clone());
	let (mut right, mut failed, mut unmounted, mut round) = (0, 0, 0, 0);
	// How often a kill comes before a read and how often after it depends on the machine.
	while round < rounds || (right == 0 || failed == 0) && round < 20 * rounds {
		round += 1;
		let more: &[&str] = match random.gen_range(0..4) {
			0 => &["--hydrate", "background"],
			1 => &["--cache-size", "1500K"],
			2 => &["--no-passthrough", "--no-prefetch"],
			_ => &[],
		};
		let start = |mnt: &str| {
			let mut command = program(&["mount", &place.image, mnt, "--cache", &cache]);
			command.args(["--timeout", "1", "--store", &store]).args(more);
			command.stdout(Stdio::piped()).stderr(Stdio::null());
			let mut child = command.spawn().unwrap();
			let mut line = String::new();
			BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
			// It may have no superblock in the cache, and no store at this moment.
			(child, !line.is_empty())
		};
		let mut mounts = [start(&place.mnt()), start(&other)];
		unmounted += mounts.iter().filter(|(_, mounted)| !mounted).count();
		let reads: Vec<(PathBuf, u64)> = (0..6)
			.map(|_| {
				let mnt = ["mnt", "other"][random.gen_range(0..2)];
				let file = random.gen_range(0..5);
				(place.path(mnt).join(file.to_string()), file)
			})
			.collect();
		let kills: Vec<_> = (0..2).map(|_| random.gen_range(0..60)).collect();
		let store_dies = random.gen_bool(0.3);
		let pause = Duration::from_millis(random.gen_range(0..30));
		let outcomes: Vec<Option<bool>> = std::thread::scope(|scope| {
			let readers: Vec<_> = reads
				.chunks(2)
				.map(|reads| {
					scope.spawn(move || {
						let read = |(path, file): &(PathBuf, u64)| {
							fs::read(path).ok().map(|bytes| bytes == noise(*file, 400_000))
						};
						reads.iter().map(read).collect::<Vec<_>>()
					})
				})
				.collect();
			if store_dies {
				std::thread::sleep(pause);
				server.kill();
			}
			for ((child, _), after) in mounts.iter_mut().zip(kills) {
				std::thread::sleep(Duration::from_millis(after));
				child.kill().unwrap();
				child.wait().unwrap();
			}
			readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
		});
		assert!(!outcomes.contains(&Some(false)), "seed {seed}, round {round}: wrong bytes");
		right += outcomes.iter().flatten().count();
		failed += outcomes.iter().filter(|outcome| outcome.is_none()).count();
		if store_dies && random.gen_bool(0.7) {
			server.restart();
		}
	}
	println!("{right} reads were right, {failed} failed, {unmounted} mounts were not made");
	assert!(right > 0 && failed > 0, "nothing was tried in {round} rounds");
	// The store is away: what is in the cache is right, or it is not there.
	server.kill();
	for mnt in ["mnt", "other"] {
		let _ = run(&["unmount", &path(mnt)]);
	}
	let alone = ["--cache", &cache, "--timeout", "1", "--background"];
	if place.mount(&alone).output().unwrap().status.success() {
		for number in 0..5 {
			if let Ok(bytes) = fs::read(place.path("mnt").join(number.to_string())) {
				assert!(bytes == noise(number, 400_000), "seed {seed}");
			}
		}
		assert!(run(&["unmount", &place.mnt()]).status.success());
	}
	server.restart();
	let hydrate = ["hydrate", &place.image, "--cache", &cache, "--store", &store];
	let hydrated = run(&hydrate);
	assert!(hydrated.status.success(), "{}", text(&hydrated.stderr));
	// Nothing was altered by all this: only torn, which the map doesn't call present.
	assert!(!text(&hydrated.stderr).contains("altered"), "{}", text(&hydrated.stderr));
	server.kill();
	assert!(place.mount(&alone).output().unwrap().status.success());
	place.check();
}
