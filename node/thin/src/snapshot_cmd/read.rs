//! `snapshot list` and `snapshot show`: what the registry says, as a node tells it.

use super::{
	ended,
	plain::{self, Number},
	Ended, RpcParams,
};
use crate::{cli::parse_id, duty::chain::Signer, registration::RegistryLayout, remote::Remote};
use clap::Parser;
use codec::{Codec, DecodeAll, Encode};
use pallet_snapshots::{Details, Entry, Page, Snapshot, SnapshotId, MAX_PAGE};
use serde_json::{json, Value};
use sp_core::H256;
use sp_crypto_hashing::twox_128;
use sp_runtime::traits::{Block as BlockT, Header as HeaderT, NumberFor, UniqueSaturatedInto};
use std::fmt::Write;

type RecordOf<Block, S> =
	Snapshot<<S as Signer<Block>>::AccountId, <S as Signer<Block>>::Balance, NumberFor<Block>>;
type EntryOf<Block, S> =
	Entry<<S as Signer<Block>>::AccountId, <S as Signer<Block>>::Balance, NumberFor<Block>>;
type PageOf<Block, S> =
	Page<<S as Signer<Block>>::AccountId, <S as Signer<Block>>::Balance, NumberFor<Block>>;
type DetailsOf<Block, S> =
	Details<<S as Signer<Block>>::AccountId, <S as Signer<Block>>::Balance, NumberFor<Block>>;

/// `snapshot list`.
#[derive(Debug, Clone, Parser)]
pub struct ListCmd {
	/// Only those that the quorum vouches for and that have not expired.
	#[arg(long, conflicts_with = "pending")]
	pub certified: bool,

	/// With --certified: those of the chain with this genesis hash, not of the node's.
	#[arg(long, requires = "certified", value_name = "HASH", value_parser = parse_hash)]
	pub genesis: Option<H256>,

	/// Only those that wait for attestations.
	#[arg(long)]
	pub pending: bool,

	/// Whom to ask.
	#[clap(flatten)]
	pub rpc: RpcParams,
}

/// `snapshot show`.
#[derive(Debug, Clone, Parser)]
pub struct ShowCmd {
	/// The snapshot: its id, 64 hexadecimal digits.
	#[arg(value_name = "SNAPSHOT ID", value_parser = parse_id)]
	pub id: SnapshotId,

	/// Whom to ask.
	#[clap(flatten)]
	pub rpc: RpcParams,
}

fn parse_hash(text: &str) -> Result<H256, String> {
	parse_id(text).map_err(|_| format!("'{text}' is no hash: expected 64 hexadecimal digits"))
}

/// The record of a snapshot and what is known of it, at one block.
pub(super) fn details<Block, S>(
	remote: &Remote<Block>,
	at: Block::Hash,
	id: SnapshotId,
) -> Result<Option<DetailsOf<Block, S>>, Ended>
where
	Block: BlockT,
	NumberFor<Block>: Codec,
	S: Signer<Block>,
{
	Ok(remote.call(at, "SnapshotsApi_snapshot", id.encode())?)
}

impl ListCmd {
	/// Prints the list, and ends the process.
	pub fn run<Block, S, L>(&self) -> !
	where
		Block: BlockT,
		NumberFor<Block>: Codec,
		S: Signer<Block>,
		L: RegistryLayout,
	{
		ended(self.rpc.json, self.list::<Block, S, L>())
	}

	fn list<Block, S, L>(&self) -> Result<(Value, String), Ended>
	where
		Block: BlockT,
		NumberFor<Block>: Codec,
		S: Signer<Block>,
		L: RegistryLayout,
	{
		let remote = Remote::<Block>::connect(&self.rpc.rpc)?;
		let at = remote.best()?;
		let snapshots = match (self.certified, self.pending) {
			(true, _) => certified::<Block, S>(&remote, at, self.genesis)?,
			(_, true) => pending::<Block, S>(&remote, at)?,
			_ => all::<Block, S, L>(&remote, at)?,
		};
		let number: u64 = (*remote.header(at)?.number()).unique_saturated_into();
		let text = table(&snapshots);
		Ok((json!({ "at": number, "snapshots": snapshots }), text))
	}
}

impl ShowCmd {
	/// Prints the snapshot, and ends the process: with 1 when it isn't registered.
	pub fn run<Block, S>(&self) -> !
	where
		Block: BlockT,
		NumberFor<Block>: Codec,
		S: Signer<Block>,
	{
		ended(self.rpc.json, self.show::<Block, S>())
	}

	fn show<Block, S>(&self) -> Result<(Value, String), Ended>
	where
		Block: BlockT,
		NumberFor<Block>: Codec,
		S: Signer<Block>,
	{
		let remote = Remote::<Block>::connect(&self.rpc.rpc)?;
		let at = remote.best()?;
		let found = details::<Block, S>(&remote, at, self.id)?;
		let found = found.ok_or_else(|| not_registered(self.id))?;
		let shown = plain::details(&found);
		let text = lines(&shown);
		Ok((shown, text))
	}
}

/// That there is no such snapshot.
pub(super) fn not_registered(id: SnapshotId) -> Ended {
	Ended::Negative(format!(
		"no snapshot {id:?} is registered on the chain of this node: `snapshot list` shows those \
		 that are"
	))
}

fn entry<Block, S>(entry: &EntryOf<Block, S>) -> Value
where
	Block: BlockT,
	S: Signer<Block>,
	NumberFor<Block>: Number,
{
	let mut fields = plain::record(entry.id, &entry.snapshot);
	fields.insert("locations".into(), json!(entry.locations));
	Value::Object(fields)
}

fn certified<Block, S>(
	remote: &Remote<Block>,
	at: Block::Hash,
	genesis: Option<H256>,
) -> Result<Vec<Value>, Ended>
where
	Block: BlockT,
	NumberFor<Block>: Codec,
	S: Signer<Block>,
{
	let entries: Vec<EntryOf<Block, S>> = match genesis {
		None => remote.call(at, "SnapshotsApi_certified", MAX_PAGE.encode())?,
		Some(genesis) => {
			remote.call(at, "SnapshotsApi_certified_of", (genesis, MAX_PAGE).encode())?
		},
	};
	Ok(entries.iter().map(entry::<Block, S>).collect())
}

fn pending<Block, S>(remote: &Remote<Block>, at: Block::Hash) -> Result<Vec<Value>, Ended>
where
	Block: BlockT,
	NumberFor<Block>: Codec,
	S: Signer<Block>,
{
	let mut snapshots = Vec::new();
	let mut after: Option<SnapshotId> = None;
	loop {
		let arguments = (after, MAX_PAGE).encode();
		let page: PageOf<Block, S> = remote.call(at, "SnapshotsApi_pending", arguments)?;
		snapshots.extend(page.entries.iter().map(entry::<Block, S>));
		// The ids ascend: a node that sends others could go on for ever.
		match page.next {
			Some(next) if after.is_none_or(|after| next > after) => after = Some(next),
			_ => return Ok(snapshots),
		}
	}
}

/// All there are, whatever became of them, the newest block first. The runtime API has no such
/// list: this one is read from the storage.
fn all<Block, S, L>(remote: &Remote<Block>, at: Block::Hash) -> Result<Vec<Value>, Ended>
where
	Block: BlockT,
	NumberFor<Block>: Codec,
	S: Signer<Block>,
	L: RegistryLayout,
{
	let prefix = [twox_128(L::SNAPSHOTS.as_bytes()), twox_128(b"Snapshots")].concat();
	let mut found = Vec::new();
	for (key, value) in remote.entries(&prefix, at)? {
		let id = <[u8; 32]>::try_from(&key[prefix.len().min(key.len())..]);
		let record = <RecordOf<Block, S>>::decode_all(&mut &value[..]);
		let (Ok(id), Ok(record)) = (id, record) else {
			return Err(Ended::Environment(
				"a record of the registry can't be understood: the chain has another version of \
				 it than this program"
					.into(),
			));
		};
		found.push((record.manifest.block_number, H256(id), record));
	}
	found.sort_by_key(|(block, id, _)| (std::cmp::Reverse(*block), *id));
	Ok(found.iter().map(|(_, id, record)| Value::Object(plain::record(*id, record))).collect())
}

fn text(value: &Value) -> String {
	match value {
		Value::String(text) => text.clone(),
		other => other.to_string(),
	}
}

fn table(snapshots: &[Value]) -> String {
	if snapshots.is_empty() {
		return "no snapshots\n".into();
	}
	let columns = [
		("ID", "id", 66),
		("BLOCK", "block_number", 10),
		("ORIGIN", "origin", 7),
		("STATUS", "status", 10),
		("ATTESTERS", "attesters", 9),
		("SIZE", "logical_size", 0),
	];
	let mut table = String::new();
	let mut line = |cell: &dyn Fn(&str, &str) -> String| {
		let cells = columns.map(|(title, field, width)| format!("{:width$}", cell(title, field)));
		let _ = writeln!(table, "{}", cells.join("  ").trim_end());
	};
	line(&|title, _| title.to_owned());
	for snapshot in snapshots {
		line(&|_, field| text(&snapshot[field]));
	}
	table
}

fn lines(shown: &Value) -> String {
	let of = |field: &str| text(&shown[field]);
	let mut lines = String::new();
	let mut line = |name: &str, value: String| {
		let _ = writeln!(lines, "{name:<14} {value}");
	};
	line("snapshot", of("id"));
	line("status", of("status"));
	line("block", format!("{} {}", of("block_number"), of("block_hash")));
	line("state root", of("state_root"));
	line("genesis", of("genesis_hash"));
	line("image", of("image"));
	line("size", format!("{} bytes", of("logical_size")));
	let database = &shown["database"];
	line("database", format!("{}, version {}", text(&database["kind"]), database["version"]));
	line("pruning", of("pruning"));
	line("origin", of("origin"));
	line("publisher", of("publisher"));
	let expires = if shown["expired"] == true { "expired" } else { "expires" };
	line(
		"registered",
		format!("in block {}, {expires} in {}", of("registered_at"), of("expires_at")),
	);
	line(
		"attested",
		format!(
			"{} by {}, {} of it can be slashed; a pending one needs {} now",
			of("attested"),
			of("attesters"),
			of("standing_stake"),
			of("required_stake")
		),
	);
	if shown["reward"] != "0" {
		line("reward", of("reward"));
	}
	let dispute = &shown["dispute"];
	if !dispute.is_null() {
		let (reporter, evidence) = (text(&dispute["reporter"]), text(&dispute["evidence"]));
		let (since, lapses_at) = (&dispute["since"], &dispute["lapses_at"]);
		line(
			"dispute",
			format!(
				"by {reporter} since block {since}, lapses in {lapses_at}; evidence {evidence}"
			),
		);
	}
	for attestation in shown["attestations"].as_array().into_iter().flatten() {
		let (attester, stake) = (text(&attestation["attester"]), text(&attestation["stake"]));
		line("attester", format!("{attester} with {stake} since block {}", attestation["at"]));
	}
	for location in shown["locations"].as_array().into_iter().flatten() {
		line("location", text(location));
	}
	lines
}
