//! Values: how a chunk lies in a store. One codec byte, then the payload.

use crate::{
	buffer::Buffer,
	chunk::{Chunk, ChunkError, ChunkId, CHUNK_SIZE},
};
use bytes::Bytes;
use std::cell::RefCell;
use zstd::{
	bulk::{Compressor, Decompressor},
	zstd_safe,
};

/// Codec byte of a payload that is the plain bytes.
pub const CODEC_PLAIN: u8 = 0;
/// Codec byte of a payload that is one zstd frame.
pub const CODEC_ZSTD: u8 = 1;

/// Of chunks of a database, level 3 leaves a fiftieth less and takes more than half as long again: with
/// that, packing would be little else than compressing.
const ZSTD_LEVEL: i32 = 1;

/// Why a value is not the chunk it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
	/// The value decodes, and its bytes are not the chunk's.
	#[error(transparent)]
	Chunk(#[from] ChunkError),
	/// The value can't be decoded.
	#[error("{0}")]
	Undecodable(String),
}

thread_local! {
	// A zstd context is hundreds of kilobytes: one for each thread, not one for each chunk.
	static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
	static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The value under which a store keeps `chunk`: compressed, or plain when that is not longer.
pub fn encode(chunk: &Chunk) -> Bytes {
	let plain = chunk.bytes();
	let mut value = Buffer::of(plain.len().saturating_add(1));
	// There is no room for a frame that is not shorter.
	let room = plain.len().saturating_sub(1);
	match compress(plain, &mut value[1..][..room]) {
		Some(length) => {
			value[0] = CODEC_ZSTD;
			value.truncate(length.saturating_add(1));
		},
		None => {
			value[0] = CODEC_PLAIN;
			value[1..].copy_from_slice(plain);
		},
	}
	value.freeze()
}

/// The chunk `id`, from the value that a store gave for it. Never allocates more than a chunk,
/// whatever the value claims. Errors when the value is no encoding or of another chunk.
pub fn decode(id: ChunkId, value: Bytes) -> Result<Chunk, ValueError> {
	let undecodable = |reason: String| Err(ValueError::Undecodable(reason));
	let Some(&codec) = value.first() else {
		return undecodable("it is empty, where a codec byte is expected".into());
	};
	let payload = value.slice(1..);
	// A compressed payload is shorter than what it stands for, so this holds for both codecs, and
	// is checked before any work is done.
	if payload.len() > CHUNK_SIZE {
		return Err(ChunkError::TooLarge(payload.len()).into());
	}
	match codec {
		CODEC_PLAIN => Ok(Chunk::verify(id, payload)?),
		CODEC_ZSTD => match decompress(&payload) {
			Ok(plain) => Ok(Chunk::verify(id, plain.freeze())?),
			Err(reason) => undecodable(reason),
		},
		other => undecodable(format!(
			"its codec byte is {other}, and this program knows 0 (plain) and 1 (zstd): it may have \
			 been written by a newer version"
		)),
	}
}

/// How long the frame is. `None` when it doesn't fit or zstd can't: then the plain bytes are stored.
fn compress(plain: &[u8], frame: &mut [u8]) -> Option<usize> {
	COMPRESSOR.with_borrow_mut(|slot| {
		if slot.is_none() {
			*slot = Compressor::new(ZSTD_LEVEL).ok();
		}
		slot.as_mut()?.compress_to_buffer(plain, frame).ok()
	})
}

fn decompress(frame: &[u8]) -> Result<Buffer, String> {
	let size = match zstd_safe::get_frame_content_size(frame) {
		Ok(Some(size)) => size,
		Ok(None) => return Err("its zstd frame does not say how long its content is".into()),
		Err(_) => return Err("it is no zstd frame".into()),
	};
	let size = usize::try_from(size)
		.ok()
		.filter(|size| *size <= CHUNK_SIZE)
		.ok_or_else(|| format!("its zstd frame claims {size} bytes: a chunk has at most 65536"))?;
	match zstd_safe::find_frame_compressed_size(frame) {
		Ok(length) if length == frame.len() => {},
		_ => return Err("it is not exactly one whole zstd frame".into()),
	}
	DECOMPRESSOR.with_borrow_mut(|slot| {
		if slot.is_none() {
			*slot = Some(Decompressor::new().map_err(|error| format!("zstd: {error}"))?);
		}
		match slot.as_mut() {
			Some(context) => {
				let mut plain = Buffer::of(size);
				let got = context.decompress_to_buffer(frame, &mut plain[..]);
				plain.truncate(got.map_err(|error| format!("zstd: {error}"))?);
				Ok(plain)
			},
			None => Err("zstd has no context".into()),
		}
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn chunk(bytes: &[u8]) -> Chunk {
		Chunk::new(Bytes::copy_from_slice(bytes)).unwrap()
	}

	#[test]
	fn what_shrinks_is_compressed_and_what_does_not_is_plain() {
		let zeros = chunk(&vec![0; CHUNK_SIZE]);
		assert_eq!(encode(&zeros)[0], CODEC_ZSTD);
		assert!(encode(&zeros).len() < 100);
		let noise: Vec<u8> = blake3::Hasher::new().finalize_xof().take_bytes(CHUNK_SIZE);
		let value = encode(&chunk(&noise));
		assert_eq!(value[0], CODEC_PLAIN);
		assert_eq!(value[1..], noise[..]);
		assert_eq!(encode(&chunk(b""))[..], [CODEC_PLAIN]);
	}

	trait TakeBytes {
		fn take_bytes(self, n: usize) -> Vec<u8>;
	}

	impl TakeBytes for blake3::OutputReader {
		fn take_bytes(mut self, n: usize) -> Vec<u8> {
			let mut bytes = vec![0; n];
			self.fill(&mut bytes);
			bytes
		}
	}

	fn reason(id: ChunkId, value: Vec<u8>) -> String {
		decode(id, value.into()).unwrap_err().to_string()
	}

	#[test]
	fn what_is_no_value_is_refused_with_its_reason() {
		let one = chunk(b"one");
		assert!(reason(one.id(), vec![]).contains("empty"));
		assert!(reason(one.id(), b"\x02one".to_vec()).contains("codec byte is 2"));
		assert!(reason(one.id(), b"\x00two".to_vec()).contains("corrupt"));
		assert!(reason(one.id(), b"\x01one".to_vec()).contains("no zstd frame"));
		assert!(reason(one.id(), vec![0; CHUNK_SIZE + 2]).contains("65537"));
	}

	#[test]
	fn bombs_and_several_frames_are_refused() {
		let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
		assert!(bomb.len() < CHUNK_SIZE);
		let mut value = vec![CODEC_ZSTD];
		value.extend(&bomb);
		assert!(reason(ChunkId([0; 32]), value).contains("claims 67108864 bytes"));

		let frame = zstd::bulk::compress(b"abc", 3).unwrap();
		let mut value = vec![CODEC_ZSTD];
		value.extend(&frame);
		value.extend(&frame);
		assert!(reason(ChunkId::of(b"abcabc"), value).contains("one whole zstd frame"));
	}

	proptest! {
		#[test]
		fn decode_gives_back_what_encode_took(bytes: Vec<u8>, repeat in 1usize..50) {
			let chunk = chunk(&bytes.repeat(repeat)[..(bytes.len() * repeat).min(CHUNK_SIZE)]);
			prop_assert_eq!(decode(chunk.id(), encode(&chunk)).unwrap(), chunk);
		}

		#[test]
		fn a_changed_value_is_an_error_or_the_same_chunk(
			bytes in proptest::collection::vec(0u8..4, 1..2000),
			at: prop::sample::Index,
			flip in 1u8..,
		) {
			let chunk = chunk(&bytes);
			let mut value = encode(&chunk).to_vec();
			let at = at.index(value.len());
			value[at] ^= flip;
			if let Ok(decoded) = decode(chunk.id(), value.into()) {
				prop_assert_eq!(decoded, chunk);
			}
		}
	}
}
