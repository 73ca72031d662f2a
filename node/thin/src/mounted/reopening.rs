//! Has the database of a mounted image opened anew when its files can then be read faster.
//!
//! A file that is wholly in the cache is read by the kernel itself, without asking the mount. But how
//! a file is read is settled when it is opened, and RocksDB keeps its tables open for as long as
//! it runs. So all of them are closed for a moment once it is worth it.

use super::Source;
use crate::layered::ImageDatabase;
use std::{
	sync::{
		mpsc::{channel, Receiver, RecvTimeoutError, Sender},
		Arc,
	},
	thread::JoinHandle,
	time::{Duration, Instant},
};
use thin_mount::mount::{Mount, OpenFiles};

/// How often is looked whether it is worth it.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long it is not done again.
const REST: Duration = Duration::from_secs(60);
/// The same while the image is hydrated: then there is always one more file.
const REST_WHILE_HYDRATING: Duration = Duration::from_secs(600);
/// How long the mount may take to learn that files are closed. The kernel says so a little later.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(2);

/// The thread that does so. It ends when this is dropped.
pub(super) struct Reopening {
	stop: Option<Sender<()>>,
	thread: Option<JoinHandle<()>>,
}

impl Reopening {
	/// `None` for an image that isn't mounted, or when no thread can be started: then the files stay open as
	/// they are.
	pub(super) fn start(database: Arc<ImageDatabase>, source: Arc<Source>) -> Option<Self> {
		let Source::Mounted(_) = *source else { return None };
		let (stop, stopped) = channel();
		let work = move || {
			if let Source::Mounted(mount) = &*source {
				watch(&database, mount, &stopped);
			}
		};
		match std::thread::Builder::new().name("thin-reopen".into()).spawn(work) {
			Ok(thread) => Some(Self { stop: Some(stop), thread: Some(thread) }),
			Err(error) => {
				tracing::warn!(target: "thin", %error, "the image's files stay open as they are");
				None
			},
		}
	}
}

impl Drop for Reopening {
	fn drop(&mut self) {
		drop(self.stop.take());
		if let Some(thread) = self.thread.take() {
			let _ = thread.join();
		}
	}
}

fn watch(database: &ImageDatabase, mount: &Mount, stopped: &Receiver<()>) {
	let mut last: Option<Instant> = None;
	while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK_EVERY) {
		let files = mount.open_files();
		let since = last.map(|last| last.elapsed());
		if is_worth_it(files, since) && reopen(database, mount) {
			last = Some(Instant::now());
		}
	}
}

/// Whether it is, so long `since` it was done. Not while files are looked at: there will soon be more.
fn is_worth_it(files: OpenFiles, since: Option<Duration>) -> bool {
	let rest = if files.hydrating { REST_WHILE_HYDRATING } else { REST };
	files.passable > 0 && !files.checking && since.is_none_or(|since| since >= rest)
}

/// Whether it was done, or tried so that it isn't to be tried again soon.
pub(super) fn reopen(database: &ImageDatabase, mount: &Mount) -> bool {
	let before = mount.open_files();
	let closed = || {
		let end = Instant::now() + PATIENCE;
		while mount.open_files().open > 0 && Instant::now() < end {
			std::thread::sleep(PAUSE);
		}
	};
	match database.reopen(closed) {
		Ok(true) => {
			tracing::debug!(target: "thin", files = before.passable, "the kernel reads whole files itself");
			true
		},
		// Readers left no moment for it.
		Ok(false) => false,
		Err(error) => {
			tracing::warn!(target: "thin", %error, "the image can't be opened again, every read tries to");
			true
		},
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{cli::ThinParams, columns, mounted::MountedImage, testing::Memory};
	use sp_runtime::traits::{BlakeTwo256, Hash as _};
	use thin_mount::{
		pack::{pack_to_all, PackOptions},
		store::{self, Store},
	};

	#[test]
	fn files_are_opened_anew_when_some_are_whole_and_none_is_looked_at() {
		let files = OpenFiles { open: 9, passed: 2, passable: 3, ..Default::default() };
		let hydrating = OpenFiles { hydrating: true, ..files };
		assert!(is_worth_it(files, None) && is_worth_it(hydrating, None));
		assert!(!is_worth_it(OpenFiles { checking: true, ..files }, None));
		assert!(!is_worth_it(OpenFiles { passable: 0, ..files }, None));
		let minutes = |count: u64| Some(Duration::from_secs(60 * count));
		assert!(!is_worth_it(files, Some(Duration::from_secs(59))));
		assert!(is_worth_it(files, minutes(1)));
		assert!(!is_worth_it(hydrating, minutes(9)));
		assert!(is_worth_it(hydrating, minutes(10)));
	}

	#[test]
	fn a_running_node_comes_to_read_whole_files_through_the_kernel() {
		let hash = |index: u32| BlakeTwo256::hash_of(&index).0.to_vec();
		// Files of one chunk are cached otherwise.
		let entries: Vec<_> = (0..8_000).map(|index| (hash(index), hash(!index))).collect();
		let memory = Memory::default();
		for (key, value) in &entries {
			memory.set(columns::STATE, key, value.clone());
		}
		let home = tempfile::tempdir().unwrap();
		let folder = home.path().join("full");
		memory.write_to(&folder);
		let url = format!("dir://{}", home.path().join("store").display());
		let store: Arc<dyn Store> = store::open(&url).unwrap();
		let exclude = |path: &[u8]| path.starts_with(b"LO");
		let options = PackOptions { exclude: Some(Box::new(exclude)), ..Default::default() };
		let packed = pack_to_all(&folder, &[&*store], &options, &|_| {}).unwrap();
		let place = home.path().join("thin");
		let params = ThinParams::default();
		let mounted = MountedImage::at(&place, packed.image, &params, vec![store]).unwrap();
		let database = mounted.database().unwrap();
		let Source::Mounted(mount) = &*mounted.source else { panic!("it is mounted") };
		assert_eq!(mount.open_files().passed, 0);
		let read_all = || {
			for (key, value) in &entries {
				let read = database.get(columns::STATE, key).unwrap();
				assert_eq!(read.as_ref(), Some(value));
			}
		};
		read_all();
		// So that all of it is in the cache.
		for file in std::fs::read_dir(mount.path()).unwrap() {
			std::fs::read(file.unwrap().path()).unwrap();
		}
		let end = Instant::now() + Duration::from_secs(120);
		while mount.open_files().passed == 0 {
			if !mount.stats().passthrough.available {
				println!("SKIPPED: the kernel reads no files by itself here");
				return;
			}
			assert!(Instant::now() < end, "{:?}", mount.open_files());
			read_all();
			std::thread::sleep(PAUSE);
		}
		read_all();
		let path = mount.path().to_owned();
		drop(database);
		drop(mounted);
		assert!(std::fs::read_dir(path).unwrap().next().is_none(), "it is still mounted");
	}
}
