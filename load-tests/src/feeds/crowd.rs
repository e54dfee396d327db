//! The readers: nothing but sockets and numbers, all on one epoll.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use hdrhistogram::Histogram;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use serde_json::json;

use super::speaker::ROOM;
use super::{Form, Server, parts, scan};

/// Connections that are being opened at a time.
const OPENING: usize = 128;
/// Sockets that are looked at in one turn.
const TURN: usize = 1_024;
/// Between looking at the readers in vain and looking again.
const PAUSE: Duration = Duration::from_millis(1);
/// Bytes that are read at once.
const READ: usize = 64 * 1024;
/// Microseconds: what takes longer counts as that.
const LONGEST_DELAY: u64 = 60_000_000;
/// The longest head of a response, and the longest thing that is told before events.
const LONGEST: usize = 1 << 20;

/// How a reader gets in.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    address: SocketAddr,
    is_websocket: bool,
    /// The HTTP request.
    request: Vec<u8>,
    /// What is sent after the head of the response.
    greeting: Vec<u8>,
    /// What the reader is in with; the end of the head where nothing is told.
    welcome: Vec<u8>,
}

impl Entrance {
    /// Those of a server: one, or one for each form in turn.
    pub(super) fn of(server: &Server, form: Form) -> anyhow::Result<Vec<Entrance>> {
        let entrance = |is_websocket: bool| match server {
            Server::Oriel { url, observe, .. } => {
                let path = match is_websocket {
                    true => "/v1/ws".to_owned(),
                    false => format!("/v1/rooms/{ROOM}/events"),
                };
                let ask = json!({"id": 1, "type": "observe", "token": observe, "room": ROOM});
                Entrance::new(url, &path, is_websocket, Some(observe)).map(|entrance| Entrance {
                    greeting: match is_websocket {
                        true => scan::client_frame(1, ask.to_string().as_bytes()),
                        false => Vec::new(),
                    },
                    welcome: br#""type":"overview""#.to_vec(),
                    ..entrance
                })
            }
            Server::Plain { subscribe, .. } => {
                let (_, path) = parts(subscribe)?;
                Entrance::new(subscribe, path, is_websocket, None)
            }
        };
        match form {
            Form::Sse => Ok(vec![entrance(false)?]),
            Form::Websocket => Ok(vec![entrance(true)?]),
            Form::Both => Ok(vec![entrance(false)?, entrance(true)?]),
        }
    }

    fn new(url: &str, path: &str, is_websocket: bool, token: Option<&str>) -> anyhow::Result<Self> {
        let (host, _) = parts(url)?;
        let address = host
            .to_socket_addrs()
            .ok()
            .and_then(|mut addresses| addresses.next())
            .with_context(|| format!("{host} is no host with a port"))?;
        let headers = match (is_websocket, token) {
            (true, _) => {
                "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                          sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
                          sec-websocket-protocol: oriel.v1\r\n"
                    .to_owned()
            }
            (false, Some(token)) => {
                format!("accept: text/event-stream\r\nauthorization: Bearer {token}\r\n")
            }
            (false, None) => "accept: text/event-stream\r\n".to_owned(),
        };
        Ok(Entrance {
            address,
            is_websocket,
            request: format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n").into_bytes(),
            greeting: Vec::new(),
            welcome: b"\r\n\r\n".to_vec(),
        })
    }
}

/// One reader.
struct Reader {
    stream: TcpStream,
    is_websocket: bool,
    /// What it is in with, and what it sends before; `None` when it is in.
    entering: Option<Entering>,
    /// Bytes of which the rest has not come.
    rest: Vec<u8>,
    /// The number of the last event.
    last: u64,
}

struct Entering {
    greeting: Vec<u8>,
    welcome: Vec<u8>,
}

/// All readers.
pub(super) struct Crowd {
    epoll: Epoll,
    readers: Vec<Reader>,
    buffer: Vec<u8>,
    ready: Vec<EpollEvent>,
    /// How many are in.
    inside: usize,
    /// When the event was said that is awaited.
    said: Instant,
    /// How many have the event that is awaited.
    reached: usize,
    /// Microseconds from when an event was said until a copy came.
    delays: Histogram<u64>,
    disordered: u64,
}

impl Crowd {
    /// Nobody yet.
    pub(super) fn new() -> anyhow::Result<Crowd> {
        Ok(Crowd {
            epoll: Epoll::new(EpollCreateFlags::empty()).context("cannot make an epoll")?,
            readers: Vec::new(),
            buffer: vec![0; READ],
            ready: vec![EpollEvent::empty(); TURN],
            inside: 0,
            said: Instant::now(),
            reached: 0,
            delays: Histogram::new_with_bounds(1, LONGEST_DELAY, 3)
                .context("cannot make a histogram")?,
            disordered: 0,
        })
    }

    /// Opens `readers` connections, and waits until all are in.
    ///
    /// # Errors
    ///
    /// When the server refuses one, or not all are in by `deadline`.
    pub(super) fn open(
        &mut self,
        entrances: &[Entrance],
        readers: u32,
        deadline: Instant,
    ) -> anyhow::Result<()> {
        let readers = usize::try_from(readers)?;
        self.readers.reserve_exact(readers);
        while self.inside < readers {
            while self.readers.len() < readers.min(self.inside + OPENING) {
                let entrance = &entrances[self.readers.len() % entrances.len()];
                self.add(entrance).with_context(|| {
                    format!("the connection after {} others failed", self.readers.len())
                })?;
            }
            ensure!(
                Instant::now() < deadline,
                "only {} of {readers} readers got in in time",
                self.inside
            );
            self.turn(0)?;
        }
        Ok(())
    }

    fn add(&mut self, entrance: &Entrance) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(entrance.address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&entrance.request)?;
        stream.set_nonblocking(true)?;
        let index = self.readers.len();
        let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
        self.epoll.add(&stream, event)?;
        self.readers.push(Reader {
            stream,
            is_websocket: entrance.is_websocket,
            entering: Some(Entering {
                greeting: entrance.greeting.clone(),
                welcome: entrance.welcome.clone(),
            }),
            rest: Vec::new(),
            last: 0,
        });
        Ok(())
    }

    /// The next event was said then.
    pub(super) fn expect(&mut self, said: Instant) {
        self.said = said;
        self.reached = 0;
    }

    /// Reads until all have the event `number`, or it is `deadline`.
    ///
    /// # Errors
    ///
    /// When a connection ends.
    pub(super) fn listen(&mut self, deadline: Instant, number: u64) -> anyhow::Result<()> {
        while number == 0 || self.reached < self.readers.len() {
            if Instant::now() >= deadline {
                break;
            }
            self.turn(number)?;
        }
        Ok(())
    }

    /// Microseconds from when an event was said until a copy came, of all copies.
    pub(super) fn delays(&self) -> &Histogram<u64> {
        &self.delays
    }

    /// Copies that came again, or after a later one.
    pub(super) fn disordered(&self) -> u64 {
        self.disordered
    }

    /// Reads what is there, or waits for a moment.
    ///
    /// It never waits in the epoll: on one machine, whoever writes to a reader that does is charged with
    /// waking it, which no server of readers elsewhere is.
    fn turn(&mut self, number: u64) -> anyhow::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        let count = match self.epoll.wait(&mut ready, EpollTimeout::ZERO) {
            Err(nix::errno::Errno::EINTR) => 0,
            other => other.context("cannot look at the readers")?,
        };
        if count == 0 {
            std::thread::sleep(PAUSE);
        }
        for event in &ready[..count] {
            let index = usize::try_from(event.data())?;
            self.read(index, number).with_context(|| format!("reader {index}"))?;
        }
        self.ready = ready;
        Ok(())
    }

    fn read(&mut self, index: usize, number: u64) -> anyhow::Result<()> {
        let reader = &mut self.readers[index];
        let kept = reader.rest.len();
        ensure!(kept < LONGEST, "it is told too much before the first event");
        if self.buffer.len() < kept + READ {
            self.buffer.resize(kept + READ, 0);
        }
        self.buffer[..kept].copy_from_slice(&reader.rest);
        let read = match reader.stream.read(&mut self.buffer[kept..]) {
            Ok(0) => bail!("the server has ended the connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let bytes = &self.buffer[..kept + read];
        let mut used = 0;
        if let Some(entering) = &mut reader.entering {
            used = entering.read(&mut reader.stream, bytes)?;
            if entering.welcome.is_empty() {
                reader.entering = None;
                self.inside += 1;
            }
        }
        let (mut reached, mut disordered, last) = (0, 0, &mut reader.last);
        let mut found = |event: u64| {
            match event == *last + 1 {
                true => *last = event,
                false if event <= *last => disordered += 1,
                // What is between is lost: it is missing among the delays.
                false => *last = event,
            }
            reached += u64::from(event == number);
        };
        if reader.entering.is_some() {
            // More is to come before anything else.
        } else if reader.is_websocket {
            while let Some(frame) = scan::frame(&bytes[used..]) {
                match frame.opcode {
                    0x1 => drop(scan::numbers(frame.payload, &mut found)),
                    0x9 => {
                        let pong = scan::client_frame(0xa, frame.payload);
                        reader.stream.write_all(&pong).context("a pong is not taken")?;
                    }
                    0x8 => bail!("the server says good-bye"),
                    _ => {}
                }
                used += frame.len;
            }
        } else {
            used = bytes.len() - scan::numbers(&bytes[used..], &mut found);
        }
        reader.rest.clear();
        reader.rest.extend_from_slice(&bytes[used..]);
        if reader.rest.is_empty() {
            reader.rest = Vec::new();
        }
        self.disordered += disordered;
        if reached > 0 {
            let delay = u64::try_from(self.said.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.delays.saturating_record(delay);
            self.reached += 1;
            self.disordered += reached - 1;
        }
        Ok(())
    }
}

impl Entering {
    /// How many of `bytes` are done with. The welcome is empty when the reader is in.
    fn read(&mut self, stream: &mut TcpStream, bytes: &[u8]) -> anyhow::Result<usize> {
        let Some(end) = scan::position(bytes, b"\r\n\r\n") else { return Ok(0) };
        let is_fine = bytes.starts_with(b"HTTP/1.1 200 ") || bytes.starts_with(b"HTTP/1.1 101 ");
        let head = String::from_utf8_lossy(&bytes[..end]);
        ensure!(is_fine, "the server has refused: {head}");
        if !self.greeting.is_empty() {
            stream.write_all(&self.greeting).context("the greeting is not taken")?;
            self.greeting = Vec::new();
        }
        let Some(at) = scan::position(bytes, &self.welcome) else { return Ok(0) };
        self.welcome = Vec::new();
        // A WebSocket's frames begin after the head; the welcome is within one of them.
        Ok(if at > end { end + 4 } else { at + 4 })
    }
}
