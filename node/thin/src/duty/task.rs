//! Steps a duty at every finalized block, beside the node.

use futures::StreamExt;
use sc_client_api::BlockchainEvents;
use sp_blockchain::HeaderBackend;
use sp_runtime::{traits::Block as BlockT, SaturatedConversion};
use std::sync::{mpsc, Arc};

/// Steps a duty for as long as this runs.
///
/// The steps are made in a thread of their own: one may take hours, and must not keep the node
/// from stopping. Blocks that are finalized during a step are one step together.
pub async fn follow<Block, Client>(
	client: Arc<Client>,
	name: &'static str,
	mut step: impl FnMut(u32) + Send + 'static,
) where
	Block: BlockT,
	Client: BlockchainEvents<Block> + HeaderBackend<Block> + 'static,
{
	let mut finalized = client.finality_notification_stream();
	let (wake, woken) = mpsc::sync_channel::<()>(1);
	let chain = client.clone();
	let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
		while woken.recv().is_ok() {
			step(chain.info().finalized_number.saturated_into::<u64>() as u32);
		}
	});
	if let Err(error) = spawned {
		tracing::error!(target: "thin", %error, "the duty {name} can't be started");
		return;
	}
	// What was finalized before the start is a reason to look, too.
	let _ = wake.try_send(());
	while finalized.next().await.is_some() {
		match wake.try_send(()) {
			Ok(()) | Err(mpsc::TrySendError::Full(())) => {},
			Err(mpsc::TrySendError::Disconnected(())) => {
				tracing::error!(target: "thin", "the duty {name} has ended");
				return;
			},
		}
	}
}
