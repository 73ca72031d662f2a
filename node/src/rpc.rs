//! The RPC methods that this node adds to those of every Substrate node.

use jsonrpsee::RpcModule;
use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
use sc_transaction_pool_api::TransactionPool;
use sp_api::ProvideRuntimeApi;
use sp_block_builder::BlockBuilder;
use sp_blockchain::{Error as BlockChainError, HeaderBackend, HeaderMetadata};
use std::sync::Arc;
use substrate_frame_rpc_system::{System, SystemApiServer};
use thin_client::{
	duty::health::Health,
	prover::ProveSnapshot,
	reach::{ReachApiServer, ReachRpc, SnapshotsApi},
	rpc::{ThinApiServer, ThinRpc},
	status::ThinStatus,
};
use thin_runtime::{opaque::Block, AccountId, Balance, BlockNumber, Nonce};

/// What the methods need.
pub struct FullDeps<C, P> {
	/// The client, for state and runtime calls.
	pub client: Arc<C>,
	/// The transaction pool, for the next nonce of an account.
	pub pool: Arc<P>,
	/// The snapshot that the node was started from, if it was.
	pub thin: Option<ThinStatus>,
	/// What makes proofs of snapshots.
	pub prover: Arc<dyn ProveSnapshot>,
	/// How the duties of the node are doing.
	pub duties: Health,
}

/// All methods that are added.
pub fn create_full<C, P>(
	FullDeps { client, pool, thin, prover, duties }: FullDeps<C, P>,
) -> Result<RpcModule<()>, Box<dyn std::error::Error + Send + Sync>>
where
	C: ProvideRuntimeApi<Block>
		+ HeaderBackend<Block>
		+ HeaderMetadata<Block, Error = BlockChainError>
		+ Send
		+ Sync
		+ 'static,
	C::Api: substrate_frame_rpc_system::AccountNonceApi<Block, AccountId, Nonce>
		+ pallet_transaction_payment_rpc::TransactionPaymentRuntimeApi<Block, Balance>
		+ BlockBuilder<Block>
		+ SnapshotsApi<Block, AccountId, Balance, BlockNumber>,
	P: TransactionPool + 'static,
{
	let mut module = RpcModule::new(());
	module.merge(System::new(client.clone(), pool).into_rpc())?;
	module.merge(TransactionPayment::new(client.clone()).into_rpc())?;
	module.merge(ReachRpc::<Block, _, AccountId, Balance>::new(client).into_rpc())?;
	module.merge(ThinRpc::new(thin, prover).with_duties(duties).into_rpc())?;
	Ok(module)
}
