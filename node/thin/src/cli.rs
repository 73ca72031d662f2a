//! The flags of a node that can start from a snapshot.

use crate::{prover::Which, registration::Policy, rpc::LATEST};
use clap::{Args, ValueEnum};
use pallet_snapshots::SnapshotId;
use std::{num::NonZeroU32, path::PathBuf, time::Duration};

/// Flags that a node's own command line flattens in.
#[derive(Debug, Clone, Default, Args)]
pub struct ThinParams {
	/// Start from a snapshot: its id, 64 hexadecimal digits, or `latest`.
	///
	/// `latest` is the newest one of this chain that passes, as of the proof that the RPC of
	/// --thin-proof gives. The base path must be empty or started from the same snapshot. Once started, the node
	/// remembers its snapshot, and the flag may be left out.
	#[arg(long, value_name = "SNAPSHOT ID | latest", help_heading = "Thin")]
	pub thin_from: Option<String>,

	/// The proof of the snapshot: a file, or the RPC (ws://…) of a node that makes one.
	/// [default: the newest one in the stores of --thin-store]
	///
	/// Whoever gives it need not be trusted: it is checked from the genesis of the chain spec.
	#[arg(long, value_name = "FILE | WS URL", help_heading = "Thin")]
	pub thin_proof: Option<String>,

	/// The chain spec of the chain that lists the snapshot. [default: that of this node]
	///
	/// For snapshots of chains that have no registry of their own.
	#[arg(long, value_name = "CHAIN SPEC", help_heading = "Thin")]
	pub thin_registry: Option<PathBuf>,

	/// The least stake that can still be slashed for the snapshot, in the chain's smallest unit.
	#[arg(long, value_name = "STAKE", default_value_t = 0, help_heading = "Thin")]
	pub thin_min_stake: u128,

	/// The least number of attesters that have such stake.
	#[arg(long, value_name = "NUMBER", default_value_t = 0, help_heading = "Thin")]
	pub thin_min_attesters: u32,

	/// How old the proof of the registration may be: 90s, 30m, 12h, 7d. [default: 7d]
	///
	/// A proof shows how the snapshot stood at one block. What has happened since, a dispute or a
	/// slash, it can't show.
	#[arg(long, value_name = "AGE", value_parser = parse_age, help_heading = "Thin")]
	pub thin_max_age: Option<Duration>,

	/// A store to read the image from, before those of the registration. May be repeated.
	///
	/// zdb://[user[:password]@]host[:9900]/namespace, redis://host[:6379]/db or dir:///path. With a range
	/// before it, as in 00-7f=zdb://…, it is the part of a store that holds the chunks whose ids begin
	/// so; such parts must hold everything together.
	#[arg(long, value_name = "URL", help_heading = "Thin")]
	pub thin_store: Vec<String>,

	/// Keep what was fetched in this folder. [default: in the base path]
	#[arg(long, value_name = "DIR", help_heading = "Thin")]
	pub thin_cache: Option<PathBuf>,

	/// How much disk that may take: 500M, 20G. What was used longest ago goes first. [default: as
	/// much as there is]
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse, help_heading = "Thin")]
	pub thin_cache_size: Option<u64>,

	/// How much of the image is fetched ahead of being asked for.
	///
	/// `full` restores the whole image to a folder in the base path before the node starts: for
	/// machines without FUSE.
	#[arg(long, value_enum, default_value_t, value_name = "HOW", help_heading = "Thin")]
	pub thin_hydrate: Hydrate,

	/// What a background walk checks of the blocks before the snapshot's, once.
	///
	/// Which block has which number can be told only by following the parents. Until the walk is
	/// through, `thin_status` names the heights it has not reached.
	#[arg(long, value_enum, default_value_t, value_name = "WHAT", help_heading = "Thin")]
	pub thin_history: HistoryMode,

	/// How many blocks that walk checks in a second. [default: 1000]
	#[arg(long, value_name = "BLOCKS_PER_SECOND", help_heading = "Thin")]
	pub thin_history_rate: Option<NonZeroU32>,

	/// The most bytes that `--thin-hydrate background` fetches in a second: 500K, 50M. [default: as
	/// many as come]
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse, help_heading = "Thin")]
	pub thin_hydrate_rate: Option<u64>,

	/// The most bytes that are fetched in a second at all. An audit has a flag of its own for it.
	#[arg(skip)]
	pub fetch_rate: Option<u64>,

	/// Take a snapshot that no quorum of attesters has certified, or that is in no registry.
	///
	/// The block is proven from genesis all the same; what is missing is anybody's word that the
	/// image is complete. A proof of the registration may then be of any age.
	#[arg(long, help_heading = "Thin")]
	pub thin_allow_uncertified: bool,
}

/// How much of the image is fetched ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Hydrate {
	/// Nothing: what is asked for.
	#[default]
	None,
	/// All of it, while the node runs and reads nothing itself.
	Background,
	/// All of it, to a folder, before the start.
	Full,
}

/// What the walk to genesis checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum HistoryMode {
	/// Nothing.
	Off,
	/// Numbers and headers: some hundred bytes for each block.
	#[default]
	Headers,
	/// Also hashes, bodies and justifications: fetches all blocks.
	Full,
}

impl ThinParams {
	/// The snapshot asked for. Errors with a sentence when it is no id.
	pub fn snapshot(&self) -> Result<Option<Which>, String> {
		let which = |text: &str| match text {
			LATEST => Ok(Which::Latest),
			id => parse_id(id).map(Which::Id),
		};
		self.thin_from.as_deref().map(which).transpose()
	}

	/// What is required of the registration.
	pub fn policy(&self) -> Policy {
		Policy {
			allow_uncertified: self.thin_allow_uncertified,
			min_stake: self.thin_min_stake,
			min_attesters: self.thin_min_attesters,
			max_age: self.thin_max_age,
		}
	}

	/// Whether any of the flags was given.
	pub fn is_used(&self) -> bool {
		self.thin_from.is_some()
			|| self.thin_proof.is_some()
			|| !self.thin_store.is_empty()
			|| self.thin_cache.is_some()
			|| self.thin_cache_size.is_some()
			|| self.thin_hydrate != Hydrate::None
			|| self.thin_history != HistoryMode::default()
			|| self.thin_history_rate.is_some()
			|| self.thin_hydrate_rate.is_some()
			|| self.thin_allow_uncertified
			|| self.thin_registry.is_some()
			|| self.thin_min_stake > 0
			|| self.thin_min_attesters > 0
			|| self.thin_max_age.is_some()
	}
}

/// Reads a snapshot id: 64 hexadecimal digits, with or without 0x.
pub fn parse_id(text: &str) -> Result<SnapshotId, String> {
	let mut id = [0; 32];
	hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut id).map_err(|_| {
		format!("'{text}' is no snapshot id: expected 64 hexadecimal digits, as `scripts/list.mjs` shows them")
	})?;
	Ok(SnapshotId::from(id))
}

/// Reads an age: a number and s, m, h or d.
pub fn parse_age(text: &str) -> Result<Duration, String> {
	let wrong = || format!("'{text}' is no age: expected a number and s, m, h or d, as in 12h");
	let unit = match text.chars().last() {
		Some('s') => 1,
		Some('m') => 60,
		Some('h') => 60 * 60,
		Some('d') => 24 * 60 * 60,
		_ => return Err(wrong()),
	};
	let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
	number.checked_mul(unit).map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn ages_have_a_unit() {
		assert_eq!(parse_age("90s"), Ok(Duration::from_secs(90)));
		assert_eq!(parse_age("30m"), Ok(Duration::from_secs(1_800)));
		assert_eq!(parse_age("12h"), Ok(Duration::from_secs(43_200)));
		assert_eq!(parse_age("7d"), Ok(Duration::from_secs(604_800)));
		for wrong in ["", "7", "d", "-1d", "1.5h", "7w", "7é", "18446744073709551615d"] {
			assert!(parse_age(wrong).unwrap_err().contains("is no age"), "{wrong}");
		}
	}
}
