//! Who authors and finalizes: the members of `ValidatorMembership` that have session keys.
//!
//! Members come and go by `T::AddOrigin` and its siblings (root, hence `Sudo`). A change is
//! planned at the end of the session in which it was made and takes effect, for AURA and
//! GRANDPA alike, one session later.
#![warn(missing_docs)]

use crate::{AccountId, Runtime, Session, ValidatorMembership};
use alloc::vec::Vec;
use pallet_session::SessionManager;
use sp_staking::SessionIndex;

/// Makes validators of the members.
///
/// Two rules keep the chain alive whatever the members do. A member without session keys is
/// left out until it has some. And a set is never empty: when no member is ready, the
/// validators of the running session go on.
pub struct MembersAsValidators;

impl MembersAsValidators {
	/// The members that could author and vote, in the order of their accounts.
	pub fn ready() -> Vec<AccountId> {
		ValidatorMembership::members()
			.into_iter()
			.filter(|member| Session::load_keys(member).is_some())
			.collect()
	}
}

impl SessionManager<AccountId> for MembersAsValidators {
	fn new_session(_index: SessionIndex) -> Option<Vec<AccountId>> {
		let ready = Self::ready();
		// `Some` counts as a change even when the set is the same, and every change is an
		// authority set of GRANDPA, one more link that a proof of finality has to carry.
		let changed = ready != pallet_session::Validators::<Runtime>::get();
		(changed && !ready.is_empty()).then_some(ready)
	}

	fn start_session(_index: SessionIndex) {}

	fn end_session(_index: SessionIndex) {}
}
