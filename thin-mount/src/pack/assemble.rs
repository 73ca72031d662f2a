//! Putting the results together, in the order of the walk: the tree of each file, the listing,
//! the totals.

use super::{
	read::{Done, Numbered, Worked},
	upload::Offer,
	walk::{check_unchanged, Identity},
	Outcome, PackError, Root,
};
use crate::{
	blob::{zero_id, BlobRef, BlobWriter, TreeBuilder},
	chunk::ChunkId,
	image::{Entry, EntryKind, Totals, LISTING_LIMIT},
	progress::{OnProgress, Progress},
};
use codec::Encode;
use crossbeam_channel::Receiver;
use std::collections::HashMap;

pub(super) struct Assembled {
	pub(super) listing: BlobRef,
	pub(super) root_mode: u16,
	pub(super) totals: Totals,
}

/// The long file whose parts are coming in.
struct OpenFile {
	path: Vec<u8>,
	mode: u16,
	identity: Identity,
	tree: TreeBuilder,
}

struct Assembly<'a, 'u, 's> {
	root: &'a Root,
	offer: Offer<'u, 's>,
	listing: BlobWriter<Offer<'u, 's>>,
	root_mode: u16,
	totals: Totals,
	file: Option<OpenFile>,
	progress: Progress,
}

/// Puts results together until there are no more.
pub(super) fn run(
	root: &Root,
	results: Receiver<Numbered<Worked>>,
	tokens: Receiver<()>,
	offer: Offer<'_, '_>,
	outcome: &Outcome,
	on_progress: OnProgress<'_>,
) -> Result<Assembled, PackError> {
	let mut assembly = Assembly {
		root,
		listing: BlobWriter::new(offer.clone()),
		offer,
		root_mode: 0,
		totals: Totals::default(),
		file: None,
		progress: Progress::default(),
	};
	// Results that came before their turn: no more than there are tokens.
	let mut early: HashMap<u64, Done> = HashMap::new();
	let mut next = 0;
	for Numbered { number, value } in &results {
		early.insert(number, value?);
		while let Some(done) = early.remove(&next) {
			next += 1;
			let several = match done {
				Done::Several(several) => several,
				one => vec![one],
			};
			for done in several {
				assembly.add(done)?;
				on_progress(assembly.progress);
				tokens.recv().map_err(|_| PackError::Stopped)?;
			}
		}
	}
	// The queue also closes when a thread gave up.
	if outcome.stopped() || !early.is_empty() || assembly.file.is_some() {
		return Err(PackError::Stopped);
	}
	let Assembly { listing, root_mode, mut totals, .. } = assembly;
	let (listing, chunks, _) = listing.finish()?;
	totals.chunks += chunks;
	Ok(Assembled { listing, root_mode, totals })
}

impl Assembly<'_, '_, '_> {
	fn add(&mut self, done: Done) -> Result<(), PackError> {
		match done {
			Done::Root { mode } => self.root_mode = mode,
			// They are added one by one.
			Done::Several(_) => return Err(PackError::Stopped),
			Done::Entry(path, kind) => {
				match &kind {
					EntryKind::Directory { .. } => self.totals.directories += 1,
					EntryKind::Symlink { .. } => self.totals.symlinks += 1,
					EntryKind::HardLink { .. } => self.totals.hard_links += 1,
					EntryKind::File { .. } => {},
				}
				self.entry(path, kind)?;
			},
			Done::Whole { path, mode, size, leaves } => {
				let mut tree = TreeBuilder::new();
				self.leaves(&mut tree, &leaves)?;
				self.progress.bytes += size;
				self.file_ends(path, mode, size, tree)?;
			},
			Done::Open { path, mode, identity } => {
				self.file = Some(OpenFile { path, mode, identity, tree: TreeBuilder::new() })
			},
			Done::Holes(count) => {
				let file = self.file.as_mut().ok_or(PackError::Stopped)?;
				file.tree.push_holes(count, &mut self.offer)?;
				self.progress.bytes += count * crate::chunk::CHUNK_SIZE as u64;
			},
			Done::Part { leaves, length } => {
				let mut file = self.file.take().ok_or(PackError::Stopped)?;
				self.leaves(&mut file.tree, &leaves)?;
				self.file = Some(file);
				self.progress.bytes += length;
			},
			Done::Close { file } => {
				let OpenFile { path, mode, identity, tree } =
					self.file.take().ok_or(PackError::Stopped)?;
				check_unchanged(self.root, &path, &file, identity)?;
				self.file_ends(path, mode, identity.size(), tree)?;
			},
		}
		Ok(())
	}

	fn leaves(&mut self, tree: &mut TreeBuilder, leaves: &[ChunkId]) -> Result<(), PackError> {
		for leaf in leaves {
			if Some(*leaf) != zero_id(0) {
				self.totals.chunks += 1;
			}
			tree.push(*leaf, &mut self.offer)?;
		}
		Ok(())
	}

	fn file_ends(
		&mut self,
		path: Vec<u8>,
		mode: u16,
		length: u64,
		tree: TreeBuilder,
	) -> Result<(), PackError> {
		let (root, nodes) = tree.finish(&mut self.offer)?;
		let blob = BlobRef { root: root.unwrap_or(BlobRef::empty().root), length };
		self.totals.files += 1;
		self.totals.chunks += nodes;
		self.totals.bytes = self.totals.bytes.checked_add(length).ok_or_else(|| {
			let reason = "its files have more than 2^64 bytes together".into();
			PackError::Limit { path: self.root.path.clone(), reason }
		})?;
		self.progress.files += 1;
		self.entry(path, EntryKind::File { mode, blob })
	}

	fn entry(&mut self, path: Vec<u8>, kind: EntryKind) -> Result<(), PackError> {
		self.listing.write(&Entry { path, kind }.encode())?;
		if self.listing.length() > LISTING_LIMIT {
			return Err(PackError::Limit {
				path: self.root.path.clone(),
				reason: format!(
					"its listing has more than {LISTING_LIMIT} bytes: pack it in parts"
				),
			});
		}
		Ok(())
	}
}
