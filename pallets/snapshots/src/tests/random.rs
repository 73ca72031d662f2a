//! A random walk over all calls by many accounts, on a chain that now and then changes its maturity
//! period. After each step the storage is checked, and no funds have come or gone.

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
	Maturity(Number),
	Idle,
}

fn which() -> impl Strategy<Value = Which> {
	(prop::bool::weighted(0.8), 1..3u32, 1..3u8).prop_map(|(native, number, image)| Which {
		native,
		number,
		image,
	})
}

fn call() -> impl Strategy<Value = Call<Test>> {
	let value =
		prop_oneof![20 => 0..40u128, 20 => 90..400u128, 1 => Just(9_000), 1 => Just(u128::MAX)];
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
		4 => value.clone().prop_map(|value| Call::unbond { value }),
		2 => Just(Call::withdraw_unbonded {}),
		12 => which().prop_map(|which| Call::attest { id: which.id() }),
		4 => which().prop_map(|which| Call::withdraw_attestation { id: which.id() }),
		2 => (which(), evidence)
			.prop_map(|(which, evidence)| Call::dispute { id: which.id(), evidence }),
		4 => (1..7u64, which()).prop_map(|(attester, a)| {
			let b = Which { image: 3 - a.image, ..a };
			Call::report_equivocation { attester, id_a: a.id(), id_b: b.id() }
		}),
		2 => (which(), 0..6u32).prop_map(|(which, limit)| Call::clean_up { id: which.id(), limit }),
		8 => which().prop_map(|which| Call::certify { id: which.id() }),
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
		1 => (0..30u32).prop_map(Step::Maturity),
		1 => Just(Step::Idle),
	]
}

/// What no call can have: more funds than there were, spread over all accounts.
fn funds() -> Balance {
	(1..=9).chain([99]).map(|n| Balances::total_balance(&account(n))).sum()
}

/// A chain on which there is something to do from the start.
fn start() -> sp_io::TestExternalities {
	BondMaturity::set(8);
	let mut chain = chain_with(&[(2, 200), (3, 150), (4, 100), (5, 400)]);
	chain.execute_with(|| {
		run_to(3);
		for image in 1..3 {
			let id = register(image);
			// 350 of 850: enough as soon as account 5 unbonds.
			for attester in 2..4 {
				frame_support::assert_ok!(Snapshots::attest(by(attester), id));
			}
		}
	});
	chain
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn nothing_breaks_the_storage_or_makes_funds(steps in prop::collection::vec(step(), 1..120)) {
		start().execute_with(|| {
			let (issuance, all) = (Balances::total_issuance(), funds());
			for step in steps {
				match step {
					Step::Call(who, call) => apply(RuntimeCall::Snapshots(*call), by(who))?,
					Step::Judge(which, verdict) => {
						let call = Call::resolve { id: which.id(), verdict };
						apply(RuntimeCall::Snapshots(call), judge())?
					},
					Step::Wait(blocks) => run(blocks),
					Step::Maturity(period) => BondMaturity::set(period),
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
	if let Ok(info) = call.dispatch(origin) {
		let actual = info.actual_weight.unwrap_or(announced);
		prop_assert!(actual.all_lte(announced), "a call costs more than announced");
	}
	Ok(())
}

#[test]
fn the_walk_gets_everywhere() {
	use frame_support::traits::GetCallName;
	use proptest::{
		strategy::ValueTree,
		test_runner::{Config as Options, RngAlgorithm, TestRng, TestRunner},
	};
	use std::collections::BTreeSet;
	// A walk that fails at every call would check nothing: over some of them, each call succeeds.
	let mut runner = TestRunner::new_with_rng(
		Options::default(),
		TestRng::deterministic_rng(RngAlgorithm::ChaCha),
	);
	let mut succeeded = BTreeSet::new();
	for _ in 0..60 {
		let steps = prop::collection::vec(step(), 60..120).new_tree(&mut runner).unwrap().current();
		start().execute_with(|| {
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
					Step::Maturity(period) => {
						BondMaturity::set(period);
						continue;
					},
					Step::Idle => {
						idle();
						continue;
					},
				};
				let name = call.get_call_name();
				if RuntimeCall::Snapshots(call).dispatch(origin).is_ok() {
					succeeded.insert(name);
				}
			}
		});
	}
	let all = Call::<Test>::get_call_names().iter().copied().collect::<BTreeSet<_>>();
	assert_eq!(succeeded, all);
}
