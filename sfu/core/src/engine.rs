//! The pure state that one worker drives: sessions, routers, timers.
//!
//! Three verbs, as in every core: [`Engine::handle`] takes input with the time,
//! [`Engine::poll`] gives output until there is none, [`Engine::deadline`] tells when to come
//! back. Packets are queued by `handle` and leave by `poll`, so a shell that handles a whole
//! batch before it polls flushes each session once per batch.

mod arrivals;
mod commands;
mod io;
mod keyframes;
mod relay;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::command::{RoomKey, SessionKey};
use crate::config::Config;
use crate::demux::Demux;
use crate::departures::{Departures, Ready, Waiting};
use crate::egress::WallClock;
use crate::event::Event;
use crate::packet::{Outgoing, Packet};
use crate::pictures::Next;
use crate::router::{Forwarding, Router};
use crate::session::{Happened, Outbox, Session};
use crate::stats::{DropReason, Stats};
use crate::timers::Timers;
pub use io::{Datagram, Input, Output, Transmit};
use keyframes::Watched;

/// A timer that is due already is looked at again after this: time must move, or it would spin.
const QUANTUM: Duration = Duration::from_millis(1);

/// Buffers that are kept for datagrams.
const MAX_SPARE: usize = 64;

/// One worker's state. See the module's own words.
pub struct Engine {
    config: Config,
    now: Instant,
    // Boxed: they are large, and `cache` is told where they are without a look at them.
    sessions: Vec<Option<Box<Session>>>,
    by_key: HashMap<SessionKey, usize>,
    routers: HashMap<RoomKey, Router>,
    demux: Demux,
    /// When to look at which session. An entry can be too early, but not too late.
    timers: Timers,
    watched: Vec<Watched>,
    departures: Departures,
    clock: WallClock,
    outputs: VecDeque<Output>,
    outbox: Outbox,
    /// Room for packets on their way to one subscriber.
    packets: Vec<Outgoing>,
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
            timers: Timers::default(),
            watched: Vec::new(),
            departures: Departures::default(),
            clock: WallClock::new(now, UNIX_EPOCH),
            outputs: VecDeque::new(),
            outbox: Outbox::default(),
            packets: Vec::new(),
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
        // What came before goes by what was true then.
        while self.departures.is_midway() {
            self.forward_next();
        }
        self.now = self.now.max(now);
        match input {
            Input::Datagram(datagram) => {
                self.stats.datagrams_in += 1;
                self.on_datagram(&datagram, None);
            }
            Input::HandedOver { via, datagram } => self.on_datagram(&datagram, Some(via)),
            Input::Learned { owner, source } => self.demux.learn_foreign(source, owner),
            Input::Command { room, command } => {
                while self.forward_next() {}
                self.on_command(room, command);
            }
            Input::Linked { room, member, link, channel, message } => {
                self.on_linked(room, member, link, channel, message);
            }
            Input::Bulk { room, member, link, bulk, head } => {
                let result = self.open_bulk(room, member, link, head);
                match result {
                    Ok(_) => self.stats.bulk += 1,
                    Err(reason) => self.stats.drop(reason),
                }
                self.outputs.push_back(Output::Bulk { bulk, result });
            }
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
            if self.forward_next() {
                continue;
            }
            if self.end_waits() {
                continue;
            }
            self.request_keyframes();
            let index = self.departures.next()?;
            if let Some(session) = &mut self.sessions[index] {
                session.flush(self.now, &mut self.outbox);
                self.digest(index);
            }
        }
    }

    /// When to come back with [`Input::Timeout`], if nothing else comes before.
    pub fn deadline(&self) -> Option<Instant> {
        let timer = self.timers.deadline();
        let watched = self.watched.iter().map(|watched| watched.at).min();
        let picture = self.departures.first_waiting().map(|waiting| waiting.until);
        [timer, watched, picture].into_iter().flatten().min()
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

    /// Passes on what a session has put into the outbox, and sets its timer.
    fn digest(&mut self, index: usize) {
        self.transmit();
        let mut outbox = std::mem::take(&mut self.outbox);
        for (channel, fate) in outbox.fates.drain(..) {
            self.stats.end_data(channel, fate);
        }
        self.stats.packets_ahead += std::mem::take(&mut outbox.ahead);
        for happened in outbox.happened.drain(..) {
            self.on_happened(index, happened);
        }
        self.outbox = outbox;
        self.schedule(index);
    }

    fn transmit(&mut self) {
        self.outbox.unsent.clear();
        for transmit in self.outbox.transmits.drain(..) {
            self.stats.datagrams_out += transmit.datagrams().len() as u64;
            self.outputs.push_back(Output::Transmit(transmit));
        }
    }

    fn on_happened(&mut self, index: usize, happened: Happened) {
        let Some(session) = &self.sessions[index] else { return };
        let (room, key) = (session.room, session.key);
        match happened {
            Happened::Packet { track, packet } => self.on_packet(room, track, packet),
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

    fn on_packet(&mut self, room: RoomKey, track: usize, packet: Packet) {
        let Some(router) = self.routers.get_mut(&room) else { return };
        match router.receive(track, packet, &mut self.stats) {
            Some(Next::Forward) => self.departures.forward(room, track),
            Some(Next::WaitUntil(until)) => self.departures.wait(Waiting { until, room, track }),
            Some(Next::Wait) | None => {}
        }
        self.watch(room, track);
    }

    /// Forwards what is ready in the room whose packets came first, to some of those who get it.
    /// False if nothing is ready.
    fn forward_next(&mut self) -> bool {
        let Some(mut ready) = self.departures.take_ready() else { return false };
        match self.forward(&mut ready) {
            Some(next) => self.departures.go_on(Ready { from: next, ..ready }),
            None => ready.tracks.iter().for_each(|&track| self.watch(ready.room, track)),
        }
        true
    }

    fn forward(&mut self, ready: &mut Ready) -> Option<usize> {
        let router = self.routers.get_mut(&ready.room)?;
        if ready.from == 0 {
            router.put_largest_first(&mut ready.tracks);
        }
        let mut with = Forwarding {
            now: self.now,
            sessions: &mut self.sessions,
            departures: &mut self.departures,
            stats: &mut self.stats,
            out: &mut self.outbox,
            packets: &mut self.packets,
        };
        let next = router.forward(&ready.tracks, ready.from, &mut with);
        self.transmit();
        next
    }

    /// Ends the wait of pictures that have waited long enough for the rest of them. False if there
    /// are none.
    fn end_waits(&mut self) -> bool {
        let mut has_ended = false;
        while let Some(Waiting { until, room, track: index }) = self.departures.first_waiting() {
            let track = self.routers.get_mut(&room).and_then(|router| router.at(index));
            // Void if the picture has become whole since.
            let track = track.filter(|track| track.pictures.until() == Some(until));
            if track.is_some() && until > self.now {
                break;
            }
            if let Some(track) = track {
                track.pictures.end_wait();
                self.departures.forward(room, index);
                has_ended = true;
            }
            self.departures.pop_waiting();
        }
        has_ended
    }

    fn emit(&mut self, room: RoomKey, event: Event) {
        self.outputs.push_back(Output::Event { room, event });
    }

    fn schedule(&mut self, index: usize) {
        let Some(session) = &mut self.sessions[index] else { return };
        let mut timer = session.timer();
        timer.latest = timer.latest.max(self.now + QUANTUM);
        if session.scheduled.is_none_or(|scheduled| timer.latest < scheduled) {
            session.scheduled = Some(timer.latest);
            self.timers.add(timer, index);
        }
    }

    fn wake_due_sessions(&mut self) {
        while let Some((latest, index)) = self.timers.next_due(self.now) {
            let Some(session) = &mut self.sessions[index] else { continue };
            // An entry that an earlier one has replaced, or that an ended session left behind.
            if session.scheduled != Some(latest) {
                continue;
            }
            session.scheduled = None;
            if session.is_due(self.now) {
                self.mark_dirty(index);
            } else {
                self.schedule(index);
            }
        }
    }

    fn mark_dirty(&mut self, index: usize) {
        if let Some(session) = &mut self.sessions[index] {
            self.departures.add(index, session);
        }
    }
}
