//! What the control plane counts. Who reads it is `/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers since the server's start.
#[derive(Default)]
pub struct Counters {
    rooms: AtomicI64,
    participants: AtomicI64,
    room_failures: AtomicU64,
    slow_readers: AtomicU64,
    lossy_sent: AtomicU64,
    lossy_delivered: AtomicU64,
    lossy_dropped: AtomicU64,
    resumed: AtomicU64,
    gaps: AtomicU64,
    webtransport_sessions: AtomicI64,
    webtransport_refused: [AtomicU64; Refused::ALL.len()],
    webtransport_streams_refused: AtomicU64,
    webtransport_datagrams_dropped: AtomicU64,
    /// By door and outcome.
    joins: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    /// By route and status.
    responses: Mutex<BTreeMap<(String, u16), u64>>,
}

/// The numbers at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// Rooms now.
    pub rooms: i64,
    /// Participants now, in all rooms, the hidden included.
    pub participants: i64,
    /// Rooms whose task panicked.
    pub room_failures: u64,
    /// Readers that were cut off.
    pub slow_readers: u64,
    /// Copies of lossy messages for signaling connections: delivered + dropped + those that wait.
    pub lossy_sent: u64,
    /// Those of them that their doors took in time.
    pub lossy_delivered: u64,
    /// Those of them that would have come too late, or to nobody.
    pub lossy_dropped: u64,
    /// Participants that came back after a lost connection.
    pub resumed: u64,
    /// Those of them whose place in the journal was gone.
    pub gaps: u64,
    /// WebTransport sessions now.
    pub webtransport_sessions: i64,
    /// Those who came by WebTransport and got no session, by reason.
    pub webtransport_refused: Vec<(&'static str, u64)>,
    /// Streams of WebTransport that were refused.
    pub webtransport_streams_refused: u64,
    /// Datagrams that a session sent beyond its limit, or faster than they were read.
    pub webtransport_datagrams_dropped: u64,
    /// Attempts to join, by door and outcome (`ok`, or the error's code).
    pub joins: BTreeMap<(&'static str, &'static str), u64>,
    /// HTTP responses, by route and status.
    pub responses: BTreeMap<(String, u16), u64>,
}

/// Why somebody who came by WebTransport got no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There are enough connections, in all or from its address.
    Connections,
    /// The system is short of files.
    Headroom,
    /// It did not shake hands, or asked for something else.
    Handshake,
    /// It asked for another path.
    Path,
}

impl Refused {
    const ALL: [Refused; 4] =
        [Refused::Connections, Refused::Headroom, Refused::Handshake, Refused::Path];

    fn label(self) -> &'static str {
        match self {
            Refused::Connections => "connections",
            Refused::Headroom => "headroom",
            Refused::Handshake => "handshake",
            Refused::Path => "path",
        }
    }
}

/// One counter of another part of the server, as it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Without prefix and suffix.
    pub name: &'static str,
    /// What is counted, for people.
    pub help: &'static str,
    /// Name and value of the one label, if any.
    pub label: Option<(&'static str, &'static str)>,
    /// The count since start, or for gauges the value now.
    pub value: u64,
    /// Goes up and down.
    pub is_gauge: bool,
}

impl Counters {
    /// A reader was cut off.
    pub fn slow_reader(&self) {
        self.slow_readers.fetch_add(1, Ordering::Relaxed);
    }

    /// A copy of a lossy message was to go to a door.
    pub fn lossy_sent(&self) {
        self.lossy_sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A door took it in time.
    pub fn lossy_delivered(&self) {
        self.lossy_delivered.fetch_add(1, Ordering::Relaxed);
    }

    /// What a door took in time did not fit its connection then.
    pub fn lossy_not_delivered(&self) {
        self.lossy_delivered.fetch_sub(1, Ordering::Relaxed);
        self.lossy_dropped();
    }

    /// A copy of a lossy message did not even get that far.
    pub fn lossy_lost(&self) {
        self.lossy_sent();
        self.lossy_dropped();
    }

    /// It was dropped.
    pub fn lossy_dropped(&self) {
        self.lossy_dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// A participant came back after a lost connection.
    pub fn resumed(&self) {
        self.resumed.fetch_add(1, Ordering::Relaxed);
    }

    /// Its place in the journal was gone.
    pub fn gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    /// A room's task panicked.
    pub fn room_failure(&self) {
        self.room_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody tried to join.
    pub fn join(&self, door: &'static str, outcome: &'static str) {
        let mut joins = self.joins.lock().unwrap_or_else(PoisonError::into_inner);
        *joins.entry((door, outcome)).or_insert(0) += 1;
    }

    /// An HTTP response went out. `route` is the pattern, not the path: there are as many series as
    /// routes, whatever is asked for.
    pub fn response(&self, route: &str, status: u16) {
        let mut responses = self.responses.lock().unwrap_or_else(PoisonError::into_inner);
        *responses.entry((route.to_owned(), status)).or_insert(0) += 1;
    }

    /// A WebTransport session is open until what is given back is dropped.
    pub fn webtransport_session(self: &Arc<Self>) -> OpenSession {
        self.webtransport_sessions.fetch_add(1, Ordering::Relaxed);
        OpenSession(Arc::clone(self))
    }

    /// Somebody who came by WebTransport got no session.
    pub fn refuse(&self, reason: Refused) {
        self.webtransport_refused[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A stream of WebTransport was refused.
    pub fn webtransport_stream_refused(&self) {
        self.webtransport_streams_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Datagrams came that were beyond their session's limit, or faster than they could be read.
    pub fn webtransport_datagrams_dropped(&self, count: u64) {
        self.webtransport_datagrams_dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Rooms and participants now.
    pub fn present(&self) -> u64 {
        let present = [&self.rooms, &self.participants].map(|count| count.load(Ordering::Relaxed));
        present.into_iter().map(|count| u64::try_from(count).unwrap_or(0)).sum()
    }

    /// All numbers.
    pub fn read(&self) -> Reading {
        Reading {
            rooms: self.rooms.load(Ordering::Relaxed),
            participants: self.participants.load(Ordering::Relaxed),
            room_failures: self.room_failures.load(Ordering::Relaxed),
            slow_readers: self.slow_readers.load(Ordering::Relaxed),
            lossy_sent: self.lossy_sent.load(Ordering::Relaxed),
            lossy_delivered: self.lossy_delivered.load(Ordering::Relaxed),
            lossy_dropped: self.lossy_dropped.load(Ordering::Relaxed),
            resumed: self.resumed.load(Ordering::Relaxed),
            gaps: self.gaps.load(Ordering::Relaxed),
            webtransport_sessions: self.webtransport_sessions.load(Ordering::Relaxed),
            webtransport_refused: Refused::ALL
                .map(|reason| {
                    let count = &self.webtransport_refused[reason as usize];
                    (reason.label(), count.load(Ordering::Relaxed))
                })
                .to_vec(),
            webtransport_streams_refused: self.webtransport_streams_refused.load(Ordering::Relaxed),
            webtransport_datagrams_dropped: self
                .webtransport_datagrams_dropped
                .load(Ordering::Relaxed),
            joins: self.joins.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            responses: self.responses.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// One WebTransport session among those that are counted.
pub struct OpenSession(Arc<Counters>);

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.webtransport_sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One room's share of the numbers of rooms and participants. Dropping it takes the share away,
/// however the room ended.
pub struct Gauge {
    counters: Arc<Counters>,
    participants: i64,
}

impl Gauge {
    /// One more room, without anybody in it.
    pub fn new(counters: Arc<Counters>) -> Gauge {
        counters.rooms.fetch_add(1, Ordering::Relaxed);
        Gauge { counters, participants: 0 }
    }

    /// So many are in the room now.
    pub fn set(&mut self, participants: usize) {
        let participants = i64::try_from(participants).unwrap_or(i64::MAX);
        self.counters.participants.fetch_add(participants - self.participants, Ordering::Relaxed);
        self.participants = participants;
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.counters.participants.fetch_sub(self.participants, Ordering::Relaxed);
        self.counters.rooms.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_takes_its_share_with_it() {
        let counters = Arc::new(Counters::default());
        let mut one = Gauge::new(Arc::clone(&counters));
        let mut two = Gauge::new(Arc::clone(&counters));
        one.set(3);
        two.set(2);
        two.set(1);
        assert_eq!((counters.read().rooms, counters.read().participants), (2, 4));
        assert_eq!(counters.present(), 6);
        drop(one);
        assert_eq!((counters.read().rooms, counters.read().participants), (1, 1));
    }
}
