//! One client's media connection. Only this file and those of its folder touch [`str0m::Rtc`].
//!
//! str0m has ICE, DTLS, SCTP, and the media that comes in, of which it hears a little later where that
//! is as expected ([`FastPath`]); it wants to be drained after every change ([`Session::drain`]). The
//! media that leaves is the [`Egress`]'s alone.

mod answer;
mod channels;
mod ending;
mod fast_path;
mod format;
mod incoming;
mod setup;
mod way;

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::media::{Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::Ssrc;
use str0m::{Input, Output, Reason, Rtc};

use crate::allowance::Allowance;
use crate::backlog::{Backlog, Fate};
use crate::cache;
use crate::capture::CaptureClock;
use crate::command::{RoomKey, SessionKey, TrackKey};
use crate::config::Config;
use crate::containment::contain;
use crate::data::Channel;
use crate::demux::{self, Endpoint, Transport};
use crate::dtls;
use crate::egress::{Company, Egress, Sent, WallClock};
use crate::engine::{Datagram, Transmit};
use crate::event::{FailReason, Line};
use crate::header::Received;
use crate::packet::{Outgoing, Packet};
use crate::path::{Check, Paths, Route};
use crate::quality::{Arriving, Quality};
use crate::slots::{Line as SlotLine, Slots};
use crate::sources::{self, Sources};
use crate::srtp::keys::Cell;
use crate::stats::DropReason;
use crate::stun;
use crate::subscription::Viewport;
use crate::timers::Timer;
use crate::unsent::Unsent;
use channels::DataLine;
use fast_path::{FastPath, LAG};
pub(crate) use format::{Format, PayloadType};
use incoming::Ingress;

/// Stands for the source where it is not to matter: str0m takes whatever comes from the address
/// that it sends to without a look at its integrity.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

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

/// Where what comes out of a session goes.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Datagrams for the network, in order.
    pub(crate) transmits: Vec<Transmit>,
    /// Whose they are.
    pub(crate) unsent: Unsent,
    /// Buffers to write datagrams to.
    pub(crate) spare: Vec<Vec<u8>>,
    /// Room for the sizes of packets that are sealed together.
    pub(crate) sizes: Vec<usize>,
    /// What became of copies of data messages.
    pub(crate) fates: Vec<Fate>,
    /// Packets of media that were forwarded before str0m was told of them.
    pub(crate) ahead: u64,
    /// Everything else, in order.
    pub(crate) happened: Vec<Happened>,
}

/// What of a session is to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetch {
    Session,
    Line,
    History,
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
    /// When the engine's timers next look at this session; hardly later than it wants.
    pub(crate) scheduled: Option<Instant>,
    // Boxed: it is large, and most packets pass it by.
    rtc: Box<Rtc>,
    deadline: Instant,
    ufrag: String,
    lines: Vec<Line>,
    published: HashMap<Mid, usize>,
    ingress: HashMap<Ssrc, Ingress>,
    formats: HashMap<Pt, Arc<Format>>,
    fast_path: FastPath,
    /// The packet that str0m gives next was forwarded already.
    is_catching_up: bool,
    egress: Egress,
    /// Where str0m sends to, before [`Paths::route`].
    chosen: Option<Route>,
    /// What [`Paths::route`] made of it, and until when that holds.
    way: Option<(Route, Instant)>,
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
    arriving: Arriving,
    /// When the session's quality was looked at last.
    measured: Instant,
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
        let (mut rtc, keys, ufrag) = setup::connection(config, now);
        let channels = channels::create(&mut rtc);
        let (messages, bytes) = (config.data_messages_per_second, config.data_bytes_per_second);
        Session {
            key,
            room,
            slots: Slots::default(),
            allowance: Allowance::new(messages, bytes, now),
            viewports: HashMap::new(),
            is_departing: false,
            scheduled: None,
            rtc: Box::new(rtc),
            deadline: now,
            ufrag,
            lines: Vec::new(),
            published: HashMap::new(),
            ingress: HashMap::new(),
            formats: HashMap::new(),
            fast_path: FastPath::new(Cell::clone(&keys)),
            is_catching_up: false,
            egress: Egress::new(keys, clock),
            chosen: None,
            way: None,
            is_stirred: false,
            paths: Paths::new(config.ice_lite, now),
            sources: Sources::default(),
            remote_ufrag: None,
            remote_candidates: HashSet::new(),
            max_candidates: config.max_candidates,
            media_came: false,
            arriving: Arriving::default(),
            measured: now,
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

    /// How the session has fared since this was asked last.
    pub(crate) fn measure(&mut self, now: Instant) -> Quality {
        let time = now.saturating_duration_since(self.measured);
        self.measured = now;
        let (sent, round_trip) = self.egress.leaving.look();
        Quality { time, received: self.arriving.look(), sent, round_trip }
    }

    /// When the session wants to be looked at.
    pub(crate) fn timer(&self) -> Timer {
        let own = self.own_deadlines().map(Timer::from);
        let rtc =
            if self.can_rtc_wait() { Timer::from(self.deadline) } else { Timer::at(self.deadline) };
        own.fold(rtc, Timer::sooner)
    }

    /// Whether the time has come to look at it.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.deadline <= now || self.own_deadlines().any(|at| at <= now)
    }

    /// When there is something to do that is none of str0m's.
    fn own_deadlines(&self) -> impl Iterator<Item = Instant> {
        let backlog = self.backlog.deadline(self.data_max_age);
        [self.ends(), backlog, self.egress.deadline(), self.fast_path.deadline()]
            .into_iter()
            .flatten()
    }

    /// Whether str0m's timer is as good a little later. It has its turn with every packet of the remote side:
    /// what is told of these goes with the next of them, unless one is to be asked for that is missing.
    fn can_rtc_wait(&self) -> bool {
        let is_check = self.connected && self.rtc.last_timeout_reason() == Reason::Ice;
        is_check || self.has_routine_next(self.deadline)
    }

    /// Whether what str0m wants to do next, at `at`, is to report on media that has come without a gap.
    fn has_routine_next(&self, at: Instant) -> bool {
        matches!(self.rtc.last_timeout_reason(), Reason::Nack | Reason::Twcc)
            && !self.arriving.has_missed_lately(at)
    }

    /// Whether packets wait to be sent again, with the next [`Session::flush`].
    pub(crate) fn has_resends(&self) -> bool {
        self.egress.has_resends()
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
        datagram: &Datagram<'_>,
        now: Instant,
        out: &mut Outbox,
    ) {
        let Datagram { contents: datagram, arrived, .. } = *datagram;
        let kind = demux::Protocol::of(datagram);
        let is_rtcp = kind == Some(demux::Protocol::Rtp) && sources::is_rtcp(datagram);
        let is_media = kind == Some(demux::Protocol::Rtp) && !is_rtcp;
        if is_media && self.forward_at_once(datagram, now, out) {
            return;
        }
        if let Err(reason) = self.admit(route, datagram, now) {
            out.happened.push(Happened::Dropped(reason));
            return;
        }
        if is_rtcp {
            match self.egress.receive(datagram, arrived) {
                Ok(heard) => {
                    let wanted = heard.keyframes.into_iter();
                    out.happened.extend(wanted.map(|line| Happened::KeyframeWanted { line }));
                    if !heard.speaks_of_its_own {
                        return;
                    }
                }
                Err(reason) => {
                    out.happened.push(Happened::Dropped(reason));
                    return;
                }
            }
        }
        if kind == Some(demux::Protocol::Stun) && self.connected && self.chosen != Some(route) {
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
        if kind == Some(demux::Protocol::Dtls) {
            dtls::tell_time(now);
        }
        self.contained(out, |session, out| {
            if session.catch_up(out) {
                session.drain(now, out);
            }
            session.media_came = false;
            if let Err(error) = session.rtc.handle_input(Input::Receive(now, receive)) {
                session.fail(&error, out);
            }
            session.drain(now, out);
        });
        if is_media && !self.media_came {
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
                    self.way = None;
                } else if stun::is_answer(datagram)
                    && let Some(transaction) = stun::transaction(datagram)
                {
                    self.paths.on_answer(route, transaction, now);
                    self.way = None;
                }
                Ok(())
            }
            Some(demux::Protocol::Rtp) if !self.connected => Err(DropReason::BeforeKeys),
            Some(demux::Protocol::Rtp) if !sources::is_rtcp(datagram) => {
                let header = Received::parse(datagram).ok_or(DropReason::Malformed)?;
                let has_room = self.sources.admit(header.ssrc, now);
                if has_room { Ok(()) } else { Err(DropReason::TooManyStreams) }
            }
            Some(_) => Ok(()),
            None => Err(DropReason::NotMedia),
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

    /// Has the memory fetched that the next [`Session::send`] needs, in three steps. Each but the first reads
    /// what the one before has asked for.
    pub(crate) fn fetch(&self, line: usize, step: Fetch) {
        match step {
            Fetch::Session => {
                cache::fetch(&self.connected);
                cache::fetch(&self.way);
                cache::fetch(&self.scheduled);
                self.egress.fetch();
            }
            Fetch::Line => self.egress.fetch_line(line),
            Fetch::History => self.egress.fetch_history(line),
        }
    }

    /// Sends packets on a slot line, and leaves none of them in `packets`. Those whose sequence
    /// number was used before are left out.
    pub(crate) fn send(
        &mut self,
        line: usize,
        packets: &mut Vec<Outgoing>,
        company: Company,
        now: Instant,
        out: &mut Outbox,
    ) -> Result<Sent, DropReason> {
        let Some(route) = self.route(now) else {
            packets.clear();
            return Err(DropReason::NoConsent);
        };
        self.egress.send(line, packets, company, now, route, out)
    }

    /// Whether the engine's timers look too late at this session: media has begun to be reported
    /// on.
    pub(crate) fn is_due_before_scheduled(&self) -> bool {
        let is_late = |at| self.scheduled.is_none_or(|then| Timer::from(at).latest < then);
        self.egress.deadline().is_some_and(is_late)
    }

    /// The payload type under which this session's remote side takes `format` on a slot line.
    pub(crate) fn payload_type(&self, line: &SlotLine, format: &Format) -> Option<PayloadType> {
        let media = self.rtc.media(Mid::from(line.mid.as_str()))?;
        let accepted = media.remote_pts();
        let config = self.rtc.codec_config();
        let found = config.find(|p| accepted.contains(&p.pt()) && format.suits(&p.spec()))?;
        Some(PayloadType { media: *found.pt(), resend: found.resend().map(|pt| *pt) })
    }

    /// Sends resends and reports, and gives str0m its turn if it is due.
    pub(crate) fn flush(&mut self, now: Instant, out: &mut Outbox) {
        self.is_departing = false;
        self.send_reports(now, out);
        let is_behind = self.fast_path.deadline().is_some_and(|at| at <= now);
        if self.is_stirred || is_behind || !self.backlog.is_empty() || self.deadline <= now {
            self.is_stirred = false;
            self.contained(out, |session, out| {
                session.catch_up(out);
                if !session.backlog.is_empty() {
                    session.write_data(now, out);
                }
                if let Err(error) = session.rtc.handle_input(Input::Timeout(now)) {
                    session.fail(&error, out);
                }
                session.drain(now, out);
            });
        }
        self.end_if_due(now, out);
    }

    fn send_reports(&mut self, now: Instant, out: &mut Outbox) {
        match self.route(now) {
            Some(route) => self.egress.flush(now, route, out),
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
                    self.is_catching_up = false;
                    let waits = self.has_routine_next(at);
                    self.deadline = if waits { at.max(now + LAG) } else { at };
                    return;
                }
                Ok(Output::Transmit(transmit)) => self.transmit(transmit, now, out),
                Ok(Output::Event(event)) => self.on_event(event, out),
                Err(error) => {
                    self.is_catching_up = false;
                    self.fail(&error, out);
                    self.deadline = now + Duration::from_secs(3600);
                    return;
                }
            }
        }
    }

    fn on_event(&mut self, event: str0m::Event, out: &mut Outbox) {
        match event {
            str0m::Event::RtpPacket(packet) => self.on_rtp(packet, out),
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
}
