//! The transactions of this chain that the duties of a node make.

use codec::{DecodeAll, Encode};
use frame_system::{EventRecord, Phase};
use sp_core::{sr25519, Get};
use sp_keystore::{Keystore, KeystorePtr};
use sp_runtime::{DispatchError, ModuleError, MultiSignature, OpaqueExtrinsic};
use thin_client::duty::{
	chain::{Signer, Terms},
	registry::Call,
	KEY_TYPE,
};
use thin_runtime::{
	opaque::{Block, Hash, Header},
	AccountId, Balance, Nonce, Runtime, RuntimeCall, RuntimeEvent, SignedPayload, TxExtension,
	UncheckedExtrinsic,
};

/// Signs with the first key for duties in the node's keystore.
pub struct KeystoreSigner(pub KeystorePtr);

impl KeystoreSigner {
	fn key(&self) -> Option<sr25519::Public> {
		self.0.sr25519_public_keys(KEY_TYPE).into_iter().next()
	}
}

impl Signer<Block> for KeystoreSigner {
	type AccountId = AccountId;
	type Balance = Balance;
	type Nonce = Nonce;

	fn account(&self) -> Option<AccountId> {
		self.key().map(|key| key.0.into())
	}

	fn sign(
		&self,
		call: Call<Header>,
		terms: Terms<Block, Nonce>,
	) -> Result<OpaqueExtrinsic, String> {
		let key = self.key().ok_or("the keystore has no key of type thin any more")?;
		let payload = payload(runtime_call(call), &terms);
		let signature = payload
			.using_encoded(|bytes| self.0.sr25519_sign(KEY_TYPE, &key, bytes))
			.map_err(|error| error.to_string())?
			.ok_or("the key of type thin is gone from the keystore")?;
		Ok(signed_by(key, payload, signature))
	}

	fn failure(events: &[u8], extrinsic: u32) -> Result<Option<String>, String> {
		let records = <Vec<EventRecord<RuntimeEvent, Hash>>>::decode_all(&mut &events[..])
			.map_err(|error| error.to_string())?;
		let failed = records.into_iter().find_map(|record| match record.event {
			RuntimeEvent::System(frame_system::Event::ExtrinsicFailed {
				dispatch_error, ..
			}) if record.phase == Phase::ApplyExtrinsic(extrinsic) => Some(dispatch_error),
			_ => None,
		});
		Ok(failed.map(in_words))
	}
}

/// An error of the registry by its name; what others say as the SDK has it.
fn in_words(error: DispatchError) -> String {
	type Error = pallet_snapshots::Error<Runtime>;
	let ours = match DispatchError::from(Error::HeaderNotOnChain) {
		DispatchError::Module(ModuleError { index, .. }) => Some(index),
		_ => None,
	};
	match error {
		DispatchError::Module(ModuleError { index, error, .. }) if Some(index) == ours => {
			match <Error as codec::Decode>::decode(&mut &error[..]) {
				Ok(error) => format!("snapshots.{error:?}"),
				Err(_) => format!("snapshots: error {error:?}"),
			}
		},
		other => format!("{other:?}"),
	}
}

/// What the sender of a transaction signs.
pub fn payload(call: RuntimeCall, terms: &Terms<Block, Nonce>) -> SignedPayload {
	let extension: TxExtension = (
		frame_system::CheckNonZeroSender::new(),
		frame_system::CheckSpecVersion::new(),
		frame_system::CheckTxVersion::new(),
		frame_system::CheckGenesis::new(),
		frame_system::CheckEra::from(terms.era),
		frame_system::CheckNonce::from(terms.nonce),
		frame_system::CheckWeight::new(),
		pallet_transaction_payment::ChargeTransactionPayment::from(0),
		frame_metadata_hash_extension::CheckMetadataHash::new(false),
		frame_system::WeightReclaim::new(),
	);
	// What the chain adds to the payload by itself, in the same order.
	let implicit = (
		(),
		terms.version.spec_version,
		terms.version.transaction_version,
		terms.genesis,
		terms.era_block,
		(),
		(),
		(),
		None,
		(),
	);
	SignedPayload::from_raw(call, extension, implicit)
}

/// A transaction with the signature of its payload.
pub fn signed_by(
	key: sr25519::Public,
	payload: SignedPayload,
	signature: sr25519::Signature,
) -> OpaqueExtrinsic {
	let (call, extension, _) = payload.deconstruct();
	UncheckedExtrinsic::new_signed(
		call,
		AccountId::from(key.0).into(),
		MultiSignature::Sr25519(signature),
		extension,
	)
	.into()
}

/// A call of the registry as this runtime has it.
pub fn runtime_call(call: Call<Header>) -> RuntimeCall {
	let call = match call {
		Call::Register { header, image, locations } => {
			pallet_snapshots::Call::<Runtime>::register {
				header: Box::new(header),
				image,
				locations,
			}
		},
		Call::RegisterForeign { manifest, locations } => {
			pallet_snapshots::Call::register_foreign { manifest, locations }
		},
		Call::Retire(id) => pallet_snapshots::Call::retire { id },
		Call::Attest(id) => pallet_snapshots::Call::attest { id },
		Call::Dispute { id, evidence } => pallet_snapshots::Call::dispute { id, evidence },
	};
	RuntimeCall::Snapshots(call)
}

/// The most locations that the chain takes for one snapshot.
pub fn most_locations() -> usize {
	let most: u32 = <Runtime as pallet_snapshots::Config>::MaxLocations::get();
	most as usize
}
