//! Makes the local database of a node that stands at block N and has imported nothing.
//!
//! The order of the steps is what the SDK needs: genesis first, then N as if it were its child,
//! with the blocks between hidden, and GRANDPA's records before GRANDPA is asked.

pub(crate) mod scratch;

use crate::{
	columns,
	error::StartError,
	genesis::{Genesis, ReadVersion},
	grandpa,
	layered::{FaultHandler, LayeredDatabase, Lower},
	local::{LocalPath, Marker},
	proof::ProvenBlock,
};
use codec::{Decode, Encode};
use sc_chain_spec::{BuildGenesisBlock, GenesisBlockBuilder};
use sc_client_api::{Backend as _, BlockImportOperation, NewBlockState};
use sc_client_db::{DatabaseSettings, DatabaseSource, DbHash};
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::TFullBackend;
use sp_consensus_grandpa::GRANDPA_ENGINE_ID;
use sp_database::{Database, Transaction};
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT, NumberFor},
	Justifications,
};
use std::{fs, sync::Arc};

/// So many bytes of justifications are written at a time: a chain of years has more of them than
/// fit into memory.
const AT_A_TIME: usize = 4 * 1024 * 1024;

/// All that a bootstrap needs to know.
pub struct Bootstrap<'a, Block: BlockT, E> {
	/// Where the database will be.
	pub local: &'a LocalPath,
	/// How the node is set up: pruning above all. The source in it is not used.
	pub settings: &'a dyn Fn(DatabaseSource) -> DatabaseSettings,
	/// The image.
	pub lower: &'a Arc<Lower<Block>>,
	/// What the chain spec says.
	pub genesis: &'a Genesis<Block>,
	/// Block N.
	pub proven: &'a ProvenBlock<Block>,
	/// Runs the genesis runtime.
	pub executor: E,
	/// What the database will remember.
	pub marker: &'a Marker,
	/// Called when the image can't be read or is wrong.
	pub on_fault: FaultHandler,
}

impl<Block, E> Bootstrap<'_, Block, E>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + Clone,
{
	/// Makes the database under another name and renames it when it is whole, so that a start
	/// that was cut off leaves nothing that the next one could take for a database.
	pub fn run(self) -> Result<(), StartError> {
		let failed = |error: String| StartError::Bootstrap(error);
		let place = self.local.incomplete();
		remove(&place)?;
		let path = &place.path;
		fs::create_dir_all(path)
			.map_err(|error| StartError::Local { path: path.clone(), reason: error.to_string() })?;

		let body = self.body()?;
		let upper = place.open(true)?;
		self.lower.hide(true);
		let made = self.write_blocks(upper.clone(), body);
		self.lower.hide(false);
		made.map_err(failed)?;
		self.write_justifications(&*upper).map_err(failed)?;
		self.marker.write(&*upper).map_err(failed)?;
		drop(upper);

		fs::rename(path, &self.local.path).map_err(|error| StartError::Local {
			path: self.local.path.clone(),
			reason: error.to_string(),
		})
	}

	/// The body of N, where the image has it (a database that prunes blocks may not).
	fn body(&self) -> Result<Option<Vec<Block::Extrinsic>>, StartError> {
		let key = self.proven.key().bytes();
		let value = self
			.lower
			.get(columns::BODY, &key)
			.map_err(|fault| StartError::Bootstrap(fault.to_string()))?;
		value
			.map(|bytes| Vec::decode(&mut &bytes[..]))
			.transpose()
			.map_err(|error| StartError::Bootstrap(error.to_string()))
	}

	fn write_blocks(
		&self,
		upper: Arc<dyn Database<DbHash>>,
		body: Option<Vec<Block::Extrinsic>>,
	) -> Result<(), String> {
		let text = |error: sp_blockchain::Error| error.to_string();
		let layered = LayeredDatabase::new(upper, self.lower.clone(), self.on_fault.clone());
		// The first opening writes the pruning mode, and only the first may.
		let source = DatabaseSource::Custom { db: Arc::new(layered), require_create_flag: true };
		let backend: Arc<TFullBackend<Block>> =
			sc_service::new_db_backend((self.settings)(source)).map_err(text)?;

		let builder = GenesisBlockBuilder::new_with_storage(
			self.genesis.storage.clone(),
			false,
			backend.clone(),
			ReadVersion(self.executor.clone()),
		)
		.map_err(text)?;
		let (block, mut operation): (Block, _) = builder.build_genesis_block().map_err(text)?;
		if block.header().hash() != self.genesis.hash() {
			return Err("the chain spec gives two different genesis blocks".into());
		}
		let (header, extrinsics) = block.deconstruct();
		operation
			.set_block_data(header, Some(extrinsics), None, None, NewBlockState::Final, true)
			.map_err(text)?;
		backend.commit_operation(operation).map_err(text)?;

		let mut operation = backend.begin_operation().map_err(text)?;
		// Commits state without a change: all of it lies below.
		backend.begin_state_operation(&mut operation, Default::default()).map_err(text)?;
		operation.set_create_gap(false);
		let records = grandpa::records(self.proven)?;
		operation
			.insert_aux(records.into_iter().map(|(key, value)| (key, Some(value))))
			.map_err(text)?;
		let justification = self.proven.justification().to_vec();
		let justifications = Some(Justifications::from((GRANDPA_ENGINE_ID, justification)));
		operation
			.set_block_data(
				self.proven.header().clone(),
				body,
				None,
				justifications,
				NewBlockState::Final,
				true,
			)
			.map_err(text)?;
		backend.commit_operation(operation).map_err(text)
	}

	/// The justifications of every change of authorities, so that this node serves whole warp
	/// proofs whatever the image left out.
	fn write_justifications(&self, upper: &dyn Database<DbHash>) -> Result<(), String> {
		let (mut transaction, mut length) = (Transaction::new(), 0);
		for found in self.proven.justified() {
			let (key, encoded) = found.map_err(|error| error.to_string())?;
			length += encoded.len();
			let justifications = Justifications::from((GRANDPA_ENGINE_ID, encoded));
			transaction.set_from_vec(
				columns::JUSTIFICATIONS,
				&key.bytes(),
				justifications.encode(),
			);
			if length > AT_A_TIME {
				length = 0;
				upper
					.commit(std::mem::take(&mut transaction))
					.map_err(|error| error.to_string())?;
			}
		}
		upper.commit(transaction).map_err(|error| error.to_string())
	}
}

fn remove(place: &LocalPath) -> Result<(), StartError> {
	match fs::remove_dir_all(&place.path) {
		Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
			Err(StartError::Local { path: place.path.clone(), reason: error.to_string() })
		},
		_ => Ok(()),
	}
}
