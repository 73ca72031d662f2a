//! Start a Substrate node from a snapshot of another node's database.
//!
//! The crate is generic over the block type: a chain integrates it by calling
//! [`start::is_thin`] and [`parts::full_parts`] where its service builds the client, by
//! flattening [`cli::ThinParams`] into its command line, and by merging
//! [`rpc::ThinRpc`] and [`reach::ReachRpc`].
//!
//! What a node comes to know, and from whom:
//!
//! 1. [`registration`]: which manifest an id names, where the image lies, who vouches for it, as
//!    the state of a finalized block has it.
//! 2. [`proof`]: that the manifest's block is final, followed from [`genesis`].
//! 3. [`layered`]: every value of the image, checked against that block as it is read.
//! 4. [`bootstrap`]: a local database that stands at the block, for the node's own writes.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]
#![allow(clippy::result_large_err, reason = "the SDK's own errors are that large")]

pub mod audit;
pub mod bootstrap;
pub mod cli;
pub mod columns;
pub mod create;
pub mod duty;
pub mod error;
#[cfg(any(test, fuzzing))]
#[allow(clippy::panic, reason = "a target panics where something is believed that should not be")]
pub mod fuzzing;
pub mod genesis;
pub mod grandpa;
pub mod history;
#[cfg(test)]
mod hostile;
pub mod layered;
pub mod local;
pub mod metrics;
pub mod mounted;
pub mod notify;
pub mod parts;
pub mod pristine;
pub mod promise;
pub mod proof;
pub mod prover;
pub mod reach;
pub mod records;
pub mod registration;
pub mod remote;
pub mod rpc;
pub mod snapshot_cmd;
pub mod source;
pub mod start;
pub mod status;
#[cfg(test)]
mod testing;
mod ticker;
pub mod votes;
