//! Standard output: text for people, or JSON lines.

use serde_json::{json, Value};
use std::io::{self, BufWriter, Stdout, Write};

/// Standard output.
pub(crate) struct Output {
	json: bool,
	out: BufWriter<Stdout>,
}

impl Output {
	pub(crate) fn new(json: bool) -> Self {
		Self { json, out: BufWriter::new(io::stdout()) }
	}

	/// Whether JSON lines are wanted.
	pub(crate) fn is_json(&self) -> bool {
		self.json
	}

	/// A line of text, unless JSON is wanted.
	pub(crate) fn text(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
		match self.json {
			true => Ok(()),
			false => writeln!(self.out, "{line}"),
		}
	}

	/// These bytes, whether JSON is wanted or not.
	pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
		self.out.write_all(bytes)
	}

	/// A line of JSON, if that is wanted.
	pub(crate) fn json(&mut self, value: impl FnOnce() -> Value) -> io::Result<()> {
		match self.json {
			true => writeln!(self.out, "{}", value()),
			false => Ok(()),
		}
	}

	/// Writes out what is buffered.
	pub(crate) fn flush(&mut self) -> io::Result<()> {
		self.out.flush()
	}
}

/// A path or name as text: what is no UTF-8 or no printable character is escaped.
pub(crate) fn shown(bytes: &[u8]) -> String {
	match std::str::from_utf8(bytes) {
		Ok(text) => {
			let plain = |c: char| !c.is_control() && c != '\\';
			text.chars()
				.map(|c| if plain(c) { c.to_string() } else { c.escape_default().to_string() })
				.collect()
		},
		Err(_) => bytes.escape_ascii().to_string(),
	}
}

/// A path or name in JSON: a string under `key`, and where that can't be exact, `KEY_hex` with the
/// bytes.
pub(crate) fn add_bytes(object: &mut Value, key: &str, bytes: &[u8]) {
	object[key] = json!(String::from_utf8_lossy(bytes));
	if std::str::from_utf8(bytes).is_err() {
		object[format!("{key}_hex")] = json!(hex::encode(bytes));
	}
}
