//! What the server says of itself.

use crate::zdb::{resp, session::Session};
use std::{
	fmt::Write,
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
		let mut text = format!(
			"# server\nserver_name: 0-db (thin-mount)\nserver_revision: v{version}\n\
			 engine_revision: v{version}\ninstance_id: {}\nboot_time: {boot}\nuptime: {}\n\n\
			 # clients\nclients_lifetime: {}\n\n\
			 # internals\nsequential_key_size: 8\ndata_version: 3\nindex_version: 4\n\n\
			 # stats\ncommands_executed: {}\ncommands_failed: {}\ncommands_unauthorized: {}\n",
			shared.instance,
			shared.started.elapsed().as_secs(),
			stats.clients.get(),
			stats.executed.get(),
			stats.unknown.get(),
			stats.unauthorized.get(),
		);
		for (name, traffic) in [("index", &stats.index), ("data", &stats.data)] {
			// Writing to a string does not fail.
			let _ = writeln!(text, "{name}_disk_read_failed: {}", traffic.read_failed.get());
			let _ = writeln!(text, "{name}_disk_write_failed: {}", traffic.write_failed.get());
		}
		for (name, value) in [
			("index_disk_read", &stats.index.read),
			("index_disk_write", &stats.index.written),
			("data_disk_read", &stats.data.read),
			("data_disk_write", &stats.data.written),
			("network_rx", &stats.received),
			("network_tx", &stats.sent),
		] {
			let _ = writeln!(text, "{name}_bytes: {}", value.get());
			let _ = writeln!(text, "{name}_mb: {:.2}", value.get() as f64 / 1048576.0);
		}
		resp::bulk(out, text.as_bytes());
	}
}
