//! What comes out of a server.

use std::net::SocketAddr;
use std::ops::Range;

use crate::allocation::AllocationKey;
use crate::connection::ConnectionId;
use crate::five_tuple::FiveTuple;
use crate::message::Family;
use crate::quota::Holder;

/// What comes out of a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// A message for a client.
    Send {
        /// The client.
        to: FiveTuple,
        /// Its bytes.
        contents: Span,
    },
    /// A datagram for a peer.
    Relay {
        /// The socket that it leaves from.
        by: RelayKey,
        /// The peer.
        to: SocketAddr,
        /// It must not be fragmented.
        dont_fragment: bool,
        /// Its bytes.
        contents: Span,
    },
    /// Relay sockets are wanted. The answer is [`crate::Input::Bound`] or [`crate::Input::BindFailed`].
    Bind {
        /// The allocation that they are for.
        allocation: AllocationKey,
        /// Whom they count for.
        holder: Holder,
        /// For which protocol.
        protocol: Protocol,
        /// Whether one of IPv4 and one of IPv6 is wanted. With both, one is enough.
        families: [bool; 2],
        /// Which port it shall be.
        port: Port,
    },
    /// A connection to a peer is wanted, from a relay socket's address. The answer is
    /// [`crate::Input::Connected`] or [`crate::Input::Disconnected`].
    Connect {
        /// The relay socket.
        by: RelayKey,
        /// The peer.
        to: SocketAddr,
        /// The connection's name.
        connection: ConnectionId,
    },
    /// A peer's connection is good, and is to wait for its client.
    Accept {
        /// What the shell calls it.
        socket: usize,
        /// What it is called from now on.
        connection: ConnectionId,
    },
    /// A peer's connection is to be closed.
    Refuse {
        /// What the shell calls it.
        socket: usize,
    },
    /// From now on a client's stream carries the bytes of a connection, after what has been sent
    /// on it so far.
    Join {
        /// The client's data connection.
        client: FiveTuple,
        /// The connection to the peer.
        connection: ConnectionId,
    },
    /// A connection to a peer is to be closed, and with it what it is joined to.
    Disconnect {
        /// Which.
        connection: ConnectionId,
    },
    /// A client's stream belongs to another worker, with all that comes after this request: it is
    /// that worker's next [`crate::Input::Message`].
    HandOverClient {
        /// The worker.
        worker: u16,
        /// The client.
        client: FiveTuple,
        /// The request.
        contents: Span,
    },
    /// A relay socket is not needed any more.
    Release {
        /// The socket.
        relay: RelayKey,
    },
    /// An allocation has ended: it counts no longer for its holder.
    Ended {
        /// Which.
        allocation: AllocationKey,
    },
    /// For another worker's server: [`crate::Input::HandedOver`].
    HandOver {
        /// The worker.
        worker: u16,
        /// The relayed address that it was sent from.
        from: SocketAddr,
        /// The relayed address that it was sent to.
        to: SocketAddr,
        /// Its bytes.
        contents: Span,
    },
    /// For the servers of all other workers: [`crate::Input::Announced`].
    Announce {
        /// For which protocol.
        protocol: Protocol,
        /// A relayed address of this server.
        relay: SocketAddr,
        /// Whether it is open now.
        open: bool,
    },
}

/// A relay socket: an allocation has one per family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelayKey {
    /// Whose it is.
    pub allocation: AllocationKey,
    /// Of which family.
    pub family: Family,
}

/// What an allocation relays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Datagrams (RFC 8656).
    Udp,
    /// Connections (RFC 6062).
    Tcp,
}

/// Which port a relay socket shall have (RFC 8656 §7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Any.
    Any,
    /// An even one, and the next one reserved if asked.
    Even {
        /// Reserve the next one.
        reserve: bool,
    },
    /// The one that was reserved under this token.
    Reserved([u8; 8]),
}

/// Bytes of an output: [`crate::Server::bytes`] gives them until the next [`crate::Server::handle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span(pub(crate) Range<usize>);

impl Span {
    /// This and the following one as one, if they touch: for sending many at once.
    pub fn join(&self, next: &Span) -> Option<Span> {
        (self.0.end == next.0.start).then_some(Span(self.0.start..next.0.end))
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
