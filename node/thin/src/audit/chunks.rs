//! Every chunk of the image, from the stores.

use super::{
	command::{environment, negative, ChunkCounts, Failure, Findings, SHOWN},
	journal::Journal,
};
use crate::create::is_database_file;
use std::sync::Arc;
use thin_mount::{
	fetch::{FetchOptions, Fetcher},
	image::{Image, ImageId},
	progress::OnProgress,
	store::{Key, Store},
	verify::{verify_from, VerifyError, VerifyReport},
};

/// After so many bytes of files it is written down how far it is.
const STEP: u64 = 256 * 1024 * 1024;

/// A store that is away says nothing about the snapshot.
pub(super) fn some_store_answers(stores: &[Arc<dyn Store>]) -> Result<(), Failure> {
	let any_key = Key::from("thin".to_owned());
	let mut reasons = Vec::new();
	for store in stores {
		match store.get_many(std::slice::from_ref(&any_key)) {
			Ok(_) => return Ok(()),
			Err(error) => reasons.push(error.to_string()),
		}
	}
	Err(Failure::Environment(format!(
		"no store answers: {}. Give one that does with --store",
		reasons.join("; ")
	)))
}

/// Fetches every chunk that was not fetched before, and looks at the names of the files.
pub(super) fn check(
	image: ImageId,
	stores: &[Arc<dyn Store>],
	rate: Option<u64>,
	journal: &mut Journal,
	findings: &mut Findings,
	on_progress: OnProgress<'_>,
) -> Result<(), Failure> {
	let options = FetchOptions { rate, ..Default::default() };
	let fetcher = Fetcher::new(stores.to_vec(), options).map_err(environment)?;
	let fetcher = Arc::new(fetcher);
	let failed = |error: VerifyError| match error {
		VerifyError::Image(_) => negative(error),
		VerifyError::Store(_) | VerifyError::Thread(_) => environment(error),
	};
	let before = journal.done.chunks.clone();
	let mut on_step = |next: usize, report: &VerifyReport| {
		let done = &mut journal.done.chunks;
		*done = before.clone();
		done.next = next as u64;
		done.files += report.files;
		done.good += report.good_chunks;
		done.faults.count += report.problem_count;
		done.faults.first.extend(report.problems.iter().take(SHOWN).map(|problem| {
			let path = String::from_utf8_lossy(&problem.path);
			format!("file {path}, from byte {} on: {}", problem.offset, problem.message)
		}));
		done.faults.first.truncate(SHOWN);
		if let Err(error) = journal.save() {
			tracing::warn!(target: "thin", %error, "how far the audit is can't be written down");
		}
	};
	let first = usize::try_from(before.next).unwrap_or(usize::MAX);
	verify_from(fetcher.clone(), image, first, STEP, &mut on_step, on_progress).map_err(failed)?;
	let opened = Image::open(fetcher, image).map_err(negative)?;
	let done = &journal.done.chunks;
	findings.chunks = ChunkCounts {
		files: done.files,
		good_chunks: done.good,
		bytes: opened.superblock().totals.bytes,
		wrong_chunks: done.faults.count,
	};
	findings.faults += done.faults.count;
	findings.first_faults.extend(done.faults.first.iter().cloned());
	for entry in opened.tree().entries() {
		let name = String::from_utf8_lossy(entry.path);
		if entry.blob.is_none() || !is_database_file(&name) {
			findings.faults += 1;
			findings.first_faults.push(format!("{name} has no place in an image"));
		}
	}
	Ok(())
}
