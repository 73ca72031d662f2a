//! What the pallet reports. The texts end up in wallets.

use frame_support::pallet_macros::pallet_section;

/// Becomes a part of the pallet module.
#[pallet_section]
mod events {
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A snapshot was registered.
		Registered {
			/// The snapshot id.
			id: SnapshotId,
			/// Who registered it.
			publisher: T::AccountId,
			/// The chain it is of.
			genesis_hash: H256,
			/// The block at which it stands.
			block_number: u64,
			/// Whether this chain checked the block.
			origin: Origin,
		},
		/// The publisher set the locations of a snapshot, and so renewed it.
		LocationsSet {
			/// The snapshot id.
			id: SnapshotId,
			/// The block in which it expires now.
			expires_at: BlockNumberFor<T>,
		},
		/// The publisher ended a snapshot.
		Retired {
			/// The snapshot id.
			id: SnapshotId,
		},
		/// A snapshot is gone from the registry, and its deposit was given back.
		Removed {
			/// The snapshot id.
			id: SnapshotId,
		},
		/// An attester bonded.
		Bonded {
			/// The attester.
			who: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
			/// The first block in which it counts.
			counts_from: BlockNumberFor<T>,
		},
		/// An attester unbonded. The funds stay on hold for the time being.
		Unbonded {
			/// The attester.
			who: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
			/// The end of the unbonding period.
			free_at: BlockNumberFor<T>,
		},
		/// An attester got unbonded funds back.
		Withdrawn {
			/// The attester.
			who: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
		},
		/// An attester vouches for a snapshot.
		Attested {
			/// The snapshot id.
			id: SnapshotId,
			/// The attester.
			attester: T::AccountId,
			/// The stake that vouches.
			stake: BalanceOf<T>,
		},
		/// An attester no longer vouches for a snapshot.
		AttestationWithdrawn {
			/// The snapshot id.
			id: SnapshotId,
			/// The attester.
			attester: T::AccountId,
			/// Why.
			reason: Withdrawal,
		},
		/// The quorum vouches for a snapshot.
		Certified {
			/// The snapshot id.
			id: SnapshotId,
			/// The stake that vouches and counts.
			stake: BalanceOf<T>,
			/// The stake that was needed.
			quorum: BalanceOf<T>,
		},
		/// An equivocation took away what had certified a snapshot. It is pending again.
		Decertified {
			/// The snapshot id.
			id: SnapshotId,
		},
		/// Somebody says that a snapshot is wrong.
		Disputed {
			/// The snapshot id.
			id: SnapshotId,
			/// Who says so.
			reporter: T::AccountId,
			/// The hash of the evidence.
			evidence: H256,
		},
		/// A dispute was decided.
		Resolved {
			/// The snapshot id.
			id: SnapshotId,
			/// The verdict.
			verdict: Verdict,
		},
		/// A dispute ended without a verdict, and its deposit was given back.
		Lapsed {
			/// The snapshot id.
			id: SnapshotId,
		},
		/// An attester was caught vouching for two snapshots that contradict each other.
		Equivocated {
			/// The attester.
			attester: T::AccountId,
			/// One snapshot id.
			id_a: SnapshotId,
			/// The other snapshot id.
			id_b: SnapshotId,
		},
		/// Funds on hold were slashed.
		Slashed {
			/// Whose funds.
			who: T::AccountId,
			/// The snapshot id.
			id: SnapshotId,
			/// How much.
			value: BalanceOf<T>,
		},
		/// A reporter got a share of what was slashed.
		ReporterPaid {
			/// The reporter.
			reporter: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
		},
		/// A publisher promised a reward to those who attest.
		Funded {
			/// The snapshot id.
			id: SnapshotId,
			/// All that is promised now.
			reward: BalanceOf<T>,
		},
		/// An attester got its share of the reward.
		AttesterPaid {
			/// The snapshot id.
			id: SnapshotId,
			/// The attester.
			attester: T::AccountId,
			/// How much.
			value: BalanceOf<T>,
		},
	}
}
