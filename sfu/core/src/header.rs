//! RTP headers with their extensions, as a receiver negotiated them (RFC 3550 §5.1, RFC 8285).

use crate::packet::Extensions;

/// The first word of one-byte and of two-byte extensions.
const ONE_BYTE: [u8; 2] = [0xbe, 0xde];
const TWO_BYTE: [u8; 2] = [0x10, 0x00];

/// The length of a header without contributing sources and extensions.
const FIXED: usize = 12;

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

/// What a header is to say.
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

/// The header of a packet that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received<'a> {
    pub(crate) has_padding: bool,
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// In bytes, with contributing sources and extensions.
    pub(crate) length: usize,
    /// The first word that tells the form of extensions, and what follows their length.
    extensions: Option<([u8; 2], &'a [u8])>,
}

impl Received<'_> {
    /// Reads the header of a packet that is at least as long as that says.
    pub(crate) fn parse(packet: &[u8]) -> Option<Received<'_>> {
        let fixed: &[u8; FIXED] = packet.first_chunk()?;
        let [first, second, s0, s1, t0, t1, t2, t3, ssrc @ ..] = *fixed;
        if first >> 6 != 2 {
            return None;
        }
        let mut length = FIXED + 4 * usize::from(first & 0x0f);
        let mut extensions = None;
        if first & 0x10 != 0 {
            let &[p0, p1, l0, l1] = packet.get(length..)?.first_chunk()?;
            let start = length + 4;
            length = start + 4 * usize::from(u16::from_be_bytes([l0, l1]));
            extensions = Some(([p0, p1], packet.get(start..length)?));
        }
        (packet.len() >= length).then_some(Received {
            has_padding: first & 0x20 != 0,
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes(ssrc),
            length,
            extensions,
        })
    }

    /// The extensions that go through unchanged.
    pub(crate) fn extensions(&self, ids: &ExtensionIds) -> Extensions {
        let mut found = Extensions::default();
        for (id, value) in self.elements() {
            let Some(&first) = value.first() else { continue };
            if ids.audio_level == Some(id) {
                found.audio_level = Some(-((first & 0x7f) as i8));
                found.voice_activity = Some(first & 0x80 != 0);
            } else if ids.orientation == Some(id) {
                found.orientation = Some(first & 3);
            }
        }
        found
    }

    /// Each extension's id and value (RFC 8285 §4.2, §4.3).
    fn elements(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let (form, mut rest) = self.extensions.unwrap_or_default();
        let is_two_byte = form[0] == TWO_BYTE[0] && form[1] & 0xf0 == TWO_BYTE[1];
        if !is_two_byte && form != ONE_BYTE {
            rest = &[];
        }
        std::iter::from_fn(move || {
            while let [0, behind @ ..] = rest {
                rest = behind;
            }
            let (id, length, behind) = match rest {
                [id, length, behind @ ..] if is_two_byte => (*id, usize::from(*length), behind),
                [both, behind @ ..] if !is_two_byte && both >> 4 <= LAST_ONE_BYTE_ID => {
                    (both >> 4, usize::from(both & 0x0f) + 1, behind)
                }
                _ => return None,
            };
            let (value, behind) = behind.split_at_checked(length)?;
            rest = behind;
            Some((id, value))
        })
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
        if length == 0 { FIXED } else { FIXED + 4 + length.next_multiple_of(4) }
    }
}

/// RFC 6464 §3: voice activity and the level below full scale.
fn audio_level(extensions: &Extensions) -> Option<u8> {
    let level = extensions.audio_level?;
    Some(u8::from(extensions.voice_activity?) << 7 | level.unsigned_abs() & 0x7f)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
            let ids_given: Vec<u8> = ids.iter().flatten().copied().collect();
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
            let read = Received::parse(&out[3..]).unwrap();
            prop_assert_eq!(read.length, length);
            prop_assert_eq!((read.sequence, read.timestamp, read.ssrc), (0x1234, 7, 9));
            prop_assert!(read.marker && !read.has_padding && read.payload_type == 96);
            // Where two share an id, there is no telling which it is.
            let distinct: HashSet<u8> = ids_given.iter().copied().collect();
            if distinct.len() == ids_given.len() {
                let expected = Extensions {
                    audio_level: level.filter(|_| ids.audio_level.is_some()),
                    voice_activity: level.filter(|_| ids.audio_level.is_some()).map(|_| true),
                    orientation: orientation.filter(|_| ids.orientation.is_some()),
                };
                prop_assert_eq!(read.extensions(&ids), expected);
            }
        }

        #[test]
        fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..60), id: u8) {
            let ids = ExtensionIds { audio_level: Some(id), ..ExtensionIds::default() };
            if let Some(header) = Received::parse(&bytes) {
                prop_assert!(header.length <= bytes.len());
                header.extensions(&ids);
            }
        }
    }

    #[test]
    fn a_header_must_be_whole() {
        let mut packet = vec![0x91, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        assert_eq!(Received::parse(&packet), None, "the contributing source is missing");
        packet.extend([0, 0, 0, 9, 0xbe, 0xde, 0, 1]);
        assert_eq!(Received::parse(&packet), None, "the extension is missing");
        packet.extend([0; 4]);
        assert_eq!(Received::parse(&packet).map(|header| header.ssrc), Some(3));
    }

    #[test]
    fn extensions_end_where_they_say() {
        let ids = ExtensionIds { audio_level: Some(3), ..ExtensionIds::default() };
        let level = |extensions: &[u8]| {
            let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
            packet.extend(extensions);
            Received::parse(&packet).unwrap().extensions(&ids).audio_level
        };
        assert_eq!(level(&[0xbe, 0xde, 0, 1, 0, 0x30, 5, 0]), Some(-5), "behind padding");
        assert_eq!(level(&[0xbe, 0xde, 0, 1, 0xf0, 0x30, 5, 0]), None, "15 ends all");
        assert_eq!(level(&[0xbe, 0xde, 0, 1, 0x1f, 0x30, 5, 0]), None, "longer than there is");
        assert_eq!(level(&[0x10, 0x07, 0, 1, 3, 1, 5, 0]), Some(-5), "two bytes, with app bits");
        assert_eq!(level(&[0x10, 0x00, 0, 1, 3, 0, 0, 0]), None, "nothing in it");
        assert_eq!(level(&[0x12, 0x34, 0, 1, 0x30, 5, 0, 0]), None, "of no form known");
    }
}
