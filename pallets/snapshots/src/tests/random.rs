//! A random walk over all calls by many accounts. After each step the storage is checked, no funds
//! have come or gone, and a call that failed has changed nothing.

use alloc::boxed::Box;

use frame_support::{dispatch::GetDispatchInfo, traits::fungible::Inspect};
use proptest::prelude::*;
use sp_core::H256;
use sp_runtime::traits::Dispatchable;

use crate::{mock::standard::*, Call, SnapshotId, Verdict};

/// Which snapshot: an image of a block of this chain, or of another one.
#[derive(Clone, Copy, Debug)]
struct Which {
	native: bool,
	number: Number,
	image: u8,
}

impl Which {
	fn id(self) -> SnapshotId {
		if self.native {
			id(self.number, self.image)
		} else {
			foreign(self.image).id::<<Test as frame_system::Config>::Hashing>()
		}
	}
}

#[derive(Clone, Debug)]
enum Step {
	Call(u8, Box<Call<Test>>),
	Judge(Which, Verdict),
	Wait(Number),
	Idle,
}

fn which() -> impl Strategy<Value = Which> {
	(prop::bool::weighted(0.8), 0..3u32, 1..4u8).prop_map(|(native, number, image)| Which {
		native,
		number,
		image,
	})
}

fn call() -> impl Strategy<Value = Call<Test>> {
	let value = prop_oneof![0..40u128, 90..400u128, Just(9_000), Just(u128::MAX)];
	let locations = prop_oneof![
		9 => Just(locations()),
		1 => Just(alloc::vec![]),
		3 => Just(alloc::vec![
			"zdb://10.0.0.1/snapshots".parse().unwrap(),
			"zdb://10.0.0.2/snapshots".parse().unwrap(),
		]),
	];
	let evidence = Just(H256::repeat_byte(1));
	prop_oneof![
		4 => (which(), locations.clone()).prop_map(|(which, locations)| {
			if which.native {
				let header = Box::new(header(which.number));
				Call::register { header, image: image(which.image), locations }
			} else {
				Call::register_foreign { manifest: foreign(which.image), locations }
			}
		}),
		1 => (which(), locations)
			.prop_map(|(which, locations)| Call::set_locations { id: which.id(), locations }),
		1 => which().prop_map(|which| Call::retire { id: which.id() }),
		3 => value.clone().prop_map(|value| Call::bond { value }),
		2 => value.clone().prop_map(|value| Call::bond_extra { value }),
		2 => value.clone().prop_map(|value| Call::unbond { value }),
		2 => Just(Call::withdraw_unbonded {}),
		12 => which().prop_map(|which| Call::attest { id: which.id() }),
		2 => which().prop_map(|which| Call::withdraw_attestation { id: which.id() }),
		2 => (which(), evidence)
			.prop_map(|(which, evidence)| Call::dispute { id: which.id(), evidence }),
		2 => (1..7u64, which(), which()).prop_map(|(attester, a, b)| {
			Call::report_equivocation { attester, id_a: a.id(), id_b: b.id() }
		}),
		2 => (which(), 0..6u32).prop_map(|(which, limit)| Call::clean_up { id: which.id(), limit }),
		1 => which().prop_map(|which| Call::certify { id: which.id() }),
		2 => (which(), value).prop_map(|(which, value)| Call::fund { id: which.id(), value }),
	]
}

fn step() -> impl Strategy<Value = Step> {
	prop_oneof![
		20 => (1..7u8, call()).prop_map(|(who, call)| Step::Call(who, Box::new(call))),
		1 => (which(), any::<bool>()).prop_map(|(which, fraudulent)| {
			Step::Judge(which, if fraudulent { Verdict::Fraudulent } else { Verdict::Dismissed })
		}),
		3 => (1..8u32).prop_map(Step::Wait),
		1 => (10..60u32).prop_map(Step::Wait),
		1 => Just(Step::Idle),
	]
}

/// What no call can have: more funds than there were, spread over all accounts.
fn funds() -> Balance {
	(1..=9).chain([99]).map(|n| Balances::total_balance(&account(n))).sum()
}

fn state() -> H256 {
	let version = sp_runtime::StateVersion::V1;
	H256::from_slice(&sp_io::storage::root(version))
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn nothing_breaks_the_storage_or_makes_funds(steps in prop::collection::vec(step(), 1..120)) {
		chain_with(&[(2, 200), (3, 150), (4, 100)]).execute_with(|| {
			run_to(4);
			let (issuance, all) = (Balances::total_issuance(), funds());
			for step in steps {
				match step {
					Step::Call(who, call) => apply(RuntimeCall::Snapshots(*call), by(who))?,
					Step::Judge(which, verdict) => {
						let call = Call::resolve { id: which.id(), verdict };
						apply(RuntimeCall::Snapshots(call), judge())?
					},
					Step::Wait(blocks) => run(blocks),
					Step::Idle => {
						idle();
					},
				}
				check();
				prop_assert_eq!(Balances::total_issuance(), issuance);
				prop_assert_eq!(funds(), all);
			}
			Ok(())
		})?;
	}
}

/// Dispatches a call as a block does: in a layer of storage that is dropped on failure.
fn apply(call: RuntimeCall, origin: RuntimeOrigin) -> Result<(), TestCaseError> {
	let announced = call.get_dispatch_info().call_weight;
	let before = state();
	match call.dispatch(origin) {
		Ok(info) => {
			if let Some(actual) = info.actual_weight {
				prop_assert!(actual.all_lte(announced));
			}
		},
		Err(_) => prop_assert_eq!(state(), before),
	}
	Ok(())
}

#[test]
fn the_walk_gets_everywhere() {
	use proptest::{
		strategy::ValueTree,
		test_runner::{Config as Options, TestRunner},
	};
	// A walk that fails at every call would check nothing: over some of them, each call succeeds.
	let mut runner = TestRunner::new_with_rng(
		Options::default(),
		proptest::test_runner::TestRng::deterministic_rng(
			proptest::test_runner::RngAlgorithm::ChaCha,
		),
	);
	let mut succeeded = std::collections::BTreeSet::new();
	for _ in 0..60 {
		let steps = prop::collection::vec(step(), 60..120).new_tree(&mut runner).unwrap().current();
		chain_with(&[(2, 200), (3, 150), (4, 100)]).execute_with(|| {
			run_to(4);
			for step in steps {
				let (call, origin) = match step {
					Step::Call(who, call) => (*call, by(who)),
					Step::Judge(which, verdict) => {
						(Call::resolve { id: which.id(), verdict }, judge())
					},
					Step::Wait(blocks) => {
						run(blocks);
						continue;
					},
					Step::Idle => {
						idle();
						continue;
					},
				};
				use frame_support::traits::GetCallName;
				let name = call.get_call_name();
				if RuntimeCall::Snapshots(call).dispatch(origin).is_ok() {
					succeeded.insert(name);
				}
			}
		});
	}
	let all: std::collections::BTreeSet<_> = {
		use frame_support::traits::GetCallName;
		Call::<Test>::get_call_names().iter().copied().collect()
	};
	assert_eq!(succeeded, all);
}
