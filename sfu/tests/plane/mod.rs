//! A started media plane, and str0m clients that reach it by TCP alone. Real sockets, on loopback.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sfu::{
    Command, Config, Event, Group, MediaKind, RequestKey, RoomKey, SessionKey, Sfu, SfuHandle,
    TrackKey,
};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind as RtcKind, Mid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Input, Output, Rtc, RtcConfig};

pub const ROOM: RoomKey = RoomKey(1);

pub struct Plane {
    pub handle: SfuHandle,
    events: Receiver<Event>,
    pub seen: Vec<Event>,
    requests: u64,
    _sfu: Sfu,
}

pub fn config() -> Config {
    Config { workers: 2, udp_port: 0, tcp_port: 0, socket_buffer: 1 << 16, ..Config::default() }
}

impl Plane {
    pub fn start(config: &Config) -> Plane {
        let (sender, events) = channel();
        let sfu = Sfu::start(config, move |_, event| {
            let _ = sender.send(event);
        })
        .unwrap();
        Plane { handle: sfu.handle(), events, seen: Vec::new(), requests: 0, _sfu: sfu }
    }

    pub fn post(&self, command: Command) {
        self.handle.post(ROOM, command).unwrap();
    }

    pub fn request(&mut self) -> RequestKey {
        self.requests += 1;
        RequestKey(self.requests)
    }

    /// The next event that matches, within five seconds.
    pub fn wait<T>(&mut self, matches: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv_timeout(Duration::from_secs(5)).expect("an event");
            let found = matches(&event);
            self.seen.push(event);
            if let Some(found) = found {
                return found;
            }
        }
    }

    pub fn count(&self, name: &str, label: Option<&str>) -> u64 {
        let counters = self.handle.counters();
        let rows = counters.rows();
        rows.filter(|row| row.name == name && row.label.map(|(_, value)| value) == label)
            .map(|row| row.value)
            .sum()
    }

    pub fn tcp(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.handle.tcp_port().unwrap()))
    }

    /// The answer to an offer.
    pub fn answer(&mut self, session: SessionKey, sdp: String) -> String {
        let request = self.request();
        self.post(Command::Offer { session, sdp, request });
        self.wait(|event| match event {
            Event::Answered { request: of, result, .. } if *of == request => {
                Some(result.clone().unwrap().sdp)
            }
            _ => None,
        })
    }
}

pub struct Client {
    pub session: SessionKey,
    rtc: Rtc,
    stream: TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
    partial: Vec<u8>,
    out: Vec<u8>,
    sends: Mid,
    sequence: u64,
    pub is_connected: bool,
    pub received: usize,
    pub reads: bool,
    pub answer: String,
}

fn candidate(local: SocketAddr) -> Candidate {
    Candidate::builder().tcp().host(local).tcptype(TcpType::Active).build().unwrap()
}

fn connect(to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1 << 15).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.into()
}

impl Client {
    /// Joins over TCP alone: the answer's UDP candidates are taken out. Sends sound, and has one
    /// slot pair.
    pub fn join(plane: &mut Plane, number: u64) -> Client {
        let session = SessionKey(number);
        let stream = connect(plane.tcp());
        let local = stream.local_addr().unwrap();
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .set_rtp_mode(true)
            .build(Instant::now());
        rtc.add_local_candidate(candidate(local));
        let mut api = rtc.sdp_api();
        let sends = api.add_media(RtcKind::Audio, Direction::SendOnly, None, None, None);
        api.add_media(RtcKind::Audio, Direction::RecvOnly, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        plane.post(Command::Open { session });
        let answer = plane.answer(session, offer.to_sdp_string());
        let without_udp: String = answer
            .split_inclusive('\n')
            .filter(|line| !(line.starts_with("a=candidate:") && line.contains(" udp ")))
            .collect();
        assert!(without_udp.contains("a=candidate:"), "{answer}");
        let parsed = SdpAnswer::from_sdp_string(&without_udp).unwrap();
        rtc.sdp_api().accept_answer(pending, parsed).unwrap();
        Client {
            session,
            rtc,
            stream,
            local,
            remote: plane.tcp(),
            partial: Vec::new(),
            out: Vec::new(),
            sends,
            sequence: 0,
            is_connected: false,
            received: 0,
            reads: true,
            answer,
        }
    }

    /// Publishes its sound as a track.
    pub fn publish(&self, plane: &mut Plane, track: u64) {
        let (session, request) = (self.session, plane.request());
        plane.post(Command::Publish {
            session,
            track: TrackKey(track),
            mid: self.sends.to_string(),
            kind: MediaKind::Audio,
            group: Group { session, index: 0 },
            request,
        });
        plane
            .wait(|event| match event {
                Event::Published { request: of, result, .. } if *of == request => {
                    Some(result.clone())
                }
                _ => None,
            })
            .unwrap();
    }

    /// Leaves its connection and opens another one, as after a change of networks.
    pub fn reconnect(&mut self) {
        self.rtc.direct_api().invalidate_candidate(&candidate(self.local));
        self.stream = connect(self.remote);
        self.local = self.stream.local_addr().unwrap();
        self.partial.clear();
        self.out.clear();
        self.rtc.add_local_candidate(candidate(self.local));
    }

    /// Sends one packet of sound.
    pub fn send(&mut self, size: usize) {
        let pt = self.rtc.media(self.sends).unwrap().remote_pts()[0];
        self.sequence += 1;
        let time = self.sequence as u32 * 960;
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(self.sends, None).unwrap();
        let payload = vec![1; size];
        stream.write_rtp(RtpWrite::new(pt, self.sequence.into(), time, Instant::now(), payload));
    }

    /// Moves bytes and time, without waiting. False when the connection is closed.
    pub fn turn(&mut self) -> bool {
        let is_open = !self.reads || self.read();
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
        self.drain();
        let written = self.stream.write(&self.out).unwrap_or_default();
        self.out.drain(..written);
        is_open
    }

    fn read(&mut self) -> bool {
        let mut buffer = [0; 4_096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => self.partial.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        while let [high, low, rest @ ..] = self.partial.as_slice() {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(frame) = rest.get(..length).map(<[u8]>::to_vec) else { break };
            self.partial.drain(..2 + length);
            if let Ok(receive) = Receive::new(Protocol::Tcp, self.remote, self.local, &frame) {
                self.rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
            }
            self.drain();
        }
        true
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    assert_eq!(transmit.proto, Protocol::Tcp);
                    if transmit.source == self.local {
                        self.out.extend((transmit.contents.len() as u16).to_be_bytes());
                        self.out.extend_from_slice(&transmit.contents);
                    }
                }
                Output::Event(str0m::Event::Connected) => self.is_connected = true,
                Output::Event(str0m::Event::RtpPacket(packet)) => {
                    self.received += usize::from(!packet.payload.is_empty());
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// Runs clients, each of which sends sound, until `done`, at most fifteen seconds.
pub fn run(clients: &mut [Client], mut done: impl FnMut(&mut [Client]) -> bool) {
    let start = Instant::now();
    let mut next = start;
    while !done(clients) {
        assert!(start.elapsed() < Duration::from_secs(15), "it takes too long");
        let is_due = Instant::now() >= next;
        if is_due {
            next += Duration::from_millis(20);
        }
        for client in clients.iter_mut() {
            if is_due && client.is_connected {
                client.send(100);
            }
            client.turn();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Two clients that hear each other.
pub fn a_call(plane: &mut Plane) -> [Client; 2] {
    let mut clients = [Client::join(plane, 1), Client::join(plane, 2)];
    run(&mut clients, |clients| clients.iter().all(|client| client.is_connected));
    for (client, track) in clients.iter().zip([11, 12]) {
        client.publish(plane, track);
    }
    for (client, track) in clients.iter().zip([12, 11]) {
        plane.post(Command::Subscribe { session: client.session, track: TrackKey(track) });
    }
    heard(&mut clients, 25);
    clients
}

/// Runs until every client has got so many packets more.
pub fn heard(clients: &mut [Client], packets: usize) {
    let before: Vec<usize> = clients.iter().map(|client| client.received).collect();
    run(clients, |clients| {
        clients.iter().zip(&before).all(|(client, before)| client.received >= before + packets)
    });
}
