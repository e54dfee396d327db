//! What stands at the end of every frame that a bot sends: which one it is, when it left, and a
//! checksum over all of it.
//!
//! It is in the last bytes of the frame's last packet, where each codec has a place that decoders
//! pass over: Opus' padding, the end of VP8's last partition, a NAL unit of a reserved type, an OBU of
//! private metadata. So frames stay playable, and one check does for all codecs. A checksum in the
//! packet, rather than a list of what was sent, lets the receiver be another process.
//!
//! It is written in nibbles, as bytes from 0x40 to 0x4f, and ends with 0x80: no byte is zero, so it
//! never looks like an H.264 start code (H.264 §7.4.1), and 0x80 is the stop bit that an NAL unit and
//! an OBU end with.

/// Bytes of a written stamp.
pub const LENGTH: usize = 2 * FIELDS + 1;

/// Bytes before they are written as nibbles: the stamp and the checksum.
const FIELDS: usize = STAMP + 4;

const STAMP: usize = 18;

/// The first bit of the number of packets tells a keyframe.
const KEYFRAME: u16 = 0x8000;

const STOP: u8 = 0x80;

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The stream, unique in a run: the room's number in the upper half.
    pub stream: u32,
    /// Counts the frames of the stream.
    pub counter: u32,
    /// When it left, in nanoseconds of the run's clock.
    pub sent: u64,
    /// How many packets it is in; below 32768.
    pub packets: u16,
    /// Whether decoding can begin here.
    pub keyframe: bool,
}

impl Stamp {
    /// The stamp as written, for a frame whose other bytes have the checksum `body` (CRC-32C).
    pub fn write(&self, body: u32) -> [u8; LENGTH] {
        let stamp = self.bytes();
        let checksum = crc32c::crc32c_append(body, &stamp);
        let mut fields = [0; FIELDS];
        fields[..STAMP].copy_from_slice(&stamp);
        fields[STAMP..].copy_from_slice(&checksum.to_be_bytes());
        let mut written = [STOP; LENGTH];
        for (index, field) in fields.iter().enumerate() {
            written[2 * index] = 0x40 | field >> 4;
            written[2 * index + 1] = 0x40 | field & 0x0f;
        }
        written
    }

    /// The stamp at the end of a frame's last payload and the frame's checksum, or `None` if there
    /// is none.
    pub fn read(payload: &[u8]) -> Option<(Stamp, u32)> {
        let (nibbles, stop) = payload.last_chunk::<LENGTH>()?.split_at(LENGTH - 1);
        if stop != [STOP] || nibbles.iter().any(|byte| byte & 0xf0 != 0x40) {
            return None;
        }
        let mut fields = [0; FIELDS];
        for (field, pair) in fields.iter_mut().zip(nibbles.chunks_exact(2)) {
            *field = pair[0] << 4 | pair[1] & 0x0f;
        }
        let (stamp, checksum) = fields.split_at(STAMP);
        let packets = u16::from_be_bytes(stamp[16..18].try_into().ok()?);
        let stamp = Stamp {
            stream: u32::from_be_bytes(stamp[..4].try_into().ok()?),
            counter: u32::from_be_bytes(stamp[4..8].try_into().ok()?),
            sent: u64::from_be_bytes(stamp[8..16].try_into().ok()?),
            packets: packets & !KEYFRAME,
            keyframe: packets & KEYFRAME != 0,
        };
        Some((stamp, u32::from_be_bytes(checksum.try_into().ok()?)))
    }

    /// Whether this stamp and the bytes with the checksum `body` have the checksum `whole` together.
    pub fn seals(&self, body: u32, whole: u32) -> bool {
        crc32c::crc32c_append(body, &self.bytes()) == whole
    }

    fn bytes(&self) -> [u8; STAMP] {
        let packets = self.packets | if self.keyframe { KEYFRAME } else { 0 };
        let mut bytes = [0; STAMP];
        bytes[..4].copy_from_slice(&self.stream.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.counter.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.sent.to_be_bytes());
        bytes[16..].copy_from_slice(&packets.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in crate::media) fn any_stamp() -> impl Strategy<Value = Stamp> {
        (any::<u32>(), any::<u32>(), any::<u64>(), 0..KEYFRAME, any::<bool>()).prop_map(
            |(stream, counter, sent, packets, keyframe)| Stamp {
                stream,
                counter,
                sent,
                packets,
                keyframe,
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(stamp in any_stamp(), body: u32, before: Vec<u8>) {
            let written = stamp.write(body);
            prop_assert!(written.iter().all(|byte| *byte >= 0x40));
            let (read, whole) = Stamp::read(&[&before[..], &written].concat()).expect("a stamp");
            prop_assert_eq!(read, stamp);
            prop_assert!(read.seals(body, whole));
            prop_assert!(!read.seals(body ^ 1, whole));
        }

        #[test]
        fn a_changed_bit_is_noticed(stamp in any_stamp(), body: u32, bit in 0..LENGTH * 8) {
            let mut written = stamp.write(body);
            written[bit / 8] ^= 1 << (bit % 8);
            let sound = Stamp::read(&written).is_some_and(|(stamp, whole)| stamp.seals(body, whole));
            prop_assert!(!sound);
        }

        #[test]
        fn other_bytes_are_no_stamp(bytes in proptest::collection::vec(0_u8..0x40, 0..100)) {
            prop_assert_eq!(Stamp::read(&bytes), None);
        }
    }
}
