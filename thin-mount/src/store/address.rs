//! What a store's URL says, and how it is written without its password.

use super::StoreError;
use std::fmt;
use url::{Host, Url};

/// A server, and what to open there.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
	scheme: String,
	/// A name, an IPv4 or an IPv6 address, the latter without brackets.
	pub host: String,
	/// The TCP port.
	pub port: u16,
	/// The user before the password, if any.
	pub user: Option<String>,
	/// The password, as it is to be sent.
	pub password: Option<String>,
	/// What follows the first slash: a namespace, a database number.
	pub path: String,
}

impl Address {
	/// Reads `scheme://[user[:password]@]host[:port]/path`.
	pub fn parse(url: &str, scheme: &str, default_port: u16) -> Result<Self, StoreError> {
		let refuse =
			|reason: &str| StoreError::Url { url: redacted(url), reason: reason.to_owned() };
		let parsed = Url::parse(url).map_err(|error| refuse(&error.to_string()))?;
		if parsed.scheme() != scheme {
			return Err(refuse(&format!("expected {scheme}://")));
		}
		if parsed.query().is_some() || parsed.fragment().is_some() {
			return Err(refuse("'?' and '#' have no meaning here; write %3F or %23 in a password"));
		}
		let host = match parsed.host() {
			Some(Host::Ipv6(address)) => address.to_string(),
			Some(Host::Ipv4(address)) => address.to_string(),
			Some(Host::Domain(name)) if !name.is_empty() => {
				percent_decoded(name).ok_or_else(|| refuse("the host name is not UTF-8"))?
			},
			_ => return Err(refuse("the host is missing")),
		};
		let decoded = |text: &str, what: &str| {
			percent_decoded(text).ok_or_else(|| refuse(&format!("the {what} is not UTF-8")))
		};
		let user = match parsed.username() {
			"" => None,
			user => Some(decoded(user, "user name")?),
		};
		let password = parsed.password().map(|text| decoded(text, "password")).transpose()?;
		let path = decoded(parsed.path().trim_start_matches('/'), "path")?;
		Ok(Self {
			scheme: scheme.to_owned(),
			host,
			port: parsed.port().unwrap_or(default_port),
			user,
			password: password.filter(|text| !text.is_empty()),
			path,
		})
	}
}

/// The URL, without user and password.
impl fmt::Display for Address {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let Self { scheme, host, port, path, .. } = self;
		if host.contains(':') {
			write!(f, "{scheme}://[{host}]:{port}/{path}")
		} else {
			write!(f, "{scheme}://{host}:{port}/{path}")
		}
	}
}

/// As it is displayed: a derived one would print the password.
impl fmt::Debug for Address {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "Address({self})")
	}
}

/// Any text that may be a URL, without what stands before its last `@`. It is for messages about
/// URLs that can't be parsed, so it leaves out rather too much than too little.
pub fn redacted(url: &str) -> String {
	let Some((_, rest)) = url.rsplit_once('@') else { return url.to_owned() };
	match url.split_once("://") {
		Some((scheme, _)) if !scheme.contains('@') => format!("{scheme}://***@{rest}"),
		_ => format!("***@{rest}"),
	}
}

fn percent_decoded(text: &str) -> Option<String> {
	let bytes = text.as_bytes();
	let mut decoded = Vec::with_capacity(bytes.len());
	let mut at = 0;
	while let Some(&byte) = bytes.get(at) {
		let value = (byte == b'%')
			.then(|| text.get(at + 1..at + 3))
			.flatten()
			.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
			.and_then(|digits| u8::from_str_radix(digits, 16).ok());
		decoded.push(value.unwrap_or(byte));
		at += if value.is_some() { 3 } else { 1 };
	}
	String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
	use super::*;

	fn zdb(url: &str) -> Address {
		Address::parse(url, "zdb", 9900).unwrap()
	}

	#[test]
	fn parts_are_found() {
		let address = zdb("zdb://user:p%40ss%2Fw%C3%B6rd@db.example.org:9901/images");
		assert_eq!(address.host, "db.example.org");
		assert_eq!(address.port, 9901);
		assert_eq!(address.user.as_deref(), Some("user"));
		assert_eq!(address.password.as_deref(), Some("p@ss/wörd"));
		assert_eq!(address.path, "images");
		let address = zdb("zdb://:secret@10.0.0.1/ns");
		assert_eq!((address.user, address.password.as_deref()), (None, Some("secret")));
		assert_eq!((address.host.as_str(), address.port), ("10.0.0.1", 9900));
	}

	#[test]
	fn ipv6_stands_in_brackets() {
		let address = zdb("zdb://[302:9e63::1]:9000/ns");
		assert_eq!((address.host.as_str(), address.port), ("302:9e63::1", 9000));
		assert_eq!(address.to_string(), "zdb://[302:9e63::1]:9000/ns");
		assert_eq!(zdb("zdb://[::1]/ns").to_string(), "zdb://[::1]:9900/ns");
	}

	#[test]
	fn passwords_are_never_shown() {
		let address = zdb("zdb://user:hunter2@host/ns");
		for shown in [address.to_string(), format!("{address:?}")] {
			assert!(!shown.contains("hunter2") && !shown.contains("user"), "{shown}");
		}
		for bad in [
			"zdb://user:hunter2@host:99999/ns",
			"zdb://u:hunter2@[::1/ns",
			"redis://:hunter2@host/0",
			"zdb://u:hunter2@/ns",
			"u:hunter2@host/ns",
			"zdb://u:a/hunter2@host/ns",
			"zdb://u:hunter2@host/ns?x=1",
		] {
			let shown = match Address::parse(bad, "zdb", 9900) {
				Err(error) => error.to_string(),
				Ok(address) => address.to_string(),
			};
			assert!(!shown.contains("hunter2"), "{bad} is shown as {shown}");
		}
	}

	#[test]
	fn text_that_is_no_escape_stays() {
		assert_eq!(percent_decoded("100%").as_deref(), Some("100%"));
		assert_eq!(percent_decoded("%zz%2").as_deref(), Some("%zz%2"));
		assert_eq!(percent_decoded("%+1").as_deref(), Some("%+1"));
		assert_eq!(percent_decoded("%ff"), None);
	}
}
