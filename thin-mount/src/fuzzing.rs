//! One function for each thing that is read from strangers: takes any bytes, and panics where an
//! answer would be wrong.

use crate::{
	cache,
	chunk::{ChunkId, CHUNK_SIZE},
	image::{self, compare_paths},
	store::{self, Address, ShardRange},
	value, zdb,
};
use bytes::Bytes;

/// A target: its name, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets. Each has a file of its name in `fuzz/fuzz_targets`.
pub const TARGETS: [Target; 8] = [
	("superblock", superblock),
	("listing", listing),
	("chunk_value", chunk_value),
	("cache_map", cache_map),
	("resp_answer", resp_answer),
	("resp_values", resp_values),
	("resp_request", resp_request),
	("store_url", store_url),
];

/// A superblock is refused, or there is exactly one way to write it.
pub fn superblock(bytes: &[u8]) {
	if let Ok(superblock) = image::parse_superblock(bytes) {
		assert_eq!(superblock.to_chunk().bytes(), bytes);
	}
}

/// A listing is refused, or makes a tree that holds together.
pub fn listing(bytes: &[u8]) {
	let Ok(tree) = image::parse_listing(bytes) else { return };
	let mut last: Option<&[u8]> = None;
	for entry in tree.entries() {
		assert!(image::check_path(entry.path).is_ok());
		assert!(last.is_none_or(|last| compare_paths(last, entry.path).is_lt()));
		assert_eq!(tree.find(entry.path), Some(entry.node));
		assert!(tree.parent(entry.node).is_some_and(|parent| tree.child_count(parent).is_some()));
		last = Some(entry.path);
	}
	let totals = tree.totals();
	let counted = [totals.files, totals.directories, totals.symlinks, totals.hard_links];
	assert_eq!(counted.iter().sum::<u64>(), tree.len() as u64);
}

/// A stored value is refused, or is the chunk that was asked for.
pub fn chunk_value(bytes: &[u8]) {
	let id = ChunkId::of(bytes.get(1..).unwrap_or_default());
	if let Ok(chunk) = value::decode(id, Bytes::copy_from_slice(bytes)) {
		assert!(ChunkId::of(chunk.bytes()) == id && chunk.bytes().len() <= CHUNK_SIZE);
	}
	if let Ok(chunk) = crate::chunk::Chunk::new(Bytes::copy_from_slice(bytes)) {
		let value = value::encode(&chunk);
		assert!(value::decode(chunk.id(), value).is_ok_and(|decoded| decoded == chunk));
	}
}

/// A cache's map of any content is taken with suspicion.
pub fn cache_map(bytes: &[u8]) {
	assert!(cache::check_file(bytes).is_ok());
}

/// The answer of a server is refused, or within the limit.
pub fn resp_answer(bytes: &[u8]) {
	const LIMIT: usize = 1000;
	fn strings(value: &redis::Value) -> usize {
		match value {
			redis::Value::BulkString(bytes) => bytes.len(),
			redis::Value::Array(values) => values.iter().map(strings).sum(),
			_ => 0,
		}
	}
	if let Some(Ok(value)) = store::read_answer(bytes, LIMIT) {
		assert!(strings(&value) <= LIMIT);
	}
}

/// The values that a server answers to `MGET` are refused, or they are those of the answer, as many as
/// were asked for, within the limit, and the same however they are cut. The first bytes say how many
/// are asked for, the limit, and into what pieces the rest is cut.
pub fn resp_values(bytes: &[u8]) {
	let Some((&[wanted, low, high, piece], answer)) = bytes.split_first_chunk() else { return };
	let (wanted, limit) = (usize::from(wanted), usize::from(u16::from_le_bytes([low, high])));
	let read = |piece| store::read_values(answer, piece, (wanted, limit));
	let whole = read(answer.len());
	assert_eq!(read(usize::from(piece)), whole);
	if let Some(Ok((values, taken))) = whole {
		assert_eq!(values.len(), wanted);
		assert!(values.iter().flatten().map(Bytes::len).sum::<usize>() <= limit);
		assert_eq!(after(&answer[..taken], &values), Some(&[][..]));
	}
}

/// What follows these values in an answer to `MGET`. `None` where it has other values.
fn after<'a>(answer: &'a [u8], values: &[Option<Bytes>]) -> Option<&'a [u8]> {
	fn number(answer: &[u8], kind: u8) -> Option<(i64, &[u8])> {
		let end = answer.windows(2).position(|pair| pair == b"\r\n")?;
		let digits = answer[..end].strip_prefix(&[kind])?;
		Some((std::str::from_utf8(digits).ok()?.parse().ok()?, &answer[end + 2..]))
	}
	let (count, mut rest) = number(answer, b'*')?;
	if usize::try_from(count) != Ok(values.len()) {
		return None;
	}
	for value in values {
		let (length, after) = number(rest, b'$')?;
		rest = match value {
			None if length == -1 => after,
			Some(value) if usize::try_from(length) == Ok(value.len()) => {
				after.strip_prefix(value.as_ref())?.strip_prefix(b"\r\n")?
			},
			_ => return None,
		};
	}
	Some(rest)
}

/// Requests to the embedded server are the same however they are cut.
pub fn resp_request(bytes: &[u8]) {
	let whole = zdb::read_requests(bytes, usize::MAX);
	for piece in [1, 7] {
		assert_eq!(zdb::read_requests(bytes, piece), whole);
	}
}

/// The URLs of stores, one in a line: no password is ever shown.
pub fn store_url(bytes: &[u8]) {
	let Ok(text) = std::str::from_utf8(bytes) else { return };
	for (scheme, port) in [("zdb", 9900), ("redis", 6379)] {
		let _ = Address::parse(text, scheme, port);
		let said = |user: &str, password: &str| {
			let url = format!("{scheme}://{user}:{password}@{text}");
			match Address::parse(&url, scheme, port) {
				Ok(address) => format!("{address} {address:?}"),
				Err(error) => format!("{error} {error:?}"),
			}
		};
		// What is said is the same with any password.
		assert_eq!(said("", "hunter2%2Fsecret"), said("", "letmein%2Fmellon"));
		assert_eq!(said("x", "hunter2/secret"), said("x", "letmein/mellon"));
	}
	if let Ok(Some((_, rest))) = ShardRange::split(text) {
		assert!(text.ends_with(rest));
	}
	// Without `dir://`, which looks at the disk.
	let urls: Vec<_> = text.lines().filter(|line| !line.contains("dir:")).collect();
	if let Ok(stores) = store::open_all(&urls) {
		assert!(stores.len() <= urls.len());
	}
}

#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
