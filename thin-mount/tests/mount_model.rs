//! A mount and the tree it was packed from are asked the same random questions, while the cache is
//! thrown away, damaged and shared, and the store misbehaves. Answers are the same, or errors.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/trees.rs"]
mod trees;

use proptest::prelude::*;
use std::{
	fs,
	io::ErrorKind,
	os::unix::fs::{FileExt, MetadataExt},
	path::{Path, PathBuf},
	time::Duration,
};
use thin_mount::{cache::CacheOptions, mount::Mount};
use trees::{fuse, noise, Fault, Fixture};

#[derive(Debug, Clone)]
enum Step {
	Read {
		file: usize,
		offset: u64,
		length: usize,
	},
	Look {
		name: usize,
	},
	List,
	Fail(u8),
	Heal,
	Remount,
	/// A bit of a file of the cache, chosen by these numbers, is turned over.
	Damage {
		file: usize,
		at: usize,
	},
	Cut {
		file: usize,
		at: usize,
	},
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
	let step = prop_oneof![
		8 => (any::<usize>(), 0u64..700_000, 0usize..300_000)
			.prop_map(|(file, offset, length)| Step::Read { file, offset, length }),
		2 => any::<usize>().prop_map(|name| Step::Look { name }),
		1 => Just(Step::List),
		1 => (0u8..5).prop_map(Step::Fail),
		2 => Just(Step::Heal),
		1 => Just(Step::Remount),
		1 => any::<(usize, usize)>().prop_map(|(file, at)| Step::Damage { file, at }),
		1 => any::<(usize, usize)>().prop_map(|(file, at)| Step::Cut { file, at }),
	];
	prop::collection::vec(step, 5..60)
}

const NAMES: [&str; 9] =
	["empty", "one", "leaf", "leaf+1", "large", "d/nested", "d/holes", "absent", "one/x"];

/// How long a read may take. A healthy store may be too slow for that too, on a machine that has
/// other things to do: the mount then says so, and is asked again.
const DEADLINE: Duration = Duration::from_millis(200);
const TRIES: usize = 100;

fn fill(folder: &Path) {
	fs::create_dir(folder.join("d")).unwrap();
	for (number, (name, length)) in
		[("empty", 0), ("one", 1), ("leaf", 65_536), ("leaf+1", 65_537), ("large", 600_001)]
			.into_iter()
			.enumerate()
	{
		fs::write(folder.join(name), noise(number as u64, length)).unwrap();
	}
	fs::write(folder.join("d/nested"), b"text ".repeat(50_000)).unwrap();
	let holes = fs::File::create(folder.join("d/holes")).unwrap();
	holes.set_len(500_000).unwrap();
	holes.write_at(&noise(9, 70_000), 200_000).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
	let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
	while let Some(folder) = open.pop() {
		for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
			match entry.file_type().unwrap().is_dir() {
				true => open.push(entry.path()),
				false => found.push(entry.path()),
			}
		}
	}
	found.sort();
	found
}

/// The same question to both. The mount may only say something else when it says that it failed.
fn compare(fixture: &Fixture, mount: &Mount, step: &Step, healthy: bool) {
	match step {
		Step::Read { file, offset, length } => {
			let name = NAMES[file % 7];
			let read = |root: &Path| {
				let mut bytes = vec![0; *length];
				let file = fs::File::open(root.join(name))?;
				let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
				file.read_at(&mut bytes, *offset).map(|read| bytes[..read].to_vec())
			};
			let right = read(fixture.source.path()).unwrap();
			for _ in 0..TRIES {
				let errors = mount.stats().read_errors;
				match read(mount.path()) {
					Ok(bytes) if bytes == right => return,
					// The kernel may have part of a read, and give that.
					Ok(bytes) => assert!(right.starts_with(&bytes), "{name}: {step:?}"),
					Err(error) if !healthy || error.kind() == ErrorKind::TimedOut => {},
					Err(error) => panic!("{name}: {step:?}: {error}"),
				}
				if !healthy {
					return;
				}
				assert!(mount.stats().read_errors > errors, "{name}: {step:?}: cut short");
			}
			panic!("{name}: {step:?}: never in time");
		},
		Step::Look { name } => {
			let look = |root: &Path| {
				fs::symlink_metadata(root.join(NAMES[name % NAMES.len()]))
					.map(|found| (found.mode(), found.len(), found.nlink()))
					.map_err(|error| error.kind())
			};
			let (mut right, got) = (look(fixture.source.path()), look(mount.path()));
			if let Ok((mode, length, _)) = &mut right {
				if rustix::fs::FileType::from_raw_mode(*mode).is_dir() {
					*length = 0;
				}
			}
			assert_eq!(got, right);
		},
		Step::List => {
			let list = |root: &Path| {
				let mut names: Vec<_> =
					fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
				names.sort();
				names
			};
			assert_eq!(list(mount.path()), list(fixture.source.path()));
		},
		_ => {},
	}
}

fn run(steps: Vec<Step>, limit: Option<u64>) {
	let fixture = Fixture::new(fill);
	let folder = fixture.folder.path().join("cache");
	let mount = || {
		*fixture.store.fault.lock() = None;
		fixture.mount_in_a_hurry(DEADLINE, |options| {
			options.cache = Some(CacheOptions { folder: folder.clone(), limit });
			options.fetch.recent = 0;
		})
	};
	let mut mounted = Some(mount());
	let mut healthy = true;
	for step in steps {
		match &step {
			Step::Fail(fault) => {
				let faults = [
					Fault::Wrong,
					Fault::Truncated,
					Fault::Missing,
					Fault::Unreachable,
					Fault::Hang,
				];
				*fixture.store.fault.lock() = faults.get(usize::from(*fault)).copied();
				healthy = false;
			},
			Step::Heal | Step::Remount => {
				drop(mounted.take());
				mounted = Some(mount());
				healthy = true;
			},
			Step::Damage { file, at } | Step::Cut { file, at } => {
				// What a process has seen to be right it does not look at twice: so this happens
				// while nothing is mounted.
				drop(mounted.take());
				let files = files(&folder);
				if let Some(path) = files.get(file % files.len().max(1)) {
					let file = fs::File::options().read(true).write(true).open(path).unwrap();
					let length = file.metadata().unwrap().len();
					let at = *at as u64 % length.max(1);
					if let Step::Cut { .. } = step {
						file.set_len(at).unwrap();
					} else if length > 0 {
						let mut byte = [0];
						file.read_exact_at(&mut byte, at).unwrap();
						file.write_all_at(&[!byte[0]], at).unwrap();
					}
				}
				mounted = Some(mount());
				healthy = true;
			},
			_ => {},
		}
		if let Some(mount) = &mounted {
			compare(&fixture, mount, &step, healthy);
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

	#[test]
	fn a_mount_is_its_source(steps in steps(), small in any::<bool>()) {
		if !fuse() {
			return Ok(());
		}
		run(steps, small.then_some(700_000));
	}
}
