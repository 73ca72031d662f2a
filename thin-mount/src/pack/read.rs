//! Reading and hashing, on several threads.

use super::{
	upload::Offer,
	walk::{check_unchanged, open_file, Identity},
	Outcome, PackError, Root, Shared,
};
use crate::{
	blob::{zero_id, ChunkSink},
	buffer::Buffer,
	chunk::{Chunk, ChunkId, CHUNK_SIZE},
	image::EntryKind,
};
use crossbeam_channel::{Receiver, Sender};
use std::{fs::File, io::ErrorKind, os::unix::fs::FileExt};

/// How many steps, and small things in them, may be between the walk and the assembly.
const STEPS: usize = 256;

/// What the walk finds, cut into pieces of work.
pub(super) enum Step {
	/// The first of all.
	Root { mode: u16 },
	/// What is worth no step of its own, in order: handing one over takes longer than to do it.
	Several(Vec<Small>),
	/// A file of at most one step.
	Whole { path: Vec<u8>, mode: u16, identity: Identity },
	/// A longer file begins.
	Open { path: Vec<u8>, mode: u16, identity: Identity },
	/// So many leaves of it are holes.
	Holes(u64),
	/// These bytes of it are to be read.
	Part { path: Vec<u8>, file: Shared, offset: u64, length: u64 },
	/// It ends.
	Close { file: Shared },
}

impl Step {
	/// How much of what may be on its way this is.
	pub(super) fn tokens(&self) -> usize {
		match self {
			Step::Several(several) => several.len(),
			_ => 1,
		}
	}
}

/// A small thing that the walk finds.
pub(super) enum Small {
	/// Something without content.
	Entry(Vec<u8>, EntryKind),
	/// A file of at most one chunk.
	File { path: Vec<u8>, mode: u16, identity: Identity },
}

impl Small {
	/// How many bytes are read for it.
	pub(super) fn bytes(&self) -> u64 {
		match self {
			Self::Entry(..) => 0,
			Self::File { identity, .. } => identity.size(),
		}
	}
}

/// What became of a step.
pub(super) enum Done {
	Root { mode: u16 },
	Several(Vec<Done>),
	Entry(Vec<u8>, EntryKind),
	Whole { path: Vec<u8>, mode: u16, size: u64, leaves: Vec<ChunkId> },
	Open { path: Vec<u8>, mode: u16, identity: Identity },
	Holes(u64),
	Part { leaves: Vec<ChunkId>, length: u64 },
	Close { file: Shared },
}

/// Steps are worked on in any order and put together in this one.
pub(super) struct Numbered<T> {
	pub(super) number: u64,
	pub(super) value: T,
}

/// The queues between the threads.
pub(super) struct Queues {
	pub(super) steps: Sender<Numbered<Step>>,
	pub(super) steps_out: Receiver<Numbered<Step>>,
	pub(super) results: Sender<Numbered<Worked>>,
	pub(super) results_out: Receiver<Numbered<Worked>>,
	/// As many tokens as things may be on their way, which bounds what waits to be put in order.
	pub(super) tokens: Sender<()>,
	pub(super) tokens_out: Receiver<()>,
}

impl Queues {
	pub(super) fn new(threads: usize) -> Self {
		let (steps, steps_out) = crossbeam_channel::bounded(threads * 2);
		let (results, results_out) = crossbeam_channel::bounded(threads * 2);
		let (tokens, tokens_out) = crossbeam_channel::bounded(STEPS);
		Self { steps, steps_out, results, results_out, tokens, tokens_out }
	}
}

/// What became of a step, or why nothing did. The assembly waits for every step, so it must hear
/// of those that fail.
pub(super) type Worked = Result<Done, PackError>;

/// Tells the assembly that a step will never be done.
struct TellIfPanicking<'a>(&'a Sender<Numbered<Worked>>);

impl Drop for TellIfPanicking<'_> {
	fn drop(&mut self) {
		if std::thread::panicking() {
			let _ = self.0.send(Numbered { number: 0, value: Err(PackError::Stopped) });
		}
	}
}

/// Works on steps until there are no more.
pub(super) fn run(
	root: &Root,
	steps: Receiver<Numbered<Step>>,
	results: Sender<Numbered<Worked>>,
	mut offer: Offer<'_, '_>,
	outcome: &Outcome,
) -> Result<(), PackError> {
	let _tell = TellIfPanicking(&results);
	for Numbered { number, value } in &steps {
		let value = match outcome.stopped() {
			true => Err(PackError::Stopped),
			false => work(root, value, &mut offer),
		};
		results.send(Numbered { number, value }).map_err(|_| PackError::Stopped)?;
	}
	Ok(())
}

fn work(root: &Root, step: Step, offer: &mut Offer<'_, '_>) -> Result<Done, PackError> {
	Ok(match step {
		Step::Root { mode } => Done::Root { mode },
		Step::Several(several) => {
			let done = several.into_iter().map(|small| match small {
				Small::Entry(path, kind) => Ok(Done::Entry(path, kind)),
				Small::File { path, mode, identity } => whole(root, path, mode, identity, offer),
			});
			Done::Several(done.collect::<Result<_, _>>()?)
		},
		Step::Whole { path, mode, identity } => whole(root, path, mode, identity, offer)?,
		Step::Open { path, mode, identity } => Done::Open { path, mode, identity },
		Step::Holes(count) => Done::Holes(count),
		Step::Part { path, file, offset, length } => {
			let leaves = leaves(root, &path, &file, offset, length, offer)?;
			Done::Part { leaves, length }
		},
		Step::Close { file } => Done::Close { file },
	})
}

/// Reads a file. It must be what it was when it was met, and still be that when it is read.
fn whole(
	root: &Root,
	path: Vec<u8>,
	mode: u16,
	identity: Identity,
	offer: &mut Offer<'_, '_>,
) -> Result<Done, PackError> {
	let size = identity.size();
	// There is nothing to read in an empty one.
	if size == 0 {
		return Ok(Done::Whole { path, mode, size, leaves: Vec::new() });
	}
	let file = open_file(root, &path)?;
	let leaves = leaves(root, &path, &file, 0, size, offer)?;
	check_unchanged(root, &path, &file, identity)?;
	Ok(Done::Whole { path, mode, size, leaves })
}

/// Reads these bytes, offers their leaves and gives the ids.
fn leaves(
	root: &Root,
	path: &[u8],
	file: &File,
	offset: u64,
	length: u64,
	offer: &mut Offer<'_, '_>,
) -> Result<Vec<ChunkId>, PackError> {
	let mut ids = Vec::with_capacity(length.div_ceil(CHUNK_SIZE as u64) as usize);
	let mut done = 0;
	while done < length {
		let size = (length - done).min(CHUNK_SIZE as u64);
		let mut bytes = Buffer::of(size as usize);
		file.read_exact_at(&mut bytes, offset.saturating_add(done)).map_err(|error| match error
			.kind()
		{
			ErrorKind::UnexpectedEof => root.changed(path),
			_ => root.failed(path, error),
		})?;
		let chunk = Chunk::new(bytes.freeze()).expect("at most 64 KiB were read; qed");
		ids.push(chunk.id());
		if Some(chunk.id()) != zero_id(0) {
			offer.put(chunk)?;
		}
		done += size;
	}
	Ok(ids)
}
