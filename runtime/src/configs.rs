//! How each pallet is set up here.
#![warn(missing_docs)]

mod balances;
mod consensus;
mod snapshots;
mod system;

pub use consensus::{SessionLength, SessionPeriod};
pub use snapshots::periods;
pub use system::{BlockHashCount, RuntimeBlockLength, RuntimeBlockWeights, SS58Prefix, Version};
