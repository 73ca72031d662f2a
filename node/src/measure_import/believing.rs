//! A thin node's two layers without what makes them safe, to measure what that costs.

use sc_service::DatabaseSource;
use sp_core::H256;
use sp_database::{error::Result, ColumnId, Database, Transaction};
use std::{path::Path, sync::Arc};
use thin_client::{
	layered::{ImageDatabase, Lower, RawDatabase},
	local::LocalPath,
};
use thin_runtime::opaque::Block;

/// Believes whatever the image says. Only for blocks that are thrown away.
struct Believing {
	upper: Arc<dyn Database<H256>>,
	lower: ImageDatabase,
}

impl Database<H256> for Believing {
	fn commit(&self, transaction: Transaction<H256>) -> Result<()> {
		self.upper.commit(transaction)
	}

	fn get(&self, column: ColumnId, key: &[u8]) -> Option<Vec<u8>> {
		self.upper.get(column, key).or_else(|| match Lower::<Block>::serves(column) {
			true => self.lower.get(column, key).ok().flatten(),
			false => None,
		})
	}
}

/// The database of a thin node at `local`, over the image in a folder.
pub fn over(local: &LocalPath, image: &Path) -> anyhow::Result<DatabaseSource> {
	let logs = local.path.parent().unwrap_or(&local.path);
	let lower = ImageDatabase::with_cache(image, logs, local.block_cache_bytes())?;
	let db = Arc::new(Believing { upper: local.open(false)?, lower });
	Ok(DatabaseSource::Custom { db, require_create_flag: false })
}
