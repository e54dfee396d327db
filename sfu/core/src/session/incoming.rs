//! The media that a remote side sends: which track a packet belongs to, and what it carries.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use str0m::Input;
use str0m::format::PayloadParams;
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, Ssrc};

use super::format::{Format, extension_ids};
use super::{Happened, NOWHERE, Outbox, Session};
use crate::codec::{Codec, vp8};
use crate::event::MediaKind;
use crate::header::{ExtensionIds, Received};
use crate::packet::{Content, Extensions, Packet};
use crate::sources;
use crate::stats::DropReason;

/// Encodings whose m-line is remembered. It is found again when it is forgotten.
const MAX_INGRESS: usize = 2 * sources::MAX_SOURCES;

/// One point in time, as the remote side has reported it (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported {
    /// On its wall clock.
    wall: SystemTime,
    /// On the stream's.
    timestamp: u32,
}

/// A packet of the remote side, decrypted.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) ssrc: u32,
    /// Extended beyond 16 bits.
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) extensions: Extensions,
    pub(super) payload: Arc<[u8]>,
    /// The last report on its stream.
    pub(super) reported: Option<Reported>,
    pub(super) at: Instant,
}

impl From<RtpPacket> for Arrived {
    fn from(packet: RtpPacket) -> Arrived {
        let values = &packet.header.ext_vals;
        Arrived {
            ssrc: *packet.header.ssrc,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            payload_type: *packet.header.payload_type,
            marker: packet.header.marker,
            extensions: Extensions {
                audio_level: values.audio_level,
                voice_activity: values.voice_activity,
                orientation: values.video_orientation.map(|o| o as u8),
            },
            payload: packet.payload,
            reported: packet.last_sender_info.map(|info| Reported {
                wall: info.ntp_time,
                timestamp: info.rtp_time.numer() as u32,
            }),
            at: packet.timestamp,
        }
    }
}

/// Where one encoding of a publisher belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ingress {
    mid: Mid,
    track: Option<usize>,
    ids: ExtensionIds,
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
        self.fast_path.forget();
        true
    }

    /// Asks the remote side for a keyframe of one of its encodings.
    pub(crate) fn request_keyframe(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&Ssrc::from(ssrc)) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.is_stirred = true;
        }
    }

    /// Forwards a packet of RTP that str0m need not judge. False if it must.
    pub(super) fn forward_at_once(
        &mut self,
        datagram: &[u8],
        now: Instant,
        out: &mut Outbox,
    ) -> bool {
        let Some(packet) = self.fast_path.open(datagram, now) else { return false };
        out.ahead += 1;
        self.contained(out, |session, out| session.on_packet(packet, out));
        true
    }

    /// Tells str0m of what was forwarded before it knew. False if there is nothing; else it is to be drained, before anything
    /// else is received.
    pub(super) fn catch_up(&mut self, out: &mut Outbox) -> bool {
        let mut failed = None;
        let (rtc, sources) = (&mut self.rtc, &mut self.sources);
        let has_told = self.fast_path.catch_up(|datagram, came| {
            let receive = Receive::new(Protocol::Udp, NOWHERE, NOWHERE, datagram);
            // It was read, and its stream was admitted, before.
            let (Ok(receive), Some(header)) = (receive, Received::parse(datagram)) else { return };
            sources.admit(header.ssrc, came);
            failed = rtc.handle_input(Input::Receive(came, receive)).err().or(failed.take());
        });
        if let Some(error) = failed {
            self.fail(&error, out);
        }
        self.is_catching_up |= has_told;
        has_told
    }

    /// A packet that str0m gives. While it is catching up, that is one that was forwarded.
    pub(super) fn on_rtp(&mut self, packet: RtpPacket, out: &mut Outbox) {
        self.media_came = true;
        let packet = Arrived::from(packet);
        if self.is_catching_up {
            self.fast_path.note_report(packet.ssrc, packet.reported);
            return;
        }
        if let Some(ingress) = self.ingress_of(packet.ssrc.into()) {
            self.fast_path.follow(&packet, ingress.ids);
        }
        self.on_packet(packet, out);
    }

    fn on_packet(&mut self, packet: Arrived, out: &mut Outbox) {
        let (track, format) = match self.destination_of(&packet) {
            Ok(found) => found,
            Err(reason) => {
                out.happened.push(Happened::Dropped(reason));
                return;
            }
        };
        let Arrived { ssrc, sequence, timestamp, payload, at: arrived, .. } = packet;
        self.arriving.count(ssrc, sequence, payload.len(), arrived);
        let captured = match &packet.reported {
            Some(reported) => {
                let ticks = i64::from(timestamp.wrapping_sub(reported.timestamp) as i32);
                let since = ticks * 1_000_000 / i64::from(format.clock_rate);
                let distance = Duration::from_micros(since.unsigned_abs());
                let published = if since < 0 {
                    reported.wall.checked_sub(distance)
                } else {
                    reported.wall.checked_add(distance)
                };
                published.map_or(arrived, |published| self.capture.captured(published, arrived))
            }
            None => arrived,
        };
        let descriptor = match format.codec {
            Codec::Vp8 => vp8::Descriptor::parse(&payload),
            _ => None,
        };
        let kind = if format.codec == Codec::Audio { MediaKind::Audio } else { MediaKind::Video };
        let packet = Packet {
            kind,
            ssrc,
            sequence,
            timestamp,
            starts_keyframe: format.codec.starts_keyframe(&payload),
            picture_ids: descriptor.and_then(|d| d.ids),
            size: descriptor.and_then(|d| d.size),
            arrived,
            content: Arc::new(Content {
                marker: packet.marker,
                clock_rate: format.clock_rate,
                captured,
                extensions: packet.extensions,
                payload,
            }),
            format,
        };
        out.happened.push(Happened::Packet { track, packet });
    }

    /// The track that a packet belongs to, and what it carries.
    fn destination_of(&mut self, packet: &Arrived) -> Result<(usize, Arc<Format>), DropReason> {
        if packet.payload.is_empty() {
            return Err(DropReason::Padding);
        }
        let ingress = self.ingress_of(packet.ssrc.into()).ok_or(DropReason::UnknownStream)?;
        let track = ingress.track.ok_or(DropReason::Unpublished)?;
        let format = self.format_of(packet.payload_type.into()).ok_or(DropReason::UnknownFormat)?;
        Ok((track, format))
    }

    fn ingress_of(&mut self, ssrc: Ssrc) -> Option<Ingress> {
        if let Some(ingress) = self.ingress.get(&ssrc) {
            return Some(*ingress);
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        let track = self.published.get(&mid).copied();
        let ids = self.rtc.media(mid).map(|media| extension_ids(media.remote_extmap()));
        let ingress = Ingress { mid, track, ids: ids.unwrap_or_default() };
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
        let header = Received::parse(datagram);
        let ssrc = Ssrc::from(header.map_or(0, |header| header.ssrc));
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
