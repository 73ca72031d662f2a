//! Commands on namespaces.

use super::exactly;
use crate::zdb::{
	database::CreateError,
	namespace::{Lock, Namespace},
	resp,
	session::{Answer, Session},
};
use bytes::Bytes;
use std::{io::Write, path::Path, sync::Arc};

impl Session {
	fn require_server_writable(&self) -> Answer {
		if self.shared.database().read_only() {
			return Err("This server is read-only".into());
		}
		Ok(())
	}

	pub(super) async fn nsnew(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		self.require_admin()?;
		let [_, name] = exactly::<2>(request)?;
		Self::not_default(name, "This name is not allowed")?;
		self.require_server_writable()?;
		match self.shared.database().create(name).await {
			Ok(()) => {
				resp::simple(out, "OK");
				Ok(())
			},
			Err(CreateError::Name) => Err("This name is not allowed".into()),
			Err(CreateError::Taken) => Err("This namespace is not available".into()),
			Err(error @ (CreateError::TooMany | CreateError::Load(_))) => {
				tracing::error!(namespace = %name.escape_ascii(), %error, "can't make a namespace");
				Err("Could not create namespace".into())
			},
		}
	}

	pub(super) async fn nsdel(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		self.require_admin()?;
		let [_, name] = exactly::<2>(request)?;
		Self::not_default(name, "Cannot remove default namespace")?;
		self.require_server_writable()?;
		let database = self.shared.database();
		let namespace = database.get(name).ok_or("This namespace doesn't exists")?;
		if Arc::ptr_eq(&namespace, &self.namespace) {
			return Err("Cannot remove namespace you're currently using.".into());
		}
		if let Err(error) = database.remove(&namespace).await {
			let folder = namespace.folders.data.display();
			tracing::error!(%folder, %error, "could not delete the files of a namespace");
			return Err("Could not delete this namespace".into());
		}
		resp::simple(out, "OK");
		Ok(())
	}

	pub(super) fn nslist(&self, out: &mut Vec<u8>) {
		let all = self.shared.database().all();
		resp::array(out, all.len());
		for namespace in all {
			resp::bulk(out, &namespace.name);
		}
	}

	/// `NSSET namespace property value`.
	pub(super) fn nsset(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		self.require_admin()?;
		let [_, name, property, value] = exactly::<4>(request)?;
		if property.len() > 256 || value.len() > 63 {
			return Err("Argument too long".into());
		}
		let namespace = self.named(name)?;
		let on = value.starts_with(b"1");
		match &property[..] {
			b"lock" => namespace.set_lock(if on { Lock::Locked } else { Lock::Open }),
			b"freeze" => namespace.set_lock(if on { Lock::Frozen } else { Lock::Open }),
			b"mode" => Self::check_mode(&namespace, value)?,
			_ => {
				Self::not_default(name, "Cannot update default namespace")?;
				self.require_server_writable()?;
				let changed = match &property[..] {
					b"maxsize" => {
						let limit = std::str::from_utf8(value)
							.ok()
							.and_then(|value| value.parse().ok())
							.ok_or("Invalid argument")?;
						namespace.configure(|descriptor| descriptor.max_size = limit)
					},
					b"password" => namespace.configure(|descriptor| {
						descriptor.password = (&value[..] != b"*").then(|| value.to_vec());
					}),
					b"public" => namespace.configure(|descriptor| descriptor.public = on),
					b"worm" => namespace.configure(|descriptor| descriptor.worm = on),
					_ => return Err("Invalid property".into()),
				};
				if let Err(error) = changed {
					let folder = namespace.folders.index.display();
					tracing::error!(%folder, %error, "could not write a namespace's settings");
					return Err("Could not update namespace".into());
				}
			},
		}
		resp::simple(out, "OK");
		Ok(())
	}

	/// User keys are the only mode here, and it can be asked for as 0-db lets it be asked for.
	fn check_mode(namespace: &Namespace, value: &[u8]) -> Answer {
		if namespace.indexed() > 0 || namespace.tail().file > 0 {
			return Err("Cannot change mode of used namespace".into());
		}
		match value {
			b"user" => Ok(()),
			b"seq" => Err("This server instance is configured to use a single runtime mode".into()),
			_ => Err("Invalid property value (expected: user, seq)".into()),
		}
	}

	pub(super) async fn nsjump(&self, out: &mut Vec<u8>) -> Answer {
		self.require_admin()?;
		self.require_server_writable()?;
		if let Err(error) = self.namespace.jump().await {
			let folder = self.namespace.folders.data.display();
			tracing::error!(%folder, %error, "could not begin new files");
			return Err("Cannot write data right now".into());
		}
		resp::simple(out, "OK");
		Ok(())
	}

	/// `FLUSH`: as recorded from 0-db 2.0.7, which answers OK and keeps the values.
	pub(super) fn flush(&self, out: &mut Vec<u8>) -> Answer {
		let descriptor = self.namespace.descriptor();
		if descriptor.public || descriptor.password.is_none() {
			return Err("Flushing public namespace denied".into());
		}
		resp::simple(out, "OK");
		Ok(())
	}

	pub(super) fn nsinfo(&self, request: &[Bytes], out: &mut Vec<u8>) -> Answer {
		let [_, name] = exactly::<2>(request)?;
		let namespace = self.named(name)?;
		let text = describe(&namespace, self.admin).map_err(|_| "Internal Error")?;
		resp::bulk(out, &text);
		Ok(())
	}
}

fn describe(namespace: &Namespace, admin: bool) -> std::io::Result<Vec<u8>> {
	let yes = |is| if is { "yes" } else { "no" };
	let descriptor = namespace.descriptor();
	let map = namespace.map();
	let tail = namespace.tail();
	let mut text = Vec::new();
	let t = &mut text;
	writeln!(t, "# namespace")?;
	t.extend_from_slice(b"name: ");
	t.extend_from_slice(&namespace.name);
	writeln!(t, "\nentries: {}", map.entries())?;
	writeln!(t, "public: {}", yes(descriptor.public))?;
	writeln!(t, "worm: {}", yes(descriptor.worm))?;
	writeln!(t, "locked: {}", yes(namespace.lock() != Lock::Open))?;
	writeln!(t, "password: {}", yes(descriptor.password.is_some()))?;
	writeln!(t, "data_size_bytes: {}", map.payload())?;
	writeln!(t, "data_size_mb: {:.2}", map.payload() as f64 / 1048576.0)?;
	writeln!(t, "data_limits_bytes: {}", descriptor.max_size)?;
	writeln!(t, "index_size_bytes: {}", map.memory())?;
	writeln!(t, "index_size_kb: {:.2}", map.memory() as f64 / 1024.0)?;
	writeln!(t, "next_internal_id: 0x{:08x}", namespace.indexed().swap_bytes())?;
	writeln!(t, "mode: userkey")?;
	for part in ["index", "data"] {
		for what in ["io_errors", "io_error_last", "faults"] {
			writeln!(t, "stats_{part}_{what}: 0")?;
		}
	}
	if descriptor.max_size > 0 {
		let available = descriptor.max_size.saturating_sub(map.payload());
		writeln!(t, "space_available: {available}")?;
	}
	for (part, folder) in [("index", &namespace.folders.index), ("data", &namespace.folders.data)] {
		if let Some(free) = free_space(folder) {
			writeln!(t, "{part}_disk_freespace_bytes: {free}")?;
			writeln!(t, "{part}_disk_freespace_mb: {:.2}", free as f64 / 1048576.0)?;
		}
	}
	if admin {
		let folders = &namespace.folders;
		writeln!(t, "data_path: {}", folders.data.display())?;
		writeln!(t, "data_active: {}", folders.data_file(tail.file).display())?;
		writeln!(t, "index_path: {}", folders.index.display())?;
		writeln!(t, "index_active: {}", folders.index_file(tail.file).display())?;
		writeln!(t, "data_current_id: {}", tail.file)?;
		writeln!(t, "data_current_offset: {}", tail.data_end)?;
	}
	Ok(text)
}

/// Bytes free for others than root where the folder lies.
fn free_space(folder: &Path) -> Option<u64> {
	let found = rustix::fs::statvfs(folder).ok()?;
	Some(found.f_bsize.saturating_mul(found.f_bavail))
}
