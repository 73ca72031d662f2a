//! Records of the registry as plain data, in the words of the polkadot-js scripts.

use pallet_snapshots::{Attestation, Details, Dispute, Snapshot, SnapshotId, Standing, Status};
use serde::Serialize;
use serde_json::{json, Map, Value};
use sp_runtime::traits::UniqueSaturatedInto;
use std::fmt::Display;

/// A block number of any runtime.
pub(super) trait Number: Copy + UniqueSaturatedInto<u64> {
	/// As JSON has it.
	fn plain(self) -> u64 {
		self.unique_saturated_into()
	}
}

impl<N: Copy + UniqueSaturatedInto<u64>> Number for N {}

/// How a snapshot stands, in a word.
pub(super) fn status<N>(status: &Status<N>) -> &'static str {
	match status {
		Status::Pending => "pending",
		Status::Certified { .. } => "certified",
		Status::Disputed { .. } => "disputed",
		Status::Retired { .. } => "retired",
		Status::Fraudulent { .. } => "fraudulent",
	}
}

/// What belongs to that word.
fn status_detail<N: Number>(status: &Status<N>) -> Value {
	match status {
		Status::Pending => Value::Null,
		Status::Certified { at } => json!({ "at": at.plain() }),
		Status::Disputed { since, before } => {
			json!({ "since": since.plain(), "before": standing(before) })
		},
		Status::Retired { since } | Status::Fraudulent { since } => {
			json!({ "since": since.plain() })
		},
	}
}

fn standing<N: Number>(standing: &Standing<N>) -> Value {
	match standing {
		Standing::Pending => json!({ "pending": null }),
		Standing::Certified { at } => json!({ "certified": { "at": at.plain() } }),
		Standing::Retired { since } => json!({ "retired": { "since": since.plain() } }),
	}
}

/// A record. Balances are text: they are larger than what a JSON number holds exactly.
pub(super) fn record<A: Serialize, B: Display, N: Number>(
	id: SnapshotId,
	record: &Snapshot<A, B, N>,
) -> Map<String, Value> {
	let manifest = &record.manifest;
	let origin = format!("{:?}", record.origin).to_lowercase();
	let value = json!({
		"id": format!("{id:?}"),
		"genesis_hash": format!("{:?}", manifest.genesis_hash),
		"block_number": manifest.block_number,
		"block_hash": format!("{:?}", manifest.block_hash),
		"state_root": format!("{:?}", manifest.state_root),
		"image": format!("{:?}", manifest.image),
		"logical_size": manifest.logical_size,
		"database": manifest.database,
		"pruning": manifest.pruning,
		"publisher": record.publisher,
		"origin": origin,
		"status": status(&record.status),
		"status_detail": status_detail(&record.status),
		"registered_at": record.registered_at.plain(),
		"expires_at": record.expires_at.plain(),
		"deposit": record.deposit.to_string(),
		"attested": record.attested.to_string(),
		"attesters": record.attesters,
		"quorum": record.quorum.to_string(),
		"bound_until": record.bound_until.plain(),
	});
	match value {
		Value::Object(fields) => fields,
		_ => Map::new(),
	}
}

/// All about one snapshot.
pub(super) fn details<A: Serialize, B: Display, N: Number>(details: &Details<A, B, N>) -> Value {
	let mut fields = record(details.id, &details.snapshot);
	let attestations = details.attestations.iter().map(|(attester, attestation)| {
		let Attestation { stake, at } = attestation;
		json!({ "attester": attester, "stake": stake.to_string(), "at": at.plain() })
	});
	fields.insert("locations".into(), json!(details.locations));
	fields.insert("attestations".into(), attestations.collect());
	fields.insert("standing_stake".into(), details.standing_stake.to_string().into());
	fields.insert("required_stake".into(), details.required_stake.to_string().into());
	fields.insert("dispute".into(), details.dispute.as_ref().map_or(Value::Null, dispute));
	fields.insert("reward".into(), details.reward.to_string().into());
	fields.insert("expired".into(), details.expired.into());
	Value::Object(fields)
}

fn dispute<A: Serialize, B: Display, N: Number>(dispute: &Dispute<A, B, N>) -> Value {
	json!({
		"reporter": dispute.reporter,
		"evidence": format!("{:?}", dispute.evidence),
		"deposit": dispute.deposit.to_string(),
		"since": dispute.since.plain(),
		"lapses_at": dispute.lapses_at.plain(),
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use pallet_snapshots::{Database, DatabaseKind, ImageInfo, Origin, Pruning};
	use sp_core::H256;

	#[test]
	fn a_record_has_the_words_of_the_scripts() {
		let database = Database { kind: DatabaseKind::RocksDb, version: 4 };
		let pruning = Pruning::Keep(256);
		let image = ImageInfo { image: H256::zero(), logical_size: 9, database, pruning };
		let snapshot = Snapshot {
			manifest: image.at(H256::zero(), 7, H256::zero(), H256::zero()),
			publisher: 1u64,
			origin: Origin::Native,
			registered_at: 8u32,
			expires_at: 9,
			status: Status::Disputed { since: 6, before: Standing::Certified { at: 5 } },
			deposit: u128::MAX,
			attested: 0,
			attesters: 2,
			quorum: 0,
			bound_until: 0,
		};
		let plain = record(H256::zero(), &snapshot);
		assert_eq!(plain["status"], "disputed");
		let before = json!({ "certified": { "at": 5 } });
		assert_eq!(plain["status_detail"], json!({ "since": 6, "before": before }));
		assert_eq!(plain["deposit"], u128::MAX.to_string());
		assert_eq!(plain["pruning"], json!({ "keep": 256 }));
		assert_eq!(plain["database"], json!({ "kind": "rocksdb", "version": 4 }));
		assert_eq!(plain["origin"], "native");
		assert_eq!(plain["id"], format!("0x{}", "0".repeat(64)));
	}
}
