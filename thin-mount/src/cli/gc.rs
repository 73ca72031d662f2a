//! `thin-mount gc`

use super::{failure::Failure, output::Output, progress::Bar, reading::StoreArgs};
use anyhow::anyhow;
use serde_json::json;
use std::time::{Duration, SystemTime};
use thin_mount::{
	gc::{self, Found, Grace},
	image::ImageId,
	needs::{Amount, Needs},
	source::plain::StoreSource,
};

const EXAMPLES: &str = "\
Examples:
  thin-mount gc --keep 5f0c… --keep 9d31… --store dir:///backup/store            looks, deletes nothing
  thin-mount gc --keep 5f0c… --keep 9d31… --store dir:///backup/store --delete
";

/// Find, and delete, the chunks of a store that none of the given images needs
///
/// Nothing is deleted without --delete. Name EVERY image that is to stay: what only others need is
/// garbage. Only values under keys of 32 bytes are chunks; records such as the manifests and proofs
/// of snapshots stay, also those of images that go.
///
/// Don't pack into the store while chunks are deleted. The grace period spares what an interrupted
/// pack has uploaded; it can't spare an old chunk that a pack finds there and relies on.
///
/// It takes some 50 bytes of memory for each chunk of the images, and 40 for each that is garbage.
/// A 0-db in worm mode deletes nothing, and others append the deletion: their files don't shrink.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	#[command(flatten)]
	stores: StoreArgs,
	/// An image that stays. May be given several times
	#[arg(long, value_name = "IMAGE", required_unless_present = "keep_nothing")]
	keep: Vec<ImageId>,
	/// Take every chunk for garbage
	#[arg(long, conflicts_with = "keep")]
	keep_nothing: bool,
	/// Delete the garbage
	#[arg(long)]
	delete: bool,
	/// Spare what was stored this long ago or later: a number with s, m, h or d after it. With 0,
	/// nothing is spared
	#[arg(long, value_name = "PERIOD", default_value = "1d", value_parser = period)]
	grace: Duration,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	let stores = args.stores.open_all()?;
	let source = std::sync::Arc::new(StoreSource::new(stores.clone()));
	let mut needs = Needs::default();
	for image in &args.keep {
		needs.add(source.clone(), *image).map_err(|error| {
			let failure = Failure::from(error);
			failure.context("nothing was deleted, since not all is known that this image needs")
		})?;
	}
	let grace = Grace { period: args.grace, now: SystemTime::now() };
	let mut garbage = 0;
	for store in &stores {
		let found = gc::find(&**store, &needs, grace).map_err(Failure::environment)?;
		if args.delete && found.ageless.chunks > 0 {
			return Err(Failure::environment(anyhow!(
				"store {} does not know how old its chunks are, and {} of them may belong to an \
				 image that is being packed: make sure that nobody packs, and give --grace 0",
				store.name(),
				found.ageless.chunks
			)));
		}
		if args.delete {
			let bar = Bar::of_chunks(output, "Deleting", found.garbage.chunks);
			let deleted = gc::delete(&**store, &found, &|done| bar.set_to(done));
			deleted.map_err(Failure::environment)?;
		}
		report(store.name(), &found, args.delete, output)?;
		garbage += found.garbage.chunks;
	}
	if !args.delete && garbage > 0 {
		output.text("nothing was deleted: that takes --delete")?;
	}
	Ok(())
}

fn report(store: &str, found: &Found, deleted: bool, output: &mut Output) -> Result<(), Failure> {
	let amount = |Amount { chunks, bytes }: Amount| json!({ "values": chunks, "bytes": bytes });
	output.json(|| {
		json!({
			"store": store,
			"needed": amount(found.needed),
			"garbage": amount(found.garbage),
			"young": amount(found.young),
			"of_unknown_age": amount(found.ageless),
			"no_chunks": amount(found.others),
			"more": found.more,
			"deleted": deleted,
		})
	})?;
	output.text(store)?;
	let garbage = if deleted { "garbage, now deleted" } else { "garbage" };
	let lines = [
		("needed", found.needed),
		(garbage, found.garbage),
		("spared, too young", found.young),
		("spared, of unknown age", found.ageless),
		("no chunks", found.others),
	];
	for (name, Amount { chunks, bytes }) in lines {
		output.text(format_args!("  {name:<23} {chunks:>10} values {bytes:>16} bytes"))?;
	}
	if found.more {
		output.text("  there is more garbage than one run deletes: run it again")?;
	}
	Ok(())
}

/// `90s`, `15m`, `24h`, `7d`, `0`.
fn period(text: &str) -> Result<Duration, String> {
	let expected =
		|| format!("'{text}' is no period: expected a number with s, m, h or d, as in 24h");
	if text == "0" {
		return Ok(Duration::ZERO);
	}
	let seconds = match text.as_bytes().last() {
		Some(b's') => 1,
		Some(b'm') => 60,
		Some(b'h') => 3_600,
		Some(b'd') => 86_400,
		_ => return Err(expected()),
	};
	let number: u64 = text[..text.len() - 1].parse().map_err(|_| expected())?;
	number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn periods_are_read() {
		let seconds = |text| period(text).map(|period| period.as_secs());
		assert_eq!(seconds("0"), Ok(0));
		assert_eq!(seconds("90s"), Ok(90));
		assert_eq!(seconds("24h"), seconds("1d"));
		assert_eq!(seconds("2m"), Ok(120));
		for bad in
			["", "d", "5", "-1h", "1w", "1.5h", "99999999999999999999d", "9999999999999999d", "1é"]
		{
			assert!(period(bad).is_err(), "{bad}");
		}
	}
}
