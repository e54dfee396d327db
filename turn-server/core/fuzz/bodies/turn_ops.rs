//! Whatever clients with credentials and peers do, in any order: nothing panics, nothing private is
//! reached, and nothing is left behind.
//!
//! The input is a list of steps of three bytes: what, whose, and with what.

use std::collections::HashSet;

use stun::attributes::{self as kind, AttrType};
use stun::message::{
    METHOD_ALLOCATE, METHOD_CHANNEL_BIND, METHOD_CONNECT, METHOD_CONNECTION_BIND,
    METHOD_CREATE_PERMISSION, METHOD_REFRESH, Method,
};
use turn_core::stats::Direction;
use turn_core::{ConnectionId, Input};

use crate::world::*;

/// Peers of every sort: three that are public, then private ones and the server's own.
const PEERS: [&str; 6] =
    ["1.2.3.4:9", "1.2.3.4:10", "8.8.8.8:53", "10.0.0.1:9", "5.6.7.8:22", "127.0.0.1:9"];
const PUBLIC: usize = 3;

/// Steps of one input.
const MOST_STEPS: usize = 128;

/// What the shell would know.
struct Scene {
    world: World,
    clients: Vec<Client>,
    /// Connections that the server has asked for or taken and not given up.
    connections: Vec<ConnectionId>,
    joined: HashSet<ConnectionId>,
}

pub(crate) fn run(data: &[u8]) {
    let mut clients: Vec<Client> = (0..4).map(Client::new).collect();
    clients.extend((4..8).map(Client::by_tcp));
    let (connections, joined) = (Vec::new(), HashSet::new());
    let mut scene = Scene { world: World::new(config()), clients, connections, joined };
    for step in data.chunks_exact(3).take(MOST_STEPS) {
        scene.step(step[0], usize::from(step[1]), usize::from(step[2]));
        scene.look();
    }
    scene.world.pass(4_000);
    scene.look();
    assert_eq!(scene.world.server.stats().allocations(), 0);
    assert!(scene.world.relays.is_empty());
    assert!(scene.connections.is_empty(), "{:?}", scene.connections);
    assert_eq!(scene.world.server.deadline(), None);
}

impl Scene {
    fn step(&mut self, what: u8, whose: usize, with: usize) {
        let client = whose % self.clients.len();
        let to = PEERS[with % PEERS.len()];
        let number = channel(0x3FFF + (with / 8 % 4) as u16);
        match what % 16 {
            0 => {
                let family = (kind::ATTR_REQUESTED_ADDRESS_FAMILY, vec![with as u8 % 4, 0, 0, 0]);
                let attributes =
                    if with.is_multiple_of(4) { vec![udp()] } else { vec![udp(), family] };
                self.request(client, METHOD_ALLOCATE, &attributes);
            }
            1 => self.request(
                client,
                METHOD_ALLOCATE,
                &[udp(), (AttrType(0x8000), vec![2, 0, 0, 0])],
            ),
            2 => self.request(client, METHOD_ALLOCATE, &[tcp()]),
            3 => {
                let seconds = [0, 700][with % 2];
                let family =
                    (kind::ATTR_REQUESTED_ADDRESS_FAMILY, vec![with as u8 / 2 % 4, 0, 0, 0]);
                let attributes = if with < 128 {
                    vec![lifetime(seconds)]
                } else {
                    vec![lifetime(seconds), family]
                };
                self.request(client, METHOD_REFRESH, &attributes);
            }
            4 => self.request(client, METHOD_CREATE_PERMISSION, &[peer(to)]),
            5 => self.request(client, METHOD_CHANNEL_BIND, &[number, peer(to)]),
            6 => self.say(client, &send_indication(to, &[7; 5])),
            7 => self.say(client, &channel_data(0x3FFF + (with / 8 % 4) as u16, &[7; 5])),
            8 => {
                let relays = self.relays();
                if let Some(&to_relay) = relays.get(whose % relays.len().max(1)) {
                    let from = to.parse().unwrap();
                    self.world.handle(Input::Peer { to: to_relay, from, contents: b"hello" });
                }
            }
            9 => self.world.handle(Input::Closed { from: self.clients[client].tuple }),
            10 => self.world.pass(with as u64 * 4),
            11 => self.request(client, METHOD_CONNECT, &[peer(to)]),
            12 => {
                let relays = self.relays();
                if let Some(&to_relay) = relays.get(whose % relays.len().max(1)) {
                    let (from, socket) = (to.parse().unwrap(), with);
                    self.world.handle(Input::Accepted { to: to_relay, from, socket });
                }
            }
            13 => {
                if let Some(&connection) = self.connection(with) {
                    self.world.handle(Input::Connected { connection });
                }
            }
            14 => {
                if let Some(&connection) = self.connection(with) {
                    if whose.is_multiple_of(2) {
                        let to = Direction::ToPeer;
                        self.world.handle(Input::Streamed { connection, to, bytes: with });
                    } else {
                        self.connections.retain(|other| *other != connection);
                        self.world.handle(Input::Disconnected { connection });
                    }
                }
            }
            _ => {
                // The names are a worker's number in ten bits, then a count from 1 on.
                let name = (1_u32 << 22 | (with as u32 % 16)).to_be_bytes().to_vec();
                self.request(client, METHOD_CONNECTION_BIND, &[(kind::ATTR_CONNECTION_ID, name)]);
            }
        }
    }

    /// A request with a credential, whatever comes of it.
    fn request(&mut self, client: usize, method: Method, attributes: &[(AttrType, Vec<u8>)]) {
        for _ in 0..2 {
            let client = &mut self.clients[client];
            let before = self.world.sent.len();
            let contents = client.request(method, attributes);
            self.world.handle(Input::Message { from: client.tuple, contents: &contents });
            let challenge = self.world.sent[before..].iter().find_map(|sent| match sent {
                Sent::ToClient(to, bytes) if *to == client.tuple => {
                    // Of indications and data there is nothing to read here.
                    (bytes[0] == 1).then(|| Answer::read(bytes)).and_then(|answer| answer.nonce)
                }
                _ => None,
            });
            match challenge {
                Some(nonce) => client.nonce = nonce,
                None => return,
            }
        }
    }

    fn say(&mut self, client: usize, contents: &[u8]) {
        let from = self.clients[client].tuple;
        self.world.handle(Input::Message { from, contents });
    }

    fn relays(&self) -> Vec<turn_core::RelayKey> {
        let mut relays: Vec<_> = self.world.relays.iter().collect();
        relays.sort_by_key(|(address, _)| **address);
        relays.into_iter().map(|(_, key)| *key).collect()
    }

    fn connection(&self, with: usize) -> Option<&ConnectionId> {
        self.connections.get(with % self.connections.len().max(1))
    }

    /// What the last step led to.
    fn look(&mut self) {
        let public = |address: &std::net::SocketAddr| {
            PEERS[..PUBLIC].contains(&address.to_string().as_str())
        };
        for sent in std::mem::take(&mut self.world.sent) {
            match sent {
                Sent::ToPeer(_, to, _) => assert!(public(&to), "{to}"),
                Sent::Connect(id, to) => {
                    assert!(public(&to), "{to}");
                    self.connections.push(id);
                }
                Sent::Accepted(_, id) => self.connections.push(id),
                Sent::Joined(_, id) => assert!(self.joined.insert(id), "joined twice"),
                Sent::Disconnected(id) => {
                    assert!(self.connections.contains(&id), "{id:?} is not there");
                    self.connections.retain(|other| *other != id);
                }
                _ => {}
            }
        }
        let relays = self.world.relays.len() as u64;
        let allocations = self.world.server.stats().allocations();
        assert!((allocations..=2 * allocations).contains(&relays), "{relays} of {allocations}");
    }
}
