//! Where verified chunks come from. What reads images asks a [`ChunkSource`], and never a store.

pub mod plain;

use crate::{
	chunk::{Chunk, ChunkError, ChunkId},
	store::StoreError,
};
use std::sync::Arc;

/// Why a chunk can't be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
	/// Every store was asked, and none has it.
	#[error("chunk {id} is in none of the stores ({stores}): the image is incomplete there")]
	Missing {
		/// What was asked for.
		id: ChunkId,
		/// The names of the stores, by commas.
		stores: String,
	},
	/// A store sent something else, and no other store had the right bytes.
	#[error("store {store} sent wrong bytes: {error}")]
	Corrupt {
		/// The store's name.
		store: String,
		/// What was wrong.
		error: ChunkError,
	},
	/// A value that can't be decoded into plain bytes.
	#[error("store {store} sent a value for chunk {id} that can't be decoded: {reason}")]
	Undecodable {
		/// The store's name.
		store: String,
		/// What was asked for.
		id: ChunkId,
		/// What is wrong with the value.
		reason: String,
	},
	/// No store could be asked.
	#[error(transparent)]
	Store(#[from] StoreError),
}

/// Gives verified chunks by id.
pub trait ChunkSource: Send + Sync {
	/// These chunks, in order. Blocks until all are there or one can't be had.
	fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError>;

	/// One chunk.
	fn chunk(&self, id: ChunkId) -> Result<Chunk, FetchError> {
		self.chunks(&[id])?
			.pop()
			.ok_or_else(|| FetchError::Missing { id, stores: "an empty answer".into() })
	}
}

impl<S: ChunkSource + ?Sized> ChunkSource for Arc<S> {
	fn chunks(&self, ids: &[ChunkId]) -> Result<Vec<Chunk>, FetchError> {
		(**self).chunks(ids)
	}
}
