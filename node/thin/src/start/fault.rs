//! What a node says of an image that is wrong or out of reach, before it ends.

use super::EXIT_FAULT;
use crate::{
	layered::{Fault, FaultHandler, Lower, Place},
	notify,
};
use parking_lot::Mutex;
use sc_consensus_grandpa::BlockNumberOps;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::sync::Arc;

/// A value that is wrong must not become the answer "nothing there": the node ends.
pub(crate) fn end_the_process<Block>(lower: Arc<Lower<Block>>) -> FaultHandler
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
{
	let ending = Mutex::new(());
	Arc::new(move |fault: &Fault| {
		// Others may come upon a fault while it is found out where this one lies.
		let _ending = ending.lock();
		let words = last_words(fault, lower.place_of(fault).as_ref());
		tracing::error!(target: "thin", "{words}");
		eprintln!("Error: {words}");
		notify::failed(&words);
		std::process::exit(EXIT_FAULT)
	})
}

/// What is wrong, where that lies, whose fault it is, and what to do next.
pub(crate) fn last_words(fault: &Fault, place: Option<&Place>) -> String {
	match fault {
		Fault::Read(_) => {
			format!("{fault}. Check the stores of the snapshot, and start the node again.")
		},
		Fault::Violation(_) => {
			let place = place.map(|place| format!("{place}. ")).unwrap_or_default();
			format!(
				"{fault}. {place}Every chunk is hashed as it comes, so that no store can be at \
				 fault: the image is wrong as it was published. Start the node again from another \
				 snapshot; nothing wrong was taken over."
			)
		},
	}
}
