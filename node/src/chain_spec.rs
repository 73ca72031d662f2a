//! The chains that the node knows without a chain spec file.

use sc_service::{ChainType, Properties};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use thin_runtime::{configs::SS58Prefix, WASM_BINARY};

/// The chain spec of this chain. Nothing is added to the SDK's.
pub type ChainSpec = sc_service::GenericChainSpec;

/// `--dev` and `--chain dev`: Alice alone authors and finalizes.
pub fn development_chain_spec() -> Result<ChainSpec, String> {
	preset("Thin Development", "dev", ChainType::Development, DEV_RUNTIME_PRESET)
}

/// `--chain local`: Alice and Bob author and finalize.
pub fn local_chain_spec() -> Result<ChainSpec, String> {
	preset("Thin Local Testnet", "local_testnet", ChainType::Local, LOCAL_TESTNET_RUNTIME_PRESET)
}

fn preset(name: &str, id: &str, chain_type: ChainType, genesis: &str) -> Result<ChainSpec, String> {
	let wasm = WASM_BINARY.ok_or(
		"this node was built without its runtime (SKIP_WASM_BUILD was set): build it again \
		 without that variable, or give the file of a chain spec with --chain",
	)?;
	Ok(ChainSpec::builder(wasm, None)
		.with_name(name)
		.with_id(id)
		.with_chain_type(chain_type)
		.with_properties(properties())
		.with_genesis_config_preset_name(genesis)
		.build())
}

/// What wallets show amounts and addresses by.
fn properties() -> Properties {
	let mut properties = Properties::new();
	properties.insert("tokenSymbol".into(), "THIN".into());
	properties.insert("tokenDecimals".into(), 12.into());
	properties.insert("ss58Format".into(), SS58Prefix::get().into());
	properties
}
