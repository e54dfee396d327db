//! The way in from the program around the server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use turn_core::stats::Stats;

use crate::mailbox::{Adopted, Mail, Mailbox};
use crate::relay_ports::RelayPorts;

/// The worker has more to do than its queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the TURN worker is overloaded")]
pub struct Overloaded;

/// Reads counters, drains, and hands connections over. Cheap to clone.
#[derive(Clone)]
pub struct TurnHandle {
    mailboxes: Arc<[Mailbox]>,
    relay_ports: Arc<Mutex<RelayPorts>>,
    addresses: Arc<[SocketAddr]>,
}

impl TurnHandle {
    pub(crate) fn new(
        mailboxes: Arc<[Mailbox]>,
        relay_ports: Arc<Mutex<RelayPorts>>,
        addresses: Vec<SocketAddr>,
    ) -> TurnHandle {
        TurnHandle { mailboxes, relay_ports, addresses: addresses.into() }
    }

    /// Where the server listens, with UDP and TCP each.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The counters of all workers together.
    pub fn counters(&self) -> Stats {
        self.mailboxes.iter().fold(Stats::default(), |mut sum, mailbox| {
            sum += mailbox.stats();
            sum
        })
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        // The ledger is whole between any two calls, so a panic elsewhere leaves it usable.
        self.relay_ports.lock().unwrap_or_else(PoisonError::into_inner).count()
    }

    /// Refuses new allocations from now on, or sends clients to `turn.alternate_server`. Those
    /// that there are go on; [`TurnHandle::allocations`] tells when none is left.
    pub fn drain(&self) {
        self.broadcast(|| Mail::Drain);
    }

    /// Takes over a connection that turned out to be a TURN client's: its first byte, after the
    /// TLS handshake if there is one, is 0x00-0x03. (Channel data, 0x40-0x4F, cannot come before
    /// an allocation, and `GET` begins like it.)
    ///
    /// # Errors
    /// [`Overloaded`] if the worker's queue is full; the connection is closed then.
    pub fn adopt(&self, adopted: Adopted) -> Result<(), Overloaded> {
        // Any worker can serve it; the port spreads clients over them.
        let worker = usize::from(adopted.client.port()) % self.mailboxes.len();
        self.mailboxes[worker].post(Mail::Adopted(Box::new(adopted))).map_err(|_| Overloaded)
    }

    pub(crate) fn broadcast(&self, mail: impl Fn() -> Mail) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.insist(mail()));
    }
}

impl std::fmt::Debug for TurnHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TurnHandle").field("addresses", &self.addresses).finish()
    }
}
