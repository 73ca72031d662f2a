//! The flags of a node that can start from a snapshot.

use clap::{Args, ValueEnum};
use pallet_snapshots::SnapshotId;
use std::path::PathBuf;

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

	/// The most bytes that `--thin-hydrate background` fetches in a second: 500K, 50M. [default: as
	/// many as come]
	#[arg(long, value_name = "SIZE", value_parser = thin_mount::size::parse, help_heading = "Thin")]
	pub thin_hydrate_rate: Option<u64>,

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
	/// All of it, while the node runs and reads nothing itself.
	Background,
	/// All of it, to a folder, before the start.
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
			|| self.thin_hydrate_rate.is_some()
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
