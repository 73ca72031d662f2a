//! Unit tests of every call, and a random walk over all of them.

mod minimal;
mod standard;
