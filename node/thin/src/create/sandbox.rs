//! The first start from an image, by those who have made it: it tells which chunks such a start
//! takes, so that others can fetch them ahead.
//!
//! The image is mounted and a node's database made over it, as `--thin-from` does, in a folder that
//! goes away. There is no network, and nothing of it is kept but the trace.

use crate::{
	bootstrap::scratch::Scratch, genesis::Genesis, layered::LayeredDatabase, local::Marker,
	proof::ProvenBlock, start::pruning_mode,
};
use sc_client_api::{Backend as _, TrieCacheContext};
use sc_client_db::DatabaseSource;
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::TFullBackend;
use sp_blockchain::HeaderBackend;
use sp_core::traits::{CallContext, CodeExecutor};
use sp_runtime::traits::{Block as BlockT, HashingFor, NumberFor};
use sp_state_machine::{
	backend::{BackendRuntimeCode, TryPendingCode},
	OverlayedChanges, StateMachine,
};
use std::{fs, path::Path, sync::Arc};
use thin_mount::{
	chunk::ChunkId,
	image::ImageId,
	mount::{mount, MountOptions},
	store::Store,
	trace::RECORDED,
};

/// What a node asks its runtime as it starts. A runtime has some of these.
const QUESTIONS: [&str; 7] = [
	"Core_version",
	"GrandpaApi_grandpa_authorities",
	"GrandpaApi_current_set_id",
	"AuraApi_slot_duration",
	"AuraApi_authorities",
	"BabeApi_configuration",
	"BabeApi_current_epoch",
];

/// A start to be tried.
pub(super) struct Sandbox<'a, Block: BlockT, E> {
	/// An empty folder.
	pub folder: &'a Path,
	/// The image.
	pub image: ImageId,
	/// Where it is.
	pub stores: &'a [Arc<dyn Store>],
	/// What the chain spec says.
	pub genesis: &'a Genesis<Block>,
	/// Block N.
	pub proven: &'a ProvenBlock<Block>,
	/// What the database will remember.
	pub marker: &'a Marker,
	/// Runs the runtime.
	pub executor: &'a E,
}

/// Where the image is mounted meanwhile.
pub(super) const MOUNT: &str = "mount";

impl<Block, E> Sandbox<'_, Block, E>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor,
{
	/// Starts, and gives the chunks that were read, in order. Errors with a sentence.
	pub fn record(self) -> Result<Vec<ChunkId>, String> {
		let place = self.folder.join(MOUNT);
		fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
		let mut options = MountOptions::new(self.image, self.stores.to_vec(), place);
		// What is fetched ahead is not what was asked for.
		options.prefetch = false;
		options.record_trace = Some(RECORDED);
		let mount = mount(options).map_err(|error| error.to_string())?;
		let started = self.start(mount.path());
		let trace = mount.trace().unwrap_or_default();
		mount.unmount().map_err(|error| error.to_string())?;
		started.map(|()| trace)
	}

	/// Until state at N is readable. All files are closed when this returns.
	fn start(&self, image: &Path) -> Result<(), String> {
		let made = Scratch {
			image,
			folder: self.folder,
			pruning: pruning_mode(self.marker.manifest.pruning),
			genesis: self.genesis,
			proven: self.proven,
			marker: self.marker,
			executor: self.executor,
		}
		.make(|_| Ok(()))?;
		let upper = made.local.open(false).map_err(|error| error.to_string())?;
		let layered = LayeredDatabase::new(upper, made.lower.clone(), made.on_fault.clone());
		let db = Arc::new(layered);
		let source = DatabaseSource::Custom { db, require_create_flag: false };
		let backend: Arc<TFullBackend<Block>> =
			sc_service::new_db_backend(made.settings(source)).map_err(|error| error.to_string())?;
		self.ask(&backend)?;
		made.check()
	}

	/// Reads the state at N as a node does that starts.
	fn ask(&self, backend: &TFullBackend<Block>) -> Result<(), String> {
		let hash = backend.blockchain().info().finalized_hash;
		let state = backend
			.state_at(hash, TrieCacheContext::Untrusted)
			.map_err(|error| error.to_string())?;
		let code = BackendRuntimeCode::<_, HashingFor<Block>>::new(&state, TryPendingCode::No);
		let code = code.runtime_code().map_err(str::to_owned)?;
		for question in QUESTIONS {
			let mut changes = OverlayedChanges::default();
			let mut extensions = Default::default();
			let answer = StateMachine::new(
				&state,
				&mut changes,
				self.executor,
				question,
				&[],
				&mut extensions,
				&code,
				CallContext::Offchain,
			)
			.execute();
			if let Err(error) = answer {
				tracing::debug!(target: "thin", question, %error, "not asked by this chain");
			}
		}
		Ok(())
	}
}
