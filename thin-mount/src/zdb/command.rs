//! The commands, in the words of 0-db.

mod info;
mod namespaces;
mod values;

use super::{
	connection::Output,
	resp,
	session::{Answer, Refusal, Session},
};
use bytes::Bytes;
use std::{io, time::Duration};

/// Every command 0-db knows, also those that are refused here: clients can wait for them.
const COMMANDS: &[&str] = &[
	"GET", "MGET", "SET", "SETX", "EXISTS", "PING", "SELECT", "AUTH", "DEL", "CHECK", "LENGTH",
	"KEYTIME", "HISTORY", "SCAN", "SCANX", "RSCAN", "KSCAN", "KEYCUR", "DBSIZE", "TIME", "INFO",
	"NSNEW", "NSDEL", "NSLIST", "NSINFO", "NSSET", "NSJUMP", "FLUSH", "RELOAD", "WAIT", "STOP",
	"HOOKS", "INDEX", "DATA", "MIRROR", "MASTER", "*",
];

/// The command of this name, in whatever case it is written.
pub(super) fn canonical(name: &[u8]) -> Option<&'static str> {
	COMMANDS.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name)).copied()
}

/// Whether this is a SET, which is executed together with those that follow it.
pub(super) fn is_set(request: &[Bytes]) -> bool {
	request
		.first()
		.is_some_and(|name| name.eq_ignore_ascii_case(b"SET") || name.eq_ignore_ascii_case(b"SETX"))
}

/// Exactly so many arguments, the command included, and none of them empty.
pub(super) fn exactly<const N: usize>(request: &[Bytes]) -> Result<&[Bytes; N], Refusal> {
	let request: &[Bytes; N] = request.try_into().map_err(|_| "Unexpected arguments")?;
	if request.iter().any(|argument| argument.is_empty()) {
		return Err("Invalid argument".into());
	}
	Ok(request)
}

impl Session {
	/// Executes the command `name`.
	pub(super) async fn command(
		&mut self,
		name: &'static str,
		request: &[Bytes],
		output: &mut Output<'_>,
	) -> Answer {
		let out = &mut output.buffer;
		match name {
			"PING" => resp::simple(out, "PONG"),
			"GET" => self.get(request, output).await?,
			"MGET" => self.mget(request, output).await?,
			"SET" | "SETX" => self.set(&[request], out).await?,
			"DEL" => self.del(request, out).await?,
			"EXISTS" => self.exists(request, out)?,
			"CHECK" => self.check(request, out)?,
			"LENGTH" => self.length(request, out)?,
			"KEYTIME" => self.keytime(request, out)?,
			"HISTORY" => self.history(request, out)?,
			"SCAN" | "SCANX" => self.scan(request, out)?,
			"RSCAN" => self.rscan(request, out)?,
			"KEYCUR" => self.keycur(request, out)?,
			"DBSIZE" => resp::integer(out, self.namespace.map().entries()),
			"SELECT" => self.select(request, out)?,
			"AUTH" => self.auth(request, out)?,
			"NSNEW" => self.nsnew(request, out).await?,
			"NSDEL" => self.nsdel(request, out).await?,
			"NSSET" => self.nsset(request, out)?,
			"NSINFO" => self.nsinfo(request, out)?,
			"NSLIST" => self.nslist(out),
			"NSJUMP" => self.nsjump(out).await?,
			"FLUSH" => self.flush(out)?,
			"TIME" => self.time(out),
			"INFO" => self.info(out),
			"WAIT" => self.wait(request, output).await?,
			"STOP" => return Err("Unauthorized".into()),
			"KSCAN" => {
				return Err("Command disabled in release code, not yet available".into());
			},
			"*" => return Err("This is not a valid command".into()),
			"HOOKS" => {
				self.require_admin()?;
				resp::array(out, 0);
			},
			// Replication, and what 0-db lends to tools beside it.
			_ => {
				self.require_admin()?;
				return Err("Command not supported".into());
			},
		}
		Ok(())
	}

	/// `WAIT command [milliseconds]`: until another client of the namespace executes it.
	async fn wait(&mut self, request: &[Bytes], output: &mut Output<'_>) -> Answer {
		let (command, time) = match request {
			[_, command] => (command, None),
			[_, command, time] => (command, Some(time)),
			_ => return Err("Invalid arguments".into()),
		};
		let watched = match canonical(command).ok_or("Unknown command to watch")? {
			"*" => None,
			watched => Some(watched),
		};
		let milliseconds = match time {
			None => 5000,
			Some(time) => std::str::from_utf8(time)
				.ok()
				.and_then(|time| time.parse::<u64>().ok())
				.filter(|time| (100..=30 * 60 * 1000).contains(time))
				.ok_or("Invalid timeout")?,
		};
		// Whoever waits has read the answers before this one.
		output.flush().await?;
		let mut stopping = self.shared.stopping();
		let executed = self.namespace.watch(watched);
		let name = tokio::select! {
			executed = executed => executed.ok(),
			() = output.client_left() => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
			() = tokio::time::sleep(Duration::from_millis(milliseconds)) => None,
			_ = stopping.wait_for(|stop| *stop) => None,
		};
		resp::simple(&mut output.buffer, name.ok_or("Timeout")?);
		Ok(())
	}
}
