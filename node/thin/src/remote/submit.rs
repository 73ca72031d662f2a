//! Transactions, sent through the RPC of a node and followed to their end.

use super::{Remote, RemoteError};
use crate::duty::{
	chain::{Signer, Terms},
	registry::{Call, VALID_FOR},
	DutyError,
};
use codec::Encode;
use jsonrpsee::{
	core::client::{Subscription, SubscriptionClientT},
	rpc_params,
};
use serde_json::Value;
use sp_crypto_hashing::twox_128;
use sp_runtime::{
	generic::Era,
	traits::{Block as BlockT, Header as HeaderT},
	SaturatedConversion,
};
use sp_version::RuntimeVersion;
use std::time::Duration;

const SUBMIT: &str = "author_submitAndWatchExtrinsic";

/// How to send a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Submission {
	/// Wait until its block is final, and not only for a block.
	pub until_final: bool,
	/// How long to wait. After that it may still be carried out: it is valid for
	/// [`VALID_FOR`] blocks.
	pub limit: Duration,
}

/// The block that a transaction was carried out in.
#[derive(Clone, Debug)]
pub struct Landed<Block: BlockT> {
	/// Its number.
	pub number: u64,
	/// Its hash.
	pub hash: Block::Hash,
	/// Whether it is final.
	pub is_final: bool,
}

/// What the node says of a transaction.
#[derive(Debug, PartialEq, Eq)]
enum News<Hash> {
	/// It is on its way.
	Waiting,
	/// It is in a block.
	InBlock(Hash),
	/// Its block is final.
	Final(Hash),
	/// It won't be in a block.
	Over(String),
}

/// Reads a status as `author_extrinsicUpdate` has it.
fn news<Hash: serde::de::DeserializeOwned>(status: Value) -> Result<News<Hash>, String> {
	let hash = |value: &Value| serde_json::from_value(value.clone()).map_err(|e| e.to_string());
	let name = match &status {
		Value::String(name) => name.as_str(),
		Value::Object(fields) => match fields.iter().next() {
			Some((name, value)) => match name.as_str() {
				"inBlock" => return hash(value).map(News::InBlock),
				"finalized" => return hash(value).map(News::Final),
				name => name,
			},
			None => return Err("an empty status".into()),
		},
		other => return Err(format!("{other} is no status")),
	};
	Ok(match name {
		"future" | "ready" | "broadcast" | "retracted" => News::Waiting,
		"usurped" => News::Over("another transaction of the account took its place".into()),
		"dropped" => News::Over("the node has too many transactions and dropped it".into()),
		"invalid" => News::Over("it has become invalid".into()),
		"finalityTimeout" => News::Over("its block did not become final".into()),
		other => return Err(format!("'{other}' is no status")),
	})
}

impl<Block: BlockT> Remote<Block> {
	/// Signs a call, sends it, and waits until it is carried out.
	///
	/// Errors with the chain's own reason when it has refused the call.
	pub fn submit<S: Signer<Block>>(
		&self,
		signer: &S,
		call: Call<Block::Header>,
		submission: Submission,
	) -> Result<Landed<Block>, RemoteError> {
		let terms = self.terms(signer)?;
		let extrinsic = signer.sign(call, terms).map_err(RemoteError::Unsigned)?;
		let encoded = format!("0x{}", hex::encode(extrinsic.encode()));
		let (hash, is_final) = self.runtime.block_on(async {
			let followed = self.follow(&encoded, submission.until_final);
			tokio::time::timeout(submission.limit, followed).await.unwrap_or_else(|_| {
				Err(RemoteError::Failed(format!(
					"not within {} seconds. It may still be, within {VALID_FOR} blocks",
					submission.limit.as_secs()
				)))
			})
		})?;
		self.check_outcome::<S>(hash, &encoded)?;
		let number = (*self.header(hash)?.number()).saturated_into();
		Ok(Landed { number, hash, is_final })
	}

	fn terms<S: Signer<Block>>(&self, signer: &S) -> Result<Terms<Block, S::Nonce>, RemoteError> {
		let account =
			signer.account().ok_or_else(|| RemoteError::Unsigned(DutyError::NoKey.to_string()))?;
		// With those that wait in the node's pool.
		let nonce: u64 = self.request("system_accountNextIndex", rpc_params![account])?;
		let finalized = self.finalized()?;
		let number: u64 = (*self.header(finalized)?.number()).saturated_into();
		let version: RuntimeVersion = self.call(self.best()?, "Core_version", Vec::new())?;
		let era = Era::mortal(VALID_FOR.into(), number);
		Ok(Terms {
			nonce: nonce.saturated_into(),
			era,
			era_block: self.hash_of(era.birth(number).saturated_into())?,
			genesis: self.genesis()?,
			version,
		})
	}

	async fn follow(
		&self,
		encoded: &str,
		until_final: bool,
	) -> Result<(Block::Hash, bool), RemoteError> {
		let mut updates: Subscription<Value> = self
			.client
			.subscribe(SUBMIT, rpc_params![encoded], "author_unwatchExtrinsic")
			.await
			.map_err(|error| match self.failure(SUBMIT, error) {
				// It was looked at, and is not valid.
				RemoteError::Refused { reason, .. } => RemoteError::Failed(reason),
				other => other,
			})?;
		while let Some(update) = updates.next().await {
			let status = update.map_err(|error| self.strange(SUBMIT, error))?;
			match news::<Block::Hash>(status).map_err(|reason| self.strange(SUBMIT, reason))? {
				News::Waiting => {},
				News::InBlock(hash) if !until_final => return Ok((hash, false)),
				News::InBlock(_) => {},
				News::Final(hash) => return Ok((hash, true)),
				News::Over(reason) => return Err(RemoteError::Failed(reason)),
			}
		}
		Err(RemoteError::Unreachable {
			url: self.url.clone(),
			reason: "the connection was lost while the transaction was followed".into(),
		})
	}

	/// A transaction in a block may have failed: the events say so.
	fn check_outcome<S: Signer<Block>>(
		&self,
		at: Block::Hash,
		encoded: &str,
	) -> Result<(), RemoteError> {
		const METHOD: &str = "chain_getBlock";
		let block: Value = self.request(METHOD, rpc_params![at])?;
		let index = block["block"]["extrinsics"]
			.as_array()
			.and_then(|all| all.iter().position(|one| one.as_str() == Some(encoded)))
			.and_then(|index| u32::try_from(index).ok())
			.ok_or_else(|| self.strange(METHOD, "the transaction is not in its block"))?;
		let key = [twox_128(b"System"), twox_128(b"Events")].concat();
		let events = self.storage(&key, at)?.unwrap_or_default();
		match S::failure(&events, index) {
			Ok(None) => Ok(()),
			Ok(Some(reason)) => Err(RemoteError::Failed(reason)),
			Err(reason) => Err(self.strange("System.Events", reason)),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn what_a_node_says_of_a_transaction_is_understood() {
		let read = |status| news::<u32>(status);
		assert_eq!(read(json!("ready")), Ok(News::Waiting));
		assert_eq!(read(json!({ "broadcast": ["a peer"] })), Ok(News::Waiting));
		assert_eq!(read(json!({ "retracted": 7 })), Ok(News::Waiting));
		assert_eq!(read(json!({ "inBlock": 7 })), Ok(News::InBlock(7)));
		assert_eq!(read(json!({ "finalized": 8 })), Ok(News::Final(8)));
		for over in [json!("dropped"), json!("invalid"), json!({ "usurped": 7 })] {
			assert!(matches!(read(over), Ok(News::Over(_))));
		}
		for wrong in [json!("lost"), json!({}), json!(7), json!({ "inBlock": "here" })] {
			assert!(read(wrong).is_err());
		}
	}
}
