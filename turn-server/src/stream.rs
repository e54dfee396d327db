//! One client's TCP connection: plain or TLS, told apart by the first byte, maybe behind a load
//! balancer. It cuts what comes into messages, and holds back what the client does not read yet.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::{ServerConfig, ServerConnection};
use turn_core::{FiveTuple, Transport, frame_length};

use crate::mailbox::Adopted;
use crate::proxy;

/// The longest message of a client without an allocation.
const STRANGERS_LONGEST: usize = 2_048;

/// What waits for a client that does not read. What comes on top is dropped.
const MAX_WAITING: usize = 256 << 10;

/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// Reads in a row before others get their turn.
const READS_PER_TURN: usize = 8;

/// The connection is over: by the client's wish, or since it broke the rules.
#[derive(Debug)]
pub(crate) struct Ended;

pub(crate) struct Stream {
    socket: TcpStream,
    tuple: FiveTuple,
    stage: Stage,
    tls: Option<Box<ServerConnection>>,
    /// Bytes of messages that are not whole yet.
    input: Vec<u8>,
    /// Bytes for the socket, and how many of them it has taken.
    output: Vec<u8>,
    written: usize,
    /// When it was accepted, or last had an allocation.
    pub(crate) since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A load balancer's header comes first.
    Proxy,
    /// The first byte tells what it is.
    Detect,
    Open,
}

impl Stream {
    pub(crate) fn new(
        socket: TcpStream,
        client: SocketAddr,
        behind_proxy: bool,
        now: Instant,
    ) -> io::Result<Stream> {
        socket.set_nodelay(true)?;
        let server = socket.local_addr()?;
        let tuple = FiveTuple {
            client: canonical(client),
            server: canonical(server),
            transport: Transport::Tcp,
        };
        Ok(Stream {
            socket,
            tuple,
            stage: if behind_proxy { Stage::Proxy } else { Stage::Detect },
            tls: None,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            since: now,
        })
    }

    /// A connection that somebody else accepted. What was received is looked at with what comes.
    pub(crate) fn adopt(adopted: Adopted, now: Instant) -> io::Result<Stream> {
        adopted.socket.set_nonblocking(true)?;
        let socket = TcpStream::from_std(adopted.socket);
        let mut stream = Stream::new(socket, adopted.client, false, now)?;
        stream.stage = Stage::Open;
        stream.input = adopted.received;
        if let Some(mut tls) = adopted.tls {
            // More may be decrypted than was read.
            decrypt(&mut tls, &mut stream.input, &mut stream.output)
                .map_err(|Ended| io::Error::from(io::ErrorKind::InvalidData))?;
            stream.tuple.transport = Transport::Tls;
            stream.tls = Some(Box::new(tls));
        }
        Ok(stream)
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.socket)
    }

    /// Whose it is, once that is known.
    pub(crate) fn tuple(&self) -> Option<FiveTuple> {
        (self.stage == Stage::Open).then_some(self.tuple)
    }

    /// Reads, and gives each whole message; a long one only to a client that has an allocation.
    /// False when there is nothing more to read.
    pub(crate) fn receive(
        &mut self,
        tls: Option<&Arc<ServerConfig>>,
        scratch: &mut [u8],
        is_known: bool,
        mut each: impl FnMut(FiveTuple, &[u8]),
    ) -> Result<bool, Ended> {
        let longest = if is_known { usize::MAX } else { STRANGERS_LONGEST };
        for _ in 0..READS_PER_TURN {
            let bytes = match self.socket.read(scratch) {
                Ok(0) => return Err(Ended),
                Ok(count) => &scratch[..count],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // An adopted connection may have brought messages with it.
                    self.cut(longest, &mut each)?;
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(Ended),
            };
            if self.stage == Stage::Open {
                self.take(bytes)?;
            } else {
                self.input.extend_from_slice(bytes);
                self.open(tls)?;
            }
            self.cut(longest, &mut each)?;
        }
        Ok(true)
    }

    /// Finds out what kind of connection it is.
    fn open(&mut self, tls: Option<&Arc<ServerConfig>>) -> Result<(), Ended> {
        if self.stage == Stage::Proxy {
            let Some(header) = proxy::parse(&self.input).map_err(|_| Ended)? else {
                return Ok(());
            };
            self.input.drain(..header.length);
            if let Some((client, server)) = header.addresses {
                self.tuple.client = canonical(client);
                self.tuple.server = canonical(server);
            }
            self.stage = Stage::Detect;
        }
        let Some(&first) = self.input.first() else { return Ok(()) };
        self.stage = Stage::Open;
        if first == TLS_HANDSHAKE {
            let config = tls.ok_or(Ended)?;
            let connection = ServerConnection::new(Arc::clone(config)).map_err(|_| Ended)?;
            self.tls = Some(Box::new(connection));
            self.tuple.transport = Transport::Tls;
            let encrypted = std::mem::take(&mut self.input);
            self.take(&encrypted)?;
        }
        Ok(())
    }

    /// Takes what came, decrypting it.
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Ended> {
        let Some(tls) = &mut self.tls else {
            self.input.extend_from_slice(bytes);
            return Ok(());
        };
        let mut result = Ok(());
        while !bytes.is_empty() && result.is_ok() {
            tls.read_tls(&mut bytes).map_err(|_| Ended)?;
            result = decrypt(tls, &mut self.input, &mut self.output);
        }
        // With an error what is written is the alert that says which.
        self.flush().and(result)
    }

    fn cut(
        &mut self,
        longest: usize,
        each: &mut impl FnMut(FiveTuple, &[u8]),
    ) -> Result<(), Ended> {
        if self.stage != Stage::Open {
            return Ok(());
        }
        let mut rest = self.input.as_slice();
        let outcome = loop {
            match frame_length(rest) {
                Err(_) => break Err(Ended),
                Ok(Some(length)) if length > longest => break Err(Ended),
                Ok(Some(length)) if length <= rest.len() => {
                    let (message, after) = rest.split_at(length);
                    each(self.tuple, message);
                    rest = after;
                }
                Ok(_) => break Ok(()),
            }
        };
        let cut = self.input.len() - rest.len();
        self.input.drain(..cut);
        if self.input.is_empty() && self.input.capacity() > STRANGERS_LONGEST {
            self.input = Vec::new();
        }
        outcome
    }

    /// Queues bytes for the client. False if it has too much waiting already.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        if self.output.len() - self.written > MAX_WAITING {
            return false;
        }
        match &mut self.tls {
            None => self.output.extend_from_slice(bytes),
            Some(tls) => {
                // Both write into memory.
                if tls.writer().write_all(bytes).is_err() {
                    return false;
                }
                while tls.wants_write() {
                    if tls.write_tls(&mut self.output).is_err() {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Gives the socket what it takes.
    pub(crate) fn flush(&mut self) -> Result<(), Ended> {
        while self.written < self.output.len() {
            match self.socket.write(&self.output[self.written..]) {
                Ok(0) => return Err(Ended),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Not connected yet, or not any more: reading tells.
                Err(_) => return Err(Ended),
            }
        }
        self.output.clear();
        self.written = 0;
        if self.output.capacity() > 4 * STRANGERS_LONGEST {
            self.output = Vec::new();
        }
        Ok(())
    }
}

/// Appends what can be decrypted to `input`, and what the handshake answers to `output`.
fn decrypt(
    tls: &mut ServerConnection,
    input: &mut Vec<u8>,
    output: &mut Vec<u8>,
) -> Result<(), Ended> {
    let result = tls.process_new_packets();
    let plaintext = result.as_ref().map_or(0, |state| state.plaintext_bytes_to_read());
    let start = input.len();
    input.resize(start + plaintext, 0);
    tls.reader().read_exact(&mut input[start..]).map_err(|_| Ended)?;
    while tls.wants_write() {
        tls.write_tls(output).map_err(|_| Ended)?;
    }
    result.map(|_| ()).map_err(|_| Ended)
}

/// IPv4 as such, also where it came to an IPv6 socket.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
