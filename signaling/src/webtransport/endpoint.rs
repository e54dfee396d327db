//! Where WebTransport listens: UDP sockets beside those of HTTPS, or the media port; and who may come in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{IdleTimeout, Incoming, ServerConfig, TokioRuntime, TransportConfig, VarInt};
use rustls::crypto::aws_lc_rs;
use rustls::server::ResolvesServerCert;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::shared::Shared;
use super::{ALPN, Asked, NO_ERROR};
use crate::counters::{Counters, Refused};
use crate::headroom::Headroom;
use crate::limits::{Connections, Place};
use crate::media::Neighbour;

/// Handshake and request must be there by then.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// With so many handshakes under way strangers must first prove that they are where they say (RFC 9000
/// §8.1.2): places are not given to forged addresses.
const RETRY_ABOVE: usize = 64;
/// Handshakes that may wait to be looked at, and their bytes.
const WAITING: usize = 1024;
const WAITING_BYTES: u64 = 4 << 20;
/// Nothing heard for so long ends a connection. Clients are asked more often whether they are there.
const IDLE: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The request, and the signaling stream. Streams beyond are refused one by one: a client sees a code then,
/// and is not just kept waiting.
const BIDIRECTIONAL: u32 = 8;
/// Three of HTTP/3, and the rest for bulk.
const UNIDIRECTIONAL: u32 = 3 + 16;
/// Bytes that may come ahead on one stream, on all streams of a stranger, and on those of a client that is
/// none any more; and that may be under way to a client.
const STREAM_WINDOW: u32 = 1 << 20;
const STRANGERS_WINDOW: u32 = 128 * 1024;
pub(super) const WINDOW: VarInt = VarInt::from_u32(2 << 20);
const SEND_WINDOW: u64 = 1 << 20;
/// Bytes of datagrams that wait to be read, and to be sent: what comes late is worth little.
const DATAGRAMS_IN: usize = 128 * 1024;
const DATAGRAMS_OUT: usize = 32 * 1024;
/// Of each socket, as far as the system allows.
const SOCKET_BUFFER: usize = 2 << 20;
/// How long the end may take.
const GRACE: Duration = Duration::from_secs(2);

/// Open sockets.
pub struct Endpoint {
    endpoints: Vec<quinn::Endpoint>,
    port: u16,
}

/// Who may come in.
#[derive(Clone)]
pub struct Gate {
    /// Places for connections.
    pub connections: Connections,
    /// What the system has to leave.
    pub headroom: Headroom,
    /// Where it is counted.
    pub counters: Arc<Counters>,
}

impl Endpoint {
    /// Listens by UDP on `port` of all `addresses` with certificates of `resolver`. Where `any` port will
    /// do, another one is taken if that is not free. A machine without IPv6 does without `::1`.
    ///
    /// # Errors
    /// When the port is taken, with what to do about it.
    pub fn bind(
        addresses: &[IpAddr],
        port: u16,
        any: bool,
        resolver: Arc<dyn ResolvesServerCert>,
    ) -> anyhow::Result<Endpoint> {
        let config = server_config(resolver)?;
        let sockets = sockets(addresses, port);
        let sockets = match sockets {
            Err(_) if any => self::sockets(addresses, 0),
            sockets => sockets,
        };
        let sockets = sockets.with_context(|| {
            format!(
                "cannot listen on UDP port {port} for WebTransport: set webtransport.port to \
                 another one, or webtransport.enabled to false"
            )
        })?;
        let mut endpoints = Vec::new();
        for socket in sockets {
            let (common, runtime) = (quinn::EndpointConfig::default(), Arc::new(TokioRuntime));
            let config = Some(config.clone());
            endpoints.push(quinn::Endpoint::new(common, config, socket, runtime)?);
        }
        let port = endpoints.first().context("no address to listen on")?.local_addr()?.port();
        Ok(Endpoint { endpoints, port })
    }

    /// Shares the media port, with certificates of `resolver`.
    ///
    /// # Errors
    /// When the certificates cannot be used.
    pub fn share(
        media_port: Neighbour,
        resolver: Arc<dyn ResolvesServerCert>,
    ) -> anyhow::Result<Endpoint> {
        let mut common = quinn::EndpointConfig::default();
        // By its first byte a datagram is told from media: clients must not play with that (RFC 9287 §3).
        common.grease_quic_bit(false);
        let port = media_port.local_address().port();
        let endpoint = quinn::Endpoint::new_with_abstract_socket(
            common,
            Some(server_config(resolver)?),
            Arc::new(Shared::new(media_port)),
            Arc::new(TokioRuntime),
        )?;
        Ok(Endpoint { endpoints: vec![endpoint], port })
    }

    /// The UDP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Gives everybody who asks for a session to `open`, until `stop` says so; then all connections are
    /// closed.
    pub async fn run<F>(
        self,
        gate: Gate,
        open: impl Fn(Asked) -> F + Clone + Send + 'static,
        mut stop: watch::Receiver<bool>,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut accepting = JoinSet::new();
        let handshakes = Arc::new(AtomicUsize::new(0));
        for endpoint in &self.endpoints {
            let accept =
                accept(endpoint.clone(), gate.clone(), Arc::clone(&handshakes), open.clone());
            accepting.spawn(accept);
        }
        // The sender being gone means the same.
        let _ = stop.wait_for(|stop| *stop).await;
        accepting.shutdown().await;
        for endpoint in &self.endpoints {
            endpoint.close(NO_ERROR, b"");
        }
        let idle = async {
            for endpoint in &self.endpoints {
                endpoint.wait_idle().await;
            }
        };
        if tokio::time::timeout(GRACE, idle).await.is_err() {
            tracing::debug!("some WebTransport connections are cut off");
        }
    }
}

async fn accept<F>(
    endpoint: quinn::Endpoint,
    gate: Gate,
    handshakes: Arc<AtomicUsize>,
    open: impl Fn(Asked) -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    while let Some(incoming) = endpoint.accept().await {
        let is_forgeable = !incoming.remote_address_validated() && incoming.may_retry();
        if is_forgeable && handshakes.load(Ordering::Relaxed) >= RETRY_ABOVE {
            // It may retry: that was asked.
            let _ = incoming.retry();
            continue;
        }
        let Some(place) = gate.place(&incoming) else {
            incoming.refuse();
            continue;
        };
        let under_way = UnderWay::new(&handshakes);
        let (gate, open) = (gate.clone(), open.clone());
        tokio::spawn(async move {
            let address = incoming.remote_address();
            let asked = async { Ok(Asked::read(incoming.await?, place).await?) };
            let asked: Result<anyhow::Result<Asked>, _> =
                tokio::time::timeout(ASK_TIMEOUT, asked).await;
            drop(under_way);
            match asked {
                Ok(Ok(asked)) => open(asked).await,
                Ok(Err(error)) => {
                    gate.counters.refuse(Refused::Handshake);
                    tracing::debug!(%address, %error, "no WebTransport session");
                }
                Err(_) => {
                    gate.counters.refuse(Refused::Handshake);
                    tracing::debug!(%address, "no WebTransport session in time");
                }
            }
        });
    }
}

impl Gate {
    fn place(&self, incoming: &Incoming) -> Option<Place> {
        if !self.headroom.takes_connections() {
            self.counters.refuse(Refused::Headroom);
            return None;
        }
        let place = self.connections.try_take(incoming.remote_address().ip().to_canonical());
        if place.is_none() {
            self.counters.refuse(Refused::Connections);
        }
        place
    }
}

/// A handshake that is under way.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn new(count: &Arc<AtomicUsize>) -> UnderWay {
        count.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// QUIC (RFC 9000) with TLS 1.3 alone, and without 0-RTT: what comes that way could be played again.
fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> anyhow::Result<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(BIDIRECTIONAL.into())
        .max_concurrent_uni_streams(UNIDIRECTIONAL.into())
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(STRANGERS_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(Some(DATAGRAMS_IN))
        .datagram_send_buffer_size(DATAGRAMS_OUT)
        .max_idle_timeout(Some(IdleTimeout::try_from(IDLE)?))
        .keep_alive_interval(Some(KEEP_ALIVE));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(WAITING)
        .incoming_buffer_size_total(WAITING_BYTES);
    Ok(config)
}

fn sockets(addresses: &[IpAddr], port: u16) -> std::io::Result<Vec<std::net::UdpSocket>> {
    let mut sockets: Vec<std::net::UdpSocket> = Vec::new();
    let mut taken = port;
    for &ip in addresses {
        let address = SocketAddr::new(ip, taken);
        match listen(address) {
            Ok(socket) => {
                taken = socket.local_addr()?.port();
                sockets.push(socket);
            }
            Err(error) if crate::server::is_missing_family(ip, &error) && addresses.len() > 1 => {
                tracing::debug!(%ip, "not available here");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(sockets)
}

fn listen(address: SocketAddr) -> std::io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // `0.0.0.0` and `::` stand side by side.
        socket.set_only_v6(true)?;
    }
    for result in
        [socket.set_recv_buffer_size(SOCKET_BUFFER), socket.set_send_buffer_size(SOCKET_BUFFER)]
    {
        if let Err(error) = result {
            tracing::debug!(%error, "the socket's buffer stays as it is");
        }
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}
