//! A full node that follows the chain and makes no blocks, as the SDK's templates build it.

use sc_client_api::BlockBackend;
use sc_consensus_aura::ImportQueueParams;
use sc_consensus_grandpa::{warp_proof::NetworkProvider, SharedVoterState};
use sc_network::{config::FullNetworkConfiguration, NetworkBackend};
use sc_service::{
	error::Error, BuildNetworkParams, Configuration, SpawnTasksParams, TFullClient, TaskManager,
	WarpSyncConfig,
};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_aura::{
	inherents::InherentDataProvider as SlotProvider, sr25519::AuthorityPair as AuraPair,
};
use sp_timestamp::InherentDataProvider as TimestampProvider;
use std::{sync::Arc, time::Duration};
use thin_runtime::{
	apis::RuntimeApi,
	opaque::{Block, Hash},
};

type Executor = sc_executor::WasmExecutor<sp_io::SubstrateHostFunctions>;
type Client = TFullClient<Block, RuntimeApi, Executor>;
type Pool = sc_transaction_pool::TransactionPoolHandle<Block, Client>;

/// As many as on the other nodes of the chain.
const JUSTIFICATION_PERIOD: u32 = 32;

/// Builds and starts a node; it runs for as long as the returned task manager.
pub fn new_full<N: NetworkBackend<Block, Hash>>(
	config: Configuration,
) -> Result<TaskManager, Error> {
	let executor: Executor = sc_service::new_wasm_executor(&config.executor);
	let (client, backend, keystore, mut task_manager) =
		sc_service::new_full_parts::<Block, RuntimeApi, _>(&config, None, executor, Vec::new())?;
	let client: Arc<Client> = Arc::new(client);
	let pool: Arc<Pool> = Arc::new(
		sc_transaction_pool::Builder::new(
			task_manager.spawn_essential_handle(),
			client.clone(),
			config.role.is_authority().into(),
		)
		.with_options(config.transaction_pool.clone())
		.build(),
	);
	let (grandpa_import, grandpa_link) = sc_consensus_grandpa::block_import(
		client.clone(),
		JUSTIFICATION_PERIOD,
		&client,
		sc_consensus::LongestChain::new(backend.clone()),
		None,
	)?;
	let slots = client.clone();
	let import_queue =
		sc_consensus_aura::import_queue::<AuraPair, _, _, _, _, _>(ImportQueueParams {
			block_import: grandpa_import.clone(),
			justification_import: Some(Box::new(grandpa_import)),
			client: client.clone(),
			create_inherent_data_providers: move |parent, _| {
				let slots = slots.clone();
				async move {
					let duration =
						sc_consensus_aura::standalone::slot_duration_at(&*slots, parent)?;
					let time = TimestampProvider::from_system_time();
					Ok((SlotProvider::from_timestamp_and_slot_duration(*time, duration), time))
				}
			},
			spawner: &task_manager.spawn_essential_handle(),
			registry: config.prometheus_registry(),
			check_for_equivocation: Default::default(),
			telemetry: None,
			compatibility_mode: Default::default(),
		})?;

	let mut net_config = FullNetworkConfiguration::<Block, Hash, N>::new(
		&config.network,
		config.prometheus_registry().cloned(),
	);
	let metrics = N::register_notification_metrics(config.prometheus_registry());
	let genesis = client.block_hash(0)?.ok_or_else(|| Error::Other("no genesis block".into()))?;
	let protocol_name = sc_consensus_grandpa::protocol_standard_name(&genesis, &config.chain_spec);
	let (protocol, notification_service) = sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
		protocol_name.clone(),
		metrics.clone(),
		net_config.peer_store_handle(),
	);
	net_config.add_notification_protocol(protocol);
	let warp_sync = Arc::new(NetworkProvider::new(
		backend.clone(),
		grandpa_link.shared_authority_set().clone(),
		Vec::new(),
	));
	let (network, system_rpc_tx, tx_handler_controller, sync_service, _bitswap) =
		sc_service::build_network(BuildNetworkParams {
			config: &config,
			net_config,
			client: client.clone(),
			transaction_pool: pool.clone(),
			spawn_handle: task_manager.spawn_handle(),
			spawn_essential_handle: task_manager.spawn_essential_handle(),
			import_queue,
			block_announce_validator_builder: None,
			warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
			block_relay: None,
			metrics,
			gap_sync_body_policy: None,
		})?;

	let (role, name) = (config.role, config.network.node_name.clone());
	let prometheus_registry = config.prometheus_registry().cloned();
	sc_service::spawn_tasks(SpawnTasksParams {
		network: network.clone(),
		client,
		keystore: keystore.keystore(),
		task_manager: &mut task_manager,
		transaction_pool: pool.clone(),
		rpc_builder: Box::new(|_| Ok(jsonrpsee::RpcModule::new(()))),
		backend,
		system_rpc_tx,
		tx_handler_controller,
		sync_service: sync_service.clone(),
		config,
		telemetry: None,
		tracing_execute_block: None,
	})?;

	let voter = sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
		config: sc_consensus_grandpa::Config {
			gossip_duration: Duration::from_millis(333),
			justification_generation_period: JUSTIFICATION_PERIOD,
			name: Some(name),
			observer_enabled: false,
			// It follows the rounds, and signs nothing.
			keystore: None,
			local_role: role,
			telemetry: None,
			protocol_name,
		},
		link: grandpa_link,
		network,
		sync: Arc::new(sync_service),
		notification_service,
		voting_rule: sc_consensus_grandpa::VotingRulesBuilder::default().build(),
		prometheus_registry,
		shared_voter_state: SharedVoterState::empty(),
		telemetry: None,
		offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(pool),
	})?;
	task_manager.spawn_essential_handle().spawn_blocking("grandpa-voter", None, voter);
	Ok(task_manager)
}
