//! Encodings and texts that programs outside the runtime rely on.

use codec::{Decode, Encode};
use frame_support::{Identity, StorageHasher};
use proptest::prelude::*;
use sp_core::H256;

use crate::{
	mock::standard::{header, id, image, manifest, test, Test},
	Address, Location, LocationError, Manifest, ParseLocationError, Pruning,
};

#[test]
fn a_manifest_is_encoded_field_by_field() {
	let manifest = Manifest { pruning: Pruning::Keep(256), ..manifest(5, 7) };
	let mut bytes = header(0).hash().as_bytes().to_vec();
	bytes.extend(5u64.to_le_bytes());
	bytes.extend(header(5).hash().as_bytes());
	bytes.extend(header(5).state_root.as_bytes());
	bytes.extend([7; 32]);
	bytes.extend(1_000_000u64.to_le_bytes());
	bytes.extend([0, 4, 0, 0, 0]);
	bytes.extend([2, 0, 1, 0, 0]);
	assert_eq!(manifest.encode(), bytes);
	assert_eq!(
		manifest.id::<sp_runtime::traits::BlakeTwo256>(),
		H256(sp_io::hashing::blake2_256(&bytes))
	);
	assert_eq!(
		manifest.id::<sp_runtime::traits::Keccak256>(),
		H256(sp_io::hashing::keccak_256(&bytes))
	);
}

#[test]
fn storage_keys_can_be_computed_outside() {
	test(&[], || {
		let prefix = |item: &str| {
			[sp_io::hashing::twox_128(b"Snapshots"), sp_io::hashing::twox_128(item.as_bytes())]
				.concat()
		};
		let id = id(0, 1);
		let account = 7u64.encode();
		let account = [&sp_io::hashing::blake2_128(&account)[..], &account].concat();
		assert_eq!(
			crate::Snapshots::<Test>::hashed_key_for(id),
			[prefix("Snapshots"), id.as_bytes().to_vec()].concat()
		);
		assert_eq!(
			crate::Attestations::<Test>::hashed_key_for(id, 7),
			[prefix("Attestations"), id.as_bytes().to_vec(), account.clone()].concat()
		);
		assert_eq!(
			crate::Attesters::<Test>::hashed_key_for(7),
			[prefix("Attesters"), account].concat()
		);
		assert_eq!(Identity::hash(id.as_bytes()), id.as_bytes());
	});
}

#[test]
fn types_are_readable_as_json() {
	let json = serde_json::to_value(manifest(5, 7)).unwrap();
	assert_eq!(json["block_number"], 5);
	assert_eq!(json["database"]["kind"], "rocksdb");
	assert_eq!(json["pruning"], "archive");
	assert_eq!(json["image"], format!("0x{}", "07".repeat(32)));
	assert_eq!(serde_json::from_value::<Manifest>(json).unwrap(), manifest(5, 7));
	let location: Location = serde_json::from_str("\"zdb://[::1]/x\"").unwrap();
	assert_eq!(serde_json::to_string(&location).unwrap(), "\"zdb://[::1]/x\"");
	assert!(serde_json::from_str::<Location>("\"redis://h/x\"").is_err());
	assert_eq!(image(7).at(H256::zero(), 1, H256::zero(), H256::zero()).image, image(7).image);
}

#[test]
fn locations_are_read_and_written() {
	for (text, written) in [
		("zdb://10.0.0.1/a", "zdb://10.0.0.1/a"),
		("zdb://10.0.0.1:9900/a", "zdb://10.0.0.1/a"),
		("zdb://10.0.0.1:9901/a", "zdb://10.0.0.1:9901/a"),
		("zdb://[2001:db8::1]:80/a.b-c", "zdb://[2001:db8::1]:80/a.b-c"),
		("zdb://[2001:0db8:0::1]/a", "zdb://[2001:db8::1]/a"),
		("zdb://zdb.example.org/a", "zdb://zdb.example.org/a"),
		("zdb://localhost:1/a?b#c@d", "zdb://localhost:1/a?b#c@d"),
	] {
		let location: Location = text.parse().unwrap();
		assert_eq!(location.to_string(), written);
	}
}

#[test]
fn every_mistake_in_a_location_is_named() {
	use ParseLocationError::*;
	let long = |n| "a".repeat(n);
	for (text, error) in [
		("", Scheme),
		("redis://h/a", Scheme),
		("zdb://user@h/a", Credentials),
		("zdb://user:pw@h/a", Credentials),
		("zdb://h:/a", Port),
		("zdb://h:65536/a", Port),
		("zdb://h:+1/a", Port),
		("zdb://h:1:2/a", Port),
		("zdb://::1/a", Port),
		("zdb://[::1/a", Ipv6),
		("zdb://[::g]/a", Ipv6),
		("zdb://[::1]9900/a", Ipv6),
		("zdb://h:0/a", Invalid(LocationError::Port)),
		("zdb:///a", Invalid(LocationError::DnsName)),
		("zdb://a_b/a", Invalid(LocationError::DnsName)),
		("zdb://300.1.1.1/a", Invalid(LocationError::DnsName)),
		("zdb://0.0.0.0/a", Invalid(LocationError::Address)),
		("zdb://[::]/a", Invalid(LocationError::Address)),
		("zdb://h", Invalid(LocationError::Namespace)),
		("zdb://h/", Invalid(LocationError::Namespace)),
		("zdb://h/a/b", Invalid(LocationError::Namespace)),
		("zdb://h/a b", Invalid(LocationError::Namespace)),
		(&format!("zdb://h/{}", long(129)), TooLong),
		(&format!("zdb://{}/a", long(254)), TooLong),
		(&format!("zdb://{}/a", long(64)), Invalid(LocationError::DnsName)),
	] {
		assert_eq!(text.parse::<Location>(), Err(error), "{text}");
		assert!(error.to_string().contains("zdb://host"));
	}
}

proptest! {
	#[test]
	fn a_valid_location_survives_being_written(
		address in prop_oneof![
			any::<[u8; 4]>().prop_map(Address::Ipv4),
			any::<[u8; 16]>().prop_map(Address::Ipv6),
			"[a-z0-9-]{1,8}(\\.[a-z]{1,8}){0,3}"
				.prop_map(|name| Address::Dns(name.into_bytes().try_into().unwrap())),
		],
		port: u16,
		namespace in "[!-~]{0,128}",
	) {
		let namespace = namespace.into_bytes().try_into().unwrap();
		let location = Location { address, port, namespace };
		prop_assert_eq!(Location::decode(&mut &location.encode()[..]).unwrap(), location.clone());
		match location.validate() {
			Ok(()) => prop_assert_eq!(location.to_string().parse::<Location>(), Ok(location)),
			Err(_) => prop_assert!(location.to_string().parse::<Location>().is_err()),
		}
	}

	#[test]
	fn reading_any_text_as_a_location_ends(text: String) {
		let _ = text.parse::<Location>();
		let _ = format!("zdb://{text}").parse::<Location>();
	}
}
