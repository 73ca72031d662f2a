//! What the hot paths cost in instructions. Valgrind counts them, in each of these tests alone
//! (`scripts/test/instructions.sh`), and the counts are held against
//! `scripts/test/instructions.json`.

use super::{blob_at, make_tree, reader};
use crate::{
	chunk::{Chunk, CHUNK_SIZE},
	image::Image,
	pack::{pack, PackOptions},
	source::ChunkSource,
	store,
	testing::{noise, MemoryStore},
	value, zdb,
};
use std::hint::black_box;

/// All that is counted: the script knows it by its name.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
	work();
}

/// A chunk that shrinks to about a half, as tables of RocksDB do.
fn table_like() -> Chunk {
	let random = noise(1, CHUNK_SIZE / 2);
	let bytes = random.chunks(16).flat_map(|part| [part, b"sixteen bytes..."].concat());
	Chunk::new(bytes.collect::<Vec<u8>>().into()).unwrap()
}

fn decoding(chunk: &Chunk) {
	let (id, stored) = (chunk.id(), value::encode(chunk));
	let decode = || value::decode(id, black_box(stored.clone())).unwrap();
	// The first one makes a context.
	decode();
	counted(&mut || {
		for _ in 0..20 {
			black_box(decode());
		}
	});
}

#[test]
#[ignore = "valgrind counts its instructions"]
fn a_compressed_chunk_is_unpacked_and_verified() {
	let chunk = table_like();
	assert!(value::encode(&chunk).len() < CHUNK_SIZE * 2 / 3);
	decoding(&chunk);
}

#[test]
#[ignore = "valgrind counts its instructions"]
fn a_plain_chunk_is_verified() {
	decoding(&Chunk::new(noise(2, CHUNK_SIZE).into()).unwrap());
}

#[test]
#[ignore = "valgrind counts its instructions"]
fn a_chunk_is_compressed() {
	let chunk = table_like();
	value::encode(&chunk);
	counted(&mut || {
		for _ in 0..5 {
			black_box(value::encode(black_box(&chunk)));
		}
	});
}

#[test]
#[ignore = "valgrind counts its instructions"]
fn an_answer_of_a_store_is_read() {
	let values = (0..4).map(|seed| noise(seed, 16_384));
	let mut answer = b"*4\r\n".to_vec();
	for value in values {
		answer.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
		answer.extend_from_slice(&value);
		answer.extend_from_slice(b"\r\n");
	}
	counted(&mut || {
		for _ in 0..10 {
			black_box(store::read_answer(black_box(&answer), 1 << 20).unwrap().unwrap());
		}
	});
}

#[test]
#[ignore = "valgrind counts its instructions"]
fn requests_are_read_by_the_server() {
	let request = b"*2\r\n$3\r\nGET\r\n$32\r\nabcdefghijklmnopqrstuvwxyz012345\r\n";
	let requests = request.repeat(200);
	counted(&mut || {
		let (read, failed) = zdb::read_requests(black_box(&requests), 1_000);
		assert!(read.len() == 200 && !failed);
	});
}

#[test]
#[ignore = "valgrind counts its instructions"]
fn what_is_in_memory_is_read() {
	let home = tempfile::tempdir().unwrap();
	make_tree(home.path());
	let store = MemoryStore::new();
	let packed = pack(home.path(), &*store, &PackOptions::default(), &|_| {}).unwrap();
	let image = Image::open(reader(&store), packed.image).unwrap();
	let table = blob_at(&image, "db/000001.sst");
	let read = |at: u64| {
		let offset = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (table.length - 16_384);
		assert_eq!(image.blobs().read_at(&table, offset, 16_384).unwrap().len(), 16_384);
	};
	(0..200).for_each(read);
	counted(&mut || (0..200).for_each(read));
}

#[test]
#[ignore = "valgrind counts its instructions"]
fn a_chunk_is_fetched() {
	let chunks: Vec<Chunk> =
		(0..50).map(|seed| Chunk::new(noise(seed, 4_096).into()).unwrap()).collect();
	let store = MemoryStore::with_chunks(chunks.iter());
	let fetcher = reader(&store);
	// The first one starts the thread that asks the store. What that does isn't counted: it is in
	// another thread than `counted`.
	let (first, others) = chunks.split_first().unwrap();
	fetcher.chunk(first.id()).unwrap();
	counted(&mut || {
		for chunk in others {
			black_box(fetcher.chunk(chunk.id()).unwrap());
		}
	});
}
