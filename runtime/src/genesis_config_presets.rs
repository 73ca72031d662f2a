//! The genesis of the two chains that a node can start without a chain spec file.
#![warn(missing_docs)]

use crate::{
	AccountId, Balance, BalancesConfig, RuntimeGenesisConfig, SessionConfig, SessionKeys,
	SudoConfig, ValidatorMembershipConfig, MAX_VALIDATORS, UNIT,
};
use alloc::{vec, vec::Vec};
use frame_support::{build_struct_json_patch, traits::ConstU32, BoundedVec};
use serde_json::Value;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// What each well-known account owns.
const ENDOWMENT: Balance = 1_000_000 * UNIT;

/// A validator of a chain whose keys everybody knows.
struct WellKnownValidator {
	/// Its account, whose key AURA uses as well.
	account: Sr25519Keyring,
	/// Its GRANDPA key.
	grandpa: Ed25519Keyring,
}

impl WellKnownValidator {
	const ALICE: Self = Self { account: Sr25519Keyring::Alice, grandpa: Ed25519Keyring::Alice };
	const BOB: Self = Self { account: Sr25519Keyring::Bob, grandpa: Ed25519Keyring::Bob };

	fn account_id(&self) -> AccountId {
		self.account.to_account_id()
	}

	fn session_keys(&self) -> SessionKeys {
		SessionKeys { aura: self.account.public().into(), grandpa: self.grandpa.public().into() }
	}
}

/// `validators` run the chain, Alice is its root, and every well-known account is rich.
fn genesis(validators: &[WellKnownValidator]) -> Value {
	let members: Vec<AccountId> = validators.iter().map(WellKnownValidator::account_id).collect();
	let members: BoundedVec<AccountId, ConstU32<MAX_VALIDATORS>> =
		members.try_into().expect("a preset has at most two validators; qed");

	// AURA and GRANDPA get their first authorities from `Session`.
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig {
			balances: Sr25519Keyring::well_known()
				.map(|account| (account.to_account_id(), ENDOWMENT))
				.collect::<Vec<_>>(),
		},
		validator_membership: ValidatorMembershipConfig { members },
		session: SessionConfig {
			keys: validators
				.iter()
				.map(|one| (one.account_id(), one.account_id(), one.session_keys()))
				.collect::<Vec<_>>(),
		},
		sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
	})
}

/// The chain of `--dev`: Alice is its only validator.
pub fn development_config_genesis() -> Value {
	genesis(&[WellKnownValidator::ALICE])
}

/// The chain of `--chain local`: Alice and Bob are its validators.
pub fn local_config_genesis() -> Value {
	genesis(&[WellKnownValidator::ALICE, WellKnownValidator::BOB])
}

/// The preset of this name, as JSON to be merged into the default genesis.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
	let patch = match id.as_ref() {
		DEV_RUNTIME_PRESET => development_config_genesis(),
		LOCAL_TESTNET_RUNTIME_PRESET => local_config_genesis(),
		_ => return None,
	};
	Some(serde_json::to_vec(&patch).expect("a JSON value has only string keys; qed"))
}

/// The names that [`get_preset`] knows.
pub fn preset_names() -> Vec<PresetId> {
	vec![PresetId::from(DEV_RUNTIME_PRESET), PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET)]
}
