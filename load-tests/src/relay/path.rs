//! One direction of an impaired path: a pure state machine, and deterministic by its seed.
//!
//! A datagram meets the faults in the order of a real path: it is lost, or comes twice; it waits
//! for the link, or finds its queue full; it travels for as long as delay and jitter say, and some
//! are held up so that those behind overtake them. Pieces of streams share the link and the delay
//! and keep their order; nothing of them is lost, so an outage holds them up.
//!
//! [`Path::handle`] takes what comes, [`Path::poll`] gives what has arrived by then, and
//! [`Path::deadline`] says when to call again.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::Serialize;

use super::impairment::Impairment;

/// How long a datagram is held up that others are to overtake: longer than from one packet of a
/// voice to the next.
pub const HELD_UP: Duration = Duration::from_millis(30);

/// Parcels that are on the way at once; datagrams beyond them count as overflowed.
pub const MOST_FLYING: usize = 1 << 16;

/// What is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel<T> {
    /// Whatever tells the shell where it goes.
    pub tag: T,
    /// The payload.
    pub bytes: Bytes,
    /// Whether it is a piece of a stream rather than a datagram.
    pub stream: bool,
}

/// What happens to a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<T> {
    /// Something is to be carried.
    Parcel(Parcel<T>),
    /// The path changes for whatever comes from now on.
    Set(Impairment),
    /// An outage begins, takes longer or shorter, or ends.
    Outage(Outage),
    /// Time has passed.
    Timeout,
}

/// Whether nothing gets through. Datagrams on the way when it begins are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// All is well.
    Over,
    /// Nothing gets through before that time.
    Until(Instant),
    /// Nothing gets through until told otherwise.
    Lasting,
}

/// What became of everything. At any time `received + duplicated` are `delivered + lost +
/// overflowed + blacked_out + flying`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Datagrams that came.
    pub received: u64,
    /// Copies made of them.
    pub duplicated: u64,
    /// Datagrams that arrived, copies included.
    pub delivered: u64,
    /// The payload bytes of those.
    pub delivered_bytes: u64,
    /// Datagrams that loss took.
    pub lost: u64,
    /// Datagrams that found the link's queue full, copies included.
    pub overflowed: u64,
    /// Datagrams that came during an outage or were on the way when it began, copies included.
    pub blacked_out: u64,
    /// Datagrams on the way.
    pub flying: u64,
    /// Datagrams that were held up for others to overtake, copies included.
    pub held_up: u64,
    /// Bytes of streams that arrived.
    pub stream_bytes: u64,
}

/// One direction of a path.
#[derive(Debug)]
pub struct Path<T> {
    impairment: Impairment,
    outage: Outage,
    random: StdRng,
    now: Instant,
    /// When the link has sent what it was given so far.
    link_free: Instant,
    /// When the last of those arrives that keep their order.
    last_due: Instant,
    flying: BinaryHeap<Flight<T>>,
    /// The number of the next parcel, which settles ties.
    next: u64,
    counts: Counts,
}

impl<T: Clone> Path<T> {
    /// A perfect path. The seed decides which datagrams meet which faults.
    pub fn new(now: Instant, seed: u64) -> Path<T> {
        Path {
            impairment: Impairment::default(),
            outage: Outage::Over,
            random: StdRng::seed_from_u64(seed),
            now,
            link_free: now,
            last_due: now,
            flying: BinaryHeap::new(),
            next: 0,
            counts: Counts::default(),
        }
    }

    /// Takes what happens at `now`, which never goes back.
    pub fn handle(&mut self, now: Instant, input: Input<T>) {
        self.now = now.max(self.now);
        match input {
            Input::Parcel(parcel) if parcel.stream => {
                let sent = self.transmit(parcel.bytes.len());
                let fate = Fate { held_up: false, jitter: self.random.random() };
                self.launch(sent, parcel, fate);
            }
            Input::Parcel(parcel) => self.datagram(parcel),
            Input::Set(impairment) => self.impairment = impairment,
            Input::Outage(outage) => {
                self.outage = outage;
                if self.is_out() {
                    self.flying.retain(|flight| flight.parcel.stream);
                    self.counts.blacked_out += self.counts.flying;
                    self.counts.flying = 0;
                }
            }
            Input::Timeout => {}
        }
    }

    /// The next parcel that has arrived.
    pub fn poll(&mut self) -> Option<Parcel<T>> {
        if self.is_out() || self.flying.peek()?.due > self.now {
            return None;
        }
        let parcel = self.flying.pop()?.parcel;
        let bytes = parcel.bytes.len() as u64;
        if parcel.stream {
            self.counts.stream_bytes += bytes;
        } else {
            self.counts.flying -= 1;
            self.counts.delivered += 1;
            self.counts.delivered_bytes += bytes;
        }
        Some(parcel)
    }

    /// When the next parcel arrives, if nothing else happens before.
    pub fn deadline(&self) -> Option<Instant> {
        let due = self.flying.peek()?.due;
        match self.outage {
            Outage::Over => Some(due),
            Outage::Until(end) => Some(due.max(end)),
            Outage::Lasting => None,
        }
    }

    /// How the path is now.
    pub fn impairment(&self) -> Impairment {
        self.impairment
    }

    /// What became of everything so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn is_out(&self) -> bool {
        match self.outage {
            Outage::Over => false,
            Outage::Until(end) => self.now < end,
            Outage::Lasting => true,
        }
    }

    fn datagram(&mut self, parcel: Parcel<T>) {
        self.counts.received += 1;
        // The same draws for every datagram: which ones meet a fault does not depend on the others.
        let [loss, duplicate] = self.random.random::<[f64; 2]>();
        let fates: [Fate; 2] = std::array::from_fn(|_| Fate {
            held_up: self.random.random::<f64>() < self.impairment.reorder,
            jitter: self.random.random(),
        });
        if self.is_out() {
            self.counts.blacked_out += 1;
            return;
        }
        if loss < self.impairment.loss {
            self.counts.lost += 1;
            return;
        }
        let twice = duplicate < self.impairment.duplicate;
        self.counts.duplicated += u64::from(twice);
        for fate in fates.into_iter().take(1 + usize::from(twice)) {
            if !self.has_room(parcel.bytes.len()) {
                self.counts.overflowed += 1;
                continue;
            }
            self.counts.flying += 1;
            self.counts.held_up += u64::from(fate.held_up);
            let sent = self.transmit(parcel.bytes.len());
            self.launch(sent, parcel.clone(), fate);
        }
    }

    /// Whether the link's queue takes that many bytes more.
    fn has_room(&self, bytes: usize) -> bool {
        let waiting = self.link_free.saturating_duration_since(self.now);
        let backlog = waiting.as_secs_f64() * self.impairment.rate as f64 / 8.0;
        let fits = backlog + bytes as f64 <= self.impairment.queue as f64;
        self.flying.len() < MOST_FLYING && (waiting.is_zero() || fits)
    }

    /// Has the link send that many bytes; returns when it is done.
    fn transmit(&mut self, bytes: usize) -> Instant {
        if self.impairment.rate == 0 {
            return self.now;
        }
        let seconds = bytes as f64 * 8.0 / self.impairment.rate as f64;
        self.link_free = self.link_free.max(self.now) + Duration::from_secs_f64(seconds);
        self.link_free
    }

    /// Sends a parcel on its way that the link has sent at `sent`.
    fn launch(&mut self, sent: Instant, parcel: Parcel<T>, fate: Fate) {
        let jitter = Duration::from_millis(self.impairment.jitter_ms);
        let delay =
            Duration::from_millis(self.impairment.delay_ms) + jitter.mul_f64(2.0 * fate.jitter);
        let mut due = (sent + delay.saturating_sub(jitter)).max(self.last_due);
        if fate.held_up {
            due += HELD_UP;
        } else {
            self.last_due = due;
        }
        self.flying.push(Flight { due, number: self.next, parcel });
        self.next += 1;
    }
}

/// What a draw of random numbers has in store for one copy of a datagram.
struct Fate {
    held_up: bool,
    /// From 0, the shortest delay, to 1, the longest.
    jitter: f64,
}

/// A parcel on its way; the greatest is the one that arrives first.
#[derive(Debug)]
struct Flight<T> {
    due: Instant,
    number: u64,
    parcel: Parcel<T>,
}

impl<T> Ord for Flight<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl<T> PartialOrd for Flight<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Flight<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Flight<T> {}

#[cfg(test)]
mod tests;
