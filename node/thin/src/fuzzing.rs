//! One function for each thing that is read from strangers: takes any bytes, and panics where
//! something would be believed that isn't proven.

use crate::{
	columns::{self, number_key, BlockKey},
	create::snapshot_id,
	genesis::Anchor,
	history,
	layered::{Lower, RawDatabase, ReadError},
	promise::Promise,
	proof::{
		read_state, snapshot_of, Followed, Follower, Frames, Page, ProvenBlock, Walk,
		MAX_PAGE_BYTES,
	},
	registration::{self, RegistryLayout, State},
};
use codec::{Decode, DecodeAll, Encode};
use pallet_snapshots::{Database, DatabaseKind, Manifest, Pruning, SnapshotId};
use sc_consensus_grandpa::{warp_proof::WarpSyncFragment, GrandpaJustification};
use sp_core::{ed25519, storage::StateVersion, Bytes, Pair, H256};
use sp_crypto_hashing::{blake2_128, blake2_256, twox_128};
use sp_database::ColumnId;
use sp_runtime::{
	generic,
	traits::{BlakeTwo256, Hash as _, Header as _},
	Justifications, OpaqueExtrinsic,
};
use std::{fs, sync::OnceLock};

/// A target: its name, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets. Each has a file of its name in `fuzz/fuzz_targets`.
pub const TARGETS: [Target; 11] = [
	("proof_page", proof_page),
	("snapshot_proof", snapshot_proof),
	("fragments", fragments),
	("justification", justification),
	("read_proof", read_proof),
	("registration", registration),
	("manifest", manifest),
	("block_record", block_record),
	("own_words", own_words),
	("rpc_answer", rpc_answer),
	("layered", layered),
];

type Header = generic::Header<u32, BlakeTwo256>;
type Block = generic::Block<Header, OpaqueExtrinsic>;

/// How the chain of the seeds keeps its registry.
struct Layout;

impl RegistryLayout for Layout {
	type AccountId = [u8; 32];
	type Balance = u128;
	type BlockNumber = u32;
	const SNAPSHOTS: &'static str = "Snapshots";
	const TIMESTAMP: &'static str = "Timestamp";
}

/// Genesis of the chain of the seeds.
const GENESIS: [u8; 32] = [
	0x65, 0xdf, 0xbc, 0x66, 0xc9, 0x0d, 0xc1, 0xb7, 0x61, 0x6f, 0xdf, 0xed, 0xb4, 0x64, 0x35, 0xc4,
	0xc7, 0x8b, 0xf2, 0xb7, 0xf0, 0xc4, 0xee, 0xa7, 0x4b, 0x9b, 0x24, 0xad, 0x45, 0x76, 0x49, 0xe4,
];

fn anchor() -> Anchor {
	let authority = |index: u64| {
		let seed = BlakeTwo256::hash_of(&(0u64, index, 3u64));
		(ed25519::Pair::from_seed(&seed.0).public().into(), 1)
	};
	Anchor { hash: GENESIS, authorities: (0..3).map(authority).collect() }
}

/// What a manifest must say of a block.
fn manifest_of(block: &ProvenBlock<Block>) -> Manifest {
	Manifest {
		genesis_hash: H256(block.genesis_hash()),
		block_number: block.key().number.into(),
		block_hash: H256(block.key().hash),
		state_root: *block.header().state_root(),
		image: H256::zero(),
		logical_size: 0,
		database: Database { kind: DatabaseKind::RocksDb, version: 4 },
		pruning: Pruning::Archive,
	}
}

/// The block of the first seed of `snapshot_proof`.
fn seed_block() -> Option<&'static ProvenBlock<Block>> {
	static BLOCK: OnceLock<Option<ProvenBlock<Block>>> = OnceLock::new();
	let read = || {
		let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/snapshot_proof/0");
		let (bytes, anchor) = (fs::read(path).ok()?, anchor());
		let follower = Follower::<Block>::new(None, &anchor, &anchor);
		follower.follow_to_block(&mut Frames::new(&bytes[..], path.into())).ok()
	};
	BLOCK.get_or_init(read).as_ref()
}

/// A page is refused, or there is exactly one way to write it.
pub fn proof_page(bytes: &[u8]) {
	if let Ok(page) = Page::<Block>::from_bytes(bytes) {
		assert!(bytes.len() <= MAX_PAGE_BYTES);
		assert!(bytes.ends_with(&page.encode()));
		assert_eq!(snapshot_of(bytes), Some(page.snapshot));
	}
}

/// A proof is refused, or proves a block that was signed and a manifest that hashes to the id.
pub fn snapshot_proof(bytes: &[u8]) {
	let anchor = anchor();
	let follower = Follower::<Block>::new(None, &anchor, &anchor);
	let followed = follower.follow::<Layout>(&mut Frames::new(bytes, "the input".into()));
	match followed {
		Ok(Followed::Block(_, block)) => holds(&block),
		Ok(Followed::Snapshot(proven)) => {
			let manifest = &proven.registration.registration().manifest;
			assert_eq!(snapshot_id::<Block>(manifest), proven.registration.id());
			assert_eq!(manifest.genesis_hash.0, anchor.hash);
			if let Some(block) = &proven.block {
				assert_eq!(block.key().hash, manifest.block_hash.0);
				holds(block);
			}
		},
		Err(_) => {},
	}
}

/// A block that was proven can be remembered and handed on, and is the same then.
fn holds(block: &ProvenBlock<Block>) {
	let (anchor, manifest) = (anchor(), manifest_of(block));
	let read = ProvenBlock::<Block>::from_record(&block.record(), &anchor, &manifest);
	assert!(read.is_ok_and(|read| read.history() == block.history()));
	let id = SnapshotId::zero();
	let follower = Follower::<Block>::new(Some(id), &anchor, &anchor);
	let again = follower.follow_to_block(&mut block.pages(id));
	assert!(again.is_ok_and(|again| again.key() == block.key()));
}

/// A way is refused, or is one of the chain.
pub fn fragments(bytes: &[u8]) {
	let Ok(fragments) = Vec::<WarpSyncFragment<Block>>::decode(&mut &bytes[..]) else { return };
	let mut walk = Walk::<Block>::to_block(&anchor());
	for fragment in fragments {
		if walk.step(fragment).is_err() {
			break;
		}
	}
	if let Ok(block) = walk.end() {
		holds(&block);
	}
}

/// A justification is refused, or is of the block that it names.
pub fn justification(bytes: &[u8]) {
	let Ok(read) = GrandpaJustification::<Block>::decode_all(&mut &bytes[..]) else { return };
	let verified = [0, 1].map(|set| read.verify(set, &anchor().authorities).is_ok());
	assert!(!(verified[0] && verified[1]));
	assert_eq!(read.encode(), bytes);
}

/// Nodes of a state: of which root and snapshot, the first 64 bytes say.
pub fn read_proof(bytes: &[u8]) {
	let Some((root, rest)) = bytes.split_first_chunk::<32>() else { return };
	let Some((id, nodes)) = rest.split_first_chunk::<32>() else { return };
	let _ = read_state::<Block, Layout>(H256(*root), H256(*id), nodes);
}

/// Any values under the keys of a registry: no sum goes round, and a snapshot that isn't there
/// isn't found.
pub fn registration(bytes: &[u8]) {
	struct Values(Vec<(Vec<u8>, Vec<u8>)>);
	impl State for Values {
		fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
			Ok(self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone()))
		}

		fn keys(&self, prefix: &[u8], most: usize) -> Result<Vec<Vec<u8>>, String> {
			let keys = self.0.iter().map(|(key, _)| key).filter(|key| key.starts_with(prefix));
			Ok(keys.take(most).cloned().collect())
		}
	}
	let Ok(values) = Vec::<(u8, Vec<u8>)>::decode(&mut &bytes[..]) else { return };
	let keyed = values.into_iter().filter_map(|(item, value)| Some((key_of(item)?, value)));
	let state = Values(keyed.collect());
	let found = registration::read::<Layout>(&state, ID, 9);
	let recorded = state.get(&key_of(0).unwrap_or_default()).is_ok_and(|value| value.is_some());
	if let Ok(found) = found {
		assert_eq!(found.is_some(), recorded);
	}
}

/// The snapshot of [`registration`].
const ID: SnapshotId = H256([7; 32]);

/// The key of an item of the registry; attestations and bonds of several accounts.
fn key_of(item: u8) -> Option<Vec<u8>> {
	let key = |pallet: &str, name: &str, rest: &[u8]| {
		Some([&twox_128(pallet.as_bytes())[..], &twox_128(name.as_bytes()), rest].concat())
	};
	let hashed = |bytes: &[u8]| [&blake2_128(bytes)[..], bytes].concat();
	let account = hashed(&[item % 4; 32]);
	match item {
		0 => key("Snapshots", "Snapshots", &ID.0),
		1 => key("Snapshots", "Locations", &ID.0),
		2 => key("Snapshots", "Certified", &hashed(&GENESIS)),
		3 => key("Snapshots", "TotalBonded", &[]),
		4 => key("Snapshots", "TotalMaturing", &[]),
		5 => key("Timestamp", "Now", &[]),
		8..=11 => key("Snapshots", "Attestations", &[&ID.0[..], &account].concat()),
		12..=15 => key("Snapshots", "Attesters", &account),
		_ => None,
	}
}

/// A manifest is refused, or there is exactly one way to write it.
pub fn manifest(bytes: &[u8]) {
	if let Ok(read) = Manifest::decode_all(&mut &bytes[..]) {
		assert_eq!(read.encode(), bytes);
		assert_eq!(snapshot_id::<Block>(&read).0, blake2_256(bytes));
	}
}

/// What the own database remembers is refused, or is the block.
pub fn block_record(bytes: &[u8]) {
	let Some(block) = seed_block() else { return };
	let read = ProvenBlock::<Block>::from_record(bytes, &anchor(), &manifest_of(block));
	if let Ok(read) = read {
		assert_eq!(read.key(), block.key());
		assert_eq!(read.record(), bytes);
		let _ = (read.history().changes(), read.history().current());
	}
}

/// What an image says of itself, and where a walk stands.
pub fn own_words(bytes: &[u8]) {
	if let Ok(Some(promise)) = Promise::parse(bytes) {
		let again = serde_json::to_vec(&promise).unwrap_or_default();
		assert_eq!(Promise::parse(&again), Ok(Some(promise)));
	}
	if let Some(again) = history::reread_place(bytes) {
		assert_eq!(again, bytes);
	}
}

/// What a node answers to `thin_proveSnapshot`.
pub fn rpc_answer(bytes: &[u8]) {
	if let Ok(Bytes(page)) = serde_json::from_slice(bytes) {
		proof_page(&page);
		let anchor = anchor();
		let follower = Follower::<Block>::new(Some(ID), &anchor, &anchor);
		let block = follower.follow_to_block(&mut vec![page].into_iter());
		assert!(block.is_err(), "the seeds are of other snapshots");
	}
}

/// The value of a column, which the first byte names: nothing is shown that the chain doesn't say.
pub fn layered(bytes: &[u8]) {
	struct One(ColumnId, Vec<u8>);
	impl RawDatabase for One {
		fn get(&self, column: ColumnId, _: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
			Ok((column == self.0).then(|| self.1.clone()))
		}
	}
	let (Some(block), Some((column, value))) = (seed_block(), bytes.split_first()) else { return };
	let column = u32::from(*column) % columns::SDK_COLUMNS;
	let lower = Lower::new(Box::new(One(column, value.to_vec())), block);
	let get = |key: &[u8]| lower.get(column, key).ok().flatten();
	let (n, header) = (block.key(), block.header());
	let parent = BlockKey::new(n.number - 1, header.parent_hash().0);
	match column {
		columns::STATE | columns::TRANSACTION => {
			let hash = blake2_256(value);
			assert_eq!(get(&hash).as_deref(), Some(value));
			let other = header.state_root().0;
			assert!(hash == other || get(&other).is_none());
		},
		columns::KEY_LOOKUP => {
			assert!(get(&parent.hash).is_none_or(|found| found == parent.bytes()));
			let found = get(&number_key(parent.number));
			assert!(found.is_none_or(|found| {
				BlockKey::parse(&found).is_some_and(|key| key.number == parent.number)
			}));
			assert_eq!(get(&n.hash), Some(n.bytes()));
			assert_eq!(get(&number_key(n.number + 1)), None);
		},
		columns::HEADER => {
			assert!(get(&parent.bytes()).is_none_or(|found| blake2_256(&found) == parent.hash));
			assert_eq!(get(&n.bytes()), Some(header.encode()));
		},
		columns::BODY => {
			let Some(body) = get(&n.bytes()) else { return };
			let extrinsics = Vec::<OpaqueExtrinsic>::decode_all(&mut &body[..]);
			let extrinsics: Vec<_> =
				extrinsics.into_iter().flatten().map(|extrinsic| extrinsic.encode()).collect();
			let root = |version| BlakeTwo256::ordered_trie_root(extrinsics.clone(), version);
			let roots = [root(StateVersion::V0), root(StateVersion::V1)];
			assert!(roots.contains(header.extrinsics_root()));
		},
		columns::JUSTIFICATIONS => {
			let Some(found) = get(&n.bytes()) else { return };
			let engine = sp_consensus_grandpa::GRANDPA_ENGINE_ID;
			let all = Justifications::decode_all(&mut &found[..]);
			let encoded = all.ok().and_then(|all| all.into_justification(engine));
			let read = encoded
				.and_then(|bytes| GrandpaJustification::<Block>::decode_all(&mut &bytes[..]).ok());
			assert!(read.is_some_and(|read| read.target().1 .0 == n.hash));
		},
		_ => assert_eq!(get(&n.bytes()), None),
	}
}

#[cfg(test)]
mod seeds;
#[cfg(test)]
mod tests;
