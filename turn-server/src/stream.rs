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

#[derive(Debug)]
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
    /// The client has sent all it will: the poll tells that once.
    pub(crate) is_ending: bool,
    /// The connection to a peer whose bytes it carries.
    pub(crate) joined: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            is_ending: false,
            joined: None,
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
        // Messages may have come with an adopted connection, or after a ConnectionBind.
        if self.cut(longest, &mut each)? {
            return Ok(true);
        }
        for _ in 0..READS_PER_TURN {
            let count = match self.socket.read(scratch) {
                Ok(0) => return Err(Ended),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(Ended),
            };
            let bytes = &scratch[..count];
            let is_plain = self.stage == Stage::Open && self.tls.is_none();
            let has_more = if is_plain && self.input.is_empty() {
                self.cut_read(bytes, longest, &mut each)?
            } else {
                if self.stage == Stage::Open {
                    self.take(bytes)?;
                } else {
                    self.input.extend_from_slice(bytes);
                    self.open(tls)?;
                }
                self.cut(longest, &mut each)?
            };
            if has_more {
                return Ok(true);
            }
            if count < scratch.len() && !self.is_ending {
                // The poll tells when there is more.
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Appends data as it comes, decrypted: what is left of the messages before it, or what one
    /// read gives. False when there is nothing to read now.
    pub(crate) fn read_data(
        &mut self,
        scratch: &mut [u8],
        to: &mut Vec<u8>,
    ) -> Result<bool, Ended> {
        if self.input.is_empty() {
            match self.socket.read(scratch) {
                Ok(0) => return Err(Ended),
                Ok(count) => self.take(&scratch[..count])?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Ended),
            }
        }
        to.append(&mut self.input);
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

    /// Gives each whole message of what was kept. True if it stopped before the end, to be called
    /// again.
    fn cut(
        &mut self,
        longest: usize,
        each: &mut impl FnMut(FiveTuple, &[u8]),
    ) -> Result<bool, Ended> {
        if self.stage != Stage::Open || self.input.is_empty() {
            return Ok(false);
        }
        let mut input = std::mem::take(&mut self.input);
        let (cut, outcome) = cut(&input, longest, |message| each(self.tuple, message));
        input.drain(..cut);
        if !input.is_empty() || input.capacity() <= STRANGERS_LONGEST {
            self.input = input;
        }
        outcome
    }

    /// Gives each whole message of what was read, and keeps the rest.
    fn cut_read(
        &mut self,
        bytes: &[u8],
        longest: usize,
        each: &mut impl FnMut(FiveTuple, &[u8]),
    ) -> Result<bool, Ended> {
        let (cut, outcome) = cut(bytes, longest, |message| each(self.tuple, message));
        self.input.extend_from_slice(&bytes[cut..]);
        outcome
    }

    /// Queues a message for the client. False if it has too much waiting already.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.waiting() <= MAX_WAITING && self.write(bytes).is_ok()
    }

    /// Queues bytes for the client, however many wait.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        let Some(tls) = &mut self.tls else {
            self.output.extend_from_slice(bytes);
            return Ok(());
        };
        // Both write into memory.
        tls.writer().write_all(bytes).map_err(|_| Ended)?;
        while tls.wants_write() {
            tls.write_tls(&mut self.output).map_err(|_| Ended)?;
        }
        Ok(())
    }

    /// How many bytes the socket has not taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.output.len() - self.written
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

/// Gives each whole message, up to a ConnectionBind: what follows that may be data, and its answer
/// tells. Returns how many bytes they were, and whether there may be more messages.
fn cut(bytes: &[u8], longest: usize, mut each: impl FnMut(&[u8])) -> (usize, Result<bool, Ended>) {
    let mut rest = bytes;
    let outcome = loop {
        match frame_length(rest) {
            Err(_) => break Err(Ended),
            Ok(Some(length)) if length > longest => break Err(Ended),
            Ok(Some(length)) if length <= rest.len() => {
                let (message, after) = rest.split_at(length);
                each(message);
                rest = after;
                if is_connection_bind(message) {
                    break Ok(true);
                }
            }
            Ok(_) => break Ok(false),
        }
    };
    (bytes.len() - rest.len(), outcome)
}

/// Whether a message is a ConnectionBind request (RFC 6062 §6.1).
fn is_connection_bind(message: &[u8]) -> bool {
    message.starts_with(&[0, 0x0B])
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
