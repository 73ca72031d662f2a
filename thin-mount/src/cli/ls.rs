//! `thin-mount ls`

use super::{
	failure::Failure,
	output::{add_bytes, shown, Output},
	reading::ImageArgs,
};
use anyhow::anyhow;
use serde_json::json;
use std::ffi::OsString;
use thin_mount::image::{NodeId, NodeKind, Tree};

const EXAMPLES: &str = "\
Examples:
  thin-mount ls 5f0c… --store dir:///backup/store
  thin-mount ls 5f0c… db/full --store dir:///backup/store
  thin-mount ls 5f0c… --recursive --json --store dir:///backup/store
";

/// List what is in a directory of an image
///
/// Needs the superblock and the listing, no file.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
	#[command(flatten)]
	image: ImageArgs,
	/// The directory or file in the image [default: its root]
	#[arg(value_name = "PATH", default_value = "", hide_default_value = true)]
	path: OsString,
	/// List what is in the directories below, too
	#[arg(long, short)]
	recursive: bool,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<(), Failure> {
	use std::os::unix::ffi::OsStrExt;
	let image = args.image.open()?;
	let tree = image.tree();
	let path = args.path.as_bytes();
	let start = tree.find(path).ok_or_else(|| {
		Failure::negative(anyhow!(
			"there is no '{}' in image {}: without a path, ls shows what there is",
			shown(path),
			image.id()
		))
	})?;
	let mut trimmed: Vec<u8> = Vec::new();
	for name in path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b".")) {
		if !trimmed.is_empty() {
			trimmed.push(b'/');
		}
		trimmed.extend_from_slice(name);
	}
	if tree.child_count(start).is_none() {
		return line(tree, start, &trimmed, output);
	}
	// Directories that are open, and how far each is listed.
	let mut open = vec![(trimmed, start, 0)];
	while let Some((directory, node, listed)) = open.last_mut() {
		let child = tree.children(*node, *listed).and_then(|mut children| children.next());
		let Some((name, node)) = child else {
			open.pop();
			continue;
		};
		*listed += 1;
		let mut path = directory.clone();
		if !path.is_empty() {
			path.push(b'/');
		}
		path.extend_from_slice(name);
		line(tree, node, &path, output)?;
		if args.recursive && tree.child_count(node).is_some() {
			open.push((path, node, 0));
		}
	}
	Ok(())
}

fn line(tree: &Tree, node: NodeId, path: &[u8], output: &mut Output) -> Result<(), Failure> {
	let Some(attributes) = tree.attributes(node) else { return Ok(()) };
	let target = tree.symlink_target(node);
	let (letter, kind) = match attributes.kind {
		NodeKind::Directory => ('d', "directory"),
		NodeKind::File => ('-', "file"),
		NodeKind::Symlink => ('l', "symlink"),
	};
	let arrow = target.map(|target| format!(" -> {}", shown(target))).unwrap_or_default();
	output.text(format_args!(
		"{letter}{} {:>4} {:>14} {}{arrow}",
		permissions(attributes.mode),
		attributes.links,
		attributes.size,
		shown(path)
	))?;
	output.json(|| {
		let mut entry = json!({
			"kind": kind,
			"mode": format!("{:04o}", attributes.mode),
			"links": attributes.links,
			"size": attributes.size,
		});
		add_bytes(&mut entry, "path", path);
		if let Some(target) = target {
			add_bytes(&mut entry, "target", target);
		}
		if let Some(blob) = tree.blob(node) {
			entry["root"] = json!(blob.root.to_string());
		}
		entry
	})?;
	Ok(())
}

/// As `ls -l` writes them.
fn permissions(mode: u16) -> String {
	let mut text = String::new();
	for (shift, special, letters) in
		[(6, 0o4000, ['s', 'S']), (3, 0o2000, ['s', 'S']), (0, 0o1000, ['t', 'T'])]
	{
		let bits = mode >> shift;
		text.push(if bits & 4 != 0 { 'r' } else { '-' });
		text.push(if bits & 2 != 0 { 'w' } else { '-' });
		text.push(match (mode & special != 0, bits & 1 != 0) {
			(true, true) => letters[0],
			(true, false) => letters[1],
			(false, true) => 'x',
			(false, false) => '-',
		});
	}
	text
}

#[cfg(test)]
mod tests {
	use super::permissions;

	#[test]
	fn permissions_read_as_ls_writes_them() {
		assert_eq!(permissions(0o755), "rwxr-xr-x");
		assert_eq!(permissions(0o4640), "rwSr-----");
		assert_eq!(permissions(0o3775), "rwxrwsr-t");
	}
}
