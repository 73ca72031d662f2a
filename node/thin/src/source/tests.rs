//! A proof that comes over an RPC: a server on this machine, which answers as a node does.

use super::*;
use crate::{
	proof::{outline, Follower, Outline, ProvenSnapshot},
	prover::{ProveError, ProveSnapshot},
	rpc::{ThinApiServer, ThinRpc},
	testing::{
		registry::{Layout, Proof, Registry},
		Block, Chain,
	},
};
use jsonrpsee::{
	server::{Server, ServerHandle},
	RpcModule,
};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::runtime::Runtime;

const N: u32 = 9;
const F: u32 = 21;

/// Gives the pages of a proof, and notes what it was asked for.
struct Paged {
	pages: Vec<Vec<u8>>,
	asked: Mutex<Vec<(Which, u32)>>,
}

impl ProveSnapshot for Paged {
	fn prove(&self, which: Which, after: u32) -> Result<Vec<u8>, ProveError> {
		self.asked.lock().push((which, after));
		let mut goes_on_from = 0;
		for page in &self.pages {
			if goes_on_from == after {
				return Ok(page.clone());
			}
			goes_on_from = outline::<Block>(page)?.last;
		}
		Err(ProveError::Missing(format!("no page goes on from {after}")))
	}
}

struct Node {
	runtime: Runtime,
	prover: Arc<Paged>,
	url: String,
	handle: ServerHandle,
}

impl Drop for Node {
	fn drop(&mut self) {
		let _ = self.handle.stop();
		self.runtime.block_on(self.handle.clone().stopped());
	}
}

/// A node of a chain, which proves a snapshot with these pages.
fn node(chain: &Chain, pages: Vec<Vec<u8>>) -> Node {
	let prover = Arc::new(Paged { pages, asked: Mutex::default() });
	let mut methods = RpcModule::new(());
	methods.merge(ThinRpc::new(None, prover.clone()).into_rpc()).unwrap();
	let genesis = format!("0x{}", hex::encode(chain.genesis.anchor().unwrap().hash));
	methods.register_method("chain_getBlockHash", move |_, (), _| genesis.clone()).unwrap();
	let runtime = Runtime::new().unwrap();
	let (url, handle) = runtime.block_on(async {
		let server = Server::builder().max_response_body_size(MAX_ANSWER_BYTES);
		let server = server.build("127.0.0.1:0").await.unwrap();
		(format!("ws://{}", server.local_addr().unwrap()), server.start(methods))
	});
	Node { runtime, prover, url, handle }
}

/// A chain with a snapshot of N registered, and the proof of it in pages of one change each.
fn proven_in_pages() -> (Chain, Registry, Proof) {
	let mut chain = Chain::new(F - 1, &[3, 5, 7, 12, 15]);
	let registry = Registry::of(chain.manifest(N), 1_000_000);
	assert_eq!(chain.push_state(registry.entries()), F);
	let mut proof = chain.snapshot_proof(registry.id(), N, F);
	let longest = |proof: &Proof| proof.pages().iter().map(Vec::len).max();
	let whole = longest(&proof).unwrap();
	// The last page has the state besides, which isn't divided.
	proof.most = whole / 4;
	(chain, registry, proof)
}

fn followed(
	node: &Node,
	chain: &Chain,
	which: Which,
) -> Result<ProvenSnapshot<Block>, FollowError> {
	let anchor = chain.genesis.anchor().unwrap();
	let rpc = Rpc::new(&node.url, anchor.hash);
	let wanted = match which {
		Which::Id(id) => Some(id),
		Which::Latest => None,
	};
	let follower = Follower::<Block>::new(wanted, &anchor, &anchor);
	Ok(*follower.follow::<Layout>(&mut rpc.prove(which))?.snapshot()?)
}

#[test]
fn a_proof_of_several_pages_is_asked_for_page_by_page() {
	let (chain, registry, proof) = proven_in_pages();
	let pages = proof.pages();
	assert!(pages.len() >= 4, "only {} pages", pages.len());
	let node = node(&chain, pages.clone());

	let proven = followed(&node, &chain, Which::Id(registry.id())).unwrap();
	assert_eq!(proven.registration.at(), chain.key(F));
	assert_eq!(proven.block.unwrap().key(), chain.key(N));

	let asked = std::mem::take(&mut *node.prover.asked.lock());
	let mut wanted = vec![(Which::Id(registry.id()), 0)];
	for page in &pages[..pages.len() - 1] {
		let Outline { last, ends } = outline::<Block>(page).unwrap();
		assert!(!ends);
		wanted.push((Which::Id(registry.id()), last));
	}
	assert_eq!(asked, wanted);
}

#[test]
fn the_latest_stays_the_same_one_from_page_to_page() {
	let (chain, registry, proof) = proven_in_pages();
	let node = node(&chain, proof.pages());
	followed(&node, &chain, Which::Latest).unwrap();
	let asked = node.prover.asked.lock();
	assert_eq!(asked[0].0, Which::Latest);
	assert!(asked.len() >= 4);
	assert!(asked[1..].iter().all(|(which, _)| *which == Which::Id(registry.id())));
}

#[test]
fn what_a_node_has_no_page_for_is_said_in_its_words() {
	let (chain, registry, proof) = proven_in_pages();
	let mut pages = proof.pages();
	pages.truncate(2);
	let node = node(&chain, pages);
	let error = followed(&node, &chain, Which::Id(registry.id())).err().unwrap();
	let said = error.to_string();
	assert!(matches!(error, FollowError::Source(SourceError::NoProof { .. })), "{said}");
	assert!(said.contains("no page goes on from"), "{said}");
}

#[test]
fn a_node_of_another_chain_is_refused_before_it_is_asked() {
	let (chain, registry, proof) = proven_in_pages();
	let node = node(&chain, proof.pages());
	let other = Chain::of(7, 1, &[]);
	let error = followed(&node, &other, Which::Id(registry.id())).err();
	assert!(
		matches!(error, Some(FollowError::Source(SourceError::OtherChain { .. }))),
		"{error:?}"
	);
	assert!(node.prover.asked.lock().is_empty());
}
