//! A tree with everything in it, and what is seen of trees.

use super::*;

/// What is at a path, for comparing a directory with an image of it.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
	Directory(u32),
	File(u32, Vec<u8>, u64),
	Symlink(Vec<u8>),
}

pub(super) fn seen_on_disk(dir: &Path) -> BTreeMap<Vec<u8>, Seen> {
	let mut seen = BTreeMap::new();
	let mut open = vec![dir.to_owned()];
	while let Some(next) = open.pop() {
		for entry in fs::read_dir(next).unwrap() {
			let path = entry.unwrap().path();
			let meta = fs::symlink_metadata(&path).unwrap();
			let mode = meta.permissions().mode() & 0o7777;
			let what = if meta.is_dir() {
				open.push(path.clone());
				Seen::Directory(mode)
			} else if meta.is_symlink() {
				Seen::Symlink(fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
			} else {
				Seen::File(mode, fs::read(&path).unwrap(), meta.nlink())
			};
			seen.insert(path.strip_prefix(dir).unwrap().as_os_str().as_bytes().to_vec(), what);
		}
	}
	seen
}

pub(super) fn seen_in_image(image: &Image) -> BTreeMap<Vec<u8>, Seen> {
	let tree = image.tree();
	let mut seen = BTreeMap::new();
	let mut open = vec![(Vec::new(), NodeId::ROOT)];
	while let Some((path, directory)) = open.pop() {
		for (name, node) in tree.children(directory, 0).unwrap() {
			assert_eq!(tree.lookup(directory, name), Some(node));
			let mut path = path.clone();
			if !path.is_empty() {
				path.push(b'/');
			}
			path.extend_from_slice(name);
			assert_eq!(tree.find(&path), Some(node));
			let attributes = tree.attributes(node).unwrap();
			let what = match attributes.kind {
				NodeKind::Directory => {
					open.push((path.clone(), node));
					Seen::Directory(attributes.mode.into())
				},
				NodeKind::Symlink => Seen::Symlink(tree.symlink_target(node).unwrap().to_vec()),
				NodeKind::File => {
					let blob = tree.blob(node).unwrap();
					let bytes = image.blobs().read_at(&blob, 0, usize::MAX).unwrap();
					assert_eq!(attributes.size, bytes.len() as u64);
					Seen::File(attributes.mode.into(), bytes, attributes.links.into())
				},
			};
			seen.insert(path, what);
		}
	}
	let listed: Vec<_> = tree.entries().map(|entry| entry.path.to_vec()).collect();
	assert_eq!(listed.len(), seen.len());
	assert!(listed.iter().all(|path| seen.contains_key(path)));
	seen
}

/// A tree with everything in it.
pub(super) fn sample(dir: &Path) {
	fs::create_dir_all(dir.join("a/b/c")).unwrap();
	fs::create_dir(dir.join("a-b")).unwrap();
	fs::create_dir(dir.join("empty dir")).unwrap();
	fs::write(dir.join("a/empty"), b"").unwrap();
	fs::write(dir.join("a/b/small"), b"small").unwrap();
	fs::write(dir.join("a/b/large"), noise(1, 5 * 1024 * 1024 + 3)).unwrap();
	fs::write(dir.join("a/b/twice"), noise(2, 100_000)).unwrap();
	fs::write(dir.join("a/b/c/twice"), noise(2, 100_000)).unwrap();
	fs::write(dir.join("Wörter ☃"), "ünïcode").unwrap();
	fs::write(dir.join(std::ffi::OsStr::from_bytes(b"\xff\x01 raw\n")), b"raw").unwrap();
	fs::hard_link(dir.join("a/b/small"), dir.join("a/b/c/small too")).unwrap();
	fs::hard_link(dir.join("a/b/small"), dir.join("z")).unwrap();
	symlink("../no/such/file", dir.join("a/link")).unwrap();
	symlink("/etc/passwd", dir.join("absolute")).unwrap();
	fs::set_permissions(dir.join("a/b/twice"), fs::Permissions::from_mode(0o4711)).unwrap();
	fs::set_permissions(dir.join("empty dir"), fs::Permissions::from_mode(0o1700)).unwrap();
}
