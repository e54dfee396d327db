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

use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap, VecDeque};
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
pub use io::{Datagram, Input, Output, Transmit};
use keyframes::Watched;

/// A timer that is due already is looked at again after this: time must move, or it would spin.
const QUANTUM: Duration = Duration::from_millis(1);

/// A timer that is at least this far away is as good a little later: from its time on it is looked at with
/// whatever else happens, and only when nothing does for as long as [`PATIENCE`] the engine is woken for
/// it. A wake-up costs more than what most of them have to do.
const FAR: Duration = Duration::from_millis(500);
pub(crate) const PATIENCE: Duration = Duration::from_millis(50);

/// Buffers that are kept for datagrams.
const MAX_SPARE: usize = 64;

/// Times and the sessions that they are for, the earliest first.
type Timers = BinaryHeap<Reverse<(Instant, usize)>>;

/// One worker's state. See the module's own words.
pub struct Engine {
    config: Config,
    now: Instant,
    // Boxed: they are large, and `cache` is told where they are without a look at them.
    sessions: Vec<Option<Box<Session>>>,
    by_key: HashMap<SessionKey, usize>,
    routers: HashMap<RoomKey, Router>,
    demux: Demux,
    /// When to look at which session. An entry can be too early; too late only by [`PATIENCE`].
    timers: Timers,
    /// From when on to look at which session; [`PATIENCE`] later at last.
    far_timers: Timers,
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
            timers: Timers::new(),
            far_timers: Timers::new(),
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
        while self.departures.first_ready().is_some_and(|ready| ready.from > 0) {
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
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let far_timer = self.far_timers.peek().map(|Reverse((from, _))| *from + PATIENCE);
        let watched = self.watched.iter().map(|watched| watched.at).min();
        let picture = self.departures.first_waiting().map(|waiting| waiting.until);
        [timer, far_timer, watched, picture].into_iter().flatten().min()
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
        for happened in outbox.happened.drain(..) {
            self.on_happened(index, happened);
        }
        self.outbox = outbox;
        self.schedule(index);
    }

    fn transmit(&mut self) {
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

    /// Forwards what is ready on the track whose packets came first, to some of those who get it.
    /// False if nothing is ready.
    fn forward_next(&mut self) -> bool {
        let Some(&mut Ready { room, track, from }) = self.departures.first_ready() else {
            return false;
        };
        let next = self.forward(room, track, from);
        match (next, self.departures.first_ready()) {
            (Some(next), Some(ready)) => ready.from = next,
            _ => {
                self.departures.pop_ready();
                self.watch(room, track);
            }
        }
        true
    }

    fn forward(&mut self, room: RoomKey, track: usize, from: usize) -> Option<usize> {
        let router = self.routers.get_mut(&room)?;
        let mut with = Forwarding {
            now: self.now,
            sessions: &mut self.sessions,
            departures: &mut self.departures,
            stats: &mut self.stats,
            out: &mut self.outbox,
            packets: &mut self.packets,
        };
        let next = router.forward(track, from, &mut with);
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
        let at = session.deadline().max(self.now + QUANTUM);
        let (timers, latest) = match at < self.now + FAR {
            true => (&mut self.timers, at),
            false => (&mut self.far_timers, at + PATIENCE),
        };
        if session.scheduled.is_none_or(|scheduled| latest < scheduled) {
            session.scheduled = Some(latest);
            timers.push(Reverse((at, index)));
        }
    }

    fn wake_due_sessions(&mut self) {
        while let Some((latest, index)) = self.next_due() {
            let Some(session) = &mut self.sessions[index] else { continue };
            // An entry that an earlier one has replaced, or that an ended session left behind.
            if session.scheduled != Some(latest) {
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

    /// Takes the next timer whose time has come: until when it could have waited, and its session.
    fn next_due(&mut self) -> Option<(Instant, usize)> {
        [(&mut self.timers, Duration::ZERO), (&mut self.far_timers, PATIENCE)].into_iter().find_map(
            |(timers, patience)| {
                let due = timers.peek_mut().filter(|next| next.0.0 <= self.now)?;
                let Reverse((at, index)) = PeekMut::pop(due);
                Some((at + patience, index))
            },
        )
    }

    fn mark_dirty(&mut self, index: usize) {
        if let Some(session) = &mut self.sessions[index] {
            self.departures.add(index, session);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::command::Command;
    use crate::demux::Place;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_far_timer_waits_for_company_but_not_for_long() {
        let now = epoch();
        let config = Config {
            place: Place { node: 0, worker: 0 },
            advertised: vec![SocketAddr::from(([10, 0, 0, 1], 7_882))],
            advertised_tcp: Vec::new(),
            ice_lite: false,
            max_lines: 8,
            max_candidates: 8,
            connect_timeout: Duration::from_secs(30),
            data_buffer: 1 << 20,
            data_max_age: Duration::from_secs(1),
            data_lossy_bytes: 1_200,
            data_messages_per_second: 100,
            data_bytes_per_second: 1 << 20,
        };
        let mut engine = Engine::new(config, now);
        let command = Command::Open { session: SessionKey(1) };
        engine.handle(now, Input::Command { room: RoomKey(1), command });
        engine.mark_dirty(0);
        while engine.poll().is_some() {}
        let wants = engine.sessions[0].as_ref().unwrap().deadline();
        assert!(wants >= now + FAR, "nothing is to be done soon");
        assert_eq!(engine.deadline(), Some(wants + PATIENCE));

        let is_looked_at = |engine: &Engine| engine.sessions[0].as_ref().unwrap().is_departing;
        engine.handle(wants - QUANTUM, Input::Timeout);
        assert!(!is_looked_at(&engine), "it is not early");
        engine.handle(wants, Input::Timeout);
        assert!(is_looked_at(&engine), "it goes with whatever happens");
        while engine.poll().is_some() {}
        assert!(engine.deadline() > Some(wants + PATIENCE));
    }
}
