//! RPC methods of a node that links this crate.

use crate::status::{StatusReport, ThinStatus};
use jsonrpsee::{core::RpcResult, proc_macros::rpc};

/// `thin_*`.
#[rpc(server, namespace = "thin")]
pub trait ThinApi {
	/// The snapshot this node was started from and what it has fetched; `null` on a node that
	/// was not started from one.
	#[method(name = "status")]
	fn status(&self) -> RpcResult<Option<StatusReport>>;
}

/// Answers for one node.
pub struct ThinRpc(Option<ThinStatus>);

impl ThinRpc {
	/// `None` for a node that was not started from a snapshot.
	pub fn new(status: Option<ThinStatus>) -> Self {
		Self(status)
	}
}

impl ThinApiServer for ThinRpc {
	fn status(&self) -> RpcResult<Option<StatusReport>> {
		Ok(self.0.as_ref().map(ThinStatus::report))
	}
}
