//! What the server says of itself.

use crate::zdb::{resp, session::Session};
use std::{
	fmt::Write,
	sync::atomic::{AtomicU64, Ordering},
	time::{SystemTime, UNIX_EPOCH},
};

impl Session {
	pub(super) fn time(&self, out: &mut Vec<u8>) {
		let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
		resp::array(out, 2);
		resp::bulk(out, now.as_secs().to_string().as_bytes());
		resp::bulk(out, now.subsec_micros().to_string().as_bytes());
	}

	/// `INFO`, with the fields of 0-db.
	pub(super) fn info(&self, out: &mut Vec<u8>) {
		let shared = &self.shared;
		let stats = &shared.stats;
		let version = env!("CARGO_PKG_VERSION");
		let boot = shared.boot.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
		let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
		let mut text = format!(
			"# server\nserver_name: 0-db (thin-mount)\nserver_revision: v{version}\n\
			 engine_revision: v{version}\ninstance_id: {}\nboot_time: {boot}\nuptime: {}\n\n\
			 # clients\nclients_lifetime: {}\n\n\
			 # internals\nsequential_key_size: 8\ndata_version: 3\nindex_version: 4\n\n\
			 # stats\ncommands_executed: {}\ncommands_failed: {}\ncommands_unauthorized: {}\n",
			shared.instance,
			shared.started.elapsed().as_secs(),
			count(&stats.clients),
			count(&stats.executed),
			count(&stats.unknown),
			count(&stats.unauthorized),
		);
		for (name, value) in [
			("data_disk_read_failed", &stats.data_read_failed),
			("data_disk_write_failed", &stats.data_write_failed),
		] {
			// Writing to a string does not fail.
			let _ = writeln!(text, "{name}: {}", count(value));
		}
		for (name, value) in [
			("data_disk_read", &stats.data_read),
			("data_disk_write", &stats.data_written),
			("network_rx", &stats.received),
			("network_tx", &stats.sent),
		] {
			let value = count(value);
			let _ = writeln!(text, "{name}_bytes: {value}");
			let _ = writeln!(text, "{name}_mb: {:.2}", value as f64 / 1048576.0);
		}
		resp::bulk(out, text.as_bytes());
	}
}
