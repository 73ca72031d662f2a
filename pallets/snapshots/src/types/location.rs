//! Where the chunks of an image are stored.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

#[cfg(feature = "std")]
mod text;
#[cfg(feature = "std")]
pub use text::ParseLocationError;

/// The port of a 0-db when none is written.
pub const DEFAULT_PORT: u16 = 9900;

/// A DNS name: at most 253 bytes.
pub type DnsName = BoundedVec<u8, ConstU32<253>>;

/// The name of a 0-db namespace: at most 128 bytes.
pub type Namespace = BoundedVec<u8, ConstU32<128>>;

/// The address of a host.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub enum Address {
	/// An IPv4 address, in network order.
	#[codec(index = 0)]
	Ipv4([u8; 4]),
	/// An IPv6 address, in network order.
	#[codec(index = 1)]
	Ipv6([u8; 16]),
	/// A DNS name, in ASCII.
	#[codec(index = 2)]
	Dns(DnsName),
}

/// A namespace of a 0-db that has the chunks of an image.
///
/// Written `zdb://host[:9900]/namespace`.
#[derive(
	Clone, PartialEq, Eq, Debug, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "std", serde(into = "String", try_from = "String"))]
pub struct Location {
	/// The host.
	pub address: Address,
	/// The TCP port.
	pub port: u16,
	/// The namespace.
	pub namespace: Namespace,
}

/// The rule that a location breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocationError {
	/// The address belongs to no single host: unspecified, multicast or broadcast.
	Address,
	/// Not a DNS name: labels of 1 to 63 letters, digits and inner hyphens, joined by dots.
	DnsName,
	/// Port 0.
	Port,
	/// Not a namespace: 1 to 128 printable ASCII bytes without a space and without a slash.
	Namespace,
}

impl Location {
	/// Checks the rules that the type alone doesn't enforce.
	pub fn validate(&self) -> Result<(), LocationError> {
		match &self.address {
			Address::Ipv4(octets) => {
				let [first, ..] = *octets;
				// 0.0.0.0/8 is "this host", 224.0.0.0/4 multicast, and the rest above reserved.
				if first == 0 || first >= 224 {
					return Err(LocationError::Address);
				}
			},
			Address::Ipv6(octets) => {
				if octets.iter().all(|octet| *octet == 0) || octets[0] == 0xff {
					return Err(LocationError::Address);
				}
			},
			Address::Dns(name) => {
				if !is_dns_name(name) {
					return Err(LocationError::DnsName);
				}
			},
		}
		if self.port == 0 {
			return Err(LocationError::Port);
		}
		// The namespace ends up in a URL and in a protocol whose words are split at spaces.
		if self.namespace.is_empty()
			|| !self.namespace.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'/')
		{
			return Err(LocationError::Namespace);
		}
		Ok(())
	}
}

/// Names of RFC 1123: what is all digits and dots is left to IPv4, so that a written location has
/// one meaning.
fn is_dns_name(name: &[u8]) -> bool {
	let mut labels = name.split(|byte| *byte == b'.');
	let mut last: &[u8] = &[];
	let well_formed = labels.all(|label| {
		last = label;
		(1..=63).contains(&label.len())
			&& label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
			&& label.first() != Some(&b'-')
			&& label.last() != Some(&b'-')
	});
	well_formed && name.len() <= 253 && !last.iter().all(u8::is_ascii_digit)
}
