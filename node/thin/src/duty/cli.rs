//! The flags of the duties.

use super::key;
use crate::cli::parse_age;
use clap::Args;
use pallet_snapshots::Location;
use sp_keystore::KeystorePtr;
use std::{path::PathBuf, time::Duration};

/// Flags that a node's own command line flattens in.
#[derive(Debug, Clone, Default, Args)]
pub struct DutyParams {
	/// Publish snapshots of this node's database to this store. May be repeated: each store gets
	/// all of it.
	///
	/// The node makes, registers, proves and retires them by itself, and signs with the key of
	/// type `thin` in its keystore.
	#[arg(long, value_name = "URL", requires = "thin_publish_every", help_heading = "Thin duties")]
	pub thin_publish: Vec<String>,

	/// Publish at every multiple of so many finalized blocks.
	#[arg(
		long,
		value_name = "BLOCKS",
		requires = "thin_publish",
		value_parser = clap::value_parser!(u32).range(1..),
		help_heading = "Thin duties"
	)]
	pub thin_publish_every: Option<u32>,

	/// Keep so many certified snapshots: retire older ones, and remove from the stores what no
	/// registered snapshot needs. [default: keep all]
	///
	/// The stores must hold nothing but images of registered snapshots then.
	#[arg(
		long,
		value_name = "NUMBER",
		requires = "thin_publish",
		value_parser = clap::value_parser!(u32).range(1..),
		help_heading = "Thin duties"
	)]
	pub thin_publish_keep: Option<u32>,

	/// What was stored this lately is never removed: 90s, 30m, 12h, 7d. [default: 1d]
	///
	/// It may belong to an image that somebody else is about to register.
	#[arg(
		long,
		value_name = "AGE",
		requires = "thin_publish_keep",
		value_parser = parse_age,
		help_heading = "Thin duties"
	)]
	pub thin_publish_grace: Option<Duration>,

	/// Record no trace of a start from a new snapshot.
	///
	/// By default the publisher starts from its own image once, in a folder beside its database and
	/// with no network, and puts into the image which chunks that took: others fetch them ahead.
	/// Takes FUSE; without it there is no trace.
	#[arg(long, requires = "thin_publish", help_heading = "Thin duties")]
	pub thin_publish_no_trace: bool,

	/// Publish also while the node is catching up with its chain. For measurements: nothing can be
	/// registered meanwhile.
	#[arg(long, requires = "thin_publish", hide = true)]
	pub thin_publish_while_syncing: bool,

	/// Where others find the images. May be repeated. [default: the stores that are 0-dbs]
	#[arg(
		long,
		value_name = "zdb://HOST[:PORT]/NAMESPACE",
		requires = "thin_publish",
		help_heading = "Thin duties"
	)]
	pub thin_publish_location: Vec<Location>,

	/// Audit each new snapshot of this chain; vouch for it when it is right, dispute it when it is
	/// wrong. Signs with the key of type `thin` in the keystore, which needs a bond.
	#[arg(long, help_heading = "Thin duties")]
	pub thin_attest: bool,

	/// Leave alone what is larger than this: 500M, 2T. [default: audit everything]
	#[arg(
		long,
		value_name = "SIZE",
		requires = "thin_attest",
		value_parser = thin_mount::size::parse,
		help_heading = "Thin duties"
	)]
	pub thin_attest_max_size: Option<u64>,

	/// The most bytes that an audit fetches in a second: 500K, 50M. One snapshot is audited at a
	/// time. [default: as many as come]
	#[arg(
		long,
		value_name = "SIZE",
		requires = "thin_attest",
		value_parser = thin_mount::size::parse,
		help_heading = "Thin duties"
	)]
	pub thin_attest_rate: Option<u64>,

	/// Sign for the duties with the secret in this file, and not with a key in the keystore: a
	/// phrase, 0x and 64 hexadecimal digits, or a derivation such as //Alice.
	#[arg(long, value_name = "FILE", help_heading = "Thin duties")]
	pub thin_key: Option<PathBuf>,

	/// Audit and say what was found, and do nothing about it.
	#[arg(long, requires = "thin_attest", help_heading = "Thin duties")]
	pub thin_attest_dry_run: bool,
}

impl DutyParams {
	/// Adds the key of `--thin-key` to a keystore, for as long as the process runs. Errors with a
	/// sentence.
	pub fn add_key(&self, keystore: &KeystorePtr) -> Result<(), String> {
		let Some(path) = &self.thin_key else { return Ok(()) };
		key::add(keystore, &key::from_file(path)?)
			.map_err(|error| format!("--thin-key: {}: {error}", path.display()))
	}

	/// Where others find the images of this publisher. Errors with a sentence.
	pub fn locations(&self) -> Result<Vec<Location>, String> {
		if !self.thin_publish_location.is_empty() {
			return Ok(self.thin_publish_location.clone());
		}
		locations_of(&self.thin_publish, "--thin-publish-location")
	}
}

/// The locations of those of the stores that are 0-dbs.
pub fn locations_of(stores: &[String], flag: &str) -> Result<Vec<Location>, String> {
	let zdbs = stores.iter().filter(|url| url.starts_with("zdb://"));
	zdbs.map(|url| {
		url.parse::<Location>()
			.map_err(|error| format!("{error}: say with {flag} where others will find the image"))
	})
	.collect()
}
