//! A page: the piece in which a proof travels. `docs/FORMAT.md` has it byte by byte.
//!
//! Each page says which block it goes on from, so that one that is missing, doubled or out of
//! order is noticed at once, and so that the next can be asked for.

use super::SnapshotProofError;
use codec::{Compact, Decode, DecodeAll, Encode, Input};
use pallet_snapshots::SnapshotId;
use sc_consensus_grandpa::warp_proof::WarpSyncFragment;
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT},
	SaturatedConversion,
};

/// The largest page: its hexadecimal digits are fewer than an RPC's answer may have, and it is
/// less than one value of a 0-db holds.
pub const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The most trie nodes in a proof: many times what a snapshot with thousands of attesters takes.
pub const MAX_NODES: u32 = 65_536;

const MAGIC: &[u8; 8] = b"THINSPF\0";
const VERSION: u16 = 2;
/// Magic, version, and the length of the rest.
pub(super) const HEAD_BYTES: usize = 8 + 2 + 4;
/// What a page has besides its fragments and nodes, at most.
const FRAME_BYTES: usize = HEAD_BYTES + 32 + 4 + 1 + 5 + 1 + 5;

const TO_BLOCK: u8 = 0;
const TO_REGISTRATION: u8 = 1;

/// Trie nodes, in no order.
#[derive(Debug)]
pub(crate) struct Nodes(pub Vec<Vec<u8>>);

impl Encode for Nodes {
	fn encode_to<T: codec::Output + ?Sized>(&self, output: &mut T) {
		self.0.encode_to(output);
	}
}

impl Decode for Nodes {
	fn decode<I: Input>(input: &mut I) -> Result<Self, codec::Error> {
		let Compact(count) = Compact::<u32>::decode(input)?;
		// An empty node takes one byte here, and more in memory.
		if count > MAX_NODES {
			return Err("more trie nodes than a proof has".into());
		}
		(0..count).map(|_| Vec::decode(input)).collect::<Result<_, _>>().map(Self)
	}
}

/// Where the fragments of a page lead.
#[derive(Encode, Decode, Debug)]
pub(crate) enum Way<Block: BlockT> {
	/// From genesis of the snapshot's chain to block N.
	#[codec(index = 0)]
	Block {
		fragments: Vec<WarpSyncFragment<Block>>,
		/// Whether the last one is N.
		last: bool,
	},
	/// To a later finalized block F of the chain that lists the snapshot: from its genesis, or,
	/// where both are one chain, on from N.
	#[codec(index = 1)]
	Registration {
		fragments: Vec<WarpSyncFragment<Block>>,
		/// With the last fragment, which is F: the part of its state that speaks of the snapshot.
		state: Option<Nodes>,
	},
}

/// A page, read and not yet followed.
#[derive(Encode, Decode, Debug)]
pub(crate) struct Page<Block: BlockT> {
	/// What it is of.
	pub snapshot: SnapshotId,
	/// The number of the block that it goes on from: 0 is genesis.
	pub after: u32,
	pub way: Way<Block>,
}

fn malformed(reason: impl Into<String>) -> SnapshotProofError {
	SnapshotProofError::Malformed(reason.into())
}

/// The length of a page, from its first bytes.
pub(super) fn length(head: &[u8; HEAD_BYTES]) -> Result<usize, SnapshotProofError> {
	let Some(rest) = head.strip_prefix(MAGIC) else {
		return Err(malformed("it does not begin as one"));
	};
	let version = u16::from_le_bytes([rest[0], rest[1]]);
	if version != VERSION {
		return Err(malformed(format!(
			"it has version {version}, and this node knows {VERSION}: make it anew with thin-node \
			 snapshot prove"
		)));
	}
	let length = u32::from_le_bytes([rest[2], rest[3], rest[4], rest[5]]) as usize;
	match length.saturating_add(HEAD_BYTES) {
		length if length > MAX_PAGE_BYTES => {
			Err(malformed(format!("a page of {length} bytes, and the most is {MAX_PAGE_BYTES}")))
		},
		length => Ok(length),
	}
}

impl<Block: BlockT> Page<Block> {
	/// Reads a page. Errors when there is more or less of it than there should be.
	pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotProofError> {
		let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
			return Err(malformed("it ends before it has begun"));
		};
		let length = length(head)?;
		if length != bytes.len() {
			let found = bytes.len();
			return Err(malformed(format!("a page of {found} bytes that says it has {length}")));
		}
		Self::decode_all(&mut &rest[..]).map_err(|error| malformed(error.to_string()))
	}
}

/// Which snapshot the bytes of a page claim to be of.
pub(crate) fn snapshot_of(page: &[u8]) -> Option<SnapshotId> {
	page.get(HEAD_BYTES..HEAD_BYTES + 32).map(SnapshotId::from_slice)
}

/// Whether the bytes of a page are of the way to the snapshot's block.
pub(crate) fn is_to_block(page: &[u8]) -> bool {
	page.get(HEAD_BYTES + 36) == Some(&TO_BLOCK)
}

/// Where a page leads.
pub(crate) struct Outline {
	/// The number of its last block; 0 when it has none.
	pub last: u32,
	/// Whether it ends the proof of how the snapshot stands.
	pub ends: bool,
}

/// Where a page of this node's own making leads.
pub(crate) fn outline<Block: BlockT>(bytes: &[u8]) -> Result<Outline, SnapshotProofError> {
	let (fragments, ends) = match Page::<Block>::from_bytes(bytes)?.way {
		Way::Block { fragments, .. } => (fragments, false),
		Way::Registration { fragments, state } => (fragments, state.is_some()),
	};
	let last = fragments.last().map(|last| (*last.header.number()).saturated_into::<u32>());
	Ok(Outline { last: last.unwrap_or_default(), ends })
}

/// Makes a page of fragments that are encoded already.
pub(crate) struct Pager {
	snapshot: SnapshotId,
	after: u32,
	most: usize,
	count: u32,
	fragments: Vec<u8>,
}

impl Pager {
	/// A page that goes on from this block, of at most so many bytes.
	pub fn new(snapshot: SnapshotId, after: u32, most: usize) -> Self {
		Self { snapshot, after, most, count: 0, fragments: Vec::new() }
	}

	/// Whether there is nothing in it yet.
	pub fn is_empty(&self) -> bool {
		self.count == 0
	}

	/// Whether so many bytes more have a place in it. An empty one has to take what comes.
	pub fn takes(&self, length: usize) -> bool {
		self.is_empty() || FRAME_BYTES + self.fragments.len() + length <= self.most
	}

	/// Adds a fragment. Errors when it is longer than any page.
	pub fn add(&mut self, fragment: &[u8]) -> Result<(), SnapshotProofError> {
		let length = FRAME_BYTES + self.fragments.len() + fragment.len();
		if length > MAX_PAGE_BYTES {
			return Err(malformed(format!(
				"a block and its justification take {} bytes, and a page has at most \
				 {MAX_PAGE_BYTES}",
				fragment.len()
			)));
		}
		self.fragments.extend_from_slice(fragment);
		self.count += 1;
		Ok(())
	}

	/// The page, of the way to the snapshot's block. `last` says that it ends there.
	pub fn into_block_page(self, last: bool) -> Vec<u8> {
		self.page(TO_BLOCK, &last.encode())
	}

	/// The page, of the way to the registration; another follows.
	pub fn into_registration_page(self) -> Vec<u8> {
		self.page(TO_REGISTRATION, &[0])
	}

	/// The page that ends the way to the registration, with the nodes of the state that it is
	/// read in. Errors when they are too many.
	pub fn with_state(self, nodes: Vec<Vec<u8>>) -> Result<Vec<u8>, SnapshotProofError> {
		let page = self.page(TO_REGISTRATION, &Some(Nodes(nodes)).encode());
		match page.len() <= MAX_PAGE_BYTES {
			true => Ok(page),
			false => Err(malformed(format!(
				"the registration takes {} bytes, and a page has at most {MAX_PAGE_BYTES}",
				page.len()
			))),
		}
	}

	fn page(self, way: u8, end: &[u8]) -> Vec<u8> {
		let body = [
			&self.snapshot[..],
			&self.after.to_le_bytes(),
			&[way],
			&Compact(self.count).encode(),
			&self.fragments,
			end,
		]
		.concat();
		[&MAGIC[..], &VERSION.to_le_bytes(), &(body.len() as u32).to_le_bytes(), &body].concat()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::testing::{Block, Chain};

	#[test]
	fn what_is_made_by_hand_is_what_the_types_say() {
		let chain = Chain::new(9, &[3, 7]);
		let (id, nodes) = (SnapshotId::repeat_byte(7), vec![vec![1, 2], Vec::new()]);
		let pager = || {
			let mut pager = Pager::new(id, 3, MAX_PAGE_BYTES);
			pager.add(&chain.fragment(7).encode()).unwrap();
			pager.add(&chain.fragment(9).encode()).unwrap();
			pager
		};
		let pages = [
			pager().into_block_page(false),
			pager().into_block_page(true),
			pager().into_registration_page(),
			pager().with_state(nodes).unwrap(),
		];
		for bytes in &pages {
			let page = Page::<Block>::from_bytes(bytes).unwrap();
			assert_eq!((page.snapshot, page.after), (id, 3));
			assert_eq!(page.encode(), bytes[HEAD_BYTES..]);
			assert_eq!(snapshot_of(bytes), Some(id));
			assert_eq!(is_to_block(bytes), matches!(page.way, Way::Block { .. }));
			for cut in 0..bytes.len() {
				assert!(Page::<Block>::from_bytes(&bytes[..cut]).is_err(), "{cut}");
			}
			assert!(Page::<Block>::from_bytes(&[bytes, &[0][..]].concat()).is_err());
		}
		let mut other = pages[0].clone();
		other[8] = 3;
		let error = Page::<Block>::from_bytes(&other).unwrap_err().to_string();
		assert!(error.contains("it has version 3, and this node knows 2"), "{error}");
		let error = Page::<Block>::from_bytes(b"anything else at all").unwrap_err().to_string();
		assert!(error.contains("does not begin as one"), "{error}");
	}

	#[test]
	fn no_page_claims_to_be_too_long() {
		let mut head = [0; HEAD_BYTES];
		head[..8].copy_from_slice(MAGIC);
		head[8] = VERSION as u8;
		head[10..].copy_from_slice(&u32::MAX.to_le_bytes());
		let error = length(&head).unwrap_err().to_string();
		assert!(error.contains("and the most is 4194304"), "{error}");
	}

	#[test]
	fn what_fits_into_no_page_is_refused() {
		let mut pager = Pager::new(SnapshotId::zero(), 0, MAX_PAGE_BYTES);
		let error = pager.add(&vec![0; MAX_PAGE_BYTES]).unwrap_err().to_string();
		assert!(error.contains("a block and its justification take 4194304 bytes"), "{error}");
		let pager = Pager::new(SnapshotId::zero(), 0, MAX_PAGE_BYTES);
		let error = pager.with_state(vec![vec![0; MAX_PAGE_BYTES]]).unwrap_err().to_string();
		assert!(error.contains("the registration takes 4194"), "{error}");
	}

	#[test]
	fn a_claim_of_many_nodes_takes_no_memory() {
		let claim = [&Compact(MAX_NODES + 1).encode()[..], &[0; 100]].concat();
		assert!(Nodes::decode(&mut &claim[..]).is_err());
		let claim = Compact(MAX_NODES).encode();
		assert!(Nodes::decode(&mut &claim[..]).is_err());
		let empty = [&Compact(3u32).encode()[..], &[0; 3]].concat();
		assert_eq!(Nodes::decode(&mut &empty[..]).unwrap().0.len(), 3);
	}
}
