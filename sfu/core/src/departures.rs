//! Which sessions have something to send, and when.
//!
//! A session is flushed once per batch, however many packets it got. One whose last packet is not
//! the end of its picture waits a moment for the rest.

use std::collections::VecDeque;
use std::time::Instant;

use crate::session::Session;

/// The sessions of one engine that are to be flushed, by their indices.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    now: Vec<usize>,
    /// In the order of time: all wait for as long. An entry whose session has left since, or waits
    /// for another time, is void.
    waiting: VecDeque<(Instant, usize)>,
}

impl Departures {
    /// The session has something to send, or something to do.
    pub(crate) fn now(&mut self, index: usize, session: &mut Session) {
        if !session.is_departing {
            session.is_departing = true;
            self.now.push(index);
        }
    }

    /// The session has got a packet; with `is_whole` its picture ends there.
    pub(crate) fn note(&mut self, index: usize, session: &mut Session, is_whole: bool) {
        let at = session.waits_until();
        match at.filter(|_| !is_whole) {
            None => self.now(index, session),
            Some(at) if !session.is_waiting => {
                session.is_waiting = true;
                self.waiting.push_back((at, index));
            }
            Some(_) => {}
        }
    }

    /// The next session to flush.
    pub(crate) fn next(&mut self, sessions: &mut [Option<Session>], now: Instant) -> Option<usize> {
        while let Some(&(at, index)) = self.waiting.front() {
            let session = sessions.get_mut(index).and_then(Option::as_mut);
            let session = session.filter(|session| session.waits_until() == Some(at));
            if session.is_some() && at > now {
                break;
            }
            self.waiting.pop_front();
            if let Some(session) = session {
                self.now(index, session);
            }
        }
        self.now.pop()
    }

    /// When the first of those that wait is to be flushed. Asked after [`Departures::next`] has
    /// given `None`.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }
}
