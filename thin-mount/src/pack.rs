//! Packing: from a directory to an image in a store.
//!
//! One thread walks the tree in the order of the listing and cuts it into steps; several read
//! and hash; one puts the results together, in order, into trees and the listing; several
//! compress and upload what the store does not have yet. All queues are bounded. The superblock
//! goes last, after everything else is safely stored: an image whose id is known is whole.

mod assemble;
mod read;
mod retrace;
mod upload;
mod walk;

pub use retrace::retrace;

use crate::{
	blob::{BlobRef, BlobWriter},
	chunk::{Chunk, ChunkId},
	image::{ImageError, ImageId, Superblock, Totals, TRACE_LIMIT},
	progress::OnProgress,
	store::{Store, StoreError},
};
use assemble::Assembled;
use parking_lot::Mutex;
use rustix::io::Errno;
use std::{
	fs::File,
	path::{Path, PathBuf},
	sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	},
	thread,
};
use upload::{Offer, Uploader};
use walk::Walker;

/// Says of a path below the packed directory whether to leave it out, with everything in it.
pub type Exclude = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// How to pack.
#[derive(Default)]
pub struct PackOptions {
	/// How many threads read and hash, and how many compress and upload. 0: as many as there are
	/// processors.
	pub threads: usize,
	/// What to leave out.
	pub exclude: Option<Exclude>,
	/// The prefetch trace to put into the image: the chunks that a reader will want first.
	pub trace: Vec<ChunkId>,
}

/// What was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackReport {
	/// The image.
	pub image: ImageId,
	/// What it holds.
	pub totals: Totals,
	/// How many chunks the store did not have before.
	pub new_chunks: u64,
	/// How many bytes their values have, as stored.
	pub uploaded_bytes: u64,
}

/// What was packed into several stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedToAll {
	/// The image, which now is in each of them.
	pub image: ImageId,
	/// What it holds.
	pub totals: Totals,
	/// What each of the stores was given, in their order.
	pub uploads: Vec<Uploaded>,
}

/// What one store was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uploaded {
	/// How many chunks it did not have before.
	pub new_chunks: u64,
	/// How many bytes their values have, as stored.
	pub bytes: u64,
}

/// Why a directory can't be packed. What was uploaded before stays, and the next try goes on from
/// there.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
	/// A system call failed.
	#[error("can't read {}: {error}", path.display())]
	Read {
		/// The file.
		path: PathBuf,
		/// The cause.
		error: std::io::Error,
	},
	/// Something that is no file, directory or symbolic link.
	#[error("{} is a {kind}: images hold files, directories and symbolic links; leave it out with --exclude", path.display())]
	Special {
		/// The path.
		path: PathBuf,
		/// What it is.
		kind: &'static str,
	},
	/// A file changed between the first look at it and the last.
	#[error("{} changed while it was being packed: pack a copy, or stop what writes to it", path.display())]
	Changed {
		/// The file.
		path: PathBuf,
	},
	/// A path or the tree as a whole is too large for the format.
	#[error("{}: {reason}", path.display())]
	Limit {
		/// The path.
		path: PathBuf,
		/// Which limit.
		reason: String,
	},
	/// The store failed.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// The image that is to get another trace can't be read.
	#[error(transparent)]
	Image(#[from] ImageError),
	/// A thread could not be started.
	#[error("can't start a thread: {0}")]
	Thread(std::io::Error),
	/// A trace that is too long.
	#[error("the trace has {0} chunks: the most is 1048576")]
	Trace(usize),
	/// Another thread failed; its error is the one that is reported.
	#[error("packing was stopped")]
	Stopped,
}

/// The directory being packed. All paths are taken relative to it.
struct Root {
	directory: File,
	path: PathBuf,
}

impl Root {
	fn open(path: &Path) -> Result<Self, PackError> {
		let failed = |error| PackError::Read { path: path.to_owned(), error };
		let directory = File::open(path).map_err(failed)?;
		if !directory.metadata().map_err(failed)?.is_dir() {
			return Err(failed(std::io::ErrorKind::NotADirectory.into()));
		}
		Ok(Self { directory, path: path.to_owned() })
	}

	/// How a path below the root is shown in errors.
	fn shown(&self, path: &[u8]) -> PathBuf {
		use std::os::unix::ffi::OsStrExt;
		self.path.join(std::ffi::OsStr::from_bytes(path))
	}

	fn failed(&self, path: &[u8], error: impl Into<std::io::Error>) -> PackError {
		let error = error.into();
		match Errno::from_io_error(&error) {
			// It was in its directory a moment ago, and in another shape.
			Some(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => self.changed(path),
			_ => PackError::Read { path: self.shown(path), error },
		}
	}

	fn changed(&self, path: &[u8]) -> PackError {
		PackError::Changed { path: self.shown(path) }
	}
}

/// What tells all threads to stop: the first error.
#[derive(Default)]
struct Outcome {
	stopped: AtomicBool,
	first: Mutex<Option<PackError>>,
}

impl Outcome {
	fn stopped(&self) -> bool {
		self.stopped.load(Ordering::Relaxed)
	}

	fn note<T>(&self, result: Result<T, PackError>) -> Option<T> {
		match result {
			Ok(value) => Some(value),
			Err(error) => {
				let mut first = self.first.lock();
				if first.is_none() && !matches!(error, PackError::Stopped) {
					*first = Some(error);
				}
				self.stopped.store(true, Ordering::Relaxed);
				None
			},
		}
	}
}

/// How many files and bytes a pack of this directory will go through: a quick look, for a progress
/// bar. What can't be read is left out here; packing will name it.
pub fn measure(directory: &Path, options: &PackOptions) -> Result<Totals, PackError> {
	let root = Root::open(directory)?;
	let mut totals = Totals::default();
	Walker::new(&root, options.exclude.as_ref()).measure(&mut totals)?;
	Ok(totals)
}

/// Packs a directory into an image in `store`, and says which. See [`pack_to_all`].
pub fn pack(
	directory: &Path,
	store: &dyn Store,
	options: &PackOptions,
	progress: OnProgress<'_>,
) -> Result<PackReport, PackError> {
	let PackedToAll { image, totals, uploads } =
		pack_to_all(directory, &[store], options, progress)?;
	let Uploaded { new_chunks, bytes } = uploads.first().copied().unwrap_or_default();
	Ok(PackReport { image, totals, new_chunks, uploaded_bytes: bytes })
}

/// Packs a directory into an image, which goes into each of these stores, and says which. The
/// directory is read, hashed and compressed once.
///
/// Only chunks that a store does not have are uploaded to it, and no key is stored twice. The
/// first store that fails ends everything; its error names it. An error leaves no image behind in
/// any of the stores; the chunks that are there by then make the next try shorter.
pub fn pack_to_all(
	directory: &Path,
	stores: &[&dyn Store],
	options: &PackOptions,
	progress: OnProgress<'_>,
) -> Result<PackedToAll, PackError> {
	if options.trace.len() as u64 > TRACE_LIMIT / 32 {
		return Err(PackError::Trace(options.trace.len()));
	}
	let root = Root::open(directory)?;
	let threads = match options.threads {
		0 => thread::available_parallelism().map_or(2, usize::from),
		threads => threads,
	};
	let outcome = Outcome::default();
	let uploader = Uploader::new(stores);
	let (assembled, trace) = run(&root, &uploader, &outcome, threads, options, progress)
		.ok_or_else(|| outcome.first.lock().take().unwrap_or(PackError::Stopped))?;

	uploader.flush()?;
	let superblock = Superblock {
		listing: assembled.listing,
		root_mode: assembled.root_mode,
		totals: assembled.totals,
		trace,
	};
	let chunk = superblock.to_chunk();
	uploader.upload(vec![chunk.clone()])?;
	uploader.flush()?;
	let image = ImageId(chunk.id());
	Ok(PackedToAll { image, totals: assembled.totals, uploads: uploader.counts() })
}

/// Everything up to the superblock. `None` when `outcome` has the error.
fn run(
	root: &Root,
	uploader: &Uploader<'_>,
	outcome: &Outcome,
	threads: usize,
	options: &PackOptions,
	progress: OnProgress<'_>,
) -> Option<(Assembled, Option<BlobRef>)> {
	let queues = read::Queues::new(threads);
	let (chunks, to_upload) = crossbeam_channel::bounded::<Chunk>(threads * 64);
	thread::scope(|scope| {
		for _ in 0..threads {
			let incoming = to_upload.clone();
			spawn(scope, outcome, "pack-upload", move || uploader.run(incoming, outcome));
		}
		// Only the threads may hold the ends of a queue, so that it closes with them.
		drop(to_upload);
		let read::Queues { steps, steps_out, results, results_out, tokens, tokens_out } = queues;
		for _ in 0..threads {
			let offer = Offer::new(uploader, chunks.clone());
			let (steps_out, results) = (steps_out.clone(), results.clone());
			spawn(scope, outcome, "pack-read", move || {
				read::run(root, steps_out, results, offer, outcome)
			});
		}
		drop((steps_out, results));
		spawn(scope, outcome, "pack-walk", move || {
			Walker::new(root, options.exclude.as_ref()).run(steps, tokens, outcome)
		});
		let offer = Offer::new(uploader, chunks);
		let assembled =
			assemble::run(root, results_out, tokens_out, offer.clone(), outcome, progress);
		let assembled = outcome.note(assembled)?;
		let trace = outcome.note(write_trace(&options.trace, offer))?;
		Some((assembled, trace))
	})
	.filter(|_| !outcome.stopped())
}

/// Starts a thread whose error, and that it could not be started, stops all others.
fn spawn<'scope>(
	scope: &'scope thread::Scope<'scope, '_>,
	outcome: &'scope Outcome,
	name: &str,
	work: impl FnOnce() -> Result<(), PackError> + Send + 'scope,
) {
	let started = thread::Builder::new().name(name.into()).spawn_scoped(scope, move || {
		outcome.note(work());
	});
	outcome.note(started.map_err(PackError::Thread));
}

fn write_trace(ids: &[ChunkId], offer: Offer<'_, '_>) -> Result<Option<BlobRef>, PackError> {
	if ids.is_empty() {
		return Ok(None);
	}
	let mut writer = BlobWriter::new(offer);
	for id in ids {
		writer.write(&id.0)?;
	}
	Ok(Some(writer.finish()?.0))
}

/// Shared by the steps of one large file.
type Shared = Arc<File>;

#[cfg(test)]
mod tests;
