//! One client's media connection. The only file that touches [`str0m::Rtc`].
//!
//! str0m has ICE, DTLS, SCTP, and the media that comes in; it wants to be drained after every
//! change ([`Session::drain`]). The media that leaves is the [`Egress`]'s alone.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::channel::{ChannelConfig, ChannelData, ChannelId, Reliability};
use str0m::format::{Codec as RtcCodec, CodecSpec, PayloadParams};
use str0m::media::{KeyframeRequestKind, Mid, Pt};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{Extension, ExtensionMap, RtpPacket, Ssrc};
use str0m::{Candidate, IceCreds, Input, Output, Rtc, RtcConfig, RtcError};

use crate::allowance::Allowance;
use crate::backlog::{self, Backlog, Fate, Taken};
use crate::capture::CaptureClock;
use crate::codec::{Codec, vp8};
use crate::command::{RoomKey, SessionKey, TrackKey};
use crate::config::Config;
use crate::containment::contain;
use crate::data::Channel;
use crate::demux::{self, Endpoint, Transport};
use crate::dtls;
use crate::egress::{Egress, ExtensionIds, Terms, WallClock};
use crate::engine::Transmit;
use crate::envelope;
use crate::event::{Answer, CommandError, FailReason, MediaKind};
use crate::negotiation::{self, Credentials, LineNames};
use crate::packet::{Extensions, Outgoing, Packet};
use crate::path::{Check, Paths, Route};
use crate::slots::{Line as SlotLine, Slots};
use crate::sources::{self, Sources};
use crate::stats::DropReason;
use crate::stun;
use crate::subscription::Viewport;

/// Encodings whose m-line is remembered. It is found again when it is forgotten.
const MAX_INGRESS: usize = 2 * sources::MAX_SOURCES;

/// How often checks repeat, and how many may go unanswered before their path is given up: later
/// than consent ends, so that a path that comes back in time is found.
const CHECK_INTERVAL: Duration = Duration::from_millis(2_500);
const CHECKS: usize = 16;

/// Stands for the source where it is not to matter: str0m takes whatever comes from the address
/// that it sends to without a look at its integrity.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

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
    /// A packet that went no further.
    Dropped(DropReason),
    /// A data message; no bytes if it is text, which is none of ours.
    Data { channel: Channel, message: Option<Vec<u8>> },
    /// The receiver cannot decode what flows on this slot line.
    KeyframeWanted { line: usize },
    /// ICE and DTLS are through.
    Connected,
    /// The session is over.
    Failed(FailReason),
}

/// What a remote side calls a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PayloadType {
    /// For packets of it.
    pub(crate) media: u8,
    /// For sending them again (RFC 4588).
    pub(crate) resend: Option<u8>,
}

/// Where what comes out of a session goes.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Datagrams for the network, in order.
    pub(crate) transmits: Vec<Transmit>,
    /// Buffers to write datagrams to.
    pub(crate) spare: Vec<Vec<u8>>,
    /// What became of copies of data messages.
    pub(crate) fates: Vec<Fate>,
    /// Everything else, in order.
    pub(crate) happened: Vec<Happened>,
}

/// Where one encoding of a publisher belongs.
#[derive(Debug, Clone, Copy)]
struct Ingress {
    mid: Mid,
    track: Option<usize>,
}

/// One of the data channels.
#[derive(Debug, Clone, Copy)]
struct DataLine {
    id: ChannelId,
    open: bool,
}

/// One peer connection.
pub(crate) struct Session {
    pub(crate) key: SessionKey,
    pub(crate) room: RoomKey,
    /// Which track flows on which receive m-line.
    pub(crate) slots: Slots,
    /// How much the remote side may send in data messages.
    pub(crate) allowance: Allowance,
    /// How large the receiver shows its tracks, those that wait for a line too.
    pub(crate) viewports: HashMap<TrackKey, Viewport>,
    /// Is on the engine's list of sessions to flush.
    pub(crate) is_departing: bool,
    /// Is on the engine's list of sessions that wait for the rest of a picture.
    pub(crate) is_waiting: bool,
    /// When the engine's timers next look at this session; never later than it wants.
    pub(crate) scheduled: Option<Instant>,
    rtc: Rtc,
    deadline: Instant,
    ufrag: String,
    lines: Vec<crate::event::Line>,
    published: HashMap<Mid, usize>,
    ingress: HashMap<Ssrc, Ingress>,
    formats: HashMap<Pt, Arc<Format>>,
    egress: Egress,
    /// Where str0m sends to, before [`Paths::route`].
    chosen: Option<Route>,
    /// str0m was changed, and wants to be drained.
    is_stirred: bool,
    paths: Paths,
    sources: Sources,
    /// What str0m was told of the remote side's addresses since ICE began or restarted.
    remote_ufrag: Option<String>,
    remote_candidates: HashSet<String>,
    max_candidates: usize,
    /// The datagram that is being received has brought media.
    media_came: bool,
    capture: CaptureClock,
    /// The data channels, by their SCTP streams.
    channels: [DataLine; 2],
    /// Channels that the remote side has opened beyond these.
    foreign_channels: usize,
    backlog: Backlog,
    data_buffer: usize,
    data_max_age: Duration,
    connected: bool,
    failed: bool,
    /// str0m has panicked: it is not touched any more.
    broken: bool,
    /// When the session fails if it is not connected by then.
    gives_up: Option<Instant>,
}

impl Session {
    pub(crate) fn new(
        room: RoomKey,
        key: SessionKey,
        config: &Config,
        clock: WallClock,
        now: Instant,
    ) -> Session {
        let random = IceCreds::new();
        let ufrag = format!("{}{}", config.place.ufrag_prefix(), random.ufrag);
        let credentials = IceCreds { ufrag: ufrag.clone(), pass: random.pass };
        let mut setup = RtcConfig::new()
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
            // For sound the default is five seconds, and a publisher is to hear of losses sooner.
            .set_rtcp_report_interval_audio(Duration::from_secs(1))
            .set_rtcp_report_interval_video(Duration::from_secs(1))
            .set_sctp_max_message_size(envelope::MAX_BYTES as u32)
            .set_sctp_max_buffered_amount(Channel::ALL.map(backlog::share).iter().sum())
            .set_local_ice_credentials(credentials);
        setup.set_max_stun_rto(CHECK_INTERVAL);
        setup.set_max_stun_retransmits(CHECKS);
        let (mut rtc, keys) =
            dtls::watch(|provider| setup.set_crypto_provider(Arc::new(provider)).build(now));
        let udp = config.advertised.iter().map(|&a| (a, Candidate::host(a, "udp")));
        let tcp = config.advertised_tcp.iter().map(|&address| {
            let candidate = Candidate::builder().tcp().host(address).tcptype(TcpType::Passive);
            (address, candidate.build())
        });
        for (address, candidate) in udp.chain(tcp) {
            match candidate {
                Ok(candidate) => {
                    rtc.add_local_candidate(candidate);
                }
                Err(error) => tracing::warn!(%address, %error, "an advertised address is unusable"),
            }
        }
        let channels = Channel::ALL.map(|channel| {
            let id = rtc.direct_api().create_data_channel(channel_config(channel));
            DataLine { id, open: false }
        });
        let (messages, bytes) = (config.data_messages_per_second, config.data_bytes_per_second);
        Session {
            key,
            room,
            slots: Slots::default(),
            allowance: Allowance::new(messages, bytes, now),
            viewports: HashMap::new(),
            is_departing: false,
            is_waiting: false,
            scheduled: None,
            rtc,
            deadline: now,
            ufrag,
            lines: Vec::new(),
            published: HashMap::new(),
            ingress: HashMap::new(),
            formats: HashMap::new(),
            egress: Egress::new(keys, clock),
            chosen: None,
            is_stirred: false,
            paths: Paths::new(config.ice_lite, now),
            sources: Sources::default(),
            remote_ufrag: None,
            remote_candidates: HashSet::new(),
            max_candidates: config.max_candidates,
            media_came: false,
            capture: CaptureClock::new(now),
            channels,
            foreign_channels: 0,
            backlog: Backlog::default(),
            data_buffer: config.data_buffer,
            data_max_age: config.data_max_age,
            connected: false,
            failed: false,
            broken: false,
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

    /// When the session wants to be woken.
    pub(crate) fn deadline(&self) -> Instant {
        let backlog = self.backlog.deadline(self.data_max_age);
        [self.ends(), backlog, self.egress.deadline()]
            .into_iter()
            .flatten()
            .fold(self.deadline, Instant::min)
    }

    /// When the media that is queued leaves, if it may wait.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        self.egress.waits_until()
    }

    /// Whether media is queued that may not wait.
    pub(crate) fn is_urgent(&self) -> bool {
        self.egress.is_urgent()
    }

    /// When the session fails if nothing changes.
    fn ends(&self) -> Option<Instant> {
        let consent_ends = self.paths.consent_ends().filter(|_| self.connected);
        self.gives_up.max(consent_ends)
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
        if negotiation::ice_ufrag(sdp) != self.remote_ufrag.as_deref() {
            self.remote_ufrag = negotiation::ice_ufrag(sdp).map(str::to_owned);
            self.remote_candidates.clear();
            // A path may be gone while ICE looks for another one.
            self.gives_up = Some(now + config.connect_timeout);
        }
        let sdp = negotiation::keep_candidates(sdp, |candidate| self.is_new(candidate));
        let offer = SdpOffer::from_sdp_string(&sdp)
            .map_err(|error| CommandError::BadSdp(format!("the offer cannot be read: {error}")))?;
        self.lend_streams();
        let accepted = self.rtc.sdp_api().accept_offer(offer);
        self.is_stirred = true;
        let answer = accepted
            .inspect_err(|_| self.take_streams_back())
            .map_err(|error| {
                CommandError::BadSdp(format!("the offer cannot be accepted: {error}"))
            })?
            .to_sdp_string();
        self.lines = lines;
        // Payload types and SSRCs may have changed hands.
        self.ingress.clear();
        self.formats.clear();
        let restarted = self.keep_own_ufrag(config);
        let receiving: Vec<(String, MediaKind)> =
            self.lines.iter().filter(|l| l.receives).map(|l| (l.mid.clone(), l.kind)).collect();
        let lost = self.slots.offer(&receiving);
        let names = self.take_streams();
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

    /// Gives str0m the streams of the slot lines, so that the answer names them as before.
    fn lend_streams(&mut self) {
        for terms in self.egress.all_terms() {
            let mid = Mid::from(terms.mid.as_str());
            if self.rtc.media(mid).is_some() {
                let (ssrc, resend) = (terms.ssrc.into(), terms.resend_ssrc.map(Ssrc::from));
                self.rtc.direct_api().declare_stream_tx(ssrc, resend, mid, None);
            }
        }
    }

    fn take_streams_back(&mut self) {
        let mut api = self.rtc.direct_api();
        for terms in self.egress.all_terms() {
            api.remove_stream_tx(terms.ssrc.into());
        }
    }

    /// Takes the streams of all slot lines from str0m: what is sent on them is the egress's, and a
    /// stream that never sends would report the RTP time 0 and spoil the receiver's lip sync.
    /// Returns the names for the answer's lines.
    fn take_streams(&mut self) -> Vec<LineNames> {
        self.take_streams_back();
        let slots = &self.slots;
        self.egress.retain(|line, terms| slots.is_line(line, &terms.mid));
        let mut names = Vec::new();
        for (index, line) in self.slots.alive() {
            let mid = Mid::from(line.mid.as_str());
            let stream = format!("slot-{}", line.pair);
            let media = match line.kind {
                MediaKind::Audio => "audio",
                MediaKind::Video => "video",
            };
            let extensions = self.rtc.media(mid).map(|media| extension_ids(media.remote_extmap()));
            let mut api = self.rtc.direct_api();
            let ssrcs = match api.stream_tx_by_mid(mid, None) {
                Some(new) => Some((*new.ssrc(), new.rtx().map(|ssrc| *ssrc))),
                None => self.egress.terms(index).map(|terms| (terms.ssrc, terms.resend_ssrc)),
            };
            if let Some((ssrc, resend_ssrc)) = ssrcs {
                api.remove_stream_tx(ssrc.into());
                let terms = Terms {
                    mid: line.mid.clone(),
                    ssrc,
                    resend_ssrc,
                    extensions: extensions.unwrap_or_default(),
                    cname: stream.clone(),
                };
                self.egress.set_terms(index, terms);
            }
            let track = format!("{stream}-{media}");
            names.push(LineNames { mid: line.mid.clone(), stream, track });
        }
        names
    }

    /// A trickled candidate. What cannot be read is ignored, as RFC 8839 §5.1 asks.
    pub(crate) fn add_candidate(&mut self, candidate: &str) {
        if !self.is_new(candidate) {
            return;
        }
        match Candidate::from_sdp_string(candidate) {
            Ok(candidate) => {
                self.is_stirred = true;
                self.rtc.add_remote_candidate(candidate);
            }
            Err(error) => tracing::debug!(%error, "a remote candidate cannot be used"),
        }
    }

    /// Whether str0m is to be told of a candidate: it keeps every one, and some twice. TCP ones
    /// are of no use: the remote side connects to us, from a port that it does not know before
    /// (RFC 6544 §4.1).
    fn is_new(&mut self, candidate: &str) -> bool {
        let is_udp = candidate.split(' ').nth(2).is_none_or(|t| t.eq_ignore_ascii_case("udp"));
        is_udp
            && self.remote_candidates.len() < self.max_candidates
            && self.remote_candidates.insert(candidate.to_owned())
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

    /// Whether a STUN message proves to be from this session's remote side: a check for this
    /// session, or an answer to one of its own (RFC 8445 §7.3, §7.2.5).
    pub(crate) fn check_integrity(&self, message: &[u8], now: Instant) -> Result<(), DropReason> {
        let receive = Receive::new(Protocol::Udp, NOWHERE, NOWHERE, message)
            .map_err(|_| DropReason::Malformed)?;
        let is_ours = self.rtc.accepts(&Input::Receive(now, receive));
        if is_ours { Ok(()) } else { Err(DropReason::BadIntegrity) }
    }

    /// Whether the remote side may come from an address.
    pub(crate) fn admit_address(&mut self, address: Endpoint, now: Instant) -> bool {
        self.paths.admit_address(address, now)
    }

    /// Whether the remote side is at an address for certain.
    pub(crate) fn has_consent(&self, address: Endpoint, now: Instant) -> bool {
        self.paths.has_consent(address, now)
    }

    /// A datagram of the remote side that came along `route`.
    pub(crate) fn receive(
        &mut self,
        route: Route,
        datagram: &[u8],
        now: Instant,
        out: &mut Outbox,
    ) {
        if let Err(reason) = self.admit(route, datagram, now) {
            out.happened.push(Happened::Dropped(reason));
            return;
        }
        let kind = demux::Protocol::of(datagram);
        let is_rtcp = kind == Some(demux::Protocol::Rtp) && sources::is_rtcp(datagram);
        if is_rtcp && let Some(heard) = self.egress.receive(datagram, now) {
            let wanted = heard.keyframes.into_iter();
            out.happened.extend(wanted.map(|line| Happened::KeyframeWanted { line }));
            if !heard.speaks_of_its_own {
                return;
            }
        }
        if kind == Some(demux::Protocol::Stun) && self.connected {
            self.ask_for_the_way();
        }
        let protocol = match route.remote.transport {
            Transport::Udp => Protocol::Udp,
            Transport::Tcp => Protocol::Tcp,
        };
        let Ok(receive) = Receive::new(protocol, route.remote.address, route.local, datagram)
        else {
            out.happened.push(Happened::Dropped(DropReason::Malformed));
            return;
        };
        if kind == Some(demux::Protocol::Dtls) && !self.connected {
            dtls::tell_time(now);
        }
        self.media_came = false;
        self.contained(out, |session, out| {
            if let Err(error) = session.rtc.handle_input(Input::Receive(now, receive)) {
                session.fail(&error, out);
            }
            session.drain(now, out);
        });
        if kind == Some(demux::Protocol::Rtp) && !is_rtcp && !self.media_came {
            out.happened.push(Happened::Dropped(self.why_no_media(datagram)));
        }
    }

    /// Whether str0m is to look at a datagram, and what is to be known of it before.
    fn admit(&mut self, route: Route, datagram: &[u8], now: Instant) -> Result<(), DropReason> {
        match demux::Protocol::of(datagram) {
            Some(demux::Protocol::Stun) => {
                self.check_integrity(datagram, now)?;
                if stun::is_check(datagram) {
                    let nominates = stun::nominates(datagram);
                    let check = Check { priority: stun::priority(datagram), nominates };
                    self.paths.on_check(route, check, now);
                } else if stun::is_answer(datagram)
                    && let Some(transaction) = stun::transaction(datagram)
                {
                    self.paths.on_answer(route, transaction, now);
                }
                Ok(())
            }
            Some(demux::Protocol::Rtp) if !self.connected => Err(DropReason::BeforeKeys),
            Some(demux::Protocol::Rtp) if !sources::is_rtcp(datagram) => {
                let ssrc = sources::ssrc_of(datagram).ok_or(DropReason::Malformed)?;
                let has_room = self.sources.admit(ssrc, now);
                if has_room { Ok(()) } else { Err(DropReason::TooManyStreams) }
            }
            Some(_) => Ok(()),
            None => Err(DropReason::NotMedia),
        }
    }

    /// What became of RTP that str0m has kept to itself, as far as can be seen from here.
    fn why_no_media(&mut self, datagram: &[u8]) -> DropReason {
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

    /// Runs what may end in a panic of str0m's: the session has failed then.
    fn contained(&mut self, out: &mut Outbox, run: impl FnOnce(&mut Session, &mut Outbox)) {
        if self.broken || contain(|| run(self, out)).is_some() {
            return;
        }
        tracing::error!(session = self.key.0, "a session has panicked");
        self.broken = true;
        self.end(FailReason::Other("the server could not go on with it".to_owned()), out);
    }

    /// A check may have changed where str0m sends to, and str0m does not tell: it is made to send
    /// something there, which goes no further than [`Session::transmit`].
    fn ask_for_the_way(&mut self) {
        self.rtc.direct_api().send_pli_feedback(NOBODY.into(), NOBODY.into());
    }

    /// Queues a packet for the next [`Session::flush`]; with `is_whole` its picture ends there.
    pub(crate) fn send(
        &mut self,
        packet: Outgoing,
        is_whole: bool,
        now: Instant,
    ) -> Result<(), DropReason> {
        self.egress.send(packet, is_whole, now)
    }

    /// The payload type under which this session's remote side takes `format` on a slot line.
    pub(crate) fn payload_type(&self, line: &SlotLine, format: &Format) -> Option<PayloadType> {
        let media = self.rtc.media(Mid::from(line.mid.as_str()))?;
        let accepted = media.remote_pts();
        let config = self.rtc.codec_config();
        let found = config.find(|p| accepted.contains(&p.pt()) && format.suits(&p.spec()))?;
        Some(PayloadType { media: *found.pt(), resend: found.resend().map(|pt| *pt) })
    }

    /// Asks the remote side for a keyframe of one of its encodings.
    pub(crate) fn request_keyframe(&mut self, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&Ssrc::from(ssrc)) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.is_stirred = true;
        }
    }

    /// Whether the remote side has opened a data channel.
    pub(crate) fn has_open(&self, channel: Channel) -> bool {
        self.channels[usize::from(channel.stream())].open
    }

    /// Whether data messages wait for the next [`Session::flush`].
    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Queues a data message for the next [`Session::flush`]. False when the reliable channel has
    /// overrun by it: then it takes nothing more.
    pub(crate) fn send_data(
        &mut self,
        channel: Channel,
        message: Arc<[u8]>,
        now: Instant,
        fates: &mut Vec<Fate>,
    ) -> bool {
        match channel {
            Channel::Lossy => {
                self.backlog.push_lossy(message, now, fates);
                true
            }
            Channel::Reliable => {
                let id = self.channels[usize::from(channel.stream())].id;
                let buffered = self.rtc.channel(id).map_or(0, |mut open| open.buffered_amount());
                self.backlog.push_reliable(message, now, buffered, self.data_buffer, fates)
            }
        }
    }

    /// Gives SCTP what it is to have of the backlog.
    fn write_data(&mut self, now: Instant, out: &mut Outbox) {
        self.backlog.expire(now, self.data_max_age, &mut out.fates);
        for channel in Channel::ALL {
            let id = self.channels[usize::from(channel.stream())].id;
            let Some(mut open) = self.rtc.channel(id) else { continue };
            let buffered = open.buffered_amount();
            self.backlog.write(channel, buffered, &mut out.fates, |message| {
                match open.write(true, message) {
                    Ok(true) => Taken::Yes,
                    Ok(false) => Taken::Later,
                    // Larger than the a=max-message-size of the offer (RFC 8841 §6).
                    Err(_) => Taken::Never,
                }
            });
        }
    }

    /// Sends what is queued, and gives str0m its turn if it is due.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Outbox) {
        self.is_departing = false;
        self.is_waiting = false;
        self.send_media(now, out);
        if self.is_stirred || !self.backlog.is_empty() || self.deadline <= now {
            self.is_stirred = false;
            self.contained(out, |session, out| {
                if !session.backlog.is_empty() {
                    session.write_data(now, out);
                }
                if let Err(error) = session.rtc.handle_input(Input::Timeout(now)) {
                    session.fail(&error, out);
                }
                session.drain(now, out);
            });
        }
        if self.ends().is_some_and(|at| at <= now) {
            let reason = if self.connected {
                FailReason::ConsentLost
            } else if self.paths.consent_ends().is_some() {
                FailReason::Dtls(format!("the handshake was not done in time; {ABOUT_RSA}"))
            } else {
                FailReason::NotConnected
            };
            self.end(reason, out);
        }
    }

    fn send_media(&mut self, now: Instant, out: &mut Outbox) {
        match self.chosen.and_then(|chosen| self.paths.route(chosen, now)) {
            Some(route) => self.egress.flush(now, route, &mut out.spare, &mut out.transmits),
            None => {
                let lost = std::iter::repeat_n(DropReason::NoConsent, self.egress.discard());
                out.happened.extend(lost.map(Happened::Dropped));
            }
        }
    }

    fn drain(&mut self, now: Instant, out: &mut Outbox) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.deadline = at;
                    return;
                }
                Ok(Output::Transmit(transmit)) => self.transmit(transmit, now, out),
                Ok(Output::Event(event)) => self.on_event(event, out),
                Err(error) => {
                    self.fail(&error, out);
                    self.deadline = now + Duration::from_secs(3600);
                    return;
                }
            }
        }
    }

    /// Sends checks and their answers where str0m wants them, and everything else along the path
    /// in use.
    fn transmit(&mut self, transmit: str0m::net::Transmit, now: Instant, out: &mut Outbox) {
        let transport = match transmit.proto {
            Protocol::Udp => Transport::Udp,
            Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => Transport::Tcp,
        };
        let remote = Endpoint { transport, address: transmit.destination };
        let chosen = Route { local: transmit.source, remote };
        let contents: Vec<u8> = transmit.contents.into();
        let is_stun = demux::Protocol::of(&contents) == Some(demux::Protocol::Stun);
        if !is_stun {
            self.chosen = Some(chosen);
        }
        if is_for_nobody(&contents) {
            return;
        }
        match if is_stun { Some(chosen) } else { self.paths.route(chosen, now) } {
            Some(route) => out.transmits.push(Transmit {
                transport: route.remote.transport,
                source: route.local,
                destination: route.remote.address,
                contents,
                segment_size: None,
            }),
            None => out.happened.push(Happened::Dropped(DropReason::NoConsent)),
        }
    }

    fn on_event(&mut self, event: str0m::Event, out: &mut Outbox) {
        match event {
            str0m::Event::RtpPacket(packet) => self.on_packet(packet, out),
            str0m::Event::ChannelOpen(id, _) => self.on_channel_open(id, out),
            str0m::Event::ChannelClose(id) => self.on_channel_close(id, out),
            str0m::Event::ChannelData(data) => self.on_channel_data(data, out),
            str0m::Event::Connected if self.egress.begin() => {
                self.connected = true;
                self.gives_up = None;
                out.happened.push(Happened::Connected);
            }
            str0m::Event::Closed => self.end(FailReason::Closed, out),
            _ => {}
        }
    }

    fn channel_of(&self, id: ChannelId) -> Option<Channel> {
        Channel::ALL.into_iter().find(|c| self.channels[usize::from(c.stream())].id == id)
    }

    fn on_channel_open(&mut self, id: ChannelId, out: &mut Outbox) {
        if let Some(channel) = self.channel_of(id) {
            self.channels[usize::from(channel.stream())].open = true;
            return;
        }
        out.happened.push(Happened::Dropped(DropReason::DataUnknownChannel));
        self.rtc.direct_api().close_data_channel(id);
        self.foreign_channels += 1;
        // str0m keeps something of each until the remote side has confirmed that it is closed.
        if self.foreign_channels > FOREIGN_CHANNELS {
            self.end(FailReason::ForeignChannels, out);
        }
    }

    /// A channel does not come back: what is for it goes by another door from now on.
    fn on_channel_close(&mut self, id: ChannelId, out: &mut Outbox) {
        if let Some(channel) = self.channel_of(id) {
            self.channels[usize::from(channel.stream())].open = false;
            self.backlog.clear(channel, DropReason::DataClosed, &mut out.fates);
        }
    }

    fn on_channel_data(&mut self, data: ChannelData, out: &mut Outbox) {
        out.happened.push(match self.channel_of(data.id) {
            Some(channel) => Happened::Data { channel, message: data.binary.then_some(data.data) },
            None => Happened::Dropped(DropReason::DataUnknownChannel),
        });
    }

    fn on_packet(&mut self, packet: RtpPacket, out: &mut Outbox) {
        self.media_came = true;
        let (track, format) = match self.destination_of(&packet) {
            Ok(found) => found,
            Err(reason) => {
                out.happened.push(Happened::Dropped(reason));
                return;
            }
        };
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
        let descriptor = match format.codec {
            Codec::Vp8 => vp8::Descriptor::parse(&packet.payload),
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
            picture_ids: descriptor.and_then(|d| d.ids),
            size: descriptor.and_then(|d| d.size),
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

    fn fail(&mut self, error: &RtcError, out: &mut Outbox) {
        let reason = match error {
            RtcError::Dtls(error) => FailReason::Dtls(explained(error.to_string())),
            error => FailReason::Other(error.to_string()),
        };
        self.end(reason, out);
    }

    /// The session is over. Said once: what comes after the first reason is its consequence.
    fn end(&mut self, reason: FailReason, out: &mut Outbox) {
        if !self.failed {
            tracing::info!(session = self.key.0, %reason, "a session failed");
            self.failed = true;
            out.happened.push(Happened::Failed(reason));
        }
    }

    /// Says goodbye to the remote side (RTCP BYE, DTLS close_notify).
    pub(crate) fn close(&mut self, now: Instant, out: &mut Outbox) {
        self.failed = true;
        for channel in Channel::ALL {
            self.backlog.clear(channel, DropReason::DataClosed, &mut out.fates);
        }
        if let Some(route) = self.chosen.and_then(|chosen| self.paths.route(chosen, now)) {
            self.egress.close(route, &mut out.transmits);
        }
        self.contained(out, |session, out| {
            if session.rtc.close().is_ok() {
                session.drain(now, out);
            }
        });
    }
}

/// How often a remote side may open a data channel beyond the two. A page of another make may try
/// once or twice; the channel is closed.
const FOREIGN_CHANNELS: usize = 2;

fn channel_config(channel: Channel) -> ChannelConfig {
    let (label, reliability) = match channel {
        Channel::Reliable => ("reliable", Reliability::Reliable),
        Channel::Lossy => ("lossy", Reliability::MaxRetransmits { retransmits: 0 }),
    };
    ChannelConfig {
        label: label.to_owned(),
        ordered: channel == Channel::Reliable,
        reliability,
        negotiated: Some(channel.stream()),
        protocol: String::new(),
    }
}

/// What most handshakes fail of that begin. GStreamer's webrtcbin has an RSA certificate by default.
const ABOUT_RSA: &str = "RSA certificates are not supported, use ECDSA P-256";

/// A DTLS failure in words that say what to do. A client with an RSA certificate shows none, since
/// none of its own suits, or one that cannot be verified; or the handshake just stops.
fn explained(failure: String) -> String {
    const ABOUT_THE_CERTIFICATE: [&str; 3] =
        ["no client certificate", "unsupported public key", "unsupported signature"];
    if ABOUT_THE_CERTIFICATE.iter().any(|words| failure.contains(words)) {
        format!("{failure}; {ABOUT_RSA}")
    } else {
        failure
    }
}

/// Sender and subject of feedback that is not for the network.
const NOBODY: u32 = 1;

/// Whether a datagram is [`Session::ask_for_the_way`]'s: a keyframe request alone, with its SRTCP
/// index and either tag. The first header and SSRC of SRTCP are in the clear.
fn is_for_nobody(datagram: &[u8]) -> bool {
    const LENGTHS: [usize; 2] = [12 + 4 + 10, 12 + 4 + 16];
    LENGTHS.contains(&datagram.len())
        && demux::Protocol::of(datagram) == Some(demux::Protocol::Rtp)
        && sources::is_rtcp(datagram)
        && datagram[4..8] == NOBODY.to_be_bytes()
}

fn extension_ids(map: &ExtensionMap) -> ExtensionIds {
    ExtensionIds {
        mid: map.id_of(Extension::RtpMid),
        audio_level: map.id_of(Extension::AudioLevel),
        orientation: map.id_of(Extension::VideoOrientation),
        send_time: map.id_of(Extension::AbsoluteSendTime),
        transport_wide: map.id_of(Extension::TransportSequenceNumber),
    }
}
