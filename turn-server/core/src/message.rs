//! Requests as values. With `response` the only file that touches `stun` and `turn::proto`: they give
//! the codec and the attributes; what they let pass and an RFC does not is refused here.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use stun::attributes::{self as kind, AttrType};
use stun::fingerprint::FingerprintAttr;
use stun::message::{self as stun_message, Getter, Message};
use turn::proto::channum::ChannelNumber;
use turn::proto::lifetime::Lifetime;
use turn::proto::reqtrans::RequestedTransport;
use turn::proto::rsrvtoken::ReservationToken;

use crate::connection::ConnectionId;
use crate::frame::xor_address;

/// More attributes than any request of the RFCs has, the peers of a CreatePermission included.
const MAX_ATTRIBUTES: usize = 96;

/// RFC 8656 §18.6: not in `stun`.
const ADDITIONAL_ADDRESS_FAMILY: AttrType = AttrType(0x8000);
/// Its number in the drafts, which coturn's clients still send.
const DRAFT_ADDITIONAL_ADDRESS_FAMILY: AttrType = AttrType(0x8032);
/// RFC 8016 §3.1.
const MOBILITY_TICKET: AttrType = AttrType(0x8030);

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Binding,
    Allocate,
    Refresh,
    CreatePermission,
    ChannelBind,
    Connect,
    ConnectionBind,
    /// None of the RFCs that are implemented.
    Unknown,
}

/// An address family as in REQUESTED-ADDRESS-FAMILY (RFC 8656 §18.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: SocketAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

/// How a message proves who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Digest {
    /// MESSAGE-INTEGRITY: HMAC-SHA-1 (RFC 8489 §14.5).
    Sha1,
    /// MESSAGE-INTEGRITY-SHA256 (§14.6).
    Sha256,
}

impl Digest {
    pub(crate) fn attribute(self) -> (AttrType, usize) {
        match self {
            Digest::Sha1 => (kind::ATTR_MESSAGE_INTEGRITY, 20),
            Digest::Sha256 => (kind::ATTR_MESSAGE_INTEGRITY_SHA256, 32),
        }
    }

    pub(crate) fn key(self, key: &[u8]) -> hmac::Key {
        let algorithm = match self {
            Digest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha256 => hmac::HMAC_SHA256,
        };
        hmac::Key::new(algorithm, key)
    }
}

/// An attribute is there, and its value is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A request, as read.
pub(crate) struct Request {
    message: Message,
    /// Attributes that count: after the integrity only another one and the fingerprint do
    /// (RFC 8489 §14.5).
    counting: usize,
}

impl Request {
    /// Reads a request. Everything else is [`Malformed`], and what has a wrong fingerprint too.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Request, Malformed> {
        let length = bytes.get(2..4).map(|length| u16::from_be_bytes([length[0], length[1]]));
        let whole = length.is_some_and(|length| {
            length % 4 == 0 && 20 + usize::from(length) == bytes.len() && bytes[0] & 0xC0 == 0
        });
        // Counted before `stun` copies every attribute into a vector of its own.
        if !whole || attribute_offsets(bytes).nth(MAX_ATTRIBUTES).is_some() {
            return Err(Malformed);
        }
        let mut message = Message::new();
        message.unmarshal_binary(bytes).map_err(|_| Malformed)?;
        if message.typ.class != stun_message::CLASS_REQUEST {
            return Err(Malformed);
        }
        let all = &message.attributes.0;
        if let Some(at) = all.iter().position(|a| a.typ == kind::ATTR_FINGERPRINT)
            && (at + 1 != all.len() || FingerprintAttr.check(&message).is_err())
        {
            return Err(Malformed);
        }
        let integrity = [kind::ATTR_MESSAGE_INTEGRITY, kind::ATTR_MESSAGE_INTEGRITY_SHA256];
        let counting = all.iter().position(|a| integrity.contains(&a.typ)).unwrap_or(all.len());
        Ok(Request { message, counting })
    }

    pub(crate) fn method(&self) -> Method {
        match self.message.typ.method {
            stun_message::METHOD_BINDING => Method::Binding,
            stun_message::METHOD_ALLOCATE => Method::Allocate,
            stun_message::METHOD_REFRESH => Method::Refresh,
            stun_message::METHOD_CREATE_PERMISSION => Method::CreatePermission,
            stun_message::METHOD_CHANNEL_BIND => Method::ChannelBind,
            stun_message::METHOD_CONNECT => Method::Connect,
            stun_message::METHOD_CONNECTION_BIND => Method::ConnectionBind,
            _ => Method::Unknown,
        }
    }

    /// The request as `stun` has it.
    pub(crate) fn message(&self) -> &Message {
        &self.message
    }

    /// The request as it came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.message.raw
    }

    pub(crate) fn transaction(&self) -> [u8; 12] {
        self.message.transaction_id.0
    }

    /// Types that must be understood and are not (RFC 8489 §6.3.1).
    pub(crate) fn unknown_attributes(&self) -> Vec<u16> {
        let mut unknown = Vec::new();
        for attribute in &self.message.attributes.0[..self.counting] {
            if attribute.typ.required() && !KNOWN.contains(&attribute.typ) {
                unknown.push(attribute.typ.0);
            }
        }
        unknown
    }

    fn value(&self, wanted: AttrType) -> Option<&[u8]> {
        let counting = &self.message.attributes.0[..self.counting];
        counting.iter().find(|a| a.typ == wanted).map(|a| a.value.as_slice())
    }

    fn text(&self, wanted: AttrType, longest: usize) -> Option<&str> {
        let value = self.value(wanted).filter(|value| value.len() <= longest)?;
        std::str::from_utf8(value).ok()
    }

    /// `None` without the attribute.
    fn read<T: Getter + Default>(&self, wanted: AttrType) -> Result<Option<T>, Malformed> {
        if self.value(wanted).is_none() {
            return Ok(None);
        }
        let mut value = T::default();
        value.get_from(&self.message).map_err(|_| Malformed)?;
        Ok(Some(value))
    }

    // ---- credentials ----

    pub(crate) fn username(&self) -> Option<&str> {
        self.text(kind::ATTR_USERNAME, 508)
    }

    pub(crate) fn realm(&self) -> Option<&str> {
        self.text(kind::ATTR_REALM, 763)
    }

    pub(crate) fn nonce(&self) -> Option<&str> {
        self.text(kind::ATTR_NONCE, 763)
    }

    pub(crate) fn password_algorithm(&self) -> Option<&[u8]> {
        self.value(kind::ATTR_PASSWORD_ALGORITHM)
    }

    pub(crate) fn password_algorithms(&self) -> Option<&[u8]> {
        self.value(kind::ATTR_PASSWORD_ALGORITHMS)
    }

    /// The strongest integrity that the request has.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let has = |digest: Digest| {
            self.message.attributes.0.iter().any(|a| a.typ == digest.attribute().0)
        };
        [Digest::Sha256, Digest::Sha1].into_iter().find(|&digest| has(digest))
    }

    /// Whether the integrity is of this key. Takes as long for a wrong one as for a right one.
    pub(crate) fn is_signed(&self, digest: Digest, key: &[u8]) -> bool {
        let bytes = &self.message.raw;
        let (wanted, size) = digest.attribute();
        let Some(at) = attribute_offsets(bytes)
            .find(|&at| u16::from_be_bytes([bytes[at], bytes[at + 1]]) == wanted.0)
        else {
            return false;
        };
        let Some(theirs) = bytes.get(at + 4..at + 4 + size) else { return false };
        if usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])) != size {
            return false;
        }
        // What is signed has a length that ends with the integrity itself.
        let mut signed = bytes[..at].to_vec();
        signed[2..4].copy_from_slice(&((at + 4 + size - 20) as u16).to_be_bytes());
        hmac::verify(&digest.key(key), &signed, theirs).is_ok()
    }

    pub(crate) fn has_fingerprint(&self) -> bool {
        self.message.contains(kind::ATTR_FINGERPRINT)
    }

    // ---- TURN ----

    /// The protocol number of REQUESTED-TRANSPORT: 17 UDP, 6 TCP.
    pub(crate) fn requested_transport(&self) -> Result<Option<u8>, Malformed> {
        let requested = self.read::<RequestedTransport>(kind::ATTR_REQUESTED_TRANSPORT)?;
        Ok(requested.map(|requested| requested.protocol.0))
    }

    pub(crate) fn lifetime(&self) -> Result<Option<Duration>, Malformed> {
        Ok(self.read::<Lifetime>(kind::ATTR_LIFETIME)?.map(|lifetime| lifetime.0))
    }

    /// EVEN-PORT, with whether the next port is to be reserved.
    pub(crate) fn even_port(&self) -> Result<Option<bool>, Malformed> {
        match self.value(kind::ATTR_EVEN_PORT) {
            None => Ok(None),
            Some([bits]) => Ok(Some(bits & 0x80 != 0)),
            Some(_) => Err(Malformed),
        }
    }

    pub(crate) fn reservation_token(&self) -> Result<Option<[u8; 8]>, Malformed> {
        let token = self.read::<ReservationToken>(kind::ATTR_RESERVATION_TOKEN)?;
        token.map(|token| token.0.try_into().map_err(|_| Malformed)).transpose()
    }

    /// `Some(None)`: one that there is not.
    pub(crate) fn requested_family(&self) -> Result<Option<Option<Family>>, Malformed> {
        self.family(kind::ATTR_REQUESTED_ADDRESS_FAMILY)
    }

    pub(crate) fn additional_family(&self) -> Result<Option<Option<Family>>, Malformed> {
        match self.family(ADDITIONAL_ADDRESS_FAMILY)? {
            None => self.family(DRAFT_ADDITIONAL_ADDRESS_FAMILY),
            found => Ok(found),
        }
    }

    fn family(&self, wanted: AttrType) -> Result<Option<Option<Family>>, Malformed> {
        match self.value(wanted) {
            None => Ok(None),
            Some([1, _, _, _]) => Ok(Some(Some(Family::V4))),
            Some([2, _, _, _]) => Ok(Some(Some(Family::V6))),
            Some([_, _, _, _]) => Ok(Some(None)),
            Some(_) => Err(Malformed),
        }
    }

    pub(crate) fn channel_number(&self) -> Result<Option<u16>, Malformed> {
        let number = self.read::<ChannelNumber>(kind::ATTR_CHANNEL_NUMBER)?;
        Ok(number.map(|number| number.0))
    }

    /// Every XOR-PEER-ADDRESS.
    pub(crate) fn peers(&self) -> Result<Vec<SocketAddr>, Malformed> {
        let header = self.message.raw.first_chunk().ok_or(Malformed)?;
        let counting = self.message.attributes.0[..self.counting].iter();
        counting
            .filter(|attribute| attribute.typ == kind::ATTR_XOR_PEER_ADDRESS)
            .map(|attribute| xor_address(&attribute.value, header).ok_or(Malformed))
            .collect()
    }

    pub(crate) fn connection_id(&self) -> Result<Option<ConnectionId>, Malformed> {
        let value = self.value(kind::ATTR_CONNECTION_ID);
        let number = value.map(|value| value.try_into().map(u32::from_be_bytes));
        Ok(number.transpose().map_err(|_| Malformed)?.map(ConnectionId))
    }

    pub(crate) fn wants_dont_fragment(&self) -> bool {
        self.value(kind::ATTR_DONT_FRAGMENT).is_some()
    }

    pub(crate) fn wants_mobility(&self) -> bool {
        self.value(MOBILITY_TICKET).is_some()
    }

    // ---- behaviour discovery (RFC 5780 §7) ----

    /// CHANGE-REQUEST: whether the answer is to come from the other address, the other port.
    pub(crate) fn change_request(&self) -> Result<(bool, bool), Malformed> {
        match self.value(kind::ATTR_CHANGE_REQUEST) {
            None => Ok((false, false)),
            Some(&[_, _, _, bits]) => Ok((bits & 4 != 0, bits & 2 != 0)),
            Some(_) => Err(Malformed),
        }
    }

    pub(crate) fn response_port(&self) -> Result<Option<u16>, Malformed> {
        match self.value(kind::ATTR_RESPONSE_PORT) {
            None => Ok(None),
            Some(&[high, low, ..]) => Ok(Some(u16::from_be_bytes([high, low]))),
            Some(_) => Err(Malformed),
        }
    }

    /// The length of PADDING.
    pub(crate) fn padding(&self) -> Option<usize> {
        self.value(kind::ATTR_PADDING).map(<[u8]>::len)
    }
}

/// Attributes that must be understood and are.
const KNOWN: [AttrType; 19] = [
    kind::ATTR_MAPPED_ADDRESS,
    kind::ATTR_CHANGE_REQUEST,
    kind::ATTR_USERNAME,
    kind::ATTR_CHANNEL_NUMBER,
    kind::ATTR_LIFETIME,
    kind::ATTR_XOR_PEER_ADDRESS,
    kind::ATTR_DATA,
    kind::ATTR_REALM,
    kind::ATTR_NONCE,
    kind::ATTR_REQUESTED_ADDRESS_FAMILY,
    kind::ATTR_EVEN_PORT,
    kind::ATTR_REQUESTED_TRANSPORT,
    kind::ATTR_DONT_FRAGMENT,
    kind::ATTR_PASSWORD_ALGORITHM,
    kind::ATTR_RESERVATION_TOKEN,
    kind::ATTR_PRIORITY,
    kind::ATTR_CONNECTION_ID,
    kind::ATTR_PADDING,
    kind::ATTR_RESPONSE_PORT,
];

/// Where the attributes of a message begin.
fn attribute_offsets(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 20;
    std::iter::from_fn(move || {
        let head = bytes.get(at..at + 4)?;
        let start = at;
        at += 4 + usize::from(u16::from_be_bytes([head[2], head[3]])).next_multiple_of(4);
        Some(start)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// RFC 5769 §2.1.
    const SHORT_TERM: &str = "000100582112a442b7e7a701bc34d686fa87dfae 80220010 5354554e2074657374
        20636c69656e74 00240004 6e0001ff 80290008 932ff9b151263b36 00060009 6576746a3a68367659
        202020 00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf";

    /// RFC 5769 §2.4: the user is "マトリックス", the password "TheMatrIX".
    const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e 00060012
        e3839ee38388e383aae38383e382afe382b9 0000 0015001c
        662f2f3439396b3935346436 4f4c33346f4c39465354767936347341 0014000b
        6578616d706c652e6f7267 00 00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666";

    #[test]
    fn the_request_of_rfc_5769_is_read_and_its_integrity_verified() {
        let request = Request::parse(&bytes(SHORT_TERM)).ok().unwrap();
        assert_eq!(request.method(), Method::Binding);
        assert_eq!(request.username(), Some("evtj:h6vY"));
        assert_eq!(request.digest(), Some(Digest::Sha1));
        assert!(request.has_fingerprint());
        assert!(request.is_signed(Digest::Sha1, b"VOkJxbRl1RmTxUk/WvJxBt"));
        assert!(!request.is_signed(Digest::Sha1, b"VOkJxbRl1RmTxUk/WvJxBu"));
        assert!(!request.is_signed(Digest::Sha256, b"VOkJxbRl1RmTxUk/WvJxBt"));
    }

    #[test]
    fn the_long_term_request_of_rfc_5769_is_verified() {
        let request = Request::parse(&bytes(LONG_TERM)).ok().unwrap();
        assert_eq!(request.username(), Some("\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}"));
        assert_eq!(request.realm(), Some("example.org"));
        assert_eq!(request.nonce(), Some("f//499k954d6OL34oL9FSTvy64sA"));
        let key = crate::auth::PasswordAlgorithm::Md5.key(
            request.username().unwrap(),
            "example.org",
            "TheMatrIX",
        );
        assert!(request.is_signed(Digest::Sha1, &key));
    }

    #[test]
    fn a_changed_byte_breaks_fingerprint_and_integrity() {
        let good = bytes(SHORT_TERM);
        // The type of the fingerprint itself is not covered by anything.
        for at in (0..good.len()).filter(|at| !(100..102).contains(at)) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            let verified = Request::parse(&bad)
                .is_ok_and(|request| request.is_signed(Digest::Sha1, b"VOkJxbRl1RmTxUk/WvJxBt"));
            assert!(!verified, "byte {at}");
        }
    }

    #[test]
    fn a_cut_or_lengthened_request_is_refused() {
        let good = bytes(LONG_TERM);
        for length in 0..good.len() {
            assert!(Request::parse(&good[..length]).is_err());
        }
        assert!(Request::parse(&[good.clone(), vec![0; 4]].concat()).is_err());
    }

    #[test]
    fn what_follows_the_integrity_does_not_count() {
        let mut forged = bytes(LONG_TERM);
        forged.extend_from_slice(&[0, 0x0D, 0, 4, 0, 0, 0, 9]);
        let length = (forged.len() - 20) as u16;
        forged[2..4].copy_from_slice(&length.to_be_bytes());
        let request = Request::parse(&forged).ok().unwrap();
        assert_eq!(request.lifetime(), Ok(None));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(
            mut tail in proptest::collection::vec(any::<u8>(), 0..160), kind in 0_u8..0x13,
        ) {
            tail.truncate(tail.len() / 4 * 4);
            // Attribute types that mean something come up more often than by chance.
            if let Some(head) = tail.first_chunk_mut::<4>() {
                head[0] = 0;
                head[2] = 0;
                head[3] %= 40;
            }
            let mut message = vec![0, kind, 0, tail.len() as u8, 0x21, 0x12, 0xA4, 0x42];
            message.extend_from_slice(&[3; 12]);
            message.extend_from_slice(&tail);
            if let Ok(request) = Request::parse(&message) {
                let _ = (request.unknown_attributes(), request.lifetime(), request.peers());
                let _ = (request.even_port(), request.reservation_token(), request.padding());
                let _ = (request.requested_family(), request.requested_transport());
                let _ = (request.channel_number(), request.change_request());
                let _ = (request.response_port(), request.digest());
                let _ = request.is_signed(Digest::Sha1, b"") | request.is_signed(Digest::Sha256, b"");
            }
        }
    }
}
