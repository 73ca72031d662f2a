//! A mount namespace of its own for a process: its mounts end with it, however it ends.

use rustix::{
	mount::{mount_change, MountPropagationFlags},
	thread::{unshare_unsafe, UnshareFlags},
};
use std::io;

/// Why the process stays in the mount namespace it is in.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
	/// The process has several threads, of which only this one would change.
	#[error("a mount namespace must be entered before there are threads, and there are {0}")]
	Threads(usize),
	/// The system does not permit it.
	#[error("the system permits no mount namespace of its own: {0}")]
	NotPermitted(io::Error),
}

/// Gives this process a mount namespace of its own. What it mounts from then on only it and its
/// children see, and the kernel takes it away when they end, also by `kill -9`. What others mount
/// later still appears.
///
/// Must be called before the process has a second thread. After an error the process can go on
/// without: its mounts are then seen by all, and outlive it when it is killed.
pub fn enter_private() -> Result<(), NamespaceError> {
	let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
	if threads > 1 {
		return Err(NamespaceError::Threads(threads));
	}
	// SAFETY: what makes `unshare` unsafe is a file descriptor table that is no longer shared;
	// only the mount namespace is changed here, in a process with one thread.
	unsafe { unshare_unsafe(UnshareFlags::NEWNS) }
		.map_err(|error| NamespaceError::NotPermitted(error.into()))?;
	// Mounts that come from outside are still seen; those made here are not seen outside.
	mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
		.map_err(|error| NamespaceError::NotPermitted(error.into()))
}
