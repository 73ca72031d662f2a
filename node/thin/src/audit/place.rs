//! Where a trie node is to be found.

use codec::{Decode, Encode};
use std::sync::Arc;

/// Which trie a node is of.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Trie {
	/// That of the state itself.
	Top,
	/// A child trie, whose nodes have this before their keys.
	Child(Arc<Vec<u8>>),
}

impl Trie {
	/// What comes before the keys of its nodes.
	pub(super) fn prefix(&self) -> &[u8] {
		match self {
			Self::Top => &[],
			Self::Child(prefix) => prefix,
		}
	}
}

/// A node, by the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Place {
	/// The trie.
	pub trie: Trie,
	/// One nibble a byte.
	pub path: Vec<u8>,
	/// Of the node.
	pub hash: [u8; 32],
}

impl Place {
	/// The key of the database: the path in whole bytes, half a byte if one is left, and the hash.
	pub(super) fn key(&self) -> Vec<u8> {
		let mut key = self.trie.prefix().to_vec();
		key.extend(self.path.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)));
		key.extend_from_slice(&self.hash);
		key
	}
}
