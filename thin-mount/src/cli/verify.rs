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
	verify::{verify, ProblemKind},
};

const EXAMPLES: &str = "\
Examples:
  thin-mount verify 5f0c… --store dir:///backup/store
";

/// Check that every chunk of an image can be had and is right
///
/// Fetches the whole image. Names each file that is damaged, and from which byte on.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let source = args.image.stores.source()?;
	let id = args.image.image;
	let totals = Superblock::fetch(&*source, id)?.totals;
	let bar = Bar::new(output, "Verifying", totals.bytes);
	let report = verify(source, id, &|progress| bar.set(progress))?;
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
		json!({
			"image": id.to_string(),
			"ok": report.problem_count == 0,
			"files": report.files,
			"good_chunks": report.good_chunks,
			"problems": report.problem_count,
		})
	})?;
	if report.problem_count > 0 {
		return Err(Failure::negative(anyhow!(
			"image {id} has {} chunks that are missing or wrong; add a --store that has them, or \
			 pack the directory again",
			report.problem_count
		)));
	}
	output.text(format_args!(
		"image {id} is whole: {} files, {} chunks",
		report.files, report.good_chunks
	))?;
	Ok(())
}
