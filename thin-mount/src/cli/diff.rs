//! `thin-mount diff`

use super::{
	failure::Failure,
	output::{add_bytes, shown, Output},
	reading::StoreArgs,
};
use serde_json::{json, Value};
use thin_mount::{
	diff::{diff, Change, Difference},
	image::{EntryView, ImageId, NodeKind},
	needs::{Amount, Needs},
};

const EXAMPLES: &str = "\
Examples:
  thin-mount diff 5f0c… 9d31… --store dir:///backup/store
  thin-mount diff 5f0c… 9d31… --json --store zdb://host/images | jq -r 'select(.change).path'

  - a/gone                     was 100 bytes
  + a/new                      100 bytes
  ~ a/log                      100 to 250 bytes: content, mode
";

/// Compare two images: which files were added, removed, changed, and what the images share
///
/// Reads listings and inner nodes, no file: a file with another id has other bytes. The exit code
/// is 0 whether they differ or not. It takes some 50 bytes of memory for each chunk of both.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	/// The image before: 64 hexadecimal digits
	#[arg(value_name = "IMAGE_A")]
	before: ImageId,
	/// The image after
	#[arg(value_name = "IMAGE_B")]
	after: ImageId,
	#[command(flatten)]
	stores: StoreArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let source = args.stores.source()?;
	let (mut first, mut second) = (Needs::default(), Needs::default());
	let before = first.add(source.clone(), args.before)?;
	let after = second.add(source, args.after)?;
	let (mut added, mut removed, mut changed) = (0u64, 0u64, 0u64);
	diff(&before, &after, &mut |change| {
		match &change {
			Change::Added(_) => added += 1,
			Change::Removed(_) => removed += 1,
			Change::Changed { .. } => changed += 1,
		}
		output.text(line(&change))?;
		output.json(|| object(&change))
	})?;
	let (one, other) = (first.amount(), second.amount());
	let shared = first.shared_with(&second);
	let only = |all: Amount| Amount {
		chunks: all.chunks.saturating_sub(shared.chunks),
		bytes: all.bytes.saturating_sub(shared.bytes),
	};
	let parts = [("shared", shared), ("only_before", only(one)), ("only_after", only(other))];
	output.json(|| {
		let mut summary = json!({
			"before": args.before.to_string(),
			"after": args.after.to_string(),
			"added": added,
			"removed": removed,
			"changed": changed,
		});
		for (name, Amount { chunks, bytes }) in parts {
			summary[name] = json!({ "chunks": chunks, "bytes": bytes });
		}
		summary
	})?;
	output.text(format_args!("{added} added, {removed} removed, {changed} changed"))?;
	for (name, (_, Amount { chunks, bytes })) in
		["shared", "only before", "only after"].iter().zip(parts)
	{
		output.text(format_args!("{name:<12} {chunks:>10} chunks {bytes:>16} bytes"))?;
	}
	Ok(())
}

fn word(difference: &Difference) -> &'static str {
	match difference {
		Difference::Kind => "kind",
		Difference::Content => "content",
		Difference::Mode => "mode",
		Difference::Target => "target",
		Difference::Link => "link",
	}
}

fn line(change: &Change<'_>) -> String {
	let path = shown(change.path());
	let bytes = |entry: &EntryView<'_>| match entry.attributes.kind {
		NodeKind::File => format!("{} bytes", entry.attributes.size),
		kind => self::kind(kind).to_owned(),
	};
	match change {
		Change::Added(entry) => format!("+ {path:<26} {}", bytes(entry)),
		Change::Removed(entry) => format!("- {path:<26} was {}", bytes(entry)),
		Change::Changed { before, after, what } => {
			let what: Vec<_> = what.iter().map(word).collect();
			let (was, is) = (before.attributes.size, after.attributes.size);
			let sizes = match (before.attributes.kind, after.attributes.kind) {
				(NodeKind::File, NodeKind::File) if was == is => format!("{is} bytes"),
				(NodeKind::File, NodeKind::File) => format!("{was} to {is} bytes"),
				(one, other) if one == other => kind(one).to_owned(),
				(one, other) => format!("{} to {}", kind(one), kind(other)),
			};
			format!("~ {path:<26} {sizes}: {}", what.join(", "))
		},
	}
}

fn kind(kind: NodeKind) -> &'static str {
	match kind {
		NodeKind::Directory => "directory",
		NodeKind::File => "file",
		NodeKind::Symlink => "symlink",
	}
}

fn object(change: &Change<'_>) -> Value {
	let entry = |entry: &EntryView<'_>| json!({ "kind": kind(entry.attributes.kind), "bytes": entry.attributes.size });
	let mut object = match change {
		Change::Added(after) => json!({ "change": "added", "after": entry(after) }),
		Change::Removed(before) => json!({ "change": "removed", "before": entry(before) }),
		Change::Changed { before, after, what } => {
			let what: Vec<_> = what.iter().map(word).collect();
			json!({
				"change": "changed",
				"before": entry(before),
				"after": entry(after),
				"what": what,
			})
		},
	};
	add_bytes(&mut object, "path", change.path());
	object
}
