//! What leaves next: tracks with packets to forward, sessions that have something to send of their
//! own, and pictures whose wait is over.

use std::collections::VecDeque;
use std::time::Instant;

use crate::command::RoomKey;
use crate::session::Session;

/// A track on which packets wait for the rest of their picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) until: Instant,
    pub(crate) room: RoomKey,
    /// The track's index in its router.
    pub(crate) track: usize,
}

/// Tracks of a room with packets that are ready. What one subscriber gets of them can leave together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) room: RoomKey,
    /// The tracks' indices in their router, each once.
    pub(crate) tracks: Vec<usize>,
    /// The subscription of each that is next.
    pub(crate) from: usize,
}

/// The lists of one engine.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    /// Tracks to forward, by room, the room first whose packets came first.
    ready: VecDeque<Ready>,
    /// Sessions to flush, by their indices, each once: the first to get something is the first to
    /// send.
    sessions: VecDeque<usize>,
    /// In the order of time: all wait for as long. An entry whose picture has become whole since
    /// is void.
    waiting: VecDeque<Waiting>,
}

impl Departures {
    /// The session has something to send, or something to do.
    pub(crate) fn add(&mut self, index: usize, session: &mut Session) {
        if !session.is_departing {
            session.is_departing = true;
            self.sessions.push_back(index);
        }
    }

    /// Packets of a track are ready to be forwarded.
    pub(crate) fn forward(&mut self, room: RoomKey, track: usize) {
        match self.ready.iter_mut().find(|ready| ready.room == room) {
            Some(ready) if ready.tracks.contains(&track) => {}
            Some(ready) => ready.tracks.push(track),
            None => self.ready.push_back(Ready { room, tracks: vec![track], from: 0 }),
        }
    }

    /// Whether some subscribers got what others are still to get.
    pub(crate) fn is_midway(&self) -> bool {
        self.ready.front().is_some_and(|ready| ready.from > 0)
    }

    /// Takes the tracks to forward next.
    pub(crate) fn take_ready(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }

    /// Goes on with these, before all others.
    pub(crate) fn go_on(&mut self, ready: Ready) {
        self.ready.push_front(ready);
    }

    /// The next session to flush.
    pub(crate) fn next(&mut self) -> Option<usize> {
        self.sessions.pop_front()
    }

    /// Packets wait on a track.
    pub(crate) fn wait(&mut self, waiting: Waiting) {
        self.waiting.push_back(waiting);
    }

    /// The first that waits.
    pub(crate) fn first_waiting(&self) -> Option<Waiting> {
        self.waiting.front().copied()
    }

    /// Forgets the first that waits.
    pub(crate) fn pop_waiting(&mut self) {
        self.waiting.pop_front();
    }
}
