//! When an authority that was started from a snapshot may vote.
//!
//! Who votes twice in a round of GRANDPA is punished. Such a node doesn't know in which rounds its key
//! has voted before, on another machine or before its database was lost: that may be any round of any set up to
//! the one that is in charge when it has caught up. So it learns once which set that is, and votes in
//! later ones only: their rounds are new to everybody.

mod keys;

use crate::{
	grandpa,
	registration::{time_key, RegistryLayout},
	status::ThinStatus,
};
use codec::{Decode, DecodeAll, Encode};
use keys::VotingKeys;
use sc_client_api::{AuxStore, Backend, HeaderBackend, TrieCacheContext};
use sc_service::SpawnTaskHandle;
use sp_keystore::KeystorePtr;
use sp_runtime::traits::Block as BlockT;
use sp_state_machine::Backend as _;
use std::{
	sync::Arc,
	time::{Duration, SystemTime, UNIX_EPOCH},
};

/// In AUX: the last set in which the key may have voted before.
const LAST: &[u8] = b"thin_votes_after_set";
const LOOK_EVERY: Duration = Duration::from_secs(6);
/// By how much the clocks of those who make blocks may be ahead of this one's.
const AHEAD: Duration = Duration::from_secs(60);

/// The keystore for GRANDPA's voter.
///
/// It is `keystore` itself in a node that was started from no snapshot, and once the authority may vote.
/// Before, it lacks the keys of GRANDPA until the first set in which they may: a task finds out which
/// that is. Whoever voted with them before must have ended when this is called.
pub fn voting_keys<Block, L, B>(
	thin: Option<&ThinStatus>,
	keystore: KeystorePtr,
	backend: &Arc<B>,
	spawn: &SpawnTaskHandle,
) -> KeystorePtr
where
	Block: BlockT,
	L: RegistryLayout,
	B: Backend<Block> + 'static,
{
	if thin.is_none() || voted_until::<Block>(&**backend).is_some() {
		return keystore;
	}
	tracing::warn!(
		target: "thin",
		"This authority casts no GRANDPA votes until the authority set has changed after it has caught \
		 up: it can't know what it voted before"
	);
	spawn.spawn("thin-votes", Some("thin"), learn::<Block, L, B>(backend.clone()));
	let backend = backend.clone();
	let look = move || {
		let last = voted_until::<Block>(&*backend);
		if last.is_some() {
			tracing::info!(target: "thin", "The authority set has changed. This authority votes from now on");
		}
		last
	};
	Arc::new(VotingKeys::new(keystore, Box::new(look)))
}

/// The last set in which the key may have voted before, once a later one is in charge.
pub(crate) fn voted_until<Block: BlockT>(aux: &impl AuxStore) -> Option<u64> {
	let last = last(aux)?;
	(grandpa::current_set_id::<Block>(aux)? > last).then_some(last)
}

fn last(aux: &impl AuxStore) -> Option<u64> {
	let bytes = aux.get_aux(LAST).ok()??;
	u64::decode_all(&mut &bytes[..]).ok()
}

/// Waits until the node has caught up, and remembers in which set that is.
async fn learn<Block, L, B>(backend: Arc<B>)
where
	Block: BlockT,
	L: RegistryLayout,
	B: Backend<Block>,
{
	let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	let since = now.saturating_add(AHEAD);
	while last(&*backend).is_none() {
		tokio::time::sleep(LOOK_EVERY).await;
		let Some(time) = finalized_time::<Block, L, B>(&backend) else { continue };
		if let Some(set) = note::<Block>(&*backend, time, since) {
			tracing::info!(target: "thin", set, "Caught up. This authority votes from the next set on");
		}
	}
}

/// The time in the state of the last finalized block.
fn finalized_time<Block, L, B>(backend: &B) -> Option<Duration>
where
	Block: BlockT,
	L: RegistryLayout,
	B: Backend<Block>,
{
	let hash = backend.blockchain().info().finalized_hash;
	let state = backend.state_at(hash, TrieCacheContext::Untrusted).ok()?;
	let bytes = state.storage(&time_key::<L>()).ok()??;
	u64::decode(&mut &bytes[..]).ok().map(Duration::from_millis)
}

/// Remembers the set in charge, if a block that is final was made at `time`, and that is after `since`. A set
/// that begins later has no votes from before.
pub(crate) fn note<Block: BlockT>(
	aux: &impl AuxStore,
	time: Duration,
	since: Duration,
) -> Option<u64> {
	if time < since {
		return None;
	}
	let set = grandpa::current_set_id::<Block>(aux)?;
	aux.insert_aux(&[(LAST, &set.encode()[..])], &[]).ok()?;
	Some(set)
}
