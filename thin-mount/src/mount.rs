//! Mounting an image: a FUSE server in this process, and on request an overlay over it.

mod background;
mod checker;
mod content;
mod filesystem;
mod local;
mod open_files;
mod overlay;
mod passthrough;
mod point;
mod prefetch;
mod sequence;
mod watch;
mod written;

pub use background::{Hydrate, HydrateStats};
pub use local::Local;
pub use open_files::OpenFiles;
pub use passthrough::PassthroughStats;
pub use point::{clear_stale, stats_at, unmount_at};
pub use watch::{Seen, Watch};

use crate::{
	blob::BlobRef,
	cache::{Cache, CacheError, CacheOptions, CacheStats, CachedSource},
	chunk::ChunkId,
	fetch::{FetchOptions, FetchStats, Fetcher},
	image::{Image, ImageError, ImageId},
	source::ChunkSource,
	store::{Store, StoreError},
};
use bytes::Bytes;
use content::{Content, ContentOptions};
use filesystem::ImageFilesystem;
use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};
use overlay::Layers;
use serde::{Deserialize, Serialize};
use std::{
	fs, io,
	os::unix::fs::MetadataExt,
	path::{Path, PathBuf},
	sync::Arc,
	time::{Duration, Instant},
};

/// How long the threads of a session that has ended may take to end.
const SESSION_END: Duration = Duration::from_secs(5);

/// What to mount, where, and how.
#[non_exhaustive]
pub struct MountOptions {
	/// The image.
	pub image: ImageId,
	/// Stores that hold it, each of them whole. The first is preferred.
	pub stores: Vec<Arc<dyn Store>>,
	/// An empty directory.
	pub mountpoint: PathBuf,
	/// Where what was fetched is kept, if it is.
	pub cache: Option<CacheOptions>,
	/// Whether and where writes go.
	pub write: WriteLayer,
	/// How chunks are fetched.
	pub fetch: FetchOptions,
	/// How many threads answer the kernel.
	pub threads: usize,
	/// Whether the kernel may read files by itself that are wholly in the cache and verified.
	/// Where it can't, that is no error.
	pub passthrough: bool,
	/// Whether chunks are fetched ahead of readers: the image's trace, the ends of tables, and what
	/// follows what is read.
	pub prefetch: bool,
	/// What is fetched that nobody asks for.
	pub hydrate: Hydrate,
	/// How many chunks to note in the order in which they are read first, for
	/// [`Mount::trace`]. `None` for none; [`trace::RECORDED`](crate::trace::RECORDED) is a good
	/// number. Without passthrough then, which leaves nothing to note.
	pub record_trace: Option<usize>,
}

impl MountOptions {
	/// A read-only mount of `image` at `mountpoint`.
	pub fn new(
		image: ImageId,
		stores: Vec<Arc<dyn Store>>,
		mountpoint: impl Into<PathBuf>,
	) -> Self {
		// Most of these threads wait for stores, so there are more than processors.
		let processors = std::thread::available_parallelism().map_or(1, usize::from);
		Self {
			image,
			stores,
			mountpoint: mountpoint.into(),
			cache: None,
			write: WriteLayer::None,
			fetch: FetchOptions::default(),
			threads: (2 * processors).clamp(8, 32),
			passthrough: true,
			prefetch: true,
			hydrate: Hydrate::None,
			record_trace: None,
		}
	}
}

/// Where writes to a mount go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteLayer {
	/// Nowhere: the mount is read-only.
	None,
	/// Into a folder, by the kernel's overlayfs. A file that is opened for writing is copied there
	/// first, whole. Needs root.
	Overlay {
		/// The folder. What was written there before is seen again.
		upper: PathBuf,
	},
}

/// Why there is no mount, or why it does not go away.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
	/// The image can't be mounted there.
	#[error("{}: {reason}", path.display())]
	Mountpoint {
		/// The place.
		path: PathBuf,
		/// What is wrong with it.
		reason: String,
	},
	/// There is nothing to unmount.
	#[error("{}: no image is mounted there", path.display())]
	NotMounted {
		/// The place.
		path: PathBuf,
	},
	/// The folder for writes can't be used.
	#[error("{}: {reason}", path.display())]
	Upper {
		/// The folder.
		path: PathBuf,
		/// What is wrong with it.
		reason: String,
	},
	/// The image holds a ParityDB, which an overlay does not suit.
	#[error(
		"the image has a ParityDB at {path}, which opens all its files for writing: an overlay \
		 would copy all of them. Mount it read-only, or use RocksDB"
	)]
	ParityDb {
		/// Where in the image.
		path: String,
	},
	/// No store gives chunks.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// The image is in none of the stores.
	#[error("image {image} is in none of the stores: {stores}. Check its id, or add a store that has it")]
	NoImage {
		/// The image.
		image: ImageId,
		/// The names of the stores.
		stores: String,
	},
	/// Hydration without a cache.
	#[error("what is fetched in the background is kept in a cache: name a folder for it")]
	NoCache,
	/// There is no cache there.
	#[error(transparent)]
	Cache(#[from] CacheError),
	/// The image can't be opened.
	#[error(transparent)]
	Image(#[from] ImageError),
	/// `/dev/fuse` is missing or not permitted.
	#[error(
		"FUSE can't be used here: {0}. In a container, give it /dev/fuse and CAP_SYS_ADMIN; \
		 elsewhere, load the module with 'modprobe fuse'"
	)]
	NoFuse(io::Error),
	/// The process that serves the mount does not say what it has done.
	#[error("{}: its process gives no figures: {reason}", path.display())]
	NoStats {
		/// The place.
		path: PathBuf,
		/// What came instead.
		reason: String,
	},
	/// The system refused something else.
	#[error("can't {action} {}: {error}", path.display())]
	System {
		/// What was tried.
		action: &'static str,
		/// On what.
		path: PathBuf,
		/// The system's reason.
		error: io::Error,
	},
}

impl MountError {
	fn system(action: &'static str, path: impl Into<PathBuf>, error: io::Error) -> Self {
		Self::System { action, path: path.into(), error }
	}
}

/// What a mount has done so far.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MountStats {
	/// The image, as 64 hexadecimal digits.
	pub image: String,
	/// Where it is mounted.
	pub mountpoint: PathBuf,
	/// For how long, in seconds.
	pub age_seconds: u64,
	/// The bytes of all files.
	pub logical_bytes: u64,
	/// Reads that the kernel asked for; what it had itself is not among them.
	pub reads: u64,
	/// The bytes of these reads.
	pub bytes_read: u64,
	/// Reads that failed.
	pub read_errors: u64,
	/// What was fetched.
	pub fetch: FetchStats,
	/// What the cache was good for, if there is one.
	pub cache: Option<CacheStats>,
	/// How much of the image is in the cache, if that was counted: see [`Mount::figures`].
	pub local: Option<Local>,
	/// What the kernel reads by itself. These reads are not among those above.
	pub passthrough: PassthroughStats,
	/// Chunks that were fetched ahead of readers.
	pub prefetched: u64,
	/// How far the hydration is, if there is one.
	pub hydration: Option<HydrateStats>,
	/// The bytes on disk of what was written over the image, under an overlay, if that was counted.
	pub written: Option<u64>,
}

/// A mounted image. It is unmounted when dropped; [`Mount::unmount`] tells whether that worked.
pub struct Mount {
	image: ImageId,
	path: PathBuf,
	/// Where the image itself is mounted, under an overlay.
	lower: Option<PathBuf>,
	content: Arc<Content>,
	session: Option<BackgroundSession>,
}

/// Mounts an image. When this returns, the files are there.
///
/// What a killed process left mounted at the mountpoint is taken away first.
pub fn mount(options: MountOptions) -> Result<Mount, MountError> {
	let MountOptions { image: id, stores, mountpoint, cache, write, fetch, threads, .. } = options;
	let more = ContentOptions {
		passthrough: options.passthrough,
		prefetch: options.prefetch,
		record: options.record_trace,
		recent: fetch.recent,
		watch: false,
	};
	if cache.is_none() && options.hydrate != Hydrate::None {
		return Err(MountError::NoCache);
	}
	clear_stale(&mountpoint)?;
	let path = point::check(&mountpoint)?;
	let cache = cache.map(Cache::open).transpose()?;
	let cached = cache.as_ref().is_some_and(|cache| cache.has_chunk(id.0));
	if !cached {
		probe(id, &stores)?;
	}
	let fetcher = Arc::new(Fetcher::new(stores, fetch)?);
	let source: Arc<dyn ChunkSource> = match &cache {
		Some(cache) => Arc::new(CachedSource::new(cache.clone(), fetcher.clone())),
		None => fetcher.clone(),
	};
	let image = Image::open(source, id)?;
	let layers = match &write {
		WriteLayer::None => None,
		WriteLayer::Overlay { upper } => {
			overlay::refuse_parity_db(image.tree())?;
			Some(Layers::prepare(upper)?)
		},
	};
	let content = Arc::new(Content::new(Arc::new(image), fetcher, cache, more));
	let place = layers.as_ref().map_or(&path, |layers| &layers.lower);
	let session = serve(content.clone(), place, threads)?;
	if let Hydrate::Background { rate } = options.hydrate {
		content.hydrate(rate);
	}
	let mut mount =
		Mount { image: id, path: place.clone(), lower: None, content, session: Some(session) };
	if let Some(layers) = &layers {
		// On an error here, dropping `mount` takes the image away again.
		layers.mount(&path)?;
		mount.content.watch_written(layers.upper.clone());
		mount.lower = Some(std::mem::replace(&mut mount.path, path));
	}
	Ok(mount)
}

/// Asks for the first chunk of the image without the patience that a running mount has, so that a
/// mistyped address is an error at once.
fn probe(image: ImageId, stores: &[Arc<dyn Store>]) -> Result<(), MountError> {
	let key = [Bytes::copy_from_slice(&image.0 .0)];
	let mut trouble = None;
	for store in stores {
		match store.has_many(&key) {
			Ok(has) if has == [true] => return Ok(()),
			Ok(_) => {},
			Err(error) => trouble = Some(error),
		}
	}
	match trouble {
		Some(error) => Err(error.into()),
		None if stores.is_empty() => Ok(()),
		None => {
			let names: Vec<_> = stores.iter().map(|store| store.name()).collect();
			Err(MountError::NoImage { image, stores: names.join(", ") })
		},
	}
}

fn serve(
	content: Arc<Content>,
	place: &Path,
	threads: usize,
) -> Result<BackgroundSession, MountError> {
	let owner = (rustix::process::getuid(), rustix::process::getgid());
	let mut config = Config::default();
	config.mount_options = vec![
		MountOption::FSName(point::SOURCE.into()),
		MountOption::RO,
		MountOption::NoDev,
		MountOption::NoSuid,
		MountOption::NoAtime,
		MountOption::DefaultPermissions,
	];
	// Others may read what their permissions allow. Who is not root would need a setting of the
	// system's administrator for that.
	config.acl = if owner.0.is_root() { SessionACL::All } else { SessionACL::Owner };
	config.n_threads = Some(threads.max(1));
	let owner = (owner.0.as_raw(), owner.1.as_raw());
	let failed = |error: io::Error| match error.kind() {
		io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => MountError::NoFuse(error),
		_ => MountError::system("mount at", place, error),
	};
	let watched = content.sight().is_some();
	let session = Session::new(ImageFilesystem::new(content, owner), place, &config)
		.map_err(failed)?
		.spawn()
		.map_err(failed)?;
	if !watched {
		widen_readahead(place);
	}
	Ok(session)
}

/// Lets the kernel read ahead further than its default for network file systems, 128 KiB: that is
/// two chunks. Only root may; without it, reads are smaller.
fn widen_readahead(place: &Path) {
	const KIB: &str = "1024";
	let Ok(metadata) = fs::metadata(place) else { return };
	let device = metadata.dev();
	let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
	let setting = format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb");
	if let Err(error) = fs::write(&setting, KIB) {
		tracing::debug!(setting, %error, "the kernel reads ahead as far as it likes");
	}
}

impl Mount {
	/// Where the files are.
	pub fn path(&self) -> &Path {
		&self.path
	}

	/// The image.
	pub fn image(&self) -> ImageId {
		self.image
	}

	/// The content of the file at a path below the root of the image, as the image names it.
	pub fn file(&self, path: &[u8]) -> Option<BlobRef> {
		let tree = self.content.image().tree();
		tree.blob(tree.find(path)?)
	}

	/// What has been done so far.
	pub fn stats(&self) -> MountStats {
		self.content.stats(self.path.clone())
	}

	/// Which files are open, and which could be read faster if they were opened anew.
	pub fn open_files(&self) -> OpenFiles {
		OpenFiles::of(&self.content)
	}

	/// A way to ask for [`Self::stats`], from any thread, and also when this is gone. It counts what
	/// is in the cache, and what was written, before it answers, at most every ten seconds.
	pub fn figures(&self) -> impl Fn() -> MountStats + Send + Sync + 'static {
		let (content, path) = (self.content.clone(), self.path.clone());
		move || {
			content.count_local();
			content.stats(path.clone())
		}
	}

	/// The chunks that were read so far, in the order in which they were read first, if they are
	/// recorded. An image that has these as its trace has them fetched when it is mounted.
	pub fn trace(&self) -> Option<Vec<ChunkId>> {
		self.content.trace()
	}

	/// The same files once more, for this process alone, to see what is read of them. `folder` has to
	/// be an empty one, and is left so.
	pub fn watch(&self, folder: &Path) -> Result<Watch, MountError> {
		Watch::start(&self.content, folder)
	}

	/// Whether the files are still there: somebody else may have unmounted them.
	pub fn is_mounted(&self) -> bool {
		point::mounted_at(&self.path).is_ok_and(|entries| !entries.is_empty())
	}

	/// Unmounts. Files that are still open after a few seconds lose the mount's path and stay
	/// readable to those who have them open, for as long as this process runs.
	pub fn unmount(mut self) -> Result<(), MountError> {
		self.take_away()
	}

	fn take_away(&mut self) -> Result<(), MountError> {
		let Some(session) = self.session.take() else { return Ok(()) };
		self.content.settle();
		let upper = match &self.lower {
			Some(_) => point::unmount(&self.path),
			None => Ok(false),
		};
		let place = self.lower.as_ref().unwrap_or(&self.path);
		let lower = point::unmount(place);
		if let Some(cache) = self.content.cache() {
			cache.flush();
		}
		let detached = [&upper, &lower].iter().any(|result| matches!(result, Ok(true)));
		if detached {
			tracing::warn!(path = %self.path.display(), "files were open: detached");
		} else if lower.is_ok() {
			// The kernel has ended the session: its threads are about to end.
			let end = Instant::now() + SESSION_END;
			while !session.guard.is_finished() && Instant::now() < end {
				std::thread::sleep(Duration::from_millis(2));
			}
		}
		// When it is dropped it unmounts its place once more, although nothing of it is mounted
		// there any more, and by then it may be somebody else's. What is lost so is a descriptor.
		std::mem::forget(session);
		upper.and(lower).map(|_| ())
	}
}

impl Drop for Mount {
	fn drop(&mut self) {
		if let Err(error) = self.take_away() {
			tracing::error!(path = %self.path.display(), %error, "the mount does not go away");
		}
	}
}
