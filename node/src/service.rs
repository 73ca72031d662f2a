//! The node, put together from its parts.

use futures::FutureExt;
use sc_client_api::{Backend, BlockBackend};
use sc_consensus_aura::{ImportQueueParams, SlotProportion, StartAuraParams};
use sc_consensus_grandpa::{warp_proof::NetworkProvider, SharedVoterState};
use sc_network::{config::FullNetworkConfiguration, NetworkBackend};
use sc_service::{
	error::Error as ServiceError, BuildNetworkParams, Configuration, KeystoreContainer,
	SpawnTasksParams, TaskManager, WarpSyncConfig,
};
use sc_telemetry::{Telemetry, TelemetryHandle, TelemetryWorker};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus::SyncOracle;
use sp_consensus_aura::{
	inherents::InherentDataProvider as SlotProvider, sr25519::AuthorityPair as AuraPair,
	SlotDuration,
};
use sp_timestamp::InherentDataProvider as TimestampProvider;
use std::{sync::Arc, time::Duration};
use thin_client::{
	cli::ThinParams,
	duty::{cli::DutyParams, start::Plan},
	error::StartError,
	prover::SnapshotProver,
	registration::RegistryLayout,
	status::ThinStatus,
};
use thin_runtime::{
	apis::RuntimeApi,
	opaque::{Block, Hash},
	AccountId, Balance, BlockNumber,
};

/// What runs the runtime.
pub type Executor = sc_executor::WasmExecutor<sp_io::SubstrateHostFunctions>;

/// The client: the chain's blocks and state, and calls of its runtime.
pub type FullClient = sc_service::TFullClient<Block, RuntimeApi, Executor>;
/// The database behind the client.
pub type FullBackend = sc_service::TFullBackend<Block>;
type FullSelectChain = sc_consensus::LongestChain<FullBackend, Block>;
type FullPool = sc_transaction_pool::TransactionPoolHandle<Block, FullClient>;
/// Imports blocks, and finalizes those that come with a justification.
pub type GrandpaBlockImport =
	sc_consensus_grandpa::GrandpaBlockImport<FullBackend, Block, FullClient, FullSelectChain>;
/// What GRANDPA knows of the chain.
pub type GrandpaLink = sc_consensus_grandpa::LinkHalf<Block, FullClient, FullSelectChain>;

/// How many blocks may pass until a finalized one has its justification stored.
///
/// A snapshot can be taken only at a block that has one, and the proof of a snapshot ends in
/// it. At 32 blocks the newest such block is about a minute old; each costs a node the
/// signatures of two thirds of the authorities.
const GRANDPA_JUSTIFICATION_PERIOD: u32 = 32;

/// How the runtime keeps its registry of snapshots.
pub struct Layout;

impl RegistryLayout for Layout {
	type AccountId = AccountId;
	type Balance = Balance;
	type BlockNumber = BlockNumber;
	const SNAPSHOTS: &'static str = "Snapshots";
	const TIMESTAMP: &'static str = "Timestamp";
}

/// What the database gives: the client over it and what has to live as long.
pub type ClientParts = (FullClient, Arc<FullBackend>, KeystoreContainer, TaskManager);

/// What every command needs of a node that has a database.
pub type Service = sc_service::PartialComponents<
	FullClient,
	FullBackend,
	FullSelectChain,
	sc_consensus::DefaultImportQueue<Block>,
	FullPool,
	(GrandpaBlockImport, GrandpaLink, Option<Telemetry>, Option<ThinStatus>),
>;

/// Opens the database and builds the client over it. The only place that decides what the
/// database is: a snapshot below and a local one above, or a local one alone.
fn client_parts(
	config: &Configuration,
	thin: &ThinParams,
	telemetry: Option<TelemetryHandle>,
) -> Result<(ClientParts, Option<ThinStatus>), ServiceError> {
	let executor: Executor = sc_service::new_wasm_executor(&config.executor);
	if !thin_client::start::is_thin(config, thin).map_err(application)? {
		let parts = sc_service::new_full_parts(config, telemetry, executor, Vec::new())?;
		return Ok((parts, None));
	}
	let database = thin_client::start::open::<Block, _, Layout>(config, thin, executor.clone())
		.map_err(application)?;
	let status = database.status.clone();
	let parts = thin_client::parts::full_parts(config, telemetry, executor, database)?;
	Ok((parts, Some(status)))
}

fn application(error: StartError) -> ServiceError {
	ServiceError::Application(Box::new(error))
}

/// The slot and the time of now, for a block that is made or checked.
fn inherents(slot_duration: SlotDuration) -> (SlotProvider, TimestampProvider) {
	let timestamp = TimestampProvider::from_system_time();
	let slot = SlotProvider::from_timestamp_and_slot_duration(*timestamp, slot_duration);
	(slot, timestamp)
}

/// Builds what a node and most commands share, without a network.
pub fn new_partial(config: &Configuration, thin: &ThinParams) -> Result<Service, ServiceError> {
	let telemetry = config
		.telemetry_endpoints
		.clone()
		.filter(|endpoints| !endpoints.is_empty())
		.map(|endpoints| {
			let worker = TelemetryWorker::new(16)?;
			let telemetry = worker.handle().new_telemetry(endpoints);
			Ok::<_, sc_telemetry::Error>((worker, telemetry))
		})
		.transpose()?;

	let ((client, backend, keystore_container, task_manager), thin) =
		client_parts(config, thin, telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()))?;
	let client = Arc::new(client);

	let telemetry = telemetry.map(|(worker, telemetry)| {
		task_manager.spawn_handle().spawn("telemetry", None, worker.run());
		telemetry
	});

	let select_chain = sc_consensus::LongestChain::new(backend.clone());

	let transaction_pool = Arc::new(
		sc_transaction_pool::Builder::new(
			task_manager.spawn_essential_handle(),
			client.clone(),
			config.role.is_authority().into(),
		)
		.with_options(config.transaction_pool.clone())
		.with_prometheus(config.prometheus_registry())
		.build(),
	);

	let (grandpa_block_import, grandpa_link) = sc_consensus_grandpa::block_import(
		client.clone(),
		GRANDPA_JUSTIFICATION_PERIOD,
		&client,
		select_chain.clone(),
		telemetry.as_ref().map(|telemetry| telemetry.handle()),
	)?;

	let slot_client = client.clone();
	let import_queue =
		sc_consensus_aura::import_queue::<AuraPair, _, _, _, _, _>(ImportQueueParams {
			block_import: grandpa_block_import.clone(),
			justification_import: Some(Box::new(grandpa_block_import.clone())),
			client: client.clone(),
			create_inherent_data_providers: move |parent_hash, _| {
				let slot_client = slot_client.clone();
				async move {
					let slot_duration = sc_consensus_aura::standalone::slot_duration_at(
						&*slot_client,
						parent_hash,
					)?;
					Ok(inherents(slot_duration))
				}
			},
			spawner: &task_manager.spawn_essential_handle(),
			registry: config.prometheus_registry(),
			check_for_equivocation: Default::default(),
			telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
			compatibility_mode: Default::default(),
		})?;

	Ok(sc_service::PartialComponents {
		client,
		backend,
		task_manager,
		import_queue,
		keystore_container,
		select_chain,
		transaction_pool,
		other: (grandpa_block_import, grandpa_link, telemetry, thin),
	})
}

/// Builds and starts a node; it runs for as long as the returned task manager.
pub fn new_full<N: NetworkBackend<Block, Hash>>(
	config: Configuration,
	thin: &ThinParams,
	duties: &DutyParams,
) -> Result<TaskManager, ServiceError> {
	let sc_service::PartialComponents {
		client,
		backend,
		mut task_manager,
		import_queue,
		keystore_container,
		select_chain,
		transaction_pool,
		other: (block_import, grandpa_link, mut telemetry, thin),
	} = new_partial(&config, thin)?;

	let executor: Executor = sc_service::new_wasm_executor(&config.executor);
	let most_locations = crate::duties::most_locations();
	let keystore = keystore_container.keystore();
	duties.add_key(&keystore).map_err(|error| ServiceError::Application(error.into()))?;
	let duties = Plan::<Block, _>::of(&config, duties, &executor, thin.is_some(), most_locations)
		.map_err(application)?;
	let health = duties.as_ref().map(Plan::health).unwrap_or_default();

	let mut net_config = FullNetworkConfiguration::<Block, Hash, N>::new(
		&config.network,
		config.prometheus_registry().cloned(),
	);
	let metrics = N::register_notification_metrics(config.prometheus_registry());

	let genesis_hash = client
		.block_hash(0)?
		.ok_or_else(|| ServiceError::Other("the database has no genesis block".into()))?;
	let grandpa_protocol_name =
		sc_consensus_grandpa::protocol_standard_name(&genesis_hash, &config.chain_spec);
	let (grandpa_protocol_config, grandpa_notification_service) =
		sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
			grandpa_protocol_name.clone(),
			metrics.clone(),
			net_config.peer_store_handle(),
		);
	net_config.add_notification_protocol(grandpa_protocol_config);

	// The chain has had no hard forks of its authority set.
	let hard_forks = Vec::new();
	let warp_sync = Arc::new(NetworkProvider::new(
		backend.clone(),
		grandpa_link.shared_authority_set().clone(),
		hard_forks,
	));

	let (network, system_rpc_tx, tx_handler_controller, sync_service, _bitswap) =
		sc_service::build_network(BuildNetworkParams {
			config: &config,
			net_config,
			client: client.clone(),
			transaction_pool: transaction_pool.clone(),
			spawn_handle: task_manager.spawn_handle(),
			spawn_essential_handle: task_manager.spawn_essential_handle(),
			import_queue,
			block_announce_validator_builder: None,
			warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
			block_relay: None,
			metrics,
			gap_sync_body_policy: None,
		})?;

	if config.offchain_worker.enabled {
		let offchain_workers =
			sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
				runtime_api_provider: client.clone(),
				is_validator: config.role.is_authority(),
				keystore: Some(keystore_container.keystore()),
				offchain_db: backend.offchain_storage(),
				transaction_pool: Some(OffchainTransactionPoolFactory::new(
					transaction_pool.clone(),
				)),
				network_provider: Arc::new(network.clone()),
				enable_http_requests: true,
				custom_extensions: |_| vec![],
			})?;
		task_manager.spawn_handle().spawn(
			"offchain-workers-runner",
			"offchain-worker",
			offchain_workers.run(client.clone(), task_manager.spawn_handle()).boxed(),
		);
	}

	let role = config.role;
	let force_authoring = config.force_authoring;
	let name = config.network.node_name.clone();
	let enable_grandpa = !config.disable_grandpa;
	let prometheus_registry = config.prometheus_registry().cloned();

	if let Some(thin) = &thin {
		if let Some(registry) = &prometheus_registry {
			thin_client::metrics::register_all(thin, registry)?;
		}
		let walk = thin.history.clone().run(prometheus_registry.as_ref())?;
		task_manager.spawn_handle().spawn_blocking("thin-history", Some("thin"), walk);
	}

	let voting_keys = role.is_authority().then(|| {
		let (keystore, spawn) = (keystore_container.keystore(), task_manager.spawn_handle());
		let thin = thin.as_ref();
		thin_client::votes::voting_keys::<Block, Layout, _>(thin, keystore, &backend, &spawn)
	});

	let prover = Arc::new(SnapshotProver::<Block, _, _, Layout>::new(
		client.clone(),
		backend.clone(),
		grandpa_link.shared_authority_set().clone(),
	));

	let rpc_builder = {
		let (client, prover) = (client.clone(), prover.clone());
		let pool = transaction_pool.clone();
		let thin = thin.clone();
		Box::new(move |_| {
			let (client, pool, thin) = (client.clone(), pool.clone(), thin.clone());
			let (prover, duties) = (prover.clone(), health.clone());
			crate::rpc::create_full(crate::rpc::FullDeps { client, pool, thin, prover, duties })
				.map_err(Into::into)
		})
	};

	sc_service::spawn_tasks(SpawnTasksParams {
		network: network.clone(),
		client: client.clone(),
		keystore: keystore_container.keystore(),
		task_manager: &mut task_manager,
		transaction_pool: transaction_pool.clone(),
		rpc_builder,
		backend,
		system_rpc_tx,
		tx_handler_controller,
		sync_service: sync_service.clone(),
		config,
		telemetry: telemetry.as_mut(),
		tracing_execute_block: None,
	})?;

	if let Some(duties) = duties {
		let signer = crate::duties::KeystoreSigner(keystore);
		let spawn = task_manager.spawn_handle();
		let metrics = prometheus_registry.as_ref();
		let sync = sync_service.clone();
		duties
			.resting_while(move || sync.is_major_syncing())
			.begin(client.clone(), transaction_pool.clone(), signer, prover, &spawn, metrics)
			.map_err(|error| ServiceError::Application(Box::new(error)))?;
	}

	if role.is_authority() {
		let proposer_factory = sc_basic_authorship::ProposerFactory::new(
			task_manager.spawn_handle(),
			client.clone(),
			transaction_pool.clone(),
			prometheus_registry.as_ref(),
			telemetry.as_ref().map(|telemetry| telemetry.handle()),
		);

		let slot_duration = sc_consensus_aura::slot_duration(&*client)?;
		let backoff_authoring_blocks: Option<()> = None;
		let aura = sc_consensus_aura::start_aura::<AuraPair, _, _, _, _, _, _, _, _, _, _>(
			StartAuraParams {
				slot_duration,
				client: client.clone(),
				select_chain,
				block_import,
				proposer_factory,
				create_inherent_data_providers: move |_, ()| async move { Ok(inherents(slot_duration)) },
				force_authoring,
				backoff_authoring_blocks,
				keystore: keystore_container.keystore(),
				sync_oracle: sync_service.clone(),
				justification_sync_link: sync_service.clone(),
				block_proposal_slot_portion: SlotProportion::new(2f32 / 3f32),
				max_block_proposal_slot_portion: None,
				telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
				compatibility_mode: Default::default(),
			},
		)?;

		// Essential: an authority that no longer authors has to stop, and be seen to.
		task_manager.spawn_essential_handle().spawn_blocking("aura", Some("block-authoring"), aura);
	}

	if enable_grandpa {
		let grandpa_config = sc_consensus_grandpa::Config {
			gossip_duration: Duration::from_millis(333),
			justification_generation_period: GRANDPA_JUSTIFICATION_PERIOD,
			name: Some(name),
			observer_enabled: false,
			// Only an authority signs.
			keystore: voting_keys,
			local_role: role,
			telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
			protocol_name: grandpa_protocol_name,
		};

		// Nodes without authority run the voter too: without a key it follows the rounds,
		// which is how they learn of finality as it happens.
		let voter = sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
			config: grandpa_config,
			link: grandpa_link,
			network,
			sync: Arc::new(sync_service),
			notification_service: grandpa_notification_service,
			voting_rule: sc_consensus_grandpa::VotingRulesBuilder::default().build(),
			prometheus_registry,
			shared_voter_state: SharedVoterState::empty(),
			telemetry: telemetry.as_ref().map(|telemetry| telemetry.handle()),
			offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(transaction_pool),
		})?;

		// Essential, like authoring: the voter ends only when something is wrong.
		task_manager.spawn_essential_handle().spawn_blocking("grandpa-voter", None, voter);
	}

	let running = thin_client::notify::ready(&*client, thin.as_ref())?;
	task_manager.spawn_handle().spawn("service-manager", Some("thin"), running);

	Ok(task_manager)
}
