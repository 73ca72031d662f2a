//! A process in a mount namespace of its own: nobody else sees its mounts, and `kill -9` leaves
//! none behind. Without the usual harness, since that has threads before a test begins.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/trees.rs"]
mod trees;

use std::{
	fs,
	io::{BufRead, BufReader},
	path::Path,
	process::{Command, Stdio},
};
use thin_mount::{
	mount::MountOptions,
	namespace::{enter_private, NamespaceError},
	pack::{pack, PackOptions},
	store,
};

const CHILD: &str = "THIN_MOUNT_TEST_FOLDER";

fn main() {
	match std::env::var_os(CHILD) {
		Some(folder) => child(Path::new(&folder)),
		None if trees::fuse() => {
			parent();
			println!("a killed process leaves no mount behind ... ok");
		},
		None => {},
	}
}

/// Mounts in its own namespace, says so, and waits to be killed.
fn child(folder: &Path) {
	enter_private().unwrap();
	let store = store::open(&format!("dir://{}", folder.join("store").display())).unwrap();
	let report = pack(&folder.join("source"), &*store, &PackOptions::default(), &|_| {}).unwrap();
	let mountpoint = folder.join("mnt");
	let options = MountOptions::new(report.image, vec![store], &mountpoint);
	let mount = thin_mount::mount(options).unwrap();
	assert!(matches!(enter_private(), Err(NamespaceError::Threads(_))));
	println!("{}", fs::read_to_string(mount.path().join("file")).unwrap());
	std::thread::sleep(std::time::Duration::from_secs(600));
}

fn parent() {
	let folder = tempfile::tempdir().unwrap();
	for name in ["source", "store", "mnt"] {
		fs::create_dir(folder.path().join(name)).unwrap();
	}
	fs::write(folder.path().join("source/file"), "from the image").unwrap();
	let mut child = Command::new(std::env::current_exe().unwrap())
		.env(CHILD, folder.path())
		.stdout(Stdio::piped())
		.spawn()
		.unwrap();
	let mut line = String::new();
	BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
	assert_eq!(line, "from the image\n");
	let is_empty = || fs::read_dir(folder.path().join("mnt")).unwrap().next().is_none();
	assert!(is_empty(), "the mount is seen outside");
	child.kill().unwrap();
	child.wait().unwrap();
	assert!(is_empty(), "the mount is left behind");
	let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
	assert!(!mounts.contains(&*folder.path().to_string_lossy()));
}
