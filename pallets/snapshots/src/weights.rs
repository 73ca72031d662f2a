//! Weights of the calls.
//!
//! These are not measured. They are upper bounds, counted by hand: every storage item that a call
//! can touch in its worst case, with the chain's own cost of a read and a write (`DbWeight`), and
//! a generous constant for the computation. `scripts/bench/weights.sh` measures them on a machine
//! and writes the file that replaces these.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{
		constants::{RocksDbWeight, WEIGHT_REF_TIME_PER_MICROS},
		RuntimeDbWeight, Weight,
	},
};

/// What a call costs.
pub trait WeightInfo {
	/// `l`: locations.
	fn register(l: u32) -> Weight;
	/// `l`: locations.
	fn register_foreign(l: u32) -> Weight;
	/// `l`: locations.
	fn set_locations(l: u32) -> Weight;
	/// Nobody vouches, and the snapshot is removed at once.
	fn retire() -> Weight;
	/// A first bond.
	fn bond() -> Weight;
	/// More of it, with the longest lists.
	fn bond_extra() -> Weight;
	/// A part of it, with the longest lists.
	fn unbond() -> Weight;
	/// All of it, with the longest lists.
	fn withdraw_unbonded() -> Weight;
	/// `a`: attesters of the snapshot. The last one reaches the quorum, and all are paid.
	fn attest(a: u32) -> Weight;
	/// With the longest lists.
	fn withdraw_attestation() -> Weight;
	/// The snapshot is certified and listed.
	fn dispute() -> Weight;
	/// `a`: attesters of the snapshot, who are all slashed.
	fn resolve(a: u32) -> Weight;
	/// `a`: attesters of each snapshot. Both are certified.
	fn report_equivocation(a: u32) -> Weight;
	/// `a`: attestations that are removed, and the snapshot with them.
	fn clean_up(a: u32) -> Weight;
	/// `a`: attesters of the snapshot, who are all paid.
	fn certify(a: u32) -> Weight;
	/// A second part of a reward.
	fn fund() -> Weight;
	/// The hook looks at one snapshot and leaves it.
	fn on_idle_look() -> Weight;
}

/// The sum of a call: `reads` and `writes` of storage items, and `steps` of computation.
///
/// No item of this pallet is longer than a few kilobytes, so 8 KiB for each read, its path in the
/// trie included, bound the proof. A step is a hash, a decoding or a pass over a bounded list.
fn sum(db: RuntimeDbWeight, reads: u64, writes: u64, steps: u64) -> Weight {
	let compute = WEIGHT_REF_TIME_PER_MICROS.saturating_mul(20).saturating_mul(steps);
	Weight::from_parts(compute, reads.saturating_mul(8 * 1024))
		.saturating_add(db.reads_writes(reads, writes))
}

/// Counted bounds, for the database costs that `D` gives.
struct Counted<D>(PhantomData<D>);

impl<D: Get<RuntimeDbWeight>> WeightInfo for Counted<D> {
	// Number, two block hashes, snapshot, locations, account, holds, events.
	fn register(l: u32) -> Weight {
		sum(D::get(), 9, 6, 5 + u64::from(l))
	}
	fn register_foreign(l: u32) -> Weight {
		sum(D::get(), 8, 6, 5 + u64::from(l))
	}
	fn set_locations(l: u32) -> Weight {
		sum(D::get(), 7, 6, 5 + u64::from(l))
	}
	// Number, snapshot, locations, list, reward, account, holds, events.
	fn retire() -> Weight {
		sum(D::get(), 8, 8, 8)
	}
	// Number, bond, total, maturing, account, holds, events.
	fn bond() -> Weight {
		sum(D::get(), 8, 7, 5)
	}
	fn bond_extra() -> Weight {
		sum(D::get(), 8, 7, 6)
	}
	fn unbond() -> Weight {
		sum(D::get(), 6, 5, 6)
	}
	fn withdraw_unbonded() -> Weight {
		sum(D::get(), 5, 4, 6)
	}
	// Snapshot, bond, total, maturing, list, reward, events; per attester the attestation and the
	// bond are read, and the displaced one or the accounts and holds of the paid ones written.
	fn attest(a: u32) -> Weight {
		let a = u64::from(a);
		sum(D::get(), 12 + 5 * a, 10 + 2 * a, 10 + 4 * a)
	}
	fn withdraw_attestation() -> Weight {
		sum(D::get(), 5, 5, 6)
	}
	// Snapshot, list, dispute, account, holds, events.
	fn dispute() -> Weight {
		sum(D::get(), 8, 6, 6)
	}
	// Per attester: attestation, bond, account, holds; once: snapshot, dispute, totals, list,
	// locations, reward, publisher, reporter, what `Slash` does, events.
	fn resolve(a: u32) -> Weight {
		let a = u64::from(a);
		sum(D::get(), 20 + 4 * a, 20 + 4 * a, 15 + 5 * a)
	}
	// The attesters of both snapshots are counted again.
	fn report_equivocation(a: u32) -> Weight {
		let a = u64::from(a);
		sum(D::get(), 20 + 4 * a, 20, 20 + 4 * a)
	}
	fn clean_up(a: u32) -> Weight {
		let a = u64::from(a);
		sum(D::get(), 12 + 2 * a, 12 + 2 * a, 10 + 3 * a)
	}
	fn certify(a: u32) -> Weight {
		let a = u64::from(a);
		sum(D::get(), 10 + 5 * a, 8 + 2 * a, 8 + 4 * a)
	}
	fn fund() -> Weight {
		sum(D::get(), 6, 4, 5)
	}
	fn on_idle_look() -> Weight {
		sum(D::get(), 5, 1, 3)
	}
}

macro_rules! forward {
	($($name:ident($($arg:ident)?)),* $(,)?) => {
		/// Weights for a chain with its own database costs.
		pub struct SubstrateWeight<T>(PhantomData<T>);

		impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
			$(fn $name($($arg: u32)?) -> Weight { Counted::<T::DbWeight>::$name($($arg)?) })*
		}

		/// Weights for tests, with the database costs of RocksDB.
		impl WeightInfo for () {
			$(fn $name($($arg: u32)?) -> Weight { Counted::<RocksDbWeight>::$name($($arg)?) })*
		}
	};
}

forward! {
	register(l), register_foreign(l), set_locations(l), retire(), bond(), bond_extra(), unbond(),
	withdraw_unbonded(), attest(a), withdraw_attestation(), dispute(), resolve(a),
	report_equivocation(a), clean_up(a), certify(a), fund(), on_idle_look(),
}
