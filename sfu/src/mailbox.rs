//! The only way into a media thread from another one: a bounded lock-free queue and a wake-up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use mio::{Registry, Token, Waker};
use sfu_core::stats::{STATS_LEN, Stats};
use sfu_core::{Channel, Command, RoomKey};

use crate::bulk::Stream;
use crate::link::Inbox;

/// Mails that can wait. Commands are few; datagrams handed over come in bursts.
const CAPACITY: usize = 16_384;

/// The wake-up's token in the thread's poll.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// What workers and the control plane send to a worker.
#[derive(Debug)]
pub(crate) enum Mail {
    /// From the control plane.
    Command { room: RoomKey, command: Command },
    /// A member has a link.
    Link(Arc<Inbox>),
    /// It has it no more.
    Unlink(Arc<Inbox>),
    /// A data message by a link.
    Linked { inbox: Arc<Inbox>, channel: Channel, message: Bytes },
    /// A member wants to open a bulk stream.
    Bulk { inbox: Arc<Inbox>, stream: Arc<Stream>, head: Bytes },
    /// A frame from a TCP connection whose first check named this worker.
    Tcp { source: SocketAddr, destination: SocketAddr, contents: Vec<u8> },
    /// A datagram for a session here, from another worker's socket.
    HandedOver {
        via: u16,
        source: SocketAddr,
        destination: SocketAddr,
        arrived: Instant,
        contents: Vec<u8>,
    },
    /// An address belongs to a session of another worker.
    Learned { owner: u16, source: SocketAddr },
    /// End the thread.
    Stop,
}

/// A thread's queue, and its counters on the way out.
#[derive(Debug)]
pub(crate) struct Mailbox<M> {
    queue: ArrayQueue<M>,
    waker: Waker,
    /// A wake-up is under way: one is enough for any number of mails.
    woken: AtomicBool,
    stats: [AtomicU64; STATS_LEN],
    /// Nanoseconds that the thread did not wait.
    busy: AtomicU64,
}

impl<M> Mailbox<M> {
    pub(crate) fn new(registry: &Registry) -> std::io::Result<Mailbox<M>> {
        Ok(Mailbox {
            queue: ArrayQueue::new(CAPACITY),
            waker: Waker::new(registry, WAKE)?,
            woken: AtomicBool::new(false),
            stats: [const { AtomicU64::new(0) }; STATS_LEN],
            busy: AtomicU64::new(0),
        })
    }

    /// Puts a mail in and wakes the thread. Gives the mail back if the queue is full.
    pub(crate) fn post(&self, mail: M) -> Result<(), M> {
        self.queue.push(mail)?;
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a media thread cannot be woken");
        }
        Ok(())
    }

    /// Less than half of the room is left: who can wait should.
    pub(crate) fn is_congested(&self) -> bool {
        self.queue.len() > CAPACITY / 2
    }

    /// Puts the last mail in, waiting for room.
    pub(crate) fn insist(&self, mut mail: M) {
        while let Err(refused) = self.post(mail) {
            mail = refused;
            std::thread::yield_now();
        }
    }

    /// For the thread itself: from now on mails wake it again. Call before [`Mailbox::take`].
    pub(crate) fn rearm(&self) {
        self.woken.store(false, Ordering::Release);
    }

    /// For the thread itself: the oldest mail.
    pub(crate) fn take(&self) -> Option<M> {
        self.queue.pop()
    }

    /// For the thread itself: makes its counters visible. One writer, so plain stores are enough.
    pub(crate) fn publish(&self, stats: &Stats) {
        for (shared, value) in self.stats.iter().zip(stats.to_array()) {
            shared.store(value, Ordering::Relaxed);
        }
    }

    /// For the thread itself: it has worked for that long since the last time.
    pub(crate) fn work(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.busy.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// How long the thread has worked since its start.
    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy.load(Ordering::Relaxed))
    }

    /// The counters as last published.
    pub(crate) fn stats(&self) -> Stats {
        let mut numbers = [0; STATS_LEN];
        for (number, shared) in numbers.iter_mut().zip(&self.stats) {
            *number = shared.load(Ordering::Relaxed);
        }
        Stats::from_array(numbers)
    }
}
