//! A verified, lazily fetched, read-only directory tree out of a key-value store.
//!
//! A directory is *packed* into an [image]: content-addressed chunks of at most 64 KiB
//! in one or more [stores](store). An image is named by one 32-byte id, and everything read from
//! it is hashed against that id before anybody sees it: a store can withhold data, never change it.
//!
//! The crate knows nothing of blockchains. `docs/FORMAT.md` describes every byte it writes.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod blob;
pub mod cache;
pub mod chunk;
pub mod diff;
pub mod fetch;
pub mod gc;
pub mod hydrate;
pub mod image;
pub mod metrics;
pub mod mount;
pub mod namespace;
pub mod needs;
pub mod nice;
pub mod pack;
pub mod progress;
pub mod restore;
pub mod size;
pub mod source;
pub mod store;
pub mod trace;
pub mod value;
pub mod verify;
pub mod zdb;

pub use mount::mount;

mod buffer;
/// What `fuzz/` and its neighbours among the tests call. No part of the library.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod pace;
mod parallel;
mod stop;

#[cfg(test)]
mod costs;
#[cfg(test)]
mod faults;
#[cfg(test)]
pub(crate) mod testing;
