//! Images in which a number leads to another block, or a block has another number.

use super::*;
use crate::history::{History, HistoryOptions};

#[test]
fn a_real_hash_under_another_number_is_no_answer() {
	for planted in [None, Some(7)] {
		let (chain, image) = right();
		let key = BlockKey::new(3, chain.key(7).hash);
		image.set(columns::KEY_LOOKUP, &key.hash, key.bytes());
		image.set(columns::KEY_LOOKUP, &number_key(3), key.bytes());
		if let Some(number) = planted {
			image.set(columns::HEADER, &key.bytes(), chain.headers[number].encode());
		}
		let node = start(&chain, &image);
		assert!(node.lower.get(columns::KEY_LOOKUP, &key.hash).is_err());
		assert!(!matches!(node.backend.blockchain().number(H256(key.hash)), Ok(Some(_))));
		let faults = node.faults();
		assert!(faults[0].contains("column HEADER, key 0x00000003"), "{faults:?}");
		let expected = match planted {
			Some(_) => "a header with the number 7",
			None => "the header is not there",
		};
		assert!(faults[0].contains(expected), "{faults:?}");
	}
}

#[test]
fn a_hash_or_a_number_that_leads_to_another_block_is_no_answer() {
	let (chain, image) = right();
	let hash = chain.headers[7].hash();
	image.set(columns::KEY_LOOKUP, hash.as_bytes(), chain.key(8).bytes());
	image.set(columns::KEY_LOOKUP, &number_key(6), chain.key(8).bytes());
	let node = start(&chain, &image);
	let said = |reason: &str, key: &[u8]| {
		let key = hex::encode(key);
		let expected = format!("the image is corrupt: column KEY_LOOKUP, key 0x{key}: {reason}");
		let faults = node.faults();
		assert!(!faults.is_empty() && faults.iter().all(|fault| *fault == expected), "{faults:?}");
	};
	assert!(!matches!(node.backend.blockchain().header(hash), Ok(Some(_))));
	said("the key of another block", hash.as_bytes());
	assert!(!matches!(node.backend.blockchain().hash(6), Ok(Some(_))));
	said("the key of a block of another height", &number_key(6));
}

#[test]
fn a_number_that_leads_to_a_fork_ends_the_walk() {
	let (chain, image) = right();
	let mut fork = chain.headers[7].clone();
	fork.set_state_root(H256::repeat_byte(9));
	let key = BlockKey::new(7, fork.hash().0);
	image.set(columns::HEADER, &key.bytes(), fork.encode());
	image.set(columns::KEY_LOOKUP, &key.hash, key.bytes());
	image.set(columns::KEY_LOOKUP, &number_key(7), key.bytes());
	let node = start(&chain, &image);
	// No read can tell: until the walk has been there, the status says that 7 is not proven.
	assert_eq!(node.backend.blockchain().hash(7).unwrap(), Some(fork.hash()));
	let history = History::new(
		HistoryOptions {
			mode: Default::default(),
			rate: None,
			snapshot: H256::zero(),
			on_fault: node.on_fault.clone(),
		},
		node.lower.clone(),
		node.upper.clone(),
	);
	assert_eq!(history.report().unproven, Some((1, N - 1)));
	let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
	runtime.block_on(history.clone().run(None).unwrap());
	assert_eq!(
		node.faults(),
		[format!(
			"the image is corrupt: column KEY_LOOKUP, key 0x00000007: block 7 is 0x{} there, and \
			 the parents of block {N} lead to 0x{}",
			hex::encode(key.hash),
			hex::encode(chain.key(7).hash)
		)]
	);
	assert_eq!(history.report().unproven, Some((1, 7)));
}
