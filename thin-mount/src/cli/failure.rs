//! How a command fails: the error, and the exit code it means.

use super::output::Output;
use serde_json::json;
use std::{io, process::ExitCode};
use thin_mount::{
	blob::BlobError, image::ImageError, mount::MountError, restore::RestoreError,
	source::FetchError, verify::VerifyError,
};

/// An error and its exit code.
pub(crate) struct Failure {
	code: u8,
	error: anyhow::Error,
}

impl Failure {
	/// Verification failed, or what was asked for does not exist.
	pub(crate) fn negative(error: impl Into<anyhow::Error>) -> Self {
		Self { code: 1, error: error.into() }
	}

	/// Wrong usage, or something around the command failed.
	pub(crate) fn environment(error: impl Into<anyhow::Error>) -> Self {
		Self { code: 2, error: error.into() }
	}

	/// The same failure, with what it means for the command before it.
	pub(crate) fn context(self, what: &'static str) -> Self {
		Self { error: self.error.context(what), ..self }
	}

	/// Says it, and gives the exit code.
	pub(crate) fn report(self, output: &mut Output) -> ExitCode {
		let closed = self.error.downcast_ref::<io::Error>().map(io::Error::kind);
		if closed == Some(io::ErrorKind::BrokenPipe) {
			// Whoever reads has seen enough (`ls … | head`).
			return ExitCode::SUCCESS;
		}
		let message = format!("{:#}", self.error);
		let _ = output.json(|| json!({ "error": message, "exit_code": self.code }));
		let _ = output.flush();
		eprintln!("error: {message}");
		ExitCode::from(self.code)
	}
}

impl From<anyhow::Error> for Failure {
	fn from(error: anyhow::Error) -> Self {
		Self::environment(error)
	}
}

impl From<io::Error> for Failure {
	fn from(error: io::Error) -> Self {
		Self::environment(error)
	}
}

impl From<ImageError> for Failure {
	fn from(error: ImageError) -> Self {
		match (&error, error.fetch_error()) {
			(_, Some(FetchError::Store(_))) | (ImageError::Version { .. }, _) => {
				Self::environment(error)
			},
			_ => Self::negative(error),
		}
	}
}

impl From<VerifyError> for Failure {
	fn from(error: VerifyError) -> Self {
		match error {
			VerifyError::Image(error) => error.into(),
			error => Self::environment(error),
		}
	}
}

impl From<MountError> for Failure {
	fn from(error: MountError) -> Self {
		match error {
			MountError::Image(error) => error.into(),
			error @ (MountError::NoImage { .. } | MountError::NotMounted { .. }) => {
				Self::negative(error)
			},
			error => Self::environment(error),
		}
	}
}

impl From<RestoreError> for Failure {
	fn from(error: RestoreError) -> Self {
		match &error {
			RestoreError::Content { error: cause, .. }
				if !matches!(**cause, BlobError::Fetch(FetchError::Store(_))) =>
			{
				Self::negative(error)
			},
			_ => Self::environment(error),
		}
	}
}
