//! TCP allocations (RFC 6062): connections between an allocation and its peers. The shell moves
//! their bytes; who may connect, whose a connection is, and how long it may wait is decided here.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::allocation::AllocationKey;
use crate::auth::Login;
use crate::error::Error;
use crate::five_tuple::FiveTuple;
use crate::message::{Family, Method, Request};
use crate::output::{Output, Protocol, RelayKey};
use crate::response::{Response, connection_attempt};
use crate::server::{Server, Timer};
use crate::stats::{Direction, DropReason};

/// How long a connection may take to be made, and then to be bound (RFC 6062 §5.2, §5.3).
const PATIENCE: Duration = Duration::from_secs(30);

/// Bits of a CONNECTION-ID that count connections; the others name the worker.
const SERIAL_BITS: u32 = 22;

/// Names a connection to a peer: the CONNECTION-ID of RFC 6062 §6.2.1. It tells which worker has
/// the connection, since a client's data connection may come to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(crate) u32);

impl ConnectionId {
    fn new(worker: u16, serial: u32) -> ConnectionId {
        ConnectionId(u32::from(worker) << SERIAL_BITS | serial & ((1 << SERIAL_BITS) - 1))
    }

    fn worker(self) -> u16 {
        (self.0 >> SERIAL_BITS) as u16
    }
}

/// A connection to a peer.
pub(crate) struct Connection {
    allocation: AllocationKey,
    peer: SocketAddr,
    stage: Stage,
    /// When it ends unless it is bound.
    until: Instant,
}

enum Stage {
    /// The peer has not answered yet; the client's request has not either.
    Connecting { request: Vec<u8>, login: Login },
    /// The client has not bound it yet.
    Waiting,
    /// Bytes flow between the peer and this data connection of the client.
    Bound(FiveTuple),
}

impl Server {
    /// Connect (RFC 6062 §5.2). `Ok(None)`: the answer comes when the peer has answered.
    pub(crate) fn on_connect(
        &mut self,
        request: &Request,
        from: &FiveTuple,
        login: &Login,
    ) -> Result<Option<Response>, Error> {
        let peers = request.peers()?;
        let (key, allocation) = self.own_allocation(from, login)?;
        if allocation.protocol != Protocol::Tcp {
            return Err(Error::AllocationMismatch("The allocation relays UDP"));
        }
        let &[peer] = peers.as_slice() else {
            return Err(Error::BadRequest("A connection has one XOR-PEER-ADDRESS"));
        };
        let family = Family::of(peer);
        if allocation.relay(family).is_none() {
            return Err(Error::FamilyMismatch);
        }
        let of_allocation = allocation.connections.clone();
        if !self.allows(Protocol::Tcp, peer) {
            return Err(Error::Forbidden);
        }
        if of_allocation.iter().any(|id| self.connections[id].peer == peer) {
            return Err(Error::ConnectionExists);
        }
        let stage = Stage::Connecting { request: request.bytes().to_vec(), login: login.clone() };
        let connection = self.add_connection(key, peer, stage);
        let connection = connection.ok_or(Error::InsufficientCapacity)?;
        let by = RelayKey { allocation: key, family };
        self.outputs.push_back(Output::Connect { by, to: peer, connection });
        Ok(None)
    }

    pub(crate) fn on_connected(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Stage::Connecting { request, login } = &connection.stage else { return };
        let (request, login) = (request.clone(), login.clone());
        connection.stage = Stage::Waiting;
        connection.until = self.now + PATIENCE;
        let Some(client) = self.table.get(connection.allocation).map(|found| found.tuple) else {
            return;
        };
        let Ok(request) = Request::parse(&request) else { return };
        let response = Response::success(&request).connection_id(id);
        self.send(client, &response.sign(login.digest, &login.key));
    }

    /// A peer has connected to a relayed address (RFC 6062 §5.3). `socket` is the shell's name for
    /// the connection until it gets its own.
    pub(crate) fn on_accepted(&mut self, to: RelayKey, from: SocketAddr, socket: usize) {
        let now = self.now;
        let allowed = match self.table.get(to.allocation) {
            None => Err(DropReason::NoAllocation),
            Some(allocation) if !allocation.permits(from.ip(), now) => {
                Err(DropReason::NoPermission)
            }
            Some(_) if !self.allows(Protocol::Tcp, from) => Err(DropReason::Denied),
            Some(allocation) => Ok(allocation.tuple),
        };
        let added = allowed.and_then(|client| {
            let connection = self.add_connection(to.allocation, from, Stage::Waiting);
            Ok((client, connection.ok_or(DropReason::ConnectionsFull)?))
        });
        match added {
            Ok((client, connection)) => {
                self.outputs.push_back(Output::Accept { socket, connection });
                self.serial += 1;
                let bytes = connection_attempt(connection, from, self.serial);
                self.send(client, &bytes);
            }
            Err(reason) => {
                self.stats.drop(reason, 1);
                self.outputs.push_back(Output::Refuse { socket });
            }
        }
    }

    /// The other worker that has the connection which a ConnectionBind is for: it asks for the
    /// credential, too.
    pub(crate) fn worker_of_connection(&self, request: &Request, from: &FiveTuple) -> Option<u16> {
        let worker = bound_connection(request)?.worker();
        let may_bind = from.transport.is_stream() && !self.is_known(from);
        let is_elsewhere = worker != self.config.worker && worker < self.config.workers;
        (may_bind && is_elsewhere).then_some(worker)
    }

    /// The client whose connection a ConnectionBind is for.
    pub(crate) fn control_of_connection(&self, request: &Request) -> Option<FiveTuple> {
        let connection = self.connections.get(&bound_connection(request)?)?;
        Some(self.table.get(connection.allocation)?.tuple)
    }

    /// ConnectionBind (RFC 6062 §5.4).
    pub(crate) fn on_connection_bind(
        &mut self,
        request: &Request,
        from: &FiveTuple,
        login: &Login,
    ) -> Result<Response, Error> {
        let id = request.connection_id()?;
        let Some(id) = id.filter(|_| from.transport.is_stream() && !self.is_known(from)) else {
            return Err(Error::BadRequest(
                "CONNECTION-ID is wanted, by a TCP connection of its own",
            ));
        };
        let unknown = Error::BadRequest("There is no such connection, or it is bound already");
        let Some(connection) = self.connections.get_mut(&id) else { return Err(unknown) };
        let owner = self.table.get(connection.allocation).ok_or(unknown.clone())?;
        if owner.login.username != login.username {
            return Err(Error::WrongCredentials);
        }
        if !matches!(connection.stage, Stage::Waiting) || self.data_clients.contains_key(from) {
            return Err(unknown);
        }
        connection.stage = Stage::Bound(*from);
        self.data_clients.insert(*from, id);
        Ok(Response::success(request))
    }

    /// The answer to a ConnectionBind is on its way: what follows it is data.
    pub(crate) fn join(&mut self, client: &FiveTuple) {
        if let Some(&connection) = self.data_clients.get(client) {
            self.outputs.push_back(Output::Join { client: *client, connection });
        }
    }

    /// Bytes went from a peer to its client, or back.
    pub(crate) fn on_streamed(&mut self, id: ConnectionId, to: Direction, bytes: usize) {
        self.stats.relay_stream(to, bytes);
        if let Some(connection) = self.connections.get(&id)
            && let Some(allocation) = self.table.get_mut(connection.allocation)
        {
            allocation.bandwidth.spend(bytes, self.now);
        }
    }

    /// Whether a connection may take bytes now, or has to wait for the allocation's bandwidth.
    pub fn may_stream(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get(&id) else { return false };
        let allocation = self.table.get_mut(connection.allocation);
        allocation.is_some_and(|allocation| allocation.bandwidth.is_left(self.now))
    }

    /// A connection is over: the shell has closed both its halves, or it could not be made.
    pub(crate) fn on_disconnected(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        // The request that waits for it is answered (RFC 6062 §5.2).
        let waiting = std::mem::replace(&mut connection.stage, Stage::Waiting);
        let client = self.table.get(connection.allocation).map(|found| found.tuple);
        match (waiting, client) {
            (Stage::Connecting { request, login }, Some(client)) => {
                if let Ok(request) = Request::parse(&request) {
                    let response = self.error(&request, &Error::ConnectionFailed);
                    self.send(client, &response.sign(login.digest, &login.key));
                }
            }
            (Stage::Bound(client), _) => {
                self.data_clients.remove(&client);
            }
            _ => {}
        }
        self.remove_connection(id);
    }

    /// A data connection of a client has ended.
    pub(crate) fn on_data_client_closed(&mut self, client: &FiveTuple) {
        if let Some(&id) = self.data_clients.get(client) {
            self.disconnect(id);
        }
    }

    /// What has taken too long ends.
    pub(crate) fn on_connection_timeout(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(&id) else { return };
        match connection.stage {
            Stage::Bound(_) => {}
            _ if self.now < connection.until => {
                self.wake_at(connection.until, Timer::Connection(id));
            }
            _ => self.disconnect(id),
        }
    }

    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        self.on_disconnected(id);
        self.outputs.push_back(Output::Disconnect { connection: id });
    }

    /// `None` if the allocation has as many as it may.
    fn add_connection(
        &mut self,
        key: AllocationKey,
        peer: SocketAddr,
        stage: Stage,
    ) -> Option<ConnectionId> {
        let allocation = self.table.get_mut(key)?;
        if allocation.connections.len() >= self.config.max_peer_connections {
            return None;
        }
        let id = loop {
            self.connection_serial = self.connection_serial.wrapping_add(1);
            let id = ConnectionId::new(self.config.worker, self.connection_serial);
            if !self.connections.contains_key(&id) {
                break id;
            }
        };
        allocation.connections.push(id);
        let until = self.now + PATIENCE;
        self.connections.insert(id, Connection { allocation: key, peer, stage, until });
        self.wake_at(until, Timer::Connection(id));
        Some(id)
    }

    fn remove_connection(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if let Some(allocation) = self.table.get_mut(connection.allocation) {
            allocation.connections.retain(|other| *other != id);
        }
    }
}

/// The connection that a ConnectionBind names; `None` for other requests.
fn bound_connection(request: &Request) -> Option<ConnectionId> {
    let is_bind = request.method() == Method::ConnectionBind;
    request.connection_id().ok()?.filter(|_| is_bind)
}
