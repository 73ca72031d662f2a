//! The flags of a node that can start from a snapshot.

use clap::{Args, ValueEnum};
use pallet_snapshots::SnapshotId;
use std::{num::NonZeroU32, path::PathBuf};

/// Flags that a node's own command line flattens in.
#[derive(Debug, Clone, Default, Args)]
pub struct ThinParams {
	/// Start from a snapshot: its id, 64 hexadecimal digits.
	///
	/// The base path must be empty or started from the same snapshot. Once started, the node
	/// remembers its snapshot, and the flag may be left out.
	#[arg(long, value_name = "SNAPSHOT ID", help_heading = "Thin")]
	pub thin_from: Option<String>,

	/// Where to read the registration of the snapshot: the RPC of any node of the chain.
	///
	/// Nothing that node says of the chain itself is believed: the block is proven from genesis.
	#[arg(long, value_name = "WS URL", help_heading = "Thin")]
	pub thin_proof: Option<String>,

	/// A store to read the image from, before those of the registration. May be repeated.
	///
	/// zdb://[user[:password]@]host[:9900]/namespace, redis://host[:6379]/db or dir:///path.
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

	/// Take a snapshot that no quorum of attesters has certified, or that is in no registry.
	///
	/// The block is proven from genesis all the same; what is missing is anybody's word that the
	/// image is complete.
	#[arg(long, help_heading = "Thin")]
	pub thin_allow_uncertified: bool,
}

/// How much of the image is fetched ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Hydrate {
	/// Nothing: what is asked for.
	#[default]
	None,
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
	pub fn snapshot(&self) -> Result<Option<SnapshotId>, String> {
		self.thin_from.as_deref().map(parse_id).transpose()
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
			|| self.thin_allow_uncertified
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
