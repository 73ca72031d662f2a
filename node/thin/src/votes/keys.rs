//! The keys of an authority, which GRANDPA's voter doesn't see as long as they must not vote.

use sp_core::{
	crypto::{key_types::GRANDPA, KeyTypeId},
	ecdsa, ed25519, sr25519,
};
use sp_keystore::{Error, Keystore, KeystorePtr};
use std::sync::OnceLock;

/// A keystore that has the keys of GRANDPA from some moment on.
///
/// The voter asks for them when a round begins, and at no other time. So they have to be there in the
/// first round of a set: without the vote of this authority there may be no second one.
pub(super) struct VotingKeys {
	keystore: KeystorePtr,
	look: Box<Look>,
	last: OnceLock<u64>,
}

/// Says in which set the keys may have voted last, once another one is in charge.
pub(super) type Look = dyn Fn() -> Option<u64> + Send + Sync;

impl VotingKeys {
	/// Those keys are there once `look` has an answer.
	pub(super) fn new(keystore: KeystorePtr, look: Box<Look>) -> Self {
		Self { keystore, look, last: OnceLock::new() }
	}

	fn last(&self) -> Option<u64> {
		self.last.get().copied().or_else(|| {
			let last = (self.look)()?;
			Some(*self.last.get_or_init(|| last))
		})
	}

	fn has(&self, key_type: KeyTypeId) -> bool {
		key_type != GRANDPA || self.last().is_some()
	}

	/// A vote ends with the set that it is cast in. The voter may be at the last set for a moment
	/// longer than the database.
	fn may_sign(&self, key_type: KeyTypeId, message: &[u8]) -> bool {
		if key_type != GRANDPA {
			return true;
		}
		match (self.last(), message.last_chunk()) {
			(Some(last), Some(set)) => u64::from_le_bytes(*set) > last,
			_ => false,
		}
	}
}

impl Keystore for VotingKeys {
	fn sr25519_public_keys(&self, key_type: KeyTypeId) -> Vec<sr25519::Public> {
		self.keystore.sr25519_public_keys(key_type)
	}

	fn sr25519_generate_new(
		&self,
		key_type: KeyTypeId,
		seed: Option<&str>,
	) -> Result<sr25519::Public, Error> {
		self.keystore.sr25519_generate_new(key_type, seed)
	}

	fn sr25519_sign(
		&self,
		key_type: KeyTypeId,
		public: &sr25519::Public,
		message: &[u8],
	) -> Result<Option<sr25519::Signature>, Error> {
		self.keystore.sr25519_sign(key_type, public, message)
	}

	fn sr25519_vrf_sign(
		&self,
		key_type: KeyTypeId,
		public: &sr25519::Public,
		data: &sr25519::vrf::VrfSignData,
	) -> Result<Option<sr25519::vrf::VrfSignature>, Error> {
		self.keystore.sr25519_vrf_sign(key_type, public, data)
	}

	fn sr25519_vrf_pre_output(
		&self,
		key_type: KeyTypeId,
		public: &sr25519::Public,
		input: &sr25519::vrf::VrfInput,
	) -> Result<Option<sr25519::vrf::VrfPreOutput>, Error> {
		self.keystore.sr25519_vrf_pre_output(key_type, public, input)
	}

	fn ed25519_public_keys(&self, key_type: KeyTypeId) -> Vec<ed25519::Public> {
		if !self.has(key_type) {
			return Vec::new();
		}
		self.keystore.ed25519_public_keys(key_type)
	}

	fn ed25519_generate_new(
		&self,
		key_type: KeyTypeId,
		seed: Option<&str>,
	) -> Result<ed25519::Public, Error> {
		self.keystore.ed25519_generate_new(key_type, seed)
	}

	fn ed25519_sign(
		&self,
		key_type: KeyTypeId,
		public: &ed25519::Public,
		message: &[u8],
	) -> Result<Option<ed25519::Signature>, Error> {
		if !self.may_sign(key_type, message) {
			return Ok(None);
		}
		self.keystore.ed25519_sign(key_type, public, message)
	}

	fn ecdsa_public_keys(&self, key_type: KeyTypeId) -> Vec<ecdsa::Public> {
		self.keystore.ecdsa_public_keys(key_type)
	}

	fn ecdsa_generate_new(
		&self,
		key_type: KeyTypeId,
		seed: Option<&str>,
	) -> Result<ecdsa::Public, Error> {
		self.keystore.ecdsa_generate_new(key_type, seed)
	}

	fn ecdsa_sign(
		&self,
		key_type: KeyTypeId,
		public: &ecdsa::Public,
		message: &[u8],
	) -> Result<Option<ecdsa::Signature>, Error> {
		self.keystore.ecdsa_sign(key_type, public, message)
	}

	fn ecdsa_sign_prehashed(
		&self,
		key_type: KeyTypeId,
		public: &ecdsa::Public,
		message: &[u8; 32],
	) -> Result<Option<ecdsa::Signature>, Error> {
		self.keystore.ecdsa_sign_prehashed(key_type, public, message)
	}

	fn insert(&self, key_type: KeyTypeId, suri: &str, public: &[u8]) -> Result<(), ()> {
		self.keystore.insert(key_type, suri, public)
	}

	fn keys(&self, key_type: KeyTypeId) -> Result<Vec<Vec<u8>>, Error> {
		if !self.has(key_type) {
			return Ok(Vec::new());
		}
		self.keystore.keys(key_type)
	}

	fn has_keys(&self, public_keys: &[(Vec<u8>, KeyTypeId)]) -> bool {
		public_keys.iter().all(|(_, key_type)| self.has(*key_type))
			&& self.keystore.has_keys(public_keys)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use finality_grandpa::{Message, Prevote};
	use sp_consensus_grandpa::sign_message;
	use sp_keystore::testing::MemoryKeystore;
	use std::sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	};

	#[test]
	fn a_key_of_grandpa_is_not_there_until_it_may_vote_and_votes_in_later_sets_only() {
		let node = MemoryKeystore::new();
		let public = node.ed25519_generate_new(GRANDPA, None).unwrap();
		let other = KeyTypeId(*b"aura");
		let author = node.sr25519_generate_new(other, None).unwrap();
		let open = Arc::new(AtomicBool::new(false));
		let look = {
			let open = open.clone();
			move || open.load(Ordering::SeqCst).then_some(5)
		};
		let keys = Arc::new(VotingKeys::new(Arc::new(node), Box::new(look)));
		let raw: &[u8] = public.as_ref();
		let known = || keys.has_keys(&[(raw.to_vec(), GRANDPA)]);
		let votes = |set: u64| {
			let vote = Message::<[u8; 32], u32>::Prevote(Prevote::new([7; 32], 9));
			sign_message(keys.clone(), vote, public.into(), 3, set).is_some()
		};
		assert!(!known() && !votes(0) && !votes(6) && !votes(u64::MAX));
		assert!(keys.ed25519_public_keys(GRANDPA).is_empty());
		assert!(keys.keys(GRANDPA).unwrap().is_empty());
		// The others are there.
		assert!(keys.sr25519_sign(other, &author, b"block").unwrap().is_some());
		assert_eq!(keys.sr25519_public_keys(other), [author]);

		open.store(true, Ordering::SeqCst);
		assert!(known());
		assert_eq!(keys.ed25519_public_keys(GRANDPA), [public]);
		assert!(!votes(0) && !votes(5));
		assert!(votes(6) && votes(u64::MAX));
		// They stay.
		open.store(false, Ordering::SeqCst);
		assert!(known() && votes(6) && !votes(5));
		// What is no vote at all.
		assert!(keys.ed25519_sign(GRANDPA, &public, b"short").unwrap().is_none());
	}
}
