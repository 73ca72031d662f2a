//! What can be known of a runtime without running it. To run one it is compiled first, which takes
//! longer than all the rest of a start.

use codec::DecodeAll;
use sc_executor::{read_embedded_version, RuntimeVersion, RuntimeVersionOf};
use sc_executor_common::{error::Result, runtime_blob::RuntimeBlob};
use sp_consensus_grandpa::AuthorityList;
use sp_core::{
	storage::Storage,
	traits::{Externalities, RuntimeCode},
};
use sp_crypto_hashing::twox_128;

/// Reads the version of a runtime from its code, and asks the runtime only where it isn't there.
#[derive(Clone)]
pub(crate) struct ReadVersion<E>(pub E);

impl<E: RuntimeVersionOf> RuntimeVersionOf for ReadVersion<E> {
	fn runtime_version(
		&self,
		ext: &mut dyn Externalities,
		code: &RuntimeCode<'_>,
	) -> Result<RuntimeVersion> {
		let embedded = code
			.code_fetcher
			.fetch_runtime_code()
			.and_then(|wasm| RuntimeBlob::uncompress_if_needed(&wasm).ok())
			.and_then(|blob| read_embedded_version(&blob).ok().flatten());
		match embedded {
			Some(version) => Ok(version),
			None => self.0.runtime_version(ext, code),
		}
	}
}

/// The GRANDPA authorities of a state, from where pallet-grandpa keeps them in a runtime that calls
/// it by its usual name. `None` where there are none: the runtime has to be asked then.
pub(crate) fn stored_authorities(state: &Storage) -> Option<AuthorityList> {
	let key = [twox_128(b"Grandpa"), twox_128(b"Authorities")].concat();
	let list = AuthorityList::decode_all(&mut &state.top.get(&key)?[..]).ok()?;
	(!list.is_empty()).then_some(list)
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Encode;
	use sp_core::{ed25519, traits::WrappedRuntimeCode};
	use sp_state_machine::BasicExternalities;
	use sp_version::RuntimeVersion as Version;
	use std::cell::Cell;

	/// A runtime that counts how often it is asked.
	struct Asked(Cell<u32>);

	impl RuntimeVersionOf for Asked {
		fn runtime_version(
			&self,
			_: &mut dyn Externalities,
			_: &RuntimeCode<'_>,
		) -> Result<Version> {
			self.0.set(self.0.get() + 1);
			Ok(Version::default())
		}
	}

	fn leb128(mut value: usize) -> Vec<u8> {
		let mut bytes = Vec::new();
		loop {
			let low = (value & 0x7f) as u8;
			value >>= 7;
			bytes.push(if value == 0 { low } else { low | 0x80 });
			if value == 0 {
				return bytes;
			}
		}
	}

	/// A module of WebAssembly with these custom sections and nothing else.
	fn module(sections: &[(&str, &[u8])]) -> Vec<u8> {
		let mut module = b"\0asm\x01\0\0\0".to_vec();
		for (name, content) in sections {
			let body = [&leb128(name.len())[..], name.as_bytes(), content].concat();
			module.extend([&[0], &leb128(body.len())[..], &body[..]].concat());
		}
		module
	}

	fn version_of(wasm: &[u8]) -> (Version, u32) {
		let fetcher = WrappedRuntimeCode(wasm.into());
		let code = RuntimeCode { code_fetcher: &fetcher, heap_pages: None, hash: vec![7] };
		let reader = ReadVersion(Asked(Cell::new(0)));
		let version = reader.runtime_version(&mut BasicExternalities::new_empty(), &code).unwrap();
		(version, reader.0 .0.get())
	}

	#[test]
	fn a_version_is_read_and_a_runtime_without_one_is_asked() {
		let written = Version { spec_version: 7, system_version: 1, ..Default::default() };
		// The api of the core, by which it is told how to read a version.
		let apis = [&[0xdf, 0x6a, 0xcb, 0x68, 0x99, 0x07, 0x60, 0x9b][..], &4u32.encode()].concat();
		let sections: [(&str, &[u8]); 2] =
			[("runtime_version", &written.encode()), ("runtime_apis", &apis)];
		let (version, asked) = version_of(&module(&sections));
		assert_eq!((version.spec_version, version.system_version, asked), (7, 1, 0));
		assert_eq!(version_of(&module(&[])).1, 1);
		assert_eq!(version_of(b"no module").1, 1);
		assert_eq!(version_of(&module(&[("runtime_version", &[1, 2, 3])])).1, 1);
	}

	#[test]
	fn authorities_are_read_or_not_there() {
		let key = [twox_128(b"Grandpa"), twox_128(b"Authorities")].concat();
		let with = |value: Vec<u8>| {
			let mut state = Storage::default();
			state.top.insert(key.clone(), value);
			stored_authorities(&state)
		};
		let list: AuthorityList = vec![(ed25519::Public::from_raw([7; 32]).into(), 1)];
		assert_eq!(with(list.encode()), Some(list.clone()));
		assert_eq!(stored_authorities(&Storage::default()), None);
		assert_eq!(with(AuthorityList::new().encode()), None);
		assert_eq!(with([list.encode(), vec![0]].concat()), None);
	}
}
