//! Which peers may be reached: no network that only this machine can see, and nothing of this
//! machine but what is named.
//!
//! Addresses are judged after IPv4 inside IPv6 has been unfolded, and with their port, whenever
//! they come up: at the permission, the channel, every packet out and every packet in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::output::Protocol;

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Network {
        Network { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits }
    }

    const fn v6(first: u16, second: u16, third: u16, bits: u8) -> Network {
        let address = Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0);
        Network { address: IpAddr::V6(address), bits }
    }

    /// Whether an address is in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros()
            }
            _ => return false,
        };
        differing >= u32::from(self.bits)
    }
}

/// Text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no network; write an address, or one with the number of its leading bits: 10.0.0.0/8"
)]
pub struct NotANetwork(String);

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(longest), |bits| bits.parse().map_err(|_| wrong()))?;
        if bits > longest { Err(wrong()) } else { Ok(Network { address, bits }) }
    }
}

/// Not for peers by default: what is not routed on the Internet, or to more than one.
const DENIED_V4: [Network; 16] = [
    Network::v4(0, 0, 0, 0, 8),
    Network::v4(10, 0, 0, 0, 8),
    Network::v4(100, 64, 0, 0, 10),
    Network::v4(127, 0, 0, 0, 8),
    Network::v4(169, 254, 0, 0, 16),
    Network::v4(172, 16, 0, 0, 12),
    Network::v4(192, 0, 0, 0, 24),
    Network::v4(192, 0, 2, 0, 24),
    Network::v4(192, 88, 99, 0, 24),
    Network::v4(192, 168, 0, 0, 16),
    Network::v4(198, 18, 0, 0, 15),
    Network::v4(198, 51, 100, 0, 24),
    Network::v4(203, 0, 113, 0, 24),
    Network::v4(224, 0, 0, 0, 4),
    Network::v4(240, 0, 0, 0, 4),
    // Answers with the credentials of Azure's machines, from an address of the Internet.
    Network::v4(168, 63, 129, 16, 32),
];

const DENIED_V6: [Network; 9] = [
    // ::, ::1, IPv4-compatible and IPv4-mapped addresses: a socket would take them for IPv4.
    Network::v6(0, 0, 0, 64),
    // NAT64 of a network's own, and Teredo: IPv4 that cannot be unfolded.
    Network::v6(0x64, 0xFF9B, 1, 48),
    Network::v6(0x2001, 0, 0, 32),
    Network::v6(0x100, 0, 0, 64),
    Network::v6(0x2001, 0xDB8, 0, 32),
    Network::v6(0xFC00, 0, 0, 7),
    Network::v6(0xFE80, 0, 0, 10),
    Network::v6(0xFEC0, 0, 0, 10),
    Network::v6(0xFF00, 0, 0, 8),
];

/// What an operator has said about peers, on top of the list that is built in.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Peers of these networks are allowed although they would be denied.
    pub allowed: Vec<Network>,
    /// Peers of these networks are denied although they would be allowed.
    pub denied: Vec<Network>,
    /// Addresses with ports that are always allowed by UDP: where the SFU takes media.
    pub exceptions: Vec<SocketAddr>,
    /// This machine's own addresses, bound and advertised: denied on every port.
    pub own: Vec<IpAddr>,
    /// Where this server itself listens, and other ports that are nobody's: denied, come what may.
    pub never: Vec<SocketAddr>,
}

impl Policy {
    /// Whether a peer may be reached and may reach a client. Other allocations of this server are
    /// for the caller to know.
    pub fn allows(&self, protocol: Protocol, peer: SocketAddr) -> bool {
        let ip = peer.ip();
        let inner = unfold(ip);
        let canonical = SocketAddr::new(inner, peer.port());
        if peer.port() == 0 || is_mapped(ip) || self.never.contains(&canonical) {
            return false;
        }
        if protocol == Protocol::Udp && self.exceptions.contains(&peer) {
            return true;
        }
        let within = |networks: &[Network]| {
            networks.iter().any(|network| network.contains(ip) || network.contains(inner))
        };
        if within(&self.denied) {
            return false;
        }
        // An inner address that is allowed says nothing of the way that leads to it.
        if self.allowed.iter().any(|network| network.contains(ip)) {
            return true;
        }
        !(self.own.contains(&inner)
            || self.own.contains(&ip)
            || within(&DENIED_V4)
            || within(&DENIED_V6))
    }

    /// Whether an address is this machine's, so that only exceptions and other allocations count.
    pub fn is_own(&self, ip: IpAddr) -> bool {
        self.own.contains(&ip)
    }
}

fn is_mapped(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())
}

/// The IPv4 address that an IPv6 address stands for: mapped (RFC 4291 §2.5.5.2), compatible
/// (§2.5.5.1), NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056 §2). Any other address as it is.
fn unfold(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let words = v6.segments();
    let [high, low] = match words {
        [0, 0, 0, 0, 0, 0 | 0xFFFF, high, low] if v6.to_bits() > 1 => [high, low],
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => [high, low],
        [0x2002, high, low, ..] => [high, low],
        _ => return ip,
    };
    IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(policy: &Policy, peer: &str) -> bool {
        policy.allows(Protocol::Udp, peer.parse().unwrap())
    }

    /// An address of every range of 4 A1.
    const PRIVATE_V4: [&str; 22] = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.8.9.1",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
    ];

    #[test]
    fn private_addresses_are_denied_in_every_form() {
        let policy = Policy::default();
        for text in PRIVATE_V4 {
            let ip: Ipv4Addr = text.parse().unwrap();
            let [a, b, c, d] = ip.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let forms = [
                IpAddr::V4(ip),
                IpAddr::V6(ip.to_ipv6_mapped()),
                IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low)),
                IpAddr::V6(Ipv6Addr::new(0x64, 0xFF9B, 0, 0, 0, 0, high, low)),
                IpAddr::V6(Ipv6Addr::new(0x64, 0xFF9B, 1, 0, 0, 0, high, low)),
                IpAddr::V6(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1)),
            ];
            for form in forms {
                assert!(!policy.allows(Protocol::Udp, SocketAddr::new(form, 9)), "{form}");
            }
        }
    }

    #[test]
    fn private_ipv6_addresses_are_denied() {
        for peer in [
            "[::]:9",
            "[::1]:9",
            "[fc00::1]:9",
            "[fdff::1]:9",
            "[fe80::1]:9",
            "[febf::1]:9",
            "[ff02::1]:9",
            "[2001::1]:9",
            "[2001:db8::1]:9",
            "[fec0::1]:9",
            "[100::1]:9",
        ] {
            assert!(!allows(&Policy::default(), peer), "{peer}");
        }
    }

    #[test]
    fn the_internet_is_allowed() {
        for peer in [
            "1.1.1.1:9",
            "8.8.8.8:53",
            "100.63.255.255:9",
            "100.128.0.0:9",
            "172.15.0.1:9",
            "172.32.0.1:9",
            "192.0.1.1:9",
            "198.17.0.1:9",
            "198.20.0.1:9",
            "223.255.255.255:9",
            "[2606:4700::1]:9",
            "[64:ff9b::101:101]:9",
            "[2002:101:101::1]:9",
        ] {
            assert!(allows(&Policy::default(), peer), "{peer}");
        }
        assert!(!allows(&Policy::default(), "1.1.1.1:0"), "a port is needed");
        assert!(!allows(&Policy::default(), "[::ffff:1.1.1.1]:9"), "mapped is never on the wire");
    }

    #[test]
    fn an_own_address_is_denied_save_the_ports_that_are_named() {
        let policy = Policy {
            exceptions: vec!["5.6.7.8:7882".parse().unwrap()],
            own: vec!["5.6.7.8".parse().unwrap()],
            ..Policy::default()
        };
        assert!(allows(&policy, "5.6.7.8:7882"));
        assert!(!allows(&policy, "5.6.7.8:22"));
        let media = "5.6.7.8:7882".parse().unwrap();
        assert!(!policy.allows(Protocol::Tcp, media), "a port of UDP is not that of TCP");
        assert!(!allows(&policy, "[64:ff9b::506:708]:7882"), "another form is another address");
        assert!(!allows(&policy, "[2002:506:708::]:22"));
    }

    #[test]
    fn an_operators_networks_count_but_never_for_the_servers_own_ports() {
        let policy = Policy {
            allowed: vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
            denied: vec!["10.1.0.0/16".parse().unwrap(), "9.9.9.9".parse().unwrap()],
            own: vec!["127.0.0.1".parse().unwrap()],
            never: vec!["127.0.0.1:3478".parse().unwrap()],
            ..Policy::default()
        };
        assert!(allows(&policy, "127.0.0.1:9"));
        assert!(!allows(&policy, "127.0.0.1:3478"));
        assert!(!allows(&policy, "[2002:7f00:1::]:9"), "IPv6 was not allowed");
        assert!(allows(&policy, "10.2.0.1:9"));
        assert!(!allows(&policy, "10.1.0.1:9"));
        assert!(!allows(&policy, "9.9.9.9:9"));
        assert!(!allows(&policy, "[64:ff9b::909:909]:9"));
    }

    #[test]
    fn networks_are_read() {
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("10.0.0.0/".parse::<Network>().is_err());
        assert!("ten".parse::<Network>().is_err());
        let all: Network = "::/0".parse().unwrap();
        assert!(all.contains("fe80::1".parse().unwrap()));
        assert!(!all.contains("1.1.1.1".parse().unwrap()));
        let one: Network = "1.2.3.4".parse().unwrap();
        assert!(one.contains("1.2.3.4".parse().unwrap()));
        assert!(!one.contains("1.2.3.5".parse().unwrap()));
    }

    proptest::proptest! {
        #[test]
        fn a_form_of_a_denied_ipv4_address_is_denied(bits: u32, port in 1_u16..) {
            let ip = Ipv4Addr::from_bits(bits);
            let (high, low) = ((bits >> 16) as u16, bits as u16);
            let policy = Policy::default();
            let allows = |ip: IpAddr| policy.allows(Protocol::Udp, SocketAddr::new(ip, port));
            for form in [
                Ipv6Addr::new(0x64, 0xFF9B, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 0),
            ] {
                proptest::prop_assert_eq!(allows(form.into()), allows(ip.into()));
            }
        }
    }
}
