//! Connections of TCP allocations to their peers (RFC 6062).

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use turn_core::stats::Direction;
use turn_core::{ConnectionId, FiveTuple, Input, RelayKey};

use super::{Relay, Source, Worker};
use crate::connection::Connection;
use crate::mailbox::Mail;
use crate::relay_ports::RelaySocket;

/// Peers accepted in a row from one relay socket, and rounds of moving one connection's bytes.
const PEERS_PER_TURN: usize = 16;
const ROUNDS_PER_TURN: usize = 8;

/// How long what one half has sent before its end may take to reach the other.
const LINGER: Duration = Duration::from_secs(30);

impl Worker {
    /// Begins a connection to a peer.
    pub(super) fn connect(
        &mut self,
        by: RelayKey,
        to: SocketAddr,
        id: ConnectionId,
    ) -> io::Result<()> {
        let relay = self.relay_of.get(&by).and_then(|&index| self.relays.get(index));
        let Some(Relay { socket: RelaySocket::Tcp { bound, .. }, advertised, .. }) = relay else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        // An allocation of this server, seen from within its NAT.
        let is_here = to.ip() == advertised.ip();
        let to = if is_here { SocketAddr::new(bound.ip(), to.port()) } else { to };
        let mut connection = Connection::begin(*bound, to)?;
        connection.id = Some(id);
        let index = self.add_connection(connection)?;
        self.connection_of.insert(id, index);
        Ok(())
    }

    /// Takes connections that peers have opened; the server says which may stay. True if there may
    /// be more.
    pub(super) fn accept_peers(&mut self, index: usize, now: Instant) -> bool {
        for _ in 0..PEERS_PER_TURN {
            let Some(Relay {
                key, socket: RelaySocket::Tcp { listener, bound }, advertised, ..
            }) = self.relays.get(index)
            else {
                return false;
            };
            let (to, bound, advertised) = (*key, bound.ip(), advertised.ip());
            let (socket, from) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::warn!(%error, "a peer's connection cannot be accepted");
                    return false;
                }
            };
            let is_here = from.ip() == bound;
            let from = if is_here { SocketAddr::new(advertised, from.port()) } else { from };
            let added = Connection::accepted(socket).and_then(|one| self.add_connection(one));
            match added {
                Ok(socket) => self.server.handle(now, Input::Accepted { to, from, socket }),
                Err(error) => tracing::debug!(%error, "a peer's connection is gone"),
            }
        }
        true
    }

    fn add_connection(&mut self, mut connection: Connection) -> io::Result<usize> {
        let entry = self.connections.vacant_entry();
        let source = Source::Connection(entry.key());
        connection.register(self.poll.registry(), source.token())?;
        Ok(entry.insert(connection)).map(|_| source.index())
    }

    /// The server has taken a peer's connection.
    pub(super) fn accepted(&mut self, index: usize, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(index) {
            connection.id = Some(id);
            self.connection_of.insert(id, index);
        }
    }

    /// A client's stream carries a connection's bytes from now on.
    pub(super) fn join(&mut self, client: &FiveTuple, id: ConnectionId) {
        let stream = self.stream_of.get(client).copied();
        let connection = self.connection_of.get(&id).copied();
        if let (Some(stream), Some(connection)) = (stream, connection) {
            self.streams[stream].joined = Some(connection);
            self.connections[connection].client = Some(stream);
            // Either half may have something already.
            self.ready.push(Source::Connection(connection));
        }
    }

    /// Something has happened to a connection. True if there may be more to read.
    pub(super) fn on_connection(&mut self, index: usize, now: Instant) -> bool {
        let Some(connection) = self.connections.get_mut(index) else { return false };
        let Some(id) = connection.id else { return false };
        if connection.is_connected {
            return self.pump(index, now);
        }
        match connection.connect() {
            Ok(true) => self.server.handle(now, Input::Connected { connection: id }),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(%error, "connecting to a peer");
                self.disconnect(id);
                self.server.handle(now, Input::Disconnected { connection: id });
            }
        }
        false
    }

    /// Moves a joined connection's bytes. True if there may be more to read.
    pub(super) fn pump(&mut self, index: usize, now: Instant) -> bool {
        for _ in 0..ROUNDS_PER_TURN {
            let Worker { server, connections, streams, scratch, .. } = self;
            let Some(connection) = connections.get_mut(index) else { return false };
            let (Some(id), Some(client)) = (connection.id, connection.client) else { return false };
            let Some(stream) = streams.get_mut(client) else { return false };
            if !server.may_stream(id) {
                self.paused.push(index);
                return false;
            }
            match connection.pump(stream, scratch, now) {
                Ok(moved) => {
                    for (to, bytes) in
                        [(Direction::ToPeer, moved.to_peer), (Direction::ToClient, moved.to_client)]
                    {
                        if bytes > 0 {
                            server.handle(now, Input::Streamed { connection: id, to, bytes });
                        }
                    }
                    if moved.is_over {
                        self.end_connection(id, now);
                        return false;
                    }
                    if !moved.has_more {
                        return false;
                    }
                }
                Err(_) => {
                    self.end_connection(id, now);
                    return false;
                }
            }
        }
        true
    }

    /// Closes a connection with what it is joined to, and tells the server.
    fn end_connection(&mut self, id: ConnectionId, now: Instant) {
        self.disconnect(id);
        self.server.handle(now, Input::Disconnected { connection: id });
    }

    /// Closes a connection with what it is joined to.
    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        if let Some(index) = self.connection_of.remove(&id) {
            self.remove_connection(index);
        }
    }

    pub(super) fn remove_connection(&mut self, index: usize) {
        let Some(mut connection) = self.connections.try_remove(index) else { return };
        if let Err(error) = connection.deregister(self.poll.registry()) {
            tracing::debug!(%error, "closing");
        }
        if let Some(client) = connection.client {
            self.remove_stream(client);
        }
    }

    /// A client's stream goes to the worker that has the connection it asks for.
    pub(super) fn hand_over(&mut self, worker: u16, client: &FiveTuple, request: Vec<u8>) {
        let index = self.stream_of.get(client).copied();
        let Some(stream) = index.and_then(|index| self.remove_stream(index)) else { return };
        let mail = Mail::Client { stream: Box::new(stream), request };
        if self.plan.mailboxes[usize::from(worker)].post(mail).is_err() {
            tracing::debug!("a TURN worker is overloaded; a data connection is closed");
        }
    }

    /// Lets connections go on that had to wait for bandwidth, and ends those of which one half has
    /// ended long ago.
    pub(super) fn sweep_connections(&mut self, now: Instant) {
        self.ready.extend(std::mem::take(&mut self.paused).into_iter().map(Source::Connection));
        let is_over = |connection: &Connection| {
            connection.over_since.is_some_and(|since| now.duration_since(since) >= LINGER)
        };
        let over = self.connections.iter().filter(|(_, one)| is_over(one));
        for id in over.filter_map(|(_, one)| one.id).collect::<Vec<_>>() {
            self.end_connection(id, now);
        }
    }
}
