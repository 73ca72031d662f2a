//! All namespaces of a server, under one data and one index folder.

use super::{
	files::FileCache,
	namespace::{create_folder, Namespace, Storage},
	recovery::LoadError,
	segment::Folders,
	stats::Stats,
	workers::Workers,
	ServeError, ServerOptions,
};
use parking_lot::RwLock;
use std::{
	collections::BTreeSet,
	ffi::OsStr,
	fs::{File, OpenOptions},
	io,
	num::NonZeroUsize,
	os::unix::{
		ffi::OsStrExt,
		fs::{MetadataExt, OpenOptionsExt},
	},
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc,
	},
};

/// The namespace a connection begins in.
pub(super) const DEFAULT: &[u8] = b"default";
/// The longest name of a namespace, in bytes.
pub(super) const MAX_NAMESPACE: usize = 128;
/// Files kept open for reading.
const OPEN_FILES: NonZeroUsize = NonZeroUsize::new(512).expect("512 is not 0; qed");

/// Why a namespace can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CreateError {
	#[error("the name is not allowed")]
	Name,
	#[error("the name is taken")]
	Taken,
	#[error("there are as many namespaces as this server serves")]
	TooMany,
	#[error(transparent)]
	Load(#[from] LoadError),
}

/// The namespaces of a server, and the locks on their folders.
#[derive(Debug)]
pub(super) struct Database {
	data: PathBuf,
	index: PathBuf,
	storage: Storage,
	most: usize,
	next_id: AtomicU64,
	default: Arc<Namespace>,
	/// The others, in the order in which they were made.
	others: RwLock<Vec<Arc<Namespace>>>,
	/// Names of namespaces that are on the disk and can't be served.
	refused: BTreeSet<Vec<u8>>,
	/// Making and removing namespaces, one at a time.
	changes: tokio::sync::Mutex<()>,
	_locks: Vec<File>,
}

impl Database {
	/// Opens or makes everything. Blocks.
	pub(super) fn open(options: &ServerOptions) -> Result<Self, ServeError> {
		let folder = |path: &Path| {
			let path = path.to_owned();
			move |error| ServeError::Folder { path, error }
		};
		for path in [&options.data, &options.index] {
			if !options.read_only {
				create_folder(path).map_err(folder(path))?;
			}
		}
		let inode = |path: &Path| {
			path.metadata().map(|found| (found.dev(), found.ino())).map_err(folder(path))
		};
		if inode(&options.data)? == inode(&options.index)? {
			return Err(ServeError::SameFolder(options.data.clone()));
		}
		let mut locks = Vec::new();
		for path in [&options.index, &options.data] {
			locks.extend(lock(path, options.read_only)?);
		}

		let storage = Storage {
			files: Arc::new(FileCache::new(OPEN_FILES, options.data_size)),
			stats: Arc::default(),
			workers: Arc::new(Workers::new()),
			read_only: options.read_only,
			data_size: options.data_size,
			sync: options.sync,
		};
		let open = |id: u64, name: &[u8]| {
			let folders = Folders {
				data: options.data.join(OsStr::from_bytes(name)),
				index: options.index.join(OsStr::from_bytes(name)),
			};
			Namespace::open(id, name, folders, storage.clone()).map(Arc::new)
		};
		let default = open(0, DEFAULT)?;
		if options.protect {
			let password = options.admin.as_ref().ok_or(ServeError::ProtectWithoutAdmin)?;
			default.protect(password.as_bytes());
		}
		let mut names = namespaces(&options.index).map_err(folder(&options.index))?;
		names.append(&mut namespaces(&options.data).map_err(folder(&options.data))?);
		let mut others = Vec::new();
		let mut refused = BTreeSet::new();
		for (id, name) in (1..).zip(names) {
			match open(id, &name) {
				Ok(namespace) => others.push(namespace),
				Err(error @ LoadError::Sequential { .. }) => {
					tracing::warn!(namespace = %name.escape_ascii(), %error, "not served");
					refused.insert(name);
				},
				Err(error) => return Err(error.into()),
			}
		}
		Ok(Self {
			data: options.data.clone(),
			index: options.index.clone(),
			storage,
			most: options.limits.namespaces,
			next_id: AtomicU64::new(1 + (others.len() + refused.len()) as u64),
			default,
			others: RwLock::new(others),
			refused,
			changes: tokio::sync::Mutex::new(()),
			_locks: locks,
		})
	}

	pub(super) fn default_namespace(&self) -> Arc<Namespace> {
		self.default.clone()
	}

	pub(super) fn stats(&self) -> Arc<Stats> {
		self.storage.stats.clone()
	}

	/// How many threads serve.
	pub(super) fn worker_count(&self) -> usize {
		self.storage.workers.count()
	}

	pub(super) fn read_only(&self) -> bool {
		self.storage.read_only
	}

	pub(super) fn get(&self, name: &[u8]) -> Option<Arc<Namespace>> {
		if name == DEFAULT {
			return Some(self.default.clone());
		}
		self.others.read().iter().find(|other| other.name == name).cloned()
	}

	/// All namespaces, the default one first.
	pub(super) fn all(&self) -> Vec<Arc<Namespace>> {
		let others = self.others.read();
		std::iter::once(&self.default).chain(others.iter()).cloned().collect()
	}

	/// Makes a namespace.
	pub(super) async fn create(&self, name: &[u8]) -> Result<(), CreateError> {
		let _changes = self.changes.lock().await;
		if name == DEFAULT || !is_allowed(name) {
			return Err(CreateError::Name);
		}
		if self.get(name).is_some() || self.refused.contains(name) {
			return Err(CreateError::Taken);
		}
		if self.others.read().len() >= self.most {
			return Err(CreateError::TooMany);
		}
		let folders = Folders {
			data: self.data.join(OsStr::from_bytes(name)),
			index: self.index.join(OsStr::from_bytes(name)),
		};
		let id = self.next_id.fetch_add(1, Ordering::Relaxed);
		let namespace = tokio::task::block_in_place(|| {
			Namespace::open(id, name, folders, self.storage.clone())
		})?;
		self.others.write().push(Arc::new(namespace));
		Ok(())
	}

	/// Removes a namespace and its files.
	pub(super) async fn remove(&self, namespace: &Arc<Namespace>) -> io::Result<()> {
		let _changes = self.changes.lock().await;
		self.others.write().retain(|other| !Arc::ptr_eq(other, namespace));
		namespace.remove().await
	}

	/// Makes everything written so far survive power loss.
	pub(super) async fn sync(&self) {
		if self.read_only() {
			return;
		}
		for namespace in self.all() {
			if let Err(error) = namespace.sync().await {
				let folder = namespace.folders.data.display();
				tracing::error!(%folder, %error, "could not flush to the disk");
			}
		}
	}
}

/// Whether a name can be that of a folder, and is not one of the names for folders.
fn is_allowed(name: &[u8]) -> bool {
	!matches!(name, b"" | b"." | b"..")
		&& name.len() <= MAX_NAMESPACE
		&& !name.contains(&b'/')
		&& !name.contains(&0)
}

/// The namespaces in a folder, without the default one.
fn namespaces(folder: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
	let mut names = BTreeSet::new();
	for entry in std::fs::read_dir(folder)? {
		let entry = entry?;
		let name = entry.file_name().as_bytes().to_vec();
		if entry.file_type()?.is_dir() && name != DEFAULT && is_allowed(&name) {
			names.insert(name);
		}
	}
	Ok(names)
}

/// Locks a folder as 0-db does, so that nobody else writes to it: for this server alone, or for
/// all that only read. `None` when the folder is on a read-only filesystem and has no lock file.
fn lock(folder: &Path, shared: bool) -> Result<Option<File>, ServeError> {
	use rustix::fs::{flock, FlockOperation};
	let path = folder.join(".lockfile");
	let failed = |error| ServeError::Folder { path: path.clone(), error };
	let opened = if shared {
		File::open(&path).or_else(|error| match error.kind() {
			io::ErrorKind::NotFound => OpenOptions::new()
				.read(true)
				.write(true)
				.create(true)
				.truncate(false)
				.mode(0o664)
				.open(&path),
			_ => Err(error),
		})
	} else {
		OpenOptions::new()
			.read(true)
			.write(true)
			.create(true)
			.truncate(false)
			.mode(0o664)
			.open(&path)
	};
	let file = match opened {
		Ok(file) => file,
		Err(error)
			if shared
				&& matches!(
					error.kind(),
					io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
				) =>
		{
			return Ok(None);
		},
		Err(error) => return Err(failed(error)),
	};
	let operation = if shared {
		FlockOperation::NonBlockingLockShared
	} else {
		FlockOperation::NonBlockingLockExclusive
	};
	match flock(&file, operation) {
		Ok(()) => Ok(Some(file)),
		Err(rustix::io::Errno::WOULDBLOCK) => Err(ServeError::InUse(folder.to_owned())),
		Err(error) => Err(failed(error.into())),
	}
}
