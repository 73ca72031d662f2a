use super::*;
use crate::{
	pack::{pack, PackOptions},
	testing::{noise, MemoryStore},
};
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};

fn packed(dir: &Path) -> (Arc<MemoryStore>, Image) {
	let store = MemoryStore::new();
	let report = pack(dir, &*store, &PackOptions::default(), &|_| {}).unwrap();
	let image = Image::open(store.source(), report.image).unwrap();
	(store, image)
}

fn sample(dir: &Path) {
	fs::create_dir_all(dir.join("a/closed")).unwrap();
	for n in 0..50 {
		fs::write(dir.join(format!("a/closed/{n}")), noise(n, n as usize * 5_000)).unwrap();
	}
	fs::write(dir.join("big"), noise(99, 9_000_000)).unwrap();
	fs::write(dir.join("read only"), b"x").unwrap();
	fs::set_permissions(dir.join("read only"), fs::Permissions::from_mode(0o444)).unwrap();
	fs::hard_link(dir.join("read only"), dir.join("other name")).unwrap();
	symlink("/etc", dir.join("etc")).unwrap();
	let sparse = File::create(dir.join("sparse")).unwrap();
	sparse.set_len(1 << 40).unwrap();
	sparse.write_all_at(b"data", 1 << 35).unwrap();
	fs::set_permissions(dir.join("a/closed"), fs::Permissions::from_mode(0o555)).unwrap();
	fs::set_permissions(dir, fs::Permissions::from_mode(0o750)).unwrap();
}

#[test]
fn packing_what_was_restored_gives_the_same_image() {
	let dir = tempfile::tempdir().unwrap();
	sample(dir.path());
	let (_, image) = packed(dir.path());
	let place = tempfile::tempdir().unwrap();
	let target = place.path().join("new/target");
	let report = restore(&image, &target, &|_| {}).unwrap();
	let totals = image.superblock().totals;
	assert_eq!((report.files, report.bytes), (totals.files, totals.bytes));
	assert_eq!(packed(&target).1.id(), image.id());
	let links = fs::metadata(target.join("other name")).unwrap();
	assert_eq!((links.nlink(), links.permissions().mode() & 0o7777), (2, 0o444));
	assert_eq!(fs::read_link(target.join("etc")).unwrap(), Path::new("/etc"));
	assert!(fs::metadata(target.join("sparse")).unwrap().blocks() < 1000, "holes stay holes");
	let left: Vec<_> = fs::read_dir(target.parent().unwrap()).unwrap().collect();
	assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn an_empty_directory_is_taken_and_another_is_refused() {
	let dir = tempfile::tempdir().unwrap();
	fs::write(dir.path().join("f"), b"content").unwrap();
	let (_, image) = packed(dir.path());
	let place = tempfile::tempdir().unwrap();
	let target = place.path().join("t");
	fs::create_dir(&target).unwrap();
	restore(&image, &target, &|_| {}).unwrap();
	assert_eq!(fs::read(target.join("f")).unwrap(), b"content");

	fs::write(target.join("f"), b"precious").unwrap();
	assert!(matches!(restore(&image, &target, &|_| {}), Err(RestoreError::Target { .. })));
	assert_eq!(fs::read(target.join("f")).unwrap(), b"precious");
	assert!(restore(&image, &target.join("f"), &|_| {}).is_err());
	let link = place.path().join("link");
	symlink(dir.path(), &link).unwrap();
	assert!(restore(&image, &link, &|_| {}).is_err());
}

#[test]
fn a_missing_chunk_names_the_file_and_leaves_nothing() {
	let dir = tempfile::tempdir().unwrap();
	sample(dir.path());
	let (store, image) = packed(dir.path());
	let gone = ChunkId::of(&noise(7, 35_000));
	store.values.lock().remove(&gone.0[..]).unwrap();
	let place = tempfile::tempdir().unwrap();
	let error = restore(&image, &place.path().join("t"), &|_| {}).unwrap_err().to_string();
	assert!(error.contains("a/closed/7") && error.contains(&gone.to_string()), "{error}");
	assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn what_an_interrupted_restore_left_is_replaced_unless_it_is_in_use() {
	let dir = tempfile::tempdir().unwrap();
	fs::write(dir.path().join("f"), b"content").unwrap();
	let (_, image) = packed(dir.path());
	let place = tempfile::tempdir().unwrap();
	let (target, left) = (place.path().join("t"), place.path().join(".t.thin-partial"));
	fs::create_dir_all(left.join("old/stuff")).unwrap();
	// A symbolic link in there is removed, not followed.
	symlink(dir.path(), left.join("trap")).unwrap();
	let lock = Partial::lock(&left).unwrap();
	assert!(matches!(restore(&image, &target, &|_| {}), Err(RestoreError::Busy { .. })));
	assert!(left.join("old/stuff").exists());
	drop(lock);
	restore(&image, &target, &|_| {}).unwrap();
	assert!(dir.path().join("f").exists());
	assert!(!left.exists() && !target.join("old").exists());
	assert_eq!(fs::read(target.join("f")).unwrap(), b"content");
}
