//! RTP headers with their extensions, as a receiver negotiated them (RFC 3550 §5.1, RFC 8285).

use crate::packet::Extensions;

/// The first word of one-byte and of two-byte extensions.
const ONE_BYTE: [u8; 2] = [0xbe, 0xde];
const TWO_BYTE: [u8; 2] = [0x10, 0x00];

/// The largest extension id in the one-byte form.
const LAST_ONE_BYTE_ID: u8 = 14;

/// The receiver's numbers for header extensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ExtensionIds {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid` (RFC 9143 §15).
    pub(crate) mid: Option<u8>,
    /// RFC 6464.
    pub(crate) audio_level: Option<u8>,
    /// 3GPP TS 26.114 §7.4.5.
    pub(crate) orientation: Option<u8>,
    /// `abs-send-time`.
    pub(crate) send_time: Option<u8>,
}

/// What a header says.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    pub(crate) has_padding: bool,
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Left out once the receiver has bound the SSRC to its m-line.
    pub(crate) mid: Option<&'a [u8]>,
    pub(crate) extensions: Extensions,
    /// Seconds in 6.18 bits.
    pub(crate) send_time: u32,
}

impl Header<'_> {
    /// Appends the header and returns its length.
    pub(crate) fn write(&self, ids: &ExtensionIds, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        out.extend_from_slice(&[
            0x80 | u8::from(self.has_padding) << 5,
            u8::from(self.marker) << 7 | self.payload_type & 0x7f,
        ]);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        let elements = out.len();
        let is_two_byte = ids.are_two_byte();
        out.extend_from_slice(if is_two_byte { &TWO_BYTE } else { &ONE_BYTE });
        out.extend_from_slice(&[0, 0]);
        let mut element = |id: Option<u8>, value: &[u8]| {
            let Some(id) = id else { return };
            if is_two_byte {
                out.extend_from_slice(&[id, value.len() as u8]);
            } else {
                out.push(id << 4 | (value.len() as u8 - 1));
            }
            out.extend_from_slice(value);
        };
        if let Some(mid) = self.mid {
            element(ids.mid, mid);
        }
        element(ids.send_time, &self.send_time.to_be_bytes()[1..]);
        if let Some(level) = audio_level(&self.extensions) {
            element(ids.audio_level, &[level]);
        }
        if let Some(turns) = self.extensions.orientation {
            element(ids.orientation, &[turns]);
        }
        let length = out.len() - elements - 4;
        if length == 0 {
            out.truncate(elements);
        } else {
            out.resize(elements + 4 + length.next_multiple_of(4), 0);
            let words = length.div_ceil(4) as u16;
            out[elements + 2..elements + 4].copy_from_slice(&words.to_be_bytes());
            out[start] |= 0x10;
        }
        out.len() - start
    }
}

impl ExtensionIds {
    fn are_two_byte(&self) -> bool {
        [self.mid, self.audio_level, self.orientation, self.send_time]
            .iter()
            .flatten()
            .any(|&id| id > LAST_ONE_BYTE_ID)
    }

    /// The length of a header with these extensions, in bytes.
    pub(crate) fn header_len(&self, mid: Option<&[u8]>, extensions: &Extensions) -> usize {
        let overhead = if self.are_two_byte() { 2 } else { 1 };
        let element = |id: Option<u8>, length: usize| id.map_or(0, |_| overhead + length);
        let length = mid.map_or(0, |mid| element(self.mid, mid.len()))
            + element(self.send_time, 3)
            + audio_level(extensions).map_or(0, |_| element(self.audio_level, 1))
            + extensions.orientation.map_or(0, |_| element(self.orientation, 1));
        if length == 0 { 12 } else { 16 + length.next_multiple_of(4) }
    }
}

/// RFC 6464 §3: voice activity and the level below full scale.
fn audio_level(extensions: &Extensions) -> Option<u8> {
    let level = extensions.audio_level?;
    Some(u8::from(extensions.voice_activity?) << 7 | level.unsigned_abs() & 0x7f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A header is as long as was said before, and its parts are where RFC 8285 puts them.
        #[test]
        fn a_header_is_as_long_as_was_said(
            ids in prop::collection::vec(prop::option::of(1u8..30), 4),
            mid in prop::option::of(prop::collection::vec(any::<u8>(), 1..17)),
            level in prop::option::of(-127i8..=0),
            orientation in prop::option::of(0u8..4),
        ) {
            let ids = ExtensionIds {
                mid: ids[0],
                audio_level: ids[1],
                orientation: ids[2],
                send_time: ids[3],
            };
            let extensions =
                Extensions { audio_level: level, voice_activity: Some(true), orientation };
            let header = Header {
                has_padding: false,
                marker: true,
                payload_type: 96,
                sequence: 0x1234,
                timestamp: 7,
                ssrc: 9,
                mid: mid.as_deref(),
                extensions,
                send_time: 0x00ab_cdef,
            };
            let mut out = vec![1, 2, 3];
            let length = header.write(&ids, &mut out);
            prop_assert_eq!(length, ids.header_len(mid.as_deref(), &extensions));
            prop_assert_eq!(out.len(), 3 + length);
            prop_assert_eq!(length % 4, 0);
            let header = &out[3..];
            prop_assert_eq!(&header[2..4], &[0x12, 0x34]);
            if header[0] & 0x10 != 0 {
                let words = u16::from_be_bytes([header[14], header[15]]);
                prop_assert_eq!(16 + 4 * usize::from(words), length);
            }
        }
    }
}
