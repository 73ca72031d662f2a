//! Weights of the calls and hooks of `pallet_snapshots`: measured, and written by this command.
//!
//! ```text
//! scripts/bench/weights.sh
//! ```
//!
//! It builds the node with `runtime-benchmarks` and runs what is listed below. Times are those of
//! the machine it ran on: a chain measures its own runtime on the slowest machine that its
//! validators may have. Reads, writes and sizes of proofs are the same on every machine.
//! `Periods` are parameters that the template chain has in storage; other chains don't read them.
//!
//! Steps: 50, repetitions: 20, entries assumed in a map: 1000000, date: 2026-11-22.

// Executed command:
// thin-node
// benchmark
// pallet
// --chain=dev
// --steps=50
// --repeat=20
// --template=scripts/bench/weights.hbs
// --output=pallets/snapshots/src/weights.rs
// --pallet=pallet_snapshots
// --extrinsic=*

#![cfg_attr(rustfmt, rustfmt_skip)]

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{constants::RocksDbWeight, Weight},
};

/// What each call and hook costs at most. What the parameters count is said at the benchmark of
/// the same name.
pub trait WeightInfo {
	/// The weight of `register`.
	fn register(l: u32) -> Weight;
	/// The weight of `register_foreign`.
	fn register_foreign(l: u32) -> Weight;
	/// The weight of `set_locations`.
	fn set_locations(l: u32) -> Weight;
	/// The weight of `retire`.
	fn retire() -> Weight;
	/// The weight of `bond`.
	fn bond() -> Weight;
	/// The weight of `bond_extra`.
	fn bond_extra() -> Weight;
	/// The weight of `unbond`.
	fn unbond() -> Weight;
	/// The weight of `withdraw_unbonded`.
	fn withdraw_unbonded() -> Weight;
	/// The weight of `attest`.
	fn attest(a: u32) -> Weight;
	/// The weight of `withdraw_attestation`.
	fn withdraw_attestation() -> Weight;
	/// The weight of `dispute`.
	fn dispute() -> Weight;
	/// The weight of `resolve`.
	fn resolve(a: u32) -> Weight;
	/// The weight of `report_equivocation`.
	fn report_equivocation(a: u32) -> Weight;
	/// The weight of `clean_up`.
	fn clean_up(a: u32) -> Weight;
	/// The weight of `certify`.
	fn certify(a: u32) -> Weight;
	/// The weight of `fund`.
	fn fund() -> Weight;
	/// The weight of `on_idle_look`.
	fn on_idle_look() -> Weight;
}

/// Weights with the database costs of the chain.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	/// Storage: `System::BlockHash` (r:1 w:0)
	/// Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Locations` (r:0 w:1)
	/// Proof: `Snapshots::Locations` (`max_values`: None, `max_size`: Some(3137), added: 5612, mode: `MaxEncodedLen`)
	/// The range of component `l` is `[1, 8]`.
	fn register(l: u32) -> Weight {
		// Proof size: measured `60`, estimated `3758` bytes.
		// Least execution time: 56_344_000 picoseconds.
		Weight::from_parts(58_304_331, 3758)
			// Standard error: 1_955.
			.saturating_add(Weight::from_parts(1_066_145, 0).saturating_mul(l.into()))
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	/// Storage: `System::BlockHash` (r:1 w:0)
	/// Proof: `System::BlockHash` (`max_values`: None, `max_size`: Some(44), added: 2519, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Locations` (r:0 w:1)
	/// Proof: `Snapshots::Locations` (`max_values`: None, `max_size`: Some(3137), added: 5612, mode: `MaxEncodedLen`)
	/// The range of component `l` is `[1, 8]`.
	fn register_foreign(l: u32) -> Weight {
		// Proof size: measured `60`, estimated `3758` bytes.
		// Least execution time: 53_610_000 picoseconds.
		Weight::from_parts(55_806_786, 3758)
			// Standard error: 2_112.
			.saturating_add(Weight::from_parts(1_036_791, 0).saturating_mul(l.into()))
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Locations` (r:0 w:1)
	/// Proof: `Snapshots::Locations` (`max_values`: None, `max_size`: Some(3137), added: 5612, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// The range of component `l` is `[1, 8]`.
	fn set_locations(l: u32) -> Weight {
		// Proof size: measured `406`, estimated `3758` bytes.
		// Least execution time: 20_951_000 picoseconds.
		Weight::from_parts(50_021_599, 3758)
			// Standard error: 20_692.
			.saturating_add(Weight::from_parts(418_802, 0).saturating_mul(l.into()))
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Certified` (r:1 w:1)
	/// Proof: `Snapshots::Certified` (`max_values`: None, `max_size`: Some(1329), added: 3804, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Rewards` (r:1 w:1)
	/// Proof: `Snapshots::Rewards` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Locations` (r:0 w:1)
	/// Proof: `Snapshots::Locations` (`max_values`: None, `max_size`: Some(3137), added: 5612, mode: `MaxEncodedLen`)
	fn retire() -> Weight {
		// Proof size: measured `1854`, estimated `4794` bytes.
		// Least execution time: 83_304_000 picoseconds.
		Weight::from_parts(88_953_000, 4794)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(5))
	}
	/// Storage: `Snapshots::Attesters` (r:1 w:1)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Periods::BondMaturity` (r:1 w:0)
	/// Proof: `Periods::BondMaturity` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalBonded` (r:1 w:1)
	/// Proof: `Snapshots::TotalBonded` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalMaturing` (r:1 w:1)
	/// Proof: `Snapshots::TotalMaturing` (`max_values`: Some(1), `max_size`: Some(201), added: 696, mode: `MaxEncodedLen`)
	fn bond() -> Weight {
		// Proof size: measured `6`, estimated `5268` bytes.
		// Least execution time: 48_653_000 picoseconds.
		Weight::from_parts(51_988_000, 5268)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	/// Storage: `Snapshots::Attesters` (r:1 w:1)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Periods::BondMaturity` (r:1 w:0)
	/// Proof: `Periods::BondMaturity` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalBonded` (r:1 w:1)
	/// Proof: `Snapshots::TotalBonded` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalMaturing` (r:1 w:1)
	/// Proof: `Snapshots::TotalMaturing` (`max_values`: Some(1), `max_size`: Some(201), added: 696, mode: `MaxEncodedLen`)
	fn bond_extra() -> Weight {
		// Proof size: measured `2115`, estimated `5268` bytes.
		// Least execution time: 62_173_000 picoseconds.
		Weight::from_parts(66_730_000, 5268)
			.saturating_add(T::DbWeight::get().reads(5))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	/// Storage: `Snapshots::Attesters` (r:1 w:1)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Periods::UnbondingPeriod` (r:1 w:0)
	/// Proof: `Periods::UnbondingPeriod` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalBonded` (r:1 w:1)
	/// Proof: `Snapshots::TotalBonded` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalMaturing` (r:1 w:1)
	/// Proof: `Snapshots::TotalMaturing` (`max_values`: Some(1), `max_size`: Some(201), added: 696, mode: `MaxEncodedLen`)
	fn unbond() -> Weight {
		// Proof size: measured `2036`, estimated `5268` bytes.
		// Least execution time: 21_773_000 picoseconds.
		Weight::from_parts(23_736_000, 5268)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	/// Storage: `Snapshots::Attesters` (r:1 w:1)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	fn withdraw_unbonded() -> Weight {
		// Proof size: measured `1942`, estimated `5268` bytes.
		// Least execution time: 48_993_000 picoseconds.
		Weight::from_parts(52_448_000, 5268)
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attesters` (r:64 w:1)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalMaturing` (r:1 w:0)
	/// Proof: `Snapshots::TotalMaturing` (`max_values`: Some(1), `max_size`: Some(201), added: 696, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalBonded` (r:1 w:0)
	/// Proof: `Snapshots::TotalBonded` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attestations` (r:65 w:1)
	/// Proof: `Snapshots::Attestations` (`max_values`: None, `max_size`: Some(100), added: 2575, mode: `MaxEncodedLen`)
	/// Storage: `Periods::DisputeWindow` (r:1 w:0)
	/// Proof: `Periods::DisputeWindow` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Certified` (r:1 w:1)
	/// Proof: `Snapshots::Certified` (`max_values`: None, `max_size`: Some(1329), added: 3804, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Rewards` (r:1 w:1)
	/// Proof: `Snapshots::Rewards` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:64 w:64)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// The range of component `a` is `[2, 64]`.
	fn attest(a: u32) -> Weight {
		// Proof size: measured `3993 + a * (248 ±0)`, estimated `4794 + a * (4278 ±0)` bytes.
		// Least execution time: 173_819_000 picoseconds.
		Weight::from_parts(80_895_241, 4794)
			// Standard error: 139_637.
			.saturating_add(Weight::from_parts(48_966_491, 0).saturating_mul(a.into()))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().writes(6))
			.saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 4278).saturating_mul(a.into()))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attestations` (r:1 w:1)
	/// Proof: `Snapshots::Attestations` (`max_values`: None, `max_size`: Some(100), added: 2575, mode: `MaxEncodedLen`)
	/// Storage: `Periods::DisputeWindow` (r:1 w:0)
	/// Proof: `Periods::DisputeWindow` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attesters` (r:1 w:1)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	fn withdraw_attestation() -> Weight {
		// Proof size: measured `2350`, estimated `5268` bytes.
		// Least execution time: 27_852_000 picoseconds.
		Weight::from_parts(30_205_000, 5268)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Periods::ResolutionPeriod` (r:1 w:0)
	/// Proof: `Periods::ResolutionPeriod` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Certified` (r:1 w:1)
	/// Proof: `Snapshots::Certified` (`max_values`: None, `max_size`: Some(1329), added: 3804, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Disputes` (r:0 w:1)
	/// Proof: `Snapshots::Disputes` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	fn dispute() -> Weight {
		// Proof size: measured `1764`, estimated `4794` bytes.
		// Least execution time: 60_290_000 picoseconds.
		Weight::from_parts(63_765_000, 4794)
			.saturating_add(T::DbWeight::get().reads(4))
			.saturating_add(T::DbWeight::get().writes(4))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Disputes` (r:1 w:1)
	/// Proof: `Snapshots::Disputes` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:66 w:66)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:66 w:66)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attestations` (r:65 w:64)
	/// Proof: `Snapshots::Attestations` (`max_values`: None, `max_size`: Some(100), added: 2575, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attesters` (r:64 w:64)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalBonded` (r:1 w:1)
	/// Proof: `Snapshots::TotalBonded` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalMaturing` (r:1 w:1)
	/// Proof: `Snapshots::TotalMaturing` (`max_values`: Some(1), `max_size`: Some(201), added: 696, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Rewards` (r:1 w:1)
	/// Proof: `Snapshots::Rewards` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Locations` (r:0 w:1)
	/// Proof: `Snapshots::Locations` (`max_values`: None, `max_size`: Some(3137), added: 5612, mode: `MaxEncodedLen`)
	/// The range of component `a` is `[1, 64]`.
	fn resolve(a: u32) -> Weight {
		// Proof size: measured `2438 + a * (317 ±0)`, estimated `6218 + a * (4278 ±0)` bytes.
		// Least execution time: 189_042_000 picoseconds.
		Weight::from_parts(139_591_363, 6218)
			// Standard error: 64_855.
			.saturating_add(Weight::from_parts(53_332_635, 0).saturating_mul(a.into()))
			.saturating_add(T::DbWeight::get().reads(10))
			.saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().writes(10))
			.saturating_add(T::DbWeight::get().writes(4_u64.saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 4278).saturating_mul(a.into()))
	}
	/// Storage: `Snapshots::Snapshots` (r:2 w:2)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attestations` (r:130 w:2)
	/// Proof: `Snapshots::Attestations` (`max_values`: None, `max_size`: Some(100), added: 2575, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attesters` (r:127 w:1)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalBonded` (r:1 w:1)
	/// Proof: `Snapshots::TotalBonded` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalMaturing` (r:1 w:1)
	/// Proof: `Snapshots::TotalMaturing` (`max_values`: Some(1), `max_size`: Some(201), added: 696, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Certified` (r:1 w:1)
	/// Proof: `Snapshots::Certified` (`max_values`: None, `max_size`: Some(1329), added: 3804, mode: `MaxEncodedLen`)
	/// The range of component `a` is `[1, 64]`.
	fn report_equivocation(a: u32) -> Weight {
		// Proof size: measured `6510 + a * (328 ±0)`, estimated `6526 + a * (8356 ±16)` bytes.
		// Least execution time: 143_504_000 picoseconds.
		Weight::from_parts(131_034_706, 6526)
			// Standard error: 52_384.
			.saturating_add(Weight::from_parts(17_954_944, 0).saturating_mul(a.into()))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().reads(4_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().writes(10))
			.saturating_add(Weight::from_parts(0, 8356).saturating_mul(a.into()))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Disputes` (r:1 w:0)
	/// Proof: `Snapshots::Disputes` (`max_values`: None, `max_size`: Some(120), added: 2595, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attestations` (r:65 w:64)
	/// Proof: `Snapshots::Attestations` (`max_values`: None, `max_size`: Some(100), added: 2575, mode: `MaxEncodedLen`)
	/// Storage: `Periods::DisputeWindow` (r:1 w:0)
	/// Proof: `Periods::DisputeWindow` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attesters` (r:64 w:64)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Certified` (r:1 w:1)
	/// Proof: `Snapshots::Certified` (`max_values`: None, `max_size`: Some(1329), added: 3804, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Rewards` (r:1 w:1)
	/// Proof: `Snapshots::Rewards` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:1 w:1)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Locations` (r:0 w:1)
	/// Proof: `Snapshots::Locations` (`max_values`: None, `max_size`: Some(3137), added: 5612, mode: `MaxEncodedLen`)
	/// The range of component `a` is `[1, 64]`.
	fn clean_up(a: u32) -> Weight {
		// Proof size: measured `3574 + a * (167 ±0)`, estimated `4794 + a * (4278 ±0)` bytes.
		// Least execution time: 115_612_000 picoseconds.
		Weight::from_parts(88_739_453, 4794)
			// Standard error: 27_094.
			.saturating_add(Weight::from_parts(19_997_659, 0).saturating_mul(a.into()))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().reads(2_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().writes(6))
			.saturating_add(T::DbWeight::get().writes(2_u64.saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 4278).saturating_mul(a.into()))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:1)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalMaturing` (r:1 w:0)
	/// Proof: `Snapshots::TotalMaturing` (`max_values`: Some(1), `max_size`: Some(201), added: 696, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::TotalBonded` (r:1 w:0)
	/// Proof: `Snapshots::TotalBonded` (`max_values`: Some(1), `max_size`: Some(16), added: 511, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attestations` (r:65 w:0)
	/// Proof: `Snapshots::Attestations` (`max_values`: None, `max_size`: Some(100), added: 2575, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Attesters` (r:64 w:0)
	/// Proof: `Snapshots::Attesters` (`max_values`: None, `max_size`: Some(1803), added: 4278, mode: `MaxEncodedLen`)
	/// Storage: `Periods::DisputeWindow` (r:1 w:0)
	/// Proof: `Periods::DisputeWindow` (`max_values`: Some(1), `max_size`: Some(4), added: 499, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Certified` (r:1 w:1)
	/// Proof: `Snapshots::Certified` (`max_values`: None, `max_size`: Some(1329), added: 3804, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Rewards` (r:1 w:1)
	/// Proof: `Snapshots::Rewards` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `System::Account` (r:64 w:64)
	/// Proof: `System::Account` (`max_values`: None, `max_size`: Some(128), added: 2603, mode: `MaxEncodedLen`)
	/// The range of component `a` is `[2, 64]`.
	fn certify(a: u32) -> Weight {
		// Proof size: measured `2252 + a * (248 ±0)`, estimated `4794 + a * (4278 ±0)` bytes.
		// Least execution time: 133_469_000 picoseconds.
		Weight::from_parts(43_586_274, 4794)
			// Standard error: 40_311.
			.saturating_add(Weight::from_parts(48_922_972, 0).saturating_mul(a.into()))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().reads(3_u64.saturating_mul(a.into())))
			.saturating_add(T::DbWeight::get().writes(4))
			.saturating_add(T::DbWeight::get().writes(1_u64.saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 4278).saturating_mul(a.into()))
	}
	/// Storage: `Snapshots::Snapshots` (r:1 w:0)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	/// Storage: `Balances::Holds` (r:1 w:1)
	/// Proof: `Balances::Holds` (`max_values`: None, `max_size`: Some(139), added: 2614, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Rewards` (r:1 w:1)
	/// Proof: `Snapshots::Rewards` (`max_values`: None, `max_size`: Some(48), added: 2523, mode: `MaxEncodedLen`)
	fn fund() -> Weight {
		// Proof size: measured `496`, estimated `3758` bytes.
		// Least execution time: 50_625_000 picoseconds.
		Weight::from_parts(54_331_000, 3758)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(2))
	}
	/// Storage: `Snapshots::CleanUpCursor` (r:1 w:1)
	/// Proof: `Snapshots::CleanUpCursor` (`max_values`: Some(1), `max_size`: Some(32), added: 527, mode: `MaxEncodedLen`)
	/// Storage: `Snapshots::Snapshots` (r:2 w:0)
	/// Proof: `Snapshots::Snapshots` (`max_values`: None, `max_size`: Some(293), added: 2768, mode: `MaxEncodedLen`)
	fn on_idle_look() -> Weight {
		// Proof size: measured `351`, estimated `6526` bytes.
		// Least execution time: 7_451_000 picoseconds.
		Weight::from_parts(8_373_000, 6526)
			.saturating_add(T::DbWeight::get().reads(3))
			.saturating_add(T::DbWeight::get().writes(1))
	}
}

/// Weights for tests, with the database costs of RocksDB.
impl WeightInfo for () {
	fn register(l: u32) -> Weight {
		Weight::from_parts(58_304_331, 3758)
			.saturating_add(Weight::from_parts(1_066_145, 0).saturating_mul(l.into()))
			.saturating_add(RocksDbWeight::get().reads(3))
			.saturating_add(RocksDbWeight::get().writes(3))
	}
	fn register_foreign(l: u32) -> Weight {
		Weight::from_parts(55_806_786, 3758)
			.saturating_add(Weight::from_parts(1_036_791, 0).saturating_mul(l.into()))
			.saturating_add(RocksDbWeight::get().reads(3))
			.saturating_add(RocksDbWeight::get().writes(3))
	}
	fn set_locations(l: u32) -> Weight {
		Weight::from_parts(50_021_599, 3758)
			.saturating_add(Weight::from_parts(418_802, 0).saturating_mul(l.into()))
			.saturating_add(RocksDbWeight::get().reads(2))
			.saturating_add(RocksDbWeight::get().writes(3))
	}
	fn retire() -> Weight {
		Weight::from_parts(88_953_000, 4794)
			.saturating_add(RocksDbWeight::get().reads(4))
			.saturating_add(RocksDbWeight::get().writes(5))
	}
	fn bond() -> Weight {
		Weight::from_parts(51_988_000, 5268)
			.saturating_add(RocksDbWeight::get().reads(5))
			.saturating_add(RocksDbWeight::get().writes(4))
	}
	fn bond_extra() -> Weight {
		Weight::from_parts(66_730_000, 5268)
			.saturating_add(RocksDbWeight::get().reads(5))
			.saturating_add(RocksDbWeight::get().writes(4))
	}
	fn unbond() -> Weight {
		Weight::from_parts(23_736_000, 5268)
			.saturating_add(RocksDbWeight::get().reads(4))
			.saturating_add(RocksDbWeight::get().writes(3))
	}
	fn withdraw_unbonded() -> Weight {
		Weight::from_parts(52_448_000, 5268)
			.saturating_add(RocksDbWeight::get().reads(2))
			.saturating_add(RocksDbWeight::get().writes(2))
	}
	fn attest(a: u32) -> Weight {
		Weight::from_parts(80_895_241, 4794)
			.saturating_add(Weight::from_parts(48_966_491, 0).saturating_mul(a.into()))
			.saturating_add(RocksDbWeight::get().reads(8))
			.saturating_add(RocksDbWeight::get().reads(3_u64.saturating_mul(a.into())))
			.saturating_add(RocksDbWeight::get().writes(6))
			.saturating_add(RocksDbWeight::get().writes(1_u64.saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 4278).saturating_mul(a.into()))
	}
	fn withdraw_attestation() -> Weight {
		Weight::from_parts(30_205_000, 5268)
			.saturating_add(RocksDbWeight::get().reads(4))
			.saturating_add(RocksDbWeight::get().writes(3))
	}
	fn dispute() -> Weight {
		Weight::from_parts(63_765_000, 4794)
			.saturating_add(RocksDbWeight::get().reads(4))
			.saturating_add(RocksDbWeight::get().writes(4))
	}
	fn resolve(a: u32) -> Weight {
		Weight::from_parts(139_591_363, 6218)
			.saturating_add(Weight::from_parts(53_332_635, 0).saturating_mul(a.into()))
			.saturating_add(RocksDbWeight::get().reads(10))
			.saturating_add(RocksDbWeight::get().reads(4_u64.saturating_mul(a.into())))
			.saturating_add(RocksDbWeight::get().writes(10))
			.saturating_add(RocksDbWeight::get().writes(4_u64.saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 4278).saturating_mul(a.into()))
	}
	fn report_equivocation(a: u32) -> Weight {
		Weight::from_parts(131_034_706, 6526)
			.saturating_add(Weight::from_parts(17_954_944, 0).saturating_mul(a.into()))
			.saturating_add(RocksDbWeight::get().reads(8))
			.saturating_add(RocksDbWeight::get().reads(4_u64.saturating_mul(a.into())))
			.saturating_add(RocksDbWeight::get().writes(10))
			.saturating_add(Weight::from_parts(0, 8356).saturating_mul(a.into()))
	}
	fn clean_up(a: u32) -> Weight {
		Weight::from_parts(88_739_453, 4794)
			.saturating_add(Weight::from_parts(19_997_659, 0).saturating_mul(a.into()))
			.saturating_add(RocksDbWeight::get().reads(8))
			.saturating_add(RocksDbWeight::get().reads(2_u64.saturating_mul(a.into())))
			.saturating_add(RocksDbWeight::get().writes(6))
			.saturating_add(RocksDbWeight::get().writes(2_u64.saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 4278).saturating_mul(a.into()))
	}
	fn certify(a: u32) -> Weight {
		Weight::from_parts(43_586_274, 4794)
			.saturating_add(Weight::from_parts(48_922_972, 0).saturating_mul(a.into()))
			.saturating_add(RocksDbWeight::get().reads(8))
			.saturating_add(RocksDbWeight::get().reads(3_u64.saturating_mul(a.into())))
			.saturating_add(RocksDbWeight::get().writes(4))
			.saturating_add(RocksDbWeight::get().writes(1_u64.saturating_mul(a.into())))
			.saturating_add(Weight::from_parts(0, 4278).saturating_mul(a.into()))
	}
	fn fund() -> Weight {
		Weight::from_parts(54_331_000, 3758)
			.saturating_add(RocksDbWeight::get().reads(3))
			.saturating_add(RocksDbWeight::get().writes(2))
	}
	fn on_idle_look() -> Weight {
		Weight::from_parts(8_373_000, 6526)
			.saturating_add(RocksDbWeight::get().reads(3))
			.saturating_add(RocksDbWeight::get().writes(1))
	}
}
