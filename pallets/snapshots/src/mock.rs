//! Two runtimes to test with: the usual one, and one with as little as possible and other types.

pub mod minimal;
pub mod standard;

/// What both runtimes have in common: the constants of the pallet, and how tests drive a chain.
macro_rules! common {
	(Balance = $balance:ty, DisputeOrigin = $judge:ty) => {
		use alloc::vec::Vec;

		use frame_support::{
			parameter_types,
			traits::{tokens::imbalance::ResolveTo, Get, Hooks},
		};
		use sp_core::H256;
		use sp_runtime::{traits::Header as _, BuildStorage, Perbill};

		use crate::{
			Config, Database, DatabaseKind, Event, GenesisConfig, HoldReason, ImageInfo, Location,
			Manifest, Pruning, SnapshotId, SnapshotOf,
		};

		pub type Balance = $balance;
		pub type Number = frame_system::pallet_prelude::BlockNumberFor<Test>;
		pub type Header = frame_system::pallet_prelude::HeaderFor<Test>;

		parameter_types! {
			pub static Quorum: Perbill = Perbill::from_percent(60);
			pub const ForeignQuorum: Perbill = Perbill::from_percent(80);
			pub const SlashFraction: Perbill = Perbill::from_percent(50);
			pub const ReporterShare: Perbill = Perbill::from_percent(20);
			pub static MinAttesters: u32 = 2;
			pub const MaxAttesters: u32 = 4;
			pub const MaxVouches: u32 = 3;
			pub const MaxUnlocking: u32 = 2;
			pub const MaxLocations: u32 = 4;
			pub const MaxListed: u32 = 3;
			pub const MinBond: Balance = 10;
			pub static BondMaturity: Number = 8;
			pub const UnbondingPeriod: Number = 10;
			pub const DisputeWindow: Number = 15;
			pub const ResolutionPeriod: Number = 20;
			pub const Expiry: Number = 100;
			pub const DepositBase: Balance = 100;
			pub const ForeignDepositBase: Balance = 500;
			pub const DepositPerByte: Balance = 1;
			pub const DisputeDeposit: Balance = 50;
			pub static RewardsEnabled: bool = true;
			pub Treasury: AccountId = account(99);
		}

		impl Config for Test {
			type Currency = Balances;
			type RuntimeHoldReason = RuntimeHoldReason;
			type DisputeOrigin = $judge;
			type Slash = ResolveTo<Treasury, Balances>;
			type WeightInfo = ();
			type Quorum = Quorum;
			type ForeignQuorum = ForeignQuorum;
			type MinAttesters = MinAttesters;
			type MaxAttesters = MaxAttesters;
			type MaxVouches = MaxVouches;
			type MinBond = MinBond;
			type BondMaturity = BondMaturity;
			type UnbondingPeriod = UnbondingPeriod;
			type MaxUnlocking = MaxUnlocking;
			type DisputeWindow = DisputeWindow;
			type ResolutionPeriod = ResolutionPeriod;
			type Expiry = Expiry;
			type MaxLocations = MaxLocations;
			type MaxListed = MaxListed;
			type DepositBase = DepositBase;
			type ForeignDepositBase = ForeignDepositBase;
			type DepositPerByte = DepositPerByte;
			type DisputeDeposit = DisputeDeposit;
			type SlashFraction = SlashFraction;
			type ReporterShare = ReporterShare;
			type RewardsEnabled = RewardsEnabled;
		}

		/// What each of the accounts 1 to 9 starts with.
		pub const FUNDS: Balance = 10_000;

		/// A chain at block 1, with some bonds from the start.
		pub fn chain_with(bonds: &[(u8, Balance)]) -> sp_io::TestExternalities {
			let balances = (1..=9)
				.map(|n| (account(n), FUNDS))
				.chain([(account(99), 1_000)])
				.collect::<Vec<_>>();
			let bonds = bonds.iter().map(|(n, value)| (account(*n), *value)).collect();
			let genesis = RuntimeGenesisConfig {
				balances: pallet_balances::GenesisConfig { balances, ..Default::default() },
				snapshots: GenesisConfig { bonds },
				..Default::default()
			};
			let mut chain = sp_io::TestExternalities::new(genesis.build_storage().unwrap());
			chain.execute_with(|| run_to(1));
			chain
		}

		/// Runs a test on a chain with these bonds, and checks the storage after it.
		pub fn test(bonds: &[(u8, Balance)], test: impl FnOnce()) {
			chain_with(bonds).execute_with(|| {
				<Snapshots as Hooks<Number>>::integrity_test();
				test();
				check();
			});
		}

		/// Checks the storage.
		pub fn check() {
			if let Err(broken) = Snapshots::do_try_state() {
				panic!("a broken invariant: {broken:?}");
			}
		}

		/// The header of a block of this chain: the same in every test.
		pub fn header(number: Number) -> Header {
			let state_root = sp_core::H256::from_low_u64_be(1_000 + u64::try_from(number).unwrap());
			Header::new(
				number,
				Default::default(),
				state_root,
				Default::default(),
				Default::default(),
			)
		}

		/// Goes on to block `number`, without the idle hook.
		///
		/// Blocks are begun and not finalized: that would compute a state root for each. What it
		/// does to the block hashes is done here instead.
		pub fn run_to(number: Number) {
			while System::block_number() < number {
				let parent = System::block_number();
				let kept: Number = <Test as frame_system::Config>::BlockHashCount::get();
				if parent > kept + 1 {
					frame_system::BlockHash::<Test>::remove(parent - kept - 1);
				}
				System::initialize(&(parent + 1), &header(parent).hash(), &Default::default());
				System::reset_events();
			}
		}

		/// Goes on by some blocks.
		pub fn run(blocks: Number) {
			run_to(System::block_number() + blocks);
		}

		/// What the idle hook does in one block.
		pub fn idle() -> frame_support::weights::Weight {
			<Snapshots as Hooks<Number>>::on_idle(
				System::block_number(),
				frame_support::weights::Weight::MAX,
			)
		}

		/// The origin of an account.
		pub fn by(n: u8) -> RuntimeOrigin {
			RuntimeOrigin::signed(account(n))
		}

		/// An image that no other test number has.
		pub fn image(n: u8) -> ImageInfo {
			ImageInfo {
				image: H256::repeat_byte(n),
				logical_size: 1_000_000,
				database: Database { kind: DatabaseKind::RocksDb, version: 4 },
				pruning: Pruning::Archive,
			}
		}

		/// One location.
		pub fn locations() -> Vec<Location> {
			alloc::vec!["zdb://[200:1::2]/snapshots".parse().unwrap()]
		}

		/// The manifest of an image at a block of this chain.
		pub fn manifest(number: Number, n: u8) -> Manifest {
			let header = header(number);
			image(n).at(
				self::header(0).hash(),
				u64::try_from(number).unwrap(),
				header.hash(),
				*header.state_root(),
			)
		}

		/// The id of an image at a block of this chain.
		pub fn id(number: Number, n: u8) -> SnapshotId {
			manifest(number, n).id::<<Test as frame_system::Config>::Hashing>()
		}

		/// The manifest of an image of another chain.
		pub fn foreign(n: u8) -> Manifest {
			Manifest { genesis_hash: H256::repeat_byte(0xfe), ..manifest(7, n) }
		}

		/// Account 1 registers an image of the block before this one.
		pub fn register(n: u8) -> SnapshotId {
			let number = System::block_number() - 1;
			frame_support::assert_ok!(Snapshots::register(
				by(1),
				alloc::boxed::Box::new(header(number)),
				image(n),
				locations()
			));
			id(number, n)
		}

		/// The record of a snapshot.
		pub fn record(id: SnapshotId) -> SnapshotOf<Test> {
			crate::Snapshots::<Test>::get(id).unwrap()
		}

		/// What an account has on hold for a reason.
		pub fn on_hold(n: u8, reason: HoldReason) -> Balance {
			use frame_support::traits::fungible::InspectHold;
			Balances::balance_on_hold(&reason.into(), &account(n))
		}

		/// What an account has that is not on hold.
		pub fn free(n: u8) -> Balance {
			Balances::free_balance(account(n))
		}

		/// The events of the pallet in this block.
		pub fn events() -> Vec<Event<Test>> {
			System::events()
				.into_iter()
				.filter_map(|record| match record.event {
					RuntimeEvent::Snapshots(event) => Some(event),
					_ => None,
				})
				.collect()
		}
	};
}

pub(crate) use common;
