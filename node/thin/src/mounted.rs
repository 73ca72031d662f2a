//! The image of a snapshot, made readable as a folder: mounted, or restored where there is no
//! FUSE.

mod finding;
mod reopening;

use crate::{
	cli::{Hydrate, ThinParams},
	error::StartError,
	layered::{
		Content, ImageDatabase, OnEntry, Origin, Place, RawDatabase, ReadError, ScanDatabase,
	},
	local::{LocalPath, Marker},
	notify,
	promise::Promise,
	status::{Counters, Fetched, Figures},
	ticker::{share, Ticker},
};
use reopening::Reopening;
use sc_service::Configuration;
use sp_database::ColumnId;
use std::{
	fs,
	path::{Path, PathBuf},
	sync::Arc,
	time::Duration,
};
use thin_mount::{
	blob::leaf_count,
	cache::CacheOptions,
	chunk::ChunkId,
	fetch::{FetchOptions, FetchStats, Fetcher},
	image::{Image, ImageId},
	mount::{Mount, MountOptions, MountStats},
	progress::Progress,
	store::{self, Store},
};

/// How often a restore says how far it is. Also the service manager is told so, which would give it up
/// after some minutes of silence.
const EVERY: Duration = Duration::from_secs(10);

/// Opens stores by URL, each once. URLs that begin with a range, as in `00-7f=zdb://…`, are shards of
/// one store.
///
/// Errors when a URL is none, or when none of the stores can be opened.
pub fn open_stores(urls: &[String]) -> Result<Vec<Arc<dyn Store>>, StartError> {
	let none = |reason: String| {
		StartError::Stores(format!(
			"no store of the snapshot can be opened: {reason}. Give one with --thin-store URL"
		))
	};
	match store::open_replicas(urls) {
		Ok(stores) if stores.is_empty() => Err(none("the registration names none".into())),
		Ok(stores) => Ok(stores),
		Err(error @ store::StoreError::Url { .. }) => Err(StartError::Usage(error.to_string())),
		Err(error) => Err(none(error.to_string())),
	}
}

/// An image that can be read as a folder for as long as this lives.
pub struct MountedImage {
	path: PathBuf,
	home: PathBuf,
	origin: Origin,
	source: Arc<Source>,
	/// How many bytes of blocks the database keeps in memory, if that is known.
	block_cache: Option<usize>,
}

enum Source {
	Mounted(Mount),
	/// A plain folder, and what was fetched to make it.
	Restored(Fetched),
}

impl MountedImage {
	/// Mounts the image under the node's base path, or restores it there with
	/// `--thin-hydrate full`.
	pub fn open(
		config: &Configuration,
		params: &ThinParams,
		marker: &Marker,
		stores: Vec<Arc<dyn Store>>,
	) -> Result<Self, StartError> {
		let home = config.base_path.config_dir(config.chain_spec.id()).join("thin");
		let image = ImageId(ChunkId(marker.manifest.image.0));
		let mut opened = Self::at(&home, image, params, stores)?;
		// As much as the database of an ordinary node would.
		let local = LocalPath::of(&config.database);
		opened.block_cache = local.map(|local| local.block_cache_bytes());
		Ok(opened)
	}

	/// The same in a folder of its own.
	pub fn at(
		home: &Path,
		image: ImageId,
		params: &ThinParams,
		stores: Vec<Arc<dyn Store>>,
	) -> Result<Self, StartError> {
		let failed = |error: String| StartError::Mount(error);
		let made_home = !home.exists();
		fs::create_dir_all(home).map_err(|e| failed(format!("{}: {e}", home.display())))?;
		let names = stores.iter().map(|store| store.name().to_owned()).collect();
		let origin = Origin { image, stores: names };
		let opened = match params.thin_hydrate {
			Hydrate::Full => restore(home, image, params, stores),
			Hydrate::None | Hydrate::Background => mount(home, image, params, stores),
		};
		let (path, source) = opened.inspect_err(|_| {
			// A start that fails leaves a new base path as it was.
			if made_home {
				let _ = fs::remove_dir_all(home);
			}
		})?;
		let (home, source) = (home.to_owned(), Arc::new(source));
		Ok(Self { path, home, origin, source, block_cache: None })
	}

	/// Opens the database in the image. The image stays readable until the database is closed.
	pub fn database(&self) -> Result<Box<dyn RawDatabase>, ReadError> {
		let mut kept = self.open_database()?;
		kept.reopening = Reopening::start(kept.database.clone(), kept.source.clone());
		Ok(Box::new(kept))
	}

	/// The same database, to be read from end to end.
	pub fn scan_database(&self) -> Result<Arc<dyn ScanDatabase>, ReadError> {
		Ok(Arc::new(self.open_database()?))
	}

	fn open_database(&self) -> Result<Kept, ReadError> {
		let database = match self.block_cache {
			Some(bytes) => ImageDatabase::with_cache(&self.path, &self.home, bytes)?,
			None => ImageDatabase::open(&self.path, &self.home)?,
		};
		Ok(Kept {
			reopening: None,
			database: Arc::new(database),
			home: self.home.clone(),
			origin: self.origin.clone(),
			source: self.source.clone(),
		})
	}

	/// What the image says of its own completeness.
	pub fn promise(&self) -> Result<Option<Promise>, StartError> {
		Promise::read(&self.path).map_err(StartError::Mount)
	}

	/// Reads what has been fetched, `records` bytes of manifest and proof included.
	pub fn counters(&self, records: u64) -> Counters {
		let source = Arc::downgrade(&self.source);
		Arc::new(move || {
			let fetched = source.upgrade().map_or(Fetched::default(), |source| source.fetched());
			Fetched { bytes: records + fetched.bytes, ..fetched }
		})
	}

	/// Reads what the mount has done, and counts how much of the image is here.
	pub fn figures(&self) -> Figures {
		let source = Arc::downgrade(&self.source);
		Arc::new(move || source.upgrade()?.figures())
	}
}

impl Source {
	fn figures(&self) -> Option<MountStats> {
		match self {
			Self::Mounted(mount) => Some(mount.figures()()),
			Self::Restored(_) => None,
		}
	}

	/// What the image has as a file. Of an image that was restored, only the files are here.
	fn content(&self, name: &str) -> Option<Content> {
		let Self::Mounted(mount) = self else { return None };
		let blob = mount.file(name.as_bytes())?;
		let chunks = leaf_count(blob.length);
		Some(Content { root: blob.root, chunks, of_value: Vec::new() })
	}

	fn fetched(&self) -> Fetched {
		match self {
			Self::Mounted(mount) => fetched_by(&mount.stats().fetch),
			Self::Restored(fetched) => *fetched,
		}
	}
}

fn fetched_by(stats: &FetchStats) -> Fetched {
	let requests = stats.stores.iter().map(|store| store.requests).sum();
	Fetched { bytes: stats.bytes_fetched, chunks: stats.chunks_fetched, requests }
}

/// A database and what it is read from. The fields are dropped in this order: files that are open
/// would keep the image from being unmounted.
struct Kept {
	/// Not for who reads the database from end to end: that is one read.
	reopening: Option<Reopening>,
	database: Arc<ImageDatabase>,
	/// A folder for files that are needed for a moment.
	home: PathBuf,
	origin: Origin,
	source: Arc<Source>,
}

impl RawDatabase for Kept {
	fn get(&self, column: ColumnId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		self.database.get(column, key)
	}

	fn place(&self, column: ColumnId, key: &[u8]) -> Option<Place> {
		let mut place = self.database.place(column, key)?;
		for table in &mut place.tables {
			table.content = self.source.content(&table.name);
		}
		if let Some(found) = finding::find(&self.source, &self.home, column, key) {
			place.found(&String::from_utf8_lossy(&found.file), found.chunks);
		}
		place.origin = Some(self.origin.clone());
		Some(place)
	}
}

impl ScanDatabase for Kept {
	fn scan(&self, column: ColumnId, each: OnEntry<'_>) -> Result<(), ReadError> {
		self.database.scan(column, each)
	}

	fn strange_columns(&self) -> Vec<String> {
		self.database.strange_columns()
	}
}

fn mount(
	home: &Path,
	image: ImageId,
	params: &ThinParams,
	stores: Vec<Arc<dyn Store>>,
) -> Result<(PathBuf, Source), StartError> {
	let failed = |error: String| StartError::Mount(error);
	let path = home.join("mount");
	// A node that was killed may have left a dead mount here.
	thin_mount::mount::clear_stale(&path).map_err(|error| failed(error.to_string()))?;
	fs::create_dir_all(&path).map_err(|e| failed(format!("{}: {e}", path.display())))?;
	let folder = params.thin_cache.clone().unwrap_or_else(|| home.join("cache"));
	let mut options = MountOptions::new(image, stores, path.clone());
	options.fetch.rate = params.fetch_rate;
	options.cache = Some(CacheOptions { folder, limit: params.thin_cache_size });
	if params.thin_hydrate == Hydrate::Background {
		options.hydrate = thin_mount::mount::Hydrate::Background { rate: params.thin_hydrate_rate };
	}
	let mount = thin_mount::mount::mount(options).map_err(|error| {
		failed(format!("{error}. On a machine without FUSE, say --thin-hydrate full"))
	})?;
	Ok((path, Source::Mounted(mount)))
}

fn restore(
	home: &Path,
	image: ImageId,
	params: &ThinParams,
	stores: Vec<Arc<dyn Store>>,
) -> Result<(PathBuf, Source), StartError> {
	let path = home.join(format!("image-{image}"));
	let failed = |error: String| StartError::Mount(error);
	let mut fetched = Fetched::default();
	if !path.exists() {
		tracing::info!(target: "thin", path = %path.display(), "Restoring the whole image");
		let options = FetchOptions { rate: params.fetch_rate, ..Default::default() };
		let fetcher = Fetcher::new(stores, options).map_err(|error| failed(error.to_string()))?;
		let fetcher = Arc::new(fetcher);
		let image =
			Image::open(fetcher.clone(), image).map_err(|error| failed(error.to_string()))?;
		let total = image.superblock().totals.bytes;
		let ticker = Ticker::new(EVERY);
		let on_progress = |progress: Progress| {
			ticker.tick(|| {
				let done = share(progress.bytes, total);
				tracing::info!(target: "thin", "Restoring the image: {done}");
				notify::progress(&format!("Restoring the image: {done}"));
			});
		};
		thin_mount::restore::restore(&image, &path, &on_progress)
			.map_err(|error| failed(error.to_string()))?;
		fetched = fetched_by(&fetcher.stats());
	}
	Ok((path, Source::Restored(fetched)))
}
