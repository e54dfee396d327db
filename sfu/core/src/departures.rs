//! What leaves next: sessions that have something to send, and pictures whose wait is over.

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

/// The lists of one engine.
#[derive(Debug, Default)]
pub(crate) struct Departures {
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
