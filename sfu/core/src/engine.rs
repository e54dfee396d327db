//! The pure state that one worker drives: sessions, routers, timers.
//!
//! Three verbs, as in every core: [`Engine::handle`] takes input with the time,
//! [`Engine::poll`] gives output until there is none, [`Engine::deadline`] tells when to come
//! back. Packets are queued by `handle` and leave by `poll`, so a shell that handles a whole
//! batch before it polls flushes each session once per batch.

mod relay;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::command::{Command, Group, RequestKey, RoomKey, SessionKey, TrackKey};
use crate::config::Config;
use crate::demux::{Demux, Endpoint, Owner, Place, Protocol, Transport};
use crate::departures::Departures;
use crate::egress::WallClock;
use crate::event::{CommandError, Event, MediaKind};
use crate::path::Route;
use crate::router::Router;
use crate::session::{Happened, Outbox, Session};
use crate::slots::Want;
use crate::stats::{DropReason, Stats};
use crate::stun;
use crate::subscription::{Subscription, Viewport};
use crate::track::Track;

/// A timer that is due already is looked at again after this: time must move, or it would spin.
const QUANTUM: Duration = Duration::from_millis(1);

/// Buffers that are kept for datagrams.
const MAX_SPARE: usize = 64;

/// A datagram from the network.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// How it came. On TCP it is one frame (RFC 4571) without its length, from the worker that a
    /// connection's first check names ([`Place::of_check`]).
    pub transport: Transport,
    /// Who sent it.
    pub source: SocketAddr,
    /// The local address it came to.
    pub destination: SocketAddr,
    /// Its bytes.
    pub contents: &'a [u8],
}

impl Datagram<'_> {
    fn endpoint(&self) -> Endpoint {
        Endpoint { transport: self.transport, address: self.source }
    }
}

/// One or several datagrams for the network, end to end.
#[derive(Debug, PartialEq, Eq)]
pub struct Transmit {
    /// How they go: on TCP, to the connection from `destination`.
    pub transport: Transport,
    /// The advertised address that they leave from.
    pub source: SocketAddr,
    /// Where they go.
    pub destination: SocketAddr,
    /// Their bytes.
    pub contents: Vec<u8>,
    /// The size of each, save that the last may be shorter; `None` if there is but one.
    pub segment_size: Option<usize>,
}

impl Transmit {
    /// Each datagram by itself.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.contents.chunks(self.segment_size.unwrap_or(self.contents.len()).max(1))
    }
}

/// What goes into an engine.
#[derive(Debug)]
pub enum Input<'a> {
    /// From this worker's own socket, or from a TCP connection.
    Datagram(Datagram<'a>),
    /// From another worker's UDP socket: it took the datagram to be for a session here.
    HandedOver {
        /// The worker that received it.
        via: u16,
        /// What it received.
        datagram: Datagram<'a>,
    },
    /// Another worker has verified that `source` belongs to a session of its own.
    Learned {
        /// The worker.
        owner: u16,
        /// The address.
        source: SocketAddr,
    },
    /// From the control plane.
    Command {
        /// The room that it is about.
        room: RoomKey,
        /// What is asked.
        command: Command,
    },
    /// Time has passed.
    Timeout,
}

/// What comes out of an engine.
#[derive(Debug)]
pub enum Output {
    /// For this worker's own socket, or for a TCP connection.
    Transmit(Transmit),
    /// For the engine of another worker: [`Input::HandedOver`].
    HandOver {
        /// The worker.
        worker: u16,
        /// Who sent it.
        source: SocketAddr,
        /// The local address it came to.
        destination: SocketAddr,
        /// Its bytes.
        contents: Vec<u8>,
    },
    /// For the engine of another worker: [`Input::Learned`].
    Learned {
        /// The worker.
        worker: u16,
        /// The address.
        source: SocketAddr,
    },
    /// For the control plane.
    Event {
        /// The room that it is about.
        room: RoomKey,
        /// What happened.
        event: Event,
    },
}

/// A track whose keyframe requests are to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Watched {
    room: RoomKey,
    track: usize,
    at: Instant,
}

/// One worker's state. See the module's own words.
pub struct Engine {
    config: Config,
    now: Instant,
    sessions: Vec<Option<Session>>,
    by_key: HashMap<SessionKey, usize>,
    routers: HashMap<RoomKey, Router>,
    demux: Demux,
    /// When to look at which session. An entry can be too early, never too late.
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    watched: Vec<Watched>,
    departures: Departures,
    clock: WallClock,
    outputs: VecDeque<Output>,
    outbox: Outbox,
    stats: Stats,
}

impl Engine {
    /// An engine without sessions. `now` begins its time.
    pub fn new(config: Config, now: Instant) -> Engine {
        Engine {
            config,
            now,
            sessions: Vec::new(),
            by_key: HashMap::new(),
            routers: HashMap::new(),
            demux: Demux::default(),
            timers: BinaryHeap::new(),
            watched: Vec::new(),
            departures: Departures::default(),
            clock: WallClock::new(now, UNIX_EPOCH),
            outputs: VecDeque::new(),
            outbox: Outbox::default(),
            stats: Stats::default(),
        }
    }

    /// Tells the time of day, which sessions that are opened from now on report to their remote
    /// sides. Without it they count from 1970.
    pub fn set_wall_clock(&mut self, now: Instant, wall: SystemTime) {
        self.clock = WallClock::new(now, wall);
    }

    /// Takes back the buffer of a [`Transmit`] that was sent, to write to it again.
    pub fn reuse(&mut self, contents: Vec<u8>) {
        if self.outbox.spare.len() < MAX_SPARE {
            self.outbox.spare.push(contents);
        }
    }

    /// The counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Takes one input. Call [`Engine::poll`] until `None` after one or several.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        match input {
            Input::Datagram(datagram) => {
                self.stats.datagrams_in += 1;
                self.on_datagram(&datagram, None);
            }
            Input::HandedOver { via, datagram } => self.on_datagram(&datagram, Some(via)),
            Input::Learned { owner, source } => self.demux.learn_foreign(source, owner),
            Input::Command { room, command } => self.on_command(room, command),
            Input::Timeout => {}
        }
        self.wake_due_sessions();
    }

    /// The next output; `None` when there is nothing to do before [`Engine::deadline`].
    pub fn poll(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            self.request_keyframes();
            let index = self.departures.next(&mut self.sessions, self.now)?;
            if let Some(session) = &mut self.sessions[index] {
                session.flush(self.now, &mut self.outbox);
                self.digest(index);
            }
        }
    }

    /// When to come back with [`Input::Timeout`], if nothing else comes before.
    pub fn deadline(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let watched = self.watched.iter().map(|watched| watched.at).min();
        [timer, watched, self.departures.deadline()].into_iter().flatten().min()
    }

    // ---- datagrams ----

    fn on_datagram(&mut self, datagram: &Datagram<'_>, via: Option<u16>) {
        let session = match Protocol::of(datagram.contents) {
            None => Err(DropReason::NotMedia),
            Some(Protocol::Stun) => match stun::receiver_ufrag(datagram.contents) {
                Some(ufrag) => self.session_of_check(datagram, ufrag, via),
                None => self.session_of_address(datagram, via),
            },
            Some(Protocol::Dtls | Protocol::Rtp) => self.session_of_address(datagram, via),
        };
        let index = match session {
            Ok(Some(index)) => index,
            Ok(None) => return,
            Err(reason) => return self.stats.drop(reason),
        };
        let route = Route { local: self.candidate_for(datagram), remote: datagram.endpoint() };
        let Some(session) = &mut self.sessions[index] else { return };
        session.receive(route, datagram.contents, self.now, &mut self.outbox);
        self.digest(index);
        // A receiver may miss packets, and an acknowledgement may have made room in SCTP.
        if let Some(session) = &mut self.sessions[index]
            && (session.is_urgent() || session.has_backlog())
        {
            self.departures.now(index, session);
        }
    }

    /// The session that a STUN check is for, if it can prove itself or has done so before.
    /// `Ok(None)`: it went to the worker that its ufrag names.
    fn session_of_check(
        &mut self,
        datagram: &Datagram<'_>,
        ufrag: &str,
        via: Option<u16>,
    ) -> Result<Option<usize>, DropReason> {
        let Some(index) = self.demux.session_of_ufrag(ufrag) else {
            let here = self.config.place;
            let may_hand_over = via.is_none() && datagram.transport == Transport::Udp;
            return match Place::of_ufrag(ufrag) {
                Some(place)
                    if place.node == here.node && place.worker != here.worker && may_hand_over =>
                {
                    self.hand_over(place.worker, datagram);
                    Ok(None)
                }
                _ => Err(DropReason::UnknownUfrag),
            };
        };
        let source = datagram.endpoint();
        if self.demux.owner(source) == Some(Owner::Session(index)) {
            return Ok(Some(index));
        }
        let Some(session) = &mut self.sessions[index] else {
            return Err(DropReason::UnknownUfrag);
        };
        session.check_integrity(datagram.contents, self.now)?;
        if !session.admit_address(source, self.now) {
            return Err(DropReason::TooManyAddresses);
        }
        self.demux.learn(source, index, |address| session.has_consent(address, self.now));
        if let Some(worker) = via {
            self.outputs.push_back(Output::Learned { worker, source: datagram.source });
        }
        Ok(Some(index))
    }

    fn session_of_address(
        &mut self,
        datagram: &Datagram<'_>,
        via: Option<u16>,
    ) -> Result<Option<usize>, DropReason> {
        match self.demux.owner(datagram.endpoint()) {
            Some(Owner::Session(index)) => Ok(Some(index)),
            Some(Owner::Worker(worker)) if via.is_none() => {
                self.hand_over(worker, datagram);
                Ok(None)
            }
            _ => Err(DropReason::UnknownSource),
        }
    }

    fn hand_over(&mut self, worker: u16, datagram: &Datagram<'_>) {
        self.stats.handed_over += 1;
        self.outputs.push_back(Output::HandOver {
            worker,
            source: datagram.source,
            destination: datagram.destination,
            contents: datagram.contents.to_vec(),
        });
    }

    /// Every room that has anything here, for telling them when the engine itself is lost.
    pub fn rooms(&self) -> impl Iterator<Item = RoomKey> + '_ {
        self.routers.keys().copied()
    }

    /// A datagram of this engine's that the shell could not bring further.
    pub fn on_drop(&mut self, reason: DropReason) {
        self.stats.drop(reason);
    }

    /// Datagrams that the system would not take.
    pub fn on_send_failed(&mut self, count: u64) {
        self.stats.send_failed += count;
    }

    /// The ICE candidate that stands for the local address that a datagram came to: itself where
    /// it is advertised, else one with its IP (a port is forwarded), else the first of its family
    /// (a NAT is in front).
    fn candidate_for(&self, datagram: &Datagram<'_>) -> SocketAddr {
        let local = datagram.destination;
        let advertised = match datagram.transport {
            Transport::Udp => &self.config.advertised,
            Transport::Tcp => &self.config.advertised_tcp,
        };
        let find = |matches: &dyn Fn(&SocketAddr) -> bool| {
            advertised.iter().copied().find(|address| matches(address))
        };
        find(&|address| *address == local)
            .or_else(|| find(&|address| address.ip() == local.ip()))
            .or_else(|| find(&|address| address.is_ipv4() == local.is_ipv4()))
            .unwrap_or(local)
    }

    // ---- what comes out of sessions ----

    /// Passes on what a session has put into the outbox, and sets its timer.
    fn digest(&mut self, index: usize) {
        let mut outbox = std::mem::take(&mut self.outbox);
        let count = |transmit: &Transmit| transmit.datagrams().len() as u64;
        self.stats.datagrams_out += outbox.transmits.iter().map(count).sum::<u64>();
        self.outputs.extend(outbox.transmits.drain(..).map(Output::Transmit));
        for (channel, fate) in outbox.fates.drain(..) {
            self.stats.end_data(channel, fate);
        }
        for happened in outbox.happened.drain(..) {
            self.on_happened(index, happened);
        }
        self.outbox = outbox;
        self.schedule(index);
    }

    fn on_happened(&mut self, index: usize, happened: Happened) {
        let Some(session) = &self.sessions[index] else { return };
        let (room, key) = (session.room, session.key);
        match happened {
            Happened::Packet { track, packet } => {
                let Some(router) = self.routers.get_mut(&room) else { return };
                let (sessions, departures) = (&mut self.sessions, &mut self.departures);
                router.forward(track, &packet, sessions, departures, &mut self.stats);
                self.watch(room, track);
            }
            Happened::Dropped(reason) => self.stats.drop(reason),
            Happened::Data { channel, message } => self.on_data(index, channel, message),
            Happened::KeyframeWanted { line } => self.on_keyframe_wanted(room, index, line),
            Happened::Connected => {
                self.emit(room, Event::Connected { session: key });
                self.want_keyframes_for(room, index);
            }
            Happened::Failed(reason) => {
                self.close(index);
                self.emit(room, Event::Failed { session: key, reason });
            }
        }
    }

    fn on_keyframe_wanted(&mut self, room: RoomKey, session: usize, line: usize) {
        let Some(router) = self.routers.get_mut(&room) else { return };
        let mut asked = None;
        for track in router.tracks_mut() {
            let of_line = |s: &&Subscription| s.session == session && s.line == line;
            // An idle slot's request has no track to go to.
            if let Some(subscription) = track.subscriptions.iter().find(of_line) {
                let is_seen = !subscription.viewport().is_hidden();
                if let Some(ssrc) = subscription.gate.flows().filter(|_| is_seen) {
                    track.want_keyframe(ssrc);
                }
                asked = Some(track.key);
                break;
            }
        }
        if let Some(index) = asked.and_then(|key| router.index_of(key)) {
            self.watch(room, index);
        }
    }

    fn want_keyframes_for(&mut self, room: RoomKey, session: usize) {
        let Some(router) = self.routers.get_mut(&room) else { return };
        let mut asked = Vec::new();
        for track in router.tracks_mut() {
            if track.subscriptions.iter().any(|s| s.session == session) {
                track.want_keyframes();
                asked.push(track.key);
            }
        }
        for key in asked {
            self.watch_key(room, key);
        }
    }

    /// Has the track's keyframe requests looked at before the next wait.
    fn watch(&mut self, room: RoomKey, index: usize) {
        let Some(track) = self.routers.get_mut(&room).and_then(|r| r.at(index)) else { return };
        if !track.is_watched && track.keyframe_deadline().is_some() {
            track.is_watched = true;
            self.watched.push(Watched { room, track: index, at: self.now });
        }
    }

    fn watch_key(&mut self, room: RoomKey, key: TrackKey) {
        if let Some(index) = self.routers.get(&room).and_then(|router| router.index_of(key)) {
            self.watch(room, index);
        }
    }

    fn request_keyframes(&mut self) {
        let now = self.now;
        let (sessions, routers) = (&mut self.sessions, &mut self.routers);
        let (departures, stats) = (&mut self.departures, &mut self.stats);
        self.watched.retain_mut(|watched| {
            if watched.at > now {
                return true;
            }
            let Some(router) = routers.get_mut(&watched.room) else { return false };
            match router.request_keyframes(watched.track, sessions, now, departures, stats) {
                Some(at) => {
                    watched.at = at.max(now + QUANTUM);
                    true
                }
                None => false,
            }
        });
    }

    fn emit(&mut self, room: RoomKey, event: Event) {
        self.outputs.push_back(Output::Event { room, event });
    }

    // ---- timers ----

    fn schedule(&mut self, index: usize) {
        let Some(session) = &mut self.sessions[index] else { return };
        let at = session.deadline().max(self.now + QUANTUM);
        if session.scheduled.is_none_or(|scheduled| at < scheduled) {
            session.scheduled = Some(at);
            self.timers.push(Reverse((at, index)));
        }
    }

    fn wake_due_sessions(&mut self) {
        while let Some(&Reverse((at, index))) = self.timers.peek()
            && at <= self.now
        {
            self.timers.pop();
            let Some(session) = &mut self.sessions[index] else { continue };
            // An entry that an earlier one has replaced, or that an ended session left behind.
            if session.scheduled != Some(at) {
                continue;
            }
            session.scheduled = None;
            if session.deadline() <= self.now {
                self.mark_dirty(index);
            } else {
                self.schedule(index);
            }
        }
    }

    fn mark_dirty(&mut self, index: usize) {
        if let Some(session) = &mut self.sessions[index] {
            self.departures.now(index, session);
        }
    }

    // ---- commands ----

    fn on_command(&mut self, room: RoomKey, command: Command) {
        match command {
            Command::Open { session } => self.open(room, session),
            Command::Offer { session, sdp, request } => self.offer(room, session, &sdp, request),
            Command::Candidate { session, candidate } => {
                if let Some(index) = self.index_in(room, session)
                    && let Some(session) = &mut self.sessions[index]
                {
                    session.add_candidate(&candidate);
                    self.mark_dirty(index);
                }
            }
            Command::Publish { session, track, mid, kind, group, request } => {
                let result = self.publish(room, session, track, mid, kind, group);
                self.emit(room, Event::Published { session, request, result });
            }
            Command::Unpublish { track } => self.unpublish(room, track),
            Command::Mute { track, muted } => {
                if let Some(track) = self.routers.get_mut(&room).and_then(|r| r.track_mut(track)) {
                    track.set_muted(muted);
                }
                self.watch_key(room, track);
            }
            Command::Subscribe { session, track } => self.subscribe(room, session, track),
            Command::Unsubscribe { session, track } => {
                if let Some(index) = self.index_in(room, session) {
                    self.unsubscribe(room, index, track);
                    if let Some(session) = &mut self.sessions[index] {
                        session.viewports.remove(&track);
                    }
                    self.bind_waiting(index);
                }
            }
            Command::Viewport { session, track, width, height } => {
                self.set_viewport(room, session, track, Viewport { width, height });
            }
            Command::Admit { member, may_send } => self.admit(room, member, may_send),
            Command::Listen { member, topics } => self.listen(room, member, topics),
            Command::Dismiss { member } => self.dismiss(room, member),
            Command::Close { session } => {
                if let Some(index) = self.index_in(room, session) {
                    self.close(index);
                }
            }
        }
    }

    fn index_in(&self, room: RoomKey, session: SessionKey) -> Option<usize> {
        let index = *self.by_key.get(&session)?;
        self.sessions[index].as_ref().filter(|session| session.room == room)?;
        Some(index)
    }

    fn open(&mut self, room: RoomKey, key: SessionKey) {
        if let Some(index) = self.index_in(room, key) {
            self.close(index);
        }
        let session = Session::new(room, key, &self.config, self.clock, self.now);
        let free = self.sessions.iter().position(Option::is_none);
        let index = free.unwrap_or(self.sessions.len());
        if index == self.sessions.len() {
            self.sessions.push(None);
        }
        self.demux.set_ufrag(session.ufrag().to_owned(), index);
        self.sessions[index] = Some(session);
        self.by_key.insert(key, index);
        self.routers.entry(room).or_default().sessions += 1;
        self.stats.sessions += 1;
    }

    fn offer(&mut self, room: RoomKey, key: SessionKey, sdp: &str, request: RequestKey) {
        let index = self.index_in(room, key);
        let answered = match index.and_then(|index| self.sessions[index].as_mut()) {
            Some(session) => session.answer(sdp, &self.config, self.now),
            None => Err(CommandError::NotFound("there is no such peer connection".into())),
        };
        let result = match (answered, index) {
            (Ok((answer, lost)), Some(index)) => {
                if let Some(session) = &mut self.sessions[index] {
                    self.demux.set_ufrag(session.ufrag().to_owned(), index);
                }
                self.after_offer(room, index, lost);
                Ok(answer)
            }
            (Ok((answer, _)), None) => Ok(answer),
            (Err(error), _) => Err(error),
        };
        self.emit(room, Event::Answered { session: key, request, result });
        if let Some(index) = index {
            self.bind_waiting(index);
        }
    }

    /// Tracks whose line was given up wait for another; payload types are looked up anew.
    fn after_offer(&mut self, room: RoomKey, index: usize, lost: Vec<TrackKey>) {
        self.mark_dirty(index);
        for track in lost {
            let want = self
                .routers
                .get_mut(&room)
                .and_then(|r| r.track_mut(track))
                .map(|track| Want { track: track.key, kind: track.kind, group: track.group });
            self.unsubscribe(room, index, track);
            if let (Some(want), Some(session)) = (want, &mut self.sessions[index]) {
                session.slots.want(want);
            }
        }
        if let Some(router) = self.routers.get_mut(&room) {
            for track in router.tracks_mut() {
                let own = track.subscriptions.iter_mut().filter(|s| s.session == index);
                own.for_each(Subscription::forget_payload_type);
            }
        }
    }

    fn publish(
        &mut self,
        room: RoomKey,
        session: SessionKey,
        track: TrackKey,
        mid: String,
        kind: MediaKind,
        group: Group,
    ) -> Result<(), CommandError> {
        let missing = |what: String| Err(CommandError::NotFound(what));
        let Some(index) = self.index_in(room, session) else {
            return missing("there is no such peer connection; send an offer first".into());
        };
        let Some(publisher) = &mut self.sessions[index] else {
            return missing("there is no such peer connection; send an offer first".into());
        };
        if !publisher.sends(&mid, kind) {
            return missing(format!(
                "no m-line {mid:?} of the last offer sends {}; offer it before it is published",
                if kind == MediaKind::Audio { "audio" } else { "video" },
            ));
        }
        let router = self.routers.entry(room).or_default();
        let track_index = router.add(Track::new(track, index, mid.clone(), kind, group));
        if !publisher.publish(&mid, Some(track_index)) {
            router.remove(track);
            return missing(format!("m-line {mid:?} is published already"));
        }
        self.stats.tracks += 1;
        Ok(())
    }

    fn unpublish(&mut self, room: RoomKey, key: TrackKey) {
        let Some(track) = self.routers.get_mut(&room).and_then(|r| r.remove(key)) else {
            self.forget_wish(room, key);
            return;
        };
        self.stats.tracks -= 1;
        if let Some(publisher) = &mut self.sessions[track.publisher] {
            publisher.publish(&track.mid, None);
        }
        let mut freed = Vec::new();
        for subscription in track.subscriptions {
            self.stats.subscriptions -= 1;
            let index = subscription.session;
            if let Some(session) = &mut self.sessions[index] {
                session.slots.release(key, Some(subscription.into_rewrite()));
                freed.push(index);
            }
        }
        self.forget_wish(room, key);
        for index in freed {
            self.bind_waiting(index);
        }
    }

    /// Nobody waits for a track any more that is gone.
    fn forget_wish(&mut self, room: RoomKey, key: TrackKey) {
        for session in self.sessions.iter_mut().flatten().filter(|s| s.room == room) {
            session.slots.release(key, None);
            session.viewports.remove(&key);
        }
    }

    fn set_viewport(
        &mut self,
        room: RoomKey,
        session: SessionKey,
        key: TrackKey,
        viewport: Viewport,
    ) {
        let Some(index) = self.index_in(room, session) else { return };
        let Some(session) = &mut self.sessions[index] else { return };
        if !session.slots.is_wanted(key) {
            return;
        }
        session.viewports.insert(key, viewport);
        if let Some(track) = self.routers.get_mut(&room).and_then(|r| r.track_mut(key)) {
            track.set_viewport(index, viewport, self.now);
        }
        self.watch_key(room, key);
    }

    fn subscribe(&mut self, room: RoomKey, session: SessionKey, track: TrackKey) {
        let Some(index) = self.index_in(room, session) else { return };
        let Some(track) = self.routers.get_mut(&room).and_then(|r| r.track_mut(track)) else {
            return;
        };
        let want = Want { track: track.key, kind: track.kind, group: track.group };
        if let Some(session) = &mut self.sessions[index] {
            session.slots.want(want);
        }
        self.bind_waiting(index);
    }

    fn unsubscribe(&mut self, room: RoomKey, index: usize, key: TrackKey) {
        let track = self.routers.get_mut(&room).and_then(|router| router.track_mut(key));
        let subscription = track.and_then(|track| track.unsubscribe(index));
        self.stats.subscriptions -= u64::from(subscription.is_some());
        if let Some(session) = &mut self.sessions[index] {
            session.slots.release(key, subscription.map(Subscription::into_rewrite));
        }
    }

    /// Gives free slots to waiting tracks, and tells what is missing.
    fn bind_waiting(&mut self, index: usize) {
        let Some(session) = &self.sessions[index] else { return };
        let (room, key) = (session.room, session.key);
        while let Some(session) = &mut self.sessions[index]
            && let Some(binding) = session.slots.bind_next()
        {
            let mid = session.slots.line(binding.line).map(|line| line.mid.clone());
            let router = self.routers.get_mut(&room);
            let (Some(mid), Some(track)) = (mid, router.and_then(|r| r.track_mut(binding.track)))
            else {
                session.slots.release(binding.track, Some(binding.rewrite));
                continue;
            };
            let viewport = match track.kind {
                MediaKind::Video => session.viewports.get(&binding.track).copied(),
                MediaKind::Audio => None,
            };
            let viewport = viewport.unwrap_or(Viewport::UNKNOWN);
            let subscription = Subscription::new(index, binding.line, binding.rewrite, viewport);
            track.subscribe(subscription, self.now);
            self.stats.subscriptions += 1;
            let event =
                Event::Bound { session: key, track: binding.track, mid, bind: binding.bind };
            self.emit(room, event);
            self.watch_key(room, binding.track);
        }
        if let Some(session) = &mut self.sessions[index]
            && let Some((audio, video)) = session.slots.shortage()
        {
            self.emit(room, Event::SlotsNeeded { session: key, audio, video });
        }
    }

    /// Ends a session: its tracks with everybody who gets them, its subscriptions, its addresses.
    fn close(&mut self, index: usize) {
        let Some(session) = &self.sessions[index] else { return };
        let (room, key) = (session.room, session.key);
        let (mut published, mut subscribed) = (Vec::new(), Vec::new());
        if let Some(router) = self.routers.get_mut(&room) {
            for track in router.tracks_mut() {
                if track.publisher == index {
                    published.push(track.key);
                } else if track.subscriptions.iter().any(|s| s.session == index) {
                    subscribed.push(track.key);
                }
            }
        }
        for track in subscribed {
            self.unsubscribe(room, index, track);
        }
        for track in published {
            self.unpublish(room, track);
        }
        self.demux.remove(index);
        self.by_key.remove(&key);
        if let Some(mut session) = self.sessions[index].take() {
            let mut goodbye = Outbox::default();
            session.close(self.now, &mut goodbye);
            self.stats.datagrams_out += goodbye.transmits.len() as u64;
            for happened in goodbye.happened {
                if let Happened::Dropped(reason) = happened {
                    self.stats.drop(reason);
                }
            }
            self.outputs.extend(goodbye.transmits.into_iter().map(Output::Transmit));
            for (channel, fate) in goodbye.fates {
                self.stats.end_data(channel, fate);
            }
            self.stats.sessions -= 1;
        }
        if let Some(router) = self.routers.get_mut(&room) {
            router.sessions = router.sessions.saturating_sub(1);
            self.forget_if_over(room);
        }
    }

    fn forget_if_over(&mut self, room: RoomKey) {
        if self.routers.get(&room).is_some_and(Router::is_over) {
            self.routers.remove(&room);
        }
    }
}
