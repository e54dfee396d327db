//! What flows on an m-line: codecs with their parameters, and what a remote side calls them.

use str0m::format::{Codec as RtcCodec, CodecSpec};
use str0m::rtp::{Extension, ExtensionMap};

use crate::codec::Codec;
use crate::header::ExtensionIds;

/// A codec with its parameters, as a publisher sends it.
#[derive(Debug, PartialEq)]
pub(crate) struct Format {
    /// How its keyframes are told.
    pub(crate) codec: Codec,
    /// RTP clock in ticks per second.
    pub(crate) clock_rate: u32,
    spec: CodecSpec,
}

impl Format {
    pub(crate) fn new(spec: CodecSpec) -> Format {
        let codec = match spec.codec {
            RtcCodec::Vp8 => Codec::Vp8,
            RtcCodec::Vp9 => Codec::Vp9,
            RtcCodec::H264 => Codec::H264,
            RtcCodec::H265 => Codec::H265,
            RtcCodec::Av1 => Codec::Av1,
            other if other.is_audio() => Codec::Audio,
            _ => Codec::Opaque,
        };
        Format { codec, clock_rate: spec.clock_rate.get(), spec }
    }

    /// Whether what is sent as `self` can be received as `other`: same codec, same profile. The
    /// level is the receiver's own concern.
    pub(super) fn suits(&self, other: &CodecSpec) -> bool {
        let (a, b) = (&self.spec.format, &other.format);
        self.spec.codec == other.codec
            && match self.spec.codec {
                RtcCodec::H264 => {
                    let profile = |id: Option<u32>| id.map(|id| id >> 8);
                    a.packetization_mode.unwrap_or(0) == b.packetization_mode.unwrap_or(0)
                        && profile(a.profile_level_id) == profile(b.profile_level_id)
                }
                RtcCodec::Vp9 => a.profile_id.unwrap_or(0) == b.profile_id.unwrap_or(0),
                RtcCodec::Av1 => a.profile.unwrap_or(0) == b.profile.unwrap_or(0),
                _ => true,
            }
    }
}

/// What a remote side calls a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadType {
    /// For packets of it.
    pub(crate) media: u8,
    /// For sending them again (RFC 4588).
    pub(crate) resend: Option<u8>,
}

/// What a remote side calls the header extensions that it takes. Transport-wide numbers are not
/// sent: receivers answer them some ten times a second, and nobody here reads that.
pub(super) fn extension_ids(map: &ExtensionMap) -> ExtensionIds {
    ExtensionIds {
        mid: map.id_of(Extension::RtpMid),
        audio_level: map.id_of(Extension::AudioLevel),
        orientation: map.id_of(Extension::VideoOrientation),
        send_time: map.id_of(Extension::AbsoluteSendTime),
    }
}
