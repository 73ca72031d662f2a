//! A chain, asked and changed through the RPC of one of its nodes.
//!
//! The node is believed: this is for people and scripts that ask how things stand. A start from a
//! snapshot takes nothing from here.

mod submit;

pub use submit::{Landed, Submission};

use codec::{Decode, DecodeAll};
use jsonrpsee::{
	core::{
		client::{ClientT, Error as ClientError},
		params::ArrayParams,
	},
	rpc_params,
	ws_client::{WsClient, WsClientBuilder},
};
use serde::de::DeserializeOwned;
use sp_core::Bytes;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{marker::PhantomData, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// How long a node may take to answer.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer that is read.
const MAX_ANSWER_BYTES: u32 = 32 * 1024 * 1024;

/// Why a chain can't be asked, or wasn't changed.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
	/// Nobody answers.
	#[error(
		"no node answers at {url}: {reason}. Give the RPC of a node of the chain with --rpc ws://…"
	)]
	Unreachable {
		/// Who was asked.
		url: String,
		/// The cause.
		reason: String,
	},
	/// The node says no.
	#[error("{url} answers {method} with an error: {reason}")]
	Refused {
		/// Who was asked.
		url: String,
		/// What for.
		method: String,
		/// In its own words.
		reason: String,
	},
	/// The answer is of another shape.
	#[error(
		"the answer of {url} to {method} can't be understood ({reason}): is it a node of this \
		 program's chain, and of its version?"
	)]
	Answer {
		/// Who was asked.
		url: String,
		/// What for.
		method: String,
		/// What is wrong with it.
		reason: String,
	},
	/// The transaction could not be made.
	#[error("the transaction can't be signed: {0}")]
	Unsigned(String),
	/// The transaction did nothing.
	#[error("the transaction was not carried out: {0}")]
	Failed(String),
}

impl RemoteError {
	/// Whether the chain has answered, and the answer is no.
	pub fn is_negative(&self) -> bool {
		matches!(self, Self::Failed(_))
	}
}

/// A key in a state, and its value.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// A connection to a node.
pub struct Remote<Block> {
	url: String,
	runtime: Runtime,
	client: WsClient,
	_block: PhantomData<Block>,
}

impl<Block: BlockT> Remote<Block> {
	/// Connects once.
	pub fn connect(url: &str) -> Result<Self, RemoteError> {
		let unreachable = |reason: String| RemoteError::Unreachable { url: url.to_owned(), reason };
		let runtime = Builder::new_current_thread()
			.enable_all()
			.build()
			.map_err(|error| unreachable(error.to_string()))?;
		let connecting = async {
			WsClientBuilder::default()
				.connection_timeout(TIMEOUT)
				.request_timeout(TIMEOUT)
				.max_response_size(MAX_ANSWER_BYTES)
				.build(url)
				.await
		};
		let client =
			runtime.block_on(connecting).map_err(|error| unreachable(error.to_string()))?;
		Ok(Self { url: url.to_owned(), runtime, client, _block: PhantomData })
	}

	fn request<T: DeserializeOwned>(
		&self,
		method: &str,
		params: ArrayParams,
	) -> Result<T, RemoteError> {
		let answer: Result<T, ClientError> =
			self.runtime.block_on(self.client.request(method, params));
		answer.map_err(|error| self.failure(method, error))
	}

	fn failure(&self, method: &str, error: ClientError) -> RemoteError {
		let (url, method) = (self.url.clone(), method.to_owned());
		match error {
			ClientError::Call(call) => {
				let data = call.data().map(|data| format!(" ({})", data.get())).unwrap_or_default();
				RemoteError::Refused { url, method, reason: format!("{}{data}", call.message()) }
			},
			ClientError::ParseError(error) => {
				RemoteError::Answer { url, method, reason: error.to_string() }
			},
			other => RemoteError::Unreachable { url, reason: format!("{method}: {other}") },
		}
	}

	fn strange(&self, method: &str, reason: impl ToString) -> RemoteError {
		let (url, method) = (self.url.clone(), method.to_owned());
		RemoteError::Answer { url, method, reason: reason.to_string() }
	}

	/// The genesis hash.
	pub fn genesis(&self) -> Result<Block::Hash, RemoteError> {
		self.hash_of(0u32.into())
	}

	fn hash_of(&self, number: NumberFor<Block>) -> Result<Block::Hash, RemoteError> {
		use sp_runtime::SaturatedConversion;
		const METHOD: &str = "chain_getBlockHash";
		let number: u64 = number.saturated_into();
		let hash: Option<Block::Hash> = self.request(METHOD, rpc_params![number])?;
		hash.ok_or_else(|| self.strange(METHOD, format!("it has no block {number}")))
	}

	/// The hash of the newest block.
	pub fn best(&self) -> Result<Block::Hash, RemoteError> {
		const METHOD: &str = "chain_getBlockHash";
		let hash: Option<Block::Hash> = self.request(METHOD, rpc_params![])?;
		hash.ok_or_else(|| self.strange(METHOD, "it has no block"))
	}

	/// The hash of the newest final block.
	pub fn finalized(&self) -> Result<Block::Hash, RemoteError> {
		self.request("chain_getFinalizedHead", rpc_params![])
	}

	/// A header.
	pub fn header(&self, hash: Block::Hash) -> Result<Block::Header, RemoteError> {
		const METHOD: &str = "chain_getHeader";
		let header: Option<Block::Header> = self.request(METHOD, rpc_params![hash])?;
		header.ok_or_else(|| self.strange(METHOD, format!("it has no block {hash:?}")))
	}

	/// Calls the runtime in the state of a block.
	pub fn call<T: Decode>(
		&self,
		at: Block::Hash,
		function: &str,
		arguments: Vec<u8>,
	) -> Result<T, RemoteError> {
		let params = rpc_params![function, Bytes(arguments), at];
		let answer: Bytes = self.request("state_call", params)?;
		T::decode_all(&mut &answer[..]).map_err(|error| self.strange(function, error))
	}

	/// A value in the state of a block.
	pub fn storage(&self, key: &[u8], at: Block::Hash) -> Result<Option<Vec<u8>>, RemoteError> {
		let params = rpc_params![Bytes(key.to_vec()), at];
		let value: Option<Bytes> = self.request("state_getStorage", params)?;
		Ok(value.map(|value| value.0))
	}

	/// All keys in the state of a block that begin so, and their values.
	pub fn entries(&self, prefix: &[u8], at: Block::Hash) -> Result<Vec<KeyValue>, RemoteError> {
		const PAGE: usize = 256;
		let mut entries = Vec::new();
		let mut last: Option<Bytes> = None;
		loop {
			let prefix = Bytes(prefix.to_vec());
			let params = rpc_params![prefix, PAGE, last, at];
			let keys: Vec<Bytes> = self.request("state_getKeysPaged", params)?;
			for key in &keys {
				// One that is gone between the two questions can't be: both are of one block.
				if let Some(value) = self.storage(&key.0, at)? {
					entries.push((key.0.clone(), value));
				}
			}
			match keys.last() {
				Some(key) if keys.len() == PAGE => last = Some(key.clone()),
				_ => return Ok(entries),
			}
		}
	}
}
