//! A server with clients in virtual time: requests are written by `stun`, sockets are numbers.

#![allow(clippy::unwrap_used, dead_code, reason = "a test fails by panicking; each uses a part")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use stun::attributes::{self as kind, AttrType};
use stun::error_code::ErrorCodeAttribute;
use stun::message::{
    CLASS_ERROR_RESPONSE, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, Getter, Message, MessageType,
    Method,
};
use stun::xoraddr::XorMappedAddress;
use turn_core::{
    BindError, Config, ConnectionId, FiveTuple, Input, Output, Policy, Port, RelayKey, Server,
    Transport,
};

pub(crate) const REALM: &str = "oriel";
pub(crate) const SECRET: &str = "north";
/// Seconds since 1970 at the start.
pub(crate) const UNIX: u64 = 1_700_000_000;

/// What left the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    ToClient(FiveTuple, Vec<u8>),
    ToPeer(RelayKey, SocketAddr, Vec<u8>),
    HandedOver(u16, SocketAddr, SocketAddr, Vec<u8>),
    Connect(ConnectionId, SocketAddr),
    Accepted(usize, ConnectionId),
    Refused(usize),
    Joined(FiveTuple, ConnectionId),
    Disconnected(ConnectionId),
    ClientHandedOver(u16, FiveTuple, Vec<u8>),
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) now: Instant,
    pub(crate) sent: Vec<Sent>,
    pub(crate) relays: HashMap<SocketAddr, RelayKey>,
    pub(crate) ended: usize,
    next_port: u16,
    /// What the next wish for a socket is answered with.
    pub(crate) refuse: Option<BindError>,
    pub(crate) ports: Vec<Port>,
}

pub(crate) fn config() -> Config {
    Config {
        worker: 1,
        workers: 4,
        realm: REALM.into(),
        users: HashMap::from([("ada".into(), "lovelace".into()), ("eve".into(), "drop".into())]),
        secrets: vec!["south".into(), SECRET.into()],
        nonce_secret: [7; 32],
        nonce_lifetime: Duration::from_secs(600),
        policy: Policy { own: vec!["5.6.7.8".parse().unwrap()], ..Policy::default() },
        families: [true, true],
        max_lifetime: Duration::from_secs(3_600),
        max_session: Duration::from_secs(7_200),
        max_permissions: 4,
        max_channels: 4,
        max_peer_connections: 2,
        max_bandwidth: 0,
        stranger_rate: 100,
        alternate_server: None,
        discovery: None,
    }
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "time must begin somewhere")]
    pub(crate) fn new(config: Config) -> World {
        let now = Instant::now();
        World {
            server: Server::new(config, now, UNIX),
            now,
            sent: Vec::new(),
            relays: HashMap::new(),
            ended: 0,
            next_port: 50_000,
            refuse: None,
            ports: Vec::new(),
        }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.handle(Input::Timeout);
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.server.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        let mut wanted = Vec::new();
        while let Some(output) = self.server.poll() {
            match output {
                Output::Send { to, contents } => {
                    self.sent.push(Sent::ToClient(to, self.server.bytes(&contents).to_vec()));
                }
                Output::Relay { by, to, contents, .. } => {
                    self.sent.push(Sent::ToPeer(by, to, self.server.bytes(&contents).to_vec()));
                }
                Output::HandOver { worker, from, to, contents } => {
                    let bytes = self.server.bytes(&contents).to_vec();
                    self.sent.push(Sent::HandedOver(worker, from, to, bytes));
                }
                Output::Connect { to, connection, .. } => {
                    self.sent.push(Sent::Connect(connection, to));
                }
                Output::Accept { socket, connection } => {
                    self.sent.push(Sent::Accepted(socket, connection));
                }
                Output::Refuse { socket } => self.sent.push(Sent::Refused(socket)),
                Output::Join { client, connection } => {
                    self.sent.push(Sent::Joined(client, connection));
                }
                Output::Disconnect { connection } => {
                    self.sent.push(Sent::Disconnected(connection));
                }
                Output::HandOverClient { worker, client, contents } => {
                    let bytes = self.server.bytes(&contents).to_vec();
                    self.sent.push(Sent::ClientHandedOver(worker, client, bytes));
                }
                Output::Bind { allocation, families, port, .. } => {
                    wanted.push((allocation, families));
                    self.ports.push(port);
                }
                Output::Release { relay } => self.relays.retain(|_, key| *key != relay),
                Output::Ended { .. } => self.ended += 1,
                Output::Announce { .. } => {}
            }
        }
        for (allocation, families) in wanted {
            if let Some(error) = self.refuse {
                self.handle(Input::BindFailed { allocation, error });
                continue;
            }
            self.next_port += 1;
            let port = self.next_port;
            let v4: SocketAddr = SocketAddr::from(([5, 6, 7, 8], port));
            let v6: SocketAddr = format!("[2606:4700::8]:{port}").parse().unwrap();
            let relays = [families[0].then_some(v4), families[1].then_some(v6)];
            for (relay, family) in relays.iter().zip([turn_core::Family::V4, turn_core::Family::V6])
            {
                if let Some(relay) = relay {
                    self.relays.insert(*relay, RelayKey { allocation, family });
                }
            }
            let reservation = matches!(self.ports.last(), Some(Port::Even { reserve: true }));
            let reservation = reservation.then_some([9; 8]);
            self.handle(Input::Bound { allocation, relays, reservation });
        }
    }

    /// The only answer to a message of this client.
    pub(crate) fn ask(&mut self, client: &Client, message: &[u8]) -> Answer {
        self.sent.clear();
        self.handle(Input::Message { from: client.tuple, contents: message });
        match self.sent.as_slice() {
            [Sent::ToClient(to, bytes)] if *to == client.tuple => Answer::read(bytes),
            other => panic!("one answer to the client expected, not {other:?}"),
        }
    }

    /// Like [`World::ask`], with a credential as clients get at it: by being refused first.
    pub(crate) fn request(
        &mut self,
        client: &mut Client,
        method: Method,
        attributes: &[(AttrType, Vec<u8>)],
    ) -> Answer {
        let answer = self.ask(client, &client.request(method, attributes));
        if !matches!(answer.code, Some(401 | 438)) {
            return answer;
        }
        client.nonce = answer.nonce.unwrap();
        self.ask(client, &client.request(method, attributes))
    }

    /// An allocation of IPv4, with its relayed address.
    pub(crate) fn allocate(&mut self, client: &mut Client) -> SocketAddr {
        let answer = self.request(client, stun::message::METHOD_ALLOCATE, &[udp()]);
        assert_eq!(answer.code, None);
        answer.relayed[0]
    }

    /// What was sent to peers since the last request.
    pub(crate) fn take_for_peers(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        let sent = std::mem::take(&mut self.sent).into_iter();
        sent.filter_map(|sent| match sent {
            Sent::ToPeer(_, to, bytes) => Some((to, bytes)),
            _ => None,
        })
        .collect()
    }

    pub(crate) fn dropped(&mut self, reason: turn_core::stats::DropReason) -> u64 {
        self.server.stats().dropped(reason)
    }
}

pub(crate) struct Client {
    pub(crate) tuple: FiveTuple,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) nonce: String,
    /// SHA-256 for the password and the integrity.
    pub(crate) is_modern: bool,
    pub(crate) algorithms: Vec<u8>,
    pub(crate) serial: std::cell::Cell<u8>,
}

impl Client {
    pub(crate) fn new(port: u16) -> Client {
        Client {
            tuple: FiveTuple {
                client: SocketAddr::from(([9, 9, 9, 9], port)),
                server: SocketAddr::from(([5, 6, 7, 8], 3_478)),
                transport: Transport::Udp,
            },
            username: "ada".into(),
            password: "lovelace".into(),
            nonce: String::new(),
            is_modern: false,
            algorithms: vec![0, 2, 0, 0],
            serial: std::cell::Cell::new(0),
        }
    }

    /// One that has come by TCP.
    pub(crate) fn by_tcp(port: u16) -> Client {
        let mut client = Client::new(port);
        client.tuple.transport = Transport::Tcp;
        client
    }

    pub(crate) fn request(&self, method: Method, attributes: &[(AttrType, Vec<u8>)]) -> Vec<u8> {
        self.serial.set(self.serial.get().wrapping_add(1));
        let mut message = Message::new();
        message.typ = MessageType::new(method, CLASS_REQUEST);
        message.transaction_id.0[0] = self.serial.get();
        message.write_header();
        for (kind, value) in attributes {
            message.add(*kind, value);
        }
        if self.nonce.is_empty() {
            return message.raw;
        }
        message.add(kind::ATTR_USERNAME, self.username.as_bytes());
        message.add(kind::ATTR_REALM, REALM.as_bytes());
        message.add(kind::ATTR_NONCE, self.nonce.as_bytes());
        let text = format!("{}:{REALM}:{}", self.username, self.password);
        let (kind, key) = if self.is_modern {
            message.add(kind::ATTR_PASSWORD_ALGORITHMS, &self.algorithms);
            message.add(kind::ATTR_PASSWORD_ALGORITHM, &[0, 2, 0, 0]);
            let key = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_ref());
            (kind::ATTR_MESSAGE_INTEGRITY_SHA256, key)
        } else {
            use md5::Digest as _;
            let key = md5::Md5::digest(text.as_bytes());
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
            (kind::ATTR_MESSAGE_INTEGRITY, key)
        };
        let size = if self.is_modern { 32 } else { 20 };
        let length = (message.raw.len() - 20 + 4 + size) as u16;
        message.raw[2..4].copy_from_slice(&length.to_be_bytes());
        let tag = hmac::sign(&key, &message.raw);
        message.add(kind, tag.as_ref());
        message.raw
    }
}

/// A response, as a client reads it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<u16>,
    pub(crate) nonce: Option<String>,
    pub(crate) relayed: Vec<SocketAddr>,
    pub(crate) mapped: Option<SocketAddr>,
    pub(crate) lifetime: Option<u32>,
    pub(crate) message: Message,
}

impl Answer {
    pub(crate) fn read(bytes: &[u8]) -> Answer {
        let mut message = Message::new();
        message.unmarshal_binary(bytes).unwrap();
        let mut code = ErrorCodeAttribute::default();
        let code = code.get_from(&message).is_ok().then_some(code.code.0);
        let class = if code.is_some() { CLASS_ERROR_RESPONSE } else { CLASS_SUCCESS_RESPONSE };
        assert!(message.typ.class == class);
        let address = |wanted: AttrType| {
            let mut address = XorMappedAddress::default();
            let found = address.get_from_as(&message, wanted).is_ok();
            found.then(|| SocketAddr::new(address.ip, address.port))
        };
        let mut relayed = Vec::new();
        for attribute in &message.attributes.0 {
            if attribute.typ == kind::ATTR_XOR_RELAYED_ADDRESS {
                let mut one = Message::new();
                one.transaction_id = message.transaction_id;
                one.write_header();
                one.add(attribute.typ, &attribute.value);
                let mut address = XorMappedAddress::default();
                address.get_from_as(&one, attribute.typ).unwrap();
                relayed.push(SocketAddr::new(address.ip, address.port));
            }
        }
        let lifetime = message.get(kind::ATTR_LIFETIME).ok();
        Answer {
            code,
            nonce: message.get(kind::ATTR_NONCE).ok().map(|n| String::from_utf8(n).unwrap()),
            relayed,
            mapped: address(kind::ATTR_XORMAPPED_ADDRESS),
            lifetime: lifetime.map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap())),
            message,
        }
    }
}

// ---- attributes ----

pub(crate) fn udp() -> (AttrType, Vec<u8>) {
    (kind::ATTR_REQUESTED_TRANSPORT, vec![17, 0, 0, 0])
}

pub(crate) fn tcp() -> (AttrType, Vec<u8>) {
    (kind::ATTR_REQUESTED_TRANSPORT, vec![6, 0, 0, 0])
}

pub(crate) fn lifetime(seconds: u32) -> (AttrType, Vec<u8>) {
    (kind::ATTR_LIFETIME, seconds.to_be_bytes().to_vec())
}

pub(crate) fn channel(number: u16) -> (AttrType, Vec<u8>) {
    let [high, low] = number.to_be_bytes();
    (kind::ATTR_CHANNEL_NUMBER, vec![high, low, 0, 0])
}

/// XOR-PEER-ADDRESS for a transaction id that is known: only IPv4 does not need it.
pub(crate) fn peer(address: &str) -> (AttrType, Vec<u8>) {
    let address: SocketAddr = address.parse().unwrap();
    let port = (address.port() ^ 0x2112).to_be_bytes();
    let std::net::IpAddr::V4(ip) = address.ip() else { panic!("IPv4 only") };
    let ip: Vec<u8> =
        ip.octets().iter().zip([0x21, 0x12, 0xA4, 0x42]).map(|(a, b)| a ^ b).collect();
    (kind::ATTR_XOR_PEER_ADDRESS, [&[0, 1][..], &port, &ip].concat())
}

/// XOR-PEER-ADDRESS of IPv6, for the request that this client writes next.
pub(crate) fn peer_v6(client: &Client, address: &str) -> (AttrType, Vec<u8>) {
    let address: SocketAddr = address.parse().unwrap();
    let mut message = Message::new();
    message.transaction_id.0[0] = client.serial.get().wrapping_add(1);
    message.write_header();
    let xored = XorMappedAddress { ip: address.ip(), port: address.port() };
    xored.add_to_as(&mut message, kind::ATTR_XOR_PEER_ADDRESS).unwrap();
    (kind::ATTR_XOR_PEER_ADDRESS, message.get(kind::ATTR_XOR_PEER_ADDRESS).unwrap())
}

/// A Send indication to an IPv4 peer.
pub(crate) fn send_indication(address: &str, data: &[u8]) -> Vec<u8> {
    let mut message = Message::new();
    message.typ = MessageType::new(stun::message::METHOD_SEND, stun::message::CLASS_INDICATION);
    message.write_header();
    let (kind, value) = peer(address);
    message.add(kind, &value);
    message.add(kind::ATTR_DATA, data);
    message.raw
}

/// Channel data.
pub(crate) fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16).to_be_bytes();
    [&number.to_be_bytes()[..], &length, data].concat()
}
