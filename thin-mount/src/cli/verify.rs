//! `thin-mount verify`

use super::{
	failure::Failure,
	output::{add_bytes, shown, Output},
	progress::Bar,
	reading::ImageArgs,
};
use anyhow::anyhow;
use serde_json::json;
use thin_mount::{
	image::Superblock,
	verify::{at_most_bad, missed, verify, verify_sample, ProblemKind, Sample, VerifyReport},
};

const EXAMPLES: &str = "\
Examples:
  thin-mount verify 5f0c… --store dir:///backup/store
  thin-mount verify 5f0c… --sample 1000 --store zdb://host/images
  thin-mount verify 5f0c… --sample 5% --store zdb://host/images
";

/// Check that every chunk of an image can be had and is right
///
/// Fetches the whole image, or a sample of it. Names each file that is damaged, and from which byte
/// on.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
	/// Check this many chunks of files, or this share of them (5%), picked at random, instead of
	/// all. The listing and all inner nodes are checked in any case
	///
	/// A sample finds damage that is widespread, and most likely misses a single chunk: the answer
	/// says with which probability.
	#[arg(long, value_name = "N|P%")]
	sample: Option<Sample>,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let source = args.image.stores.source()?;
	let id = args.image.image;
	let totals = Superblock::fetch(&*source, id)?.totals;
	let bar = Bar::new(output, "Verifying", totals.bytes);
	let on_progress = |progress| bar.set(progress);
	let report = match args.sample {
		None => verify(source, id, &on_progress)?,
		Some(sample) => verify_sample(source, id, sample, &on_progress)?,
	};
	drop(bar);
	for problem in &report.problems {
		let kind = match problem.kind {
			ProblemKind::Missing => "missing",
			ProblemKind::Corrupt => "corrupt",
			ProblemKind::Malformed => "malformed",
		};
		output.text(format_args!(
			"{kind} {}: bytes {} to {}: {}",
			shown(&problem.path),
			problem.offset,
			problem.offset.saturating_add(problem.length),
			problem.message
		))?;
		output.json(|| {
			let mut line = json!({
				"problem": kind,
				"offset": problem.offset,
				"length": problem.length,
				"chunk": problem.chunk.to_string(),
				"message": problem.message,
			});
			add_bytes(&mut line, "path", &problem.path);
			line
		})?;
	}
	output.json(|| {
		let mut summary = json!({
			"image": id.to_string(),
			"ok": report.problem_count == 0,
			"files": report.files,
			"good_chunks": report.good_chunks,
			"problems": report.problem_count,
			"leaves": report.leaves,
			"checked_leaves": report.checked,
		});
		if args.sample.is_some() && report.problem_count == 0 {
			let VerifyReport { leaves, checked, .. } = report;
			let chances = SHARES.map(|(share, _)| missed(leaves, checked, bad(leaves, share)));
			summary["missed_probability"] = json!({
				"1%": chances[0],
				"0.1%": chances[1],
				"one": missed(leaves, checked, 1.min(leaves)),
			});
			summary["at_most_bad_with_95%_confidence"] = json!(at_most_bad(leaves, checked));
		}
		summary
	})?;
	if report.problem_count > 0 {
		return Err(Failure::negative(anyhow!(
			"image {id} has {} chunks that are missing or wrong; add a --store that has them, or \
			 pack the directory again",
			report.problem_count
		)));
	}
	if args.sample.is_some() {
		return sampled(&report, output);
	}
	output.text(format_args!(
		"image {id} is whole: {} files, {} chunks",
		report.files, report.good_chunks
	))?;
	Ok(())
}

/// Shares of bad leaves, and how they are written.
const SHARES: [(f64, &str); 2] = [(0.01, "1 %"), (0.001, "0.1 %")];

/// How many leaves this share is, at least one.
fn bad(leaves: u64, share: f64) -> u64 {
	((leaves as f64 * share).ceil() as u64).max(1).min(leaves)
}

/// What a sample without a fault says, and what it does not.
fn sampled(report: &VerifyReport, output: &mut Output) -> Result<(), Failure> {
	let VerifyReport { leaves, checked, .. } = *report;
	output.text(format_args!(
		"{checked} of {leaves} chunks of files, picked at random, are good, and so are the listing and \
		 all inner nodes"
	))?;
	if checked == leaves {
		return Ok(());
	}
	output.text("the others were not looked at; a sample like this would have found nothing")?;
	for (share, words) in SHARES {
		let bad = bad(leaves, share);
		let chance = missed(leaves, checked, bad);
		output.text(format_args!(
			"  with probability {chance:.4} if {words} of them were bad ({bad} chunks)"
		))?;
	}
	let chance = missed(leaves, checked, 1);
	output.text(format_args!("  with probability {chance:.4} if a single one was bad"))?;
	let most = at_most_bad(leaves, checked);
	let share = most as f64 / leaves as f64 * 100.0;
	output.text(format_args!(
		"with a confidence of 95 %, at most {most} of them are bad ({share:.2} %)"
	))?;
	Ok(())
}
