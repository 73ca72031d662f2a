//! What all commands that read an image share: its id, its stores, opening it.

use super::failure::Failure;
use std::sync::Arc;
use thin_mount::{
	image::{Image, ImageId},
	source::{plain::StoreSource, ChunkSource},
	store::{self, Store},
};

/// Which image, and where it is.
#[derive(clap::Args)]
pub(crate) struct ImageArgs {
	/// The image id: 64 hexadecimal digits
	#[arg(value_name = "IMAGE")]
	pub(crate) image: ImageId,
	#[command(flatten)]
	pub(crate) stores: StoreArgs,
}

/// Where to read from or write to.
#[derive(clap::Args)]
pub(crate) struct StoreArgs {
	/// A store: zdb://host[:9900]/namespace, redis://host[:6379]/db or dir:///path
	///
	/// Several, one after the other or each with its own --store, are replicas of each other. With
	/// a range before it, as in 00-7f=zdb://…, a store is the part of one that holds the chunks
	/// whose ids begin so; together such parts must hold everything. A password is written
	/// zdb://:PASSWORD@host/namespace.
	#[arg(long = "store", value_name = "URL", required = true)]
	pub(crate) urls: Vec<String>,
}

impl StoreArgs {
	/// Opens all stores: for writing.
	pub(crate) fn open_all(&self) -> Result<Vec<Arc<dyn Store>>, Failure> {
		store::open_all(&self.urls).map_err(Failure::environment)
	}

	/// Opens the stores that can be opened: for reading.
	pub(crate) fn open(&self) -> Result<Vec<Arc<dyn Store>>, Failure> {
		store::open_replicas(&self.urls).map_err(Failure::environment)
	}

	/// A source over all stores.
	pub(crate) fn source(&self) -> Result<Arc<dyn ChunkSource>, Failure> {
		Ok(Arc::new(StoreSource::new(self.open()?)))
	}
}

impl ImageArgs {
	/// Opens the image.
	pub(crate) fn open(&self) -> Result<Image, Failure> {
		Ok(Image::open(self.stores.source()?, self.image)?)
	}
}
