//! `snapshot register` and `snapshot attest`: transactions through the RPC of a node.

use super::{
	ended,
	read::{details, not_registered},
	Ended, RpcParams,
};
use crate::{
	cli::parse_id,
	create::snapshot_id,
	duty::{chain::Signer, key::KeyParams, registry::Call},
	remote::{Landed, Remote, Submission},
};
use clap::{Args, Parser};
use codec::{Codec, Encode};
use pallet_snapshots::{AttesterInfo, ImageInfo, Location, Manifest, SnapshotId};
use serde::Deserialize;
use serde_json::{json, Value};
use sp_keystore::KeystorePtr;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{
	fs,
	path::{Path, PathBuf},
	time::Duration,
};

/// The largest file that is read for a registration.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// `snapshot register`.
#[derive(Debug, Clone, Parser)]
pub struct RegisterCmd {
	/// The file that `snapshot create` has written.
	#[arg(value_name = "FILE")]
	pub file: PathBuf,

	/// Where others will find the image. May be repeated. [default: as the file says]
	#[arg(long, value_name = "zdb://HOST[:PORT]/NAMESPACE")]
	pub location: Vec<Location>,

	/// Register the snapshot of another chain, which has no registry of its own. The registry
	/// can't check its block, and takes a higher deposit.
	#[arg(long)]
	pub foreign: bool,

	/// Who signs and how long to wait.
	#[clap(flatten)]
	pub submit: SubmitParams,
}

/// `snapshot attest`.
#[derive(Debug, Clone, Parser)]
pub struct AttestCmd {
	/// The snapshot: its id, 64 hexadecimal digits.
	#[arg(value_name = "SNAPSHOT ID", value_parser = parse_id)]
	pub id: SnapshotId,

	/// Who signs and how long to wait.
	#[clap(flatten)]
	pub submit: SubmitParams,
}

/// What every transaction takes.
#[derive(Debug, Clone, Args)]
pub struct SubmitParams {
	/// Whose key signs.
	#[clap(flatten)]
	pub key: KeyParams,

	/// Be content with a block; without it, wait until the block is final.
	#[arg(long)]
	pub in_block: bool,

	/// How many seconds to wait for that.
	#[arg(long, value_name = "SECONDS", default_value_t = 600)]
	pub timeout: u64,

	/// Whom to ask.
	#[clap(flatten)]
	pub rpc: RpcParams,
}

impl SubmitParams {
	/// Who signs, and by which account.
	fn signer<Block, S>(
		&self,
		signer: impl FnOnce(KeystorePtr) -> S,
	) -> Result<(S, S::AccountId), Ended>
	where
		Block: BlockT,
		S: Signer<Block>,
	{
		let signer = self.key.open().map(signer).map_err(Ended::Environment)?;
		let account = signer.account().ok_or_else(|| {
			Ended::Environment(
				"the keystore has no key of type thin: insert one with `thin-node key insert \
				 --key-type thin --scheme sr25519 --suri …` (and the node's --chain and \
				 --base-path), or sign with --key-file FILE"
					.into(),
			)
		})?;
		Ok((signer, account))
	}

	fn submission(&self) -> Submission {
		let limit = Duration::from_secs(self.timeout);
		Submission { until_final: !self.in_block, limit }
	}
}

/// What `snapshot create` has written, as far as it is needed here.
#[derive(Deserialize)]
struct Record<Header> {
	snapshot_id: SnapshotId,
	manifest: Manifest,
	register: Parts<Header>,
}

#[derive(Deserialize)]
struct Parts<Header> {
	header: Header,
	image: ImageInfo,
	locations: Vec<Location>,
}

fn read_record<Header: for<'de> Deserialize<'de>>(path: &Path) -> Result<Record<Header>, Ended> {
	let failed = |reason: String| {
		Ended::Environment(format!(
			"{}: {reason}. `snapshot create` writes such a file",
			path.display()
		))
	};
	let length = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
	if length > MOST_BYTES {
		return Err(failed(format!("{length} bytes are no snapshot to be registered")));
	}
	let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
	serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
}

impl RegisterCmd {
	/// Registers the snapshot, and ends the process: with 1 when the chain refuses it.
	pub fn run<Block, S>(&self, signer: impl FnOnce(KeystorePtr) -> S) -> !
	where
		Block: BlockT,
		NumberFor<Block>: Codec,
		S: Signer<Block>,
	{
		ended(self.submit.rpc.json, self.register::<Block, S>(signer))
	}

	fn register<Block, S>(
		&self,
		signer: impl FnOnce(KeystorePtr) -> S,
	) -> Result<(Value, String), Ended>
	where
		Block: BlockT,
		NumberFor<Block>: Codec,
		S: Signer<Block>,
	{
		let Record { snapshot_id: said, manifest, register } =
			read_record::<Block::Header>(&self.file)?;
		let Parts { header, image, locations } = register;
		let id = snapshot_id::<Block>(&manifest);
		if id != said {
			return Err(Ended::Environment(format!(
				"{}: the id of its manifest is {id:?}, and it says {said:?}: it was changed",
				self.file.display()
			)));
		}
		let locations = if self.location.is_empty() { locations } else { self.location.clone() };
		if locations.is_empty() {
			return Err(Ended::Environment(
				"the file names no place where others find the image: say with --location".into(),
			));
		}
		let (signer, _) = self.submit.signer::<Block, S>(signer)?;
		let remote = Remote::<Block>::connect(&self.submit.rpc.rpc)?;
		let ours = remote.genesis()?;
		let is_ours = ours.as_ref() == manifest.genesis_hash.as_bytes();
		let call = match (is_ours, self.foreign) {
			(true, false) => Call::Register { header, image, locations },
			(false, true) => Call::RegisterForeign { manifest, locations },
			(false, false) => {
				return Err(Ended::Environment(format!(
					"the snapshot is of the chain with genesis {:?}, and the node's has {ours:?}: \
					 give a node of that chain with --rpc, or say --foreign",
					manifest.genesis_hash
				)))
			},
			(true, true) => {
				return Err(Ended::Environment(
					"the snapshot is of the node's own chain: leave out --foreign".into(),
				))
			},
		};
		let Landed { number, hash, is_final } =
			remote.submit(&signer, call, self.submit.submission())?;
		if details::<Block, S>(&remote, hash, id)?.is_none() {
			return Err(Ended::Negative(format!(
				"the chain has taken the registration in block {number}, and has no snapshot {id:?}"
			)));
		}
		let shown = json!({
			"snapshot_id": format!("{id:?}"),
			"block": number,
			"block_hash": hash,
			"final": is_final,
		});
		Ok((shown, format!("registered {id:?} in block {number}\n")))
	}
}

impl AttestCmd {
	/// Vouches for the snapshot, and ends the process: with 1 when the chain refuses that.
	pub fn run<Block, S>(&self, signer: impl FnOnce(KeystorePtr) -> S) -> !
	where
		Block: BlockT,
		NumberFor<Block>: Codec,
		S: Signer<Block>,
	{
		ended(self.submit.rpc.json, self.attest::<Block, S>(signer))
	}

	fn attest<Block, S>(
		&self,
		signer: impl FnOnce(KeystorePtr) -> S,
	) -> Result<(Value, String), Ended>
	where
		Block: BlockT,
		NumberFor<Block>: Codec,
		S: Signer<Block>,
	{
		let id = self.id;
		let (signer, account) = self.submit.signer::<Block, S>(signer)?;
		let remote = Remote::<Block>::connect(&self.submit.rpc.rpc)?;
		let at = remote.best()?;
		let found = details::<Block, S>(&remote, at, id)?.ok_or_else(|| not_registered(id))?;
		check_contradictions::<Block, S>(&remote, at, &account, &found.snapshot.manifest)?;
		let Landed { number, hash, is_final } =
			remote.submit(&signer, Call::Attest(id), self.submit.submission())?;
		let now = details::<Block, S>(&remote, hash, id)?.ok_or_else(|| not_registered(id))?;
		let (status, attesters) =
			(super::plain::status(&now.snapshot.status), now.snapshot.attesters);
		let shown = json!({
			"snapshot_id": format!("{id:?}"),
			"attester": account,
			"block": number,
			"block_hash": hash,
			"final": is_final,
			"status": status,
			"attested": now.snapshot.attested.to_string(),
			"attesters": attesters,
		});
		let text = format!(
			"vouching for {id:?} since block {number}; the snapshot is {status}, {attesters} vouch \
			 for it\n"
		);
		Ok((shown, text))
	}
}

/// Who vouches for two images of one block loses the bond, whatever they hold.
fn check_contradictions<Block, S>(
	remote: &Remote<Block>,
	at: Block::Hash,
	account: &S::AccountId,
	manifest: &Manifest,
) -> Result<(), Ended>
where
	Block: BlockT,
	NumberFor<Block>: Codec,
	S: Signer<Block>,
{
	let info: Option<AttesterInfo<S::Balance, NumberFor<Block>>> =
		remote.call(at, "SnapshotsApi_attester", account.encode())?;
	let vouches = info.map(|info| info.vouches).unwrap_or_default();
	for vouch in vouches {
		let Some(other) = details::<Block, S>(remote, at, vouch.snapshot)? else { continue };
		if other.snapshot.manifest.contradicts(manifest) {
			return Err(Ended::Negative(format!(
				"this account vouches for {:?}, another image of the same block, and vouching for \
				 both is an equivocation, which costs the bond",
				vouch.snapshot
			)));
		}
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::testing::Header;

	#[test]
	fn a_file_that_is_no_snapshot_is_named() {
		let home = tempfile::tempdir().unwrap();
		let path = home.path().join("snapshot.json");
		for content in ["", "{}", "[1]"] {
			fs::write(&path, content).unwrap();
			let error = read_record::<Header>(&path).err().unwrap();
			assert!(error.to_string().contains("snapshot create"), "{error}");
		}
		assert!(read_record::<Header>(&home.path().join("none")).is_err());
	}
}
