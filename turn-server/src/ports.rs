//! The listening sockets of one worker: every bound address, on each port, with UDP and TCP.

use std::io;
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::StartError;
use crate::config::Config;
use oriel_udp::Datagrams;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// The sockets of one worker.
pub(crate) struct Ports {
    pub(crate) udp: Vec<Datagrams>,
    pub(crate) tcp: Vec<TcpListener>,
}

impl Ports {
    /// Opens the sockets of all workers. With port 0 the system chooses one for all.
    pub(crate) fn open(config: &Config, workers: usize) -> Result<Vec<Ports>, StartError> {
        let mut chosen = [config.port, config.tls_port];
        // A second port is opened if there is one for TLS, or if the first one is any.
        let count = if config.tls_port == 0 { 1 } else { 2 };
        let mut all = Vec::new();
        for _ in 0..workers {
            let mut ports = Ports { udp: Vec::new(), tcp: Vec::new() };
            for port in &mut chosen[..count] {
                for &ip in &config.bind {
                    let address = SocketAddr::new(ip, *port);
                    if all.is_empty() {
                        free(address).map_err(|source| StartError::Bind { address, source })?;
                    }
                    let (udp, tcp) = open(address, config.socket_buffer)
                        .map_err(|source| StartError::Bind { address, source })?;
                    *port = udp.address().port();
                    ports.udp.push(udp);
                    ports.tcp.push(tcp);
                }
            }
            all.push(ports);
        }
        Ok(all)
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.udp.iter().map(Datagrams::address).collect()
    }

    pub(crate) fn register(
        &mut self,
        registry: &Registry,
        udp_token: impl Fn(usize) -> Token,
        tcp_token: impl Fn(usize) -> Token,
    ) -> io::Result<()> {
        for (index, socket) in self.udp.iter_mut().enumerate() {
            socket.register(registry, udp_token(index))?;
        }
        for (index, listener) in self.tcp.iter_mut().enumerate() {
            registry.register(listener, tcp_token(index), Interest::READABLE)?;
        }
        Ok(())
    }

    /// The socket that answers from this address.
    pub(crate) fn udp_at(&self, server: SocketAddr) -> Option<&Datagrams> {
        self.udp.iter().find(|socket| {
            let own = socket.address();
            own == server
                || own.port() == server.port()
                    && own.is_ipv4() == server.is_ipv4()
                    && own.ip().is_unspecified()
        })
    }

    pub(crate) fn accept(&self, index: usize) -> io::Result<(TcpStream, SocketAddr)> {
        self.tcp[index].accept()
    }
}

/// Refuses a port that another program has. Sockets that share a port, as those of the workers do, would
/// share it with another server of the same user as well.
fn free(address: SocketAddr) -> io::Result<()> {
    for (kind, protocol) in [(Type::DGRAM, Protocol::UDP), (Type::STREAM, Protocol::TCP)] {
        let probe = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
        if address.is_ipv6() {
            probe.set_only_v6(true)?;
        }
        // For TCP: connections of a server that has just ended are none of its own.
        probe.set_reuse_address(kind == Type::STREAM)?;
        probe.bind(&address.into())?;
    }
    Ok(())
}

/// UDP and TCP on one port number. Where the system chooses it, it may be taken for the other.
fn open(address: SocketAddr, buffer: usize) -> io::Result<(Datagrams, TcpListener)> {
    let mut attempts = if address.port() == 0 { 16 } else { 1 };
    loop {
        attempts -= 1;
        let udp = Datagrams::open(address, true, buffer)?;
        udp.set_dont_fragment(false)?;
        match listen(udp.address()) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) if attempts == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}
