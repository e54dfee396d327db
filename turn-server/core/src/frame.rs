//! What every relayed packet goes through, by hand and without an allocation: channel data
//! (RFC 8656 §12.4), Send and Data indications (§11), and where a message ends in a stream.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

/// The length of a STUN header.
const HEADER: usize = 20;
/// The magic cookie of RFC 8489 §5.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

const SEND_INDICATION: u16 = 0x0016;
const DATA_INDICATION: u16 = 0x0017;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const DONT_FRAGMENT: u16 = 0x001A;
const FINGERPRINT: u16 = 0x8028;

/// A stream that carries neither STUN nor channel data. Nothing after it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream carries neither STUN nor channel data")]
pub struct NotTurn;

/// The length of the first message of a stream, padding included, as soon as its header is
/// there (RFC 8489 §6.2.2, RFC 8656 §12.5). The message itself may not be whole yet.
pub fn frame_length(stream: &[u8]) -> Result<Option<usize>, NotTurn> {
    let Some(&first) = stream.first() else { return Ok(None) };
    if first & 0xC0 == 0 {
        if stream.len() >= 8 && stream[4..8] != COOKIE {
            return Err(NotTurn);
        }
        let Some(length) = stream.get(2..4) else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length % 4 != 0 {
            return Err(NotTurn);
        }
        return Ok(Some(HEADER + length));
    }
    if !is_channel_data(stream) {
        return Err(NotTurn);
    }
    let Some(length) = stream.get(2..4) else { return Ok(None) };
    Ok(Some(4 + padded(usize::from(u16::from_be_bytes([length[0], length[1]])))))
}

/// Channel numbers: those of RFC 8656 §12 (up to 0x4FFF) and, for clients that are older, those of
/// RFC 5766 §11.
pub(crate) const CHANNELS: RangeInclusive<u16> = 0x4000..=0x7FFF;

/// Whether these are the first bytes of channel data.
pub(crate) fn is_channel_data(message: &[u8]) -> bool {
    message.first().is_some_and(|first| (0x40..=0x7F).contains(first))
}

/// Whether this is a Send indication.
pub(crate) fn is_send_indication(message: &[u8]) -> bool {
    message.starts_with(&SEND_INDICATION.to_be_bytes())
}

/// Channel number and payload. Padding after the payload is allowed; a payload that is not whole
/// is not.
pub(crate) fn channel_data(message: &[u8]) -> Option<(u16, &[u8])> {
    let (header, rest) = message.split_first_chunk::<4>()?;
    let number = u16::from_be_bytes([header[0], header[1]]);
    let payload = rest.get(..usize::from(u16::from_be_bytes([header[2], header[3]])))?;
    (rest.len() <= padded(payload.len())).then_some((number, payload))
}

/// Appends channel data; padded for a stream.
pub(crate) fn write_channel_data(to: &mut Vec<u8>, number: u16, payload: &[u8], pad: bool) {
    to.extend_from_slice(&number.to_be_bytes());
    to.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    to.extend_from_slice(payload);
    if pad {
        to.extend_from_slice(&[0; 3][..padded(payload.len()) - payload.len()]);
    }
}

/// What a client wants sent to a peer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SendIndication<'a> {
    pub(crate) peer: SocketAddr,
    pub(crate) data: &'a [u8],
    pub(crate) dont_fragment: bool,
}

/// Reads a Send indication. `None` if it is malformed, lacks an attribute, or has one that must be
/// understood and is not (RFC 8489 §6.3.2).
pub(crate) fn send_indication(message: &[u8]) -> Option<SendIndication<'_>> {
    let header = message.first_chunk::<HEADER>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[4..8] != COOKIE || length % 4 != 0 || message.len() != HEADER + length {
        return None;
    }
    let (mut peer, mut data, mut dont_fragment) = (None, None, false);
    let mut rest = &message[HEADER..];
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = after.get(..length)?;
        rest = after.get(padded(length)..)?;
        match kind {
            // Of an attribute that comes twice the first one counts (RFC 8489 §14).
            XOR_PEER_ADDRESS if peer.is_none() => peer = Some(xor_address(value, header)?),
            DATA if data.is_none() => data = Some(value),
            DONT_FRAGMENT => dont_fragment = true,
            XOR_PEER_ADDRESS | DATA | FINGERPRINT => {}
            optional if optional >= 0x8000 => {}
            _ => return None,
        }
    }
    rest.is_empty().then_some(SendIndication { peer: peer?, data: data?, dont_fragment })
}

/// Appends a Data indication. `serial` makes its transaction id.
pub(crate) fn write_data_indication(to: &mut Vec<u8>, peer: SocketAddr, data: &[u8], serial: u64) {
    let address = if peer.is_ipv4() { 12 } else { 24 };
    let start = to.len();
    to.extend_from_slice(&DATA_INDICATION.to_be_bytes());
    to.extend_from_slice(&((address + 4 + padded(data.len())) as u16).to_be_bytes());
    to.extend_from_slice(&COOKIE);
    to.extend_from_slice(&[0; 4]);
    to.extend_from_slice(&serial.to_be_bytes());
    let mut mask = [0; 16];
    mask.copy_from_slice(&to[start + 4..start + HEADER]);

    to.extend_from_slice(&XOR_PEER_ADDRESS.to_be_bytes());
    to.extend_from_slice(&(address as u16 - 4).to_be_bytes());
    to.extend_from_slice(&[0, if peer.is_ipv4() { 1 } else { 2 }]);
    to.extend_from_slice(&(peer.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]])).to_be_bytes());
    match peer.ip() {
        IpAddr::V4(ip) => to.extend(ip.octets().iter().zip(&mask).map(|(byte, mask)| byte ^ mask)),
        IpAddr::V6(ip) => to.extend(ip.octets().iter().zip(&mask).map(|(byte, mask)| byte ^ mask)),
    }
    to.extend_from_slice(&DATA.to_be_bytes());
    to.extend_from_slice(&(data.len() as u16).to_be_bytes());
    to.extend_from_slice(data);
    to.extend_from_slice(&[0; 3][..padded(data.len()) - data.len()]);
}

/// Reads the value of an XOR address attribute; `header` is that of its message.
pub(crate) fn xor_address(value: &[u8], header: &[u8; HEADER]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes([*value.get(2)?, *value.get(3)?])
        ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let mut bytes = [0; 16];
    let address = value.get(4..)?;
    for (byte, (masked, mask)) in bytes.iter_mut().zip(address.iter().zip(&header[4..])) {
        *byte = masked ^ mask;
    }
    let ip = match (value[1], address.len()) {
        (1, 4) => IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])),
        (2, 16) => IpAddr::V6(Ipv6Addr::from(bytes)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stun::message::{Getter, MessageType, Setter};
    use turn::proto::{data::Data, peeraddr::PeerAddress};

    use super::*;

    fn address() -> impl Strategy<Value = SocketAddr> {
        (any::<std::net::IpAddr>(), any::<u16>()).prop_map(SocketAddr::from)
    }

    proptest! {
        #[test]
        fn the_crates_codec_reads_the_data_indication(
            peer in address(), data in proptest::collection::vec(any::<u8>(), 0..200), serial: u64,
        ) {
            let mut bytes = vec![7; 3];
            write_data_indication(&mut bytes, peer, &data, serial);
            let mut message = stun::message::Message::new();
            message.unmarshal_binary(&bytes[3..]).unwrap();
            prop_assert_eq!(message.raw.len(), bytes.len() - 3);
            let (mut theirs, mut payload) = (PeerAddress::default(), Data::default());
            theirs.get_from(&message).unwrap();
            payload.get_from(&message).unwrap();
            prop_assert_eq!(SocketAddr::new(theirs.ip, theirs.port), peer);
            prop_assert_eq!(payload.0, data);
        }

        #[test]
        fn the_send_indication_of_the_crates_codec_is_read(
            peer in address(), data in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut message = stun::message::Message::new();
            message.typ = MessageType::new(
                stun::message::METHOD_SEND,
                stun::message::CLASS_INDICATION,
            );
            message.new_transaction_id().unwrap();
            message.write_header();
            PeerAddress { ip: peer.ip(), port: peer.port() }.add_to(&mut message).unwrap();
            Data(data.clone()).add_to(&mut message).unwrap();
            prop_assert!(is_send_indication(&message.raw));
            let read = send_indication(&message.raw);
            prop_assert_eq!(read, Some(SendIndication { peer, data: &data, dont_fragment: false }));
        }

        #[test]
        fn channel_data_comes_back(number in CHANNELS, payload: Vec<u8>, pad: bool) {
            let mut bytes = Vec::new();
            write_channel_data(&mut bytes, number, &payload, pad);
            prop_assert!(is_channel_data(&bytes));
            prop_assert_eq!(channel_data(&bytes), Some((number, payload.as_slice())));
            if pad {
                prop_assert_eq!(frame_length(&bytes), Ok(Some(bytes.len())));
            }
        }

        #[test]
        fn anything_is_read_without_a_panic(bytes: Vec<u8>) {
            let _ = (frame_length(&bytes), channel_data(&bytes), send_indication(&bytes));
            let mut indication = [&[0, 0x16, 0, 0][..], &COOKIE, &[1; 12], &bytes].concat();
            let length = (bytes.len() as u16).to_be_bytes();
            indication[2..4].copy_from_slice(&length);
            let _ = send_indication(&indication);
        }
    }

    #[test]
    fn a_stream_that_is_neither_is_refused_at_once() {
        assert_eq!(frame_length(&[0x80, 0, 0, 0]), Err(NotTurn));
        assert_eq!(frame_length(&[0x16, 3, 1, 2]), Err(NotTurn));
        assert_eq!(frame_length(&[0, 1, 0, 8, 1, 2, 3, 4]), Err(NotTurn));
        assert_eq!(frame_length(&[0, 1, 0, 7]), Err(NotTurn));
        assert_eq!(frame_length(&[0x40, 0]), Ok(None));
        assert_eq!(frame_length(&[0x40, 0, 0, 5]), Ok(Some(12)));
        assert_eq!(frame_length(&[0, 1, 0, 8]), Ok(Some(28)));
    }

    #[test]
    fn channel_data_that_is_cut_or_has_a_tail_is_refused() {
        assert_eq!(channel_data(&[0x40, 0, 0, 2, 1]), None);
        assert_eq!(channel_data(&[0x40, 0, 0, 1, 9, 0, 0, 0]), Some((0x4000, &[9][..])));
        assert_eq!(channel_data(&[0x40, 0, 0, 1, 9, 0, 0, 0, 0]), None);
    }
}
