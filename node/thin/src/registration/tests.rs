use super::*;
use crate::{
	proof::Follower,
	testing::{
		registry::{Layout, Registry},
		Block, Chain,
	},
};
use pallet_snapshots::Status;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const N: u32 = 9;
const F: u32 = 15;
/// The time in the state of F, in seconds.
const TIME: u64 = 1_700_000_000;

fn proven_as(change: impl Fn(Registry) -> Registry) -> ProvenRegistration {
	let mut chain = Chain::new(F - 1, &[3]);
	let registry = change(Registry::of(chain.manifest(N), TIME * 1_000));
	chain.push_state(registry.entries());
	let anchor = chain.genesis.anchor().unwrap();
	let pages = chain.snapshot_proof(registry.id(), N, F).pages();
	let follower = Follower::<Block>::new(Some(registry.id()), &anchor, &anchor);
	let found = follower.follow::<Layout>(&mut pages.into_iter()).unwrap();
	found.snapshot().unwrap().registration
}

fn seconds_later(seconds: u64) -> SystemTime {
	UNIX_EPOCH + Duration::from_secs(TIME + seconds)
}

/// Why a policy refuses, an hour after F.
fn refusal(policy: Policy, proven: &ProvenRegistration) -> String {
	policy.check_at(proven, seconds_later(3_600)).unwrap_err().to_string()
}

#[test]
fn a_certified_snapshot_passes() {
	let proven = proven_as(|registry| registry);
	assert_eq!(Policy::default().check_at(&proven, seconds_later(3_600)), Ok(()));
}

#[test]
fn what_has_ended_is_refused_with_the_numbers() {
	let since = 12;
	let before = pallet_snapshots::types::Standing::Certified { at: 10 };
	for (status, word) in [
		(Status::Disputed { since, before }, "is disputed"),
		(Status::Retired { since }, "is retired"),
		(Status::Fraudulent { since }, "is found wrong"),
	] {
		let proven = proven_as(|registry| Registry { status, ..registry });
		for allow_uncertified in [false, true] {
			let reason = refusal(Policy { allow_uncertified, ..Default::default() }, &proven);
			assert!(reason.contains(word), "{reason}");
			assert!(
				reason.contains("(as of block 15: standing stake 300 of 500 mature, 3 attesters)"),
				"{reason}"
			);
		}
	}
}

#[test]
fn a_pending_snapshot_passes_if_it_may_be_uncertified() {
	let proven = proven_as(|registry| Registry { status: Status::Pending, ..registry });
	let reason = refusal(Policy::default(), &proven);
	assert!(reason.contains("is not certified yet"), "{reason}");
	let policy = Policy { allow_uncertified: true, ..Default::default() };
	assert_eq!(policy.check_at(&proven, seconds_later(3_600)), Ok(()));
}

#[test]
fn an_expired_registration_is_refused() {
	let at = |expires_at| proven_as(|registry| Registry { expires_at, ..registry });
	let reason = refusal(Policy::default(), &at(F));
	assert!(reason.contains("ran out at block 15, and the proof is of block 15"), "{reason}");
	assert!(Policy::default().check_at(&at(F + 1), seconds_later(0)).is_ok());
}

#[test]
fn too_little_at_stake_is_refused() {
	let slashed = vec![(1, 100, 100, 0), (2, 100, 50, 0), (3, 100, 0, 0)];
	let proven = proven_as(|registry| Registry { attesters: slashed.clone(), ..registry });
	let with = |min_stake, min_attesters| Policy { min_stake, min_attesters, ..Default::default() };
	assert!(with(150, 2).check_at(&proven, seconds_later(0)).is_ok());
	let reason = refusal(with(151, 0), &proven);
	assert!(
		reason.contains("is 150 (as of block 15), and --thin-min-stake asks for 151"),
		"{reason}"
	);
	let reason = refusal(with(0, 3), &proven);
	assert!(reason.starts_with("2 attesters have stake"), "{reason}");
	assert!(reason.contains("--thin-min-attesters asks for 3"), "{reason}");
}

/// What an attacker replays: a proof from before the slash, which is valid for ever.
#[test]
fn an_old_proof_is_refused_by_its_age() {
	let before_the_slash = proven_as(|registry| registry);
	let day = 86_400;
	let check =
		|policy: Policy, seconds| policy.check_at(&before_the_slash, seconds_later(seconds));
	assert!(check(Policy::default(), 7 * day).is_ok());
	let reason = check(Policy::default(), 7 * day + 3_600).unwrap_err().to_string();
	assert!(
		reason.contains("is of block 15, 7 days 1 h old, and the most is 7 days 0 h"),
		"{reason}"
	);

	let hour = Policy { max_age: Some(Duration::from_secs(3_600)), ..Default::default() };
	assert!(check(hour, 3_600).is_ok());
	let reason = check(hour, 3_665).unwrap_err().to_string();
	assert!(reason.contains("1 h 1 min old, and the most is 1 h 0 min"), "{reason}");

	// Who asks for nothing else still gets what was asked for.
	let uncertified = Policy { allow_uncertified: true, ..Default::default() };
	assert!(check(uncertified, 700 * day).is_ok());
	assert!(check(Policy { allow_uncertified: true, ..hour }, 3_665).is_err());
}

#[test]
fn a_clock_that_is_behind_is_noticed() {
	let proven = proven_as(|registry| registry);
	let behind = |seconds| UNIX_EPOCH + Duration::from_secs(TIME - seconds);
	assert!(Policy::default().check_at(&proven, behind(3_600)).is_ok());
	let error = Policy::default().check_at(&proven, behind(7_300)).unwrap_err().to_string();
	assert!(error.contains("2 h 1 min ahead of this machine's clock"), "{error}");
}
