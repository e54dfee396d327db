//! What forwarding must know of a codec's payload, and no more: does a keyframe start here?
//!
//! Every function takes the RTP payload as it came from the network and must bear any bytes.

mod av1;
mod h264;
mod h265;
pub(crate) mod vp8;
mod vp9;

/// A codec that is passed through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Codec {
    /// Sound of any kind: every packet stands alone.
    Audio,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// RFC 7798.
    H265,
    /// AV1 RTP payload format 1.0 (AOMedia).
    Av1,
    /// Video that nothing is known of: every packet may be a keyframe.
    Opaque,
}

impl Codec {
    /// Whether decoding may start with the frame whose first packet has this payload.
    pub(crate) fn starts_keyframe(self, payload: &[u8]) -> bool {
        match self {
            Codec::Audio | Codec::Opaque => true,
            Codec::Vp8 => vp8::Descriptor::parse(payload).is_some_and(|d| d.starts_keyframe),
            Codec::Vp9 => vp9::starts_keyframe(payload),
            Codec::H264 => h264::starts_keyframe(payload),
            Codec::H265 => h265::starts_keyframe(payload),
            Codec::Av1 => av1::starts_keyframe(payload),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes_are_borne(payload in proptest::collection::vec(proptest::num::u8::ANY, 0..64)) {
            for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::H265, Codec::Av1] {
                let _ = codec.starts_keyframe(&payload);
            }
        }
    }
}
