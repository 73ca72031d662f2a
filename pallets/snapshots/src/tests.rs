//! Unit tests of every call, and a random walk over all of them.

mod attestations;
mod bonds;
mod disputes;
mod expiry;
mod invariants;
mod minimal;
mod random;
mod readme;
mod registry;
mod rewards;
mod standard;
mod types;
