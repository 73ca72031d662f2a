//! Well-formed input for each target, small, from which changes lead further than from noise.

use super::*;
use crate::{
	proof::Pager,
	testing::{
		registry::{Proof, Registry},
		Chain,
	},
};

const N: u32 = 9;
const F: u32 = 15;

/// The chain of all seeds, with a snapshot registered.
pub(super) fn chain() -> (Chain, Registry) {
	let mut chain = Chain::new(F - 1, &[3, 7, 12]);
	let registry = Registry::of(chain.manifest(N), 1_000_000);
	chain.push_state(registry.entries());
	(chain, registry)
}

pub(super) fn of(target: &str) -> Vec<Vec<u8>> {
	let (chain, registry) = chain();
	let id = registry.id();
	let proof = || chain.snapshot_proof(id, N, F);
	match target {
		"proof_page" => {
			let mut pages = Proof { most: 1, ..proof() }.pages();
			pages.push(Pager::new(id, 7, 100).into_block_page(true));
			pages
		},
		"snapshot_proof" => vec![
			proof().pages().concat(),
			Proof { most: 1, ..proof() }.pages().concat(),
			proof().without_block(&chain, F).pages().concat(),
			chain.block_pages(id, N).concat(),
		],
		"fragments" => [3, N].map(|number| chain.way_to(number).encode()).to_vec(),
		"justification" => vec![chain.justify(3, 0).encode(), chain.justify(N, 2).encode()],
		"read_proof" => {
			let root = chain.headers[F as usize].state_root;
			vec![[&root.0[..], &id.0, &proof().nodes.encode()].concat()]
		},
		"registration" => {
			let entries = Registry { maturing: Vec::new(), ..registry }.entries_at(ID);
			let item = |key: &[u8]| (0..16).find(|item| key_of(*item).as_deref() == Some(key));
			let known = entries.into_iter().filter_map(|(key, value)| Some((item(&key)?, value)));
			vec![known.collect::<Vec<_>>().encode(), Vec::<(u8, Vec<u8>)>::new().encode()]
		},
		"manifest" => vec![registry.manifest.encode()],
		"block_record" => {
			let block = chain.proof(N).verify(&chain.genesis, &registry.manifest).unwrap();
			vec![block.record()]
		},
		"own_words" => {
			let place = history::place_of(id, N);
			vec![br#"{"version":1,"bodies_from":7}"#.to_vec(), br#"{"version":2}"#.to_vec(), place]
		},
		"rpc_answer" => {
			let page = proof().pages().swap_remove(0);
			vec![serde_json::to_vec(&Bytes(page)).unwrap()]
		},
		"layered" => {
			let number = N as usize;
			let parent = chain.key(N - 1);
			let justification = chain.justify(N, 2).encode();
			let engine = sp_consensus_grandpa::GRANDPA_ENGINE_ID;
			[
				(columns::STATE, b"a node".to_vec()),
				(columns::KEY_LOOKUP, parent.bytes()),
				(columns::KEY_LOOKUP, BlockKey::new(1, parent.hash).bytes()),
				(columns::HEADER, chain.headers[number - 1].encode()),
				(columns::BODY, chain.bodies[number].encode()),
				(columns::JUSTIFICATIONS, Justifications::from((engine, justification)).encode()),
				(columns::AUX, b"grandpa".to_vec()),
			]
			.map(|(column, value)| [&[column as u8], &value[..]].concat())
			.to_vec()
		},
		_ => Vec::new(),
	}
}
