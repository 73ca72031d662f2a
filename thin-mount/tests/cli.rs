//! The command line over folder stores, from the outside.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use std::{
	fs,
	os::unix::fs::{symlink, MetadataExt},
	path::{Path, PathBuf},
	process::{Command, Output},
};

struct Place {
	dir: tempfile::TempDir,
}

impl Place {
	fn new() -> Self {
		let dir = tempfile::tempdir().unwrap();
		let source = dir.path().join("source");
		fs::create_dir_all(source.join("sub/deep")).unwrap();
		fs::write(source.join("sub/deep/file"), "content".repeat(50_000)).unwrap();
		fs::write(source.join("sub/LOCK"), "").unwrap();
		fs::write(source.join("naïve ☃"), "snow").unwrap();
		fs::hard_link(source.join("naïve ☃"), source.join("sub/snow")).unwrap();
		symlink("sub/deep", source.join("link")).unwrap();
		Self { dir }
	}

	fn path(&self, name: &str) -> PathBuf {
		self.dir.path().join(name)
	}

	fn url(&self, name: &str) -> String {
		format!("dir://{}", self.path(name).display())
	}

	fn run(&self, args: &[&str]) -> Output {
		Command::new(env!("CARGO_BIN_EXE_thin-mount"))
			.args(args)
			.current_dir(self.dir.path())
			.env_remove("RUST_LOG")
			.output()
			.unwrap()
	}

	/// Standard output of a run that must end well and without a word on standard error.
	fn fine(&self, args: &[&str]) -> String {
		let output = self.run(args);
		let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
		assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
		assert_eq!(text(&output.stderr), "", "{args:?}");
		text(&output.stdout)
	}

	/// Exit code and standard error of a run that must fail.
	fn failing(&self, args: &[&str]) -> (i32, String) {
		let output = self.run(args);
		let code = output.status.code().unwrap();
		assert_ne!(code, 0, "{args:?}");
		(code, String::from_utf8(output.stderr).unwrap())
	}

	fn pack(&self) -> String {
		let out = self.fine(&["pack", "source", "--store", &self.url("store")]);
		let id = out.strip_suffix('\n').unwrap().to_owned();
		assert_eq!(id.len(), 64);
		assert!(id.bytes().all(|b| b.is_ascii_hexdigit()), "the id stands alone: {out}");
		id
	}
}

fn json_lines(text: &str) -> Vec<Value> {
	text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every stored chunk, as files.
fn chunk_files(store: &Path) -> Vec<PathBuf> {
	let mut files = Vec::new();
	for fan in fs::read_dir(store.join("chunks")).unwrap() {
		files.extend(fs::read_dir(fan.unwrap().path()).unwrap().map(|f| f.unwrap().path()));
	}
	files
}

#[test]
fn pack_then_hydrate_gives_the_same_tree() {
	let place = Place::new();
	let id = place.pack();
	let store = place.url("store");
	place.fine(&["hydrate", &id, "--to", "copy", "--store", &store]);
	let diff = Command::new("diff")
		.args(["-r", "--no-dereference"])
		.args([place.path("source"), place.path("copy")])
		.status()
		.unwrap();
	assert!(diff.success());
	assert_eq!(fs::metadata(place.path("copy/sub/snow")).unwrap().nlink(), 2);
	assert_eq!(place.fine(&["pack", "copy", "--store", &store]).trim(), id);
	let (code, error) = place.failing(&["hydrate", &id, "--to", "copy", "--store", &store]);
	assert_eq!(code, 2);
	assert!(error.contains("is not empty"), "{error}");
}

#[test]
fn a_second_pack_uploads_what_is_new() {
	let place = Place::new();
	let store = place.url("store");
	let id = place.pack();
	let args = ["pack", "source", "--json", "--store", &store];
	let second = &json_lines(&place.fine(&args))[0];
	assert_eq!(second["image"], id.as_str());
	assert_eq!((&second["new_chunks"], &second["uploaded_bytes"]), (&0.into(), &0.into()));
	fs::write(place.path("source/new"), "new").unwrap();
	let third = &json_lines(&place.fine(&args))[0];
	assert_ne!(third["image"], id.as_str());
	assert_eq!(third["new_chunks"], 3, "the file, the listing, the superblock");
}

#[test]
fn ls_and_show_tell_what_is_there() {
	let place = Place::new();
	let (id, store) = (place.pack(), place.url("store"));
	let names = |args: &[&str]| -> Vec<String> {
		let lines = json_lines(&place.fine(args));
		lines.iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect()
	};
	assert_eq!(names(&["ls", &id, "--json", "--store", &store]), ["link", "naïve ☃", "sub"]);
	assert_eq!(
		names(&["ls", &id, "/sub/", "--json", "--store", &store]),
		["sub/LOCK", "sub/deep", "sub/snow"]
	);
	assert_eq!(names(&["ls", &id, "-r", "sub", "--json", "--store", &store])[2], "sub/deep/file");
	let text = place.fine(&["ls", &id, "--store", &store]);
	assert!(text.contains("link -> sub/deep"), "{text}");
	let (code, error) = place.failing(&["ls", &id, "no/such", "--store", &store]);
	assert_eq!(code, 1);
	assert!(error.contains("no/such"), "{error}");

	let show = &json_lines(&place.fine(&["show", &id, "--json", "--store", &store]))[0];
	assert_eq!(show["files"], 3);
	assert_eq!(show["hard_links"], 1);
	assert_eq!(show["bytes"], 350_004);
	assert!(place.fine(&["show", &id, "--store", &store]).contains(&id));
}

#[test]
fn excluded_names_are_left_out() {
	let place = Place::new();
	let store = place.url("store");
	let excluded = ["--exclude", "LOCK", "--exclude", "sub/deep", "--exclude", "naïve"];
	let mut args = vec!["pack", "source", "--store", &store];
	args.extend(excluded);
	let id = place.fine(&args);
	let text = place.fine(&["ls", "-r", id.trim(), "--store", &store]);
	assert!(text.contains("naïve ☃") && text.contains("sub/snow"), "{text}");
	assert!(!text.contains("LOCK") && !text.contains("file"), "{text}");
}

#[test]
fn verify_names_the_damaged_file_and_a_replica_heals_it() {
	let place = Place::new();
	let (id, store) = (place.pack(), place.url("store"));
	place.fine(&["pack", "source", "--store", &place.url("replica")]);
	assert!(place.fine(&["verify", &id, "--store", &store]).contains("is whole"));

	// Every chunk in turn: missing, then with one bit changed.
	let (mut by_file, mut at_start) = (0, 0);
	for file in chunk_files(&place.path("store")) {
		let value = fs::read(&file).unwrap();
		fs::remove_file(&file).unwrap();
		let output = place.run(&["verify", &id, "--store", &store]);
		assert_eq!(output.status.code(), Some(1));
		let out = String::from_utf8(output.stdout).unwrap();
		match out.lines().any(|line| line.starts_with("missing ")) {
			true => by_file += 1,
			false => at_start += 1,
		}
		let mut changed = value.clone();
		*changed.last_mut().unwrap() ^= 1;
		fs::write(&file, &changed).unwrap();
		assert_eq!(place.failing(&["verify", &id, "--store", &store]).0, 1);
		let (code, _) = place.failing(&["hydrate", &id, "--to", "x", "--store", &store]);
		assert_eq!(code, 1);
		assert!(!place.path("x").exists());
		let both = ["verify", &id, "--store", &store, &place.url("replica")];
		let output = place.run(&both);
		assert_eq!(output.status.code(), Some(0), "the replica has it");
		let error = String::from_utf8(output.stderr).unwrap();
		assert!(error.contains("sent wrong bytes") && error.contains("/store"), "{error}");
		fs::write(&file, &value).unwrap();
	}
	// The superblock and the listing are no file's.
	assert_eq!(at_start, 2);
	assert!(by_file >= 4);
}

#[test]
fn a_sample_says_what_it_is_worth() {
	let place = Place::new();
	let mut many = Vec::new();
	for number in 0u32..300 {
		many.extend(number.to_le_bytes().repeat(65_536 / 4));
	}
	fs::write(place.path("source/many"), many).unwrap();
	let (id, store) = (place.pack(), place.url("store"));
	let verify = |sample| place.fine(&["verify", &id, "--sample", sample, "--store", &store]);
	let text = verify("100");
	// 299 that are no holes, 6 of the long file, 1 of the short one.
	assert!(text.contains("100 of 306 chunks of files"), "{text}");
	assert!(text.contains("0.6732 if a single one was bad"), "1 - 100/306: {text}");
	assert!(!text.contains("is whole"), "{text}");
	assert!(verify("100%").starts_with("306 of 306 chunks"));
	let args = ["verify", &id, "--sample", "5%", "--json", "--store", &store];
	let line = &json_lines(&place.fine(&args))[0];
	let (checked, leaves) = (line["checked_leaves"].as_u64().unwrap(), &line["leaves"]);
	assert!(checked < 60 && leaves == 306, "{line}");
	assert!(line["at_most_bad_with_95%_confidence"].as_u64().unwrap() > 0);
	assert_eq!(place.failing(&["verify", &id, "--sample", "0", "--store", &store]).0, 2);
}

#[test]
fn completions_and_man_pages_are_made() {
	let place = Place::new();
	for shell in ["bash", "zsh", "fish"] {
		let script = place.fine(&["completions", shell]);
		assert!(script.contains("thin-mount") && script.contains("hydrate"), "{shell}");
	}
	let checked = Command::new("bash")
		.args(["-n", "-c", &place.fine(&["completions", "bash"])])
		.status()
		.unwrap();
	assert!(checked.success());
	assert_eq!(place.failing(&["completions", "tcsh"]).0, 2);
	place.fine(&["man", "pages"]);
	let page = fs::read_to_string(place.path("pages/thin-mount-pack.1")).unwrap();
	assert!(page.contains("EXAMPLES") && page.contains("exclude"), "{page}");
	let all = fs::read_dir(place.path("pages")).unwrap().count();
	let help = place.fine(&["--help"]);
	let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
	// One for the program, and one for each command but `help`.
	let is_command = |line: &&str| line.starts_with("  ") && !line[2..].starts_with(' ');
	assert_eq!(all, commands.lines().filter(is_command).count());
	let (code, error) = place.failing(&["man", "source/sub/LOCK"]);
	assert!(code == 2 && error.contains("LOCK"), "{error}");
}

#[test]
fn what_is_wrong_is_said_and_the_exit_code_tells_its_kind() {
	let place = Place::new();
	let (id, store) = (place.pack(), place.url("store"));
	let other = "00".repeat(32);
	let cases: [(&[&str], i32, &str); 9] = [
		(&["ls", &other, "--store", &store], 1, "in none of the stores"),
		(&["ls", &id, "--store", &place.url("nowhere")], 2, "no such folder"),
		(&["ls", "5f0c", "--store", &store], 2, "64 hexadecimal digits"),
		(&["ls", &id], 2, "--store"),
		(&["ls", &id, "--store", "gopher://x"], 2, "gopher://x"),
		(&["pack", "no/such/dir", "--store", &store], 2, "no/such/dir"),
		(&["pack", "source/link", "--store", "dir://"], 2, "dir:///path"),
		(&["frobnicate"], 2, "frobnicate"),
		(&[], 2, "Examples"),
	];
	for (args, code, words) in cases {
		let (got, error) = place.failing(args);
		assert_eq!(got, code, "{args:?}: {error}");
		assert!(error.contains(words), "{args:?}: {error}");
	}
	// A chunk that is no superblock.
	let file = fs::read_dir(place.path("source")).unwrap().count();
	assert!(file > 0);
	let text = place.fine(&["ls", "-r", &id, "--json", "--store", &store]);
	let root = json_lines(&text).iter().find_map(|line| Some(line["root"].as_str()?.to_owned()));
	let (code, error) = place.failing(&["show", &root.unwrap(), "--store", &store]);
	assert_eq!(code, 1);
	assert!(error.contains("is no image"), "{error}");
	// With --json the error is a line, too.
	let output = place.run(&["--json", "ls", &other, "--store", &store]);
	let line = &json_lines(&String::from_utf8(output.stdout).unwrap())[0];
	assert_eq!(line["exit_code"], 1);
}

#[test]
fn special_files_are_refused_and_nothing_is_printed() {
	let place = Place::new();
	let _socket = std::os::unix::net::UnixListener::bind(place.path("source/sock")).unwrap();
	let output = place.run(&["pack", "source", "--store", &place.url("store")]);
	assert_eq!(output.status.code(), Some(2));
	assert!(output.stdout.is_empty());
	let error = String::from_utf8(output.stderr).unwrap();
	assert!(error.contains("sock is a socket"), "{error}");
}

#[test]
fn a_pack_that_was_killed_is_of_use_to_the_next() {
	let place = Place::new();
	let (mut bytes, mut state) = (vec![0u8; 40_000_000], 1u64);
	for eight in bytes.chunks_exact_mut(8) {
		// An xorshift generator: nothing that compresses.
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		eight.copy_from_slice(&state.to_le_bytes());
	}
	fs::write(place.path("source/large"), bytes).unwrap();
	let store = place.url("store");
	let mut child = Command::new(env!("CARGO_BIN_EXE_thin-mount"))
		.args(["pack", "source", "--store", &store])
		.current_dir(place.dir.path())
		.stdout(std::process::Stdio::null())
		.spawn()
		.unwrap();
	let chunks = place.path("store/chunks");
	while !chunks.exists() || chunk_files(&place.path("store")).is_empty() {
		std::thread::yield_now();
	}
	child.kill().unwrap();
	child.wait().unwrap();
	let before = chunk_files(&place.path("store")).len() as u64;
	assert!(before > 0);
	let packed = &json_lines(&place.fine(&["pack", "source", "--json", "--store", &store]))[0];
	let after = chunk_files(&place.path("store")).len() as u64;
	assert_eq!(packed["new_chunks"], after - before);
	let id = packed["image"].as_str().unwrap();
	assert!(place.fine(&["verify", id, "--store", &store]).contains("is whole"));
}

#[test]
fn diff_names_what_changed_and_counts_what_is_shared() {
	let place = Place::new();
	let (before, store) = (place.pack(), place.url("store"));
	fs::write(place.path("source/sub/new"), "new").unwrap();
	fs::remove_file(place.path("source/sub/LOCK")).unwrap();
	fs::write(place.path("source/sub/deep/file"), "shorter").unwrap();
	let after = place.pack();
	let lines = json_lines(&place.fine(&["diff", &before, &after, "--json", "--store", &store]));
	let changes: Vec<_> = lines
		.iter()
		.filter_map(|line| Some((line["change"].as_str()?, line["path"].as_str()?)))
		.collect();
	assert_eq!(
		changes,
		[("removed", "sub/LOCK"), ("changed", "sub/deep/file"), ("added", "sub/new")]
	);
	assert_eq!(
		(&lines[1]["before"]["bytes"], &lines[1]["after"]["bytes"]),
		(&350_000.into(), &7.into())
	);
	let summary = lines.last().unwrap();
	assert_eq!((&summary["added"], &summary["only_after"]["chunks"]), (&1.into(), &4.into()));
	assert_eq!(summary["shared"]["bytes"], 4, "the file of four bytes");
	let text = place.fine(&["diff", &before, &after, "--store", &store]);
	assert!(
		text.contains("~ sub/deep/file") && text.contains("350000 to 7 bytes: content"),
		"{text}"
	);
	assert!(text.contains("1 added, 1 removed, 1 changed"), "{text}");
	let same = place.fine(&["diff", &after, &after, "--store", &store]);
	assert!(same.starts_with("0 added, 0 removed, 0 changed"), "{same}");
	let none = "00".repeat(32);
	assert_eq!(place.failing(&["diff", &before, &none, "--store", &store]).0, 1);
}

#[test]
fn gc_deletes_what_no_kept_image_needs_and_only_when_told() {
	let place = Place::new();
	let (old, store) = (place.pack(), place.url("store"));
	fs::write(place.path("source/sub/deep/file"), "changed").unwrap();
	let new = place.pack();
	let record = place.path("store/records/thin%2F1%2Fmanifest");
	fs::create_dir_all(record.parent().unwrap()).unwrap();
	fs::write(&record, "a manifest").unwrap();
	let count = || chunk_files(&place.path("store")).len();
	let all = count();
	let gc = |args: &[&str]| {
		let mut all = vec!["gc", "--json", "--store", &store];
		all.extend(args);
		json_lines(&place.fine(&all)).remove(0)
	};

	let (code, error) = place.failing(&["gc", "--store", &store]);
	assert!(code == 2 && error.contains("--keep"), "{error}");
	let both = ["gc", "--keep", &old, "--keep-nothing", "--store", &store];
	assert_eq!(place.failing(&both).0, 2);
	let young = gc(&["--keep", &new, "--delete"]);
	assert_eq!(young["garbage"]["values"], 0, "all of it was stored within a day");
	assert!(young["young"]["values"].as_u64().unwrap() > 0);
	let found = gc(&["--keep", &new, "--grace", "0"]);
	let garbage = found["garbage"]["values"].as_u64().unwrap();
	// Two leaves that repeat, the last one and the node of the long file; listing, superblock.
	assert!(garbage >= 4, "{found}");
	assert_eq!((&found["deleted"], &found["no_chunks"]["values"]), (&false.into(), &1.into()));
	let text = place.fine(&["gc", "--keep", &new, "--grace", "0", "--store", &store]);
	assert!(text.contains("nothing was deleted: that takes --delete"), "{text}");
	assert_eq!(count(), all);
	assert_eq!(
		gc(&["--keep", &old, "--keep", &new, "--grace", "0", "--delete"])["garbage"]["values"],
		0
	);
	// An image that isn't there is no reason to take everything for garbage.
	let none = "00".repeat(32);
	let args =
		["gc", "--keep", &new, "--keep", &none, "--grace", "0", "--delete", "--store", &store];
	let (code, error) = place.failing(&args);
	assert!(code == 1 && error.contains("nothing was deleted"), "{error}");
	assert_eq!(count(), all);

	assert_eq!(gc(&["--keep", &new, "--grace", "0", "--delete"])["garbage"]["values"], garbage);
	assert_eq!(count() as u64, all as u64 - garbage);
	assert!(place.fine(&["verify", &new, "--store", &store]).contains("is whole"));
	assert_eq!(place.failing(&["show", &old, "--store", &store]).0, 1);
	gc(&["--keep-nothing", "--grace", "0", "--delete"]);
	assert_eq!(count(), 0);
	assert_eq!(fs::read(&record).unwrap(), b"a manifest");
}

#[test]
fn a_cache_is_filled_ahead_and_repaired() {
	let place = Place::new();
	let store = place.url("store");
	let image = place.fine(&["pack", "source", "--store", &store]);
	let image = image.trim();
	let hydrate = ["hydrate", image, "--cache", "cache", "--store", &store, "--json"];
	let line = |args: &[&str]| -> Value { serde_json::from_str(&place.fine(args)).unwrap() };
	let first = line(&hydrate);
	assert_eq!(first["bytes"], 350_004);
	assert_eq!((&first["failed"], &first["full"]), (&0.into(), &false.into()));
	assert_eq!(line(&hydrate)["chunks"], 0);
	// What was altered is fetched anew.
	let folders = fs::read_dir(place.path("cache/blobs")).unwrap();
	let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
	let mut paths = files.map(|file| file.unwrap().path());
	let data = paths.find(|path| path.extension().is_none()).unwrap();
	let right = fs::read(&data).unwrap();
	let mut wrong = right.clone();
	wrong[200_000] ^= 1;
	fs::write(&data, wrong).unwrap();
	let output = place.run(&hydrate);
	let line: Value = serde_json::from_slice(&output.stdout).unwrap();
	assert_eq!((output.status.code(), &line["chunks"]), (Some(0), &1.into()));
	assert!(String::from_utf8_lossy(&output.stderr).contains("a cache file is altered"));
	assert!(fs::read(&data).unwrap() == right);
	// Too small, incomplete, and said in a wrong way.
	let small = ["hydrate", image, "--cache", "c", "--cache-size", "100K", "--store", &store];
	assert!(matches!(place.failing(&small), (2, words) if words.contains("--cache-size")));
	let (code, words) = place.failing(&["hydrate", image, "--store", &store]);
	assert!(code == 2 && words.contains("--cache"), "{words}");
	fs::remove_dir_all(place.path("cache")).unwrap();
	let leaf = blake3::hash(&fs::read(place.path("source/sub/deep/file")).unwrap()[..65_536]);
	let leaf = leaf.to_hex();
	fs::remove_file(place.path("store/chunks").join(&leaf[..2]).join(&leaf[2..])).unwrap();
	let (code, words) = place.failing(&hydrate[..6]);
	assert!(code == 1 && words.contains("1 chunks"), "{words}");
}

#[test]
fn a_trace_becomes_part_of_an_image() {
	let place = Place::new();
	let store = place.url("store");
	let plain = place.fine(&["pack", "source", "--store", &store]);
	fs::write(place.path("trace"), format!("# a comment\n{}", "ab".repeat(32))).unwrap();
	let traced = place.fine(&["pack", "source", "--trace", "trace", "--store", &store]);
	assert_ne!(plain, traced);
	fs::write(place.path("trace"), "not a trace").unwrap();
	let (code, words) = place.failing(&["pack", "source", "--trace", "trace", "--store", &store]);
	assert!(code == 2 && words.contains("trace is no trace: line 1"), "{words}");
}
