//! Where proofs of snapshots come from. No source is believed.

use crate::{
	proof::{snapshot_of, FollowError, Pages, MAX_PAGE_BYTES},
	prover::Which,
	rpc::LATEST,
};
use jsonrpsee::{
	core::client::{ClientT, Error as ClientError},
	rpc_params,
	types::error::METHOD_NOT_FOUND_CODE,
	ws_client::WsClientBuilder,
};
use sp_core::Bytes;
use std::{path::PathBuf, time::Duration};

/// A node may have to read through its image to make a proof.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A page in hexadecimal digits, and the words around it.
const MAX_ANSWER_BYTES: u32 = 2 * MAX_PAGE_BYTES as u32 + 1024;

/// Why a source gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
	/// Nobody answers.
	#[error("{url} can't be asked for a proof: {reason}. Give another RPC to --thin-proof, a file, or leave it out to look in the stores")]
	Unreachable {
		/// Who was asked.
		url: String,
		/// The cause.
		reason: String,
	},
	/// It is a node of something else.
	#[error(
		"{url} is a node of the chain with genesis {theirs}, and the registry to be used has \
		 genesis {ours}: give the RPC of a node of that chain"
	)]
	OtherChain {
		/// Who was asked.
		url: String,
		/// Its genesis.
		theirs: String,
		/// The one that was expected.
		ours: String,
	},
	/// It knows nothing of snapshots.
	#[error(
		"{url} makes no proofs of snapshots (it knows no thin_proveSnapshot): give the RPC of a \
		 node that does, a file, or leave it out to look in the stores"
	)]
	NoProver {
		/// Who was asked.
		url: String,
	},
	/// It has none.
	#[error(
		"{url} gives no proof of snapshot {which}: {reason}. Another RPC may, or a file; without \
		 --thin-proof the stores are looked at"
	)]
	NoProof {
		/// Who was asked.
		url: String,
		/// What for.
		which: String,
		/// In its own words.
		reason: String,
	},
	/// A store doesn't answer.
	#[error("store {store}: {reason}")]
	Store {
		/// Which one.
		store: String,
		/// The cause.
		reason: String,
	},
	/// It can't be kept.
	#[error("the proof can't be kept in the folder for temporary files: {0}")]
	Kept(String),
	/// The file can't be read.
	#[error("the proof {}: {reason}", path.display())]
	File {
		/// The file.
		path: PathBuf,
		/// The cause.
		reason: String,
	},
}

/// How a snapshot is named to others.
pub fn name_of(which: Which) -> String {
	match which {
		Which::Id(id) => format!("{id:?}"),
		Which::Latest => LATEST.to_owned(),
	}
}

/// Whether a source is an RPC and not a file.
pub fn is_rpc(source: &str) -> bool {
	source.starts_with("ws://") || source.starts_with("wss://")
}

/// Asks the RPC of a node for proofs.
pub struct Rpc<'a> {
	url: &'a str,
	/// The genesis hash of the chain that it is to be of.
	genesis: [u8; 32],
}

impl<'a> Rpc<'a> {
	/// The RPC at `url`. It should be of the chain with this genesis hash, which is asked first for
	/// the sake of a better error.
	pub fn new(url: &'a str, genesis: [u8; 32]) -> Self {
		Self { url, genesis }
	}

	/// A proof, page by page, not verified.
	pub fn prove(&self, which: Which) -> RpcPages<'_> {
		RpcPages { rpc: self, which }
	}

	fn page(&self, which: Which, after: u32) -> Result<Vec<u8>, SourceError> {
		// The caller may be inside a runtime of its own, which must not be blocked on.
		std::thread::scope(|scope| {
			scope
				.spawn(|| {
					tokio::runtime::Builder::new_current_thread()
						.enable_all()
						.build()
						.map_err(|error| self.unreachable(error))?
						.block_on(self.ask(which, after))
				})
				.join()
				.unwrap_or_else(|_| Err(self.unreachable("the request did not come to an end")))
		})
	}

	fn unreachable(&self, reason: impl ToString) -> SourceError {
		SourceError::Unreachable { url: self.url.to_owned(), reason: reason.to_string() }
	}

	async fn ask(&self, which: Which, after: u32) -> Result<Vec<u8>, SourceError> {
		let client = WsClientBuilder::default()
			.connection_timeout(TIMEOUT)
			.request_timeout(TIMEOUT)
			.max_response_size(MAX_ANSWER_BYTES)
			.build(self.url)
			.await
			.map_err(|error| self.unreachable(error))?;
		let theirs: String = client
			.request("chain_getBlockHash", rpc_params![0])
			.await
			.map_err(|error| self.unreachable(format!("chain_getBlockHash: {error}")))?;
		let ours = format!("0x{}", hex::encode(self.genesis));
		if theirs != ours {
			return Err(SourceError::OtherChain { url: self.url.to_owned(), theirs, ours });
		}
		let which = name_of(which);
		let url = || self.url.to_owned();
		let answer: Result<Bytes, ClientError> =
			client.request("thin_proveSnapshot", rpc_params![&which, after]).await;
		answer.map(|bytes| bytes.0).map_err(|error| match error {
			ClientError::Call(call) if call.code() == METHOD_NOT_FOUND_CODE => {
				SourceError::NoProver { url: url() }
			},
			ClientError::Call(call) => {
				SourceError::NoProof { url: url(), which, reason: call.message().to_owned() }
			},
			other => self.unreachable(format!("thin_proveSnapshot: {other}")),
		})
	}
}

/// A proof that a node gives, page by page.
pub struct RpcPages<'a> {
	rpc: &'a Rpc<'a>,
	which: Which,
}

impl Pages for RpcPages<'_> {
	fn next(&mut self, after: u32) -> Result<Option<Vec<u8>>, FollowError> {
		let page = self.rpc.page(self.which, after)?;
		// Another may be the latest by the time of the next page.
		if let (Which::Latest, Some(id)) = (self.which, snapshot_of(&page)) {
			self.which = Which::Id(id);
		}
		Ok(Some(page))
	}
}

#[cfg(test)]
mod tests;
