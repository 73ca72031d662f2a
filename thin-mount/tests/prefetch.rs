//! What is fetched ahead of readers, and that it is right: S19 and S20 of `docs/SEMANTICS.md`.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/trees.rs"]
mod trees;

use std::{
	collections::BTreeSet,
	fs,
	os::unix::fs::FileExt,
	path::Path,
	time::{Duration, Instant},
};
use thin_mount::{
	cache::CacheOptions,
	metrics::prometheus,
	mount::{stats_at, Hydrate, Mount, MountError, MountOptions, MountStats, WriteLayer},
	pack::{pack, PackOptions},
	trace::RECORDED,
};
use trees::{fill, fuse, noise, Fault, Fixture};

fn cached(fixture: &Fixture, change: impl FnOnce(&mut MountOptions)) -> Mount {
	let folder = fixture.folder.path().join("cache");
	let mounted = fixture.mount_with(|options| {
		options.cache = Some(CacheOptions { folder, limit: None });
		change(options);
	});
	mounted.unwrap()
}

fn until(mount: &Mount, what: &str, reached: impl Fn(&MountStats) -> bool) {
	let end = Instant::now() + Duration::from_secs(60);
	while !reached(&mount.stats()) {
		assert!(Instant::now() < end, "never: {what}: {:?}", mount.stats());
		std::thread::sleep(Duration::from_millis(10));
	}
}

fn done(stats: &MountStats) -> bool {
	stats.hydration.is_some_and(|hydration| hydration.done)
}

/// Reads everything in a tree, and compares it with its source.
fn same(fixture: &Fixture, folder: &Path, below: &str) {
	for entry in fs::read_dir(fixture.source.path().join(below)).unwrap() {
		let entry = entry.unwrap();
		let path = Path::new(below).join(entry.file_name());
		if entry.file_type().unwrap().is_dir() {
			same(fixture, folder, path.to_str().unwrap());
		} else if entry.file_type().unwrap().is_file() {
			let right = fs::read(entry.path()).unwrap();
			assert!(fs::read(folder.join(&path)).unwrap() == right, "{path:?}");
		}
	}
}

#[test]
fn s19_hydration_fetches_all_there_is_and_each_chunk_once() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = cached(&fixture, |options| options.hydrate = Hydrate::Background { rate: None });
	until(&mount, "all is there", done);
	let stats = mount.stats();
	let hydration = stats.hydration.unwrap();
	assert!(hydration.report.bytes >= 5_000_123 && hydration.report.failed == 0);
	let stored = fixture.store.values.lock().len() as u64;
	assert_eq!(stats.fetch.stores[0].values, stored);
	*fixture.store.fault.lock() = Some(Fault::Unreachable);
	same(&fixture, mount.path(), "");
	assert_eq!(mount.stats().fetch.stores[0].values, stored);
	mount.unmount().unwrap();
	// A second one finds all there.
	*fixture.store.fault.lock() = None;
	let mount = cached(&fixture, |options| options.hydrate = Hydrate::Background { rate: None });
	until(&mount, "nothing to do", done);
	assert_eq!(mount.stats().hydration.unwrap().report.chunks, 0);
}

#[test]
fn s19_holes_are_there_without_being_fetched() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(|folder| {
		fs::write(folder.join("data"), noise(1, 300_000)).unwrap();
		// A chunk, a tree of one node, one that is known by its root, and one that ends in a piece.
		for length in [65_536, 1 << 20, 128 << 20, 1_000_001] {
			let file = fs::File::create(folder.join(length.to_string())).unwrap();
			file.set_len(length).unwrap();
		}
	});
	let hydrate = |options: &mut MountOptions| {
		options.hydrate = Hydrate::Background { rate: None };
	};
	let mount = cached(&fixture, hydrate);
	until(&mount, "all is there", done);
	assert_eq!(mount.stats().hydration.unwrap().report.failed, 0);
	mount.unmount().unwrap();
	*fixture.store.fault.lock() = Some(Fault::Unreachable);
	let mount = cached(&fixture, hydrate);
	same(&fixture, mount.path(), "");
	assert_eq!(stats_at(mount.path()).unwrap().local.unwrap().ratio(), 1.0);
}

#[test]
fn s19_hydration_survives_a_store_that_comes_and_goes_and_lies() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let folder = fixture.folder.path().join("cache");
	let mount = fixture.mount_in_a_hurry(Duration::from_millis(200), |options| {
		options.cache = Some(CacheOptions { folder: folder.clone(), limit: None });
		options.hydrate = Hydrate::Background { rate: Some(20_000_000) };
	});
	for fault in [Fault::Unreachable, Fault::Wrong, Fault::Missing, Fault::Truncated] {
		*fixture.store.fault.lock() = Some(fault);
		std::thread::sleep(Duration::from_millis(30));
		*fixture.store.fault.lock() = None;
		std::thread::sleep(Duration::from_millis(30));
	}
	until(&mount, "all is there", done);
	mount.unmount().unwrap();
	// What was given up on the way is fetched when it is read, by one who has more time.
	let mount = cached(&fixture, |_| {});
	same(&fixture, mount.path(), "");
}

#[test]
fn s19_hydration_ends_with_the_mount_and_needs_a_cache() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let slow = Hydrate::Background { rate: Some(1_000) };
	let refused = fixture.mount_with(|options| options.hydrate = slow.clone());
	assert!(matches!(refused, Err(MountError::NoCache)));
	let mount = cached(&fixture, |options| options.hydrate = slow);
	until(&mount, "begun", |stats| stats.hydration.is_some_and(|h| h.report.chunks > 0));
	// It waits for its rate now, for minutes: nobody waits for it.
	mount.unmount().unwrap();
}

#[test]
fn s19_hydration_leaves_room_in_a_limited_cache() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let folder = fixture.folder.path().join("cache");
	let mount = fixture
		.mount_with(|options| {
			options.cache = Some(CacheOptions { folder, limit: Some(2_000_000) });
			options.hydrate = Hydrate::Background { rate: None };
		})
		.unwrap();
	until(&mount, "full", done);
	let report = mount.stats().hydration.unwrap().report;
	assert!(report.full && report.bytes < 5_000_000, "{report:?}");
	same(&fixture, mount.path(), "");
}

#[test]
fn s20_a_recorded_trace_is_fetched_at_the_next_mount() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = fixture.mount_with(|options| options.record_trace = Some(RECORDED)).unwrap();
	let read = |mount: &Mount| {
		let large = fs::File::open(mount.path().join("a/b/c/large")).unwrap();
		rustix::fs::fadvise(&large, 0, None, rustix::fs::Advice::Random).unwrap();
		for offset in [4_000_000, 70_000, 2_000_000] {
			let mut bytes = [0; 100];
			large.read_exact_at(&mut bytes, offset).unwrap();
			assert_eq!(bytes, noise(3, 5_000_123)[offset as usize..][..100]);
		}
		fs::read(mount.path().join("small")).unwrap();
	};
	read(&mount);
	let trace = mount.trace().unwrap();
	assert_eq!(trace.len(), 1 + 3 + 1, "an inner node, three leaves of one file, one of another");
	mount.unmount().unwrap();
	assert!(fixture.mount().trace().is_none());

	let options = PackOptions { trace: trace.clone(), ..Default::default() };
	let report = pack(fixture.source.path(), &*fixture.store, &options, &|_| {}).unwrap();
	assert_ne!(report.image, fixture.image);
	for with_cache in [true, false] {
		let folder = fixture.folder.path().join("other cache");
		let mount = fixture
			.mount_with(|options| {
				options.image = report.image;
				options.cache = with_cache.then_some(CacheOptions { folder, limit: None });
			})
			.unwrap();
		until(&mount, "the trace is there", |stats| stats.prefetched >= trace.len() as u64);
		let before = mount.stats().fetch.stores[0].values;
		*fixture.store.fault.lock() = Some(Fault::Unreachable);
		read(&mount);
		assert_eq!(mount.stats().fetch.stores[0].values, before);
		*fixture.store.fault.lock() = None;
		same(&fixture, mount.path(), "");
		mount.unmount().unwrap();
	}
}

#[test]
fn s20_a_trace_of_nonsense_does_no_harm() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let trace: Vec<_> = (0..5_000u32)
		.map(|at| thin_mount::chunk::ChunkId::of(&at.to_le_bytes()))
		.chain([fixture.image.0; 500])
		.collect();
	let options = PackOptions { trace, ..Default::default() };
	let report = pack(fixture.source.path(), &*fixture.store, &options, &|_| {}).unwrap();
	let mount = cached(&fixture, |options| options.image = report.image);
	same(&fixture, mount.path(), "");
	assert_eq!(mount.stats().fetch.failures, 0, "what is in no file is not asked for");
}

#[test]
fn s20_the_ends_of_tables_are_fetched_when_one_is_opened() {
	if !fuse() {
		return;
	}
	let tables = |folder: &Path| {
		for number in 0..12 {
			fs::write(folder.join(format!("{number:06}.sst")), noise(number, 300_000)).unwrap();
		}
		fs::write(folder.join("other"), noise(99, 300_000)).unwrap();
	};
	let fixture = Fixture::new(tables);
	let mount = cached(&fixture, |_| {});
	drop(fs::File::open(mount.path().join("other")).unwrap());
	drop(fs::File::open(mount.path().join("000001.sst")).unwrap());
	until(&mount, "the ends are there", |stats| stats.prefetched == 9);
	let before = mount.stats().fetch.stores[0].values;
	*fixture.store.fault.lock() = Some(Fault::Unreachable);
	for number in 1..10 {
		let file = fs::File::open(mount.path().join(format!("{number:06}.sst"))).unwrap();
		rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Random).unwrap();
		let mut end = [0; 53];
		file.read_exact_at(&mut end, 300_000 - 53).unwrap();
		assert_eq!(end, noise(number, 300_000)[300_000 - 53..]);
	}
	// That the reads were answered is the proof. The requests can't be counted: opening these tables
	// has the end of the tenth asked for meanwhile, which is got when the store is back.
	assert_eq!(mount.stats().fetch.stores[0].values, before);
}

#[test]
fn s20_who_reads_straight_on_makes_fewer_requests() {
	if !fuse() {
		return;
	}
	const LENGTH: usize = 48 << 20;
	let fixture = Fixture::new(|folder| fs::write(folder.join("long"), noise(5, LENGTH)).unwrap());
	let mut turn = 0;
	let mut requests = |prefetch: bool| {
		turn += 1;
		*fixture.store.delay.lock() = Duration::from_millis(5);
		let mount = fixture
			.mount_with(|options| {
				let folder = fixture.folder.path().join(format!("cache {turn}"));
				options.cache = Some(CacheOptions { folder, limit: None });
				options.prefetch = prefetch;
			})
			.unwrap();
		let begun = Instant::now();
		assert!(fs::read(mount.path().join("long")).unwrap() == noise(5, LENGTH));
		println!("{prefetch}: {:?} {:?}", begun.elapsed(), mount.stats());
		*fixture.store.delay.lock() = Duration::ZERO;
		mount.stats().fetch.stores[0].requests
	};
	let without = requests(false);
	// On a machine that has other things to do, the reader may be faster now and then than what is
	// to run ahead of it.
	let with: Vec<u64> =
		(0..10).map(|_| requests(true)).take_while(|with| *with >= without).collect();
	assert!(with.len() < 10, "{without} requests without, and {with:?} with");
}

/// The names on a page of figures.
fn names(page: &str) -> BTreeSet<String> {
	let kinds = page.lines().filter_map(|line| line.strip_prefix("# TYPE thin_mount_"));
	kinds.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn s17_figures_for_prometheus_are_those_of_the_document() {
	if !fuse() {
		return;
	}
	let fixture = Fixture::new(fill);
	let mount = cached(&fixture, |options| {
		options.hydrate = Hydrate::Background { rate: None };
		// What the kernel reads by itself is not counted.
		options.passthrough = false;
		options.write = WriteLayer::Overlay { upper: fixture.folder.path().join("upper") };
	});
	until(&mount, "all is there", done);
	fs::read(mount.path().join("a/b/c/large")).unwrap();
	let value = |page: &str, name: &str| -> f64 {
		let line = page.lines().find(|line| line.starts_with(&format!("thin_mount_{name} ")));
		line.unwrap_or_else(|| panic!("no {name} in {page}"))
			.rsplit(' ')
			.next()
			.unwrap()
			.parse()
			.unwrap()
	};
	let figures = mount.figures();
	let page = prometheus(&figures());
	let document = include_str!("../../docs/METRICS.md");
	let documented: BTreeSet<String> = document
		.lines()
		.filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
		.collect();
	assert_eq!(names(&page), documented);
	assert!(value(&page, "read_bytes_total") >= 5_000_123.0);
	assert_eq!(value(&page, "hydration_done"), 1.0);
	let store = "{store=\"test store\"";
	assert!(page.contains(&format!("thin_mount_store_state{store},state=\"closed\"}} 1\n")));
	assert!(page.contains(&format!("thin_mount_store_state{store},state=\"open\"}} 0\n")));
	let last = |name: &str, more: &str| -> u64 {
		let start = format!("thin_mount_{name}{store}{more}}} ");
		page.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
	};
	let requests = last("store_requests_total", "");
	assert_eq!(last("fetch_seconds_bucket", ",le=\"+Inf\""), requests);
	assert_eq!(last("fetch_seconds_count", ""), requests);
	mount.unmount().unwrap();
	// What is in the cache is known when it is on the disk: from the start, at the next mount.
	let mount = cached(&fixture, |_| {});
	let page = prometheus(&mount.figures()());
	assert!(value(&page, "local_ratio") > 0.99, "{page}");
	assert_eq!(value(&page, "fetched_bytes_total"), 0.0);
	// Without cache and hydration their names are not there.
	let mount = {
		drop(mount);
		fixture.mount()
	};
	assert!(names(&prometheus(&mount.figures()())).is_subset(&documented));
}
