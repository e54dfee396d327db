//! The only way into a worker from another thread: a bounded lock-free queue and a wake-up.

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;
use mio::{Registry, Token, Waker};
use turn_core::Protocol;
use turn_core::stats::{STATS_LEN, Stats};

use crate::stream::Stream;

/// Mails that can wait: messages handed over come in bursts.
const CAPACITY: usize = 16_384;

/// The wake-up's token in the worker's poll.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// What is sent to a worker.
#[derive(Debug)]
pub(crate) enum Mail {
    /// A message between two allocations of this process.
    HandedOver { from: SocketAddr, to: SocketAddr, contents: Vec<u8> },
    /// A relayed address of another worker.
    Announced { worker: u16, protocol: Protocol, relay: SocketAddr, open: bool },
    /// A client's connection that somebody else accepted.
    Adopted(Box<Adopted>),
    /// A client's stream whose request is for a connection of this worker.
    Client { stream: Box<Stream>, request: Vec<u8> },
    /// No new allocations.
    Drain,
    /// End the thread.
    Stop,
}

/// A connection that turned out to be a TURN client's.
#[derive(Debug)]
pub struct Adopted {
    /// The socket.
    pub socket: TcpStream,
    /// The TLS session, with the handshake done; none for plain TCP.
    pub tls: Option<rustls::ServerConnection>,
    /// What was read and, with TLS, decrypted already.
    pub received: Vec<u8>,
    /// The client's address.
    pub client: SocketAddr,
}

/// A worker's queue, and its counters on the way out.
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: ArrayQueue<Mail>,
    waker: Waker,
    /// A wake-up is under way: one is enough for any number of mails.
    woken: AtomicBool,
    stats: [AtomicU64; STATS_LEN],
}

impl Mailbox {
    pub(crate) fn new(registry: &Registry) -> std::io::Result<Mailbox> {
        Ok(Mailbox {
            queue: ArrayQueue::new(CAPACITY),
            waker: Waker::new(registry, WAKE)?,
            woken: AtomicBool::new(false),
            stats: [const { AtomicU64::new(0) }; STATS_LEN],
        })
    }

    /// Puts a mail in and wakes the worker. Gives the mail back if the queue is full.
    pub(crate) fn post(&self, mail: Mail) -> Result<(), Mail> {
        self.queue.push(mail)?;
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a TURN worker cannot be woken");
        }
        Ok(())
    }

    /// Puts in a mail that must not be lost, waiting for room.
    pub(crate) fn insist(&self, mut mail: Mail) {
        while let Err(refused) = self.post(mail) {
            mail = refused;
            std::thread::yield_now();
        }
    }

    /// For the worker: from now on mails wake it again. Call before [`Mailbox::take`].
    pub(crate) fn rearm(&self) {
        self.woken.store(false, Ordering::Release);
    }

    /// For the worker: the oldest mail.
    pub(crate) fn take(&self) -> Option<Mail> {
        self.queue.pop()
    }

    /// For the worker: makes its counters visible. One writer, so plain stores are enough.
    pub(crate) fn publish(&self, stats: &Stats) {
        for (shared, value) in self.stats.iter().zip(stats.to_array()) {
            shared.store(value, Ordering::Relaxed);
        }
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
