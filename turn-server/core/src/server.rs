//! One worker's state: allocations, and what messages do to them.
//!
//! Three verbs, as in every core: [`Server::handle`] takes input with the time, [`Server::poll`]
//! gives output until there is none, [`Server::deadline`] tells when to come back.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use crate::allocation::{Allocation, AllocationKey, Table};
use crate::auth::{Authenticator, Login, Nonces, PASSWORD_ALGORITHMS, Refusal};
use crate::config::Config;
use crate::connection::{Connection, ConnectionId};
use crate::error::Error;
use crate::five_tuple::FiveTuple;
use crate::frame;
use crate::input::Input;
use crate::message::{Digest, Family, Method, Request};
use crate::output::{Output, Protocol, RelayKey, Span};
use crate::rate::Rate;
use crate::response::Response;
use crate::stats::{DropReason, Stats};

/// Where a relayed address of this process is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Here(AllocationKey),
    Worker(u16),
}

/// Whom to look at when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Allocation(AllocationKey),
    Connection(ConnectionId),
}

/// One worker's state. See the module's own words.
pub struct Server {
    pub(crate) config: Config,
    pub(crate) now: Instant,
    /// When the server began, and the seconds since 1970 then: later changes of the clock do not
    /// count.
    began: (Instant, u64),
    auth: Authenticator,
    pub(crate) table: Table,
    /// Every relayed address of this process, by protocol.
    relays: [HashMap<SocketAddr, Owner>; 2],
    /// Connections of TCP allocations, and which data connections of clients they are bound to.
    pub(crate) connections: HashMap<ConnectionId, Connection>,
    pub(crate) data_clients: HashMap<FiveTuple, ConnectionId>,
    pub(crate) connection_serial: u32,
    /// When to look at what. An entry can be too early, never too late.
    timers: BinaryHeap<Reverse<(Instant, Timer)>>,
    rate: Rate,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) arena: Vec<u8>,
    pub(crate) serial: u64,
    pub(crate) is_draining: bool,
    pub(crate) stats: Stats,
}

impl Server {
    /// A server without allocations. `now` and `unix` (seconds since 1970) begin its time.
    pub fn new(config: Config, now: Instant, unix: u64) -> Server {
        let auth = Authenticator {
            realm: config.realm.clone(),
            users: config.users.clone(),
            secrets: config.secrets.clone(),
            nonces: Nonces::new(&config.nonce_secret, config.nonce_lifetime),
        };
        Server {
            rate: Rate::new(config.stranger_rate, now),
            auth,
            config,
            now,
            began: (now, unix),
            table: Table::default(),
            relays: Default::default(),
            connections: HashMap::new(),
            data_clients: HashMap::new(),
            connection_serial: 0,
            timers: BinaryHeap::new(),
            outputs: VecDeque::new(),
            arena: Vec::new(),
            serial: 0,
            is_draining: false,
            stats: Stats::default(),
        }
    }

    /// Takes one input. Call [`Server::poll`] until `None` after one or several.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = self.now.max(now);
        if self.outputs.is_empty() {
            self.arena.clear();
        }
        match input {
            Input::Message { from, contents } if frame::is_channel_data(contents) => {
                self.on_channel_data(&from, contents);
            }
            Input::Message { from, contents } if frame::is_send_indication(contents) => {
                self.on_send_indication(&from, contents);
            }
            Input::Message { from, contents } => self.on_request(&from, contents),
            Input::Peer { to, from, contents } => self.on_peer(to.allocation, from, contents),
            Input::HandedOver { from, to, contents } => self.on_handed_over(from, to, contents),
            Input::Closed { from } => match self.table.key_of(&from) {
                Some(key) => self.end(key),
                None => self.on_data_client_closed(&from),
            },
            Input::Bound { allocation, relays, reservation } => {
                self.on_bound(allocation, relays, reservation);
            }
            Input::BindFailed { allocation, error } => self.on_bind_failed(allocation, error),
            Input::Accepted { to, from, socket } => self.on_accepted(to, from, socket),
            Input::Connected { connection } => self.on_connected(connection),
            Input::Streamed { connection, to, bytes } => self.on_streamed(connection, to, bytes),
            Input::Disconnected { connection } => self.on_disconnected(connection),
            Input::Announced { worker, protocol, relay, open } => {
                self.on_announced(worker, protocol, relay, open);
            }
            Input::Drain => self.is_draining = true,
            Input::Timeout => {}
        }
        self.end_expired();
    }

    /// The next output; `None` when there is nothing to do before [`Server::deadline`].
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The bytes of an output.
    pub fn bytes(&self, span: &Span) -> &[u8] {
        self.arena.get(span.0.clone()).unwrap_or_default()
    }

    /// When to come back with [`Input::Timeout`], if nothing else comes before.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// The counters.
    pub fn stats(&mut self) -> &mut Stats {
        self.stats.allocations = self.table.len() as u64;
        &mut self.stats
    }

    /// Whether a client has an allocation: what it sends may be longer then.
    pub fn is_known(&self, client: &FiveTuple) -> bool {
        self.table.key_of(client).is_some()
    }

    /// Forgets all clients, after a fault. What other workers have announced stays.
    pub fn start_over(&mut self) {
        let began = self.now.saturating_duration_since(self.began.0).as_secs();
        let fresh = Server::new(self.config.clone(), self.now, self.began.1 + began);
        let mut old = std::mem::replace(self, fresh);
        for relays in &mut old.relays {
            relays.retain(|_, owner| matches!(owner, Owner::Worker(_)));
        }
        self.relays = old.relays;
        self.is_draining = old.is_draining;
        self.stats = old.stats;
    }

    // ---- requests ----

    fn on_request(&mut self, from: &FiveTuple, contents: &[u8]) {
        let Ok(request) = Request::parse(contents) else {
            return self.stats.drop(DropReason::Malformed, 1);
        };
        let source = from.client.ip();
        let is_known = self.is_known(from);
        if !is_known && !self.rate.has(source, self.now) {
            return self.stats.drop(DropReason::RateLimited, 1);
        }
        self.stats.requests += 1;
        if request.method() == Method::Binding {
            if !is_known {
                self.rate.take(source, self.now);
            }
            return self.on_binding(&request, from);
        }
        if let Some(worker) = self.worker_of_connection(&request, from) {
            let contents = self.append(|arena| arena.extend_from_slice(request.bytes()));
            return self.outputs.push_back(Output::HandOverClient {
                worker,
                client: *from,
                contents,
            });
        }
        let unix = self.unix();
        let may_be_expired = |username: &str| self.may_be_expired(from, username);
        // A data connection may begin with the nonce that its client has from the control connection.
        let control = self.control_of_connection(&request);
        let clients = [from, control.as_ref().unwrap_or(from)];
        match self.auth.check(&request, &clients, unix, may_be_expired) {
            Ok(login) => self.on_authenticated(&request, from, &login),
            Err(refusal) => {
                self.rate.take(source, self.now);
                self.refuse(&request, from, refusal);
            }
        }
    }

    fn on_authenticated(&mut self, request: &Request, from: &FiveTuple, login: &Login) {
        let unknown = request.unknown_attributes();
        let result = if unknown.is_empty() {
            match request.method() {
                Method::Allocate => self.on_allocate(request, from, login),
                Method::Refresh => self.on_refresh(request, from, login).map(Some),
                Method::CreatePermission => {
                    self.on_create_permission(request, from, login).map(Some)
                }
                Method::ChannelBind => self.on_channel_bind(request, from, login).map(Some),
                Method::Connect => self.on_connect(request, from, login),
                Method::ConnectionBind => self.on_connection_bind(request, from, login).map(Some),
                Method::Binding | Method::Unknown => {
                    Err(Error::BadRequest("This method is not supported"))
                }
            }
        } else {
            Err(Error::UnknownAttributes(unknown))
        };
        match result {
            Ok(Some(response)) => {
                self.send(*from, &response.sign(login.digest, &login.key));
                if request.method() == Method::ConnectionBind {
                    self.join(from);
                }
            }
            // The answer comes with the sockets, or has gone out before.
            Ok(None) => {}
            Err(error) => {
                let bytes = self.error(request, &error).sign(login.digest, &login.key);
                self.send(*from, &bytes);
            }
        }
    }

    /// Asks for a credential, or for another one. As short as can be: anybody may have written the
    /// sender's address.
    fn refuse(&mut self, request: &Request, from: &FiveTuple, refusal: Refusal) {
        self.stats.refused += 1;
        let code = match refusal {
            Refusal::BadRequest => 400,
            Refusal::Unauthenticated => 401,
            Refusal::StaleNonce => 438,
        };
        let mut response = Response::error(request, code, "");
        if refusal != Refusal::BadRequest {
            let nonce = self.auth.nonces.issue(from, self.unix());
            response = response.challenge(&self.auth.realm, &nonce, &PASSWORD_ALGORITHMS);
        }
        self.send(*from, &response.finish());
    }

    /// An error response, counted.
    pub(crate) fn error(&mut self, request: &Request, error: &Error) -> Response {
        self.stats.refused += 1;
        let response = Response::error(request, error.code(), error.reason());
        match error {
            Error::UnknownAttributes(types) => response.unknown_attributes(types),
            Error::TryAlternate(server) => response.alternate_server(*server),
            _ => response,
        }
    }

    /// The allocation of a client that has proved to be its user.
    pub(crate) fn own_allocation(
        &mut self,
        from: &FiveTuple,
        login: &Login,
    ) -> Result<(AllocationKey, &mut Allocation), Error> {
        let key = self.table.key_of(from);
        let found = key.and_then(|key| self.table.get_mut(key).map(|found| (key, found)));
        let Some((key, allocation)) = found.filter(|(_, allocation)| allocation.is_live()) else {
            return Err(Error::AllocationMismatch("There is no allocation"));
        };
        // Whoever began with the stronger digest does not come back with the weaker one.
        let weaker = login.digest == Digest::Sha1 && allocation.login.digest == Digest::Sha256;
        if allocation.login.username != login.username || weaker {
            return Err(Error::WrongCredentials);
        }
        Ok((key, allocation))
    }

    /// Whether a peer may be reached: by the policy, or since it is an allocation of this process.
    pub(crate) fn allows(&self, protocol: Protocol, peer: SocketAddr) -> bool {
        self.owner(protocol, &peer).is_some() || self.config.policy.allows(protocol, peer)
    }

    // ---- time ----

    /// Seconds since 1970.
    fn unix(&self) -> u64 {
        let (began, unix) = self.began;
        unix + self.now.saturating_duration_since(began).as_secs()
    }

    fn may_be_expired(&self, from: &FiveTuple, username: &str) -> bool {
        let allocation = self.table.key_of(from).and_then(|key| self.table.get(key));
        allocation.is_some_and(|allocation| {
            allocation.login.username == username
                && self.now < allocation.began + self.config.max_session
        })
    }

    pub(crate) fn wake_at(&mut self, at: Instant, timer: Timer) {
        self.timers.push(Reverse((at, timer)));
    }

    fn end_expired(&mut self) {
        while let Some(&Reverse((at, timer))) = self.timers.peek() {
            if self.now < at {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Connection(id) => self.on_connection_timeout(id),
                Timer::Allocation(key) => {
                    match self.table.get(key).map(|allocation| allocation.expires) {
                        Some(expires) if self.now < expires => self.wake_at(expires, timer),
                        Some(_) => self.end(key),
                        None => {}
                    }
                }
            }
        }
    }

    /// Ends an allocation.
    pub(crate) fn end(&mut self, key: AllocationKey) {
        let connections = self.table.get(key).map(|found| found.connections.clone());
        connections.into_iter().flatten().for_each(|id| self.disconnect(id));
        let Some(allocation) = self.table.remove(key) else { return };
        for family in [Family::V4, Family::V6] {
            if let Some(relay) = allocation.relay(family) {
                self.release(RelayKey { allocation: key, family }, allocation.protocol, relay);
            }
        }
        if allocation.is_live() {
            self.outputs.push_back(Output::Ended { allocation: key });
        }
    }

    /// Who has a relayed address of this process.
    pub(crate) fn owner(&self, protocol: Protocol, relay: &SocketAddr) -> Option<Owner> {
        self.relays[protocol as usize].get(relay).copied()
    }

    /// A relayed address is open.
    pub(crate) fn announce(&mut self, key: AllocationKey, protocol: Protocol, relay: SocketAddr) {
        self.relays[protocol as usize].insert(relay, Owner::Here(key));
        self.outputs.push_back(Output::Announce { protocol, relay, open: true });
    }

    pub(crate) fn release(&mut self, relay: RelayKey, protocol: Protocol, address: SocketAddr) {
        self.relays[protocol as usize].remove(&address);
        self.outputs.push_back(Output::Release { relay });
        self.outputs.push_back(Output::Announce { protocol, relay: address, open: false });
    }

    fn on_announced(&mut self, worker: u16, protocol: Protocol, relay: SocketAddr, open: bool) {
        let relays = &mut self.relays[protocol as usize];
        if open {
            relays.insert(relay, Owner::Worker(worker));
        } else if relays.get(&relay) == Some(&Owner::Worker(worker)) {
            // Otherwise its port is another worker's already.
            relays.remove(&relay);
        }
    }

    // ---- output ----

    pub(crate) fn send(&mut self, to: FiveTuple, bytes: &[u8]) {
        let contents = self.append(|arena| arena.extend_from_slice(bytes));
        self.outputs.push_back(Output::Send { to, contents });
    }

    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        let start = self.arena.len();
        write(&mut self.arena);
        Span(start..self.arena.len())
    }
}
