//! Well-formed input for each target, small, from which changes lead further than from noise.

use crate::{
	blob::BlobRef,
	chunk::{Chunk, ChunkId},
	image::{Entry, EntryKind, Superblock, Totals},
	testing::noise,
	value,
};
use codec::Encode;

pub(super) fn of(target: &str) -> Vec<Vec<u8>> {
	let blob = BlobRef { root: ChunkId([7; 32]), length: 70_000 };
	match target {
		"superblock" => [None, Some(BlobRef { length: 64, ..blob })]
			.map(|trace| {
				let totals = Totals { files: 1, bytes: 70_000, chunks: 3, ..Default::default() };
				let superblock = Superblock { listing: blob, root_mode: 0o755, totals, trace };
				superblock.to_chunk().bytes().to_vec()
			})
			.to_vec(),
		"listing" => {
			let entries = [
				("a", EntryKind::Directory { mode: 0o755 }),
				("a/b", EntryKind::File { mode: 0o644, blob }),
				("a/c", EntryKind::Symlink { target: b"b".to_vec() }),
				("a-b", EntryKind::HardLink { first: 1 }),
				("e", EntryKind::File { mode: 0o7777, blob: BlobRef::empty() }),
			];
			let encoded = entries.map(|(path, kind)| Entry { path: path.into(), kind }.encode());
			vec![encoded.concat(), encoded[..2].concat(), Vec::new()]
		},
		"chunk_value" => [b"plain".to_vec(), b"thin ".repeat(200), vec![0; 65_536]]
			.map(|bytes| value::encode(&Chunk::new(bytes.into()).unwrap()).to_vec())
			.to_vec(),
		"cache_map" => vec![crate::cache::file_with([3, 700]), Vec::new()],
		"resp_answer" => [
			&b"$5\r\nhello\r\n"[..],
			b"*3\r\n$1\r\na\r\n$-1\r\n:7\r\n",
			b"*2\r\n$3\r\ncur\r\n*1\r\n*3\r\n$1\r\nk\r\n:5\r\n:1700000000\r\n",
			b"-Namespace not found\r\n",
			b"+OK\r\n",
		]
		.map(<[u8]>::to_vec)
		.to_vec(),
		"resp_values" => [
			&b"\x02\x05\x00\x02*2\r\n$5\r\nhello\r\n$-1\r\n"[..],
			b"\x03\x05\x00\x05*3\r\n$0\r\n\r\n$4\r\n\r\n$1\r\n$1\r\nx\r\n+OK\r\n",
			b"\x00\x00\x00\x00*0\r\n",
			b"\x01\x01\x00\x07-Namespace not found\r\n",
			&[&b"\x01\x20\x4e\x64*1\r\n$20000\r\n"[..], &noise(2, 20_000), b"\r\n"].concat(),
			// More bytes than were asked for, another number of values, a value longer than it is
			// said to be, and a line that is too long.
			b"\x02\x04\x00\x02*2\r\n$5\r\nhello\r\n$-1\r\n",
			b"\x01\x05\x00\x03*2\r\n$5\r\nhello\r\n$-1\r\n",
			b"\x01\x09\x00\x04*1\r\n$5\r\nhello you\r\n",
			&[&b"\x01\x01\x00\x1f*"[..], &[b'0'; 5_000], b"1\r\n$1\r\nx\r\n"].concat(),
		]
		.map(<[u8]>::to_vec)
		.to_vec(),
		"resp_request" => [
			&b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n"[..],
			b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
		]
		.map(<[u8]>::to_vec)
		.to_vec(),
		"store_url" => [
			"zdb://user:p%40ss@[302:9e63::1]:9900/images",
			"redis://:pw@host:6379/1",
			"00-7f=zdb://a/n\n80-ff=zdb://b/n\nzdb://c/n",
			"host:9900/ns",
		]
		.map(|url| url.as_bytes().to_vec())
		.to_vec(),
		_ => vec![noise(1, 100)],
	}
}
