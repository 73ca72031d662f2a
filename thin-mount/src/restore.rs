//! Restoring: from an image to a plain directory, every byte verified on its way.

use crate::{
	blob::{check_shape, fetch, BlobError, Leaf, Segment},
	chunk::{ChunkId, CHUNK_SIZE},
	image::{EntryView, Image, NodeKind},
	parallel::{self, Jobs},
	progress::{OnProgress, Progress},
	source::FetchError,
};
use parking_lot::Mutex;
use rustix::{
	fs::{
		chmodat, fchmod, flock, fstatvfs, linkat, mkdirat, openat, symlinkat, syncfs, AtFlags,
		FlockOperation, Mode, OFlags, CWD,
	},
	io::Errno,
};
use std::{
	collections::HashMap,
	ffi::{OsStr, OsString},
	fs::{self, File},
	io::{self, ErrorKind},
	os::unix::{ffi::OsStrExt, fs::FileExt},
	path::{Path, PathBuf},
	sync::Arc,
};

/// How many leaves are fetched at once, and of how many files at most: each is open meanwhile.
const BATCH: usize = 64;
const BATCH_FILES: usize = 16;

/// What was restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoreReport {
	/// Files, each counted once.
	pub files: u64,
	/// Bytes of files, holes included.
	pub bytes: u64,
}

/// Why an image can't be restored. Nothing has the final name then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
	/// The target is there and is no empty directory.
	#[error("{} {reason}: name a directory that is empty or does not exist yet", path.display())]
	Target {
		/// The target.
		path: PathBuf,
		/// What it is.
		reason: &'static str,
	},
	/// Another process restores to the same place.
	#[error("{} is in use: another process restores to the same directory. Wait for it, or name another", path.display())]
	Busy {
		/// The directory that is being filled.
		path: PathBuf,
	},
	/// There is not enough room for the data of the image.
	#[error("{} has {free} bytes free, and the image needs {needed}: make room, or name another place", path.display())]
	Space {
		/// Where it would be written.
		path: PathBuf,
		/// Bytes that are free there.
		free: u64,
		/// Bytes that are needed, holes not counted.
		needed: u64,
	},
	/// A file of the image can't be read.
	#[error("'{}' can't be restored: {error}", path.escape_ascii())]
	Content {
		/// The file in the image.
		path: Vec<u8>,
		/// The cause.
		error: Box<BlobError>,
	},
	/// A system call failed.
	#[error("can't write {}: {error}", path.display())]
	Write {
		/// Where.
		path: PathBuf,
		/// The cause.
		error: io::Error,
	},
	/// A thread could not be started.
	#[error("can't start a thread: {0}")]
	Thread(#[from] io::Error),
}

/// Writes an image to the directory `target`, which must be empty or not exist yet.
///
/// Everything is written to a sibling, `.NAME.thin-partial`, and gets its name when it is whole and
/// on disk. What an interrupted try left there is removed by the next. Holes stay holes. Paths
/// are taken relative to that sibling, in which there is nothing but what came from the image, so
/// no symbolic link leads out of it while it is written.
pub fn restore(
	image: &Image,
	target: &Path,
	on_progress: OnProgress<'_>,
) -> Result<RestoreReport, RestoreError> {
	let target = std::path::absolute(target)
		.map_err(|error| RestoreError::Write { path: target.to_owned(), error })?;
	check_target(&target)?;
	let mut partial = Partial::create(&target)?;
	check_space(image, &partial)?;
	let run = Restore {
		image,
		partial: &partial,
		progress: Mutex::new(Progress::default()),
		on_progress,
	};
	parallel::run(parallel::default_threads(), |jobs| run.produce(jobs), |batch| run.batch(batch))?;
	run.modes()?;
	let Progress { files, bytes } = run.progress.into_inner();
	partial.finish(&target)?;
	Ok(RestoreReport { files, bytes })
}

fn check_target(target: &Path) -> Result<(), RestoreError> {
	let refuse = |reason| Err(RestoreError::Target { path: target.to_owned(), reason });
	match fs::symlink_metadata(target) {
		Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
		Err(error) => Err(RestoreError::Write { path: target.to_owned(), error }),
		Ok(found) if !found.is_dir() => refuse("is no directory"),
		Ok(_) => match fs::read_dir(target).map(|mut entries| entries.next().is_some()) {
			Ok(false) => Ok(()),
			Ok(true) => refuse("is not empty"),
			Err(error) => Err(RestoreError::Write { path: target.to_owned(), error }),
		},
	}
}

/// Fails before a disk is filled for nothing. An image of a few chunks may hold more than any disk.
fn check_space(image: &Image, partial: &Partial) -> Result<(), RestoreError> {
	let (mut known, mut needed) = (HashMap::new(), 0u64);
	for entry in image.tree().entries() {
		let (Some(blob), false) = (entry.blob, entry.hard_link) else { continue };
		let leaves = image.blobs().data_leaves(&blob, &mut known).map_err(|error| {
			RestoreError::Content { path: entry.path.to_vec(), error: Box::new(error) }
		})?;
		let bytes = leaves.saturating_mul(CHUNK_SIZE as u64).min(blob.length);
		needed = needed.saturating_add(bytes);
	}
	let path = partial.path.clone();
	let found = fstatvfs(&partial.directory)
		.map_err(|error| RestoreError::Write { path: path.clone(), error: error.into() })?;
	let free = found.f_bavail.saturating_mul(found.f_frsize);
	if needed > free {
		return Err(RestoreError::Space { path, free, needed });
	}
	Ok(())
}

/// The directory that is being filled. It is removed unless it gets its name.
struct Partial {
	path: PathBuf,
	directory: File,
	finished: bool,
}

impl Partial {
	fn create(target: &Path) -> Result<Self, RestoreError> {
		let Some(name) = target.file_name() else {
			let reason = "is no name for a new directory";
			return Err(RestoreError::Target { path: target.to_owned(), reason });
		};
		let mut hidden = OsString::from(".");
		hidden.push(name);
		hidden.push(".thin-partial");
		let path = target.with_file_name(hidden);
		let failed = |error| RestoreError::Write { path: path.clone(), error };
		if let Some(parent) = path.parent() {
			fs::create_dir_all(parent).map_err(failed)?;
		}
		if fs::symlink_metadata(&path).is_ok() {
			// Whoever gets the lock finds nobody at work: what is there was left behind.
			let _left_behind = Self::lock(&path)?;
			tracing::info!(path = %path.display(), "removing what an interrupted restore left");
			fs::remove_dir_all(&path).map_err(failed)?;
		}
		match mkdirat(CWD, &path, Mode::RWXU) {
			Ok(()) => {},
			Err(Errno::EXIST) => return Err(RestoreError::Busy { path }),
			Err(error) => return Err(failed(error.into())),
		}
		let directory = Self::lock(&path)?;
		Ok(Self { path, directory, finished: false })
	}

	fn lock(path: &Path) -> Result<File, RestoreError> {
		let failed =
			|error: Errno| RestoreError::Write { path: path.to_owned(), error: error.into() };
		let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
		let directory = openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
		match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
			Ok(()) => Ok(directory.into()),
			Err(Errno::WOULDBLOCK) => Err(RestoreError::Busy { path: path.to_owned() }),
			Err(error) => Err(failed(error)),
		}
	}

	fn finish(&mut self, target: &Path) -> Result<(), RestoreError> {
		let failed = |error| RestoreError::Write { path: target.to_owned(), error };
		syncfs(&self.directory).map_err(|error| failed(error.into()))?;
		// Onto an empty directory or nothing: the kernel refuses anything else.
		fs::rename(&self.path, target).map_err(|error| match error.kind() {
			ErrorKind::DirectoryNotEmpty => {
				RestoreError::Target { path: target.to_owned(), reason: "is not empty" }
			},
			_ => failed(error),
		})?;
		self.finished = true;
		if let Some(parent) = target.parent() {
			File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
		}
		Ok(())
	}
}

impl Drop for Partial {
	fn drop(&mut self) {
		if self.finished {
			return;
		}
		if let Err(error) = fs::remove_dir_all(&self.path) {
			tracing::warn!(path = %self.path.display(), %error, "can't remove a half-made directory");
		}
	}
}

/// A leaf to write.
struct Job {
	file: Arc<File>,
	path: Arc<[u8]>,
	leaf: Leaf,
}

struct Restore<'a> {
	image: &'a Image,
	partial: &'a Partial,
	progress: Mutex<Progress>,
	on_progress: OnProgress<'a>,
}

impl Restore<'_> {
	fn failed(&self, path: &[u8], error: impl Into<io::Error>) -> RestoreError {
		let path = self.partial.path.join(OsStr::from_bytes(path));
		RestoreError::Write { path, error: error.into() }
	}

	/// Makes everything there is, in the order of the listing, so that a directory is there before
	/// what it holds, and a file before its other names.
	fn produce(&self, jobs: &Jobs<'_, Vec<Job>>) -> Result<(), RestoreError> {
		let (root, tree) = (&self.partial.directory, self.image.tree());
		let mut batch: Vec<Job> = Vec::new();
		for entry in tree.entries() {
			let failed = |error: Errno| self.failed(entry.path, error);
			if entry.hard_link {
				let first = tree.path(entry.node).unwrap_or_default();
				linkat(root, first, root, entry.path, AtFlags::empty()).map_err(failed)?;
				continue;
			}
			match entry.attributes.kind {
				NodeKind::Directory => mkdirat(root, entry.path, Mode::RWXU).map_err(failed)?,
				NodeKind::Symlink => {
					symlinkat(entry.target.unwrap_or_default(), root, entry.path).map_err(failed)?
				},
				NodeKind::File => {
					let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
					let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
					let file = openat(root, entry.path, flags, Mode::RUSR | Mode::WUSR);
					let file = File::from(file.map_err(failed)?);
					file.set_len(entry.attributes.size).map_err(|e| self.failed(entry.path, e))?;
					let mode = Mode::from_raw_mode(entry.attributes.mode.into());
					fchmod(&file, mode).map_err(failed)?;
					if !self.content(&entry, Arc::new(file), &mut batch, jobs)? {
						return Ok(());
					}
					self.progress.lock().files += 1;
				},
			}
		}
		let _ = batch.is_empty() || jobs.put(batch);
		Ok(())
	}

	/// Queues the leaves of a file. `false`: another thread failed.
	fn content(
		&self,
		entry: &EntryView<'_>,
		file: Arc<File>,
		batch: &mut Vec<Job>,
		jobs: &Jobs<'_, Vec<Job>>,
	) -> Result<bool, RestoreError> {
		let Some(blob) = entry.blob else { return Ok(true) };
		let path: Arc<[u8]> = entry.path.into();
		let content = |error| RestoreError::Content { path: path.to_vec(), error: Box::new(error) };
		let mut next = 0;
		loop {
			let segments = self.image.blobs().segments(&blob, next, BATCH).map_err(content)?;
			let Some(last) = segments.last() else { return Ok(true) };
			next = last.end();
			for segment in segments {
				match segment {
					// The file has its length already: what is not written is a hole.
					Segment::Hole { count, .. } => {
						self.passed(count.saturating_mul(CHUNK_SIZE as u64))
					},
					Segment::Leaf(leaf) => {
						batch.push(Job { file: file.clone(), path: path.clone(), leaf });
						let files =
							batch.windows(2).filter(|w| !Arc::ptr_eq(&w[0].file, &w[1].file));
						let full = batch.len() >= BATCH || files.count() + 1 >= BATCH_FILES;
						if full && !jobs.put(std::mem::take(batch)) {
							return Ok(false);
						}
					},
				}
			}
		}
	}

	fn batch(&self, batch: Vec<Job>) -> Result<(), RestoreError> {
		let source = &**self.image.blobs().source();
		let ids: Vec<ChunkId> = batch.iter().map(|job| job.leaf.id).collect();
		let chunks = match fetch(source, &ids) {
			Ok(chunks) => chunks,
			// One by one, to name the file.
			Err(_) => {
				let mut chunks = Vec::new();
				for job in &batch {
					let content = |error: FetchError| RestoreError::Content {
						path: job.path.to_vec(),
						error: Box::new(error.into()),
					};
					chunks.extend(fetch(source, &[job.leaf.id]).map_err(content)?);
				}
				chunks
			},
		};
		for (Job { file, path, leaf }, chunk) in batch.iter().zip(chunks) {
			let bytes = chunk.bytes();
			check_shape(leaf.id, bytes.len(), leaf.length).map_err(|error| {
				RestoreError::Content { path: path.to_vec(), error: Box::new(error) }
			})?;
			file.write_all_at(bytes, leaf.index.saturating_mul(CHUNK_SIZE as u64))
				.map_err(|error| self.failed(path, error))?;
			self.passed(bytes.len() as u64);
		}
		Ok(())
	}

	fn passed(&self, bytes: u64) {
		let progress = {
			let mut progress = self.progress.lock();
			progress.bytes = progress.bytes.saturating_add(bytes);
			*progress
		};
		(self.on_progress)(progress);
	}

	/// The modes of directories, the innermost first: one that may not be written to is closed
	/// after everything is in it.
	fn modes(&self) -> Result<(), RestoreError> {
		let directories: Vec<_> = self
			.image
			.tree()
			.entries()
			.filter(|entry| entry.attributes.kind == NodeKind::Directory)
			.collect();
		for entry in directories.iter().rev() {
			let mode = Mode::from_raw_mode(entry.attributes.mode.into());
			chmodat(&self.partial.directory, entry.path, mode, AtFlags::empty())
				.map_err(|error| self.failed(entry.path, error))?;
		}
		let mode = Mode::from_raw_mode(self.image.superblock().root_mode.into());
		fchmod(&self.partial.directory, mode).map_err(|error| self.failed(b"", error))
	}
}

#[cfg(test)]
mod tests;
