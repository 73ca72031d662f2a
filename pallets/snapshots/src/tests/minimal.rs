//! The life of a snapshot on the smallest chain.

use crate::mock::minimal as chain;

#[path = "life.rs"]
mod life;
