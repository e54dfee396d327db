//! Responses as they are written, and the indications that no packet path needs. With `message` the
//! only file that touches `stun` and `turn::proto`.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use stun::attributes::{self as kind, AttrType};
use stun::error_code::{ErrorCode, ErrorCodeAttribute};
use stun::fingerprint::FINGERPRINT;
use stun::message::{self as stun_message, Message, MessageType, Setter};
use stun::uattrs::UnknownAttributes;
use stun::xoraddr::XorMappedAddress;
use turn::proto::lifetime::Lifetime;

use crate::connection::ConnectionId;
use crate::message::{Digest, Family, Request};

/// RFC 8656 §18.12: not in `stun`.
const ADDRESS_ERROR_CODE: AttrType = AttrType(0x8001);

/// The server's name in authenticated responses.
const SOFTWARE: &str = "Oriel";

/// A response under construction.
pub(crate) struct Response {
    message: Message,
    fingerprint: bool,
}

impl Response {
    pub(crate) fn success(request: &Request) -> Response {
        Response::new(request, stun_message::CLASS_SUCCESS_RESPONSE)
    }

    /// An error response with this code (RFC 8489 §14.8).
    pub(crate) fn error(request: &Request, code: u16, reason: &str) -> Response {
        let response = Response::new(request, stun_message::CLASS_ERROR_RESPONSE);
        response.with(&ErrorCodeAttribute { code: ErrorCode(code), reason: reason.into() })
    }

    fn new(request: &Request, class: stun_message::MessageClass) -> Response {
        let asked = request.message();
        let mut message = Message::new();
        message.typ = MessageType::new(asked.typ.method, class);
        message.transaction_id = asked.transaction_id;
        message.write_header();
        Response { message, fingerprint: request.has_fingerprint() }
    }

    fn with(mut self, attribute: &dyn Setter) -> Response {
        // Fails only for values longer than any that is given here.
        let added = attribute.add_to(&mut self.message);
        debug_assert!(added.is_ok(), "{added:?}");
        self
    }

    fn with_value(mut self, kind: AttrType, value: &[u8]) -> Response {
        self.message.add(kind, value);
        self
    }

    fn with_address(mut self, kind: AttrType, address: SocketAddr) -> Response {
        let xored = XorMappedAddress { ip: address.ip(), port: address.port() };
        let added = xored.add_to_as(&mut self.message, kind);
        debug_assert!(added.is_ok(), "{added:?}");
        self
    }

    fn with_plain_address(self, kind: AttrType, address: SocketAddr) -> Response {
        let mut value = vec![0, if address.is_ipv4() { 1 } else { 2 }];
        value.extend_from_slice(&address.port().to_be_bytes());
        match address.ip() {
            std::net::IpAddr::V4(ip) => value.extend_from_slice(&ip.octets()),
            std::net::IpAddr::V6(ip) => value.extend_from_slice(&ip.octets()),
        }
        self.with_value(kind, &value)
    }

    pub(crate) fn mapped(self, client: SocketAddr) -> Response {
        self.with_address(kind::ATTR_XORMAPPED_ADDRESS, client)
    }

    pub(crate) fn relayed(self, address: SocketAddr) -> Response {
        self.with_address(kind::ATTR_XOR_RELAYED_ADDRESS, address)
    }

    pub(crate) fn lifetime(self, lifetime: Duration) -> Response {
        self.with(&Lifetime(lifetime))
    }

    pub(crate) fn reservation_token(self, token: [u8; 8]) -> Response {
        self.with_value(kind::ATTR_RESERVATION_TOKEN, &token)
    }

    /// The family of a dual allocation that could not be had (RFC 8656 §18.12).
    pub(crate) fn address_error(self, family: Family, code: u16) -> Response {
        let family = if family == Family::V4 { 1 } else { 2 };
        let value = [family, 0, (code / 100) as u8, (code % 100) as u8];
        self.with_value(ADDRESS_ERROR_CODE, &value)
    }

    pub(crate) fn unknown_attributes(self, types: &[u16]) -> Response {
        self.with(&UnknownAttributes(types.iter().copied().map(AttrType).collect()))
    }

    pub(crate) fn alternate_server(self, server: SocketAddr) -> Response {
        self.with_plain_address(kind::ATTR_ALTERNATE_SERVER, server)
    }

    /// What an older client reads, where this response comes from, and where another would
    /// (RFC 5780 §7.3, §7.4).
    pub(crate) fn discovery(
        self,
        client: SocketAddr,
        origin: SocketAddr,
        other: SocketAddr,
    ) -> Response {
        self.with_plain_address(kind::ATTR_MAPPED_ADDRESS, client)
            .with_plain_address(kind::ATTR_RESPONSE_ORIGIN, origin)
            .with_plain_address(kind::ATTR_OTHER_ADDRESS, other)
    }

    pub(crate) fn padding(self, length: usize) -> Response {
        self.with_value(kind::ATTR_PADDING, &vec![0; length])
    }

    /// What names a connection to a peer (RFC 6062 §6.2.1).
    pub(crate) fn connection_id(self, id: ConnectionId) -> Response {
        self.with_value(kind::ATTR_CONNECTION_ID, &id.0.to_be_bytes())
    }

    /// What a client needs to authenticate (RFC 8489 §9.2.3).
    pub(crate) fn challenge(self, realm: &str, nonce: &str, algorithms: &[u8]) -> Response {
        self.with_value(kind::ATTR_REALM, realm.as_bytes())
            .with_value(kind::ATTR_NONCE, nonce.as_bytes())
            .with_value(kind::ATTR_PASSWORD_ALGORITHMS, algorithms)
    }

    /// The bytes of a response that nobody signed.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.fingerprint {
            self = self.with(&FINGERPRINT);
        }
        self.message.raw
    }

    /// The bytes of a response with the server's name and its integrity.
    pub(crate) fn sign(mut self, digest: Digest, key: &[u8]) -> Vec<u8> {
        self = self.with_value(kind::ATTR_SOFTWARE, SOFTWARE.as_bytes());
        let (attribute, size) = digest.attribute();
        let length = self.message.raw.len() + 4 + size - 20;
        self.message.raw[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        let tag = hmac::sign(&digest.key(key), &self.message.raw);
        self.with_value(attribute, tag.as_ref()).finish()
    }
}

/// The bytes of a ConnectionAttempt indication: a peer has connected (RFC 6062 §5.3). `serial`
/// makes its transaction id.
pub(crate) fn connection_attempt(id: ConnectionId, peer: SocketAddr, serial: u64) -> Vec<u8> {
    let mut message = Message::new();
    message.typ =
        MessageType::new(stun_message::METHOD_CONNECTION_ATTEMPT, stun_message::CLASS_INDICATION);
    message.transaction_id.0[4..].copy_from_slice(&serial.to_be_bytes());
    message.write_header();
    Response { message, fingerprint: false }
        .connection_id(id)
        .with_address(kind::ATTR_XOR_PEER_ADDRESS, peer)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Binding request.
    const BINDING: [u8; 20] =
        [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    /// The responses of RFC 5769 §2.2 and §2.3 have this transaction, and these addresses in them.
    #[test]
    fn the_addresses_of_rfc_5769_are_written() {
        let transaction = [0xB7, 0xE7, 0xA7, 1, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE];
        let request = [&BINDING[..8], &transaction].concat();
        let request = Request::parse(&request).ok().unwrap();
        let written = |address: &str| {
            Response::success(&request).mapped(address.parse().unwrap()).finish()[20..].to_vec()
        };
        let v4 = [0, 0x20, 0, 8, 0, 1, 0xA1, 0x47, 0xE1, 0x12, 0xA6, 0x43];
        assert_eq!(written("192.0.2.1:32853"), v4);
        let v6 = [
            0, 0x20, 0, 0x14, 0, 2, 0xA1, 0x47, 1, 0x13, 0xA9, 0xFA, 0xA5, 0xD3, 0xF1, 0x79, 0xBC,
            0x25, 0xF4, 0xB5, 0xBE, 0xD2, 0xB9, 0xD9,
        ];
        assert_eq!(written("[2001:db8:1234:5678:11:2233:4455:6677]:32853"), v6);
    }

    #[test]
    fn a_signed_response_can_be_verified_with_either_digest() {
        for digest in [Digest::Sha1, Digest::Sha256] {
            let request = Request::parse(&BINDING).ok().unwrap();
            let raw = Response::success(&request)
                .mapped("192.0.2.1:32853".parse().unwrap())
                .sign(digest, b"key");
            assert_eq!(raw[..2], [1, 1]);
            assert_eq!(usize::from(u16::from_be_bytes([raw[2], raw[3]])), raw.len() - 20);
            // The integrity is the last attribute: what it signs has its final length already.
            let (_, size) = digest.attribute();
            let (signed, integrity) = raw.split_at(raw.len() - 4 - size);
            assert!(hmac::verify(&digest.key(b"key"), signed, &integrity[4..]).is_ok());
            assert!(hmac::verify(&digest.key(b"yek"), signed, &integrity[4..]).is_err());
        }
    }
}
