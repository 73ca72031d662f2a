//! The life of a snapshot on the usual chain.

use crate::mock::standard as chain;

#[path = "life.rs"]
mod life;
