//! Steps a duty at every finalized block, beside the node.

use futures::StreamExt;
use sc_client_api::BlockchainEvents;
use sp_blockchain::HeaderBackend;
use sp_runtime::{traits::Block as BlockT, SaturatedConversion};
use std::sync::{mpsc, Arc};

/// Whether a duty is to be left alone for now.
pub type Rests = Arc<dyn Fn() -> bool + Send + Sync>;

/// Steps a duty for as long as this runs, but not while it rests.
///
/// The steps are made in a thread of their own: one may take hours, and must not keep the node
/// from stopping. It gives way to the node's own threads: nobody waits for a duty, and all wait for
/// the import of blocks. Blocks that are finalized during a step are one step together.
pub async fn follow<Block, Client>(
	client: Arc<Client>,
	name: &'static str,
	rests: Rests,
	mut step: impl FnMut(u32) + Send + 'static,
) where
	Block: BlockT,
	Client: BlockchainEvents<Block> + HeaderBackend<Block> + 'static,
{
	let mut finalized = client.finality_notification_stream();
	let (wake, woken) = mpsc::sync_channel::<()>(1);
	let chain = client.clone();
	let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
		thin_mount::nice::give_way();
		let finalized = || chain.info().finalized_number.saturated_into::<u64>() as u32;
		steps(woken, &*rests, || step(finalized()));
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

/// A step each time that it is woken, unless the duty rests.
fn steps(woken: mpsc::Receiver<()>, rests: &dyn Fn() -> bool, mut step: impl FnMut()) {
	while woken.recv().is_ok() {
		if !rests() {
			step();
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::cell::Cell;

	#[test]
	fn a_duty_that_rests_makes_no_step_and_goes_on_with_the_next_block() {
		let (wake, woken) = mpsc::channel();
		(0..5).for_each(|_| wake.send(()).unwrap());
		drop(wake);
		let (asked, made) = (Cell::new(0), Cell::new(0));
		let rests = || {
			asked.set(asked.get() + 1);
			asked.get() <= 3
		};
		steps(woken, &rests, || made.set(made.get() + 1));
		assert_eq!((asked.get(), made.get()), (5, 2));
	}
}
