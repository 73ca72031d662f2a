//! Telling a service manager how far this process is, where one has asked: that is what `NOTIFY_SOCKET`
//! is for, which systemd sets for units of `Type=notify`.

use sd_notify::NotifyState;

/// What this process is there for can be used from now on.
pub(crate) fn ready(status: &str) {
	tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// This process is about to end, and has to finish something before.
pub(crate) fn stopping() {
	tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
	if let Err(error) = sd_notify::notify(false, state) {
		tracing::warn!(%error, "the service manager can't be told");
	}
}
