//! The media that a remote side sends: which track a packet belongs to, and what it carries.

use std::sync::Arc;
use std::time::Duration;

use str0m::format::PayloadParams;
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::rtp::{RtpPacket, Ssrc};

use super::format::Format;
use super::{Happened, Outbox, Session};
use crate::codec::{Codec, vp8};
use crate::event::MediaKind;
use crate::packet::{Content, Extensions, Packet};
use crate::sources;
use crate::stats::DropReason;

/// Encodings whose m-line is remembered. It is found again when it is forgotten.
const MAX_INGRESS: usize = 2 * sources::MAX_SOURCES;

/// Where one encoding of a publisher belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ingress {
    mid: Mid,
    track: Option<usize>,
}

impl Session {
    /// Whether the remote side sends `kind` on m-line `mid`.
    pub(crate) fn sends(&self, mid: &str, kind: MediaKind) -> bool {
        self.lines.iter().any(|line| line.mid == mid && line.kind == kind && line.sends)
    }

    /// Packets on `mid` are from now on those of `track`; of nothing with `None`. False if the
    /// line is another track's already.
    pub(crate) fn publish(&mut self, mid: &str, track: Option<usize>) -> bool {
        let mid = Mid::from(mid);
        match track {
            Some(_) if self.published.contains_key(&mid) => return false,
            Some(track) => {
                self.published.insert(mid, track);
            }
            None => {
                self.published.remove(&mid);
            }
        }
        self.ingress.clear();
        true
    }

    /// Asks the remote side for a keyframe of one of its encodings.
    pub(crate) fn request_keyframe(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&Ssrc::from(ssrc)) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.is_stirred = true;
        }
    }

    pub(super) fn on_packet(&mut self, packet: RtpPacket, out: &mut Outbox) {
        self.media_came = true;
        let (track, format) = match self.destination_of(&packet) {
            Ok(found) => found,
            Err(reason) => {
                out.happened.push(Happened::Dropped(reason));
                return;
            }
        };
        let (ssrc, sequence) = (*packet.header.ssrc, *packet.seq_no);
        let arrived = packet.timestamp;
        self.arriving.count(ssrc, sequence, packet.payload.len(), arrived);
        let timestamp = packet.header.timestamp;
        let captured = match &packet.last_sender_info {
            Some(info) => {
                let reported = info.rtp_time.numer() as u32;
                let ticks = i64::from(timestamp.wrapping_sub(reported) as i32);
                let since = ticks * 1_000_000 / i64::from(format.clock_rate);
                let distance = Duration::from_micros(since.unsigned_abs());
                let published = if since < 0 {
                    info.ntp_time.checked_sub(distance)
                } else {
                    info.ntp_time.checked_add(distance)
                };
                published.map_or(arrived, |published| self.capture.captured(published, arrived))
            }
            None => arrived,
        };
        let descriptor = match format.codec {
            Codec::Vp8 => vp8::Descriptor::parse(&packet.payload),
            _ => None,
        };
        let kind = if format.codec == Codec::Audio { MediaKind::Audio } else { MediaKind::Video };
        let values = &packet.header.ext_vals;
        let packet = Packet {
            kind,
            ssrc,
            sequence,
            timestamp,
            starts_keyframe: format.codec.starts_keyframe(&packet.payload),
            picture_ids: descriptor.and_then(|d| d.ids),
            size: descriptor.and_then(|d| d.size),
            arrived,
            content: Arc::new(Content {
                marker: packet.header.marker,
                clock_rate: format.clock_rate,
                captured,
                extensions: Extensions {
                    audio_level: values.audio_level,
                    voice_activity: values.voice_activity,
                    orientation: values.video_orientation.map(|o| o as u8),
                },
                payload: packet.payload,
            }),
            format,
        };
        out.happened.push(Happened::Packet { track, packet });
    }

    /// The track that a packet belongs to, and what it carries.
    fn destination_of(&mut self, packet: &RtpPacket) -> Result<(usize, Arc<Format>), DropReason> {
        if packet.payload.is_empty() {
            return Err(DropReason::Padding);
        }
        let ingress = self.ingress_of(packet.header.ssrc).ok_or(DropReason::UnknownStream)?;
        let track = ingress.track.ok_or(DropReason::Unpublished)?;
        let format = self.format_of(packet.header.payload_type).ok_or(DropReason::UnknownFormat)?;
        Ok((track, format))
    }

    fn ingress_of(&mut self, ssrc: Ssrc) -> Option<Ingress> {
        if let Some(ingress) = self.ingress.get(&ssrc) {
            return Some(*ingress);
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        let ingress = Ingress { mid, track: self.published.get(&mid).copied() };
        tracing::debug!(session = self.key.0, ssrc = *ssrc, mid = %ingress.mid, "a new encoding");
        if self.ingress.len() >= MAX_INGRESS {
            self.ingress.clear();
        }
        self.ingress.insert(ssrc, ingress);
        Some(ingress)
    }

    fn format_of(&mut self, payload_type: Pt) -> Option<Arc<Format>> {
        if let Some(format) = self.formats.get(&payload_type) {
            return Some(Arc::clone(format));
        }
        let params = self.rtc.codec_config().find(|params| params.pt() == payload_type)?;
        let format = Arc::new(Format::new(params.spec()));
        self.formats.insert(payload_type, Arc::clone(&format));
        Some(format)
    }

    /// What became of RTP that str0m has kept to itself, as far as can be seen from here.
    pub(super) fn why_no_media(&mut self, datagram: &[u8]) -> DropReason {
        let payload_type = Pt::from(datagram[1] & 0x7f);
        let is_resend = |p: &PayloadParams| p.resend() == Some(payload_type);
        let ssrc = Ssrc::from(sources::ssrc_of(datagram).unwrap_or_default());
        if ssrc == Ssrc::from(0) {
            // Chromium's probes (SSRC 0) are answered with feedback and carry nothing.
            DropReason::Padding
        } else if self.rtc.direct_api().stream_rx(&ssrc).is_some()
            || self.rtc.codec_config().find(is_resend).is_some()
        {
            DropReason::Discarded
        } else {
            DropReason::UnknownStream
        }
    }
}
