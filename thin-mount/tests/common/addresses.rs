//! Addresses to listen on.

use std::{
	net::{Ipv4Addr, SocketAddr},
	sync::atomic::{AtomicU16, Ordering},
};

/// An address of this process alone. A port of 127.0.0.1 that was free a moment ago may be taken
/// by the time it is used, and not only by servers: every connection that is made takes one too.
/// Other addresses of the loopback network are taken by nobody who wasn't told to.
pub fn own_address() -> SocketAddr {
	static NEXT: AtomicU16 = AtomicU16::new(30_000);
	let [_, high, middle, low] = std::process::id().to_be_bytes();
	let address = Ipv4Addr::new(127, 64 | high, middle, low);
	SocketAddr::from((address, NEXT.fetch_add(1, Ordering::Relaxed)))
}
