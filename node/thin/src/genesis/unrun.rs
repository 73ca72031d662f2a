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
use sp_maybe_compressed_blob::CODE_BLOB_BOMB_LIMIT;

/// Reads the version of a runtime from its code, and asks the runtime only where it isn't there.
#[derive(Clone)]
pub(crate) struct ReadVersion<E>(pub E);

impl<E: RuntimeVersionOf> RuntimeVersionOf for ReadVersion<E> {
	fn runtime_version(
		&self,
		ext: &mut dyn Externalities,
		code: &RuntimeCode<'_>,
	) -> Result<RuntimeVersion> {
		let code_bytes = code.code_fetcher.fetch_runtime_code();
		match code_bytes.and_then(|bytes| embedded_version(&bytes)) {
			Some(version) => Ok(version),
			None => self.0.runtime_version(ext, code),
		}
	}
}

fn embedded_version(code: &[u8]) -> Option<RuntimeVersion> {
	let wasm = sp_maybe_compressed_blob::decompress(code, CODE_BLOB_BOMB_LIMIT).ok()?;
	let blob = RuntimeBlob::new(&custom_sections(&wasm)?).ok()?;
	read_embedded_version(&blob).ok().flatten()
}

const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";
/// The sections in which a module says something of itself.
const CUSTOM: u8 = 0;

/// The module that has the custom sections of this one and nothing else: to read its functions takes
/// longer than a version is worth. `None` when it is no module.
fn custom_sections(wasm: &[u8]) -> Option<Vec<u8>> {
	let mut rest = wasm.strip_prefix(PREAMBLE)?;
	let mut kept = PREAMBLE.to_vec();
	while let Some((kind, after)) = rest.split_first() {
		let (length, content) = section_length(after)?;
		let end = (rest.len() - content.len()).checked_add(length)?;
		let (section, others) = rest.split_at_checked(end)?;
		if *kind == CUSTOM {
			kept.extend_from_slice(section);
		}
		rest = others;
	}
	Some(kept)
}

/// A number of 32 bits in LEB128, and what follows it.
fn section_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
	let mut length = 0u64;
	for (at, byte) in bytes.iter().enumerate().take(5) {
		length |= u64::from(byte & 0x7f) << (7 * at);
		if byte & 0x80 == 0 {
			return Some((u32::try_from(length).ok()? as usize, &bytes[at + 1..]));
		}
	}
	None
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

	/// A section of any kind.
	fn section(kind: u8, content: &[u8]) -> Vec<u8> {
		[&[kind], &leb128(content.len())[..], content].concat()
	}

	#[test]
	fn only_what_a_module_says_of_itself_is_kept() {
		// Its functions are none that could be read.
		let code = section(10, &[0xff; 300]);
		let said = module(&[("runtime_version", b"seven")]);
		let whole = [&said[..], &code].concat();
		assert_eq!(custom_sections(&whole), Some(said.clone()));
		let other_way = [PREAMBLE, &code, &said[PREAMBLE.len()..]].concat();
		assert_eq!(custom_sections(&other_way), Some(said.clone()));
		assert_eq!(custom_sections(PREAMBLE), Some(PREAMBLE.to_vec()));
		assert_eq!(custom_sections(b"\0asm\x02\0\0\0"), None);
		for end in PREAMBLE.len() + 1..said.len() {
			assert_eq!(custom_sections(&said[..end]), None, "cut to {end}");
		}
		let endless = [PREAMBLE, &[CUSTOM, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
		assert_eq!(custom_sections(&endless), None);
		let huge = [PREAMBLE, &[CUSTOM, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
		assert_eq!(custom_sections(&huge), None);
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
