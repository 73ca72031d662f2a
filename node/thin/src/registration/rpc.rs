//! A registry behind the RPC of a node.
//!
//! What it says is believed as far as it goes: which stores to try, and that somebody vouches for
//! the image. What the snapshot is of, the proof says.

use super::{Registration, RegistrationError, Registry, Standing};
use codec::{Decode, DecodeAll};
use jsonrpsee::{
	core::client::ClientT,
	rpc_params,
	ws_client::{WsClient, WsClientBuilder},
};
use pallet_snapshots::{Location, Snapshot, SnapshotId, Status};
use std::{marker::PhantomData, time::Duration};

const TIMEOUT: Duration = Duration::from_secs(20);
/// The largest answer that is read: a record and its locations take a few kilobytes.
const MAX_ANSWER_BYTES: u32 = 1024 * 1024;

/// Asks a node of the chain, as of its last finalized block.
///
/// The type parameters are those of the chain: they decide how a record is read.
pub struct RpcRegistry<AccountId, Balance, BlockNumber> {
	url: String,
	genesis: [u8; 32],
	pallet: String,
	_chain: PhantomData<(AccountId, Balance, BlockNumber)>,
}

impl<AccountId, Balance, BlockNumber> RpcRegistry<AccountId, Balance, BlockNumber> {
	/// A registry at `url` (`ws://` or `wss://`) of the chain with this genesis hash. `pallet` is
	/// the name of pallet-snapshots in its runtime.
	pub fn new(url: &str, genesis: [u8; 32], pallet: &str) -> Self {
		let url = url.to_owned();
		Self { url, genesis, pallet: pallet.to_owned(), _chain: PhantomData }
	}

	fn unreachable(&self, reason: impl ToString) -> RegistrationError {
		RegistrationError::Unreachable { registry: self.url.clone(), reason: reason.to_string() }
	}

	fn malformed(&self, reason: impl ToString) -> RegistrationError {
		RegistrationError::Malformed { registry: self.url.clone(), reason: reason.to_string() }
	}
}

impl<AccountId, Balance, BlockNumber> RpcRegistry<AccountId, Balance, BlockNumber>
where
	AccountId: Decode,
	Balance: Decode + Into<u128>,
	BlockNumber: Decode,
{
	async fn ask(&self, id: SnapshotId) -> Result<Registration, RegistrationError> {
		let client = WsClientBuilder::default()
			.connection_timeout(TIMEOUT)
			.request_timeout(TIMEOUT)
			.max_response_size(MAX_ANSWER_BYTES)
			.build(&self.url)
			.await
			.map_err(|error| self.unreachable(error))?;

		let theirs: Option<String> =
			self.call(&client, "chain_getBlockHash", rpc_params![0]).await?;
		let ours = format!("0x{}", hex::encode(self.genesis));
		let theirs = theirs.ok_or_else(|| self.malformed("it knows no block 0"))?;
		if theirs != ours {
			return Err(RegistrationError::OtherChain { registry: self.url.clone(), theirs, ours });
		}

		let head: String = self.call(&client, "chain_getFinalizedHead", rpc_params![]).await?;
		let record = self.storage(&client, "Snapshots", id, &head).await?;
		let record = record.ok_or_else(|| RegistrationError::Unknown {
			id,
			registry: self.url.clone(),
			block: head.clone(),
		})?;
		let record = Snapshot::<AccountId, Balance, BlockNumber>::decode_all(&mut &record[..])
			.map_err(|error| self.malformed(format!("the record of {id:?}: {error}")))?;
		let locations = match self.storage(&client, "Locations", id, &head).await? {
			Some(bytes) => Vec::<Location>::decode_all(&mut &bytes[..])
				.map_err(|error| self.malformed(format!("the locations of {id:?}: {error}")))?,
			None => Vec::new(),
		};
		let standing = match record.status {
			Status::Certified { .. } => Standing::Certified,
			Status::Pending => Standing::Pending,
			Status::Disputed { .. } => Standing::Ended("disputed"),
			Status::Retired { .. } => Standing::Ended("retired"),
			Status::Fraudulent { .. } => Standing::Ended("found wrong"),
		};
		Ok(Registration {
			manifest: record.manifest,
			locations,
			standing,
			stake: record.attested.into(),
			attesters: record.attesters,
		})
	}

	async fn storage(
		&self,
		client: &WsClient,
		map: &str,
		id: SnapshotId,
		at: &str,
	) -> Result<Option<Vec<u8>>, RegistrationError> {
		let key = format!("0x{}", hex::encode(storage_key(&self.pallet, map, id)));
		let value: Option<String> =
			self.call(client, "state_getStorage", rpc_params![key, at]).await?;
		value
			.map(|text| hex::decode(text.trim_start_matches("0x")))
			.transpose()
			.map_err(|error| self.malformed(error))
	}

	async fn call<T: serde::de::DeserializeOwned>(
		&self,
		client: &WsClient,
		method: &str,
		params: jsonrpsee::core::params::ArrayParams,
	) -> Result<T, RegistrationError> {
		client
			.request(method, params)
			.await
			.map_err(|error| self.unreachable(format!("{method}: {error}")))
	}
}

/// The key of a snapshot in one of the pallet's maps, whose hasher is the identity: the id is a
/// hash already.
pub fn storage_key(pallet: &str, map: &str, id: SnapshotId) -> Vec<u8> {
	[
		&sp_crypto_hashing::twox_128(pallet.as_bytes())[..],
		&sp_crypto_hashing::twox_128(map.as_bytes()),
		id.as_bytes(),
	]
	.concat()
}

impl<AccountId, Balance, BlockNumber> Registry for RpcRegistry<AccountId, Balance, BlockNumber>
where
	AccountId: Decode + Send + Sync,
	Balance: Decode + Into<u128> + Send + Sync,
	BlockNumber: Decode + Send + Sync,
{
	fn registration(&self, id: SnapshotId) -> Result<Registration, RegistrationError> {
		// The caller may be inside a runtime of its own, which must not be blocked on.
		std::thread::scope(|scope| {
			scope
				.spawn(|| {
					tokio::runtime::Builder::new_current_thread()
						.enable_all()
						.build()
						.map_err(|error| self.unreachable(error))?
						.block_on(self.ask(id))
				})
				.join()
				.unwrap_or_else(|_| Err(self.unreachable("the request did not come to an end")))
		})
	}
}
