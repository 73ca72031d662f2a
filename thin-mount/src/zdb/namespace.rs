//! One namespace: its settings, its values, and who waits for what happens in it.

mod write;

pub(super) use write::{Half, Put, Removed, Stored};

use super::{
	files::{FileCache, Kind, OpenFile},
	format::{Descriptor, DATA_ENTRY},
	keymap::{KeyMap, Location},
	recovery::{self, LoadError},
	segment::{sync_folder, Folders, Segment, Tail, WriteError},
	stats::Stats,
	workers::Workers,
};
use parking_lot::{Mutex, RwLock};
use std::{
	collections::BTreeMap,
	fs::File,
	io::{self, Write},
	os::unix::fs::{FileExt, OpenOptionsExt},
	path::Path,
	sync::{
		atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering},
		Arc,
	},
};
use tokio::sync::oneshot;
use write::{writable, Job};

/// What a namespace is closed for, until an administrator opens it or the server restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
	Open,
	/// Writes are refused.
	Locked,
	/// Reads and writes are refused.
	Frozen,
}

/// How files are opened and written.
#[derive(Debug, Clone)]
pub(super) struct Storage {
	pub files: Arc<FileCache>,
	pub stats: Arc<Stats>,
	pub workers: Arc<Workers>,
	pub read_only: bool,
	pub data_size: u64,
	pub sync: bool,
}

/// Clients that wait for a command, and how they are told.
type Watchers = Vec<(Option<&'static str>, oneshot::Sender<&'static str>)>;

/// A namespace that is being served.
#[derive(Debug)]
pub(super) struct Namespace {
	/// Tells namespaces apart in the file cache, also those of the same name one after another.
	id: u64,
	pub name: Vec<u8>,
	pub folders: Folders,
	storage: Storage,
	descriptor: RwLock<Descriptor>,
	lock: AtomicU8,
	removed: AtomicBool,
	map: KeyMap,
	indexes: BTreeMap<u32, Arc<File>>,
	/// Index entries ever made, for NSINFO and to know whether anything was ever written.
	indexed: AtomicU64,
	/// The tail as of the last write, for those who only look.
	tail: Mutex<Tail>,
	segment: tokio::sync::Mutex<Option<Segment>>,
	/// What is to be stored by whoever has the segment next.
	queue: Mutex<Vec<Job>>,
	waiting: AtomicU64,
	watchers: Mutex<Watchers>,
}

const DESCRIPTOR_FILE: &str = "zdb-namespace";

impl Namespace {
	/// Opens a namespace, and makes what is missing of it unless the storage is read-only.
	pub(super) fn open(
		id: u64,
		name: &[u8],
		folders: Folders,
		storage: Storage,
	) -> Result<Self, LoadError> {
		let io = |path: &Path| {
			let path = path.to_owned();
			move |error| LoadError::Io { path, error }
		};
		if !storage.read_only {
			for folder in [&folders.index, &folders.data] {
				create_folder(folder).map_err(io(folder))?;
				if let Some(parent) = folder.parent().filter(|_| storage.sync) {
					sync_folder(parent).map_err(io(parent))?;
				}
			}
		}
		let path = folders.index.join(DESCRIPTOR_FILE);
		let descriptor = match std::fs::read(&path) {
			Ok(bytes) if !bytes.is_empty() => Descriptor::decode(&bytes)
				.map_err(|reason| LoadError::Foreign { path: path.clone(), reason })?,
			Ok(_) => Descriptor::new(name),
			Err(error) if error.kind() == io::ErrorKind::NotFound => Descriptor::new(name),
			Err(error) => return Err(io(&path)(error)),
		};
		let loaded = recovery::load(&folders, storage.read_only)?;
		let tail = loaded.tail.unwrap_or(Tail::fresh(0));
		let segment = if storage.read_only {
			None
		} else {
			if !path.exists() {
				write_descriptor(&folders, &descriptor).map_err(io(&path))?;
			}
			let segment = Segment::open(folders.clone(), tail, storage.data_size, storage.sync)
				.map_err(|error| match error {
					WriteError::Data(error) => io(&folders.data_file(tail.file))(error),
					WriteError::Index(error) => io(&folders.index_file(tail.file))(error),
				})?;
			Some(segment)
		};
		Ok(Self {
			id,
			name: name.to_vec(),
			folders,
			storage,
			descriptor: RwLock::new(Descriptor { name: name.to_vec(), ..descriptor }),
			lock: AtomicU8::new(0),
			removed: AtomicBool::new(false),
			map: loaded.map,
			indexes: loaded.indexes,
			indexed: AtomicU64::new(loaded.indexed),
			tail: Mutex::new(tail),
			segment: tokio::sync::Mutex::new(segment),
			queue: Mutex::default(),
			waiting: AtomicU64::new(0),
			watchers: Mutex::default(),
		})
	}

	pub(super) fn descriptor(&self) -> Descriptor {
		self.descriptor.read().clone()
	}

	/// Changes the settings, first on the disk.
	pub(super) fn configure(&self, change: impl FnOnce(&mut Descriptor)) -> io::Result<()> {
		let mut descriptor = self.descriptor.write();
		let mut changed = descriptor.clone();
		change(&mut changed);
		write_descriptor(&self.folders, &changed)?;
		*descriptor = changed;
		Ok(())
	}

	/// Sets the password for as long as this server runs.
	pub(super) fn protect(&self, password: &[u8]) {
		self.descriptor.write().password = Some(password.to_vec());
	}

	pub(super) fn lock(&self) -> Lock {
		match self.lock.load(Ordering::Relaxed) {
			0 => Lock::Open,
			1 => Lock::Locked,
			_ => Lock::Frozen,
		}
	}

	pub(super) fn set_lock(&self, lock: Lock) {
		self.lock.store(lock as u8, Ordering::Relaxed);
	}

	pub(super) fn is_removed(&self) -> bool {
		self.removed.load(Ordering::Acquire)
	}

	pub(super) fn map(&self) -> &KeyMap {
		&self.map
	}

	pub(super) fn tail(&self) -> Tail {
		*self.tail.lock()
	}

	/// Index entries ever made.
	pub(super) fn indexed(&self) -> u64 {
		self.indexed.load(Ordering::Relaxed)
	}

	/// An open file of this namespace.
	pub(super) fn file(&self, kind: Kind, file: u32) -> io::Result<Arc<File>> {
		if kind == Kind::Index {
			if let Some(copy) = self.indexes.get(&file) {
				return Ok(copy.clone());
			}
		}
		Ok(self.open_file(kind, file)?.file.clone())
	}

	/// The same, to send from.
	pub(super) fn open_file(&self, kind: Kind, file: u32) -> io::Result<Arc<OpenFile>> {
		self.storage.files.open(self.id, kind, file, || match kind {
			Kind::Data => self.folders.data_file(file),
			Kind::Index => self.folders.index_file(file),
		})
	}

	/// Reads a whole value. Blocks.
	fn value(&self, key: &[u8], location: Location) -> io::Result<Vec<u8>> {
		let mut value = vec![0; location.length as usize];
		let offset = u64::from(location.offset) + (DATA_ENTRY + key.len()) as u64;
		self.file(Kind::Data, location.file)?.read_exact_at(&mut value, offset)?;
		self.storage.stats.data.read.add(value.len() as u64);
		Ok(value)
	}

	/// The counters of the server.
	pub(super) fn stats(&self) -> &Stats {
		&self.storage.stats
	}

	/// Closes the newest pair of files and begins another.
	pub(super) async fn jump(&self) -> Result<(), WriteError> {
		let mut segment = self.segment.lock().await;
		let segment = writable(&mut segment)?;
		tokio::task::block_in_place(|| segment.rotate())?;
		*self.tail.lock() = segment.tail();
		Ok(())
	}

	/// Closes the namespace and deletes its files.
	pub(super) async fn remove(&self) -> io::Result<()> {
		let mut segment = self.segment.lock().await;
		self.removed.store(true, Ordering::Release);
		*segment = None;
		self.storage.files.forget(self.id);
		tokio::task::block_in_place(|| {
			// The data goes first: an index without data is an empty namespace at the next
			// start, data without an index would be indexed again.
			std::fs::remove_dir_all(&self.folders.data)?;
			std::fs::remove_dir_all(&self.folders.index)
		})
	}

	/// Makes everything written so far survive power loss.
	pub(super) async fn sync(&self) -> io::Result<()> {
		match &*self.segment.lock().await {
			Some(segment) => tokio::task::block_in_place(|| segment.sync()),
			None => Ok(()),
		}
	}

	/// Answers the name of the next command that another client of this namespace executes, if it
	/// is `command` or `command` is `None`.
	pub(super) fn watch(&self, command: Option<&'static str>) -> oneshot::Receiver<&'static str> {
		let (sender, receiver) = oneshot::channel();
		let mut watchers = self.watchers.lock();
		watchers.retain(|(_, sender)| !sender.is_closed());
		watchers.push((command, sender));
		self.waiting.store(watchers.len() as u64, Ordering::Release);
		receiver
	}

	/// Tells those who wait that a command was executed.
	pub(super) fn executed(&self, command: &'static str) {
		if self.waiting.load(Ordering::Acquire) == 0 {
			return;
		}
		let mut watchers = self.watchers.lock();
		for (_, sender) in
			watchers.extract_if(.., |(watched, _)| watched.is_none_or(|watched| watched == command))
		{
			// Whoever stopped waiting does not need to know.
			let _ = sender.send(command);
		}
		self.waiting.store(watchers.len() as u64, Ordering::Release);
	}
}

/// Seconds since 1970, as far as 32 bits go.
pub(super) fn now() -> u32 {
	std::time::SystemTime::now()
		.duration_since(std::time::UNIX_EPOCH)
		.map_or(0, |elapsed| u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX))
}

/// Makes a folder, for the owner alone, and those above it.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
	use std::os::unix::fs::DirBuilderExt;
	std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a namespace's descriptor, so that at any moment the old or the new one is there whole.
fn write_descriptor(folders: &Folders, descriptor: &Descriptor) -> io::Result<()> {
	let new = folders.index.join("zdb-namespace.new");
	let mut file = std::fs::OpenOptions::new()
		.write(true)
		.create(true)
		.truncate(true)
		.mode(0o600)
		.open(&new)?;
	file.write_all(&descriptor.encode())?;
	file.sync_all()?;
	std::fs::rename(&new, folders.index.join(DESCRIPTOR_FILE))?;
	sync_folder(&folders.index)
}
