//! A connection to a peer of a TCP allocation (RFC 6062), and what joins it to its client's data
//! connection. Neither half is read from before the other has taken what was read: at most one
//! read's worth waits on either side, and the network's own flow control does the rest.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use turn_core::ConnectionId;

use crate::stream::{Ended, Stream};

/// A connection to a peer.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    /// None until the server has taken it.
    pub(crate) id: Option<ConnectionId>,
    /// The client's stream that it is joined to.
    pub(crate) client: Option<usize>,
    /// Whether the peer has answered.
    pub(crate) is_connected: bool,
    /// Bytes for the peer, and how many of them it has taken.
    output: Vec<u8>,
    written: usize,
    client_is_over: bool,
    peer_is_over: bool,
    /// When one of the halves ended.
    pub(crate) over_since: Option<Instant>,
}

/// What a round of moving bytes has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) to_peer: usize,
    pub(crate) to_client: usize,
    /// There may be more to read.
    pub(crate) has_more: bool,
    /// Both halves have got all there was, and one of them has ended.
    pub(crate) is_over: bool,
}

impl Connection {
    /// One that a peer has opened.
    pub(crate) fn accepted(socket: TcpStream) -> io::Result<Connection> {
        socket.set_nodelay(true)?;
        Ok(Connection::new(socket, true))
    }

    /// Begins a connection from a relay socket's own address.
    pub(crate) fn begin(from: SocketAddr, to: SocketAddr) -> io::Result<Connection> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        // The address is that of a listener and of other connections.
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::from(from))?;
        match socket.connect(&SockAddr::from(to)) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(Connection::new(TcpStream::from_std(socket.into()), false)),
        }
    }

    fn new(socket: TcpStream, is_connected: bool) -> Connection {
        Connection {
            socket,
            id: None,
            client: None,
            is_connected,
            output: Vec::new(),
            written: 0,
            client_is_over: false,
            peer_is_over: false,
            over_since: None,
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.socket)
    }

    /// Whether the peer has answered by now.
    pub(crate) fn connect(&mut self) -> io::Result<bool> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        match self.socket.peer_addr() {
            Ok(_) => self.is_connected = true,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(error) => return Err(error),
        }
        Ok(self.is_connected)
    }

    /// Moves what can be moved at once, both ways.
    pub(crate) fn pump(
        &mut self,
        client: &mut Stream,
        scratch: &mut [u8],
        now: Instant,
    ) -> Result<Moved, Ended> {
        let mut moved = Moved::default();
        self.flush()?;
        if self.output.is_empty() && !self.client_is_over {
            match client.read_data(scratch, &mut self.output) {
                Ok(has_more) => moved.has_more |= has_more,
                Err(Ended) => self.client_is_over = true,
            }
            moved.to_peer = self.output.len();
            self.flush()?;
        }
        client.flush()?;
        if client.waiting() == 0 && !self.peer_is_over {
            match self.socket.read(scratch) {
                Ok(0) => self.peer_is_over = true,
                Ok(count) => {
                    client.write(&scratch[..count])?;
                    client.flush()?;
                    moved.to_client = count;
                    moved.has_more = true;
                }
                Err(error) if is_later(&error) => {}
                Err(_) => self.peer_is_over = true,
            }
        }
        if self.client_is_over || self.peer_is_over {
            self.over_since.get_or_insert(now);
            moved.is_over = self.output.is_empty() && client.waiting() == 0;
        }
        Ok(moved)
    }

    fn flush(&mut self) -> Result<(), Ended> {
        while self.written < self.output.len() {
            match self.socket.write(&self.output[self.written..]) {
                Ok(0) => return Err(Ended),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Ended),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }
}

/// Nothing to read yet.
fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
