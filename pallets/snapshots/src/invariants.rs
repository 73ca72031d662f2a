//! What is true of a configuration and of the storage at all times.

#[cfg(any(test, feature = "try-runtime"))]
mod storage;

use frame_support::traits::Get;
use sp_runtime::traits::{One, Zero};

use crate::{Config, Pallet};

impl<T: Config> Pallet<T> {
	/// Ends a build or a test of a runtime whose constants contradict each other.
	pub(crate) fn check_config() {
		assert!(!T::Quorum::get().is_zero(), "Quorum is zero: nobody would have to vouch");
		assert!(!T::ForeignQuorum::get().is_zero(), "ForeignQuorum is zero");
		assert!(T::MinAttesters::get() >= 1, "MinAttesters is zero");
		assert!(
			T::MaxAttesters::get() >= T::MinAttesters::get(),
			"MaxAttesters is less than MinAttesters: nothing could be certified"
		);
		assert!(
			T::MaxVouches::get() >= 2,
			"MaxVouches is less than 2: attesters could not go on while they are bound"
		);
		assert!(T::MaxUnlocking::get() >= 1, "MaxUnlocking is zero: no bond could leave");
		assert!(T::MaxLocations::get() >= 1, "MaxLocations is zero: nothing could be registered");
		assert!(T::MaxListed::get() >= 1, "MaxListed is zero");
		assert!(T::MinBond::get() >= One::one(), "MinBond is zero");
		assert!(T::DisputeWindow::get() >= One::one(), "DisputeWindow is zero");
		assert!(T::ResolutionPeriod::get() >= One::one(), "ResolutionPeriod is zero");
		assert!(T::Expiry::get() >= One::one(), "Expiry is zero");
		assert!(
			!T::DisputeDeposit::get().is_zero(),
			"DisputeDeposit is zero: disputes would cost nothing"
		);
		assert!(!T::SlashFraction::get().is_zero(), "SlashFraction is zero: no stake is at risk");
		assert!(
			!T::ReporterShare::get().is_one(),
			"ReporterShare is everything: who is slashed could report itself for free"
		);
		assert!(
			T::BlockHashCount::get() > One::one(),
			"BlockHashCount keeps no hash to check a header with"
		);
	}
}
