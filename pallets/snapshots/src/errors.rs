//! Why a call fails. The texts end up in wallets.

use frame_support::pallet_macros::pallet_section;

/// Becomes a part of the pallet module.
#[pallet_section]
mod errors {
	#[pallet::error]
	pub enum Error<T> {
		/// This chain has no block with this header: the header is of a fork or of another chain.
		HeaderNotOnChain,
		/// The header is not older than the block the registration is in.
		HeaderNotPast,
		/// The header is older than the block hashes the chain keeps, so it can't be checked.
		/// Take a newer block.
		HeaderTooOld,
		/// The snapshot is of this chain: register it with its header.
		NotForeign,
		/// The same snapshot is registered already.
		AlreadyRegistered,
		/// No such snapshot is registered.
		UnknownSnapshot,
		/// Only the publisher of the snapshot can do this.
		NotPublisher,
		/// The image is empty.
		EmptyImage,
		/// There is no location.
		NoLocations,
		/// There are more locations than a snapshot can have.
		TooManyLocations,
		/// The same location is listed twice.
		DuplicateLocation,
		/// A location has an address that belongs to no single host.
		InvalidAddress,
		/// A location has a host that is not a DNS name.
		InvalidDnsName,
		/// A location has port 0.
		InvalidPort,
		/// A location has a namespace that is not 1 to 128 printable characters without space and
		/// slash.
		InvalidNamespace,
		/// The snapshot was retired, or found wrong.
		Ended,
		/// The snapshot has expired. Its publisher renews it by setting its locations.
		Expired,
		/// A dispute about the snapshot is open.
		Disputed,
		/// No dispute about the snapshot is open.
		NotDisputed,
		/// The account has a bond already: add to it.
		AlreadyBonded,
		/// The account has no bond.
		NotBonded,
		/// The bond, or what would be left of it, is less than the least bond.
		BelowMinBond,
		/// The amount is zero.
		Zero,
		/// The amount is more than is bonded.
		InsufficientBond,
		/// Too many parts of the bond are unlocking: withdraw first.
		TooManyUnlocking,
		/// Nothing can be withdrawn now: the unbonding period lasts, or the bond still backs an
		/// attestation that was made before.
		NothingToWithdraw,
		/// Too little of the bond is mature: wait until it counts.
		BondNotMature,
		/// The account vouches for this snapshot already.
		AlreadyAttested,
		/// The account doesn't vouch for this snapshot.
		NotAttested,
		/// The account vouches for too many snapshots: withdraw attestations first.
		TooManyVouches,
		/// The snapshot has as many attesters as it can have, each with at least as much stake.
		TooManyAttesters,
		/// The dispute window is not over: who vouches is still bound.
		StillBound,
		/// The snapshot is not pending.
		NotPending,
		/// The stake or the number of attesters is less than the quorum.
		NoQuorum,
		/// The two attestations don't contradict each other.
		NoEquivocation,
		/// The snapshot has neither ended nor expired, or who vouches for it is still bound.
		NothingToCleanUp,
		/// This chain has no rewards for attesters.
		RewardsDisabled,
		/// A sum is larger than a balance can be.
		Overflow,
		/// Too many dates lie ahead at which bonds begin to count, because the chain has changed
		/// its maturity period: bond again when the next of them has passed.
		TooManyMaturing,
	}
}
