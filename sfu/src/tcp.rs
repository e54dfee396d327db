//! ICE-TCP (RFC 6544): one thread for all connections. Frames go to the worker that a connection's
//! first check names; what workers send goes out.
//!
//! Nobody is trusted before a worker has answered: until then a connection may bring checks and
//! nothing else, and has five seconds. From then on it lives for as long as workers send to it,
//! which they do as long as its session lives.

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use sfu_core::Place;
use sfu_core::stats::{DropReason, Stats};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::StartError;
use crate::config::Config;
use crate::framing::{Deframer, FrameQueue};
use crate::mailbox::{Mail, Mailbox, WAKE};

/// How long a connection may take until a worker has answered its first check.
const PROVES_ITSELF: Duration = Duration::from_secs(5);

/// How long a connection lives after a worker has sent to it. Sessions send checks, or answer
/// them, every few seconds, and end when that stops for as long as this.
const IDLE: Duration = Duration::from_secs(30);

/// How long a connection may take nothing while something waits for it.
const STUCK: Duration = Duration::from_secs(10);

/// Bytes that wait for one connection: about a second of one video.
const QUEUE_BYTES: usize = 256 << 10;

/// Bytes in the system's buffer of one connection. What is in there comes late.
const SEND_BUFFER: usize = 128 << 10;

/// Connections from one address (IPv6: one /64) that have not proved themselves.
const UNPROVEN_PER_ADDRESS: usize = 32;

/// Bytes read from one connection, connections accepted, and mails taken in a row: a flood must
/// not starve the others. So many bytes are never more frames than fit into half of a mailbox.
const BYTES_PER_TURN: usize = 16 << 10;
const ACCEPTS_PER_TURN: usize = 64;
const MAILS_PER_TURN: usize = 4_096;

/// Frames written in one call.
const FRAMES_PER_WRITE: usize = 32;

/// How long a connection waits whose worker has enough to do: TCP tells the client to slow down,
/// and there is room for others' mail.
const HOLD: Duration = Duration::from_millis(1);

/// How often the connections' times are looked at.
const TICK: Duration = Duration::from_millis(250);

/// How long to accept nothing when the system has no more files.
const PAUSE: Duration = Duration::from_secs(1);

/// Connections wait here until they are accepted.
const BACKLOG: i32 = 512;

/// Tokens below this are listeners.
const FIRST_CONNECTION: usize = 1_024;

/// What workers send to this thread.
#[derive(Debug)]
pub(crate) enum Parcel {
    /// For the connection from `destination`.
    Frame { destination: SocketAddr, contents: Vec<u8> },
    /// End the thread.
    Stop,
}

/// The listening sockets, one per bound address, on one port.
pub(crate) struct Listeners(Vec<TcpListener>);

impl Listeners {
    /// Opens the port on every bound address that the machine has. With port 0 the system chooses
    /// one for all.
    pub(crate) fn open(config: &Config) -> Result<Listeners, StartError> {
        let mut port = config.tcp_port;
        let mut listeners = Vec::new();
        for ip in config.usable_addresses()? {
            let address = SocketAddr::new(ip, port);
            let listener =
                listen(address).map_err(|source| StartError::BindTcp { address, source })?;
            port = listener.local_addr()?.port();
            listeners.push(listener);
        }
        Ok(Listeners(listeners))
    }

    pub(crate) fn port(&self) -> u16 {
        let address = self.0.first().and_then(|listener| listener.local_addr().ok());
        address.map_or(0, |address| address.port())
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restarted server takes the port again while old connections linger.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// One client's connection.
struct Connection {
    stream: TcpStream,
    /// Who is there, and our end.
    source: SocketAddr,
    destination: SocketAddr,
    deframer: Deframer,
    queue: FrameQueue,
    /// The worker that its first check named.
    worker: Option<u16>,
    /// A worker has answered.
    is_proven: bool,
    ends: Instant,
    /// Since when nothing was taken of what waits.
    stuck_since: Option<Instant>,
}

/// What the thread owns.
pub(crate) struct Tcp {
    poll: Poll,
    listeners: Vec<TcpListener>,
    /// Listeners that may have more to accept.
    acceptable: Vec<bool>,
    accepts_from: Instant,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    by_source: HashMap<SocketAddr, usize>,
    unproven: HashMap<IpAddr, usize>,
    /// Connections that may have more to read: the poll tells of new bytes only.
    readable: HashSet<usize>,
    /// Some of them wait for their worker.
    is_held: bool,
    /// Connections that were given something to write.
    writable: HashSet<usize>,
    has_mail: bool,
    next_tick: Instant,
    limit: usize,
    node: u16,
    mailbox: Arc<Mailbox<Parcel>>,
    workers: Arc<[Mailbox<Mail>]>,
    stats: Stats,
    buffer: Vec<u8>,
}

impl Tcp {
    pub(crate) fn new(
        config: &Config,
        poll: Poll,
        listeners: Listeners,
        mailbox: Arc<Mailbox<Parcel>>,
        workers: Arc<[Mailbox<Mail>]>,
    ) -> io::Result<Tcp> {
        let mut listeners = listeners.0;
        for (index, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(listener, Token(index), Interest::READABLE)?;
        }
        let now = Instant::now();
        Ok(Tcp {
            poll,
            acceptable: vec![true; listeners.len()],
            listeners,
            accepts_from: now,
            connections: Vec::new(),
            free: Vec::new(),
            by_source: HashMap::new(),
            unproven: HashMap::new(),
            readable: HashSet::new(),
            is_held: false,
            writable: HashSet::new(),
            has_mail: true,
            next_tick: now + TICK,
            limit: config.max_tcp_connections,
            node: config.node,
            mailbox,
            workers,
            stats: Stats::default(),
            buffer: vec![0; BYTES_PER_TURN],
        })
    }

    /// Runs until [`Parcel::Stop`]. A panic costs the connections, not the process.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        loop {
            self.wait(&mut events);
            match catch_unwind(AssertUnwindSafe(|| self.turn(Instant::now()))) {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => self.start_over(),
            }
        }
    }

    fn wait(&mut self, events: &mut Events) {
        // Without connections, and with none to accept, there are no times to look at.
        let is_idle = self.by_source.is_empty() && !self.acceptable.contains(&true);
        let timeout = if self.has_mail {
            Some(Duration::ZERO)
        } else if self.is_held {
            Some(HOLD)
        } else if self.readable.is_empty() {
            (!is_idle).then(|| self.next_tick.saturating_duration_since(Instant::now()))
        } else {
            Some(Duration::ZERO)
        };
        if let Err(error) = self.poll.poll(events, timeout)
            && error.kind() != ErrorKind::Interrupted
        {
            tracing::error!(%error, "waiting for media on TCP");
            std::thread::sleep(Duration::from_millis(10));
        }
        for event in events.iter() {
            match event.token() {
                WAKE => self.has_mail = true,
                Token(index) if index < FIRST_CONNECTION => self.acceptable[index] = true,
                Token(token) => {
                    let index = token - FIRST_CONNECTION;
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        self.readable.insert(index);
                    }
                    if event.is_writable() {
                        self.writable.insert(index);
                    }
                }
            }
        }
    }

    /// One turn; false when the thread is to end.
    fn turn(&mut self, now: Instant) -> bool {
        let goes_on = self.take_mail(now);
        self.read();
        self.write(now);
        // Places that were freed above are taken again below, when nothing refers to them.
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.end_overdue(now);
        }
        self.accept(now);
        self.stats.tcp_connections = self.by_source.len() as u64;
        self.mailbox.publish(&self.stats);
        goes_on
    }

    fn start_over(&mut self) {
        tracing::error!("the thread of media on TCP panicked; its connections are lost");
        for index in 0..self.connections.len() {
            self.end(index, "the thread panicked");
        }
        self.readable.clear();
        self.writable.clear();
    }

    // ---- from workers ----

    fn take_mail(&mut self, now: Instant) -> bool {
        self.mailbox.rearm();
        self.has_mail = true;
        for _ in 0..MAILS_PER_TURN {
            match self.mailbox.take() {
                None => {
                    self.has_mail = false;
                    break;
                }
                Some(Parcel::Stop) => return false,
                Some(Parcel::Frame { destination, contents }) => {
                    self.queue(destination, &contents, now);
                }
            }
        }
        true
    }

    fn queue(&mut self, destination: SocketAddr, contents: &[u8], now: Instant) {
        let index = self.by_source.get(&destination).copied();
        let Some((index, connection)) =
            index.and_then(|index| Some((index, self.connections[index].as_mut()?)))
        else {
            self.stats.drop(DropReason::TcpClosed);
            return;
        };
        connection.ends = now + IDLE;
        for _ in 0..connection.queue.push(contents) {
            self.stats.drop(DropReason::TcpQueueFull);
        }
        connection.stuck_since.get_or_insert(now);
        self.writable.insert(index);
        if !connection.is_proven {
            connection.is_proven = true;
            self.one_less_unproven(destination.ip());
        }
    }

    fn write(&mut self, now: Instant) {
        for index in std::mem::take(&mut self.writable) {
            let Some(Some(connection)) = self.connections.get_mut(index) else { continue };
            if let Err(error) = connection.write(now) {
                self.end(index, &error.to_string());
            }
        }
    }

    // ---- from clients ----

    fn accept(&mut self, now: Instant) {
        if now < self.accepts_from {
            return;
        }
        for listener in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_PER_TURN {
                if !self.acceptable[listener] || self.by_source.len() >= self.limit {
                    break;
                }
                match self.listeners[listener].accept() {
                    Ok((stream, source)) => {
                        if let Err(error) = self.add(stream, source, now) {
                            tracing::debug!(%error, %source, "a connection for media");
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.acceptable[listener] = false;
                    }
                    Err(error) if is_exhausted(&error) => {
                        tracing::warn!(%error, "no new media connections for a moment");
                        self.accepts_from = now + PAUSE;
                        return;
                    }
                    // The client has gone before it was accepted.
                    Err(error) => tracing::debug!(%error, "accepting a connection for media"),
                }
            }
        }
    }

    fn add(&mut self, mut stream: TcpStream, source: SocketAddr, now: Instant) -> io::Result<()> {
        let source = SocketAddr::new(source.ip().to_canonical(), source.port());
        let unproven = self.unproven.get(&network(source.ip())).copied().unwrap_or_default();
        if unproven >= UNPROVEN_PER_ADDRESS {
            return Err(io::Error::other("refused: too many from this address prove nothing"));
        }
        // One port of a client cannot be two connections to a worker, which knows it by that.
        if self.by_source.contains_key(&source) {
            return Err(io::Error::other("refused: another connection has this source"));
        }
        let local = stream.local_addr()?;
        let destination = SocketAddr::new(local.ip().to_canonical(), local.port());
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER)?;
        let index = self.free.pop().unwrap_or(self.connections.len());
        if index == self.connections.len() {
            self.connections.push(None);
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) =
            self.poll.registry().register(&mut stream, Token(FIRST_CONNECTION + index), interest)
        {
            self.free.push(index);
            return Err(error);
        }
        self.connections[index] = Some(Connection {
            stream,
            source,
            destination,
            deframer: Deframer::default(),
            queue: FrameQueue::new(QUEUE_BYTES),
            worker: None,
            is_proven: false,
            ends: now + PROVES_ITSELF,
            stuck_since: None,
        });
        self.by_source.insert(source, index);
        *self.unproven.entry(network(source.ip())).or_default() += 1;
        self.readable.insert(index);
        Ok(())
    }

    fn read(&mut self) {
        self.is_held = false;
        for index in std::mem::take(&mut self.readable) {
            let Some(Some(connection)) = self.connections.get_mut(index) else { continue };
            let worker = connection.worker.map(usize::from);
            if worker.is_some_and(|worker| self.workers[worker].is_congested()) {
                self.readable.insert(index);
                self.is_held = true;
                continue;
            }
            let outcome = match connection.stream.read(&mut self.buffer) {
                Ok(0) => Err("the client closed it".to_owned()),
                Ok(count) => {
                    self.readable.insert(index);
                    self.frames(index, count)
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    self.readable.insert(index);
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = outcome {
                self.end(index, &reason);
            }
        }
    }

    /// Posts the frames that the first `count` bytes of the buffer complete.
    fn frames(&mut self, index: usize, count: usize) -> Result<(), String> {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return Ok(()) };
        let (workers, stats, node) = (&self.workers, &mut self.stats, self.node);
        let (source, destination) = (connection.source, connection.destination);
        let (worker, is_proven) = (&mut connection.worker, connection.is_proven);
        let mut refused = None;
        let cut = connection.deframer.push(&self.buffer[..count], |frame| {
            let named = Place::of_check(frame);
            if worker.is_none() {
                let ours = named.filter(|place| place.node == node).map(|place| place.worker);
                *worker = ours.filter(|worker| usize::from(*worker) < workers.len());
            }
            let reason = match *worker {
                None if named.is_some() => Some(DropReason::UnknownUfrag),
                None => Some(DropReason::UnknownSource),
                Some(_) if !is_proven && named.is_none() => Some(DropReason::UnknownSource),
                Some(worker) => {
                    let mail = Mail::Tcp { source, destination, contents: frame.to_vec() };
                    let posted = workers[usize::from(worker)].post(mail);
                    posted.err().map(|_| DropReason::WorkerBusy)
                }
            };
            if let Some(reason) = reason {
                stats.drop(reason);
            }
            if worker.is_none() {
                refused = Some("its first frame is no check for a session here".to_owned());
            }
        });
        if cut.is_err() {
            stats.drop(DropReason::Malformed);
            return Err("a frame is too long".to_owned());
        }
        refused.map_or(Ok(()), Err)
    }

    // ---- the end ----

    fn end_overdue(&mut self, now: Instant) {
        for index in 0..self.connections.len() {
            let Some(connection) = &self.connections[index] else { continue };
            let is_stuck = connection.stuck_since.is_some_and(|since| since + STUCK <= now);
            if is_stuck {
                self.end(index, "it takes nothing");
            } else if connection.ends <= now {
                self.end(index, "no session uses it");
            }
        }
    }

    fn end(&mut self, index: usize, reason: &str) {
        let Some(mut connection) = self.connections.get_mut(index).and_then(Option::take) else {
            return;
        };
        tracing::debug!(source = %connection.source, reason, "a connection for media ends");
        // It is closed right after, which takes it out of the poll as well.
        let _ = self.poll.registry().deregister(&mut connection.stream);
        self.by_source.remove(&connection.source);
        self.readable.remove(&index);
        self.free.push(index);
        if !connection.is_proven {
            self.one_less_unproven(connection.source.ip());
        }
    }

    fn one_less_unproven(&mut self, ip: IpAddr) {
        let network = network(ip);
        if let Some(count) = self.unproven.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.unproven.remove(&network);
            }
        }
    }
}

impl Connection {
    /// Writes what waits, as far as the system takes it.
    fn write(&mut self, now: Instant) -> io::Result<()> {
        while !self.queue.is_empty() {
            let mut slices = Vec::with_capacity(FRAMES_PER_WRITE);
            self.queue.pieces(&mut slices, FRAMES_PER_WRITE);
            match self.stream.write_vectored(&slices) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    drop(slices);
                    self.queue.advance(count);
                    self.stuck_since = Some(now);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.stuck_since = None;
        Ok(())
    }
}

/// What counts as one address: one customer's network in IPv6.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
    }
}

/// Whether the system has no more files or memory for another connection.
fn is_exhausted(error: &io::Error) -> bool {
    const ENOMEM: i32 = 12;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ENOBUFS: i32 = 105;
    matches!(error.raw_os_error(), Some(ENOMEM | ENFILE | EMFILE | ENOBUFS))
}
