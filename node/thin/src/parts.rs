//! The client of a thin node, built as sc-service builds any other.

use crate::start::ThinDatabase;
use sc_chain_spec::BuildGenesisBlock;
use sc_executor::RuntimeVersionOf;
use sc_service::{
	error::Error, Configuration, KeystoreContainer, TFullBackend, TFullClient, TaskManager,
};
use sc_telemetry::TelemetryHandle;
use sp_core::traits::CodeExecutor;
use sp_runtime::traits::Block as BlockT;
use std::sync::Arc;

/// Client, backend, keystore and tasks, as `sc_service::new_full_parts` gives them.
pub type FullParts<Block, RuntimeApi, Executor> = (
	TFullClient<Block, RuntimeApi, Executor>,
	Arc<TFullBackend<Block>>,
	KeystoreContainer,
	TaskManager,
);

/// Builds the parts of a node on a thin database: what `sc_service::new_full_parts` does on an
/// ordinary one.
pub fn full_parts<Block, RuntimeApi, Executor>(
	config: &Configuration,
	telemetry: Option<TelemetryHandle>,
	executor: Executor,
	database: ThinDatabase,
) -> Result<FullParts<Block, RuntimeApi, Executor>, Error>
where
	Block: BlockT,
	Executor: CodeExecutor + RuntimeVersionOf + Clone,
{
	let backend = sc_service::new_db_backend(database.settings)?;
	sc_service::new_full_parts_with_genesis_builder(
		config,
		telemetry,
		executor,
		backend,
		GenesisIsThere,
		false,
	)
}

/// The SDK asks for genesis only where there is none. Building it just in case takes seconds.
struct GenesisIsThere;

impl<Block: BlockT> BuildGenesisBlock<Block> for GenesisIsThere {
	type BlockImportOperation =
		<TFullBackend<Block> as sc_client_api::Backend<Block>>::BlockImportOperation;

	fn build_genesis_block(self) -> sp_blockchain::Result<(Block, Self::BlockImportOperation)> {
		Err(sp_blockchain::Error::Backend("the thin database has no finalized state".into()))
	}
}
