//! Verifying: can every chunk of an image be had, and is it right?

mod sample;

pub use sample::{at_most_bad, missed, Sample, MOST};

use crate::{
	blob::{check_shape, fetch, BlobError},
	blob::{children, height, leaf_count, leaf_length, zero_id, BlobRef, FANOUT},
	chunk::{ChunkId, CHUNK_SIZE},
	image::{EntryView, Image, ImageError, ImageId},
	parallel::{self, Jobs},
	progress::{OnProgress, Progress},
	source::{ChunkSource, FetchError},
	store::StoreError,
};
use parking_lot::Mutex;
use sample::{Pick, Picker};
use std::{collections::HashSet, sync::Arc};

/// How many chunks are fetched at once.
const BATCH: usize = 64;

/// How many problems are kept. There may be millions, and all of one cause.
const KEPT: usize = 1000;

/// What is wrong with a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
	/// No store has it.
	Missing,
	/// What the stores have under its id is something else.
	Corrupt,
	/// It is what its id says, and does not fit into its blob.
	Malformed,
}

/// A chunk that can't be had, or is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
	/// The file: the first of its names.
	pub path: Vec<u8>,
	/// The first byte of the file that can't be read.
	pub offset: u64,
	/// How many bytes from there on need this chunk.
	pub length: u64,
	/// The chunk.
	pub chunk: ChunkId,
	/// What is wrong.
	pub kind: ProblemKind,
	/// The same in words.
	pub message: String,
}

/// What verifying found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
	/// How many files there are.
	pub files: u64,
	/// How many leaves they have that are no holes; one that occurs twice may count twice.
	pub leaves: u64,
	/// How many of these were checked: all, unless a sample was wanted.
	pub checked: u64,
	/// How many chunks of files were had and are right; one that occurs twice may count twice.
	pub good_chunks: u64,
	/// How many problems there are.
	pub problem_count: u64,
	/// The first thousand of them, by path and offset.
	pub problems: Vec<Problem>,
}

/// Why an image could not be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
	/// Its superblock or its listing is not there or not right.
	#[error(transparent)]
	Image(#[from] ImageError),
	/// A store can't be asked, so nothing can be said about the image.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// A thread could not be started.
	#[error("can't start a thread: {0}")]
	Thread(#[from] std::io::Error),
}

/// Opens an image and checks every chunk of it. What is wrong with single chunks is in the report;
/// an error means that the image can't be opened or a store can't be asked.
///
/// A subtree of 128 MiB or more that several files share is checked once, and its problems are
/// reported for the first of them.
pub fn verify(
	source: Arc<dyn ChunkSource>,
	id: ImageId,
	on_progress: OnProgress<'_>,
) -> Result<VerifyReport, VerifyError> {
	run(source, id, Extent::ALL, &mut |_, _| {}, on_progress)
}

/// As [`verify`], in steps: of so many bytes of files each, and from the file on that has this
/// place in the listing. After each step `on_step` is called with the place to go on from, and
/// with what was found so far in this run.
pub fn verify_from(
	source: Arc<dyn ChunkSource>,
	id: ImageId,
	first: usize,
	step: u64,
	on_step: OnStep<'_>,
	on_progress: OnProgress<'_>,
) -> Result<VerifyReport, VerifyError> {
	run(source, id, Extent { first, step, sample: None }, on_step, on_progress)
}

/// Is called after a step.
pub type OnStep<'a> = &'a mut dyn FnMut(usize, &VerifyReport);

/// As [`verify`], but of the leaves only a sample is checked, picked at random. What a sample
/// without a fault is worth, [`missed`] and [`at_most_bad`] say.
pub fn verify_sample(
	source: Arc<dyn ChunkSource>,
	id: ImageId,
	sample: Sample,
	on_progress: OnProgress<'_>,
) -> Result<VerifyReport, VerifyError> {
	let extent = Extent { sample: Some(sample), ..Extent::ALL };
	run(source, id, extent, &mut |_, _| {}, on_progress)
}

/// What of an image is checked, and how much at a time.
struct Extent {
	first: usize,
	step: u64,
	sample: Option<Sample>,
}

impl Extent {
	const ALL: Self = Self { first: 0, step: u64::MAX, sample: None };
}

fn run(
	source: Arc<dyn ChunkSource>,
	id: ImageId,
	Extent { mut first, step, sample }: Extent,
	on_step: OnStep<'_>,
	on_progress: OnProgress<'_>,
) -> Result<VerifyReport, VerifyError> {
	let image = Image::open(source, id)?;
	let state = Mutex::new(State::default());
	let check = Check { image: &image, state: &state, on_progress };
	let mut entries = image.tree().entries().enumerate().skip(first).peekable();
	let mut walked = HashSet::new();
	while entries.peek().is_some() {
		parallel::run(
			parallel::default_threads(),
			|jobs| {
				first = check.produce(jobs, &mut entries, step, sample, &mut walked)?;
				Ok(())
			},
			|batch| check.batch(batch),
		)?;
		on_step(first, &state.lock().report);
	}
	let State { mut report, .. } = state.into_inner();
	report.problems.sort_by(|a, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
	Ok(report)
}

#[derive(Default)]
struct State {
	report: VerifyReport,
	progress: Progress,
}

/// A leaf to check.
struct Job {
	path: Arc<[u8]>,
	offset: u64,
	id: ChunkId,
	length: usize,
}

struct Check<'a> {
	image: &'a Image,
	state: &'a Mutex<State>,
	on_progress: OnProgress<'a>,
}

/// The walk over all files, on one thread.
struct Walk<'a, 'j> {
	check: &'a Check<'a>,
	jobs: &'a Jobs<'j, Vec<Job>>,
	picker: Picker,
	batch: Vec<Job>,
	/// Another thread failed: there is no use in going on.
	stopped: bool,
	/// Inner nodes that were walked: id, height, leaves. This is what keeps the work bounded when
	/// a small image claims to be a huge one by using one subtree again and again.
	walked: &'a mut HashSet<(ChunkId, u32, u64)>,
}

impl Check<'_> {
	/// Walks over files of `step` bytes, and says which entry comes next.
	fn produce<'e>(
		&self,
		jobs: &Jobs<'_, Vec<Job>>,
		entries: &mut impl Iterator<Item = (usize, EntryView<'e>)>,
		step: u64,
		sample: Option<Sample>,
		walked: &mut HashSet<(ChunkId, u32, u64)>,
	) -> Result<usize, VerifyError> {
		let mut walk = Walk {
			check: self,
			jobs,
			picker: Picker::new(sample),
			batch: Vec::new(),
			stopped: false,
			walked,
		};
		let (mut next, mut bytes) = (0, 0u64);
		for (place, entry) in entries {
			next = place + 1;
			let (Some(blob), false) = (entry.blob, entry.hard_link) else { continue };
			let path: Arc<[u8]> = entry.path.into();
			let leaves = leaf_count(blob.length);
			if leaves > 0 {
				walk.subtree(&path, &blob, blob.root, height(leaves), 0, leaves)?;
			}
			let mut state = self.state.lock();
			state.report.files += 1;
			state.progress.files += 1;
			bytes = bytes.saturating_add(blob.length);
			if bytes >= step {
				break;
			}
		}
		for job in walk.picker.rest() {
			walk.push(job);
		}
		walk.flush();
		self.state.lock().report.leaves += walk.picker.seen;
		Ok(next)
	}

	fn batch(&self, batch: Vec<Job>) -> Result<(), VerifyError> {
		let source = &**self.image.blobs().source();
		let ids: Vec<_> = batch.iter().map(|job| job.id).collect();
		let lengths = match fetch(source, &ids) {
			Ok(chunks) => chunks.into_iter().map(|chunk| Ok(chunk.bytes().len())).collect(),
			Err(FetchError::Store(error)) => return Err(error.into()),
			// One by one, to see which.
			Err(_) => ids
				.iter()
				.map(|id| fetch(source, &[*id]).map(|c| c.first().map_or(0, |c| c.bytes().len())))
				.collect::<Vec<_>>(),
		};
		self.state.lock().report.checked += batch.len() as u64;
		for (job, length) in batch.iter().zip(lengths) {
			let result = length
				.map_err(BlobError::from)
				.and_then(|length| check_shape(job.id, length, job.length));
			self.note(&job.path, job.offset, job.length as u64, job.id, result)?;
			self.passed(job.length as u64);
		}
		Ok(())
	}

	fn passed(&self, bytes: u64) {
		let progress = {
			let mut state = self.state.lock();
			state.progress.bytes = state.progress.bytes.saturating_add(bytes);
			state.progress
		};
		(self.on_progress)(progress);
	}

	fn note(
		&self,
		path: &[u8],
		offset: u64,
		length: u64,
		chunk: ChunkId,
		result: Result<(), BlobError>,
	) -> Result<(), VerifyError> {
		let error = match result {
			Ok(()) => {
				self.state.lock().report.good_chunks += 1;
				return Ok(());
			},
			Err(BlobError::Fetch(FetchError::Store(error))) => return Err(error.into()),
			Err(error) => error,
		};
		let kind = match &error {
			BlobError::Fetch(FetchError::Missing { .. }) => ProblemKind::Missing,
			BlobError::Fetch(_) => ProblemKind::Corrupt,
			_ => ProblemKind::Malformed,
		};
		let message = error.to_string();
		let report = &mut self.state.lock().report;
		report.problem_count += 1;
		if report.problems.len() < KEPT {
			let path = path.to_vec();
			report.problems.push(Problem { path, offset, length, chunk, kind, message });
		}
		Ok(())
	}
}

impl Walk<'_, '_> {
	/// Goes on past what can't be had, so that a report is complete.
	fn subtree(
		&mut self,
		path: &Arc<[u8]>,
		blob: &BlobRef,
		id: ChunkId,
		height: u32,
		first: u64,
		leaves: u64,
	) -> Result<(), VerifyError> {
		if self.stopped {
			return Ok(());
		}
		let offset = first.saturating_mul(CHUNK_SIZE as u64);
		let bytes =
			blob.length.saturating_sub(offset).min(leaves.saturating_mul(CHUNK_SIZE as u64));
		let span = FANOUT.saturating_pow(height);
		let full = leaves == span && bytes == leaves.saturating_mul(CHUNK_SIZE as u64);
		if full && zero_id(height) == Some(id) {
			self.check.passed(bytes);
			return Ok(());
		}
		if height == 0 {
			let length = leaf_length(blob.length, first);
			match self.picker.pick(Job { path: path.clone(), offset, id, length }) {
				Pick::Check(job) => self.push(job),
				Pick::Skip(job) => self.check.passed(job.length as u64),
				Pick::Later => {},
			}
			return Ok(());
		}
		if !self.walked.insert((id, height, leaves)) {
			self.check.passed(bytes);
			return Ok(());
		}
		let node = self.check.image.blobs().node(id, children(height, leaves));
		let found = node.as_ref().map(|_| ()).map_err(Clone::clone);
		self.check.note(path, offset, bytes, id, found)?;
		let Ok(ids) = node else {
			self.check.passed(bytes);
			return Ok(());
		};
		let below = FANOUT.saturating_pow(height - 1);
		for (index, id) in ids.iter().enumerate() {
			let start = index as u64 * below;
			let leaves = below.min(leaves.saturating_sub(start));
			self.subtree(path, blob, *id, height - 1, first + start, leaves)?;
		}
		Ok(())
	}

	fn push(&mut self, job: Job) {
		self.batch.push(job);
		if self.batch.len() >= BATCH {
			self.flush();
		}
	}

	fn flush(&mut self) {
		if !self.batch.is_empty() && !self.jobs.put(std::mem::take(&mut self.batch)) {
			self.stopped = true;
		}
	}
}

#[cfg(test)]
mod tests;
