//! What the service manager is told (`Type=notify` of systemd): how far a start is, when the node is
//! ready, and when it stops.
//!
//! Without one, that is without `NOTIFY_SOCKET` in the environment, nothing is said. That it can't be
//! told never stops a node.

use crate::status::ThinStatus;
use sc_client_api::{Backend, StorageProvider};
use sd_notify::NotifyState;
use sp_blockchain::HeaderBackend;
use sp_core::storage::{well_known_keys, StorageKey};
use sp_runtime::traits::Block as BlockT;
use std::{
	future::{pending, Future},
	time::Duration,
};

/// How much longer a start may take that has just got further.
const PATIENCE: Duration = Duration::from_secs(120);

/// A stage of the start, for `systemctl status`.
pub fn stage(text: &str) {
	tell(&[NotifyState::Status(&one_line(text))]);
}

/// The same of a stage that goes on for long, and is getting further: the manager waits on.
pub fn progress(text: &str) {
	let more = u32::try_from(PATIENCE.as_micros()).unwrap_or(u32::MAX);
	tell(&[NotifyState::ExtendTimeoutUsec(more), NotifyState::Status(&one_line(text))]);
}

/// Says that the node is ready: call it when its RPC answers and all else runs.
///
/// A node that was started from a snapshot is ready when it can read the state it stands at. What is
/// returned is to run for as long as the node; where it is dropped, the node stops, and says so.
///
/// Errors when that state can't be read.
pub fn ready<Block, B, Client>(
	client: &Client,
	thin: Option<&ThinStatus>,
) -> sp_blockchain::Result<impl Future<Output = ()> + Send + 'static>
where
	Block: BlockT,
	B: Backend<Block>,
	Client: HeaderBackend<Block> + StorageProvider<Block, B>,
{
	let info = client.info();
	let text = match thin {
		Some(thin) => {
			// By its hash: the code itself is some megabytes, and not needed for this.
			client.storage_hash(info.best_hash, &StorageKey(well_known_keys::CODE.to_vec()))?;
			format!(
				"Running; began at block {}, with snapshot {:?}",
				thin.manifest.block_number, thin.snapshot
			)
		},
		None => "Running".to_owned(),
	};
	let running = Running;
	tell(&[NotifyState::Ready, NotifyState::Status(&text)]);
	Ok(async move {
		let _until_dropped = running;
		pending::<()>().await;
	})
}

/// Why the node ends, for whoever looks at the failed unit.
pub fn failed(reason: &str) {
	tell(&[NotifyState::Stopping, NotifyState::Status(&one_line(reason))]);
}

struct Running;

impl Drop for Running {
	fn drop(&mut self) {
		tell(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
	}
}

fn tell(states: &[NotifyState<'_>]) {
	// Kept in the environment: more is to be said.
	if let Err(error) = sd_notify::notify(false, states) {
		tracing::debug!(target: "thin", %error, "the service manager can't be told");
	}
}

/// A line break would begin another message.
fn one_line(text: &str) -> String {
	text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_is_told_is_one_line() {
		assert_eq!(one_line("a store\nREADY=1\r\n  is away"), "a store READY=1 is away");
	}
}
