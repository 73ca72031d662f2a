//! Progress bars, on a terminal only.

use super::output::Output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use thin_mount::progress::Progress;

/// A bar with rate and time left. Nothing is drawn off a terminal and with `--json`.
pub(crate) struct Bar(Option<ProgressBar>);

const BYTES: &str = "{msg} {bar:20} {binary_bytes} of {binary_total_bytes}, \
	{binary_bytes_per_sec}, {eta} left";
const CHUNKS: &str = "{msg} {bar:20} {pos} of {len} chunks, {per_sec}, {eta} left";

impl Bar {
	/// Whether bars are drawn, so that totals need only be counted where they are shown.
	pub(crate) fn wanted(output: &Output) -> bool {
		!output.is_json() && io::stderr().is_terminal()
	}

	/// One that counts bytes.
	pub(crate) fn new(output: &Output, what: &'static str, total_bytes: u64) -> Self {
		Self::with_template(output, BYTES, what, total_bytes)
	}

	/// One that counts chunks.
	pub(crate) fn of_chunks(output: &Output, what: &'static str, total: u64) -> Self {
		Self::with_template(output, CHUNKS, what, total)
	}

	fn with_template(output: &Output, template: &str, what: &'static str, total: u64) -> Self {
		if !Self::wanted(output) {
			return Self(None);
		}
		let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
		if let Ok(style) = ProgressStyle::with_template(template) {
			bar.set_style(style);
		}
		bar.set_message(what);
		Self(Some(bar))
	}

	pub(crate) fn set(&self, progress: Progress) {
		self.set_to(progress.bytes);
	}

	pub(crate) fn set_to(&self, done: u64) {
		if let Some(bar) = &self.0 {
			bar.set_position(done);
		}
	}
}

impl Drop for Bar {
	fn drop(&mut self) {
		if let Some(bar) = &self.0 {
			bar.finish_and_clear();
		}
	}
}
