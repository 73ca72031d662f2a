//! A registry for tests: the entries that pallet-snapshots would have in the state.

use super::{state_of, Block, Chain, Entries};
use crate::{
	create::snapshot_id,
	proof::{Pager, MAX_PAGE_BYTES},
	registration::{self, RegistryLayout, State},
};
use codec::Encode;
use pallet_snapshots::{
	Attestation, Bond, Listed, Location, Manifest, Maturing, Origin, Snapshot, SnapshotId, Status,
	Unlocking, Vouch,
};
use sc_consensus_grandpa::warp_proof::WarpSyncFragment;
use sp_core::ConstU32;
use sp_crypto_hashing::{blake2_128, twox_128};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{
	backend::{Backend, IterArgs},
	prove_read, InMemoryBackend, StorageProof,
};
use std::cell::RefCell;

/// How the chains of the tests keep their registry.
pub struct Layout;

impl RegistryLayout for Layout {
	type AccountId = [u8; 32];
	type Balance = u128;
	type BlockNumber = u32;
	const SNAPSHOTS: &'static str = "Snapshots";
	const TIMESTAMP: &'static str = "Timestamp";
}

/// An attester: what it vouched with, what it has bonded, and what is on its way out.
pub type Attester = (u8, u128, u128, u128);

/// The state of a registry with one snapshot in it.
#[derive(Clone)]
pub struct Registry {
	pub manifest: Manifest,
	pub origin: Origin,
	pub status: Status<u32>,
	pub expires_at: u32,
	pub attesters: Vec<Attester>,
	pub total: u128,
	pub maturing: Vec<Maturing<u128, u32>>,
	pub listed: Vec<Listed>,
	pub locations: Vec<Location>,
	pub time: u64,
}

pub fn key(pallet: &str, name: &str, rest: &[u8]) -> Vec<u8> {
	[&twox_128(pallet.as_bytes())[..], &twox_128(name.as_bytes()), rest].concat()
}

fn hashed(bytes: &[u8]) -> Vec<u8> {
	[&blake2_128(bytes)[..], bytes].concat()
}

impl Registry {
	/// A certified snapshot of a chain's own block, with three attesters of 100 each.
	pub fn of(manifest: Manifest, time: u64) -> Self {
		let id = snapshot_id::<Block>(&manifest);
		Self {
			origin: Origin::Native,
			status: Status::Certified { at: 10 },
			expires_at: 1_000,
			attesters: vec![(1, 100, 100, 0), (2, 100, 100, 0), (3, 100, 100, 0)],
			total: 500,
			maturing: Vec::new(),
			listed: vec![Listed { block_number: manifest.block_number, id }],
			locations: vec!["zdb://127.0.0.1:9900/default".parse().unwrap()],
			manifest,
			time,
		}
	}

	pub fn id(&self) -> SnapshotId {
		snapshot_id::<Block>(&self.manifest)
	}

	/// The record under the id of the snapshot.
	pub fn entries(&self) -> Entries {
		self.entries_at(self.id())
	}

	/// The record under any id, and much that is beside the matter.
	pub fn entries_at(&self, id: SnapshotId) -> Entries {
		let record = Snapshot::<[u8; 32], u128, u32> {
			manifest: self.manifest.clone(),
			publisher: [9; 32],
			origin: self.origin,
			registered_at: 8,
			expires_at: self.expires_at,
			status: self.status,
			deposit: 7,
			attested: self.attesters.iter().map(|attester| attester.1).sum(),
			attesters: self.attesters.len() as u32,
			quorum: 250,
			bound_until: 20,
		};
		let genesis = self.manifest.genesis_hash.encode();
		let mut entries = vec![
			(key("Snapshots", "Snapshots", id.as_bytes()), record.encode()),
			(key("Snapshots", "Locations", id.as_bytes()), self.locations.encode()),
			(key("Snapshots", "Certified", &hashed(&genesis)), self.listed.encode()),
			(key("Snapshots", "TotalBonded", &[]), self.total.encode()),
			(key("Timestamp", "Now", &[]), self.time.encode()),
		];
		if !self.maturing.is_empty() {
			entries.push((key("Snapshots", "TotalMaturing", &[]), self.maturing.encode()));
		}
		for (name, stake, bonded, unlocking) in &self.attesters {
			let account = hashed(&[*name; 32]);
			let attestation = Attestation { stake: *stake, at: 9u32 };
			let of_id = [id.as_bytes(), &account].concat();
			entries.push((key("Snapshots", "Attestations", &of_id), attestation.encode()));
			let bond = Bond::<u128, u32, ConstU32<8>, ConstU32<8>> {
				bonded: *bonded,
				maturing: Default::default(),
				unlocking: vec![Unlocking { value: *unlocking, since: 9, free_at: 99 }]
					.try_into()
					.unwrap(),
				vouches: vec![Vouch { snapshot: id, at: 9 }].try_into().unwrap(),
			};
			entries.push((key("Snapshots", "Attesters", &account), bond.encode()));
		}
		for other in 0..50u8 {
			let of_other = [&[other; 32][..], &hashed(&[other; 32])].concat();
			entries.push((key("Snapshots", "Attestations", &of_other), vec![other; 20]));
			entries.push((key("System", "Account", &hashed(&[other; 32])), vec![other; 80]));
		}
		entries
	}
}

/// A state in memory that notes what is asked for.
struct Noting(InMemoryBackend<BlakeTwo256>, RefCell<Vec<Vec<u8>>>);

impl State for Noting {
	fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
		self.1.borrow_mut().push(key.to_vec());
		self.0.storage(key)
	}

	fn keys(&self, prefix: &[u8], _most: usize) -> Result<Vec<Vec<u8>>, String> {
		self.1.borrow_mut().push(prefix.to_vec());
		let mut args = IterArgs::default();
		args.prefix = Some(prefix);
		self.0.keys(args)?.collect()
	}
}

impl Chain {
	/// The keys that speak of a snapshot in the state of a block.
	pub fn keys_of(&self, id: SnapshotId, number: u32) -> Vec<Vec<u8>> {
		let state = Noting(state_of(&self.states[&number]), Default::default());
		registration::read::<Layout>(&state, id, number).unwrap();
		state.1.into_inner()
	}

	/// A read proof in the state of a block.
	pub fn read_proof(&self, number: u32, keys: Vec<Vec<u8>>) -> StorageProof {
		prove_read(state_of(&self.states[&number]), keys).unwrap()
	}

	/// The proof of a snapshot of this chain's block `n`, as of block `f`.
	pub fn snapshot_proof(&self, id: SnapshotId, n: u32, f: u32) -> Proof {
		Proof {
			snapshot: id,
			to_block: self.way_to(n),
			after: n,
			to_registration: self.way(n, f),
			nodes: self.read_proof(f, self.keys_of(id, f)).into_iter_nodes().collect(),
			most: MAX_PAGE_BYTES,
		}
	}

	/// The proof that a block is final, as a snapshot's.
	pub fn block_pages(&self, id: SnapshotId, number: u32) -> Vec<Vec<u8>> {
		block_pages(id, &self.way_to(number), MAX_PAGE_BYTES)
	}
}

/// A proof of a snapshot, for tests to spoil.
pub struct Proof {
	pub snapshot: SnapshotId,
	pub to_block: Vec<WarpSyncFragment<Block>>,
	/// Where the way to the registration goes on from.
	pub after: u32,
	pub to_registration: Vec<WarpSyncFragment<Block>>,
	pub nodes: Vec<Vec<u8>>,
	/// The most bytes of a page.
	pub most: usize,
}

impl Proof {
	/// Without the proof of the block: from genesis of the registry's chain.
	pub fn without_block(self, chain: &Chain, f: u32) -> Self {
		Self { to_block: Vec::new(), after: 0, to_registration: chain.way_to(f), ..self }
	}

	/// As it travels.
	pub fn pages(&self) -> Vec<Vec<u8>> {
		let mut pages = block_pages(self.snapshot, &self.to_block, self.most);
		pages.extend(self.registration_pages());
		pages
	}

	/// The part that is renewed.
	pub fn registration_pages(&self) -> Vec<Vec<u8>> {
		let mut pages = Vec::new();
		let mut pager = Pager::new(self.snapshot, self.after, self.most);
		let mut last = self.after;
		for fragment in &self.to_registration {
			let bytes = fragment.encode();
			if !pager.takes(bytes.len()) {
				let full =
					std::mem::replace(&mut pager, Pager::new(self.snapshot, last, self.most));
				pages.push(full.into_registration_page());
			}
			pager.add(&bytes).unwrap();
			last = fragment.header.number;
		}
		pages.push(pager.with_state(self.nodes.clone()).unwrap());
		pages
	}
}

fn block_pages(id: SnapshotId, way: &[WarpSyncFragment<Block>], most: usize) -> Vec<Vec<u8>> {
	let (mut pages, mut last) = (Vec::new(), 0);
	let mut pager = Pager::new(id, 0, most);
	for fragment in way {
		let bytes = fragment.encode();
		if !pager.takes(bytes.len()) {
			let full = std::mem::replace(&mut pager, Pager::new(id, last, most));
			pages.push(full.into_block_page(false));
		}
		pager.add(&bytes).unwrap();
		last = fragment.header.number;
	}
	if !way.is_empty() {
		pages.push(pager.into_block_page(true));
	}
	pages
}
