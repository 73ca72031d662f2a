//! How far a long run is.

/// Counts that only grow. For what they grow to, see
/// [`Totals`](crate::image::Totals) and [`measure`](crate::pack::measure).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
	/// Files that are through.
	pub files: u64,
	/// Bytes of files that are through, holes included.
	pub bytes: u64,
}

/// Is called with the counts so far, now and then, from any thread.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);
