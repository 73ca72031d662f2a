//! Comparing two images, by their listings: equal ids are equal bytes, so no file is read.

use crate::{
	blob::BlobRef,
	image::{compare_paths, Attributes, EntryView, Image, NodeKind, Tree},
};
use std::cmp::Ordering;

/// What differs between two entries of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
	/// It was of another kind: a file, a directory, a symbolic link.
	Kind,
	/// A file has other bytes.
	Content,
	/// The permission bits.
	Mode,
	/// A symbolic link leads elsewhere.
	Target,
	/// It is another name of a file, and was none, or the other way round, or of another file.
	Link,
}

/// How one path differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
	/// It is in the second image only.
	Added(EntryView<'a>),
	/// It is in the first image only.
	Removed(EntryView<'a>),
	/// It is in both, and not the same.
	Changed {
		/// As it was.
		before: EntryView<'a>,
		/// As it is.
		after: EntryView<'a>,
		/// What differs, at least one thing.
		what: Vec<Difference>,
	},
}

impl Change<'_> {
	/// The path.
	pub fn path(&self) -> &[u8] {
		match self {
			Self::Added(entry) | Self::Removed(entry) => entry.path,
			Self::Changed { after, .. } => after.path,
		}
	}
}

/// Calls `f` for each path that is not the same in both images, in the order of listings. The
/// mode of the root is not among them.
pub fn diff<E>(
	before: &Image,
	after: &Image,
	f: &mut dyn FnMut(Change<'_>) -> Result<(), E>,
) -> Result<(), E> {
	let (first, second) = (before.tree(), after.tree());
	let (mut ones, mut others) = (first.entries().peekable(), second.entries().peekable());
	loop {
		let order = match (ones.peek(), others.peek()) {
			(None, None) => return Ok(()),
			(Some(_), None) => Ordering::Less,
			(None, Some(_)) => Ordering::Greater,
			(Some(one), Some(other)) => compare_paths(one.path, other.path),
		};
		let one = if order.is_le() { ones.next() } else { None };
		let other = if order.is_ge() { others.next() } else { None };
		match (one, other) {
			(Some(before), None) => f(Change::Removed(before))?,
			(None, Some(after)) => f(Change::Added(after))?,
			(Some(before), Some(after)) => {
				let what = differences((first, &before), (second, &after));
				if !what.is_empty() {
					f(Change::Changed { before, after, what })?;
				}
			},
			(None, None) => return Ok(()),
		}
	}
}

fn differences(
	(first, before): (&Tree, &EntryView<'_>),
	(second, after): (&Tree, &EntryView<'_>),
) -> Vec<Difference> {
	let kind = |entry: &EntryView<'_>| entry.attributes.kind;
	if kind(before) != kind(after) {
		return vec![Difference::Kind];
	}
	let content = |entry: &EntryView<'_>| -> Option<BlobRef> { entry.blob };
	let mode = |entry: &EntryView<'_>| match entry.attributes {
		Attributes { kind: NodeKind::Symlink, .. } => 0,
		Attributes { mode, .. } => mode,
	};
	let differ = [
		(content(before) != content(after), Difference::Content),
		(mode(before) != mode(after), Difference::Mode),
		(before.target != after.target, Difference::Target),
		// The path of a node is the first of its names.
		(
			before.hard_link != after.hard_link
				|| first.path(before.node) != second.path(after.node),
			Difference::Link,
		),
	];
	differ.into_iter().filter_map(|(differs, what)| differs.then_some(what)).collect()
}

#[cfg(test)]
mod tests;
