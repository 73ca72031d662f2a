//! Reads a registration from the state of a block.
//!
//! Who makes a proof and who checks it run the same [`read`], so that exactly what is asked for
//! is what is proven.

use super::{Registration, Standing};
use codec::{Decode, DecodeAll, Encode};
use pallet_snapshots::{
	Attestation, Bond, Listed, Location, Maturing, Origin, Snapshot, SnapshotId, Status,
	MATURITY_COHORTS,
};
use sp_core::{ConstU32, H256};
use sp_crypto_hashing::{blake2_128, twox_128};
use sp_runtime::{
	traits::{AtLeast32BitUnsigned, Zero},
	BoundedVec, SaturatedConversion,
};
use std::fmt::Debug;

/// The most attestations of one snapshot that are read. A runtime sets its own, lower limit.
const MOST_ATTESTATIONS: usize = 4_096;

/// How a chain keeps its registry: the types of its runtime, and the names of the pallets.
pub trait RegistryLayout: Send + Sync + 'static {
	/// The runtime's account id.
	type AccountId: Decode;
	/// The runtime's balance.
	type Balance: AtLeast32BitUnsigned + Copy + Decode + Debug + Into<u128>;
	/// The runtime's block number.
	type BlockNumber: AtLeast32BitUnsigned + Copy + Decode + Debug;
	/// The name of pallet-snapshots in the runtime.
	const SNAPSHOTS: &'static str;
	/// The name of pallet-timestamp in the runtime.
	const TIMESTAMP: &'static str;
}

/// The state of one block. An error is not the same as an absence.
pub trait State {
	/// The value of a key, or `None` if there is none.
	fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String>;
	/// All keys that begin with a prefix: at most `most`, or an error.
	fn keys(&self, prefix: &[u8], most: usize) -> Result<Vec<Vec<u8>>, String>;
}

/// Why a state says nothing of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
	/// The state, or the proof of it, does not answer.
	#[error("{what}: {reason}")]
	Unreadable {
		/// What was asked for.
		what: &'static str,
		/// The cause.
		reason: String,
	},
	/// The value is of another shape.
	#[error(
		"{what} can't be understood ({reason}): this node knows another version of the registry"
	)]
	OtherShape {
		/// What was read.
		what: &'static str,
		/// What is wrong with it.
		reason: String,
	},
}

struct Reader<'a, S>(&'a S);

impl<S: State> Reader<'_, S> {
	fn value<T: Decode>(&self, what: &'static str, key: &[u8]) -> Result<Option<T>, StateError> {
		let unreadable = |reason| StateError::Unreadable { what, reason };
		let Some(bytes) = self.0.get(key).map_err(unreadable)? else { return Ok(None) };
		T::decode_all(&mut &bytes[..])
			.map(Some)
			.map_err(|error| StateError::OtherShape { what, reason: error.to_string() })
	}

	fn listed<L: RegistryLayout>(&self, genesis: H256) -> Result<Vec<Listed>, StateError> {
		let genesis = genesis.encode();
		let hashed = [&blake2_128(&genesis)[..], &genesis].concat();
		let key = [item(L::SNAPSHOTS, "Certified"), hashed].concat();
		Ok(self.value("the list of certified snapshots", &key)?.unwrap_or_default())
	}
}

/// The certified snapshots of a chain that are listed, newest block first.
pub fn listed<L: RegistryLayout>(
	state: &impl State,
	genesis: H256,
) -> Result<Vec<Listed>, StateError> {
	Reader(state).listed::<L>(genesis)
}

/// Where the state has the time, in milliseconds since 1970.
pub(crate) fn time_key<L: RegistryLayout>() -> Vec<u8> {
	item(L::TIMESTAMP, "Now")
}

fn item(pallet: &str, name: &str) -> Vec<u8> {
	[twox_128(pallet.as_bytes()), twox_128(name.as_bytes())].concat()
}

/// Reads all that concerns a snapshot, as of block `now`. `None` if it isn't registered, which is
/// as much an answer of the state as any other.
pub fn read<L: RegistryLayout>(
	state: &impl State,
	id: SnapshotId,
	now: u32,
) -> Result<Option<Registration>, StateError> {
	let state = Reader(state);
	let pallet = |name| item(L::SNAPSHOTS, name);
	// The hasher of these maps is the identity: the id is a hash already.
	let of_snapshot = |name| [pallet(name), id.as_bytes().to_vec()].concat();

	let record: Option<Snapshot<L::AccountId, L::Balance, L::BlockNumber>> =
		state.value("the record of the snapshot", &of_snapshot("Snapshots"))?;
	let Some(record) = record else { return Ok(None) };
	let locations: Option<Vec<Location>> =
		state.value("the locations of the snapshot", &of_snapshot("Locations"))?;
	let (standing_stake, standing_attesters) =
		standing_stake::<L>(&state, &of_snapshot("Attestations"))?;

	let listed = state.listed::<L>(record.manifest.genesis_hash)?;
	let time: Option<u64> = state.value("the time", &time_key::<L>())?;
	let time = time.ok_or_else(|| StateError::OtherShape {
		what: "the time",
		reason: "the chain has none".into(),
	})?;

	Ok(Some(Registration {
		native: record.origin == Origin::Native,
		locations: locations.unwrap_or_default(),
		standing: match record.status {
			Status::Certified { .. } => Standing::Certified,
			Status::Pending => Standing::Pending,
			Status::Disputed { .. } => Standing::Disputed,
			Status::Retired { .. } => Standing::Retired,
			Status::Fraudulent { .. } => Standing::Fraudulent,
		},
		registered_at: record.registered_at.saturated_into(),
		expires_at: record.expires_at.saturated_into(),
		attested: record.attested.into(),
		standing_stake,
		standing_attesters,
		mature_stake: mature_stake::<L>(&state, &pallet, now)?,
		quorum: record.quorum.into(),
		listed,
		time,
		manifest: record.manifest,
	}))
}

type AnyBond<L> = Bond<
	<L as RegistryLayout>::Balance,
	<L as RegistryLayout>::BlockNumber,
	ConstU32<{ u32::MAX }>,
	ConstU32<{ u32::MAX }>,
>;

/// What can still be slashed for a snapshot, and of how many attesters: of each no more than what
/// it vouched with, and no more than what it has on hold now.
fn standing_stake<L: RegistryLayout>(
	state: &Reader<'_, impl State>,
	attestations: &[u8],
) -> Result<(u128, u32), StateError> {
	let what = "the list of attestations";
	let keys = state
		.0
		.keys(attestations, MOST_ATTESTATIONS)
		.map_err(|reason| StateError::Unreadable { what, reason })?;
	let (mut sum, mut count) = (0u128, 0u32);
	for key in keys {
		let attestation: Option<Attestation<L::Balance, L::BlockNumber>> =
			state.value("an attestation", &key)?;
		// Both maps hash an account in the same way.
		let account = key.get(attestations.len()..).unwrap_or_default();
		let bond = [&item(L::SNAPSHOTS, "Attesters")[..], account].concat();
		let bond: Option<AnyBond<L>> = state.value("the bond of an attester", &bond)?;
		if let (Some(attestation), Some(bond)) = (attestation, bond) {
			let stake: u128 = attestation.stake.min(bond.held()).into();
			sum = sum.saturating_add(stake);
			count = count.saturating_add(u32::from(stake > 0));
		}
	}
	Ok((sum, count))
}

/// All stake that counts at block `now`.
fn mature_stake<L: RegistryLayout>(
	state: &Reader<'_, impl State>,
	pallet: &impl Fn(&'static str) -> Vec<u8>,
	now: u32,
) -> Result<u128, StateError> {
	type Parts<L> = BoundedVec<
		Maturing<<L as RegistryLayout>::Balance, <L as RegistryLayout>::BlockNumber>,
		ConstU32<MATURITY_COHORTS>,
	>;
	let total: Option<L::Balance> = state.value("all bonded stake", &pallet("TotalBonded"))?;
	let young: Option<Parts<L>> = state.value("the young stake", &pallet("TotalMaturing"))?;
	// The sums are kept in the same way as a single bond.
	let all = AnyBond::<L> {
		bonded: total.unwrap_or_else(Zero::zero),
		maturing: young.unwrap_or_default(),
		..Default::default()
	};
	Ok(all.matured(now.into()).into())
}
