//! Audits snapshots from the stores that the registry names.

use super::{
	attester::{Auditor, Finding},
	registry::Registered,
	DutyError,
};
use crate::{
	audit::command::{AuditParams, Failure, Findings, CACHE_SIZE},
	genesis::Genesis,
};
use sc_consensus_grandpa::BlockNumberOps;
use sp_core::H256;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{fs, path::PathBuf};

/// Runs the audit of `snapshot audit` in this process.
pub struct NodeAuditor<Block: BlockT> {
	/// What the chain spec says.
	pub genesis: Genesis<Block>,
	/// Where reports go, and what an audit keeps until its end.
	pub folder: PathBuf,
	/// The most bytes that are fetched in a second.
	pub rate: Option<u64>,
}

impl<Block> NodeAuditor<Block>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
{
	fn once(&self, snapshot: &Registered) -> Result<Findings, DutyError> {
		let params = AuditParams {
			id: format!("{:?}", snapshot.id),
			store: snapshot.locations.iter().map(ToString::to_string).collect(),
			thin_proof: None,
			work: Some(self.folder.clone()),
			cache_size: CACHE_SIZE,
			rate: self.rate,
			restore: false,
		};
		// That something is not there may be for a moment: only an audit that came to its end
		// says something about the snapshot.
		params.audit(&self.genesis).map_err(|error| match error {
			Failure::Negative(reason) | Failure::Environment(reason) => {
				DutyError::Audit(format!("the audit of {:?} came to no end: {reason}", snapshot.id))
			},
		})
	}
}

impl<Block> Auditor for NodeAuditor<Block>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
{
	/// What is found wrong is looked at again: a dispute costs its deposit if it is dismissed.
	fn audit(&mut self, snapshot: &Registered) -> Result<Finding, DutyError> {
		let failed =
			|error: std::io::Error| DutyError::Audit(format!("{}: {error}", self.folder.display()));
		fs::create_dir_all(&self.folder).map_err(failed)?;
		if self.once(snapshot)?.ok {
			return Ok(Finding::Right);
		}
		let findings = self.once(snapshot)?;
		if findings.ok {
			return Err(DutyError::Audit(format!(
				"two audits of {:?} don't agree: a store of it is not reliable",
				snapshot.id
			)));
		}
		let report = serde_json::to_vec_pretty(&findings)
			.map_err(|error| DutyError::Audit(error.to_string()))?;
		let path = self.folder.join(format!("{}.json", hex::encode(snapshot.id)));
		fs::write(&path, &report).map_err(failed)?;
		tracing::info!(target: "thin", path = %path.display(), "The report of the audit");
		let reason = findings.first_faults.first().cloned();
		Ok(Finding::Wrong {
			reason: reason.unwrap_or_else(|| format!("{} faults", findings.faults)),
			evidence: H256(sp_crypto_hashing::blake2_256(&report)),
		})
	}
}
