//! One client's media connection. The only file that touches [`str0m::Rtc`].
//!
//! str0m wants to be drained after every change ([`Session::drain`]). On the way out, a batch of
//! packets for one session is written first and drained once ([`Session::flush`]): that is a
//! third cheaper per copy than a drain for each, and delivers the same.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::format::{Codec as RtcCodec, CodecSpec};
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc, VideoOrientation, Vp8Descriptor};
use str0m::{Candidate, IceConnectionState, IceCreds, Input, Output, Rtc, RtcConfig};

use crate::capture::CaptureClock;
use crate::codec::{Codec, vp8};
use crate::command::{RoomKey, SessionKey, TrackKey};
use crate::config::Config;
use crate::engine::Transmit;
use crate::event::{Answer, CommandError, MediaKind};
use crate::negotiation::{self, Credentials, LineNames};
use crate::packet::{Extensions, Outgoing, Packet};
use crate::slots::{Line as SlotLine, Slots};

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
    fn new(spec: CodecSpec) -> Format {
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
    fn suits(&self, other: &CodecSpec) -> bool {
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

/// One thing that came out of a session.
#[derive(Debug)]
pub(crate) enum Happened {
    /// A media packet of the published track `track` (an index of the router's).
    Packet { track: usize, packet: Packet },
    /// A media packet on an m-line that is not published.
    Unpublished,
    /// The receiver cannot decode what flows on this slot line.
    KeyframeWanted { line: usize },
    /// ICE and DTLS are through.
    Connected,
    /// The session is over.
    Failed,
}

/// Where what comes out of a session goes.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Datagrams for the network, in order.
    pub(crate) transmits: Vec<Transmit>,
    /// Everything else, in order.
    pub(crate) happened: Vec<Happened>,
}

/// Where one encoding of a publisher belongs.
#[derive(Debug, Clone, Copy)]
struct Ingress {
    mid: Mid,
    track: Option<usize>,
}

/// The sending side of a slot line. It has no stream in str0m before its first packet: one that
/// has never sent would report the RTP time 0 and spoil the receiver's lip sync.
#[derive(Debug, Clone, Copy)]
struct Egress {
    mid: Mid,
    ssrc: Ssrc,
    rtx: Option<Ssrc>,
    begun: bool,
}

/// One peer connection.
pub(crate) struct Session {
    pub(crate) key: SessionKey,
    pub(crate) room: RoomKey,
    /// Which track flows on which receive m-line.
    pub(crate) slots: Slots,
    /// Is on the engine's list of sessions to flush.
    dirty: bool,
    /// When the engine's timers next look at this session; never later than it wants.
    pub(crate) scheduled: Option<Instant>,
    rtc: Rtc,
    deadline: Instant,
    ufrag: String,
    lines: Vec<crate::event::Line>,
    published: HashMap<Mid, usize>,
    ingress: HashMap<Ssrc, Ingress>,
    formats: HashMap<Pt, Arc<Format>>,
    egress: HashMap<usize, Egress>,
    outbox: Vec<Outgoing>,
    capture: CaptureClock,
    connected: bool,
    failed: bool,
    /// When the session fails if it is not connected by then.
    gives_up: Option<Instant>,
}

impl Session {
    pub(crate) fn new(room: RoomKey, key: SessionKey, config: &Config, now: Instant) -> Session {
        let random = IceCreds::new();
        let ufrag = format!("{}{}", config.place.ufrag_prefix(), random.ufrag);
        let credentials = IceCreds { ufrag: ufrag.clone(), pass: random.pass };
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .enable_h265(true)
            .set_rtp_mode(true)
            .set_ice_lite(config.ice_lite)
            .set_stats_interval(None)
            // Five seconds, the default for audio, would leave a slot without lip sync for as long.
            .set_rtcp_report_interval_audio(Duration::from_secs(1))
            .set_rtcp_report_interval_video(Duration::from_secs(1))
            .set_local_ice_credentials(credentials)
            .build(now);
        for &address in &config.advertised {
            match Candidate::host(address, "udp") {
                Ok(candidate) => {
                    rtc.add_local_candidate(candidate);
                }
                Err(error) => tracing::warn!(%address, %error, "an advertised address is unusable"),
            }
        }
        Session {
            key,
            room,
            slots: Slots::default(),
            dirty: false,
            scheduled: None,
            rtc,
            deadline: now,
            ufrag,
            lines: Vec::new(),
            published: HashMap::new(),
            ingress: HashMap::new(),
            formats: HashMap::new(),
            egress: HashMap::new(),
            outbox: Vec::new(),
            capture: CaptureClock::new(now),
            connected: false,
            failed: false,
            gives_up: None,
        }
    }

    /// The ufrag under which first checks come in.
    pub(crate) fn ufrag(&self) -> &str {
        &self.ufrag
    }

    /// ICE and DTLS are through, and the path is there.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Puts the session, whose index is given, on the list of those to flush.
    pub(crate) fn mark_dirty(&mut self, index: usize, list: &mut Vec<usize>) {
        if !self.dirty {
            self.dirty = true;
            list.push(index);
        }
    }

    /// When the session wants to be woken.
    pub(crate) fn deadline(&self) -> Instant {
        self.gives_up.map_or(self.deadline, |at| at.min(self.deadline))
    }

    /// Answers an offer and brings the slots up to date. Returns the tracks that lost their line
    /// because the remote side gave it up, too.
    pub(crate) fn answer(
        &mut self,
        sdp: &str,
        config: &Config,
        now: Instant,
    ) -> Result<(Answer, Vec<TrackKey>), CommandError> {
        let lines = negotiation::offered_lines(sdp, config.max_lines)?;
        if negotiation::candidate_count(sdp) > config.max_candidates {
            return Err(CommandError::BadSdp(format!(
                "the offer names more than {} candidates",
                config.max_candidates
            )));
        }
        if !negotiation::has_fingerprint(sdp) {
            return Err(CommandError::BadSdp(
                "the offer has no a=fingerprint; DTLS is a must".into(),
            ));
        }
        let offer = SdpOffer::from_sdp_string(sdp)
            .map_err(|error| CommandError::BadSdp(format!("the offer cannot be read: {error}")))?;
        let answer = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(|error| {
                CommandError::BadSdp(format!("the offer cannot be accepted: {error}"))
            })?
            .to_sdp_string();
        self.lines = lines;
        // Payload types and SSRCs may have changed hands.
        self.ingress.clear();
        self.formats.clear();
        if !self.connected && self.gives_up.is_none() {
            self.gives_up = Some(now + config.connect_timeout);
        }
        let restarted = self.keep_own_ufrag(config);
        let receiving: Vec<(String, MediaKind)> =
            self.lines.iter().filter(|l| l.receives).map(|l| (l.mid.clone(), l.kind)).collect();
        let lost = self.slots.offer(&receiving);
        let names = self.park_unused_lines();
        let credentials = restarted.as_ref().map(|credentials| Credentials {
            ufrag: &credentials.ufrag,
            password: &credentials.pass,
        });
        let sdp = negotiation::name_lines(&answer, &names, credentials.as_ref());
        Ok((Answer { sdp, lines: self.lines.clone() }, lost))
    }

    /// An ICE restart makes str0m choose credentials whose ufrag names nobody: put ours instead.
    fn keep_own_ufrag(&mut self, config: &Config) -> Option<IceCreds> {
        if self.rtc.direct_api().local_ice_credentials().ufrag == self.ufrag {
            return None;
        }
        let random = IceCreds::new();
        self.ufrag = format!("{}{}", config.place.ufrag_prefix(), random.ufrag);
        let credentials = IceCreds { ufrag: self.ufrag.clone(), pass: random.pass };
        self.rtc.direct_api().set_local_ice_credentials(credentials.clone());
        Some(credentials)
    }

    /// Takes the streams of slot lines that have never sent back from str0m and keeps their
    /// SSRCs, which the answer has named. Returns the names for the answer's lines.
    fn park_unused_lines(&mut self) -> Vec<LineNames> {
        let mut names = Vec::new();
        let slot_lines: Vec<(usize, String, MediaKind, usize)> =
            self.slots.alive().map(|(i, l)| (i, l.mid.clone(), l.kind, l.pair)).collect();
        for (index, mid_text, kind, pair) in slot_lines {
            let mid = Mid::from(mid_text.as_str());
            let mut api = self.rtc.direct_api();
            if let Some(stream) = api.stream_tx_by_mid(mid, None) {
                let (ssrc, rtx) = (stream.ssrc(), stream.rtx());
                let begun = self.egress.get(&index).is_some_and(|e| e.begun && e.ssrc == ssrc);
                if !begun {
                    api.remove_stream_tx(ssrc);
                }
                self.egress.insert(index, Egress { mid, ssrc, rtx, begun });
            }
            let media = match kind {
                MediaKind::Audio => "audio",
                MediaKind::Video => "video",
            };
            names.push(LineNames {
                mid: mid_text,
                stream: format!("slot-{pair}"),
                track: format!("slot-{pair}-{media}"),
            });
        }
        names
    }

    /// A trickled candidate. What cannot be read is ignored, as RFC 8839 §5.1 asks.
    pub(crate) fn add_candidate(&mut self, candidate: &str) {
        match Candidate::from_sdp_string(candidate) {
            Ok(candidate) => {
                self.rtc.add_remote_candidate(candidate);
            }
            Err(error) => tracing::debug!(%error, "a remote candidate cannot be used"),
        }
    }

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

    /// Whether a datagram from an unknown address is an ICE check that proves to be from this
    /// session's remote side (RFC 8445 §7.3).
    pub(crate) fn verifies(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
        now: Instant,
    ) -> bool {
        Receive::new(Protocol::Udp, source, destination, datagram)
            .is_ok_and(|receive| self.rtc.accepts(&Input::Receive(now, receive)))
    }

    /// A datagram from the remote side. False if it cannot be read.
    pub(crate) fn receive(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
        now: Instant,
        out: &mut Outbox,
    ) -> bool {
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, datagram) else {
            return false;
        };
        if let Err(error) = self.rtc.handle_input(Input::Receive(now, receive)) {
            self.fail(&error, out);
        }
        self.drain(now, out);
        true
    }

    /// Queues a packet for the next [`Session::flush`].
    pub(crate) fn send(&mut self, packet: Outgoing) {
        self.outbox.push(packet);
    }

    /// The payload type under which this session's remote side takes `format` on a slot line.
    pub(crate) fn payload_type(&self, line: &SlotLine, format: &Format) -> Option<u8> {
        let media = self.rtc.media(Mid::from(line.mid.as_str()))?;
        let accepted = media.remote_pts();
        let config = self.rtc.codec_config();
        let found = config.find(|p| accepted.contains(&p.pt()) && format.suits(&p.spec()))?;
        Some(*found.pt())
    }

    /// Asks the remote side for a keyframe of one of its encodings.
    pub(crate) fn request_keyframe(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&Ssrc::from(ssrc)) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Writes what is queued, moves the session's time to `now` and drains it.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Outbox) {
        self.dirty = false;
        let mut queued = std::mem::take(&mut self.outbox);
        for packet in queued.drain(..) {
            self.write(packet);
        }
        self.outbox = queued;
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            self.fail(&error, out);
        }
        self.drain(now, out);
        if self.gives_up.is_some_and(|at| at <= now) && !self.failed {
            self.failed = true;
            out.happened.push(Happened::Failed);
        }
    }

    fn write(&mut self, packet: Outgoing) {
        let Some(line) = self.egress.get_mut(&packet.line) else { return };
        let mut api = self.rtc.direct_api();
        if !line.begun {
            line.begun = true;
            api.declare_stream_tx(line.ssrc, line.rtx, line.mid, None);
        }
        let Some(stream) = api.stream_tx(&line.ssrc) else { return };
        let extensions = ExtensionValues {
            audio_level: packet.extensions.audio_level,
            voice_activity: packet.extensions.voice_activity,
            video_orientation: packet.extensions.orientation.map(orientation_from),
            ..ExtensionValues::default()
        };
        // The patch goes by the payload's own descriptor: its offsets are the same in every copy.
        let patch = packet.picture_ids.and_then(|ids| {
            let builder = Vp8Descriptor::parse(&packet.payload).ok()?.patch();
            let builder = builder.picture_id(ids.picture_id);
            match ids.tl0_pic_idx {
                Some(index) => builder.tl0_pic_idx(index),
                None => builder,
            }
            .build()
            .ok()
        });
        let mut write = RtpWrite::new(
            Pt::from(packet.payload_type),
            packet.sequence.into(),
            packet.timestamp,
            packet.captured,
            packet.payload,
        )
        .marker(packet.marker)
        .nackable(line.rtx.is_some())
        .ext_vals(extensions);
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        stream.write_rtp(write);
    }

    fn drain(&mut self, now: Instant, out: &mut Outbox) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.deadline = at;
                    return;
                }
                Ok(Output::Transmit(transmit)) => out.transmits.push(Transmit {
                    source: transmit.source,
                    destination: transmit.destination,
                    contents: transmit.contents.into(),
                }),
                Ok(Output::Event(event)) => self.on_event(event, now, out),
                Err(error) => {
                    self.fail(&error, out);
                    self.deadline = now + Duration::from_secs(3600);
                    return;
                }
            }
        }
    }

    fn on_event(&mut self, event: str0m::Event, now: Instant, out: &mut Outbox) {
        match event {
            str0m::Event::RtpPacket(packet) => self.on_packet(packet, out),
            str0m::Event::KeyframeRequest(request) => {
                let line = self.egress.iter().find(|(_, egress)| egress.mid == request.mid);
                if let Some((&line, _)) = line {
                    out.happened.push(Happened::KeyframeWanted { line });
                }
            }
            str0m::Event::Connected => {
                self.connected = true;
                self.gives_up = None;
                out.happened.push(Happened::Connected);
            }
            str0m::Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                self.gives_up.get_or_insert(now + RECONNECT_TIME);
            }
            str0m::Event::IceConnectionStateChange(
                IceConnectionState::Connected | IceConnectionState::Completed,
            ) if self.connected => self.gives_up = None,
            str0m::Event::Closed if !self.failed => {
                self.failed = true;
                out.happened.push(Happened::Failed);
            }
            _ => {}
        }
    }

    fn on_packet(&mut self, packet: RtpPacket, out: &mut Outbox) {
        let Some(ingress) = self.ingress_of(packet.header.ssrc) else { return };
        let Some(track) = ingress.track else {
            out.happened.push(Happened::Unpublished);
            return;
        };
        let Some(format) = self.format_of(packet.header.payload_type) else { return };
        // Padding that probes for bandwidth has nothing to forward.
        if packet.payload.is_empty() {
            return;
        }
        let arrived = packet.timestamp;
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
        let picture_ids = match format.codec {
            Codec::Vp8 => vp8::Descriptor::parse(&packet.payload).and_then(|d| d.ids),
            _ => None,
        };
        let kind = if format.codec == Codec::Audio { MediaKind::Audio } else { MediaKind::Video };
        let values = &packet.header.ext_vals;
        let packet = Packet {
            kind,
            ssrc: *packet.header.ssrc,
            sequence: *packet.seq_no,
            timestamp,
            marker: packet.header.marker,
            starts_keyframe: format.codec.starts_keyframe(&packet.payload),
            picture_ids,
            captured,
            arrived,
            extensions: Extensions {
                audio_level: values.audio_level,
                voice_activity: values.voice_activity,
                orientation: values.video_orientation.map(|o| o as u8),
            },
            payload: packet.payload,
            format,
        };
        out.happened.push(Happened::Packet { track, packet });
    }

    fn ingress_of(&mut self, ssrc: Ssrc) -> Option<Ingress> {
        if let Some(ingress) = self.ingress.get(&ssrc) {
            return Some(*ingress);
        }
        let mid = self.rtc.direct_api().stream_rx(&ssrc)?.mid();
        let ingress = Ingress { mid, track: self.published.get(&mid).copied() };
        tracing::debug!(session = self.key.0, ssrc = *ssrc, mid = %ingress.mid, "a new encoding");
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

    fn fail(&mut self, error: &str0m::RtcError, out: &mut Outbox) {
        if !self.failed {
            tracing::info!(session = self.key.0, %error, "a session failed");
            self.failed = true;
            out.happened.push(Happened::Failed);
        }
    }

    /// Says goodbye to the remote side (RTCP BYE, DTLS close_notify).
    pub(crate) fn close(&mut self, now: Instant, out: &mut Outbox) {
        self.failed = true;
        if self.rtc.close().is_ok() {
            self.drain(now, out);
        }
    }
}

/// How long a path may be gone before its session is over. The remote side can bring it back by
/// another check, or restart ICE.
const RECONNECT_TIME: Duration = Duration::from_secs(30);

fn orientation_from(quarter_turns: u8) -> VideoOrientation {
    match quarter_turns {
        1 => VideoOrientation::Deg270,
        2 => VideoOrientation::Deg180,
        3 => VideoOrientation::Deg90,
        _ => VideoOrientation::Deg0,
    }
}
