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

/// A track with packets that are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) room: RoomKey,
    /// The track's index in its router.
    pub(crate) track: usize,
    /// The subscription that gets them next.
    pub(crate) from: usize,
}

/// The lists of one engine.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    /// Tracks to forward, in the order in which their packets came.
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
        if !self.ready.iter().any(|ready| (ready.room, ready.track) == (room, track)) {
            self.ready.push_back(Ready { room, track, from: 0 });
        }
    }

    /// The track to forward next.
    pub(crate) fn first_ready(&mut self) -> Option<&mut Ready> {
        self.ready.front_mut()
    }

    /// Forgets the track that was forwarded.
    pub(crate) fn pop_ready(&mut self) {
        self.ready.pop_front();
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
