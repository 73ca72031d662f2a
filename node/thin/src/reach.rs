//! Whether the stores of a registered snapshot answer, as this node sees them: the RPC `thin_reach`.
//!
//! For the page of the registry: a 0-db speaks no http, so a browser can't ask it. Whoever registers a
//! snapshot says which addresses are asked, so it is one of the methods that a node answers only to its
//! operator.

use crate::cli::parse_id;
use codec::Codec;
use jsonrpsee::{
	core::RpcResult,
	proc_macros::rpc,
	types::{error::INVALID_PARAMS_CODE, ErrorObject, ErrorObjectOwned},
	Extensions,
};
use pallet_snapshots::SnapshotId;
pub use pallet_snapshots_runtime_api::SnapshotsApi;
use parking_lot::Mutex;
use sc_rpc_api::check_if_safe;
use serde::Serialize;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{marker::PhantomData, sync::Arc};
use thin_mount::store::{self, Key};

/// The code of an error that says why the locations aren't known.
pub const NO_LOCATIONS: i32 = 9002;

/// What one location has said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reached {
	/// The location as it is registered, `zdb://host:port/namespace`.
	pub location: String,
	/// Whether it has the superblock of the image; `null` when it didn't say.
	pub has_image: Option<bool>,
	/// Why it didn't say; `null` when it did.
	pub reason: Option<String>,
}

/// `thin_reach`.
#[rpc(server, namespace = "thin")]
pub trait ReachApi {
	/// Asks each registered location of the snapshot with this id for its image, one question of
	/// somebody at a time; takes as long as the slowest, a minute at most. For the operator of the
	/// node only (`--rpc-methods`).
	#[method(name = "reach", blocking, with_extensions)]
	fn reach(&self, id: String) -> RpcResult<Vec<Reached>>;
}

/// What the runtime is asked with, of which nothing is held.
type Chain<Block, AccountId, Balance> = fn() -> (Block, AccountId, Balance);

/// Answers for one node.
pub struct ReachRpc<Block, Client, AccountId, Balance> {
	client: Arc<Client>,
	/// Held while locations are asked: whoever asks often waits, and takes no more threads.
	asking: Mutex<()>,
	_types: PhantomData<Chain<Block, AccountId, Balance>>,
}

impl<Block, Client, AccountId, Balance> ReachRpc<Block, Client, AccountId, Balance> {
	/// Asks the locations that this client's newest finalized block knows.
	pub fn new(client: Arc<Client>) -> Self {
		Self { client, asking: Mutex::default(), _types: PhantomData }
	}
}

fn refused(code: i32, reason: impl std::fmt::Display) -> ErrorObjectOwned {
	ErrorObject::owned(code, reason.to_string(), None::<()>)
}

impl<Block, Client, AccountId, Balance> ReachApiServer
	for ReachRpc<Block, Client, AccountId, Balance>
where
	Block: BlockT,
	Client: ProvideRuntimeApi<Block> + HeaderBackend<Block> + Send + Sync + 'static,
	Client::Api: SnapshotsApi<Block, AccountId, Balance, NumberFor<Block>>,
	AccountId: Codec + 'static,
	Balance: Codec + 'static,
	NumberFor<Block>: Codec,
{
	fn reach(&self, extensions: &Extensions, id: String) -> RpcResult<Vec<Reached>> {
		check_if_safe(extensions)?;
		let id: SnapshotId =
			parse_id(&id).map_err(|reason| refused(INVALID_PARAMS_CODE, reason))?;
		let at = self.client.info().finalized_hash;
		let details = self.client.runtime_api().snapshot(at, id);
		let details = details
			.map_err(|error| refused(NO_LOCATIONS, error))?
			.ok_or_else(|| refused(NO_LOCATIONS, format!("no snapshot {id:?} is registered")))?;
		let key = Key::copy_from_slice(&details.snapshot.manifest.image.0);
		let locations: Vec<String> = details.locations.iter().map(ToString::to_string).collect();
		let _one_at_a_time = self.asking.lock();
		Ok(ask_all(&locations, &key))
	}
}

/// Asks all of them at once.
fn ask_all(locations: &[String], key: &Key) -> Vec<Reached> {
	std::thread::scope(|scope| {
		let asked: Vec<_> = locations
			.iter()
			.map(|location| (location, scope.spawn(|| ask(location, key))))
			.collect();
		asked
			.into_iter()
			.map(|(location, answer)| {
				let answer = answer.join().unwrap_or_else(|_| Err("asking it failed".into()));
				let (has_image, reason) = match answer {
					Ok(has) => (Some(has), None),
					Err(reason) => (None, Some(reason)),
				};
				Reached { location: location.clone(), has_image, reason }
			})
			.collect()
	})
}

fn ask(location: &str, key: &Key) -> Result<bool, String> {
	let store = store::open(location).map_err(|error| error.to_string())?;
	let has = store.has_many(std::slice::from_ref(key)).map_err(|error| error.to_string())?;
	has.first().copied().ok_or_else(|| "it says nothing of the image".into())
}

#[cfg(test)]
mod tests {
	use super::*;
	use thin_mount::zdb::{Server, ServerOptions};

	#[test]
	fn locations_say_whether_they_have_the_image() {
		let folder = tempfile::tempdir().unwrap();
		let [data, index] = ["data", "index"].map(|name| folder.path().join(name));
		for folder in [&data, &index] {
			std::fs::create_dir(folder).unwrap();
		}
		let mut options = ServerOptions::new(data, index);
		options.listen = "127.0.0.1:0".into();
		let server = Server::start(options).unwrap();
		let here = format!("zdb://{}/default", server.address());
		let [image, other] = [1, 2].map(|byte| Key::copy_from_slice(&[byte; 32]));
		store::open(&here).unwrap().put_many(&[(image.clone(), Key::from_static(b"x"))]).unwrap();

		// A port that was free a moment ago, and a namespace that isn't there.
		let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
		let away = format!("zdb://{closed}/default");
		let nameless = format!("zdb://{}/nameless", server.address());
		let locations = [here.clone(), away.clone(), nameless.clone()];

		let reached = ask_all(&locations, &image);
		assert_eq!(reached[0], Reached { location: here, has_image: Some(true), reason: None });
		for (said, location) in reached[1..].iter().zip([away, nameless]) {
			assert_eq!((&said.location, said.has_image), (&location, None));
			assert!(
				said.reason.as_ref().is_some_and(|reason| reason.contains(&location)),
				"{said:?}"
			);
		}
		assert_eq!(ask_all(&locations[..1], &other)[0].has_image, Some(false));
	}
}
