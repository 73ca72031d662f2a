use super::*;
use crate::{
	chunk::CHUNK_SIZE,
	testing::{noise, MemoryStore},
};
use proptest::prelude::*;
use std::{convert::Infallible, sync::Arc};

type Chunks = std::collections::BTreeMap<ChunkId, Chunk>;

/// Writes a blob of these parts (bytes, or a number of zeros) into a map.
enum Part {
	Bytes(Vec<u8>),
	Zeros(u64),
}

fn write(parts: &[Part]) -> (BlobRef, u64, Chunks) {
	let mut chunks = Chunks::new();
	let sink = |chunk: Chunk| {
		chunks.insert(chunk.id(), chunk);
		Ok::<_, Infallible>(())
	};
	let mut writer = BlobWriter::new(sink);
	for part in parts {
		match part {
			Part::Bytes(bytes) => writer.write(bytes).unwrap(),
			Part::Zeros(count) => writer.write_zeros(*count).unwrap(),
		}
	}
	let (blob, count, _) = writer.finish().unwrap();
	(blob, count, chunks)
}

fn reader(chunks: &Chunks) -> (Arc<MemoryStore>, BlobReader) {
	let store = MemoryStore::with_chunks(chunks.values());
	let reader = BlobReader::new(store.source());
	(store, reader)
}

#[test]
fn the_shape_follows_from_the_length() {
	assert_eq!(leaf_count(0), 0);
	assert_eq!(leaf_count(1), 1);
	assert_eq!(leaf_count(65_537), 2);
	assert_eq!(leaf_length(65_537, 0), 65_536);
	assert_eq!(leaf_length(65_537, 1), 1);
	assert_eq!(leaf_length(65_537, 2), 0);
	assert_eq!(
		[0, 1, 2, 2048, 2049, 2048 * 2048, 2048 * 2048 + 1].map(height),
		[0, 0, 1, 1, 2, 2, 3]
	);
	assert_eq!(height(leaf_count(MAX_LENGTH)), shape::MAX_HEIGHT);
	assert_eq!(children(1, 2), 2);
	assert_eq!(children(2, 2049), 2);
	assert_eq!(zero_id(shape::MAX_HEIGHT + 1), None);
}

#[test]
fn the_empty_blob_needs_no_chunk() {
	let (blob, count, chunks) = write(&[]);
	assert_eq!((blob, count, chunks.len()), (BlobRef::empty(), 0, 0));
	let (_, reader) = reader(&chunks);
	assert_eq!(reader.read_at(&blob, 0, 10).unwrap(), b"");
	let wrong = BlobRef { root: ChunkId([1; 32]), length: 0 };
	assert!(matches!(reader.read_at(&wrong, 0, 10), Err(BlobError::EmptyRoot(_))));
}

#[test]
fn a_hole_of_an_exbibyte_costs_a_few_nodes() {
	let length = MAX_LENGTH;
	let tail = b"the end".to_vec();
	let (blob, count, chunks) =
		write(&[Part::Bytes(b"x".to_vec()), Part::Zeros(length - 8), Part::Bytes(tail)]);
	assert_eq!(blob.length, length);
	assert!(count < 20, "{count}");
	let (store, reader) = reader(&chunks);
	assert_eq!(reader.read_at(&blob, length - 9, 100).unwrap(), b"\0\0the end");
	assert_eq!(reader.read_at(&blob, 0, 3).unwrap(), b"x\0\0");
	assert_eq!(reader.read_at(&blob, 1 << 50, 70_000).unwrap(), vec![0; 70_000]);
	let segments = reader.segments(&blob, 0, 100).unwrap();
	assert!(segments.len() < 4, "{}", segments.len());
	assert_eq!(segments.last().unwrap().end(), leaf_count(length));
	assert!(store.reads() < 40);
}

#[test]
fn whole_leaves_of_zeros_are_neither_stored_nor_fetched() {
	for leaves in [1, 2, 2047, 2048, 2049, 5000] {
		let (holes, _, written) = write(&[Part::Zeros(leaves * CHUNK_SIZE as u64)]);
		let (bytes, ..) = write(&[Part::Bytes(vec![0; leaves as usize * CHUNK_SIZE])]);
		assert_eq!(holes, bytes, "zeros are zeros, however they are written");
		let (_, reader) = reader(&written);
		let segments = reader.segments(&holes, 0, 10).unwrap();
		assert_eq!(segments, vec![Segment::Hole { first: 0, count: leaves }]);
		if leaves == 1 || leaves == 2048 {
			assert_eq!(written.len(), 0);
		}
		assert!(written.values().all(|chunk| chunk.bytes().iter().any(|b| *b != 0)));
	}
}

#[test]
fn a_leaf_that_looks_like_a_node_of_zeros_is_stored() {
	let trap = zero_id(0).unwrap().0.repeat(2048);
	assert_eq!(ChunkId::of(&trap), zero_id(1).unwrap());
	let (blob, _, chunks) = write(&[Part::Bytes(trap.clone())]);
	let (_, reader) = reader(&chunks);
	assert_eq!(reader.read_at(&blob, 0, CHUNK_SIZE).unwrap(), trap);
}

#[test]
fn a_tree_of_another_shape_is_an_error() {
	let (blob, _, mut chunks) = write(&[Part::Bytes(noise(1, 3 * CHUNK_SIZE))]);
	for length in [1, 2 * CHUNK_SIZE as u64, 4 * CHUNK_SIZE as u64, 1 << 40, MAX_LENGTH] {
		let (_, reader) = reader(&chunks);
		let lie = BlobRef { length, ..blob };
		let error = reader.read_at(&lie, 0, 100).unwrap_err();
		assert!(matches!(error, BlobError::Shape { .. }), "{length}: {error}");
	}
	let (_, reader_) = reader(&chunks);
	let lie = BlobRef { length: u64::MAX, ..blob };
	assert!(matches!(reader_.read_at(&lie, 0, 1), Err(BlobError::TooLong(_))));
	// The last leaf is 5 bytes shorter than the length says.
	let short = BlobRef { length: blob.length - 5, ..blob };
	assert!(reader_.read_at(&short, 0, 10).is_ok());
	assert!(reader_.read_at(&short, 2 * CHUNK_SIZE as u64, 10).is_err());
	// A node that is its own child would be a hash collision: a cycle can't be built. A node of
	// nodes that are leaves can.
	let node = Chunk::new(blob.root.0.repeat(2048).into()).unwrap();
	let nested = BlobRef { root: node.id(), length: (2048 * CHUNK_SIZE) as u64 };
	chunks.insert(node.id(), node);
	let (_, reader) = reader(&chunks);
	assert!(matches!(reader.read_at(&nested, 0, 10), Err(BlobError::Shape { .. })));
}

#[test]
fn a_missing_chunk_is_named() {
	let (blob, _, mut chunks) = write(&[Part::Bytes(noise(2, 3 * CHUNK_SIZE))]);
	let gone = ChunkId::of(&noise(2, 3 * CHUNK_SIZE)[CHUNK_SIZE..2 * CHUNK_SIZE]);
	chunks.remove(&gone).unwrap();
	let (_, reader) = reader(&chunks);
	assert!(reader.read_at(&blob, 0, CHUNK_SIZE).is_ok());
	let error = reader.read_at(&blob, 0, CHUNK_SIZE + 1).unwrap_err();
	assert!(error.to_string().contains(&gone.to_string()), "{error}");
}

fn parts() -> impl Strategy<Value = Vec<(bool, usize, u64)>> {
	let length = prop_oneof![0usize..200, Just(CHUNK_SIZE), 1usize..(4 * CHUNK_SIZE)];
	proptest::collection::vec((any::<bool>(), length, any::<u64>()), 0..6)
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	#[test]
	fn reads_agree_with_a_plain_vector(
		parts in parts(),
		reads in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..200_000), 1..20),
	) {
		let mut model = Vec::new();
		let mut written = Vec::new();
		for (zeros, length, seed) in parts {
			if zeros {
				model.resize(model.len() + length, 0);
				written.push(Part::Zeros(length as u64));
			} else {
				let bytes = noise(seed, length);
				model.extend_from_slice(&bytes);
				written.push(Part::Bytes(bytes));
			}
		}
		let (blob, _, chunks) = write(&written);
		prop_assert_eq!(blob.length, model.len() as u64);
		prop_assert_eq!(write(&[Part::Bytes(model.clone())]).0, blob);
		let (_, reader) = reader(&chunks);
		for (at, length) in reads {
			let at = at.index(model.len() + 10);
			let expected = model.get(at..(at + length).min(model.len()).max(at)).unwrap_or(&[]);
			prop_assert_eq!(&reader.read_at(&blob, at as u64, length).unwrap()[..], expected);
		}
		let mut next = 0;
		while let Some(last) = reader.segments(&blob, next, 2).unwrap().last() {
			prop_assert!(last.end() > next);
			next = last.end();
		}
		prop_assert_eq!(next, leaf_count(blob.length));
	}

	#[test]
	fn hostile_references_end_in_errors_or_data_of_the_right_length(
		length: u64,
		offset: u64,
		seed: u64,
		size in 0usize..(3 * CHUNK_SIZE),
	) {
		let (blob, _, chunks) = write(&[Part::Bytes(noise(seed, size))]);
		let (_, reader) = reader(&chunks);
		let lie = BlobRef { length, ..blob };
		if let Ok(bytes) = reader.read_at(&lie, offset, 1000) {
			prop_assert_eq!(bytes.len() as u64, length.saturating_sub(offset).min(1000));
		}
	}
}
