//! A bad network: a relay that clients reach the server through, and that can be told to be slow, to
//! lose, delay, reorder and duplicate datagrams, to be out for a while, and to forget its clients as
//! a NAT does.
//!
//! [`path`] is the network itself, a pure state machine that a seed makes repeatable; there is one
//! for each direction, and everything that the relay carries shares it. [`udp`] and [`tcp`] move the
//! bytes, and [`order`] is what can be said. The relay sees no more than a NAT would: one source
//! address at the server for each UDP client, one connection for each TCP connection.
//!
//! What it is not: the opening of a TCP connection is not delayed, only what is said on it, and
//! loss does not slow a TCP connection down. Delays are exact to a millisecond or so.
//!
//! # A server behind it
//!
//! The server has to name the relay in its candidates, and must not reach the clients by another
//! way. On one machine: the server listens on 127.0.0.1, the relay on the same port of 127.0.0.2,
//! `sfu.advertised` is 127.0.0.2, and `sfu.ice_lite` keeps the server from sending checks to the
//! clients' own candidates, past the relay.

pub mod impairment;
pub mod order;
pub mod path;
mod tcp;
mod udp;

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep_until};

use impairment::Impairment;
use order::{Half, Order, OrderError, Stats};
use path::{Input, Outage, Parcel, Path};

/// What has come and waits to be put on its way. While it is full nothing is read, and the system's
/// own buffers fill.
const ARRIVALS: usize = 1_024;

/// How many of those are put on their way before what is due is delivered.
const BATCH: usize = 64;

/// Orders that may wait.
const ORDERS: usize = 16;

/// How often forgotten clients are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Where a relay listens, and what it stands for there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    /// Where clients come; port 0 for any.
    pub listen: SocketAddr,
    /// The server.
    pub upstream: SocketAddr,
}

impl FromStr for Forward {
    type Err = String;

    /// Reads `LISTEN=UPSTREAM`, as in `127.0.0.2:7882=127.0.0.1:7882`.
    fn from_str(text: &str) -> Result<Forward, String> {
        let wrong = || format!("`{text}` is not LISTEN=UPSTREAM, as in 127.0.0.2:0=127.0.0.1:7882");
        let (listen, upstream) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Forward {
            listen: listen.parse().map_err(|_| wrong())?,
            upstream: upstream.parse().map_err(|_| wrong())?,
        })
    }
}

/// What a relay is to carry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Decides which datagrams meet which faults.
    pub seed: u64,
    /// Datagrams.
    pub udp: Vec<Forward>,
    /// Connections.
    pub tcp: Vec<Forward>,
}

/// A running relay; it ends, and everything through it, when this is dropped.
#[derive(Debug)]
pub struct Relay {
    udp: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
    orders: mpsc::Sender<(Order, oneshot::Sender<Result<Stats, OrderError>>)>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Starts a relay that does no harm yet.
    ///
    /// # Errors
    ///
    /// When an address cannot be listened on.
    pub async fn start(plan: &Plan) -> io::Result<Relay> {
        let (arrived, arrivals) = mpsc::channel(ARRIVALS);
        let mut listeners = Vec::new();
        for forward in &plan.udp {
            listeners.push((UdpSocket::bind(forward.listen).await?, forward.upstream));
        }
        let mut acceptors = Vec::new();
        for forward in &plan.tcp {
            acceptors.push((TcpListener::bind(forward.listen).await?, forward.upstream));
        }
        let udp =
            listeners.iter().map(|(socket, _)| socket.local_addr()).collect::<Result<_, _>>()?;
        let tcp =
            acceptors.iter().map(|(socket, _)| socket.local_addr()).collect::<Result<_, _>>()?;
        let now = Instant::now().into_std();
        let engine = Engine {
            up: Path::new(now, plan.seed),
            down: Path::new(now, plan.seed.wrapping_add(1)),
            clients: udp::Clients::new(listeners, arrived.clone()),
            connections: tcp::Connections::new(acceptors, arrived),
        };
        let (orders, ordered) = mpsc::channel(ORDERS);
        Ok(Relay { udp, tcp, orders, task: tokio::spawn(engine.run(arrivals, ordered)) })
    }

    /// Where it listens for datagrams, in the order of the plan.
    pub fn udp(&self) -> &[SocketAddr] {
        &self.udp
    }

    /// Where it listens for connections, in the order of the plan.
    pub fn tcp(&self) -> &[SocketAddr] {
        &self.tcp
    }

    /// Has an order carried out, and tells how things are after it.
    ///
    /// # Errors
    ///
    /// When the order makes no sense; nothing of it was carried out then.
    pub async fn order(&self, order: Order) -> Result<Stats, OrderError> {
        let (reply, replied) = oneshot::channel();
        self.orders.send((order, reply)).await.map_err(|_| OrderError::Ended)?;
        replied.await.map_err(|_| OrderError::Ended)?
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Something that was read and is to be carried.
#[derive(Debug)]
struct Arrival {
    /// From a client to the server, or back.
    up: bool,
    route: Route,
    bytes: Bytes,
}

/// Whose bytes they are.
#[derive(Debug, Clone, Copy)]
enum Route {
    Udp(udp::Client),
    Tcp(tcp::Connection),
}

/// The task that owns both directions.
struct Engine {
    up: Path<Route>,
    down: Path<Route>,
    clients: udp::Clients,
    connections: tcp::Connections,
}

impl Engine {
    async fn run(
        mut self,
        mut arrivals: mpsc::Receiver<Arrival>,
        mut orders: mpsc::Receiver<(Order, oneshot::Sender<Result<Stats, OrderError>>)>,
    ) {
        let mut sweep = interval(SWEEP);
        let mut arrived = Vec::with_capacity(BATCH);
        loop {
            let deadline = [self.up.deadline(), self.down.deadline()].into_iter().flatten().min();
            let due = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline.into()).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                1.. = arrivals.recv_many(&mut arrived, BATCH) => {
                    arrived.drain(..).for_each(|arrival| self.carry(arrival));
                }
                connection = self.connections.next() => self.connections.open(connection),
                order = orders.recv() => {
                    let Some((order, reply)) = order else { return };
                    // Whoever gave the order may be gone.
                    let _ = reply.send(self.obey(order).await);
                }
                () = due => {}
                _ = sweep.tick() => self.clients.forget_idle(),
            }
            self.deliver().await;
        }
    }

    fn carry(&mut self, arrival: Arrival) {
        let Arrival { up, route, bytes } = arrival;
        let parcel = Parcel { tag: route, bytes, stream: matches!(route, Route::Tcp(_)) };
        let path = if up { &mut self.up } else { &mut self.down };
        path.handle(Instant::now().into_std(), Input::Parcel(parcel));
    }

    /// Hands over whatever has arrived by now.
    async fn deliver(&mut self) {
        let now = Instant::now().into_std();
        self.up.handle(now, Input::Timeout);
        while let Some(Parcel { tag, bytes, .. }) = self.up.poll() {
            match tag {
                Route::Udp(client) => self.clients.send_to_server(client, &bytes).await,
                Route::Tcp(connection) => self.connections.send_to_server(connection, bytes),
            }
        }
        self.down.handle(now, Input::Timeout);
        while let Some(Parcel { tag, bytes, .. }) = self.down.poll() {
            match tag {
                Route::Udp(client) => self.clients.send_to_client(client, &bytes).await,
                Route::Tcp(connection) => self.connections.send_to_client(connection, bytes),
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<Stats, OrderError> {
        order.check()?;
        let now = Instant::now().into_std();
        let mut ways: Vec<&mut Path<Route>> = Vec::with_capacity(2);
        if order.direction.is_up() {
            ways.push(&mut self.up);
        }
        if order.direction.is_down() {
            ways.push(&mut self.down);
        }
        let changed: Vec<Impairment> =
            ways.iter().map(|path| path.impairment().with(order.set)).collect::<Result<_, _>>()?;
        if order.rebind {
            self.clients.rebind().await.map_err(OrderError::Rebind)?;
        }
        let lasting = order.outage.map(|out| if out { Outage::Lasting } else { Outage::Over });
        let passing = order.outage_ms.map(|ms| Outage::Until(now + Duration::from_millis(ms)));
        for (path, impairment) in ways.into_iter().zip(changed) {
            path.handle(now, Input::Set(impairment));
            for outage in [lasting, passing].into_iter().flatten() {
                path.handle(now, Input::Outage(outage));
            }
        }
        if order.cut_tcp {
            self.connections.cut().await;
        }
        Ok(self.stats())
    }

    fn stats(&self) -> Stats {
        let half =
            |path: &Path<Route>| Half { impairment: path.impairment(), counts: path.counts() };
        Stats {
            clients: self.clients.count(),
            connections: self.connections.count(),
            turned_away: self.clients.turned_away() + self.connections.turned_away(),
            up: half(&self.up),
            down: half(&self.down),
        }
    }
}
