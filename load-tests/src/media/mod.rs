//! What bots send, so that it is like the real thing and can be checked where it arrives.
//!
//! [`clip`] reads encoded video, [`speech`] makes Opus with the pauses of talk, and [`packets`] cuts
//! both into RTP payloads once, ahead of the run. A [`player`] sends them in time, each frame with a
//! [`stamp`] that says what it is and when it left; [`assembly`] is the other end, which accepts a
//! frame only when every byte of it is as it was sent.

pub mod assembly;
pub mod clip;
pub mod packets;
pub mod player;
pub mod speech;
pub mod stamp;

/// How media is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 6716, in RTP by RFC 7587.
    Opus,
    /// RFC 6386, in RTP by RFC 7741.
    Vp8,
    /// In RTP by RFC 6184, packetization mode 1.
    H264,
    /// In RTP by the AV1 RTP specification, version 1.0.
    Av1,
}

impl Codec {
    /// Bytes at the beginning of a payload that a server may rewrite: VP8's descriptor (RFC 7741
    /// §4.2) holds numbers that a forwarder makes continuous. A checksum leaves them out.
    pub fn rewritten(self, payload: &[u8]) -> usize {
        if self != Codec::Vp8 {
            return 0;
        }
        let at = |index: usize| payload.get(index).copied().unwrap_or_default();
        if at(0) & 0x80 == 0 {
            return 1;
        }
        let flags = at(1);
        let mut length = 2;
        if flags & 0x80 != 0 {
            length += if at(length) & 0x80 == 0 { 1 } else { 2 };
        }
        length += usize::from(flags & 0x40 != 0);
        length += usize::from(flags & 0x30 != 0);
        length.min(payload.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_descriptor_is_as_long_as_its_flags_say() {
        for (payload, length) in [
            (&[0x10, 1, 2, 3, 4, 5, 6][..], 1),
            (&[0x90, 0x80, 0x7f, 3, 4, 5, 6], 3),
            (&[0x90, 0x80, 0x80, 3, 4, 5, 6], 4),
            (&[0x90, 0xf0, 0x80, 3, 4, 5, 6], 6),
        ] {
            assert_eq!(Codec::Vp8.rewritten(payload), length, "{payload:?}");
            assert_eq!(Codec::H264.rewritten(payload), 0);
        }
    }

    proptest! {
        #[test]
        fn a_descriptor_ends_within_its_payload(payload in proptest::collection::vec(any::<u8>(), 1..8)) {
            prop_assert!(Codec::Vp8.rewritten(&payload) <= payload.len());
        }
    }
}
