//! What goes into a server.

use std::net::SocketAddr;

use crate::allocation::AllocationKey;
use crate::connection::ConnectionId;
use crate::five_tuple::FiveTuple;
use crate::output::{Protocol, RelayKey};
use crate::stats::Direction;

/// What goes into a server.
#[derive(Debug)]
pub enum Input<'a> {
    /// A whole message from a client.
    Message {
        /// Who sent it.
        from: FiveTuple,
        /// Its bytes.
        contents: &'a [u8],
    },
    /// A client's stream or DTLS session has ended.
    Closed {
        /// Whose.
        from: FiveTuple,
    },
    /// The answer to [`crate::Output::Bind`]: relay sockets are open.
    Bound {
        /// The allocation that they are for.
        allocation: AllocationKey,
        /// Their addresses as peers see them, IPv4 and IPv6.
        relays: [Option<SocketAddr>; 2],
        /// Names the reserved port, if one was asked for.
        reservation: Option<[u8; 8]>,
    },
    /// The answer to [`crate::Output::Bind`]: there are none.
    BindFailed {
        /// The allocation that they were for.
        allocation: AllocationKey,
        /// Why.
        error: BindError,
    },
    /// A datagram came to a relay socket.
    Peer {
        /// The socket.
        to: RelayKey,
        /// Who sent it.
        from: SocketAddr,
        /// Its bytes.
        contents: &'a [u8],
    },
    /// Another worker's [`crate::Output::HandOver`].
    HandedOver {
        /// The relayed address that it was sent from.
        from: SocketAddr,
        /// The relayed address here that it was sent to.
        to: SocketAddr,
        /// Its bytes.
        contents: &'a [u8],
    },
    /// A peer has connected to a relay socket for TCP. The answer is [`crate::Output::Accept`] or
    /// [`crate::Output::Refuse`].
    Accepted {
        /// The relay socket.
        to: RelayKey,
        /// The peer.
        from: SocketAddr,
        /// What the shell calls the connection until it has its id.
        socket: usize,
    },
    /// A connection to a peer is there, as [`crate::Output::Connect`] asked for.
    Connected {
        /// Which.
        connection: ConnectionId,
    },
    /// Bytes of a joined connection have been moved.
    Streamed {
        /// Which connection.
        connection: ConnectionId,
        /// To whom.
        to: Direction,
        /// How many.
        bytes: usize,
    },
    /// A connection to a peer could not be made, or has ended with its client's half.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// Another worker's [`crate::Output::Announce`].
    Announced {
        /// The worker.
        worker: u16,
        /// For which protocol.
        protocol: Protocol,
        /// The relayed address.
        relay: SocketAddr,
        /// Whether it is open now.
        open: bool,
    },
    /// No new allocations from now on.
    Drain,
    /// Time has passed.
    Timeout,
}

/// Why there is no relay socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindError {
    /// The user or the source has as many allocations as it may.
    Quota,
    /// The server has no port, no socket, or no such reservation.
    Capacity,
}
