//! The datagram side of a relay: a socket towards the server for each client, as a NAT has a port.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Arrival, Route};

/// Clients that are known at once; datagrams of others are turned away.
const MOST_CLIENTS: usize = 1_024;

/// A client that has sent nothing for so long is forgotten.
const IDLE: Duration = Duration::from_secs(60);

/// The largest datagram there is.
const LARGEST: usize = 65_535;

/// One client, by where it came to and from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client {
    /// Which of the listening sockets.
    listener: usize,
    address: SocketAddr,
}

/// All clients and the sockets on both their sides.
pub(super) struct Clients {
    listeners: Vec<Listener>,
    upstreams: HashMap<Client, Upstream>,
    turned_away: u64,
    arrived: mpsc::Sender<Arrival>,
    /// Read the listening sockets, and end with this.
    _readers: JoinSet<()>,
}

struct Listener {
    socket: Arc<UdpSocket>,
    server: SocketAddr,
}

/// A client's socket towards the server.
struct Upstream {
    socket: Arc<UdpSocket>,
    last_sent: Instant,
    /// Reads it, and ends with it.
    _reader: JoinSet<()>,
}

impl Clients {
    pub(super) fn new(
        listeners: Vec<(UdpSocket, SocketAddr)>,
        arrived: mpsc::Sender<Arrival>,
    ) -> Clients {
        let mut readers = JoinSet::new();
        let listeners = (0..)
            .zip(listeners)
            .map(|(index, (socket, server))| {
                let socket = Arc::new(socket);
                let client = move |address| Client { listener: index, address };
                readers.spawn(read(Arc::clone(&socket), arrived.clone(), true, client));
                Listener { socket, server }
            })
            .collect();
        let (upstreams, turned_away) = (HashMap::new(), 0);
        Clients { listeners, upstreams, turned_away, arrived, _readers: readers }
    }

    /// Sends a client's datagram to the server, from the client's socket. What cannot be sent is
    /// gone, as on any network.
    pub(super) async fn send_to_server(&mut self, client: Client, bytes: &[u8]) {
        if !self.upstreams.contains_key(&client) {
            let upstream = if self.upstreams.len() < MOST_CLIENTS {
                self.upstream(client).await.ok()
            } else {
                None
            };
            let Some(upstream) = upstream else {
                self.turned_away += 1;
                return;
            };
            self.upstreams.insert(client, upstream);
        }
        if let Some(upstream) = self.upstreams.get_mut(&client) {
            upstream.last_sent = Instant::now();
            let _ = upstream.socket.send(bytes).await;
        }
    }

    /// Sends the server's datagram to a client.
    pub(super) async fn send_to_client(&self, client: Client, bytes: &[u8]) {
        let _ = self.listeners[client.listener].socket.send_to(bytes, client.address).await;
    }

    /// Gives every client a new socket towards the server; what still comes to an old one is lost.
    pub(super) async fn rebind(&mut self) -> io::Result<()> {
        let mut rebound = HashMap::with_capacity(self.upstreams.len());
        for (client, old) in &self.upstreams {
            let new = self.upstream(*client).await?;
            rebound.insert(*client, Upstream { last_sent: old.last_sent, ..new });
        }
        self.upstreams = rebound;
        Ok(())
    }

    pub(super) fn forget_idle(&mut self) {
        self.upstreams.retain(|_, upstream| upstream.last_sent.elapsed() < IDLE);
    }

    pub(super) fn count(&self) -> usize {
        self.upstreams.len()
    }

    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away
    }

    async fn upstream(&self, client: Client) -> io::Result<Upstream> {
        let server = self.listeners[client.listener].server;
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(server).await?;
        let socket = Arc::new(socket);
        let mut reader = JoinSet::new();
        reader.spawn(read(Arc::clone(&socket), self.arrived.clone(), false, move |_| client));
        Ok(Upstream { socket, last_sent: Instant::now(), _reader: reader })
    }
}

/// Passes on what comes to a socket until the relay ends.
async fn read(
    socket: Arc<UdpSocket>,
    arrived: mpsc::Sender<Arrival>,
    up: bool,
    client: impl Fn(SocketAddr) -> Client,
) {
    let mut buffer = vec![0; LARGEST];
    loop {
        let (length, source) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // The other side had no socket open when an earlier datagram came.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
            Err(_) => return,
        };
        let route = Route::Udp(client(source));
        let bytes = Bytes::copy_from_slice(&buffer[..length]);
        if arrived.send(Arrival { up, route, bytes }).await.is_err() {
            return;
        }
    }
}
