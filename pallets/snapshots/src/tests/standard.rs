//! The life of a snapshot on the usual chain.

use crate::mock::standard as chain;

// The same tests on purpose, with the types of another chain.
#[allow(clippy::duplicate_mod)]
#[path = "life.rs"]
mod life;
