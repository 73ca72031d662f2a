//! Locations as people write them.

use core::{fmt, str::FromStr};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Address, Location, LocationError, DEFAULT_PORT};

/// Why a text is not a location.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseLocationError {
	/// It doesn't start with `zdb://`.
	Scheme,
	/// It has a user name or a password. Locations are public: credentials don't belong there.
	Credentials,
	/// The host or the namespace is longer than a location can hold.
	TooLong,
	/// The part after the last colon of the host is not a port.
	Port,
	/// The host in brackets is not an IPv6 address.
	Ipv6,
	/// It was read, and breaks a rule.
	Invalid(LocationError),
}

impl fmt::Display for ParseLocationError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let why = match self {
			Self::Scheme => "it does not start with zdb://",
			Self::Credentials => "it holds a user name or password, and locations are public",
			Self::TooLong => "the host is longer than 253 bytes or the namespace than 128",
			Self::Port => "the port is not a number from 1 to 65535",
			Self::Ipv6 => "the host in brackets is not an IPv6 address",
			Self::Invalid(LocationError::Address) => "the address belongs to no single host",
			Self::Invalid(LocationError::DnsName) => "the host is not a DNS name",
			Self::Invalid(LocationError::Port) => "the port is 0",
			Self::Invalid(LocationError::Namespace) => {
				"the namespace is not 1 to 128 printable characters without space and slash"
			},
		};
		write!(f, "not a location: {why}; write zdb://host[:9900]/namespace")
	}
}

impl std::error::Error for ParseLocationError {}

impl fmt::Display for Location {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("zdb://")?;
		match &self.address {
			Address::Ipv4(octets) => write!(f, "{}", Ipv4Addr::from(*octets))?,
			Address::Ipv6(octets) => write!(f, "[{}]", Ipv6Addr::from(*octets))?,
			Address::Dns(name) => f.write_str(&String::from_utf8_lossy(name))?,
		}
		if self.port != DEFAULT_PORT {
			write!(f, ":{}", self.port)?;
		}
		write!(f, "/{}", String::from_utf8_lossy(&self.namespace))
	}
}

impl FromStr for Location {
	type Err = ParseLocationError;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		let rest = text.strip_prefix("zdb://").ok_or(ParseLocationError::Scheme)?;
		let (authority, namespace) = rest.split_once('/').unwrap_or((rest, ""));
		if authority.contains('@') {
			return Err(ParseLocationError::Credentials);
		}
		let (address, port) = match authority.strip_prefix('[') {
			Some(bracketed) => {
				let (host, port) = bracketed.split_once(']').ok_or(ParseLocationError::Ipv6)?;
				let host: Ipv6Addr = host.parse().map_err(|_| ParseLocationError::Ipv6)?;
				let port = match port {
					"" => None,
					port => Some(port.strip_prefix(':').ok_or(ParseLocationError::Ipv6)?),
				};
				(Address::Ipv6(host.octets()), port)
			},
			None => {
				let (host, port) = match authority.split_once(':') {
					Some((host, port)) => (host, Some(port)),
					None => (authority, None),
				};
				let address = match host.parse::<Ipv4Addr>() {
					Ok(address) => Address::Ipv4(address.octets()),
					Err(_) => Address::Dns(
						host.as_bytes()
							.to_vec()
							.try_into()
							.map_err(|_| ParseLocationError::TooLong)?,
					),
				};
				(address, port)
			},
		};
		let port = match port {
			None => DEFAULT_PORT,
			Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
				port.parse().map_err(|_| ParseLocationError::Port)?
			},
			Some(_) => return Err(ParseLocationError::Port),
		};
		let namespace =
			namespace.as_bytes().to_vec().try_into().map_err(|_| ParseLocationError::TooLong)?;
		let location = Self { address, port, namespace };
		location.validate().map_err(ParseLocationError::Invalid)?;
		Ok(location)
	}
}

impl From<Location> for String {
	fn from(location: Location) -> Self {
		location.to_string()
	}
}

impl TryFrom<String> for Location {
	type Error = ParseLocationError;

	fn try_from(text: String) -> Result<Self, Self::Error> {
		text.parse()
	}
}
