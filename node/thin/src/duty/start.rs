//! Puts the duties together that a node was given on its command line.

use super::{
	attester::{Attester, Rules},
	auditor::NodeAuditor,
	chain::{ChainRegistry, Signer},
	cli::DutyParams,
	health::Health,
	publisher::{Publisher, Schedule},
	registry::Registry,
	task::{self, Rests},
	workshop::{NodeWorkshop, GRACE},
	DutyError,
};
use crate::{error::StartError, genesis::Genesis, local::LocalPath, prover::ProveSnapshot};
use codec::Codec;
use frame_system_rpc_runtime_api::AccountNonceApi;
use pallet_snapshots_runtime_api::SnapshotsApi;
use sc_client_api::BlockchainEvents;
use sc_client_db::PruningMode;
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::{Configuration, SpawnTaskHandle};
use sc_transaction_pool_api::TransactionPool;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use sp_core::traits::CodeExecutor;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{path::PathBuf, sync::Arc, time::Duration};
use substrate_prometheus_endpoint::Registry as PrometheusRegistry;

/// How many states a node keeps that prunes them and was not told how many.
const DEFAULT_KEPT_STATES: u32 = 256;

/// The duties of a node, checked and not yet begun.
pub struct Plan<Block: BlockT, E> {
	/// Where the journals are.
	folder: PathBuf,
	genesis: Genesis<Block>,
	executor: E,
	health: Health,
	publish: Option<Publishing>,
	attest: Option<Rules>,
	rests: Rests,
}

struct Publishing {
	schedule: Schedule,
	database: PathBuf,
	stores: Vec<String>,
	kept_states: u32,
	grace: Duration,
	traces: bool,
	while_syncing: bool,
}

impl<Block, E> Plan<Block, E>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor,
{
	/// Checks the flags of a node. `None` when it has no duties.
	///
	/// `is_thin`: whether the node was started from a snapshot itself. `most_locations`: of one
	/// snapshot, on this chain.
	pub fn of(
		config: &Configuration,
		params: &DutyParams,
		executor: &E,
		is_thin: bool,
		most_locations: usize,
	) -> Result<Option<Self>, StartError> {
		let publish = match params.thin_publish_every {
			Some(every) => Some(Publishing::of(config, params, every, is_thin, most_locations)?),
			None => None,
		};
		let attest = params.thin_attest.then_some(Rules {
			max_size: params.thin_attest_max_size,
			rate: params.thin_attest_rate,
			dry_run: params.thin_attest_dry_run,
		});
		if publish.is_none() && attest.is_none() {
			return match params.thin_key {
				Some(_) => Err(StartError::Usage(
					"--thin-key signs for a duty, and this node has none: add --thin-publish or \
					 --thin-attest, or leave it out"
						.into(),
				)),
				None => Ok(None),
			};
		}
		let folder = config.base_path.config_dir(config.chain_spec.id()).join("thin");
		let genesis = Genesis::<Block>::of(&*config.chain_spec, executor)?;
		let (executor, health) = (executor.clone(), Health::default());
		Ok(Some(Self { folder, genesis, executor, health, publish, attest, rests: never() }))
	}

	/// Leaves the duties alone while this says that the node is catching up with its chain: blocks
	/// of long ago can't be registered any more, and no transaction would be taken.
	pub fn resting_while(mut self, syncing: impl Fn() -> bool + Send + Sync + 'static) -> Self {
		self.rests = Arc::new(syncing);
		self
	}

	/// How the duties will say that they are doing.
	pub fn health(&self) -> Health {
		self.health.clone()
	}

	/// Begins the duties. They run for as long as the node.
	///
	/// Errors when the keystore has no key to sign with, or a journal is damaged.
	pub fn begin<Client, Pool, S>(
		self,
		client: Arc<Client>,
		pool: Arc<Pool>,
		signer: S,
		prover: Arc<dyn ProveSnapshot>,
		spawn: &SpawnTaskHandle,
		metrics: Option<&PrometheusRegistry>,
	) -> Result<(), DutyError>
	where
		Client: ProvideRuntimeApi<Block>
			+ HeaderBackend<Block>
			+ BlockchainEvents<Block>
			+ Send
			+ Sync
			+ 'static,
		Client::Api: SnapshotsApi<Block, S::AccountId, S::Balance, NumberFor<Block>>
			+ AccountNonceApi<Block, S::AccountId, S::Nonce>,
		Pool: TransactionPool<Block = Block> + 'static,
		S: Signer<Block> + 'static,
		NumberFor<Block>: Codec,
	{
		let registry: Arc<dyn Registry<Block::Header>> =
			Arc::new(ChainRegistry::new(client.clone(), pool, signer)?);
		let Self { folder, genesis, executor, health, publish, attest, rests } = self;
		let reported = health.clone();
		if let Some(publishing) = publish {
			let Publishing { schedule, database, stores, kept_states, grace, traces, .. } =
				publishing;
			let rests = if publishing.while_syncing { never() } else { rests.clone() };
			let every = schedule.every;
			let genesis = genesis.clone();
			let trace_with = traces.then_some(executor);
			let workshop =
				NodeWorkshop { database, genesis, stores, kept_states, grace, trace_with, prover };
			let mut publisher =
				Publisher::open(&folder, schedule, registry.clone(), Box::new(workshop))?
					.reporting_to(health.clone());
			tracing::info!(target: "thin", every, "Publishing snapshots");
			let step = move |finalized| publisher.step(finalized);
			let task = task::follow(client.clone(), "thin-publisher", rests, step);
			spawn.spawn("thin-publisher", Some("thin"), task);
		}
		if let Some(rules) = attest {
			let dry_run = rules.dry_run;
			let auditor = NodeAuditor { genesis, folder: folder.join("audits"), rate: rules.rate };
			let mut attester =
				Attester::open(&folder, rules, registry, Box::new(auditor))?.reporting_to(health);
			tracing::info!(target: "thin", dry_run, "Auditing and attesting snapshots");
			let step = move |finalized| attester.step(finalized);
			let task = task::follow(client, "thin-attester", rests, step);
			spawn.spawn("thin-attester", Some("thin"), task);
		}
		if let Some(metrics) = metrics {
			super::metrics::register_all(&reported, metrics)?;
		}
		Ok(())
	}
}

fn never() -> Rests {
	Arc::new(|| false)
}

impl Publishing {
	fn of(
		config: &Configuration,
		params: &DutyParams,
		every: u32,
		is_thin: bool,
		most_locations: usize,
	) -> Result<Self, StartError> {
		if is_thin {
			return Err(StartError::Usage(
				"a thin node holds only what came after its own snapshot, and can't publish: leave \
				 out --thin-publish, or publish from a node that synced in full"
					.into(),
			));
		}
		let local = LocalPath::of(&config.database).ok_or_else(|| {
			StartError::Usage(
				"only RocksDB databases can be published: start with --database rocksdb".into(),
			)
		})?;
		let locations = params.locations().map_err(StartError::Usage)?;
		if locations.is_empty() || locations.len() > most_locations {
			return Err(StartError::Usage(format!(
				"the chain takes 1 to {most_locations} locations of a snapshot, not {}: say with \
				 --thin-publish-location where others find the images",
				locations.len()
			)));
		}
		let keep = params.thin_publish_keep.map(|keep| keep as usize);
		let kept_states = match &config.state_pruning {
			Some(PruningMode::Constrained(limits)) => limits.max_blocks,
			_ => None,
		};
		Ok(Self {
			schedule: Schedule { every, keep, locations },
			database: local.path,
			stores: params.thin_publish.clone(),
			kept_states: kept_states.unwrap_or(DEFAULT_KEPT_STATES),
			grace: params.thin_publish_grace.unwrap_or(GRACE),
			traces: !params.thin_publish_no_trace,
			while_syncing: params.thin_publish_while_syncing,
		})
	}
}
