//! The PROXY protocol, version 2, in binary: who the client behind a load balancer is
//! (<https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt>, §2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Longer ones are refused: addresses take 36 bytes, the rest is of no use here.
const LONGEST: usize = 512;

/// The header at the start of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its bytes.
    pub(crate) length: usize,
    /// The client, and the address that it connected to; none for the balancer's own checks.
    pub(crate) addresses: Option<(SocketAddr, SocketAddr)>,
}

/// What a connection begins with is no header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotProxy;

/// Reads a header; `None` while it is not whole.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Header>, NotProxy> {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes[..known] != SIGNATURE[..known] {
        return Err(NotProxy);
    }
    let Some(&[kind, family, high, low]) = bytes.get(12..16) else { return Ok(None) };
    let length = 16 + usize::from(u16::from_be_bytes([high, low]));
    if kind & 0xF0 != 0x20 || length > LONGEST {
        return Err(NotProxy);
    }
    let Some(rest) = bytes.get(16..length) else { return Ok(None) };
    let addresses = match (kind & 0x0F, family) {
        (0, _) => None,
        (1, 0x11) => {
            let block: &[u8; 12] = rest.first_chunk().ok_or(NotProxy)?;
            let ip = |at: usize| {
                IpAddr::V4(Ipv4Addr::new(block[at], block[at + 1], block[at + 2], block[at + 3]))
            };
            let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
            Some((SocketAddr::new(ip(0), port(8)), SocketAddr::new(ip(4), port(10))))
        }
        (1, 0x21) => {
            let block: &[u8; 36] = rest.first_chunk().ok_or(NotProxy)?;
            let ip = |at: usize| {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&block[at..at + 16]);
                IpAddr::V6(Ipv6Addr::from(bytes))
            };
            let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
            Some((SocketAddr::new(ip(0), port(32)), SocketAddr::new(ip(16), port(34))))
        }
        _ => return Err(NotProxy),
    };
    Ok(Some(Header { length, addresses }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[kind, family], &length, rest].concat()
    }

    #[test]
    fn a_header_tells_the_client() {
        let bytes =
            header(0x21, 0x11, &[192, 0, 2, 1, 192, 0, 2, 9, 0x12, 0x34, 0x0D, 0x96, 4, 0, 0]);
        let addresses =
            Some(("192.0.2.1:4660".parse().unwrap(), "192.0.2.9:3478".parse().unwrap()));
        assert_eq!(parse(&bytes), Ok(Some(Header { length: bytes.len(), addresses })));
        for length in 0..bytes.len() {
            assert_eq!(parse(&bytes[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn ipv6_and_the_balancers_own_checks_are_read() {
        let mut block = [0; 36];
        block[15] = 1;
        block[31] = 2;
        block[33] = 7;
        let addresses = Some(("[::1]:7".parse().unwrap(), "[::2]:0".parse().unwrap()));
        assert_eq!(parse(&header(0x21, 0x21, &block)), Ok(Some(Header { length: 52, addresses })));
        let own = Header { length: 16, addresses: None };
        assert_eq!(parse(&header(0x20, 0, &[])), Ok(Some(own)));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(parse(b"PROXY TCP4 192.0.2.1"), Err(NotProxy));
        assert_eq!(parse(&header(0x11, 0x11, &[0; 12])), Err(NotProxy));
        assert_eq!(parse(&header(0x21, 0x12, &[0; 12])), Err(NotProxy));
        assert_eq!(parse(&header(0x21, 0x11, &[0; 11])), Err(NotProxy));
        assert_eq!(parse(&header(0x21, 0x11, &[0; 600])), Err(NotProxy));
    }

    proptest::proptest! {
        #[test]
        fn any_rest_is_read_without_a_panic(kind: u8, family: u8, rest: Vec<u8>) {
            let _ = parse(&header(kind, family, &rest));
            let _ = parse(&rest);
        }
    }
}
