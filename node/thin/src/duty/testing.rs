//! A registry in memory, in which calls take effect when a test says so.

use super::{
	registry::{Call, Registered, Registry, Stage},
	DutyError,
};
use pallet_snapshots::{Database, DatabaseKind, ImageInfo, Manifest, Pruning, SnapshotId};
use parking_lot::Mutex;
use sp_core::H256;
use std::{collections::BTreeMap, sync::Arc};

pub type Header = u32;

#[derive(Default)]
pub struct State {
	pub snapshots: BTreeMap<SnapshotId, Registered>,
	pub submitted: Vec<Call<Header>>,
	pub obstacle: Option<String>,
	pub unreachable: bool,
	pub rejects: bool,
}

#[derive(Clone, Default)]
pub struct Fake(pub Arc<Mutex<State>>);

pub fn id(number: u8) -> SnapshotId {
	SnapshotId::repeat_byte(number)
}

pub fn image(image: u8) -> ImageInfo {
	ImageInfo {
		image: H256::repeat_byte(image),
		logical_size: 1_000,
		database: Database { kind: DatabaseKind::RocksDb, version: 4 },
		pruning: Pruning::Archive,
	}
}

pub fn manifest(block: u64, of: u8) -> Manifest {
	image(of).at(H256::zero(), block, H256::from_low_u64_be(block), H256::zero())
}

pub fn registered(number: u8, manifest: Manifest) -> Registered {
	let (locations, stage) = (Vec::new(), Stage::Pending);
	let (certified_at, attested) = (0, false);
	Registered { id: id(number), manifest, locations, stage, certified_at, attested }
}

impl Fake {
	pub fn add(&self, snapshot: Registered) {
		self.0.lock().snapshots.insert(snapshot.id, snapshot);
	}

	pub fn stage(&self, id: SnapshotId, stage: Stage) {
		self.0.lock().snapshots.get_mut(&id).unwrap().stage = stage;
	}

	pub fn remove(&self, id: SnapshotId) {
		self.0.lock().snapshots.remove(&id);
	}

	/// What was submitted since the last time.
	pub fn taken(&self) -> Vec<Call<Header>> {
		std::mem::take(&mut self.0.lock().submitted)
	}
}

impl Registry<Header> for Fake {
	fn snapshot(&self, id: SnapshotId) -> Result<Option<Registered>, DutyError> {
		let state = self.0.lock();
		if state.unreachable {
			return Err(DutyError::Registry("away".into()));
		}
		Ok(state.snapshots.get(&id).cloned())
	}

	fn open(&self) -> Result<Vec<SnapshotId>, DutyError> {
		let state = self.0.lock();
		let open = |stage| matches!(stage, Stage::Pending | Stage::Certified);
		Ok(state.snapshots.values().filter(|s| open(s.stage)).map(|s| s.id).collect())
	}

	fn obstacle(&self) -> Result<Option<String>, DutyError> {
		Ok(self.0.lock().obstacle.clone())
	}

	fn submit(&self, call: Call<Header>) -> Result<(), DutyError> {
		let mut state = self.0.lock();
		if state.rejects {
			return Err(DutyError::Submit("no funds".into()));
		}
		state.submitted.push(call);
		Ok(())
	}
}
