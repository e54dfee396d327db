//! Encoded frames as RTP payloads, cut once and sent often: what changes from one sending to the next
//! is the [`Stamp`] at the end, and VP8's picture id.
//!
//! str0m's own packetizers are not part of its stable interface, and would not leave room for the stamp.

use std::iter;

use super::Codec;
use super::stamp::{self, Stamp};

/// The largest payload, in bytes: what Chromium sends, so that with every header it fits anywhere.
pub const LARGEST_PAYLOAD: usize = 1_150;

/// VP8's descriptor with a picture id of 15 bits (RFC 7741 §4.2).
const VP8_DESCRIPTOR: [u8; 4] = [0x80, 0x80, 0x80, 0];

/// S: the payload begins a partition.
const VP8_START: u8 = 0x10;

/// A type that decoders are told to ignore (H.264 table 7-1).
const RESERVED_NAL_UNIT: u8 = 23;

/// Both kinds of fragment header, and what tells first and last (RFC 6184 §5.8).
const FRAGMENT: u8 = 28;
const FRAGMENT_START: u8 = 0x80;
const FRAGMENT_END: u8 = 0x40;

/// An OBU header without a size (AV1 §5.3.2), of metadata.
const METADATA_OBU: u8 = 5 << 3;

/// Private metadata (AV1 §6.7.1).
const PRIVATE_METADATA: u8 = 6;

/// Bits of AV1's aggregation header: goes on from the packet before, goes on in the next one, and a
/// coded video sequence begins.
const AV1_CONTINUES: u8 = 0x80;
const AV1_TO_BE_CONTINUED: u8 = 0x40;
const AV1_BEGINS: u8 = 0x08;

/// One frame, cut and ready to be stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whether decoding can begin here. Every packet of sound is one.
    pub keyframe: bool,
    codec: Codec,
    /// The payloads; the last one ends with room for the stamp.
    payloads: Vec<Vec<u8>>,
    /// The checksum over all that neither the stamp nor a server changes.
    body: u32,
}

impl Frame {
    /// Cuts an encoded frame: an Opus packet with one frame, a VP8 frame, an H.264 access unit with
    /// start codes, or an AV1 temporal unit. `None` if it is none of these.
    pub fn cut(codec: Codec, data: &[u8]) -> Option<Frame> {
        let (keyframe, payloads) = match codec {
            Codec::Opus => (true, vec![opus(data)?]),
            Codec::Vp8 => (data.first()? & 1 == 0, vp8(data)),
            Codec::H264 => {
                let units = nal_units(data);
                let keyframe = units.iter().any(|unit| unit[0] & 0x1f == 5);
                (keyframe, h264(&units)?)
            }
            Codec::Av1 => {
                let obus = obus(data)?;
                let keyframe = obus.iter().any(|obu| obu[0] >> 3 & 0x0f == 1);
                (keyframe, av1(obus, keyframe)?)
            }
        };
        let mut frame = Frame { keyframe, codec, payloads, body: 0 };
        let last = frame.payloads.len() - 1;
        for (index, payload) in frame.payloads.iter().enumerate() {
            let end = payload.len() - if index == last { stamp::LENGTH } else { 0 };
            let begin = codec.rewritten(payload);
            frame.body = crc32c::crc32c_append(frame.body, &payload[begin..end]);
        }
        Some(frame)
    }

    /// How many packets it is in.
    pub fn packets(&self) -> u16 {
        self.payloads.len() as u16
    }

    /// Its payloads as they are sent, with this stamp; the picture id is the stamp's counter.
    pub fn stamped(&self, stamp: &Stamp) -> impl Iterator<Item = Vec<u8>> {
        let written = stamp.write(self.body);
        let picture = (stamp.counter as u16 | 0x8000).to_be_bytes();
        let last = self.payloads.len() - 1;
        self.payloads.iter().enumerate().map(move |(index, payload)| {
            let mut payload = payload.clone();
            if self.codec == Codec::Vp8 {
                payload[2..4].copy_from_slice(&picture);
            }
            if index == last {
                let begin = payload.len() - stamp::LENGTH;
                payload[begin..].copy_from_slice(&written);
            }
            payload
        })
    }
}

/// Makes a packet of one frame (code 0) one with padding (code 3; RFC 6716 §3.2.5).
fn opus(packet: &[u8]) -> Option<Vec<u8>> {
    let (toc, frame) = packet.split_first()?;
    if toc & 3 != 0 {
        return None;
    }
    // Padding, one frame, and how much padding.
    let head = [toc | 3, 0x41, stamp::LENGTH as u8];
    Some([&head[..], frame, &[0; stamp::LENGTH]].concat())
}

fn vp8(frame: &[u8]) -> Vec<Vec<u8>> {
    let data = [frame, &[0; stamp::LENGTH]].concat();
    let parts = even(&data, LARGEST_PAYLOAD - VP8_DESCRIPTOR.len(), stamp::LENGTH);
    let mut payloads: Vec<_> = parts.map(|part| [&VP8_DESCRIPTOR[..], part].concat()).collect();
    payloads[0][0] |= VP8_START;
    payloads
}

fn h264(units: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    let mut payloads = Vec::new();
    // What delimits access units is what the marker does in RTP.
    for unit in units.iter().filter(|unit| unit[0] & 0x1f != 9) {
        if unit.len() <= LARGEST_PAYLOAD {
            payloads.push(unit.to_vec());
            continue;
        }
        let first = payloads.len();
        for part in even(&unit[1..], LARGEST_PAYLOAD - 2, 0) {
            let head = [unit[0] & 0xe0 | FRAGMENT, unit[0] & 0x1f];
            payloads.push([&head[..], part].concat());
        }
        payloads[first][1] |= FRAGMENT_START;
        payloads.last_mut()?[1] |= FRAGMENT_END;
    }
    if payloads.is_empty() {
        return None;
    }
    payloads.push([&[RESERVED_NAL_UNIT][..], &[0; stamp::LENGTH]].concat());
    Some(payloads)
}

/// Every element has its length before it (W = 0), so that any number of them goes into a packet.
fn av1(mut obus: Vec<Vec<u8>>, keyframe: bool) -> Option<Vec<Vec<u8>>> {
    if obus.is_empty() {
        return None;
    }
    obus.push([&[METADATA_OBU, PRIVATE_METADATA][..], &[0; stamp::LENGTH]].concat());
    let mut payloads = vec![vec![if keyframe { AV1_BEGINS } else { 0 }]];
    let last = obus.len() - 1;
    for (index, obu) in obus.iter().enumerate() {
        let mut rest = &obu[..];
        let mut begun = false;
        while !rest.is_empty() {
            let packet = payloads.last_mut()?;
            // A length below 2^14 is at most two bytes.
            let room = LARGEST_PAYLOAD.saturating_sub(packet.len() + 2);
            // The last one is not cut: the stamp is in one piece.
            if room == 0 || (index == last && room < rest.len()) {
                payloads.push(vec![if begun { AV1_CONTINUES } else { 0 }]);
                continue;
            }
            let (part, more) = rest.split_at(rest.len().min(room));
            leb128(part.len(), packet);
            packet.extend_from_slice(part);
            begun = true;
            rest = more;
            if !rest.is_empty() {
                packet[0] |= AV1_TO_BE_CONTINUED;
                payloads.push(vec![AV1_CONTINUES]);
            }
        }
    }
    Some(payloads)
}

/// Cuts data into parts of about the same size, as encoders do, none of them larger than `largest`
/// and the last one no smaller than `tail`.
fn even(data: &[u8], largest: usize, tail: usize) -> impl Iterator<Item = &[u8]> {
    let count = data.len().div_ceil(largest).max(1);
    let size = data.len().div_ceil(count).max(tail).max(1);
    let mut rest = data;
    iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let left = rest.len();
        let take = if left > size && left - size < tail { left - tail } else { size.min(left) };
        let (part, more) = rest.split_at(take);
        rest = more;
        Some(part)
    })
}

/// The units of an H.264 byte stream (Annex B), without start codes and empty ones.
pub(super) fn nal_units(stream: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at + 3 <= stream.len() {
        if stream[at..at + 3] == [0, 0, 1] {
            starts.push(at);
            at += 3;
        } else {
            at += 1;
        }
    }
    let ends = starts.iter().skip(1).copied().chain([stream.len()]);
    let units = starts.iter().zip(ends).map(|(start, end)| {
        let unit = &stream[start + 3..end];
        // Zeros before the next start code belong to nobody.
        let length = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &unit[..length]
    });
    units.filter(|unit| !unit.is_empty()).collect()
}

/// The OBUs of a temporal unit without their sizes and without what RTP does not carry: temporal
/// delimiters, tile lists and padding (AV1 RTP specification §5).
fn obus(mut unit: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut obus = Vec::new();
    while let Some(&header) = unit.first() {
        let head = 1 + usize::from(header & 0x04 != 0);
        let (size, length) = if header & 0x02 == 0 {
            (unit.len().checked_sub(head)?, 0)
        } else {
            sized(unit.get(head..)?)?
        };
        let end = (head + length).checked_add(size)?;
        let payload = unit.get(head + length..end)?;
        if !matches!(header >> 3 & 0x0f, 2 | 8 | 15) {
            let mut obu = vec![header & !0x02];
            obu.extend_from_slice(&unit[1..head]);
            obu.extend_from_slice(payload);
            obus.push(obu);
        }
        unit = &unit[end..];
    }
    Some(obus)
}

/// A leb128 number of at most four bytes, and its length (AV1 §4.10.5).
fn sized(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

fn leb128(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An encoded frame of the codec with any content, as an encoder would hand it out.
    pub(in crate::media) fn encoded(codec: Codec, content: &[u8]) -> Vec<u8> {
        match codec {
            Codec::Opus => [&[0x78][..], content].concat(),
            Codec::Vp8 => [&[0x10, 2, 0][..], content].concat(),
            Codec::H264 => {
                // No start codes within, and no zero at the end.
                let safe: Vec<u8> = content.iter().map(|byte| byte | 1).collect();
                [&[0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88][..], &safe].concat()
            }
            Codec::Av1 => {
                let mut unit = vec![0x12, 0, 0x0a, 1, 0xaa, 0x32];
                leb128(content.len(), &mut unit);
                [&unit[..], content].concat()
            }
        }
    }

    pub(in crate::media) const ALL: [Codec; 4] = [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Av1];

    proptest! {
        #[test]
        fn payloads_are_small_enough_and_end_with_the_stamp(
            content in proptest::collection::vec(any::<u8>(), 1..9_000),
            stamp in super::super::stamp::tests::any_stamp(),
        ) {
            for codec in ALL {
                let content = if codec == Codec::Opus { &content[..content.len().min(900)] } else { &content };
                let frame = Frame::cut(codec, &encoded(codec, content)).expect("a frame");
                prop_assert!(frame.keyframe);
                let payloads: Vec<_> = frame.stamped(&stamp).collect();
                prop_assert_eq!(payloads.len(), usize::from(frame.packets()));
                prop_assert!(payloads.iter().all(|payload| payload.len() <= LARGEST_PAYLOAD));
                let (read, _) = Stamp::read(payloads.last().expect("a payload")).expect("a stamp");
                prop_assert_eq!(read, stamp);
            }
        }

        #[test]
        fn any_bytes_are_borne(data: Vec<u8>) {
            for codec in ALL {
                let _ = Frame::cut(codec, &data);
            }
        }
    }

    #[test]
    fn opus_with_a_stamp_decodes_to_the_same_sound() {
        let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip)
            .expect("an encoder");
        let samples: Vec<f32> = (0..960).map(|index| (index as f32 * 0.05).sin() * 0.5).collect();
        let packet = encoder.encode_vec_float(&samples, 1_275).expect("a packet");
        let frame = Frame::cut(Codec::Opus, &packet).expect("a frame");
        let stamp = Stamp { stream: 1, counter: 2, sent: 3, packets: 1, keyframe: true };
        let stamped = frame.stamped(&stamp).next().expect("a payload");
        let decode = |packet: &[u8]| {
            let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).expect("a decoder");
            let mut sound = [0.0; 960];
            assert_eq!(decoder.decode_float(packet, &mut sound, false).expect("sound"), 960);
            sound
        };
        assert_eq!(decode(&packet), decode(&stamped));
    }

    #[test]
    fn h264_goes_out_as_units_and_fragments() {
        let stream =
            [&[0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x67, 7, 0, 0, 0, 1, 0x65][..], &[1; 2_000]].concat();
        let frame = Frame::cut(Codec::H264, &stream).expect("a frame");
        assert_eq!(frame.payloads[0], [0x67, 7]);
        assert_eq!(frame.payloads[1][..2], [0x7c, 0x85]);
        assert_eq!(frame.payloads[2][..2], [0x7c, 0x45]);
        assert_eq!(frame.payloads[1].len() + frame.payloads[2].len(), 2_000 + 4);
        assert_eq!((frame.payloads[3][0], frame.packets()), (23, 4));
    }

    #[test]
    fn av1_goes_out_as_elements_with_lengths() {
        let unit = encoded(Codec::Av1, &[7; 1_500]);
        let frame = Frame::cut(Codec::Av1, &unit).expect("a frame");
        let [first, second] = &frame.payloads[..] else { panic!("{}", frame.packets()) };
        // A sequence header of two bytes, then the frame; its rest; and the stamp's own OBU.
        assert_eq!(first[..4], [AV1_BEGINS | AV1_TO_BE_CONTINUED, 2, 0x08, 0xaa]);
        assert_eq!(second[0], AV1_CONTINUES);
        let stamp = second.len() - stamp::LENGTH;
        assert_eq!(
            second[stamp - 3..stamp],
            [stamp::LENGTH as u8 + 2, METADATA_OBU, PRIVATE_METADATA]
        );
    }

    #[test]
    fn vp8_packets_of_a_frame_are_about_the_same_size() {
        let frame = Frame::cut(Codec::Vp8, &[0; 3_000]).expect("a frame");
        let sizes: Vec<_> = frame.payloads.iter().map(Vec::len).collect();
        assert_eq!(sizes.len(), 3);
        assert!(sizes.iter().all(|size| size.abs_diff(sizes[0]) <= 3), "{sizes:?}");
        assert_eq!((frame.payloads[0][0], frame.payloads[1][0]), (0x90, 0x80));
    }
}
