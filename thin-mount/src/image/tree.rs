//! The tree of an image as a file system wants it: nodes by number.

use super::{
	listing::{check_target, LISTING_LIMIT},
	EntryKind, PathError, Totals,
};
use crate::blob::{BlobReader, BlobRef};
use codec::{Compact, Decode};
use std::cmp::Ordering;

/// The number of a node. The root is 1, and the entry at place `n` of the listing, counted from 0,
/// is `n + 2`, so numbers are the same wherever the image is mounted. All names of one file lead
/// to the node of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl NodeId {
	/// The root directory.
	pub const ROOT: Self = Self(1);

	fn of_entry(index: u32) -> Self {
		Self(u64::from(index) + 2)
	}

	fn entry(self) -> Option<usize> {
		usize::try_from(self.0.checked_sub(2)?).ok()
	}
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
	/// A directory.
	Directory,
	/// A regular file.
	File,
	/// A symbolic link.
	Symlink,
}

/// The attributes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
	/// What it is.
	pub kind: NodeKind,
	/// Permission bits. A symbolic link has `0o777`.
	pub mode: u16,
	/// Bytes: of a file its length, of a symbolic link that of its target, of a directory 0.
	pub size: u64,
	/// How many names it has; of a directory 2 and one for each directory in it.
	pub links: u32,
}

/// One entry of the listing, for walking the whole tree in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryView<'a> {
	/// The path below the root.
	pub path: &'a [u8],
	/// The node. For a further name of a file: the file's node.
	pub node: NodeId,
	/// Whether this is a further name of a file that came before.
	pub hard_link: bool,
	/// The node's attributes.
	pub attributes: Attributes,
	/// A file's content.
	pub blob: Option<BlobRef>,
	/// A symbolic link's target.
	pub target: Option<&'a [u8]>,
}

/// A checked listing, indexed.
pub struct Tree {
	/// The listing, in which names, paths and targets are looked up.
	listing: Vec<u8>,
	entries: Vec<Record>,
	/// The children of all directories: of each directory one stretch, sorted by name.
	children: Vec<u32>,
	root: Directory,
	totals: Totals,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
	start: u32,
	length: u16,
}

#[derive(Debug, Clone, Copy, Default)]
struct Directory {
	mode: u16,
	/// Where its stretch in `children` begins, and how long it is.
	start: u32,
	count: u32,
	subdirectories: u32,
}

#[derive(Debug)]
struct Record {
	path: Span,
	/// How many bytes of the path come before the name.
	name: u16,
	/// The entry of the directory it is in; `None` in the root.
	parent: Option<u32>,
	kind: Kind,
}

#[derive(Debug)]
enum Kind {
	Directory(Directory),
	File { mode: u16, links: u32, blob: BlobRef },
	Symlink(Span),
	HardLink(u32),
}

impl Tree {
	/// Checks a listing and indexes it. The error says which rule is broken, and where.
	pub(super) fn parse(listing: Vec<u8>, root_mode: u16) -> Result<Self, String> {
		if listing.len() as u64 > LISTING_LIMIT {
			return Err(format!("its listing has {} bytes", listing.len()));
		}
		let root = Directory { mode: root_mode, ..Default::default() };
		let mut tree = Self {
			listing: Vec::new(),
			entries: Vec::new(),
			children: Vec::new(),
			root,
			totals: Totals::default(),
		};
		let mut reader = Reader { all: &listing, rest: &listing };
		// The directories that the entry before is in, itself among them.
		let mut open: Vec<u32> = Vec::new();
		while !reader.rest.is_empty() {
			let index = tree.entries.len() as u32;
			let record = reader.record(&tree.entries, &mut open).map_err(|reason| {
				let at = listing.len() - reader.rest.len();
				format!("entry {index} of its listing (near byte {at}) {reason}")
			})?;
			tree.count(&record)?;
			match &record.kind {
				Kind::Directory(_) => {
					open.push(index);
					if let Some(parent) = tree.directory_mut(record.parent) {
						parent.subdirectories += 1;
					}
				},
				Kind::HardLink(first) => {
					let first = tree.entries.get_mut(*first as usize).map(|first| &mut first.kind);
					match first {
						Some(Kind::File { links, .. }) => *links += 1,
						_ => return Err(format!("entry {index} is another name of no file")),
					}
				},
				_ => {},
			}
			if let Some(parent) = tree.directory_mut(record.parent) {
				parent.count += 1;
			}
			tree.entries.push(record);
		}
		tree.listing = listing;
		tree.index();
		Ok(tree)
	}

	/// Lays out the children of each directory. Entries come in order, so each stretch is sorted.
	fn index(&mut self) {
		let mut start = std::mem::take(&mut self.root.count);
		for entry in &mut self.entries {
			if let Kind::Directory(directory) = &mut entry.kind {
				directory.start = start;
				start += std::mem::take(&mut directory.count);
			}
		}
		self.children = vec![0; self.entries.len()];
		for index in 0..self.entries.len() {
			let parent = self.entries[index].parent;
			if let Some(directory) = self.directory_mut(parent) {
				let place = (directory.start + directory.count) as usize;
				directory.count += 1;
				self.children[place] = index as u32;
			}
		}
	}

	fn directory_mut(&mut self, index: Option<u32>) -> Option<&mut Directory> {
		match index {
			None => Some(&mut self.root),
			Some(index) => match &mut self.entries.get_mut(index as usize)?.kind {
				Kind::Directory(directory) => Some(directory),
				_ => None,
			},
		}
	}

	fn count(&mut self, record: &Record) -> Result<(), String> {
		let totals = &mut self.totals;
		match &record.kind {
			Kind::Directory(_) => totals.directories += 1,
			Kind::Symlink(_) => totals.symlinks += 1,
			Kind::HardLink(_) => totals.hard_links += 1,
			Kind::File { blob, .. } => {
				totals.files += 1;
				totals.bytes = totals
					.bytes
					.checked_add(blob.length)
					.ok_or("its files have more than 2^64 bytes together")?;
			},
		}
		Ok(())
	}

	/// What the listing holds; `chunks` is 0.
	pub fn totals(&self) -> Totals {
		self.totals
	}

	/// How many entries there are, the root not counted.
	pub fn len(&self) -> usize {
		self.entries.len()
	}

	/// Whether the root is empty.
	pub fn is_empty(&self) -> bool {
		self.entries.is_empty()
	}

	fn bytes(&self, span: Span) -> &[u8] {
		let start = span.start as usize;
		self.listing.get(start..start + usize::from(span.length)).unwrap_or_default()
	}

	fn name(&self, index: u32) -> &[u8] {
		let Some(record) = self.entries.get(index as usize) else { return &[] };
		self.bytes(record.path).get(usize::from(record.name)..).unwrap_or_default()
	}

	fn record(&self, node: NodeId) -> Option<&Record> {
		self.entries.get(node.entry()?)
	}

	fn directory(&self, node: NodeId) -> Option<&Directory> {
		if node == NodeId::ROOT {
			return Some(&self.root);
		}
		match &self.record(node)?.kind {
			Kind::Directory(directory) => Some(directory),
			_ => None,
		}
	}

	fn child_entries(&self, node: NodeId) -> Option<&[u32]> {
		let directory = self.directory(node)?;
		let start = directory.start as usize;
		self.children.get(start..start + directory.count as usize)
	}

	/// The node that an entry leads to: for a further name, the file's.
	fn node_of(&self, index: u32) -> NodeId {
		match self.entries.get(index as usize).map(|record| &record.kind) {
			Some(Kind::HardLink(first)) => NodeId::of_entry(*first),
			_ => NodeId::of_entry(index),
		}
	}

	/// The node of this name in a directory. `None` too when `parent` is no directory.
	pub fn lookup(&self, parent: NodeId, name: &[u8]) -> Option<NodeId> {
		let children = self.child_entries(parent)?;
		let place = children.binary_search_by(|child| self.name(*child).cmp(name)).ok()?;
		Some(self.node_of(children[place]))
	}

	/// How many names a directory holds. `None` when it is no directory.
	pub fn child_count(&self, directory: NodeId) -> Option<usize> {
		self.child_entries(directory).map(<[u32]>::len)
	}

	/// The names in a directory and their nodes, sorted by bytes, from the place `skip` on: a
	/// `readdir` goes on in constant time. `None` when it is no directory.
	pub fn children(
		&self,
		directory: NodeId,
		skip: usize,
	) -> Option<impl ExactSizeIterator<Item = (&[u8], NodeId)> + '_> {
		let children = self.child_entries(directory)?;
		let rest = children.get(skip..).unwrap_or_default();
		Some(rest.iter().map(|index| (self.name(*index), self.node_of(*index))))
	}

	/// A node's attributes. `None` when there is no such node.
	pub fn attributes(&self, node: NodeId) -> Option<Attributes> {
		if let Some(directory) = self.directory(node) {
			return Some(Attributes {
				kind: NodeKind::Directory,
				mode: directory.mode,
				size: 0,
				links: directory.subdirectories.saturating_add(2),
			});
		}
		match &self.record(node)?.kind {
			Kind::File { mode, links, blob } => Some(Attributes {
				kind: NodeKind::File,
				mode: *mode,
				size: blob.length,
				links: *links,
			}),
			Kind::Symlink(target) => Some(Attributes {
				kind: NodeKind::Symlink,
				mode: 0o777,
				size: u64::from(target.length),
				links: 1,
			}),
			Kind::Directory(_) | Kind::HardLink(_) => None,
		}
	}

	/// The content of a file. `None` when the node is no file.
	pub fn blob(&self, node: NodeId) -> Option<BlobRef> {
		match &self.record(node)?.kind {
			Kind::File { blob, .. } => Some(*blob),
			_ => None,
		}
	}

	/// The target of a symbolic link. `None` when the node is none.
	pub fn symlink_target(&self, node: NodeId) -> Option<&[u8]> {
		match &self.record(node)?.kind {
			Kind::Symlink(target) => Some(self.bytes(*target)),
			_ => None,
		}
	}

	/// The directory a node is in; of a file with several names the one of the first. The root
	/// is in itself.
	pub fn parent(&self, node: NodeId) -> Option<NodeId> {
		if node == NodeId::ROOT {
			return Some(node);
		}
		let record = self.record(node)?;
		Some(record.parent.map_or(NodeId::ROOT, NodeId::of_entry))
	}

	/// The path of a node below the root; of a file with several names the first.
	pub fn path(&self, node: NodeId) -> Option<&[u8]> {
		if node == NodeId::ROOT {
			return Some(b"");
		}
		self.record(node).map(|record| self.bytes(record.path))
	}

	/// The node at a path below the root. Slashes at either end don't matter. Symbolic links are
	/// not followed.
	pub fn find(&self, path: &[u8]) -> Option<NodeId> {
		let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
		names
			.filter(|name| *name != b".")
			.try_fold(NodeId::ROOT, |node, name| self.lookup(node, name))
	}

	/// All entries in the order of the listing, the root not among them: a directory comes
	/// before what it holds. Two trees are compared by walking both side by side with
	/// [`compare_paths`](super::compare_paths).
	pub fn entries(&self) -> impl Iterator<Item = EntryView<'_>> + '_ {
		(0..self.entries.len() as u32).filter_map(|index| {
			let node = self.node_of(index);
			Some(EntryView {
				path: self.bytes(self.entries.get(index as usize)?.path),
				node,
				hard_link: node != NodeId::of_entry(index),
				attributes: self.attributes(node)?,
				blob: self.blob(node),
				target: self.symlink_target(node),
			})
		})
	}
}

/// Reads entries off a listing, keeping track of where their bytes are.
struct Reader<'a> {
	all: &'a [u8],
	rest: &'a [u8],
}

impl<'a> Reader<'a> {
	fn bytes(&self, span: Span) -> &'a [u8] {
		self.all.get(span.start as usize..).and_then(|b| b.get(..span.length.into())).unwrap_or(&[])
	}

	/// A SCALE byte vector, left where it is.
	fn span(&mut self) -> Result<Span, String> {
		let ends = || "ends too early".to_owned();
		let Compact(length) = Compact::<u32>::decode(&mut self.rest).map_err(|_| ends())?;
		let length =
			u16::try_from(length).map_err(|_| format!("has a string of {length} bytes"))?;
		let start = (self.all.len() - self.rest.len()) as u32;
		self.rest = self.rest.get(usize::from(length)..).ok_or_else(ends)?;
		Ok(Span { start, length })
	}

	/// The next entry; `open` are the directories around the one before, and becomes those around
	/// this one.
	fn record(&mut self, entries: &[Record], open: &mut Vec<u32>) -> Result<Record, String> {
		let span = self.span()?;
		let path = self.bytes(span);
		let shown = || path.escape_ascii();
		super::check_path(path).map_err(|error: PathError| {
			format!("'{}' {error}", path[..path.len().min(300)].escape_ascii())
		})?;
		if let Some(last) = entries.last() {
			match super::compare_paths(self.bytes(last.path), path) {
				Ordering::Less => {},
				Ordering::Equal => return Err(format!("'{}' is there twice", shown())),
				Ordering::Greater => return Err(format!("'{}' is out of order", shown())),
			}
		}
		let name = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
		let above = &path[..name.saturating_sub(1)];
		let of = |index: &u32| entries.get(*index as usize).map_or(&[][..], |e| self.bytes(e.path));
		while open.last().is_some_and(|last| of(last) != above) {
			open.pop();
		}
		let parent = open.last().copied();
		if parent.is_none() && !above.is_empty() {
			return Err(format!("'{}' is in no directory of the listing", shown()));
		}
		let kind = self.kind(entries).map_err(|reason| format!("'{}' {reason}", shown()))?;
		Ok(Record { path: span, name: name as u16, parent, kind })
	}

	fn kind(&mut self, entries: &[Record]) -> Result<Kind, String> {
		// The one kind with bytes in it is read by hand, so that they stay where they are.
		const SYMLINK: u8 = 2;
		if let [SYMLINK, rest @ ..] = self.rest {
			self.rest = rest;
			let target = self.span()?;
			check_target(self.bytes(target)).map_err(|what| format!("has a target that {what}"))?;
			return Ok(Kind::Symlink(target));
		}
		let kind = EntryKind::decode(&mut self.rest)
			.map_err(|error| format!("is of a kind that can't be decoded: {error}"))?;
		if let EntryKind::Directory { mode } | EntryKind::File { mode, .. } = &kind {
			if *mode > 0o7777 {
				return Err(format!("has the mode {mode:o}"));
			}
		}
		match kind {
			EntryKind::Directory { mode } => {
				Ok(Kind::Directory(Directory { mode, ..Default::default() }))
			},
			EntryKind::File { mode, blob } => {
				BlobReader::check(&blob).map_err(|error| format!("can't be: {error}"))?;
				Ok(Kind::File { mode, links: 1, blob })
			},
			EntryKind::HardLink { first } => match entries.get(first as usize).map(|e| &e.kind) {
				Some(Kind::File { .. }) => Ok(Kind::HardLink(first)),
				_ => Err(format!("is another name of entry {first}, which is no file before it")),
			},
			EntryKind::Symlink { .. } => Err("is a symbolic link read twice".into()),
		}
	}
}
