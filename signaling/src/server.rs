//! The TCP side of the HTTP doors: listens, accepts within limits, encrypts, hands requests to the
//! router. It knows no door.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use crate::headroom::Headroom;
use crate::limits::{Connections, Place};
use crate::shortcut::{Occupied, Shortcut};
use crate::tail::{self, Loan, Takeover};
use crate::tls::acme;
use crate::turn;

/// The TLS handshake and the headers of a request must be there by then.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// What was sent and not taken for so long ends the connection.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The kernel keeps no more for a reader that does not read. (It doubles the number.)
const SEND_BUFFER: usize = 128 * 1024;
/// Bytes of a request's headers: a token may be among them.
const HEADER_BYTES: usize = 64 * 1024;
/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 100;
/// Streams of one HTTP/2 connection that were reset and are not done with: more is an attack
/// (CVE-2023-44487, CVE-2025-8671). hyper's own limits, said here so that they do not change unseen.
const RESETS: usize = 20;
const OWN_RESETS: usize = 1024;
/// A pause after `accept` failed, for want of file descriptors for example: calls go on meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);
/// Requests that are being answered may go on for so long after the server was told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Who sent a request: an extension of every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// Its address as the socket has it.
    pub address: IpAddr,
}

/// Sockets that listen on one port.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
}

impl Listeners {
    /// Listens on `port` of all `addresses`; 0 takes one port that is free on all of them. `key` is the
    /// configuration's name for the port. A machine without IPv6 does without `::1`.
    ///
    /// # Errors
    /// When the port is taken, with what to do about it.
    pub fn bind(addresses: &[IpAddr], port: u16, key: &str) -> anyhow::Result<Listeners> {
        // A free port of the first address may be taken on the next one.
        let attempts = if port == 0 { 16 } else { 1 };
        let mut outcome = Err(anyhow::anyhow!("no address to listen on"));
        for _ in 0..attempts {
            outcome = Self::try_bind(addresses, port, key);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn try_bind(addresses: &[IpAddr], port: u16, key: &str) -> anyhow::Result<Listeners> {
        let mut sockets: Vec<TcpListener> = Vec::new();
        let mut taken = port;
        for &address in addresses {
            let wanted = SocketAddr::new(address, taken);
            match listen(wanted) {
                Ok(socket) => {
                    taken = socket.local_addr()?.port();
                    sockets.push(socket);
                }
                Err(error) if is_missing_family(address, &error) && addresses.len() > 1 => {
                    tracing::debug!(%address, "not available here");
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                    "port {taken} on {address} is taken by another program: stop that, or set \
                     {key} to another port (0 for any)"
                ),
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot listen on {wanted} (see {key})"));
                }
            }
        }
        let address = sockets.first().context("no address to listen on")?.local_addr()?;
        Ok(Listeners { sockets, address })
    }

    /// The first address, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `0.0.0.0` and `::` stand side by side.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted connections inherit both.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

pub(crate) fn is_missing_family(address: IpAddr, error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    address == IpAddr::from(std::net::Ipv6Addr::LOCALHOST)
        && (error.kind() == io::ErrorKind::AddrNotAvailable
            || error.raw_os_error() == Some(EAFNOSUPPORT))
}

/// What is served, and how.
#[derive(Clone)]
pub struct Server {
    /// The doors.
    pub router: Router,
    /// TLS, and what plain HTTP gets on the same port: the way to it.
    pub tls: Option<(Arc<rustls::ServerConfig>, Router)>,
    /// Who takes TLS connections on which STUN is spoken.
    pub turn: Option<turn::Handle>,
    /// Places for connections.
    pub connections: Connections,
    /// What has to be left when one is accepted; `None` to accept as long as it works.
    pub headroom: Option<Headroom>,
}

impl Server {
    /// Serves until `stop` says so, then a little longer for requests that are being answered.
    pub async fn run(self, listeners: Listeners, mut stop: watch::Receiver<bool>) {
        let (closing, _) = watch::channel(());
        let mut accepting = JoinSet::new();
        for socket in listeners.sockets {
            accepting.spawn(self.clone().accept(socket, closing.clone()));
        }
        // The sender being gone means the same.
        let _ = stop.wait_for(|stop| *stop).await;
        accepting.shutdown().await;
        closing.send_replace(());
        if tokio::time::timeout(GRACE, closing.closed()).await.is_err() {
            tracing::debug!("some HTTP connections are cut off");
        }
    }

    async fn accept(self, socket: TcpListener, closing: watch::Sender<()>) {
        loop {
            let vacancy = self.connections.vacancy().await;
            while self.headroom.as_ref().is_some_and(|headroom| !headroom.takes_connections()) {
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            let (stream, peer) = match socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections for now");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if let Some(headroom) = &self.headroom {
                headroom.accepted(stream.as_raw_fd());
            }
            let address = peer.ip().to_canonical();
            let Some(place) = vacancy.take(address) else {
                tracing::debug!(%address, "too many connections from one address");
                continue;
            };
            let server = self.clone();
            let closing = closing.subscribe();
            tokio::spawn(server.connection(stream, place, Peer { address }, closing));
        }
    }

    async fn connection(
        self,
        stream: TcpStream,
        place: Place,
        peer: Peer,
        closing: watch::Receiver<()>,
    ) {
        if let Err(error) = SockRef::from(&stream).set_tcp_user_timeout(Some(SEND_TIMEOUT)) {
            tracing::debug!(%error, "no send timeout");
        }
        let Some((config, detour)) = self.tls else {
            return bare(Occupied::new(stream, place), self.router, peer, closing).await;
        };
        let accepted = tokio::time::timeout(HEADER_TIMEOUT, async {
            let mut first = [0];
            stream.peek(&mut first).await?;
            let stream = Occupied::new(stream, place);
            // A TLS record of the handshake begins with 22 (RFC 8446 §5.1), no HTTP method does.
            if first == [22] {
                TlsAcceptor::from(config).accept(stream).await.map(Ok)
            } else {
                Ok(Err(stream))
            }
        });
        match accepted.await {
            Ok(Ok(Ok(stream))) => encrypted(stream, self.turn, self.router, peer, closing).await,
            Ok(Ok(Err(plain))) => bare(plain, detour, peer, closing).await,
            Ok(Err(error)) => tracing::debug!(address = %peer.address, %error, "no TLS handshake"),
            Err(_) => tracing::debug!(address = %peer.address, "no TLS handshake in time"),
        }
    }
}

/// Serves a connection after its TLS handshake: what it says first tells TURN from HTTP.
async fn encrypted(
    mut stream: TlsStream<Occupied>,
    turn: Option<turn::Handle>,
    router: Router,
    peer: Peer,
    mut closing: watch::Receiver<()>,
) {
    if stream.get_ref().1.alpn_protocol() == Some(acme::ALPN) {
        // The authority has seen what it came for: nothing is said after that (RFC 8737 §4).
        let _ = tokio::time::timeout(HEADER_TIMEOUT, stream.shutdown()).await;
        return;
    }
    let Some(turn) = turn else { return serve(stream, None, router, peer, closing).await };
    let first = tokio::select! {
        first = tokio::time::timeout(HEADER_TIMEOUT, stream.fill_buf()) => match first {
            Ok(Ok([first, ..])) => *first,
            _ => return,
        },
        _ = closing.changed() => return,
    };
    if !turn::Handle::is_for_turn(first) {
        return serve(stream, None, router, peer, closing).await;
    }
    // Its place is free again: the TURN server has limits of its own.
    let (stream, session) = stream.into_inner();
    let Some(stream) = stream.into_stream() else { return };
    let adopted = stream.peer_addr().and_then(|client| Ok((client, stream.into_std()?)));
    match adopted {
        Ok((client, socket)) => {
            if let Err(error) = turn.adopt(socket, session, client) {
                tracing::debug!(address = %peer.address, %error, "a TURN client is cut off");
            }
        }
        Err(error) => tracing::debug!(address = %peer.address, %error, "a TURN client is gone"),
    }
}

/// Serves a connection without TLS.
async fn bare(stream: Occupied, router: Router, peer: Peer, closing: watch::Receiver<()>) {
    let shortcut = stream.shortcut();
    serve(stream, Some(shortcut), router, peer, closing).await;
}

/// Serves one connection, HTTP/1.1 or HTTP/2 by its first bytes. `shortcut` leads past it to the socket.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    shortcut: Option<Shortcut>,
    router: Router,
    peer: Peer,
    mut closing: watch::Receiver<()>,
) {
    let asked = Arc::new(AtomicBool::new(false));
    let (taken, mut takeover) = mpsc::channel(1);
    let service = hyper::service::service_fn({
        let asked = Arc::clone(&asked);
        move |request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            answer(router.clone(), peer, shortcut.clone(), request, taken.clone())
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .max_header_list_size(HEADER_BYTES as u32)
        .max_send_buf_size(SEND_BUFFER);
    let (loan, home) = Loan::of(stream);
    let mut connection =
        Box::pin(builder.serve_connection_with_upgrades(TokioIo::new(loan), service));
    // hyper's own timeout begins with the first byte, and HTTP/2 has none: silence is cut off here.
    let mut silence = pin!(tokio::time::sleep(HEADER_TIMEOUT));
    let (mut listening, mut closed) = (true, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(address = %peer.address, %error, "connection ended");
                }
                return;
            }
            Some(takeover) = takeover.recv() => {
                drop(connection);
                if let Some(stream) = home.take() {
                    // There are many of them, and this task is large.
                    tokio::spawn(async move {
                        takeover.run(stream).await;
                        drop(closing);
                    });
                }
                return;
            }
            () = silence.as_mut(), if listening => {
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                listening = false;
            }
            _ = closing.changed(), if !closed => {
                closed = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn answer(
    router: Router,
    peer: Peer,
    shortcut: Option<Shortcut>,
    request: Request<Incoming>,
    taken: mpsc::Sender<Takeover>,
) -> Result<Response, Infallible> {
    let (is_http1, is_get) = (request.version() < Version::HTTP_2, request.method() == Method::GET);
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    // On HTTP/2 the socket is not for one request alone, and to GET alone something is told without an end.
    if let Some(shortcut) = shortcut.filter(|_| is_http1 && is_get) {
        request.extensions_mut().insert(shortcut);
    }
    let mut response = router.oneshot(request).await?;
    // To HEAD there is a head and nothing else.
    if !is_get {
        return Ok(response);
    }
    if !is_http1 {
        return Ok(tail::embed(response));
    }
    if let Some(takeover) = Takeover::of(&mut response) {
        // Its receiver lives as long as the connection, and ends this with it.
        let _ = taken.send(takeover).await;
        std::future::pending::<()>().await;
    }
    Ok(response)
}
