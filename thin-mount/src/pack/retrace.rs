//! The same image with another trace. A trace is recorded from an image, so it can't be there when
//! that is packed; and to pack twice would be to read everything twice.

use super::{upload::BATCH, PackError, PackedToAll, Uploader};
use crate::{
	blob::BlobWriter,
	chunk::{Chunk, ChunkId},
	image::{ImageId, Superblock, TRACE_LIMIT},
	source::plain::StoreSource,
	store::Store,
};
use std::sync::Arc;

/// Makes the image with the files of `image` and this trace, in each of these stores, which all
/// have `image`. Uploads the trace and a superblock.
pub fn retrace(
	image: ImageId,
	stores: &[Arc<dyn Store>],
	trace: &[ChunkId],
) -> Result<PackedToAll, PackError> {
	if trace.len() as u64 > TRACE_LIMIT / 32 {
		return Err(PackError::Trace(trace.len()));
	}
	let source = StoreSource::new(stores.to_vec());
	let mut superblock = Superblock::fetch(&source, image)?;
	let plain: Vec<&dyn Store> = stores.iter().map(|store| &**store).collect();
	let uploader = Uploader::new(&plain);
	superblock.trace = match trace {
		[] => None,
		ids => {
			// At most 32 MiB.
			let mut chunks = Vec::new();
			let mut writer = BlobWriter::new(|chunk: Chunk| {
				if uploader.offer(chunk.id()) {
					chunks.push(chunk);
				}
				Ok::<_, PackError>(())
			});
			for id in ids {
				writer.write(&id.0)?;
			}
			let trace = writer.finish()?.0;
			for batch in chunks.chunks(BATCH) {
				uploader.upload(batch.to_vec())?;
			}
			Some(trace)
		},
	};
	uploader.flush()?;
	let chunk = superblock.to_chunk();
	uploader.upload(vec![chunk.clone()])?;
	uploader.flush()?;
	let image = ImageId(chunk.id());
	Ok(PackedToAll { image, totals: superblock.totals, uploads: uploader.counts() })
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{
		image::Image,
		pack::{pack, PackOptions},
		store::open_all,
	};
	use std::fs;

	#[test]
	fn only_the_trace_is_uploaded_and_the_image_is_as_if_packed_with_it() {
		let folder = tempfile::tempdir().unwrap();
		let files = folder.path().join("files");
		fs::create_dir(&files).unwrap();
		fs::write(files.join("a"), vec![7; 300_000]).unwrap();
		let urls =
			["one", "two"].map(|name| format!("dir://{}", folder.path().join(name).display()));
		let stores = open_all(&urls).unwrap();
		let plain = pack(&files, &*stores[0], &PackOptions::default(), &|_| {}).unwrap();
		pack(&files, &*stores[1], &PackOptions::default(), &|_| {}).unwrap();

		let trace: Vec<_> = (0..5000u32).map(|n| ChunkId::of(&n.to_le_bytes())).collect();
		let traced = retrace(plain.image, &stores, &trace).unwrap();
		// Three leaves, the list of them, and the superblock.
		assert_eq!(
			traced.uploads.iter().map(|upload| upload.new_chunks).collect::<Vec<_>>(),
			[5, 5]
		);
		let options = PackOptions { trace: trace.clone(), ..Default::default() };
		assert_eq!(pack(&files, &*stores[0], &options, &|_| {}).unwrap().image, traced.image);
		let source = Arc::new(StoreSource::new(vec![stores[1].clone()]));
		assert_eq!(Image::open(source, traced.image).unwrap().trace().unwrap(), trace);
		// And back.
		assert_eq!(retrace(traced.image, &stores, &[]).unwrap().image, plain.image);
	}

	#[test]
	fn what_is_no_image_gets_no_trace() {
		let folder = tempfile::tempdir().unwrap();
		let stores = open_all(&[format!("dir://{}", folder.path().display())]).unwrap();
		let error = retrace(ImageId(ChunkId::of(b"none")), &stores, &[]).unwrap_err();
		assert!(matches!(error, PackError::Image(_)), "{error}");
	}
}
