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
	/// A store, such as dir:///path. Several, one after the other or each with its own --store, are
	/// replicas of each other
	#[arg(long = "store", value_name = "URL", required = true)]
	pub(crate) urls: Vec<String>,
}

impl StoreArgs {
	/// Opens all stores.
	pub(crate) fn open(&self) -> Result<Vec<Arc<dyn Store>>, Failure> {
		self.urls.iter().map(|url| store::open(url).map_err(Failure::environment)).collect()
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
