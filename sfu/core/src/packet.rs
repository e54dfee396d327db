//! One media packet on its way from a publisher to its subscribers.

use std::sync::Arc;
use std::time::Instant;

use crate::codec::vp8::PictureIds;
use crate::event::MediaKind;
use crate::session::Format;

/// A decrypted packet as its publisher sent it, with what forwarding must know of it.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// The encoding it belongs to: each simulcast layer has its own.
    pub(crate) ssrc: u32,
    /// Sequence number, extended beyond 16 bits.
    pub(crate) sequence: u64,
    /// RTP timestamp in `format`'s clock.
    pub(crate) timestamp: u32,
    /// Codec and parameters.
    pub(crate) format: Arc<Format>,
    /// A receiver can start with this packet.
    pub(crate) starts_keyframe: bool,
    /// VP8's running numbers.
    pub(crate) picture_ids: Option<PictureIds>,
    /// Width and height in pixels, where the packet tells them.
    pub(crate) size: Option<(u16, u16)>,
    /// When it came.
    pub(crate) arrived: Instant,
    /// What goes through unchanged.
    pub(crate) content: Arc<Content>,
}

/// What of a packet is the same for all who get it. It is built once, and shared for as long as
/// anybody may ask for it again.
#[derive(Debug)]
pub(crate) struct Content {
    /// The last packet of a picture, or the first of a talk spurt.
    pub(crate) marker: bool,
    /// Ticks of the timestamp in a second.
    pub(crate) clock_rate: u32,
    /// When it was captured, on this machine's clock, never in the future; the sender reports are
    /// made of it.
    pub(crate) captured: Instant,
    pub(crate) extensions: Extensions,
    /// Without the RTP header.
    pub(crate) payload: Arc<[u8]>,
}

/// Header extensions that go through unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// RFC 6464, in -dBov.
    pub(crate) audio_level: Option<i8>,
    /// RFC 6464.
    pub(crate) voice_activity: Option<bool>,
    /// 3GPP TS 26.114, in quarter turns.
    pub(crate) orientation: Option<u8>,
}

/// A packet as one subscriber gets it. Every subscriber keeps many, so it is small.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) content: Arc<Content>,
    /// Continuous in the slot, below 65,536 at its start.
    pub(crate) sequence: u64,
    /// Continuous in the slot.
    pub(crate) timestamp: u32,
    /// The subscriber's payload type.
    pub(crate) payload_type: u8,
    /// The subscriber's payload type for sending it again (RFC 4588), if it takes that.
    pub(crate) resend_type: Option<u8>,
    /// VP8's running numbers as they continue in the slot.
    pub(crate) picture_ids: Option<PictureIds>,
}
