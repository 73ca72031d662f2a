//! The file system that the kernel talks to. It never changes, so the kernel may keep all it has
//! been told.

use super::content::{Content, OpenFile};
use crate::image::{Attributes, NodeId, NodeKind};
use fuser::{
	Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
	IoctlFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, ReplyAttr, ReplyData,
	ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyLseek, ReplyOpen,
	ReplyStatfs, ReplyXattr, Request,
};
use parking_lot::RwLock;
use std::{
	collections::HashMap,
	ffi::OsStr,
	io,
	os::unix::ffi::OsStrExt,
	path::PathBuf,
	sync::{
		atomic::{AtomicU64, Ordering::Relaxed},
		Arc,
	},
	time::{Duration, UNIX_EPOCH},
};

/// For as long as the kernel likes.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
const BLOCK: u32 = 4_096;
/// What programs that ask for the best size of a read are told: one chunk.
const READ_SIZE: u32 = 65_536;
const BACKGROUND_REQUESTS: u16 = 64;
const READAHEAD: u32 = 1024 * 1024;
/// Less than a page.
const NO_READAHEAD: u32 = 1;

/// Where the figures of a mount are.
pub(super) const STATS_ATTRIBUTE: &str = "user.thin-mount.stats";

/// The names `.` and `..` come before those in the tree.
const DOTS: usize = 2;

pub(super) struct ImageFilesystem {
	content: Arc<Content>,
	owner: (u32, u32),
	open: RwLock<HashMap<u64, Arc<OpenFile>>>,
	next_handle: AtomicU64,
}

impl ImageFilesystem {
	/// All files belong to `owner`, a user and a group: the image keeps no owners.
	pub(super) fn new(content: Arc<Content>, owner: (u32, u32)) -> Self {
		Self { content, owner, open: RwLock::default(), next_handle: AtomicU64::new(1) }
	}

	fn attributes(&self, node: NodeId) -> Option<FileAttr> {
		let attributes = self.content.image().tree().attributes(node)?;
		Some(self.file_attributes(node, &attributes))
	}

	fn file_attributes(&self, node: NodeId, attributes: &Attributes) -> FileAttr {
		FileAttr {
			ino: INodeNo(node.0),
			size: attributes.size,
			blocks: attributes.size.div_ceil(512),
			atime: UNIX_EPOCH,
			mtime: UNIX_EPOCH,
			ctime: UNIX_EPOCH,
			crtime: UNIX_EPOCH,
			kind: file_type(attributes.kind),
			perm: attributes.mode,
			nlink: attributes.links,
			uid: self.owner.0,
			gid: self.owner.1,
			rdev: 0,
			blksize: READ_SIZE,
			flags: 0,
		}
	}

	/// The entries of a directory from `offset` on. `add` says whether it is full.
	fn list(
		&self,
		directory: NodeId,
		offset: u64,
		mut add: impl FnMut(NodeId, u64, &OsStr) -> bool,
	) -> Result<(), Errno> {
		let tree = self.content.image().tree();
		let skip = usize::try_from(offset).unwrap_or(usize::MAX);
		let parent = tree.parent(directory).ok_or(Errno::ENOENT)?;
		let children = tree.children(directory, skip.saturating_sub(DOTS)).ok_or(Errno::ENOTDIR)?;
		let dots = [(&b"."[..], directory), (&b".."[..], parent)];
		let entries = dots.into_iter().skip(skip).chain(children);
		for (next, (name, node)) in (offset.saturating_add(1)..).zip(entries) {
			if add(node, next, OsStr::from_bytes(name)) {
				break;
			}
		}
		Ok(())
	}
}

fn file_type(kind: NodeKind) -> FileType {
	match kind {
		NodeKind::Directory => FileType::Directory,
		NodeKind::File => FileType::RegularFile,
		NodeKind::Symlink => FileType::Symlink,
	}
}

impl Filesystem for ImageFilesystem {
	fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
		let wanted = [
			InitFlags::FUSE_PARALLEL_DIROPS,
			InitFlags::FUSE_DO_READDIRPLUS,
			InitFlags::FUSE_CACHE_SYMLINKS,
			InitFlags::FUSE_EXPLICIT_INVAL_DATA,
		];
		for capability in wanted {
			if config.add_capabilities(capability).is_err() {
				tracing::debug!(?capability, "the kernel lacks this");
			}
		}
		// One layer above this is what an overlay needs; the cache itself then must be on a file
		// system that is no layer.
		if self.content.wants_passthrough()
			&& config.add_capabilities(InitFlags::FUSE_PASSTHROUGH).is_ok()
			&& config.set_max_stack_depth(1).is_ok()
		{
			self.content.passthrough().enable();
		}
		let _ = config.set_max_background(BACKGROUND_REQUESTS);
		let readahead = match self.content.sight() {
			Some(_) => NO_READAHEAD,
			None => READAHEAD,
		};
		if let Err(most) = config.set_max_readahead(readahead) {
			let _ = config.set_max_readahead(most);
		}
		Ok(())
	}

	fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
		let tree = self.content.image().tree();
		let found = tree.lookup(NodeId(parent.0), name.as_bytes());
		match found.and_then(|node| self.attributes(node)) {
			Some(attributes) => reply.entry(&FOREVER, &attributes, Generation(0)),
			None if tree.child_count(NodeId(parent.0)).is_none() => reply.error(Errno::ENOTDIR),
			None => {
				// Number 0 says that there is nothing, and the kernel may remember that too.
				let nothing = Attributes { kind: NodeKind::File, mode: 0, size: 0, links: 0 };
				let nothing = self.file_attributes(NodeId(0), &nothing);
				reply.entry(&FOREVER, &nothing, Generation(0));
			},
		}
	}

	fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
		match self.attributes(NodeId(ino.0)) {
			Some(attributes) => reply.attr(&FOREVER, &attributes),
			None => reply.error(Errno::ENOENT),
		}
	}

	fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
		match self.content.image().tree().symlink_target(NodeId(ino.0)) {
			Some(target) => reply.data(target),
			None => reply.error(Errno::EINVAL),
		}
	}

	fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
		if flags.acc_mode() != OpenAccMode::O_RDONLY {
			return reply.error(Errno::EROFS);
		}
		match self.content.open(NodeId(ino.0)) {
			Ok(file) => {
				let handle = self.next_handle.fetch_add(1, Relaxed);
				let backing = self.content.passthrough().open(
					file.node(),
					|| self.content.may_pass(&file),
					|| match file.cached() {
						Some(cached) => reply.open_backing(cached.data()),
						None => Err(io::ErrorKind::NotFound.into()),
					},
				);
				self.open.write().insert(handle, Arc::new(file));
				let (handle, flags) = (FileHandle(handle), FopenFlags::FOPEN_NOFLUSH);
				match backing {
					Some(backing) => reply.opened_passthrough(handle, flags, &backing),
					None => reply.opened(handle, flags | FopenFlags::FOPEN_KEEP_CACHE),
				}
			},
			Err(errno) => reply.error(errno),
		}
	}

	fn read(
		&self,
		_: &Request,
		_: INodeNo,
		handle: FileHandle,
		offset: u64,
		size: u32,
		_: OpenFlags,
		_: Option<LockOwner>,
		reply: ReplyData,
	) {
		let Some(file) = self.open.read().get(&handle.0).cloned() else {
			return reply.error(Errno::EBADF);
		};
		match self.content.read(&file, offset, size as usize) {
			Ok(found) => {
				reply.data(&found.bytes);
				self.content.settle_read(&file, &found);
			},
			Err(errno) => reply.error(errno),
		}
	}

	fn lseek(
		&self,
		_: &Request,
		_: INodeNo,
		handle: FileHandle,
		offset: i64,
		whence: i32,
		reply: ReplyLseek,
	) {
		let Some(file) = self.open.read().get(&handle.0).cloned() else {
			return reply.error(Errno::EBADF);
		};
		let found = match (u64::try_from(offset), whence) {
			(Ok(offset), libc::SEEK_DATA) => self.content.next_data(&file, offset),
			(Ok(offset), libc::SEEK_HOLE) => self.content.next_hole(&file, offset),
			_ => Err(Errno::EINVAL),
		};
		match found.map(i64::try_from) {
			Ok(Ok(offset)) => reply.offset(offset),
			Ok(Err(_)) => reply.error(Errno::EOVERFLOW),
			Err(errno) => reply.error(errno),
		}
	}

	fn ioctl(
		&self,
		_: &Request,
		_: INodeNo,
		_: FileHandle,
		_: IoctlFlags,
		_: u32,
		_: &[u8],
		_: u32,
		reply: ReplyIoctl,
	) {
		reply.error(Errno::ENOTTY);
	}

	fn release(
		&self,
		_: &Request,
		_: INodeNo,
		handle: FileHandle,
		_: OpenFlags,
		_: Option<LockOwner>,
		_: bool,
		reply: ReplyEmpty,
	) {
		let file = self.open.write().remove(&handle.0);
		if let Some(file) = &file {
			self.content.closed(file);
		}
		reply.ok();
		drop(file);
	}

	fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
		reply.ok();
	}

	fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
		reply.ok();
	}

	fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
		reply.ok();
	}

	fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
		let flags = FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR;
		reply.opened(FileHandle(0), flags);
	}

	fn readdir(
		&self,
		_: &Request,
		ino: INodeNo,
		_: FileHandle,
		offset: u64,
		mut reply: ReplyDirectory,
	) {
		let tree = self.content.image().tree();
		let listed = self.list(NodeId(ino.0), offset, |node, next, name| {
			let kind = tree.attributes(node).map_or(NodeKind::File, |attributes| attributes.kind);
			reply.add(INodeNo(node.0), next, file_type(kind), name)
		});
		match listed {
			Ok(()) => reply.ok(),
			Err(errno) => reply.error(errno),
		}
	}

	fn readdirplus(
		&self,
		_: &Request,
		ino: INodeNo,
		_: FileHandle,
		offset: u64,
		mut reply: ReplyDirectoryPlus,
	) {
		let listed = self.list(NodeId(ino.0), offset, |node, next, name| {
			let Some(attributes) = self.attributes(node) else { return false };
			reply.add(INodeNo(node.0), next, name, &FOREVER, &attributes, Generation(0))
		});
		match listed {
			Ok(()) => reply.ok(),
			Err(errno) => reply.error(errno),
		}
	}

	/// One attribute, of the root: the figures of this mount, for who asks for its status.
	fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
		if ino.0 != NodeId::ROOT.0 || name != STATS_ATTRIBUTE {
			return reply.error(Errno::ENODATA);
		}
		self.content.count_local();
		let stats = self.content.stats(PathBuf::new());
		match serde_json::to_vec(&stats) {
			Ok(json) if size == 0 => reply.size(u32::try_from(json.len()).unwrap_or(u32::MAX)),
			Ok(json) if json.len() <= size as usize => reply.data(&json),
			Ok(_) => reply.error(Errno::ERANGE),
			Err(_) => reply.error(Errno::EIO),
		}
	}

	/// It is not listed: copies of the tree should not have it.
	fn listxattr(&self, _: &Request, _: INodeNo, size: u32, reply: ReplyXattr) {
		match size {
			0 => reply.size(0),
			_ => reply.data(&[]),
		}
	}

	fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
		let image = self.content.image();
		let blocks = image.superblock().totals.bytes.div_ceil(u64::from(BLOCK));
		let files = image.tree().len() as u64 + 1;
		reply.statfs(blocks, 0, 0, files, 0, BLOCK, 255, BLOCK);
	}
}
