//! What goes into an engine, and what comes out.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

#[cfg(doc)]
use crate::Place;
use crate::command::{BulkKey, Command, LinkKey, RoomKey, SessionKey};
use crate::data::Channel;
use crate::demux::{Endpoint, Transport};
use crate::event::Event;
use crate::link::LinkEnd;
use crate::path::Route;
use crate::stats::DropReason;

/// A datagram from the network.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// How it came. On TCP it is one frame (RFC 4571) without its length, from the worker that a
    /// connection's first check names ([`Place::of_check`]).
    pub transport: Transport,
    /// Who sent it.
    pub source: SocketAddr,
    /// The local address it came to.
    pub destination: SocketAddr,
    /// When it came: not after the time at which it is handled.
    pub arrived: Instant,
    /// Its bytes.
    pub contents: &'a [u8],
}

impl Datagram<'_> {
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint { transport: self.transport, address: self.source }
    }
}

/// One or several datagrams for the network, end to end.
#[derive(Debug, PartialEq, Eq)]
pub struct Transmit {
    /// How they go: on TCP, to the connection from `destination`.
    pub transport: Transport,
    /// The advertised address that they leave from.
    pub source: SocketAddr,
    /// Where they go.
    pub destination: SocketAddr,
    /// Their bytes.
    pub contents: Vec<u8>,
    /// The size of each, save that the last may be shorter; `None` if there is but one.
    pub segment_size: Option<usize>,
}

impl Transmit {
    /// Whether it goes this way.
    pub(crate) fn goes(&self, route: Route) -> bool {
        let remote = Endpoint { transport: self.transport, address: self.destination };
        route == Route { local: self.source, remote }
    }

    /// Each datagram by itself.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.contents.chunks(self.segment_size.unwrap_or(self.contents.len()).max(1))
    }
}

/// What goes into an engine.
#[derive(Debug)]
pub enum Input<'a> {
    /// From this worker's own socket, or from a TCP connection.
    Datagram(Datagram<'a>),
    /// From another worker's UDP socket: it took the datagram to be for a session here.
    HandedOver {
        /// The worker that received it.
        via: u16,
        /// What it received.
        datagram: Datagram<'a>,
    },
    /// Another worker has verified that `source` belongs to a session of its own.
    Learned {
        /// The worker.
        owner: u16,
        /// The address.
        source: SocketAddr,
    },
    /// From the control plane.
    Command {
        /// The room that it is about.
        room: RoomKey,
        /// What is asked.
        command: Command,
    },
    /// A data message by a member's link.
    Linked {
        /// The room.
        room: RoomKey,
        /// Who sent it.
        member: SessionKey,
        /// By which link.
        link: LinkKey,
        /// Whether it came as a lossy one or as a reliable one.
        channel: Channel,
        /// Its envelope.
        message: &'a [u8],
    },
    /// A member wants to open a bulk stream; [`Output::Bulk`] says for whom it is.
    Bulk {
        /// The room.
        room: RoomKey,
        /// Who sends it.
        member: SessionKey,
        /// By which link.
        link: LinkKey,
        /// The stream.
        bulk: BulkKey,
        /// What it begins with: the envelope of a reliable message.
        head: &'a [u8],
    },
    /// Time has passed.
    Timeout,
}

/// What comes out of an engine.
#[derive(Debug)]
pub enum Output {
    /// For this worker's own socket, or for a TCP connection.
    Transmit(Transmit),
    /// For the engine of another worker: [`Input::HandedOver`].
    HandOver {
        /// The worker.
        worker: u16,
        /// Who sent it.
        source: SocketAddr,
        /// The local address it came to.
        destination: SocketAddr,
        /// When it came.
        arrived: Instant,
        /// Its bytes.
        contents: Vec<u8>,
    },
    /// For the engine of another worker: [`Input::Learned`].
    Learned {
        /// The worker.
        worker: u16,
        /// The address.
        source: SocketAddr,
    },
    /// A data message for members that have links: to be queued for each ([`LinkQueue`](crate::LinkQueue)).
    ToLinks {
        /// One or more.
        links: Vec<LinkKey>,
        /// How it goes.
        channel: Channel,
        /// Its envelope.
        message: Bytes,
    },
    /// To [`Input::Bulk`].
    Bulk {
        /// The stream.
        bulk: BulkKey,
        /// The links that it goes to, and what it begins with there; or why it goes nowhere.
        result: Result<(Vec<LinkKey>, Bytes), DropReason>,
    },
    /// A link is over before [`Command::Unlink`].
    LinkOver {
        /// The link.
        link: LinkKey,
        /// Why.
        end: LinkEnd,
    },
    /// For the control plane.
    Event {
        /// The room that it is about.
        room: RoomKey,
        /// What happened.
        event: Event,
    },
}
