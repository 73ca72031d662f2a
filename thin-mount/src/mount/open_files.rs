//! Which files are open, and which of them would be read faster if they were opened anew.

use super::content::Content;

/// The files of a mount that somebody has open.
///
/// A file that is wholly in the cache can be read by the kernel itself, but only if it was whole when it was
/// opened. Whoever keeps files open for long can use this to tell when to close all of them and
/// open them anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenFiles {
	/// How many are open.
	pub open: usize,
	/// How many of these the kernel reads by itself.
	pub passed: usize,
	/// How many it could read by itself, if they were opened anew.
	pub passable: usize,
	/// Whether it is being found out of some, at this moment, whether they are whole.
	pub checking: bool,
	/// Whether the rest of the image is being fetched, so that there will be more.
	pub hydrating: bool,
}

impl OpenFiles {
	pub(super) fn of(content: &Content) -> Self {
		// Asked before, so that what is found out meanwhile is not missed.
		let (hydrating, checking) = (content.is_hydrating(), content.is_checking());
		let open = content.passthrough().open_files();
		let passed = open.iter().filter(|(_, passed)| *passed).count();
		let available = content.passthrough().is_available();
		let Some(cache) = content.cache().filter(|_| available) else {
			return Self { open: open.len(), passed, hydrating, ..Default::default() };
		};
		let whole = |node| {
			let cached = content.image().tree().blob(node).and_then(|blob| cache.blob(&blob));
			cached.is_some_and(|cached| cache.is_whole(&cached))
		};
		let passable = open.iter().filter(|(node, passed)| !passed && whole(*node)).count();
		Self { open: open.len(), passed, passable, checking, hydrating }
	}
}
