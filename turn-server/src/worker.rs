//! The loop of one thread: wait, read a batch, run the server, write a batch.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::{Events, Poll, Token};
use slab::Slab;
use turn_core::stats::DropReason;
use turn_core::{
    AllocationKey, BindError, Family, FiveTuple, Holder, Input, Network, Output, Port, RelayKey,
    Server, Span, Transport,
};

use crate::dtls::Sessions;
use crate::mailbox::{Adopted, Mail, Mailbox, WAKE};
use crate::ports::Ports;
use crate::relay_ports::RelayPorts;
use crate::socket::{Datagrams, ReceiveBuffers};
use crate::stream::Stream;
use crate::{StartError, Tls};

/// Batches read in a row from one socket: a flood must not starve the others.
const BATCHES_PER_TURN: usize = 4;

/// Mails taken, and connections accepted in a row, for the same reason.
const MAILS_PER_TURN: usize = 1_024;
const ACCEPTS_PER_TURN: usize = 64;

/// The longest wait: counters are made visible and timers looked at at least this often.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// A connection that has no allocation for this long is closed.
const IDLE: Duration = Duration::from_secs(30);

/// The most bytes that leave in one call.
const MAX_RUN: usize = 65_000;

/// What a worker is started with.
pub(crate) struct Plan {
    pub(crate) index: u16,
    pub(crate) core: turn_core::Config,
    pub(crate) tls: Option<Tls>,
    pub(crate) max_connections: usize,
    pub(crate) proxies: Arc<[Network]>,
    pub(crate) relay_ports: Arc<Mutex<RelayPorts>>,
    pub(crate) mailboxes: Arc<[Mailbox]>,
}

/// What the poll tells about. A token is the number times four, plus the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Udp(usize),
    Listener(usize),
    Relay(usize),
    Stream(usize),
}

impl Source {
    fn token(self) -> Token {
        let (kind, index) = match self {
            Source::Udp(index) => (0, index),
            Source::Listener(index) => (1, index),
            Source::Relay(index) => (2, index),
            Source::Stream(index) => (3, index),
        };
        Token(index * 4 + kind)
    }

    fn of(token: Token) -> Source {
        let index = token.0 / 4;
        match token.0 % 4 {
            0 => Source::Udp(index),
            1 => Source::Listener(index),
            2 => Source::Relay(index),
            _ => Source::Stream(index),
        }
    }
}

/// A relay socket that peers send to.
struct Relay {
    key: RelayKey,
    socket: Datagrams,
    advertised: SocketAddr,
}

/// Where bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Client(FiveTuple),
    Peer { by: RelayKey, to: SocketAddr, dont_fragment: bool },
}

/// Relay sockets that the server asks for.
struct Wanted {
    allocation: AllocationKey,
    holder: Holder,
    families: [bool; 2],
    port: Port,
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
    dtls: Option<Sessions>,
    buffers: ReceiveBuffers,
    scratch: Vec<u8>,
    /// Sources that may have more to read: the poll tells of new bytes only.
    ready: Vec<Source>,
    sends: Vec<(Destination, Span)>,
    /// Streams that were written to, some of them several times.
    unflushed: Vec<usize>,
    /// Announcements that another worker's queue had no room for.
    unposted: VecDeque<(usize, Mail)>,
    /// Mails may be left from the last turn.
    has_mail: bool,
    swept: Instant,
}

impl Worker {
    pub(crate) fn new(plan: Plan, poll: Poll, mut ports: Ports) -> Result<Worker, StartError> {
        let token = |source: fn(usize) -> Source| move |index| source(index).token();
        ports.register(poll.registry(), token(Source::Udp), token(Source::Listener))?;
        let now = Instant::now();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let identity = plan.tls.as_ref().and_then(|tls| tls.dtls.clone());
        let dtls = identity.map(|identity| Sessions::new(identity, plan.max_connections));
        let ready = (0..ports.udp.len()).map(Source::Udp).collect();
        Ok(Worker {
            server: Server::new(plan.core.clone(), now, unix),
            dtls: dtls.transpose().map_err(StartError::Dtls)?,
            plan,
            poll,
            ports,
            relays: Slab::new(),
            relay_of: HashMap::new(),
            holders: HashMap::new(),
            streams: Slab::new(),
            stream_of: HashMap::new(),
            buffers: ReceiveBuffers::new(),
            scratch: vec![0; 1 << 14],
            ready,
            sends: Vec::new(),
            unflushed: Vec::new(),
            unposted: VecDeque::new(),
            has_mail: true,
            swept: now,
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
            let now = Instant::now();
            let deadline = self.server.deadline();
            deadline.map_or(LONGEST_WAIT, |at| at.saturating_duration_since(now)).min(LONGEST_WAIT)
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
        let go_on = self.read_mail(now);
        for source in std::mem::take(&mut self.ready) {
            let has_more = match source {
                Source::Udp(index) => self.read_udp(index, now),
                Source::Relay(index) => self.read_relay(index, now),
                Source::Listener(index) => self.accept(index, now),
                Source::Stream(index) => self.read_stream(index, now),
            };
            if has_more {
                self.ready.push(source);
            }
        }
        self.server.handle(now, Input::Timeout);
        self.write(now);
        if now.saturating_duration_since(self.swept) >= LONGEST_WAIT {
            self.sweep(now);
            self.write(now);
        }
        let connections = self.streams.len() + self.dtls.as_ref().map_or(0, Sessions::len);
        let stats = self.server.stats();
        stats.set_connections(connections);
        self.plan.mailboxes[usize::from(self.plan.index)].publish(stats);
        go_on
    }

    // ---- in ----

    fn read_mail(&mut self, now: Instant) -> bool {
        self.plan.mailboxes[usize::from(self.plan.index)].rearm();
        self.has_mail = true;
        for _ in 0..MAILS_PER_TURN {
            let mailbox = &self.plan.mailboxes[usize::from(self.plan.index)];
            match mailbox.take() {
                None => {
                    self.has_mail = false;
                    break;
                }
                Some(Mail::Stop) => return false,
                Some(Mail::Drain) => self.server.handle(now, Input::Drain),
                Some(Mail::HandedOver { from, to, contents }) => {
                    let contents = &contents;
                    self.server.handle(now, Input::HandedOver { from, to, contents });
                }
                Some(Mail::Announced { worker, relay, open }) => {
                    self.server.handle(now, Input::Announced { worker, relay, open });
                }
                Some(Mail::Adopted(adopted)) => self.adopt(*adopted, now),
            }
        }
        while let Some((worker, mail)) = self.unposted.pop_front() {
            if let Err(mail) = self.plan.mailboxes[worker].post(mail) {
                self.unposted.push_front((worker, mail));
                break;
            }
        }
        true
    }

    fn read_udp(&mut self, index: usize, now: Instant) -> bool {
        let Worker { server, dtls, ports, buffers, .. } = self;
        let socket = &ports.udp[index];
        let mut each = |client: SocketAddr, to: SocketAddr, contents: &[u8]| {
            let is_dtls = contents.first().is_some_and(|first| (20..64).contains(first));
            if !is_dtls {
                let from = FiveTuple { client, server: to, transport: Transport::Udp };
                return server.handle(now, Input::Message { from, contents });
            }
            let Some(dtls) = dtls else { return server.stats().drop(DropReason::BadDtls, 1) };
            let from = FiveTuple { client, server: to, transport: Transport::Dtls };
            let send = |to: &FiveTuple, packet: &[u8]| {
                socket.send(Some(to.server.ip()), to.client, packet, packet.len());
            };
            let result = dtls.receive(now, from, contents, send, |contents| {
                server.handle(now, Input::Message { from, contents });
            });
            match result {
                Ok(true) => {}
                Ok(false) => server.handle(now, Input::Closed { from }),
                Err(_) => server.stats().drop(DropReason::BadDtls, 1),
            }
        };
        (0..BATCHES_PER_TURN).all(|_| socket.receive(buffers, &mut each))
    }

    fn read_relay(&mut self, index: usize, now: Instant) -> bool {
        let Worker { server, relays, buffers, .. } = self;
        let Some(Relay { key, socket, .. }) = relays.get(index) else { return false };
        let mut each = |from: SocketAddr, _: SocketAddr, contents: &[u8]| {
            server.handle(now, Input::Peer { to: *key, from, contents });
        };
        (0..BATCHES_PER_TURN).all(|_| socket.receive(buffers, &mut each))
    }

    fn accept(&mut self, index: usize, now: Instant) -> bool {
        for _ in 0..ACCEPTS_PER_TURN {
            let (socket, client) = match self.ports.accept(index) {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // No more open files, as a rule: the sweep looks again, when there may be.
                    tracing::warn!(%error, "a TURN connection cannot be accepted");
                    return false;
                }
            };
            let behind_proxy = self
                .plan
                .proxies
                .iter()
                .any(|network| network.contains(client.ip().to_canonical()));
            match Stream::new(socket, client, behind_proxy, now) {
                Ok(stream) => self.add_stream(stream),
                Err(error) => tracing::debug!(%error, "a TURN connection is gone"),
            }
        }
        true
    }

    fn adopt(&mut self, adopted: Adopted, now: Instant) {
        match Stream::adopt(adopted, now) {
            Ok(stream) => self.add_stream(stream),
            Err(error) => tracing::debug!(%error, "a TURN connection is gone"),
        }
    }

    fn add_stream(&mut self, mut stream: Stream) {
        if self.streams.len() >= self.plan.max_connections {
            tracing::debug!("turn.max_connections is reached");
            return;
        }
        let entry = self.streams.vacant_entry();
        let source = Source::Stream(entry.key());
        match stream.register(self.poll.registry(), source.token()) {
            Ok(()) => {
                entry.insert(stream);
                self.ready.push(source);
            }
            Err(error) => tracing::debug!(%error, "a TURN connection is gone"),
        }
    }

    fn read_stream(&mut self, index: usize, now: Instant) -> bool {
        let Worker { server, streams, stream_of, plan, scratch, .. } = self;
        let Some(stream) = streams.get_mut(index) else { return false };
        let tls = plan.tls.as_ref().map(|tls| &tls.config);
        let is_known = stream.tuple().is_some_and(|tuple| server.is_known(&tuple));
        let result = stream.receive(tls, scratch, is_known, |from, contents| {
            server.handle(now, Input::Message { from, contents });
        });
        let flushed = stream.flush();
        if let Some(tuple) = stream.tuple() {
            let owner = *stream_of.entry(tuple).or_insert(index);
            if owner != index {
                // A balancer says of two connections that they are one client's.
                self.close(index, now);
                return false;
            }
        }
        match (result, flushed) {
            (Ok(has_more), Ok(())) => has_more,
            _ => {
                // What was asked before the end is answered first.
                self.write(now);
                self.close(index, now);
                false
            }
        }
    }

    fn close(&mut self, index: usize, now: Instant) {
        let Some(mut stream) = self.streams.try_remove(index) else { return };
        if let Err(error) = stream.deregister(self.poll.registry()) {
            tracing::debug!(%error, "closing");
        }
        if let Some(from) = stream.tuple()
            && self.stream_of.get(&from) == Some(&index)
        {
            self.stream_of.remove(&from);
            self.server.handle(now, Input::Closed { from });
        }
    }

    // ---- out ----

    fn write(&mut self, now: Instant) {
        loop {
            let mut wanted = Vec::new();
            while let Some(output) = self.server.poll() {
                match output {
                    Output::Send { to, contents } => {
                        self.sends.push((Destination::Client(to), contents));
                    }
                    Output::Relay { by, to, dont_fragment, contents } => {
                        self.sends.push((Destination::Peer { by, to, dont_fragment }, contents));
                    }
                    Output::Bind { allocation, holder, families, port } => {
                        wanted.push(Wanted { allocation, holder, families, port });
                    }
                    Output::Release { relay } => self.release(relay),
                    Output::Ended { allocation } => self.end(allocation),
                    Output::HandOver { worker, from, to, contents } => {
                        let contents = self.server.bytes(&contents).to_vec();
                        let mail = Mail::HandedOver { from, to, contents };
                        if self.plan.mailboxes[usize::from(worker)].post(mail).is_err() {
                            self.server.stats().drop(DropReason::WorkerBusy, 1);
                        }
                    }
                    Output::Announce { relay, open } => self.announce(relay, open),
                }
            }
            self.send();
            if wanted.is_empty() {
                break;
            }
            for wanted in wanted {
                self.bind(wanted, now);
            }
        }
        for index in std::mem::take(&mut self.unflushed) {
            let flushed = self.streams.get_mut(index).map(Stream::flush);
            if let Some(Err(_)) = flushed {
                self.close(index, now);
            }
        }
    }

    /// Sends in order. What goes the same way one after the other leaves in one call.
    fn send(&mut self) {
        let sends = std::mem::take(&mut self.sends);
        let mut rest = sends.as_slice();
        while let [(destination, first), ..] = rest {
            let limit = self.run_limit(destination);
            let (mut run, mut count) = (first.clone(), 1);
            while let Some((next_destination, next)) = rest.get(count)
                && next_destination == destination
                && count < limit
                && run.len() + next.len() <= MAX_RUN
                // Datagrams that leave together have one size, and the last may be shorter.
                && (self.is_stream(destination)
                    || run.len() == first.len() * count && next.len() <= first.len())
                && let Some(joined) = run.join(next)
            {
                run = joined;
                count += 1;
            }
            self.send_run(destination, &run, first.len(), count as u64);
            rest = &rest[count..];
        }
        self.sends = sends;
        self.sends.clear();
    }

    fn is_stream(&self, destination: &Destination) -> bool {
        matches!(destination, Destination::Client(tuple) if tuple.transport.is_stream())
    }

    fn run_limit(&self, destination: &Destination) -> usize {
        match destination {
            // A record per message: some clients, coturn's among them, take one for the other.
            Destination::Client(FiveTuple {
                transport: Transport::Tls | Transport::Dtls, ..
            }) => 1,
            Destination::Client(tuple) if tuple.transport.is_stream() => usize::MAX,
            _ => self.ports.udp.first().map_or(1, Datagrams::max_segments),
        }
    }

    fn send_run(&mut self, destination: &Destination, run: &Span, size: usize, count: u64) {
        let Worker { server, ports, relays, relay_of, streams, stream_of, dtls, unflushed, .. } =
            self;
        let bytes = server.bytes(run);
        let udp_send = |to: &FiveTuple, bytes: &[u8], size: usize| {
            let socket = ports.udp_at(to.server);
            socket.map_or(count, |s| s.send(Some(to.server.ip()), to.client, bytes, size))
        };
        let (lost, reason) = match destination {
            Destination::Peer { by, to, dont_fragment } => {
                let relay = relay_of.get(by).and_then(|&index| relays.get(index));
                let lost = relay.map_or(count, |relay| {
                    if !dont_fragment {
                        return relay.socket.send(None, *to, bytes, size);
                    }
                    let set = relay.socket.set_dont_fragment(true);
                    let lost = relay.socket.send(None, *to, bytes, size);
                    let reset = relay.socket.set_dont_fragment(false);
                    if set.and(reset).is_err() { count } else { lost }
                });
                (lost, DropReason::SendFailed)
            }
            Destination::Client(to) => match to.transport {
                Transport::Udp => (udp_send(to, bytes, size), DropReason::SendFailed),
                Transport::Dtls => {
                    let sent = dtls.as_mut().is_some_and(|dtls| {
                        dtls.send(to, bytes, |to, packet| {
                            udp_send(to, packet, packet.len());
                        })
                    });
                    (if sent { 0 } else { count }, DropReason::ClientGone)
                }
                Transport::Tcp | Transport::Tls => match stream_of.get(to) {
                    Some(&index) if streams[index].send(bytes) => {
                        unflushed.push(index);
                        (0, DropReason::ClientBehind)
                    }
                    Some(_) => (count, DropReason::ClientBehind),
                    None => (count, DropReason::ClientGone),
                },
            },
        };
        server.stats().drop(reason, lost);
    }

    // ---- relay sockets ----

    fn bind(&mut self, wanted: Wanted, now: Instant) {
        let Wanted { allocation, holder, families, port } = wanted;
        let opened = {
            // Whole between any two calls, so a panic elsewhere leaves it usable.
            let mut ports = self.plan.relay_ports.lock().unwrap_or_else(PoisonError::into_inner);
            ports.open(&holder, families, port, now)
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => return self.server.handle(now, Input::BindFailed { allocation, error }),
        };
        self.holders.insert(allocation, holder);
        let mut relays = [None; 2];
        for (relay, family) in opened.relays.into_iter().zip([Family::V4, Family::V6]) {
            let Some(relay) = relay else { continue };
            let key = RelayKey { allocation, family };
            let mut socket = relay.socket;
            let entry = self.relays.vacant_entry();
            let source = Source::Relay(entry.key());
            if let Err(error) = socket.register(self.poll.registry(), source.token()) {
                tracing::warn!(%error, "a relay socket cannot be watched");
                continue;
            }
            self.relay_of.insert(key, entry.key());
            entry.insert(Relay { key, socket, advertised: relay.advertised });
            // A reserved port may have got datagrams before.
            self.ready.push(source);
            relays[family as usize] = Some(relay.advertised);
        }
        if relays == [None; 2] {
            self.end(allocation);
            let error = BindError::Capacity;
            return self.server.handle(now, Input::BindFailed { allocation, error });
        }
        let reservation = opened.reservation;
        self.server.handle(now, Input::Bound { allocation, relays, reservation });
    }

    fn release(&mut self, relay: RelayKey) {
        let Some(index) = self.relay_of.remove(&relay) else { return };
        let mut relay = self.relays.remove(index);
        if let Err(error) = relay.socket.deregister(self.poll.registry()) {
            tracing::debug!(%error, "closing a relay socket");
        }
    }

    fn end(&mut self, allocation: AllocationKey) {
        if let Some(holder) = self.holders.remove(&allocation) {
            let ports = &self.plan.relay_ports;
            ports.lock().unwrap_or_else(PoisonError::into_inner).leave(&holder);
        }
    }

    fn announce(&mut self, relay: SocketAddr, open: bool) {
        let worker = self.plan.index;
        for (index, mailbox) in self.plan.mailboxes.iter().enumerate() {
            if index == usize::from(worker) {
                continue;
            }
            // In order: what waits already goes first.
            let waits = self.unposted.iter().any(|(waiting, _)| *waiting == index);
            let mail = Mail::Announced { worker, relay, open };
            let refused = if waits { Err(mail) } else { mailbox.post(mail) };
            if let Err(mail) = refused {
                self.unposted.push_back((index, mail));
            }
        }
    }

    // ---- time ----

    /// What is looked at now and then: connections that serve nobody, DTLS timers, listeners that
    /// had no open file left.
    fn sweep(&mut self, now: Instant) {
        self.swept = now;
        let mut idle = Vec::new();
        for (index, stream) in &mut self.streams {
            if stream.tuple().is_some_and(|tuple| self.server.is_known(&tuple)) {
                stream.since = now;
            } else if now.saturating_duration_since(stream.since) >= IDLE {
                idle.push(index);
            }
        }
        for index in idle {
            self.close(index, now);
        }
        let Worker { dtls, server, ports, .. } = self;
        if let Some(dtls) = dtls {
            let send = |to: &FiveTuple, packet: &[u8]| {
                if let Some(socket) = ports.udp_at(to.server) {
                    socket.send(Some(to.server.ip()), to.client, packet, packet.len());
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
        self.sends.clear();
        self.server.start_over();
        for allocation in self.holders.keys().copied().collect::<Vec<_>>() {
            self.end(allocation);
        }
        self.relay_of.clear();
        // Closing a socket takes it out of the poll too.
        let relays: Vec<Relay> = self.relays.drain().collect();
        for relay in relays {
            self.announce(relay.advertised, false);
        }
        self.stream_of.clear();
        self.streams.clear();
        self.unflushed.clear();
        let identity = self.plan.tls.as_ref().and_then(|tls| tls.dtls.clone());
        let most = self.plan.max_connections;
        self.dtls = identity.and_then(|identity| Sessions::new(identity, most).ok());
    }
}
