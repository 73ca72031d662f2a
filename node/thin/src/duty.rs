//! What a node does for others: it publishes snapshots of its chain, or attests those of others.
//!
//! A duty is a state machine that is stepped at every finalized block. It compares what its
//! [`journal`] says it has begun with what the [`registry`] says has happened, and does the next
//! thing. So it can be interrupted at any point: the journal is written before each step that
//! must not be done twice, and the registry is asked whether it was done after all.

pub mod attester;
pub mod auditor;
pub mod chain;
pub mod cli;
pub mod health;
pub mod journal;
pub mod key;
pub mod metrics;
pub mod publisher;
pub mod registry;
pub mod start;
pub mod task;
#[cfg(test)]
mod testing;
pub mod workshop;

/// The type of the key that a duty signs with, in the keystore of the node.
pub const KEY_TYPE: sp_core::crypto::KeyTypeId = sp_core::crypto::KeyTypeId(*b"thin");

/// Why a step of a duty failed. It is tried again later.
#[derive(Debug, thiserror::Error)]
pub enum DutyError {
	/// The node has no key to sign with.
	#[error(
		"there is no key to sign with: give the node one, whose account has funds, with \
		 `thin-node key insert --key-type thin --scheme sr25519 --suri …` (and the node's --chain \
		 and --base-path), or with --thin-key FILE"
	)]
	NoKey,
	/// The registry could not be read.
	#[error("the registry can't be read: {0}")]
	Registry(String),
	/// A call was not taken.
	#[error("the call was not accepted: {0}")]
	Submit(String),
	/// The journal could not be read or written.
	#[error("{}: {reason}", path.display())]
	Journal {
		/// The file.
		path: std::path::PathBuf,
		/// The cause.
		reason: String,
	},
	/// No snapshot could be made.
	#[error("{0}")]
	Make(String),
	/// A snapshot could not be checked, which says nothing about it.
	#[error("{0}")]
	Audit(String),
	/// The metrics are there already.
	#[error(transparent)]
	Metrics(#[from] substrate_prometheus_endpoint::PrometheusError),
	/// The stores of the publisher could not be used.
	#[error("{0}")]
	Store(String),
}
