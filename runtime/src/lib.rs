//! The runtime of the template chain: AURA and GRANDPA under a validator set that an origin
//! can change, balances, and the registry of snapshots.
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]
#![allow(missing_docs, reason = "`frame_support::runtime` writes items here without documentation")]

extern crate alloc;

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod genesis_config_presets;
#[cfg(test)]
mod tests;
pub mod validators;

use alloc::vec::Vec;
use sp_runtime::{
	generic, impl_opaque_keys,
	traits::{BlakeTwo256, IdentifyAccount, Verify},
	MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

pub use frame_system::Call as SystemCall;
pub use pallet_balances::Call as BalancesCall;
pub use pallet_timestamp::Call as TimestampCall;

#[cfg(feature = "std")]
pub use wasm::{WASM_BINARY, WASM_BINARY_BLOATY};

#[cfg(feature = "std")]
#[allow(dead_code, reason = "the build script writes it; a node needs no path")]
mod wasm {
	include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));
}

/// The types that a node needs: transactions are bytes there, so that a node follows its
/// chain through upgrades of the runtime.
pub mod opaque {
	use super::{generic, BlakeTwo256, BlockNumber};

	/// A transaction as bytes.
	pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

	/// A block header.
	pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
	/// A block whose transactions are bytes.
	pub type Block = generic::Block<Header, UncheckedExtrinsic>;
	/// A block by number or by hash.
	pub type BlockId = generic::BlockId<Block>;
	/// A hash of a block.
	pub type Hash = super::Hash;
}

impl_opaque_keys! {
	/// What a validator registers with `Session::set_keys`.
	pub struct SessionKeys {
		/// Authors blocks.
		pub aura: Aura,
		/// Votes on finality.
		pub grandpa: Grandpa,
	}
}

/// What this runtime is, for nodes and wallets.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
	spec_name: alloc::borrow::Cow::Borrowed("thin"),
	impl_name: alloc::borrow::Cow::Borrowed("thin"),
	authoring_version: 1,
	// Raise it with every change of behaviour: nodes and wallets tell runtimes apart by it.
	spec_version: 1,
	impl_version: 1,
	apis: apis::RUNTIME_API_VERSIONS,
	// Raise it when the encoding of a call or of an extension changes.
	transaction_version: 1,
	// Says that the state trie is of version 1: values of more than 32 bytes are nodes of
	// their own. Fixed when the chain starts.
	system_version: 1,
};

/// Milliseconds between two blocks, and the length of a slot. It can't change once the chain
/// runs: AURA derives the slot number from it.
///
/// Short, because this chain serves development and demonstrations. Periods are written in
/// [`MINUTES`], [`HOURS`] and [`DAYS`], so they keep their length with another value here.
pub const MILLI_SECS_PER_BLOCK: u64 = 2_000;
/// Milliseconds of a slot.
pub const SLOT_DURATION: u64 = MILLI_SECS_PER_BLOCK;

/// A minute, in blocks.
pub const MINUTES: BlockNumber = 60_000 / (MILLI_SECS_PER_BLOCK as BlockNumber);
/// An hour, in blocks.
pub const HOURS: BlockNumber = MINUTES * 60;
/// A day, in blocks.
pub const DAYS: BlockNumber = HOURS * 24;

/// How many block hashes the chain remembers: a day of them.
///
/// A snapshot is registered against the hash of its block, and between taking it and
/// registering it lie the packing and the upload of a whole database.
pub const BLOCK_HASH_COUNT: BlockNumber = DAYS;

/// The length of a session, in blocks.
///
/// A changed validator set takes effect after two sessions, so short ones let a developer see
/// it happen within a minute. The block that ends a session has no room for transactions
/// (`pallet_session` claims its whole weight): a production chain takes hours instead.
pub const SESSION_LENGTH: BlockNumber = 10;

/// One THIN, in its smallest unit (12 decimals).
pub const UNIT: Balance = 1_000_000_000_000;
/// A thousandth of a THIN.
pub const MILLI_UNIT: Balance = UNIT / 1_000;
/// A millionth of a THIN.
pub const MICRO_UNIT: Balance = UNIT / 1_000_000;

/// The least that an account may hold; what has less is removed.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLI_UNIT;

/// The most validators a set may have.
pub const MAX_VALIDATORS: u32 = 32;

/// A signature, of whichever scheme.
pub type Signature = MultiSignature;
/// An account: the public key that verifies a [`Signature`], or its hash.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// An amount, in the smallest unit.
pub type Balance = u128;
/// How many transactions an account has sent.
pub type Nonce = u32;
/// A hash of 32 bytes.
pub type Hash = sp_core::H256;
/// The height of a block.
pub type BlockNumber = u32;
/// How a transaction names an account.
pub type Address = MultiAddress<AccountId, ()>;
/// A block header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// A block with its justifications.
pub type SignedBlock = generic::SignedBlock<Block>;
/// A block by number or by hash.
pub type BlockId = generic::BlockId<Block>;

/// What a transaction carries and has checked besides its call, in the order of its encoding.
pub type TxExtension = (
	frame_system::CheckNonZeroSender<Runtime>,
	frame_system::CheckSpecVersion<Runtime>,
	frame_system::CheckTxVersion<Runtime>,
	frame_system::CheckGenesis<Runtime>,
	frame_system::CheckEra<Runtime>,
	frame_system::CheckNonce<Runtime>,
	frame_system::CheckWeight<Runtime>,
	pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
	frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
	// The last one: it gives back what all the others have not used.
	frame_system::WeightReclaim<Runtime>,
);

/// A transaction as it arrives.
pub type UncheckedExtrinsic =
	generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// The bytes that a sender signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Runs blocks and transactions through the pallets.
pub type Executive = frame_executive::Executive<
	Runtime,
	Block,
	frame_system::ChainContext<Runtime>,
	Runtime,
	AllPalletsWithSystem,
>;

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Runtime;

	// The first seven as in the solochain template. `Session` has to come after `Aura`, which
	// checks a block against the set that authored it, and after `ValidatorMembership`, whose
	// members it reads at genesis.
	#[runtime::pallet_index(0)]
	pub type System = frame_system;

	#[runtime::pallet_index(1)]
	pub type Timestamp = pallet_timestamp;

	#[runtime::pallet_index(2)]
	pub type Aura = pallet_aura;

	#[runtime::pallet_index(3)]
	pub type Grandpa = pallet_grandpa;

	#[runtime::pallet_index(4)]
	pub type Balances = pallet_balances;

	#[runtime::pallet_index(5)]
	pub type TransactionPayment = pallet_transaction_payment;

	#[runtime::pallet_index(6)]
	pub type Sudo = pallet_sudo;

	#[runtime::pallet_index(7)]
	pub type Utility = pallet_utility;

	#[runtime::pallet_index(8)]
	pub type ValidatorMembership = pallet_membership;

	#[runtime::pallet_index(9)]
	pub type Session = pallet_session;

	#[runtime::pallet_index(10)]
	pub type Snapshots = pallet_snapshots;
}
