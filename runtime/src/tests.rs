//! The genesis presets, and the rotation of authorities.

use crate::{
	genesis_config_presets::{get_preset, preset_names},
	Aura, Grandpa, Runtime, RuntimeGenesisConfig, RuntimeOrigin, Session, SessionKeys, System,
	ValidatorMembership, BLOCK_HASH_COUNT, MILLI_SECS_PER_BLOCK, SESSION_LENGTH,
};
use codec::Encode;
use frame_support::{
	assert_ok,
	genesis_builder_helper::build_state,
	traits::{OnFinalize, OnInitialize},
};
use serde_json::Value;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_io::TestExternalities;
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};

/// Puts `patch` over `base`, as a chain spec does.
fn merge(base: &mut Value, patch: Value) {
	match (base, patch) {
		(Value::Object(base), Value::Object(patch)) => {
			for (key, value) in patch {
				merge(base.entry(key).or_insert(Value::Null), value);
			}
		},
		(base, patch) => *base = patch,
	}
}

/// The state of a chain at block 1 of the preset `name`.
fn chain(name: &str) -> TestExternalities {
	let patch = serde_json::from_slice(&get_preset(&name.into()).unwrap()).unwrap();
	let mut genesis = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
	merge(&mut genesis, patch);

	let mut externalities = TestExternalities::default();
	externalities.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	externalities.execute_with(|| {
		build_state::<RuntimeGenesisConfig>(serde_json::to_vec(&genesis).unwrap()).unwrap();
		System::set_block_number(1);
	});
	externalities
}

/// Runs the chain to the end of the session that is `count` sessions ahead.
fn pass_sessions(count: u32) {
	for _ in 0..count * SESSION_LENGTH {
		let number = System::block_number() + 1;
		System::set_block_number(number);
		Session::on_initialize(number);
		Grandpa::on_finalize(number);
	}
}

fn grandpa_voters() -> Vec<GrandpaId> {
	Grandpa::grandpa_authorities().into_iter().map(|(id, _)| id).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
	list.sort();
	list
}

fn grandpa_ids(keys: &[Ed25519Keyring]) -> Vec<GrandpaId> {
	sorted(keys.iter().map(|key| key.public().into()).collect())
}

/// Registers the keys that the well-known seed of `who` gives.
fn set_keys(who: Sr25519Keyring) {
	let account = who.to_account_id();
	let generated = SessionKeys::generate(&account.encode(), Some(who.to_seed().into_bytes()));
	assert_ok!(Session::set_keys(
		RuntimeOrigin::signed(account),
		generated.keys,
		generated.proof.encode()
	));
}

fn add_member(who: Sr25519Keyring) {
	assert_ok!(ValidatorMembership::add_member(RuntimeOrigin::root(), who.to_account_id().into()));
}

fn remove_member(who: Sr25519Keyring) {
	assert_ok!(ValidatorMembership::remove_member(
		RuntimeOrigin::root(),
		who.to_account_id().into()
	));
}

#[test]
fn every_preset_builds_a_state() {
	assert_eq!(preset_names().len(), 2);
	for name in preset_names() {
		let name: &str = name.as_ref();
		chain(name).execute_with(|| {
			assert!(!Session::validators().is_empty());
			assert_eq!(
				pallet_sudo::Key::<Runtime>::get(),
				Some(Sr25519Keyring::Alice.to_account_id())
			);
		});
	}
	assert_eq!(get_preset(&"no such preset".into()), None);
}

#[cfg(feature = "try-runtime")]
#[test]
fn the_state_of_every_preset_passes_the_checks_of_all_pallets() {
	use frame_try_runtime::UpgradeCheckSelect;
	for name in preset_names() {
		let name: &str = name.as_ref();
		chain(name).execute_with(|| {
			assert_ok!(crate::Executive::try_runtime_upgrade(UpgradeCheckSelect::All));
		});
	}
}

#[test]
fn periods_lie_in_storage() {
	use crate::configs::periods::{BondMaturity, DisputeWindow, UnbondingPeriod};
	// Where a chain spec or root puts them; the tests of the registry rely on these keys.
	let key = sp_io::hashing::twox_128(b":DisputeWindow:");
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		assert!(DisputeWindow::get() < UnbondingPeriod::get());
		assert_ok!(System::set_storage(RuntimeOrigin::root(), vec![(key.to_vec(), 7u32.encode())]));
		assert_eq!(DisputeWindow::get(), 7);
		assert_eq!(BondMaturity::get(), crate::MINUTES / 2);
	});
}

#[test]
fn sessions_can_be_as_short_as_two_blocks() {
	use crate::configs::SessionPeriod;
	use frame_support::traits::Get;
	let key = sp_io::hashing::twox_128(b":SessionLength:");
	chain(LOCAL_TESTNET_RUNTIME_PRESET).execute_with(|| {
		assert_eq!(<SessionPeriod as Get<u32>>::get(), SESSION_LENGTH);
		for (length, period) in [(7u32, 7), (2, 2), (1, 2), (0, 2)] {
			let item = vec![(key.to_vec(), length.encode())];
			assert_ok!(System::set_storage(RuntimeOrigin::root(), item));
			assert_eq!(<SessionPeriod as Get<u32>>::get(), period);
		}
		// A change in each session, which is in force two sessions later.
		let before = Grandpa::current_set_id();
		for change in 0..10 {
			match change % 2 {
				0 => remove_member(Sr25519Keyring::Bob),
				_ => add_member(Sr25519Keyring::Bob),
			}
			for _ in 0..2 {
				let number = System::block_number() + 1;
				System::set_block_number(number);
				Session::on_initialize(number);
				Grandpa::on_finalize(number);
			}
		}
		assert_eq!(Grandpa::current_set_id(), before + 9);
	});
}

#[test]
fn presets_have_their_validators() {
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		assert_eq!(grandpa_voters(), grandpa_ids(&[Ed25519Keyring::Alice]));
		assert_eq!(Aura::authorities_len(), 1);
	});
	chain(LOCAL_TESTNET_RUNTIME_PRESET).execute_with(|| {
		assert_eq!(
			sorted(grandpa_voters()),
			grandpa_ids(&[Ed25519Keyring::Alice, Ed25519Keyring::Bob])
		);
		assert_eq!(Aura::authorities_len(), 2);
	});
}

#[test]
fn block_hashes_last_a_day() {
	let milliseconds = u64::from(BLOCK_HASH_COUNT) * MILLI_SECS_PER_BLOCK;
	assert!(milliseconds >= 24 * 60 * 60 * 1_000);
}

#[test]
fn an_unchanged_set_keeps_its_id() {
	chain(LOCAL_TESTNET_RUNTIME_PRESET).execute_with(|| {
		pass_sessions(5);
		assert_eq!(Session::current_index(), 5);
		assert_eq!(Grandpa::current_set_id(), 0);
	});
}

#[test]
fn a_new_member_becomes_an_authority_after_two_sessions() {
	chain(LOCAL_TESTNET_RUNTIME_PRESET).execute_with(|| {
		set_keys(Sr25519Keyring::Charlie);
		add_member(Sr25519Keyring::Charlie);

		pass_sessions(1);
		assert_eq!(grandpa_voters().len(), 2);
		pass_sessions(1);
		assert_eq!(
			sorted(grandpa_voters()),
			grandpa_ids(&[Ed25519Keyring::Alice, Ed25519Keyring::Bob, Ed25519Keyring::Charlie])
		);
		assert_eq!(Aura::authorities_len(), 3);
		assert_eq!(Grandpa::current_set_id(), 1);

		remove_member(Sr25519Keyring::Alice);
		pass_sessions(2);
		assert_eq!(
			sorted(grandpa_voters()),
			grandpa_ids(&[Ed25519Keyring::Bob, Ed25519Keyring::Charlie])
		);
		assert_eq!(Grandpa::current_set_id(), 2);
	});
}

#[test]
fn a_member_without_keys_waits_for_them() {
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		add_member(Sr25519Keyring::Bob);
		pass_sessions(3);
		assert_eq!(grandpa_voters(), grandpa_ids(&[Ed25519Keyring::Alice]));
		assert_eq!(Grandpa::current_set_id(), 0);

		set_keys(Sr25519Keyring::Bob);
		pass_sessions(2);
		assert_eq!(grandpa_voters().len(), 2);
		assert_eq!(Grandpa::current_set_id(), 1);
	});
}

#[test]
fn new_keys_of_a_validator_take_effect() {
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		let account = Sr25519Keyring::Alice.to_account_id();
		let generated = SessionKeys::generate(&account.encode(), Some(b"//Alice//new".to_vec()));
		let grandpa = generated.keys.grandpa.clone();
		assert_ok!(Session::set_keys(
			RuntimeOrigin::signed(account),
			generated.keys,
			generated.proof.encode()
		));
		pass_sessions(2);
		assert_eq!(grandpa_voters(), vec![grandpa]);
		assert_eq!(Grandpa::current_set_id(), 1);
	});
}

#[test]
fn the_last_validators_go_on_without_members_or_keys() {
	chain(LOCAL_TESTNET_RUNTIME_PRESET).execute_with(|| {
		remove_member(Sr25519Keyring::Alice);
		remove_member(Sr25519Keyring::Bob);
		pass_sessions(4);
		assert_eq!(grandpa_voters().len(), 2);

		for who in [Sr25519Keyring::Alice, Sr25519Keyring::Bob] {
			assert_ok!(Session::purge_keys(RuntimeOrigin::signed(who.to_account_id())));
		}
		pass_sessions(4);
		assert_eq!(grandpa_voters().len(), 2);
		assert_eq!(Aura::authorities_len(), 2);

		set_keys(Sr25519Keyring::Charlie);
		add_member(Sr25519Keyring::Charlie);
		pass_sessions(2);
		assert_eq!(grandpa_voters(), grandpa_ids(&[Ed25519Keyring::Charlie]));
	});
}

#[test]
fn only_root_changes_the_members() {
	chain(DEV_RUNTIME_PRESET).execute_with(|| {
		let alice = RuntimeOrigin::signed(Sr25519Keyring::Alice.to_account_id());
		let bob = Sr25519Keyring::Bob.to_account_id();
		assert!(ValidatorMembership::add_member(alice, bob.into()).is_err());
	});
}
