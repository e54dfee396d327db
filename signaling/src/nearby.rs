//! Devices of one network. Those that want to be seen there meet in a room of their own, and only they: its name is made
//! of the network's address and a key that nobody knows, and whoever comes from elsewhere is not let in.
//!
//! Nothing is kept: the room ends like any other, and nobody is told of an address.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signaling_core::error::{ErrorCode, RequestError};

use crate::config;
use crate::limits::Origin;
use crate::site::Site;

/// How the names of these rooms begin, and no others: rooms that people are moved to have that of another room before the dot.
const PREFIX: &str = ".nearby.";
/// Devices that are seen in one network: of many strangers behind one address nobody can choose.
pub const MOST: usize = 32;
/// Bytes of the name's rest.
const BYTES: usize = 16;

/// Which rooms devices of one network meet in. Clones share the key.
#[derive(Clone)]
pub struct Nearby {
    key: Arc<hmac::Key>,
    offered: config::Nearby,
}

impl Nearby {
    /// As configured, with a new key: names do not outlive the server.
    pub fn new(config: &config::Rooms) -> Nearby {
        let key: [u8; 32] = rand::random();
        Nearby { key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key)), offered: config.nearby }
    }

    /// The room of the network that a request came from.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] where that is not offered, or cannot be told.
    pub fn room(
        &self,
        site: &Site,
        (uri, headers): (&Uri, &HeaderMap),
        address: IpAddr,
    ) -> Result<String, RequestError> {
        let refuse = |message: &str| Err(RequestError::new(ErrorCode::Forbidden, message));
        match self.offered {
            config::Nearby::Off => {
                refuse("this server shows no devices to each other (rooms.nearby)")
            }
            config::Nearby::Auto if !site.sees_clients(uri, headers) => refuse(
                "this server is behind a proxy and cannot tell networks from each other (rooms.nearby)",
            ),
            _ => Ok(self.name(address)),
        }
    }

    /// Whether somebody at `address` may be in `room`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for the room of another network.
    pub fn check(&self, room: &str, address: IpAddr) -> Result<(), RequestError> {
        if !is_nearby(room) || (self.offered != config::Nearby::Off && room == self.name(address)) {
            return Ok(());
        }
        Err(RequestError::new(
            ErrorCode::Forbidden,
            "this room is for devices of one network, and this is another",
        ))
    }

    fn name(&self, address: IpAddr) -> String {
        let network = match network(address) {
            IpAddr::V4(network) => network.to_ipv6_mapped(),
            IpAddr::V6(network) => network,
        };
        let tag = hmac::sign(&self.key, &network.octets());
        let tag = tag.as_ref().get(..BYTES).unwrap_or_default();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(tag))
    }
}

impl std::fmt::Debug for Nearby {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Nearby").field("offered", &self.offered).finish_non_exhaustive()
    }
}

/// Whether a room is one of these.
pub fn is_nearby(room: &str) -> bool {
    room.starts_with(PREFIX)
}

/// What the devices of one network have in common: an IPv4 address or the /64 of a site, and of private addresses, which are
/// those of a network that the server itself is in, the /24 that such networks mostly have.
fn network(address: IpAddr) -> IpAddr {
    match Origin::from(address).address() {
        IpAddr::V4(address) if address.is_private() => {
            let [a, b, c, _] = address.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearby(offered: config::Nearby) -> Nearby {
        Nearby::new(&config::Rooms { nearby: offered, ..config::Rooms::default() })
    }

    fn are_near(one: &str, other: &str) -> bool {
        let nearby = nearby(config::Nearby::On);
        let (one, other): (IpAddr, IpAddr) = (one.parse().unwrap(), other.parse().unwrap());
        let may = nearby.check(&nearby.name(one), other).is_ok();
        assert_eq!(may, nearby.name(one) == nearby.name(other));
        assert_eq!(may, nearby.check(&nearby.name(other), one).is_ok());
        may
    }

    #[test]
    fn networks_are_addresses_and_the_prefixes_of_sites() {
        for (one, other) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7", "::ffff:203.0.113.7"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
            ("192.168.7.2", "192.168.7.200"),
            ("10.1.2.3", "10.1.2.4"),
        ] {
            assert!(are_near(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("203.0.113.7", "203.0.113.8"),
            ("2001:db8:1:2::1", "2001:db8:1:3::1"),
            ("192.168.7.2", "192.168.8.2"),
            ("127.0.0.1", "127.0.0.2"),
            ("203.0.113.7", "::203.0.113.7"),
        ] {
            assert!(!are_near(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_say_nothing_and_end_with_the_server() {
        let address: IpAddr = "203.0.113.7".parse().unwrap();
        let name = nearby(config::Nearby::On).name(address);
        assert!(is_nearby(&name) && signaling_core::name::check_room(&name).is_ok(), "{name}");
        assert_ne!(name, nearby(config::Nearby::On).name(address));
    }

    #[test]
    fn rooms_of_other_kinds_are_nobodys_business() {
        let address: IpAddr = "203.0.113.7".parse().unwrap();
        let nearby = nearby(config::Nearby::Off);
        assert!(nearby.check("team", address).is_ok());
        // Not even that of its own network, where it is switched off.
        assert!(nearby.check(&nearby.name(address), address).is_err());
    }
}
