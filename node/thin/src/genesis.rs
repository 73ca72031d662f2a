//! What a node knows without being told: the genesis of its chain spec.

mod unrun;

pub(crate) use unrun::ReadVersion;

use crate::proof::{bytes32, ProofError};
use codec::{Decode, Encode};
use sc_chain_spec::{construct_genesis_block, resolve_state_version_from_wasm};
use sc_executor::RuntimeVersionOf;
use sc_service::ChainSpec;
use sp_consensus_grandpa::AuthorityList;
use sp_core::{
	storage::{well_known_keys, Storage},
	traits::{CallContext, CodeExecutor, RuntimeCode, WrappedRuntimeCode},
};
use sp_runtime::traits::{Block as BlockT, Hash as HashT, HashingFor, Header as HeaderT};
use sp_state_machine::BasicExternalities;

/// The genesis of a chain, computed from its spec.
#[derive(Clone)]
pub struct Genesis<Block: BlockT> {
	/// The genesis header.
	pub header: Block::Header,
	/// The first GRANDPA authorities, those of set 0.
	pub authorities: AuthorityList,
	/// The genesis storage.
	pub storage: Storage,
}

/// The part of genesis that proofs hang on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Anchor {
	/// The genesis hash.
	pub hash: [u8; 32],
	/// The first GRANDPA authorities, those of set 0.
	pub authorities: AuthorityList,
}

/// Why a chain spec has no usable genesis.
#[derive(Debug, thiserror::Error)]
#[error("the chain spec has no genesis that a thin start can use: {0}. Give the chain's own with --chain")]
pub struct GenesisError(String);

impl<Block: BlockT> Genesis<Block> {
	/// Builds the genesis state, and reads who the authorities are. The runtime in it is asked only
	/// where that can't be read.
	///
	/// Errors when the spec has no runtime, or one without GRANDPA.
	pub fn of<E>(spec: &dyn ChainSpec, executor: &E) -> Result<Self, GenesisError>
	where
		E: RuntimeVersionOf + CodeExecutor,
	{
		let storage = spec.as_storage_builder().build_storage().map_err(GenesisError)?;
		let reader = ReadVersion(executor.clone());
		let version = resolve_state_version_from_wasm::<_, HashingFor<Block>>(&storage, &reader)
			.map_err(|error| GenesisError(error.to_string()))?;
		let authorities = match unrun::stored_authorities(&storage) {
			Some(authorities) => authorities,
			None => asked_authorities(&storage, executor)?,
		};

		let root = state_root::<Block>(&storage, version)?;
		let block = construct_genesis_block::<Block>(root, version);
		Ok(Self { header: block.header().clone(), authorities, storage })
	}

	/// The genesis hash: 32 bytes, or the error of a chain that hashes otherwise.
	pub fn hash(&self) -> Block::Hash {
		self.header.hash()
	}

	/// What proofs hang on. Errors on a chain whose hashes are not of 32 bytes.
	pub fn anchor(&self) -> Result<Anchor, ProofError> {
		Ok(Anchor { hash: bytes32(self.hash())?, authorities: self.authorities.clone() })
	}
}

/// The hash of what a chain spec says of genesis, in its own words: with the same words, genesis
/// is the same. `None` when it can't be told without building genesis.
pub fn fingerprint(spec: &dyn ChainSpec) -> Option<[u8; 32]> {
	let json: serde_json::Value = serde_json::from_str(&spec.as_json(false).ok()?).ok()?;
	let words = serde_json::to_vec(json.get("genesis")?).ok()?;
	Some(sp_crypto_hashing::blake2_256(&words))
}

/// What the runtime of the genesis state says, which has to be compiled for that.
fn asked_authorities<E: CodeExecutor>(
	storage: &Storage,
	executor: &E,
) -> Result<AuthorityList, GenesisError> {
	tracing::info!(target: "thin", "Asking the genesis runtime who the authorities are");
	let mut ext = BasicExternalities::new(storage.clone());
	let authorities = call(&mut ext, storage, executor, "GrandpaApi_grandpa_authorities")
		.map_err(GenesisError)?;
	AuthorityList::decode(&mut &authorities[..])
		.map_err(|error| GenesisError(format!("unreadable authorities: {error}")))
}

fn call<E: CodeExecutor>(
	ext: &mut BasicExternalities,
	storage: &Storage,
	executor: &E,
	method: &str,
) -> Result<Vec<u8>, String> {
	let wasm = storage.top.get(well_known_keys::CODE).ok_or("there is no runtime in it")?;
	let fetcher = WrappedRuntimeCode(wasm.as_slice().into());
	let code = RuntimeCode {
		code_fetcher: &fetcher,
		heap_pages: None,
		hash: sp_crypto_hashing::blake2_256(wasm).to_vec(),
	};
	let (result, _) = executor.call(ext, &code, method, &[], CallContext::Offchain);
	result.map_err(|error| format!("{method}: {error:?}"))
}

fn state_root<Block: BlockT>(
	storage: &Storage,
	version: sp_core::storage::StateVersion,
) -> Result<Block::Hash, GenesisError> {
	let children = storage.children_default.values().map(|child| {
		let root =
			HashingFor::<Block>::trie_root(child.data.clone().into_iter().collect(), version);
		(child.child_info.prefixed_storage_key().into_inner(), root.encode())
	});
	let top = storage.top.clone().into_iter().chain(children).collect();
	Ok(HashingFor::<Block>::trie_root(top, version))
}

#[cfg(test)]
mod tests {
	use super::*;
	use sc_chain_spec::GenericChainSpec;
	use serde_json::json;

	fn spec(name: &str, value: &str) -> GenericChainSpec {
		let spec = json!({
			"name": name,
			"id": "test",
			"chainType": "Local",
			"bootNodes": [],
			"telemetryEndpoints": null,
			"protocolId": null,
			"properties": null,
			"genesis": { "raw": { "top": { "0x01": value }, "childrenDefault": {} } },
		});
		GenericChainSpec::from_json_bytes(spec.to_string().into_bytes()).unwrap()
	}

	#[test]
	fn a_fingerprint_is_of_genesis_alone() {
		let of = |name, value| fingerprint(&spec(name, value)).unwrap();
		assert_eq!(of("one", "0x02"), of("another", "0x02"));
		assert_ne!(of("one", "0x02"), of("one", "0x03"));
	}
}
