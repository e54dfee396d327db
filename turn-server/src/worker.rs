//! The loop of one thread: wait, read a batch, run the server, write a batch.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::{Events, Poll, Token};
use slab::Slab;
use turn_core::{
    AllocationKey, ConnectionId, FiveTuple, Holder, Input, Network, Protocol, RelayKey, Server,
    Span,
};

use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::dtls::Sessions;
use crate::mailbox::{Mail, Mailbox, WAKE};
use crate::ports::Ports;
use crate::relay_ports::{RelayPorts, RelaySocket};
use crate::stream::Stream;
use crate::{StartError, Tls};
use oriel_udp::{Pace, ReceiveBuffers, Train};

mod connections;
mod incoming;
mod outgoing;
mod relays;

/// The longest wait: counters are made visible and timers looked at at least this often.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// The longest wait while nobody is there: only a listener that had no open file left waits then.
const LONGEST_IDLE: Duration = Duration::from_secs(2);

/// A connection that has no allocation for this long is closed.
const IDLE: Duration = Duration::from_secs(30);

/// What a worker is started with.
pub(crate) struct Plan {
    pub(crate) index: u16,
    pub(crate) core: turn_core::Config,
    pub(crate) tls: Option<Tls>,
    pub(crate) max_connections: usize,
    pub(crate) batch_wait: Duration,
    pub(crate) proxies: Arc<[Network]>,
    pub(crate) relay_ports: Arc<Mutex<RelayPorts>>,
    pub(crate) mailboxes: Arc<[Mailbox]>,
}

/// What the poll tells about. A token is the number times eight, plus the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Udp(usize),
    Listener(usize),
    Relay(usize),
    Stream(usize),
    Connection(usize),
}

impl Source {
    fn token(self) -> Token {
        let kind = match self {
            Source::Udp(_) => 0,
            Source::Listener(_) => 1,
            Source::Relay(_) => 2,
            Source::Stream(_) => 3,
            Source::Connection(_) => 4,
        };
        Token(self.index() * 8 + kind)
    }

    fn index(self) -> usize {
        let (Source::Udp(index)
        | Source::Listener(index)
        | Source::Relay(index)
        | Source::Stream(index)
        | Source::Connection(index)) = self;
        index
    }

    fn of(token: Token) -> Source {
        let index = token.0 / 8;
        match token.0 % 8 {
            0 => Source::Udp(index),
            1 => Source::Listener(index),
            2 => Source::Relay(index),
            3 => Source::Stream(index),
            _ => Source::Connection(index),
        }
    }
}

/// A relay socket that peers send or connect to.
struct Relay {
    key: RelayKey,
    socket: RelaySocket,
    advertised: SocketAddr,
    protocol: Protocol,
}

/// Where bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Client(FiveTuple),
    Peer { by: RelayKey, to: SocketAddr, dont_fragment: bool },
}

/// Datagrams to a client: all of one size, and the last may be shorter.
struct Departure {
    to: FiveTuple,
    contents: Contents,
    size: usize,
}

/// Where the bytes of datagrams are.
enum Contents {
    /// With the server.
    Clear(Span),
    /// In [`Worker::sealed`].
    Sealed(Range<usize>),
}

/// Datagrams to a client, from the address that it has sent to.
fn datagrams<'a>(to: &FiveTuple, contents: &'a [u8], size: usize) -> Train<'a> {
    Train { destination: to.client, source: Some(to.server.ip()), contents, size }
}

/// What a worker's thread owns.
pub(crate) struct Worker {
    plan: Plan,
    server: Server,
    poll: Poll,
    ports: Ports,
    relays: Slab<Relay>,
    relay_of: HashMap<RelayKey, usize>,
    /// Whom the allocations count for.
    holders: HashMap<AllocationKey, Holder>,
    streams: Slab<Stream>,
    stream_of: HashMap<FiveTuple, usize>,
    /// Connections of TCP allocations, and those that wait for bandwidth.
    connections: Slab<Connection>,
    connection_of: HashMap<ConnectionId, usize>,
    paused: Vec<usize>,
    dtls: Option<Sessions>,
    buffers: ReceiveBuffers,
    scratch: Vec<u8>,
    /// Sources that may have more to read: the poll tells of new bytes only.
    ready: Vec<Source>,
    to_clients: Vec<(Destination, Span)>,
    to_peers: Vec<(Destination, Span)>,
    /// Trains of datagrams to clients: they leave together.
    departing: Vec<Departure>,
    /// The DTLS records among them, one after the other.
    sealed: Vec<u8>,
    /// Streams that were written to, some of them several times.
    unflushed: Vec<usize>,
    /// Streams that took no more for good.
    broken: Vec<usize>,
    /// Announcements that another worker's queue had no room for.
    unposted: VecDeque<(usize, Mail)>,
    /// Mails may be left from the last turn.
    has_mail: bool,
    swept: Instant,
    crowd: Crowd,
    pace: Pace,
}

impl Worker {
    pub(crate) fn new(plan: Plan, poll: Poll, mut ports: Ports) -> Result<Worker, StartError> {
        let token = |source: fn(usize) -> Source| move |index| source(index).token();
        ports.register(poll.registry(), token(Source::Udp), token(Source::Listener))?;
        let now = Instant::now();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let identity = plan.tls.as_ref().and_then(|tls| tls.dtls.clone());
        let dtls = identity.map(|identity| Sessions::new(identity, plan.max_connections, now));
        let ready = (0..ports.udp.len()).map(Source::Udp).collect();
        Ok(Worker {
            server: Server::new(plan.core.clone(), now, unix),
            dtls: dtls.transpose().map_err(StartError::Dtls)?,
            pace: Pace::new(plan.batch_wait, now),
            plan,
            poll,
            ports,
            relays: Slab::new(),
            relay_of: HashMap::new(),
            holders: HashMap::new(),
            streams: Slab::new(),
            stream_of: HashMap::new(),
            connections: Slab::new(),
            connection_of: HashMap::new(),
            paused: Vec::new(),
            buffers: ReceiveBuffers::default(),
            scratch: vec![0; 1 << 14],
            ready,
            to_clients: Vec::new(),
            to_peers: Vec::new(),
            departing: Vec::new(),
            sealed: Vec::new(),
            unflushed: Vec::new(),
            broken: Vec::new(),
            unposted: VecDeque::new(),
            has_mail: true,
            swept: now,
            crowd: Crowd::default(),
        })
    }

    /// Runs until [`Mail::Stop`]. A panic costs the allocations of this worker, not the process.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1_024);
        loop {
            self.wait(&mut events);
            match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => self.start_over(),
            }
        }
    }

    fn wait(&mut self, events: &mut Events) {
        let timeout = if self.has_mail || !self.ready.is_empty() {
            Duration::ZERO
        } else {
            let mut now = Instant::now();
            let rest = self.pace.rest(now);
            if !rest.is_zero() {
                std::thread::sleep(rest);
                now += rest;
            }
            let longest = if self.clients() == 0 { LONGEST_IDLE } else { LONGEST_WAIT };
            let deadline = self.server.deadline();
            deadline.map_or(longest, |at| at.saturating_duration_since(now)).min(longest)
        };
        if let Err(error) = self.poll.poll(events, Some(timeout))
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "waiting for TURN messages");
            std::thread::sleep(Duration::from_millis(10));
        }
        // The poll names no source twice, so only those that are left can be among them.
        let left = self.ready.len();
        for event in events.iter() {
            match event.token() {
                WAKE => self.has_mail = true,
                token => {
                    let source = Source::of(token);
                    if let Source::Stream(index) = source
                        && event.is_read_closed()
                        && let Some(stream) = self.streams.get_mut(index)
                    {
                        stream.is_ending = true;
                    }
                    if !self.ready[..left].contains(&source) {
                        self.ready.push(source);
                    }
                }
            }
        }
    }

    /// One turn; false when the thread is to end.
    fn turn(&mut self) -> bool {
        let now = Instant::now();
        let relayed = self.server.stats().relayed();
        let go_on = self.read_mail(now);
        for source in std::mem::take(&mut self.ready) {
            let has_more = match source {
                Source::Udp(index) => self.read_udp(index, now),
                Source::Relay(index) => self.read_relay(index, now),
                Source::Listener(index) => self.accept(index, now),
                Source::Stream(index) => self.read_stream(index, now),
                Source::Connection(index) => self.on_connection(index, now),
            };
            if has_more {
                self.ready.push(source);
            }
        }
        self.server.handle(now, Input::Timeout);
        self.write(now);
        let is_due = now.saturating_duration_since(self.swept) >= LONGEST_WAIT;
        if is_due {
            self.sweep(now);
            self.write(now);
        }
        if is_due {
            self.crowd.look(self.clients());
        }
        let connections = self.connections_of_clients();
        let stats = self.server.stats();
        stats.set_connections(connections);
        self.pace.turned(now, stats.relayed() - relayed);
        self.plan.mailboxes[usize::from(self.plan.index)].publish(stats);
        go_on
    }

    /// Connections by which clients are here, DTLS included.
    fn connections_of_clients(&self) -> usize {
        self.streams.len() + self.dtls.as_ref().map_or(0, Sessions::len)
    }

    /// Connections and allocations: none when nobody is there.
    fn clients(&self) -> usize {
        self.connections_of_clients() + self.relays.len()
    }

    // ---- time ----

    /// What is looked at now and then: connections that serve nobody, DTLS timers, listeners that
    /// had no open file left.
    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        let mut idle = Vec::new();
        for (index, stream) in &mut self.streams {
            let is_joined = stream.joined.is_some();
            if is_joined || stream.tuple().is_some_and(|tuple| self.server.is_known(&tuple)) {
                stream.since = now;
            } else if now.saturating_duration_since(stream.since) >= IDLE {
                idle.push(index);
            }
        }
        for index in idle {
            self.close(index, now);
        }
        self.sweep_connections(now);
        let Worker { dtls, server, ports, .. } = self;
        if let Some(dtls) = dtls {
            let send = |to: &FiveTuple, packet: &[u8]| {
                if let Some(socket) = ports.udp_at(to.server) {
                    socket.send(datagrams(to, packet, packet.len()));
                }
            };
            for from in dtls.sweep(now, |tuple| server.is_known(tuple), send) {
                server.handle(now, Input::Closed { from });
            }
        }
        for index in 0..self.ports.tcp.len() {
            let source = Source::Listener(index);
            if !self.ready.contains(&source) {
                self.ready.push(source);
            }
        }
    }

    fn start_over(&mut self) {
        tracing::error!(worker = self.plan.index, "a TURN worker panicked; its clients are lost");
        self.to_clients.clear();
        self.to_peers.clear();
        self.departing.clear();
        self.sealed.clear();
        self.server.start_over();
        for allocation in self.holders.keys().copied().collect::<Vec<_>>() {
            self.end(allocation);
        }
        self.relay_of.clear();
        // Closing a socket takes it out of the poll too.
        let relays: Vec<Relay> = self.relays.drain().collect();
        for relay in relays {
            self.announce(relay.protocol, relay.advertised, false);
        }
        self.stream_of.clear();
        self.streams.clear();
        self.connection_of.clear();
        self.connections.clear();
        self.paused.clear();
        self.unflushed.clear();
        self.broken.clear();
        let identity = self.plan.tls.as_ref().and_then(|tls| tls.dtls.clone());
        let most = self.plan.max_connections;
        self.dtls =
            identity.and_then(|identity| Sessions::new(identity, most, Instant::now()).ok());
    }
}
