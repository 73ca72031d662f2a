//! RPC methods of a node that links this crate.

use crate::{
	cli::parse_id,
	duty::health::{DutiesReport, Health},
	prover::{ProveError, ProveSnapshot, Which},
	status::{StatusReport, ThinStatus},
};
use jsonrpsee::{
	core::RpcResult,
	proc_macros::rpc,
	types::{error::INVALID_PARAMS_CODE, ErrorObject, ErrorObjectOwned},
};
use sp_core::Bytes;
use std::sync::Arc;

/// What `thin_proveSnapshot` is given to mean the newest certified snapshot.
pub const LATEST: &str = "latest";
/// The code of an error that says why there is no proof.
pub const NO_PROOF: i32 = 9001;

/// `thin_*`.
#[rpc(server, namespace = "thin")]
pub trait ThinApi {
	/// The snapshot this node was started from and what it has fetched; `null` on a node that
	/// was not started from one.
	#[method(name = "status")]
	fn status(&self) -> RpcResult<Option<StatusReport>>;

	/// How the duties of this node are doing: `null` for each that it does not have.
	#[method(name = "duties")]
	fn duties(&self) -> RpcResult<DutiesReport>;

	/// A page of the proof of a snapshot, hex: its id, or `latest` for the certified one of this
	/// chain at the newest block. Whoever gets it checks it from genesis; this node need not be
	/// trusted.
	///
	/// A long proof has several pages. `after` is the number of the last block of the page before;
	/// without it the first page is given.
	#[method(name = "proveSnapshot", blocking)]
	fn prove_snapshot(&self, id: String, after: Option<u32>) -> RpcResult<Bytes>;
}

/// Answers for one node.
pub struct ThinRpc {
	status: Option<ThinStatus>,
	prover: Arc<dyn ProveSnapshot>,
	duties: Health,
}

impl ThinRpc {
	/// `status` is `None` for a node that was not started from a snapshot.
	pub fn new(status: Option<ThinStatus>, prover: Arc<dyn ProveSnapshot>) -> Self {
		Self { status, prover, duties: Health::default() }
	}

	/// Answers for these duties, too.
	pub fn with_duties(mut self, duties: Health) -> Self {
		self.duties = duties;
		self
	}
}

fn no_proof(error: ProveError) -> ErrorObjectOwned {
	ErrorObject::owned(NO_PROOF, error.to_string(), None::<()>)
}

impl ThinApiServer for ThinRpc {
	fn status(&self) -> RpcResult<Option<StatusReport>> {
		Ok(self.status.as_ref().map(ThinStatus::report))
	}

	fn duties(&self) -> RpcResult<DutiesReport> {
		Ok(self.duties.report())
	}

	fn prove_snapshot(&self, id: String, after: Option<u32>) -> RpcResult<Bytes> {
		let which =
			match id.as_str() {
				LATEST => Which::Latest,
				id => Which::Id(parse_id(id).map_err(|reason| {
					ErrorObject::owned(INVALID_PARAMS_CODE, reason, None::<()>)
				})?),
			};
		self.prover.prove(which, after.unwrap_or_default()).map(Bytes).map_err(no_proof)
	}
}
